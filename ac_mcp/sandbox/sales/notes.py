"""Notes on contacts, deals, accounts and tasks (reference 10)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import Handler, create, update
from ac_mcp.sandbox.rest.errors import invalid, not_found
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .activities import noted

OWNERS = {
    "Subscriber": "contact",
    "Deal": "deal",
    "CustomerAccount": "account",
    "DealTask": "dealTask",
    "Activity": "activity",
}
PLACES = {"Subscriber": "contacts", "Deal": "deals", "CustomerAccount": "accounts", "DealTask": "dealTasks"}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    kind = str({**(row or {}), **sent}.get("reltype"))
    if kind not in OWNERS:
        raise invalid("The note reltype is not valid.", "field_invalid", "reltype")
    if "relid" in sent and kind in PLACES:
        call.fetch(PLACES[kind], sent["relid"])
    return sent


def _stored(call: Call, row: Row, before: Row | None) -> None:
    if before is None and row["reltype"] == "Deal":
        noted(call, row["relid"], "note", "add", number=row["id"])


def _sides(call: Call, rows: Sequence[Row], view: View) -> Row:
    """The row the note is about stands beside a new note."""
    plural = PLACES.get(rows[0]["reltype"], "") if view == "create" else ""
    return {plural: call.side(plural, rows[0]["relid"])} if plural else {}


def _finish(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    sent = call.wrapped("note")
    for row, out in zip(rows, shown, strict=True):
        number = sent.get("relid", row["relid"]) if view == "create" else row["relid"]
        out["owner"] = {"type": OWNERS[row["reltype"]], "id": number}


NOTES = Resource(
    "notes",
    "note",
    "Note",
    columns("""relid=~ reltype=~ userid=1 is_draft=0 cdate=@now mdate=@now note= links=@links id=@id user=>userid
    owner=~"""),
    links="activities user mentions notes owner",
    total=int,
    verbs="list get create update patch delete",
    writes="note relid reltype",
    slim="note cdate mdate reltype relid userid links owner is_draft= id user",
    moves="mdate",
    indexes="relid",
    required={name: f"The note {name} was not provided." for name in ("note", "relid", "reltype")},
    prepare=_prepare,
    stored=_stored,
    sides=_sides,
    finish=_finish,
)


def note_on(plural: str) -> Handler:
    """A note on the row the path names."""
    kind = next(kind for kind, place in PLACES.items() if place == plural)

    def handle(call: Call) -> Answer:
        row = call.fetch(plural, call.path["id"])
        return create(call, NOTES, {"note": call.wrapped("note").get("note"), "relid": row["id"], "reltype": kind})

    return handle


def note_of(plural: str) -> Handler:
    """Change one note of the row the path names."""
    kind = next(kind for kind, place in PLACES.items() if place == plural)

    def handle(call: Call) -> Answer:
        row, note = call.fetch(plural, call.path["id"]), call.fetch("notes", call.path["note"])
        if (note["reltype"], note["relid"]) != (kind, row["id"]):
            raise not_found("Note", note["id"])
        sent = {key: value for key, value in call.wrapped("note").items() if key == "note"}
        return Answer(200, {plural: call.side(plural, row["id"]), **update(call, NOTES, note, sent).body})

    return handle


def notes_of_contact(call: Call) -> Answer:
    contact = call.fetch("contacts", call.path["id"])
    rows = call.store.select("notes", eq("relid", contact["id"]), eq("reltype", "Subscriber"))
    return Answer(200, {"notes": call.show("notes", rows)})
