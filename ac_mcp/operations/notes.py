"""Notes on contacts, deals and accounts."""

from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object
from ac_mcp.spec.annotations import About, Wire
from ac_mcp.spec.columns import TEXT, Date, Prose, Reference
from ac_mcp.spec.operation import PAGE, Call, all_pages, with_own_words
from ac_mcp.spec.parameters import AccountRef, ContactRef, DealRef, Further, Id, Limit, Name
from ac_mcp.spec.resource import Resource

KINDS = {"contact": "Subscriber", "deal": "Deal", "account": "CustomerAccount"}
MOST = 1000
"""How many notes are looked through."""

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
    lost="its id, who wrote it and when",
)


def newest_first(found: list[Json]) -> list[Json]:
    return sorted(
        found, key=lambda note: (str(note.get("cdate")), len(str(note.get("id"))), str(note.get("id"))), reverse=True
    )


def with_owner(note: Json) -> Json:
    """What the note is on, under its own name instead of reltype and relid."""
    return note | {word: note.get("relid") for word, kind in KINDS.items() if kind == note.get("reltype")}


@notes.get("/contacts/{contact}/notes", tool=False)
async def list_contact_notes(call: Call, contact: ContactRef) -> Json:
    """The notes on one contact."""
    return await call()


@notes.get("/notes", tool=False)
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
    word, id = owner(call) or ("", "")
    if not word:
        return await latest(call, limit, offset)
    if word == "contact":
        found, looked, total = (await list_contact_notes(call, id))["notes"], 0, 0
    else:
        found, looked, total = await sought(call, KINDS[word], id)
    rows = [with_owner(note) for note in newest_first(found)[offset : offset + limit]]
    payload: Json = {"notes": rows, "meta": {"total": len(found)}}
    return (
        with_own_words(payload, note=f"Only the first {looked} of {total} notes were looked through.")
        if looked < total
        else payload
    )


async def latest(call: Call, limit: int, offset: int) -> Json:
    """Newest first: the API gives the oldest first and cannot sort notes (reference 10), so the last page is read."""
    page = await list_all_notes(call, limit, 0)
    total = as_int(as_object(page.get("meta")).get("total")) or len(page["notes"])
    first = max(0, total - offset - limit)
    wanted = min(limit, max(0, total - offset))
    if wanted and (first, wanted) != (0, len(page["notes"])):
        page = await list_all_notes(call, wanted, first)
    rows = newest_first(page["notes"]) if wanted else []
    return page | {"notes": [with_owner(note) for note in rows], "meta": {"total": total}}


async def sought(call: Call, reltype: str, id: str) -> tuple[list[Json], int, int]:
    """The notes on one thing, how many were looked through, and how many there are."""
    payload = await all_pages(call, lambda offset: list_all_notes(call, PAGE, offset), MOST)
    total = as_int(as_object(payload.get("meta")).get("total"))
    mine = [note for note in payload["notes"] if (note.get("reltype"), str(note.get("relid"))) == (reltype, id)]
    return mine, min(total, MOST), total


def owner(call: Call) -> tuple[str, str] | None:
    """The one thing the call names, as word and id."""
    named = [(word, str(call.arguments[word])) for word in KINDS if call.arguments.get(word)]
    if len(named) > 1:
        words = " and ".join(word for word, _ in named)
        raise BadArguments(
            f"A note is on one thing, not on {words}: make one call for each.",
            {**call.present_arguments, **{w: None for w, _ in named[1:]}},
        )
    return named[0] if named else None


def by_rel(given: Json) -> Json | None:
    """What the API says with two arguments: the id of a thing and the kind it is of."""
    said = {key.replace("_", ""): str(value) for key, value in given.items()}
    kind = said.get("reltype", "").casefold()
    word = next((word for word, name in KINDS.items() if kind in (word, name.casefold())), None)
    return {word: said["relid"]} if word and "relid" in said else None


def with_it(given: Json) -> Json | None:
    """The kind goes without saying once its id stands under our own name."""
    return {} if any(given.get(word) for word in KINDS) or by_rel(given) else None


REL = {"rel_id": by_rel, "relid": by_rel, "rel_type": with_it, "reltype": with_it}


@notes.post("/notes", title="Write a note (comment)", understands=REL, reports=("subscriber_note", "deal_note_add"))
async def create_note(
    call: Call,
    text: Annotated[Name, Wire("note"), About("The note", "Prefers calls before noon.", show_example=False)],
    contact: ContactRef | None = None,
    deal: DealRef | None = None,
    account: AccountRef | None = None,
) -> Json:
    """Create a note: leave or attach a comment to a contact, deal or company. Returns its id; only users see it."""
    named = owner(call)
    if not named:
        raise BadArguments(
            "One of contact, deal or account is required.",
            {**call.present_arguments, "contact": "jane@acme.com"},
            example=True,
        )
    word, id = named
    payload = await call(contact=None, deal=None, account=None, relid=id, reltype=KINDS[word])
    return payload | {"note": with_owner(payload["note"])}


NoteId = Annotated[Id, About("Id, from list_notes", "7", show_example=False)]


@notes.get("/notes/{note}", title="Show a note (comment)", extra=True)
async def get_note(call: Call, note: NoteId) -> Json:
    """Show one note (comment) by its id. Returns its whole text, author, and what it is on."""
    payload = await call()
    return payload | {"note": with_owner(payload["note"])}


@notes.put("/notes/{note}", title="Edit a note (comment)", extra=True)
async def update_note(
    call: Call,
    note: NoteId,
    text: Annotated[
        Name, Wire("note"), About("The new text, instead of the old one", "Call after noon.", show_example=False)
    ],
) -> Json:
    """Edit a note (comment): replace its text. Returns it."""
    payload = await call()
    return payload | {"note": with_owner(payload["note"])}


@notes.delete("/notes/{note}", title="Delete a note (comment)", says={"note_id": TEXT}, extra=True)
async def delete_note(call: Call, note: NoteId) -> Json:
    """Delete or remove a note (comment) by its id. Returns if it was there; undone only in part."""
    return with_own_words(await call(), note_id=note)
