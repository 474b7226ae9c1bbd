"""The dependents of a record: whoever deletes it deletes them too, so an undo does not."""

from collections.abc import Awaitable, Callable, Mapping

from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.spec.paging import Page, matches, pages, paging_query

Read = Callable[..., Awaitable[Json]]
Counts = Mapping[str, int | None]
"""The number of dependents by word, such as `{"notes": 2}`; None where the API does not tell."""
COUNTED: Mapping[str, tuple[str, str, str, str]] = {
    "tags": ("/contacts", "tagid", "contacts", "contacts"),
    "lists": ("/contacts", "listid", "contacts", "contacts"),
    "fields": ("/fieldValues", "filters[fieldid]", "fieldValues", "values"),
    "dealStages": ("/deals", "filters[stage]", "deals", "deals"),
    "dealGroups": ("/deals", "filters[group]", "deals", "deals"),
    "dealTasktypes": ("/dealTasks", "filters[d_tasktypeid]", "dealTasks", "tasks"),
}
"""By kind: the path that lists its dependents, the query parameter, the key in the body, and our word for them."""
OWN_STAGES = 3
"""Stages that a new pipeline has from the start (reference 5.2)."""
OF_CONTACT = {
    "contactLists": "lists", "deals": "deals", "accountContacts": "companies", "contactAutomations": "automations",
}  # fmt: skip
SINGLE = {
    "contacts": "contact", "values": "value", "deals": "deal", "tags": "tag", "lists": "list", "companies": "company",
    "notes": "note", "tasks": "task", "automations": "automation", "further stages": "further stage",
}  # fmt: skip
LATER: Mapping[str, tuple[str, ...]] = {"contacts": ("firstName", "lastName", "phone"), "tags": ("description",)}
"""Attributes that are empty unless a user fills them in."""
MAX_ROWS = 1000
"""Rows that are read to count dependents; with more of them the number is unknown."""


async def describe_dependents(read: Read, plural: str, path: str, body: Json) -> list[str] | None:
    """Return the dependents of the record at `path` in words, such as ["2 notes"]; None if they cannot be counted.

    `body` is the answer of reading the record.
    """
    id = path.rpartition("/")[2]
    match plural:
        case "dealGroups":
            stages = await read("/dealStages", **{"filters[d_groupid]": id, "limit": "1"})
            stages_count = total_of(stages, "dealStages")
            own = {"further stages": None if stages_count is None else max(0, stages_count - OWN_STAGES)}
            return in_words({**await count_listed(read, plural, id), **own})
        case _ if plural in COUNTED:
            return in_words(await count_listed(read, plural, id))
        case "dealCustomFieldMeta" | "accountCustomFieldMeta":
            return in_words({"values": await count_values(read, plural.replace("Meta", "Data"), id)})
        case "contacts":
            tags, notes = [await read(f"{path}/{word}") for word in ("contactTags", "notes")]
            counts = {word: total_of(body, key) for key, word in OF_CONTACT.items()}
            return in_words({"tags": total_of(tags, "contactTags"), **counts, "notes": total_of(notes, "notes")})
        case "deals":
            task = str(as_object(body.get("deal")).get("nexttaskid") or "0") != "0"
            return in_words({"notes": await count_notes(read, path), "tasks": int(task)})
        case "accounts":
            return in_words(await count_of_account(read, id, str(as_object(body.get("account")).get("name") or "")))
        case _:
            return []


async def count_listed(read: Read, plural: str, id: str) -> Counts:
    """Count the dependents of a record in the list that COUNTED names."""
    where, parameter, key, word = COUNTED[plural]
    every = {"status": "-1"} if where == "/contacts" else {}
    return {word: total_of(await read(where, **{parameter: id, "limit": "1", **every}), key)}


async def count_of_account(read: Read, id: str, name: str) -> Counts:
    """Count the contacts and deals of an account. Only a list has these counts, and only on request (reference 8)."""

    async def fetch(offset: int) -> Page:
        body = await read("/accounts", search=name, count_deals="true", **paging_query(offset))
        return Page.of(body, "accounts")

    async for page in pages(fetch, MAX_ROWS):
        if row := next((row for row in page.rows if matches(row, id=id)), None):
            return {"contacts": as_int(row.get("contactCount")), "deals": as_int(row.get("dealCount"))}
    return {"contacts": None}


async def count_values(read: Read, plural: str, field: str) -> int | None:
    """Count the values of a custom field. The API cannot filter them by field (reference 5.5), so all are read."""
    count, seen, is_list = 0, 0, True

    async def fetch(offset: int) -> Page:
        nonlocal is_list
        body = await read(f"/{plural}", **paging_query(offset))
        is_list = is_list and isinstance(body.get(plural), list)
        return Page.of(body, plural)

    async for page in pages(fetch, MAX_ROWS):
        count += sum(matches(row, customFieldId=field) for row in page.rows)
        seen += len(page.rows)
    return count if is_list and seen < MAX_ROWS else None


def total_of(body: Json, key: str) -> int | None:
    """Return how many rows a list has in all; None if the body holds no such list."""
    if not isinstance(body.get(key), list):
        return None
    return max(as_int(as_object(body.get("meta")).get("total")), len(as_objects(body.get(key))))


def in_words(numbers: Counts) -> list[str] | None:
    """Return counts as words, such as ["1 note", "2 deals"]; None if one of them is unknown."""
    if None in numbers.values():
        return None
    return [f"{number} {SINGLE[word] if number == 1 else word}" for word, number in numbers.items() if number]


async def count_notes(read: Read, path: str) -> int | None:
    """Count the notes of a deal. Some accounts do not serve them (reference 5.1)."""
    try:
        return total_of(await read(f"{path}/notes"), "notes")
    except (NotFound, Forbidden):
        return 0
