"""Notes on contacts, deals and accounts."""

from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object
from ac_mcp.spec.annotations import About, Wire
from ac_mcp.spec.columns import TEXT, Date, Prose, Reference
from ac_mcp.spec.operation import Call, all_pages, with_own_words
from ac_mcp.spec.options import Answer, Effects, Offered, Understood
from ac_mcp.spec.paging import PAGE
from ac_mcp.spec.parameters import AccountRef, ContactRef, DealRef, FilledText, Further, Id, Limit
from ac_mcp.spec.resource import Resource

OWNER_TYPES = {"contact": "Subscriber", "deal": "Deal", "account": "CustomerAccount"}
"""What a note can be on, and the API's `reltype` for it."""
MAX_NOTES = 1000
"""Notes that are read to find the ones on one deal or account."""

notes = Resource(
    "note",
    "notes",
    (
        Prose("text", "note"),
        Reference("contact", kind="contacts"),
        Reference("deal", kind="deals"),
        Reference("account", kind="accounts"),
        Reference("author", "userid", kind="users"),
        Date("created", "cdate"),
    ),
    lost_for_good="its id, who wrote it and when",
)


def newest_first(rows: list[Json]) -> list[Json]:
    """Return notes sorted by date and id, the newest first."""
    return sorted(
        rows, key=lambda note: (str(note.get("cdate")), len(str(note.get("id"))), str(note.get("id"))), reverse=True
    )


def with_owner(note: Json) -> Json:
    """Return a note with the id of its owner under `contact`, `deal` or `account`, beside reltype and relid."""
    return note | {word: note.get("relid") for word, reltype in OWNER_TYPES.items() if reltype == note.get("reltype")}


@notes.get("/contacts/{contact}/notes", offered=Offered(as_tool=False))
async def list_contact_notes(call: Call, contact: ContactRef) -> Json:
    """The notes on one contact."""
    return await call()


@notes.get("/notes", offered=Offered(as_tool=False))
async def list_all_notes(call: Call, limit: Limit, offset: Further) -> Json:
    """One page of all notes; the API cannot filter them (reference 10)."""
    return await call()


@notes.get("/notes", title="List notes (comments)")
async def list_notes(
    call: Call,
    contact: ContactRef | None = None,
    deal: DealRef | None = None,
    account: AccountRef | None = None,
    limit: Limit = 20,
    offset: Further = 0,
) -> Json:
    """Read notes (comments): the latest, or those on a contact, deal or company. Returns one page."""
    word, id = find_owner(call) or ("", "")
    if not word:
        return await fetch_latest(call, limit, offset)
    if word == "contact":
        found, read, total = (await list_contact_notes(call, id))["notes"], 0, 0
    else:
        found, read, total = await fetch_notes_on(call, OWNER_TYPES[word], id)
    rows = [with_owner(note) for note in newest_first(found)[offset : offset + limit]]
    payload: Json = {"notes": rows, "meta": {"total": len(found)}}
    if read < total:
        return with_own_words(payload, note=f"Only the first {read} of {total} notes were looked through.")
    return payload


async def fetch_latest(call: Call, limit: int, offset: int) -> Json:
    """Fetch a page of all notes, the newest first.

    The API returns the oldest first and cannot sort notes (reference 10), so the page is read from the end.
    """
    page = await list_all_notes(call, limit, 0)
    total = as_int(as_object(page.get("meta")).get("total")) or len(page["notes"])
    first = max(0, total - offset - limit)
    size = min(limit, max(0, total - offset))
    if size and (first, size) != (0, len(page["notes"])):
        page = await list_all_notes(call, size, first)
    rows = newest_first(page["notes"]) if size else []
    return page | {"notes": [with_owner(note) for note in rows], "meta": {"total": total}}


