"""The values of custom fields on contacts."""

from collections.abc import Sequence
from typing import Any

from .asking import equals
from .generic import add, change, create, update
from .refusal import invalid
from .resource import Answer, Call, Resource, View
from .shapes import columns
from .store import Row, as_id, eq


def _sides(call: Call, rows: Sequence[Row], view: View) -> Row:
    return {"contacts": call.side("contacts", rows[0]["contact"])} if view in ("create", "update") else {}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    ids: Row = {}
    for plural, name in (("contacts", "contact"), ("fields", "field")):
        if row is None or name in sent:
            known = call.store.get(plural, sent.get(name))
            if known is None:
                raise invalid(f"The {name} does not exist.", "related_missing", name)
            ids[name] = known["id"]
    return {**sent, **ids}


FIELD_VALUES = Resource(
    "fieldValues",
    "fieldValue",
    "FieldValue",
    columns(
        "contact=~ field=~ value=~ cdate=@now udate=@now created_by=~ updated_by=~ links=@links id=@id owner=>contact"
    ),
    links="owner field",
    writes="contact field value",
    slim="contact field value cdate udate links owner id",
    moves="udate",
    touched="created_by=0 updated_by=0",
    indexes="contact field",
    required={"contact": "The contact was not provided.", "field": "The field was not provided."},
    filters={"filters[fieldid]": equals("field"), "filters[val]": equals("value")},
    prepare=_prepare,
    sides=_sides,
)


def upsert(call: Call) -> Answer:
    """A second value for the same contact and field updates the first (reference 9)."""
    sent = FIELD_VALUES.sent(call)
    known = _known(call, str(sent.get("contact")), str(sent.get("field")))
    return update(call, FIELD_VALUES, known, sent) if known else create(call, FIELD_VALUES, sent)


def put_value(call: Call, contact: str, field: str, value: Any) -> None:
    """Set a field of a contact; a field that does not exist is ignored."""
    known = _known(call, contact, field)
    if known:
        change(call, FIELD_VALUES, known, {"value": value})
    elif call.store.get("fields", field):
        add(call, FIELD_VALUES, {"contact": contact, "field": field, "value": value})


def _known(call: Call, contact: str, field: str) -> Row | None:
    return call.store.find("fieldValues", eq("contact", str(as_id(contact))), eq("field", str(as_id(field))))
