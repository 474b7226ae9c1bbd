"""Deals: the value in cents, pipeline and stage, and stubs for deals without access (reference 5.1)."""

from collections.abc import Sequence
from hashlib import md5
from typing import Any

from ac_mcp.sandbox.rest.columns import columns, to_number
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.resource import Call, Child, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .activities import log_changes
from .custom_fields import DEAL as FIELDS
from .custom_fields import save_values, values_answer
from .filters import FILTERS, ORDERS, meta

DEAL = columns("""
hash= owner=1 contact=~ organization=~ group=~ stage=~ title= description= percent=0 cdate=@now mdate=@now nextdate=~
nexttaskid=0 value=0 currency=usd winProbability=~ winProbabilityMdate=~ status=0 activitycount=0 nextdealid=0 edate=~
links=@links fields=[] customFieldSaveStatus=~ id=@id isDisabled=! nextTask=>nexttaskid account=~
customerAccount=>account
""")

CHILD_COLUMNS = {"dealCustomFieldData": "dealId", "contactDeals": "deal", "dealActivities": "d_id"}
STUB = ("title", "status", "id", "isDisabled")
WRITE_ONLY = "fields customFieldSaveStatus"


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    current = row or {}
    values = dict(sent)
    if row is None or sent.keys() & {"group", "stage"}:
        values |= _pipeline_and_stage(call, sent, current)
    _require_related(call, sent, "contact", "contacts")
    _require_related(call, sent, "account", "accounts")
    if "value" in sent:
        values["value"] = _parse_cents(sent["value"])
    if "currency" in sent:
        values["currency"] = str(sent["currency"]).lower()
    return values if row else {**values, **_creation_values(call, values)}


def _creation_values(call: Call, values: Row) -> Row:
    """Check a creation; return the owner and the hash of the new deal."""
    if not (values.get("contact") or values.get("account")):
        raise invalid("The deal contact or account was not provided.", "field_missing", "contact")
    group = call.require_row("dealGroups", values["group"])
    if not values.get("owner") and group["autoassign"] == "0":
        raise invalid("The deal owner was not provided.", "field_missing", "owner")
    digest = md5(f"{values['title']} {call.stamp}".encode(), usedforsecurity=False).hexdigest()
    return {"owner": values.get("owner") or "1", "hash": digest[:8]}


def _pipeline_and_stage(call: Call, sent: Row, current: Row) -> Row:
    """Return pipeline and stage; a missing stage is the pipeline's first, a missing pipeline is the stage's."""
    stage = call.store.get("dealStages", sent["stage"]) if sent.get("stage") else None
    if sent.get("stage") and stage is None:
        raise invalid("The deal stage does not exist.", "related_missing", "stage")
    group = sent.get("group") or (stage["group"] if stage else current.get("group"))
    if not group:
        raise invalid("The deal group was not provided.", "field_missing", "group")
    if call.store.get("dealGroups", group) is None:
        raise invalid("The deal group does not exist.", "related_missing", "group")
    if stage and stage["group"] != str(group):
        raise invalid("The deal stage does not belong to the deal group.", "field_invalid", "stage")
    if stage or (current and current["group"] == str(group)):
        return {"group": group}
    return {"group": group, "stage": _first_stage(call, str(group))}


def _first_stage(call: Call, group: str) -> str | None:
    stages = call.store.select("dealStages", eq("group", group), order="CAST({order} AS INTEGER)", limit=1)
    return stages[0]["id"] if stages else None


def _require_related(call: Call, sent: Row, name: str, plural: str) -> None:
    if sent.get(name) and call.store.get(plural, sent[name]) is None:
        raise invalid(f"The deal {name} does not exist.", "related_missing", name)


def _parse_cents(value: Any) -> str:
    """Return whole cents; a fraction is cut off, not rounded (reference 5.1)."""
    try:
        return str(int(float(value))) if isinstance(value, float) or "." in str(value) else str(int(value))
    except (TypeError, ValueError, OverflowError):
        raise invalid("The deal value is not valid.", "field_invalid", "value") from None


def _sideload(call: Call, rows: Sequence[Row], view: View) -> Row:
    """Return all relations of a new deal, but only the sent relations of a changed one."""
    if view not in ("create", "update"):
        return {}
    related = {"contacts": "contact", "dealGroups": "group", "dealStages": "stage"}
    sent = DEALS.writable_values(call)
    keys = {plural: name for plural, name in related.items() if view == "create" or name in sent}
    return {plural: call.sideload(plural, rows[0][name]) for plural, name in keys.items()}


def _after_write(call: Call, row: Row, before: Row | None) -> None:
    save_values(call, FIELDS, row["id"])
    log_changes(call, row, before)


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    for row, out in zip(rows, rendered, strict=True):
        if row["isDisabled"]:
            for name in out.keys() - set(STUB):
                del out[name]
        elif view in ("create", "update"):
            out |= values_answer(call, FIELDS, row["id"])
        elif out["nextTask"] is None:  # A deal that is read has this key only if it has a task.
            del out["nextTask"]
        if view == "create":
            out["status"] = to_number(row["status"])


DEALS = Resource(
    "deals",
    "deal",
    "Deal",
    DEAL,
    links="""dealActivities contact contactDeals group nextTask notes account customerAccount organization owner
    scoreValues stage tasks dealCustomFieldData""",
    total=int,
    verbs="list get create update patch delete",
    writes="title description account contact currency group owner percent stage status value",
    slim="""title value currency contact owner group stage cdate mdate description organization status nextdate
    nextdealid hash winProbability winProbabilityMdate links fields customFieldSaveStatus id isDisabled account
    customerAccount""",
    hidden={"list": WRITE_ONLY, "one": WRITE_ONLY, "side": WRITE_ONLY},
    stamped_on_update="mdate",
    indexes="contact group stage owner account",
    required={name: f"The deal {name} was not provided." for name in ("title", "value", "currency")},
    filters=FILTERS,
    orders=ORDERS,
    children=(
        *(Child(plural, "relid", (eq("reltype", "Deal"),)) for plural in ("notes", "dealTasks")),
        *(Child(plural, column) for plural, column in CHILD_COLUMNS.items()),
    ),
    prepare=_prepare,
    after_write=_after_write,
    sideload=_sideload,
    finish=_finish,
    meta=meta,
)
