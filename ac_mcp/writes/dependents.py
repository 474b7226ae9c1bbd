"""The dependents of a record: whoever deletes it deletes them too, so an undo does not."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
SINGLE = {
    "contacts": "contact", "values": "value", "deals": "deal", "tags": "tag", "lists": "list", "companies": "company",
    "notes": "note", "tasks": "task", "automations": "automation", "further stages": "further stage",
    "further deals": "further deal", "further contacts": "further contact", "further choices": "further choice",
}  # fmt: skip
LATER: Mapping[str, tuple[str, ...]] = {
    "contacts": ("firstName", "lastName", "phone"), "tags": ("description",), "deals": ("description",),
    "accounts": ("accountUrl",),
}  # fmt: skip
"""Attributes that are empty unless a user fills them in."""
MAX_ROWS = 1000
"""Rows that are read to count dependents; with more of them the number is unknown."""


@dataclass(frozen=True, slots=True)
class Dependents:
    """What hangs on a record in words, such as "2 notes", and the kinds that no route could be asked for."""

    found: list[str]
    unseen: list[str]


@dataclass(frozen=True, slots=True)
class Route:
    """A list that shows the dependents of a record. `shows` are the attributes that their rows have."""

    path: str
    key: str
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    shows: Mapping[str, str] = field(default_factory=dict[str, str])
    whole: bool = False
    """Whether the list holds those of all records, so that it is read to its end."""


def notes_of(reltype: str, below: str) -> tuple[Route, ...]:
    """Return the routes to the notes of a record; "" for `below` where none is documented below it."""
    everything = Route("/notes", "notes", shows={"reltype": reltype, "relid": "{id}"}, whole=True)
    return (Route(f"/{below}/{{id}}/notes", "notes"), everything) if below else (everything,)


def tasks_of(reltype: str) -> tuple[Route, ...]:
    """Return the route to the tasks of a record."""
    query = {"filters[reltype]": reltype, "filters[relid]": "{id}"}
    return (Route("/dealTasks", "dealTasks", query, {"reltype": reltype, "relid": "{id}"}, whole=True),)


ROUTES: Mapping[str, Mapping[str, tuple[Route, ...]]] = {
    "contacts": {
        "tags": (Route("/contacts/{id}/contactTags", "contactTags"),),
        "lists": (Route("/contacts/{id}/contactLists", "contactLists"),),
        "deals": (Route("/deals", "deals", {"filters[contact]": "{id}"}, {"contact": "{id}"}, whole=True),),
        "further deals": (
            Route("/contacts/{id}/contactDeals", "contactDeals"),
            Route("/contactDeals", "contactDeals", shows={"contact": "{id}"}, whole=True),
        ),
        "companies": (Route("/contacts/{id}/accountContacts", "accountContacts"),),
        "automations": (Route("/contacts/{id}/contactAutomations", "contactAutomations"),),
        "notes": notes_of("Subscriber", "contacts"),
        "tasks": tasks_of("Subscriber"),
    },
    "deals": {
        "notes": notes_of("Deal", "deals"),
        "tasks": tasks_of("Deal"),
        "further contacts": (
            Route("/deals/{id}/contactDeals", "contactDeals"),
            Route("/contactDeals", "contactDeals", shows={"deal": "{id}"}, whole=True),
        ),
    },
    "accounts": {"notes": notes_of("CustomerAccount", "")},
}
"""By kind and word: the routes that are asked in turn. One that answers 404 or 403 for a record that exists is none."""


async def find_dependents(read: Read, plural: str, path: str, body: Json, *, made_here: int = 0) -> Dependents:
    """Return the dependents of the record at `path`, a record that exists; `body` is the answer of reading it.

    `made_here` is the number of choices that the change which made a field has given it.
    """
    id = path.rpartition("/")[2]
    numbers: dict[str, int | None] = {}
    if plural == "dealGroups":
        stages = await read_if_served(read, "/dealStages", **{"filters[d_groupid]": id, "limit": "1"})
        count = total_of(stages, "dealStages")
        numbers["further stages"] = None if count is None else max(0, count - OWN_STAGES)
    if plural in COUNTED:
        numbers |= await count_listed(read, plural, id)
    if plural in ("dealCustomFieldMeta", "accountCustomFieldMeta"):
        numbers["values"] = await count_values(read, plural.replace("Meta", "Data"), id)
    if plural == "accounts":
        numbers |= await count_of_account(read, id, str(as_object(body.get("account")).get("name") or ""))
    if plural == "fields":
        numbers["further choices"] = max(0, len(as_objects(body.get("fieldOptions"))) - made_here)
    for word, routes in ROUTES.get(plural, {}).items():
        numbers[word] = await count_by_routes(read, routes, id)
    found = [
        f"{number} {SINGLE.get(word, word) if number == 1 else word}" for word, number in numbers.items() if number
    ]
    return Dependents(found, [word for word, number in numbers.items() if number is None])


async def count_by_routes(read: Read, routes: Sequence[Route], id: str) -> int | None:
    """Count dependents by the first route that the account serves; None if it serves none."""
    for route in routes:
        count = await count_by_route(read, route, id)
        if count is not None:
            return count
    return None


async def count_by_route(read: Read, route: Route, id: str) -> int | None:
    """Count the rows of one route that belong to a record; None if it is not served, or too long to read."""
    path = route.path.replace("{id}", id)
    query = {key: value.replace("{id}", id) for key, value in route.query.items()}
    shows = {key: value.replace("{id}", id) for key, value in route.shows.items()}
    if not route.whole:
        body = await read_if_served(read, path)
        return len(as_objects(body[route.key])) if isinstance(body.get(route.key), list) else None
    count, seen, is_served = 0, 0, True

    async def fetch(offset: int) -> Page:
        nonlocal is_served
        body = await read_if_served(read, path, **query, **paging_query(offset))
        is_served = is_served and isinstance(body.get(route.key), list)
        return Page.of(body, route.key)

    async for page in pages(fetch, MAX_ROWS):
        count += sum(matches(row, **shows) for row in page.rows)
        seen += len(page.rows)
    return count if count or (is_served and seen < MAX_ROWS) else None


async def read_if_served(read: Read, path: str, **query: str) -> Json:
    """Return the body at a path; {} if the account does not serve it."""
    try:
        return await read(path, **query)
    except (NotFound, Forbidden):
        return {}


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
