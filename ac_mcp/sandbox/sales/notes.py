"""Notes on contacts, deals, accounts and tasks (reference 10)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import Handler, create, update
from ac_mcp.sandbox.rest.errors import invalid, not_found
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .activities import log_activity

OWNERS = {
    "Subscriber": "contact",
    "Deal": "deal",
    "CustomerAccount": "account",
    "DealTask": "dealTask",
    "Activity": "activity",
}
COLLECTIONS = {"Subscriber": "contacts", "Deal": "deals", "CustomerAccount": "accounts", "DealTask": "dealTasks"}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    kind = str({**(row or {}), **sent}.get("reltype"))
    if kind not in OWNERS:
        raise invalid("The note reltype is not valid.", "field_invalid", "reltype")
    if "relid" in sent and kind in COLLECTIONS:
        call.require_row(COLLECTIONS[kind], sent["relid"])
    return sent


def _after_write(call: Call, row: Row, before: Row | None) -> None:
    if before is None and row["reltype"] == "Deal":
        log_activity(call, row["relid"], "note", "add", number=row["id"])


def _sideload(call: Call, rows: Sequence[Row], view: View) -> Row:
    """Return the row a new note is about."""
    plural = COLLECTIONS.get(rows[0]["reltype"], "") if view == "create" else ""
    return {plural: call.sideload(plural, rows[0]["relid"])} if plural else {}


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    sent = call.unwrapped("note")
    for row, out in zip(rows, rendered, strict=True):
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
    stamped_on_update="mdate",
    indexes="relid",
    required={name: f"The note {name} was not provided." for name in ("note", "relid", "reltype")},
    prepare=_prepare,
    after_write=_after_write,
    sideload=_sideload,
    finish=_finish,
)


def create_handler(plural: str) -> Handler:
    """Return a handler that creates a note on the row in the path."""
    kind = next(kind for kind, collection in COLLECTIONS.items() if collection == plural)

    def handle(call: Call) -> Answer:
        row = call.require_row(plural, call.path["id"])
        return create(call, NOTES, {"note": call.unwrapped("note").get("note"), "relid": row["id"], "reltype": kind})

    return handle


def update_handler(plural: str) -> Handler:
    """Return a handler that changes one note of the row in the path."""
    kind = next(kind for kind, collection in COLLECTIONS.items() if collection == plural)

    def handle(call: Call) -> Answer:
        row, note = call.require_row(plural, call.path["id"]), call.require_row("notes", call.path["note"])
        if (note["reltype"], note["relid"]) != (kind, row["id"]):
            raise not_found("Note", note["id"])
        sent = {key: value for key, value in call.unwrapped("note").items() if key == "note"}
        return Answer(200, {plural: call.sideload(plural, row["id"]), **update(call, NOTES, note, sent).body})

    return handle


def list_contact_notes(call: Call) -> Answer:
    contact = call.require_row("contacts", call.path["id"])
    rows = call.store.select("notes", eq("relid", contact["id"]), eq("reltype", "Subscriber"))
    return Answer(200, {"notes": call.render("notes", rows)})
