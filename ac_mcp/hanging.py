"""What hangs on a thing by now: who deletes it takes that along, so an undo does not."""

from collections.abc import Awaitable, Callable, Mapping

from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.request import Json, record, records, whole

Read = Callable[..., Awaitable[Json]]
COUNTED: Mapping[str, tuple[str, str, str, str]] = {
    "tags": ("/contacts", "tagid", "contacts", "contacts"),
    "lists": ("/contacts", "listid", "contacts", "contacts"),
    "fields": ("/fieldValues", "filters[fieldid]", "fieldValues", "values"),
    "dealStages": ("/deals", "filters[stage]", "deals", "deals"),
    "dealGroups": ("/deals", "filters[group]", "deals", "deals"),
}
"""Where what hangs on it is listed, by which parameter, under which key, and our word for it."""
OF_CONTACT = {"contactLists": "lists", "deals": "deals", "accountContacts": "companies"}
LATER: Mapping[str, tuple[str, ...]] = {"contacts": ("firstName", "lastName", "phone"), "tags": ("description",)}
"""Attributes that are empty unless somebody has given them."""


async def hanging(read: Read, plural: str, path: str, body: Json) -> list[str]:
    """What hangs on the thing at `path`, in words; `body` is what reading it gave."""
    id = path.rpartition("/")[2]
    match plural:
        case _ if plural in COUNTED:
            listed, parameter, key, word = COUNTED[plural]
            every = {"status": "-1"} if listed == "/contacts" else {}
            found = await read(listed, **{parameter: id, "limit": "1", **every})
            return counted({word: max(whole(record(found.get("meta")).get("total")), len(records(found.get(key))))})
        case "contacts":
            tags, notes = [await read(f"{path}/{word}") for word in ("contactTags", "notes")]
            held = {word: len(records(body.get(key))) for key, word in OF_CONTACT.items()}
            return counted(
                {"tags": len(records(tags.get("contactTags"))), **held, "notes": len(records(notes.get("notes")))}
            )
        case "deals":
            task = str(record(body.get("deal")).get("nexttaskid") or "0") != "0"
            return counted({"notes": await notes_of(read, path), "tasks": int(task)})
        case "accounts":
            name = str(record(body.get("account")).get("name") or "")
            rows = records((await read("/accounts", search=name, count_deals="true")).get("accounts"))
            mine = record(next((row for row in rows if str(row.get("id")) == id), None))
            return counted({"contacts": whole(mine.get("contactCount")), "deals": whole(mine.get("dealCount"))})
        case _:
            return []


def counted(numbers: Mapping[str, int]) -> list[str]:
    return [f"{number} {word}" for word, number in numbers.items() if number]


async def notes_of(read: Read, path: str) -> int:
    """The notes of a deal are not always to be had (reference 5.1)."""
    try:
        return len(records((await read(f"{path}/notes")).get("notes")))
    except (NotFound, Forbidden):
        return 0
