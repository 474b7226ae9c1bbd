"""The records of custom objects (reference 14)."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.queries import parse_page
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.rest.store import Row, eq

# `earlier` is what lists show of a changed record for a while, `written` when it was changed or deleted.
RECORDS = Resource(
    "customObjectRecords",
    "record",
    "",
    columns("""uuid= externalId=~ schemaId= fields=[] relationships=[] createdTimestamp= updatedTimestamp=
    earlier=~ written=#0 deleted=0"""),
    verbs="",
    indexes="schemaId externalId",
    json_keys="fields relationships earlier",
)

_ANSWERED_KEYS = ("externalId", "schemaId", "fields", "relationships", "createdTimestamp", "updatedTimestamp")
_REPLACED = ("fields", "relationships", "updatedTimestamp")


def list_records(call: Call) -> Answer:
    """List the records as they were a while ago: lists trail the writes."""
    schema = _require_schema(call)
    rows = call.store.select("customObjectRecords", eq("schemaId", schema["id"]))
    listed = [row for row in (_as_listed(call, row) for row in rows) if row and _matches(call, row)]
    limit, offset = parse_page(call)
    page = listed[offset : offset + limit]
    meta = {"total": len(listed), "count": len(page), "limit": limit, "offset": offset}
    return Answer(200, {"records": [_render(row) for row in page], "meta": meta})


def _as_listed(call: Call, row: Row) -> Row | None:
    """Return the row as lists have it at this moment; None if they do not have it yet, or no longer."""
    is_fresh = call.now.timestamp() - row["written"] < call.quirks.record_lag
    if row["deleted"] == "1":
        return row if is_fresh else None
    if is_fresh:
        return {**row, **row["earlier"]} if row["earlier"] else None
    return row


def _matches(call: Call, row: Row) -> bool:
    """Whether the filters find the row; a range of createdTimestamp finds nothing, and unknown filters are ignored."""
    for key, value in call.params.items():
        name, _, operator = key.removeprefix("filters[").removesuffix("]").partition("][")
        related = name.removeprefix("relationships.")
        if related != name and operator in ("", "eq"):
            if value not in map(str, as_array(as_object(row["relationships"]).get(related))):
                return False
        elif name == "createdTimestamp" and (operator not in ("", "eq") or value != row["createdTimestamp"]):
            return False
    return True


def _render(row: Row) -> Row:
    return {"id": row["uuid"], **{key: row[key] for key in _ANSWERED_KEYS}}


def get_record(call: Call) -> Answer:
    return Answer(200, {"record": _render(_require_record(call, "uuid"))})


def get_record_by_external_id(call: Call) -> Answer:
    return Answer(200, {"record": _render(_require_record(call, "externalId"))})


def save_record(call: Call) -> Answer:
    """Create a record, or replace the one of the same id: what is left out is cleared. The answer has no record id."""
    schema = _require_schema(call)
    sent = call.unwrapped("record")
    content: Row = {"fields": as_array(sent.get("fields")), "relationships": _relations(schema, sent)}
    _check_fields(schema, content["fields"])
    existing = _find_same(call, schema, sent)
    moment = _stamp(call.now)
    values: Row = {**content, "updatedTimestamp": moment, "written": call.now.timestamp()}
    if existing:
        listed = _as_listed(call, existing)
        values["earlier"] = {key: listed[key] for key in _REPLACED} if listed else None
        row = call.store.update("customObjectRecords", existing["id"], values)
    else:
        row = {"uuid": str(uuid.uuid4()), "externalId": sent.get("externalId"), "schemaId": schema["id"], **values}
        call.store.insert("customObjectRecords", {**row, "createdTimestamp": moment})
    answered = ("externalId", "schemaId", "fields", "relationships")
    return Answer(201, {"record": {key: row[key] for key in answered}})


def _relations(schema: Row, sent: Row) -> Row:
    """Return the ids under each relationship of the schema, as text."""
    names = [relation["id"] for relation in schema["relationships"]]
    related = as_object(sent.get("relationships"))
    return {name: [str(number) for number in as_array(related[name])] for name in names if name in related}


def _check_fields(schema: Row, entries: Sequence[Any]) -> None:
    """Raise a refusal for a field that the schema has not, and for a required one without a value."""
    values = {str(entry.get("id")): entry.get("value") for entry in map(as_object, entries)}
    declared = {field["id"]: field for field in schema["fields"]}
    unknown = [name for name in values if name not in declared]
    missing = [name for name, field in declared.items() if field["required"] and values.get(name) in (None, "")]
    for names, problem in (
        (unknown, "cannot accept a value that is not defined in the schema"),
        (missing, "is required"),
    ):
        if names:
            source = {"type": "pointer", "value": f"/data/attributes/{names[0]}"}
            error = {"title": f'Invalid value for field "{names[0]}"', "detail": f"{names[0]} {problem}."}
            raise Refusal(422, {"errors": [{**error, "source": source}]})


def delete_record(call: Call) -> Answer:
    return _delete(call, _require_record(call, "uuid"))


def delete_record_by_external_id(call: Call) -> Answer:
    return _delete(call, _require_record(call, "externalId"))


def _delete(call: Call, row: Row) -> Answer:
    call.store.update("customObjectRecords", row["id"], {"deleted": "1", "written": call.now.timestamp()})
    return Answer(202, None)


def refuse_method(call: Call) -> Answer:
    """Refuse PUT and PATCH: a record is only replaced."""
    raise Refusal(405, {"errors": [{"status": 405, "title": "Method Not Allowed"}]})


def _require_schema(call: Call) -> Row:
    row = call.store.find("customObjectSchemas", eq("uuid", call.path["schema"]))
    if row is None:
        raise Refusal(404, {"message": "Not Found"})
    return row["schema"]


def _require_record(call: Call, key: str) -> Row:
    schema = _require_schema(call)
    row = _find(call, schema, key, call.path["id"])
    if row is None:
        raise Refusal(404, {"message": "Not Found"})
    return row


def _find(call: Call, schema: Row, key: str, value: str) -> Row | None:
    return call.store.find("customObjectRecords", eq("schemaId", schema["id"]), eq(key, value), eq("deleted", "0"))


def _find_same(call: Call, schema: Row, sent: Row) -> Row | None:
    """Return the record that the body names by its id or its external id."""
    keys = [("uuid", sent.get("id")), ("externalId", sent.get("externalId"))]
    found = (_find(call, schema, key, str(value)) for key, value in keys if value not in (None, ""))
    return next((row for row in found if row), None)


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