async def fetch_notes_on(call: Call, reltype: str, id: str) -> tuple[list[Json], int, int]:
    """Fetch the notes on one owner; return them, the number of notes that were read, and the number of all notes."""
    payload = await all_pages(call, lambda offset: list_all_notes(call, PAGE, offset), MAX_NOTES)
    total = as_int(as_object(payload.get("meta")).get("total"))
    found = [note for note in payload["notes"] if (note.get("reltype"), str(note.get("relid"))) == (reltype, id)]
    return found, min(total, MAX_NOTES), total


def find_owner(call: Call) -> tuple[str, str] | None:
    """Return the parameter and id of the owner that the call's arguments name: `("deal", "7")`, or None.

    Raises:
        BadArguments: if the arguments name more than one.
    """
    owners = [(word, str(call.arguments[word])) for word in OWNER_TYPES if call.arguments.get(word)]
    if len(owners) > 1:
        words = " and ".join(word for word, _ in owners)
        raise BadArguments(
            f"A note is on one thing, not on {words}: make one call for each.",
            {**call.present_arguments, **{word: None for word, _ in owners[1:]}},
        )
    return owners[0] if owners else None


def to_owner_argument(arguments: Json) -> Json | None:
    """Return the API's pair of `reltype` and `relid` as one argument: `{"deal": "7"}`; None if one is missing."""
    values = {key.replace("_", ""): str(value) for key, value in arguments.items()}
    reltype = values.get("reltype", "").casefold()
    word = next((word for word, name in OWNER_TYPES.items() if reltype in (word, name.casefold())), None)
    return {word: values["relid"]} if word and "relid" in values else None


def drop_owner_type(arguments: Json) -> Json | None:
    """Return {} in place of `reltype` where another argument names the owner, or None where none does."""
    return {} if any(arguments.get(word) for word in OWNER_TYPES) or to_owner_argument(arguments) else None


OWNER_ARGUMENTS = {
    "rel_id": to_owner_argument,
    "relid": to_owner_argument,
    "rel_type": drop_owner_type,
    "reltype": drop_owner_type,
}


@notes.post(
    "/notes",
    title="Write a note (comment)",
    understood=Understood(instead=OWNER_ARGUMENTS),
    effects=Effects(reports=("subscriber_note", "deal_note_add")),
)
async def create_note(
    call: Call,
    text: Annotated[FilledText, Wire("note"), About("The note", "Prefers calls before noon.", show_example=False)],
    contact: ContactRef | None = None,
    deal: DealRef | None = None,
    account: AccountRef | None = None,
) -> Json:
    """Create a note: leave or attach a comment to a contact, deal or company. Returns its id; only users see it."""
    owner = find_owner(call)
    if not owner:
        raise BadArguments(
            "One of contact, deal or account is required.",
            {**call.present_arguments, "contact": "jane@acme.com"},
            example=True,
        )
    word, id = owner
    payload = await call(contact=None, deal=None, account=None, relid=id, reltype=OWNER_TYPES[word])
    return payload | {"note": with_owner(payload["note"])}


NoteId = Annotated[Id, About("Id, from list_notes", "7", show_example=False)]


@notes.get("/notes/{note}", title="Show a note (comment)", offered=Offered(on_request=True))
async def get_note(call: Call, note: NoteId) -> Json:
    """Show one note (comment) by its id. Returns its whole text, author, and what it is on."""
    payload = await call()
    return payload | {"note": with_owner(payload["note"])}


@notes.put("/notes/{note}", title="Edit a note (comment)", offered=Offered(on_request=True))
async def update_note(
    call: Call,
    note: NoteId,
    text: Annotated[
        FilledText, Wire("note"), About("The new text, instead of the old one", "Call after noon.", show_example=False)
    ],
) -> Json:
    """Edit a note (comment): replace its text. Returns it."""
    payload = await call()
    return payload | {"note": with_owner(payload["note"])}


@notes.delete(
    "/notes/{note}",
    title="Delete a note (comment)",
    answer=Answer(says={"note_id": TEXT}),
    offered=Offered(on_request=True),
)
async def delete_note(call: Call, note: NoteId) -> Json:
    """Delete or remove a note (comment) by its id. Returns if it was there; undone only in part."""
    return with_own_words(await call(), note_id=note)
