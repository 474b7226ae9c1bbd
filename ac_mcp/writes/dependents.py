"""What hangs on a thing by now: who deletes it takes that along, so an undo does not."""

from collections.abc import Awaitable, Callable, Mapping

from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.messages import Json, as_int, as_object, as_objects

Read = Callable[..., Awaitable[Json]]
Counts = Mapping[str, int | None]
"""How many of each; None where an answer does not tell."""
COUNTED: Mapping[str, tuple[str, str, str, str]] = {
    "tags": ("/contacts", "tagid", "contacts", "contacts"),
    "lists": ("/contacts", "listid", "contacts", "contacts"),
    "fields": ("/fieldValues", "filters[fieldid]", "fieldValues", "values"),
    "dealStages": ("/deals", "filters[stage]", "deals", "deals"),
    "dealGroups": ("/deals", "filters[group]", "deals", "deals"),
    "dealTasktypes": ("/dealTasks", "filters[d_tasktypeid]", "dealTasks", "tasks"),
}
"""Where what hangs on it is listed, by which parameter, under which key, and our word for it."""
OWN_STAGES = 3
"""Stages a new pipeline comes with (reference 5.2)."""
OF_CONTACT = {
    "contactLists": "lists", "deals": "deals", "accountContacts": "companies", "contactAutomations": "automations",
}  # fmt: skip
SINGLE = {
    "contacts": "contact", "values": "value", "deals": "deal", "tags": "tag", "lists": "list", "companies": "company",
    "notes": "note", "tasks": "task", "automations": "automation", "further stages": "further stage",
}  # fmt: skip
LATER: Mapping[str, tuple[str, ...]] = {"contacts": ("firstName", "lastName", "phone"), "tags": ("description",)}
"""Attributes that are empty unless somebody has given them."""
PAGE, PAGES = 100, 10


async def describe_dependents(read: Read, plural: str, path: str, body: Json) -> list[str] | None:
    """What hangs on the thing at `path`, in words; None where that cannot be told. `body` is what reading it gave."""
    id = path.rpartition("/")[2]
    match plural:
        case "dealGroups":
            stages = await read("/dealStages", **{"filters[d_groupid]": id, "limit": "1"})
            more = total_of(stages, "dealStages")
            own = {"further stages": None if more is None else max(0, more - OWN_STAGES)}
            return in_words({**await count_listed(read, plural, id), **own})
        case _ if plural in COUNTED:
            return in_words(await count_listed(read, plural, id))
        case "dealCustomFieldMeta" | "accountCustomFieldMeta":
            return in_words({"values": await count_values(read, plural.replace("Meta", "Data"), id)})
        case "contacts":
            tags, notes = [await read(f"{path}/{word}") for word in ("contactTags", "notes")]
            held = {word: total_of(body, key) for key, word in OF_CONTACT.items()}
            return in_words({"tags": total_of(tags, "contactTags"), **held, "notes": total_of(notes, "notes")})
        case "deals":
            task = str(as_object(body.get("deal")).get("nexttaskid") or "0") != "0"
            return in_words({"notes": await count_notes(read, path), "tasks": int(task)})
        case "accounts":
            return in_words(await count_of_account(read, id, str(as_object(body.get("account")).get("name") or "")))
        case _:
            return []


async def count_listed(read: Read, plural: str, id: str) -> Counts:
    where, parameter, key, word = COUNTED[plural]
    every = {"status": "-1"} if where == "/contacts" else {}
    return {word: total_of(await read(where, **{parameter: id, "limit": "1", **every}), key)}


async def count_of_account(read: Read, id: str, name: str) -> Counts:
    """Its counts stand in the list only, and only where they are asked for (reference 8)."""
    for page in range(PAGES):
        query = {"search": name, "count_deals": "true", "limit": str(PAGE), "offset": str(page * PAGE)}
        rows = as_objects((await read("/accounts", **query)).get("accounts"))
        if mine := next((row for row in rows if str(row.get("id")) == id), None):
            return {"contacts": as_int(mine.get("contactCount")), "deals": as_int(mine.get("dealCount"))}
        if len(rows) < PAGE:
            break
    return {"contacts": None}


async def count_values(read: Read, plural: str, field: str) -> int | None:
    """The values cannot be asked for by field (reference 5.5): those of all fields are looked through."""
    found = 0
    for page in range(PAGES):
        body = await read(f"/{plural}", limit=str(PAGE), offset=str(page * PAGE))
        if not isinstance(body.get(plural), list):
            return None
        rows = as_objects(body[plural])
        found += sum(str(row.get("customFieldId")) == field for row in rows)
        if len(rows) < PAGE:
            return found
    return None


def total_of(body: Json, key: str) -> int | None:
    """How many rows there are, by the list or by what it says of all pages."""
    if not isinstance(body.get(key), list):
        return None
    return max(as_int(as_object(body.get("meta")).get("total")), len(as_objects(body.get(key))))


def in_words(numbers: Counts) -> list[str] | None:
    if None in numbers.values():
        return None
    return [f"{number} {SINGLE[word] if number == 1 else word}" for word, number in numbers.items() if number]


async def count_notes(read: Read, path: str) -> int | None:
    """The notes of a deal are not always to be had (reference 5.1)."""
    try:
        return total_of(await read(f"{path}/notes"), "notes")
    except (NotFound, Forbidden):
        return 0
