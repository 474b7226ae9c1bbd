"""Custom contact fields, their options and lists, and their values on contacts (reference 9)."""

import re
from collections.abc import Sequence
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns, to_number
from ac_mcp.sandbox.rest.crud import add_row, change_row, create, update
from ac_mcp.sandbox.rest.errors import Refusal, invalid, unprocessable
from ac_mcp.sandbox.rest.queries import equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Resource, View, attach_ids, select_related
from ac_mcp.sandbox.rest.store import Row, Where, as_id, eq


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    if "title" in sent:
        title = str(sent["title"])
        existing = call.store.find("fields", eq("title", title))
        if existing and (row is None or existing["id"] != row["id"]):
            detail = f"There is already a field named '{title}' -- choose another name"
            raise unprocessable(title="There is already a field with this title", detail=detail, code="duplicate")
    if row:
        return sent
    tag = re.sub(r"\W+", "_", str(sent["title"])).strip("_").upper()
    by: Row = {"created_by": "1", "updated_by": "1"}
    return {"perstag": tag, "ordernum": call.store.count("fields") + 1, **by, **sent}


def _sideload(call: Call, rows: Sequence[Row], view: View) -> Row:
    if view in ("create", "update"):
        return {}
    ids = [row["id"] for row in rows]
    return {
        plural: call.render(plural, select_related(call, plural, "field", ids))
        for plural in ("fieldOptions", "fieldRels")
    }


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    ids = [row["id"] for row in rows]
    if view in ("list", "one"):
        attach_ids(rendered, "options", select_related(call, "fieldOptions", "field", ids), "field")
        attach_ids(rendered, "relations", select_related(call, "fieldRels", "field", ids), "field")
    else:
        for row in rendered:
            row["ordernum"] = to_number(row["ordernum"])


def _meta(call: Call, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    return {"selected": None}


FIELDS = Resource(
    "fields",
    "field",
    "Field",
    columns("""title= descript=~ type=text isrequired=0 perstag= defval=~ show_in_list=0 rows=0 cols=0 visible=1
    service= ordernum=0 cdate=@now udate=@now created_timestamp=^cdate updated_timestamp=^udate created_by=~
    updated_by=~
    options=[] relations=[] links=@links id=@id"""),
    links="options relations",
    writes="title descript type isrequired perstag defval show_in_list rows cols visible service ordernum",
    slim="title type created_by updated_by cdate udate perstag ordernum links id",
    hidden={"update": "options relations"},
    stamped_on_update="udate",
    indexes="title",
    required={"title": "The field title was not provided.", "type": "The field type was not provided."},
    filters={"filters[perstag]": equals("perstag")},
    children=tuple(Child(plural, "field") for plural in ("fieldValues", "fieldOptions", "fieldRels")),
    prepare=_prepare,
    sideload=_sideload,
    finish=_finish,
    meta=_meta,
)

FIELD_OPTIONS = Resource(
    "fieldOptions",
    "fieldOption",
    "FieldOption",
    columns("field=~ orderid=0 value= label= isdefault=0 cdate=~ udate=~ links=@links id=@id"),
    links="field",
    verbs="list get delete",
    slim="label value field cdate udate links id",
    indexes="field",
)


def _prepare_member(call: Call, sent: Row, row: Row | None) -> Row:
    """Put a new member at the end, unless the body says where."""
    last = {} if row else {"ordernum": call.store.count("groupMembers") + 1}
    field = {"rel_id": call.require_row("fields", sent["rel_id"])["id"]} if "rel_id" in sent else {}
    return {**last, **sent, **field}


FIELD_RELS = Resource(
    "fieldRels",
    "fieldRel",
    "FieldRel",
    columns("field=~ relid=0 dorder=0 cdate=@now links=@links id=@id"),
    verbs="list get create delete",
    writes="field relid",
    slim="relid field cdate links id",
    indexes="field",
    required={"field": "The field was not provided."},
    prepare=lambda call, sent, row: {**sent, "field": call.require_row("fields", sent["field"])["id"]},
)


# The position of a field in the app's forms; all ids are numbers, its own too (reference 2.3).
GROUP_MEMBERS = Resource(
    "groupMembers",
    "groupMember",
    "GroupMember",
    columns("id=@id group_id=~ rel_id=~ ordernum=0 created_by=1 updated_by=1 links=@links"),
    links="groupDefinition",
    writes="group_id rel_id ordernum",
    number_keys="id group_id rel_id ordernum created_by updated_by",
    echo=False,
    create_status=200,
    required={name: f"The groupMember {name} was not provided." for name in ("group_id", "rel_id")},
    prepare=_prepare_member,
)


def add_options(call: Call) -> Answer:
    """Add many options at once; the errors are plain text (reference 2.5, shape 5)."""
    options = as_object(call.body).get("fieldOptions")
    if not isinstance(options, list):
        text = "Bulk operation failed. Request must contain an array of fieldOption objects."
        raise Refusal(422, {"errors": text})
    return Answer(201, {"fieldOptions": [_add_option(call, as_object(option)) for option in as_array(options)]})


def _add_option(call: Call, option: Row) -> Row:
    if call.store.get("fields", option.get("field")) is None:
        raise invalid("The field does not exist.", "related_missing", "field")
    sent = {key: option[key] for key in ("field", "label", "value", "orderid", "isdefault") if key in option}
    row = add_row(call, FIELD_OPTIONS, {**sent, "cdate": call.stamp, "udate": call.stamp})
    return {**call.render("fieldOptions", [row], "create")[0], **sent}


def _sideload_value(call: Call, rows: Sequence[Row], view: View) -> Row:
    return {"contacts": call.sideload("contacts", rows[0]["contact"])} if view in ("create", "update") else {}


def _prepare_value(call: Call, sent: Row, row: Row | None) -> Row:
    ids: Row = {}
    for plural, name in (("contacts", "contact"), ("fields", "field")):
        if row is None or name in sent:
            existing = call.store.get(plural, sent.get(name))
            if existing is None:
                raise invalid(f"The {name} does not exist.", "related_missing", name)
            ids[name] = existing["id"]
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
    stamped_on_update="udate",
    filled_on_update="created_by=0 updated_by=0",
    indexes="contact field",
    required={"contact": "The contact was not provided.", "field": "The field was not provided."},
    filters={"filters[fieldid]": equals("field"), "filters[val]": equals("value")},
    prepare=_prepare_value,
    sideload=_sideload_value,
)


def upsert_value(call: Call) -> Answer:
    """Create a value, or update the value of the same contact and field (reference 9)."""
    sent = FIELD_VALUES.writable_values(call)
    existing = _find_value(call, str(sent.get("contact")), str(sent.get("field")))
    return update(call, FIELD_VALUES, existing, sent) if existing else create(call, FIELD_VALUES, sent)


def put_field_value(call: Call) -> Answer:
    """Set the value of the sent contact and field, whatever id the path names.

    The value alone changes the row of the path, or is refused, by a switch: nobody has seen either.
    """
    row = call.require_row("fieldValues", call.path["id"])
    sent = FIELD_VALUES.writable_values(call)
    if sent.get("contact") and sent.get("field"):
        return upsert_value(call)
    if sent and not call.quirks.bare_value:
        FIELD_VALUES.require_values(sent)
    return update(call, FIELD_VALUES, row, sent)


def put_value(call: Call, contact: str, field: str, value: Any) -> None:
    """Set a field of a contact; a field that does not exist is ignored."""
    existing = _find_value(call, contact, field)
    if existing:
        change_row(call, FIELD_VALUES, existing, {"value": value})
    elif call.store.get("fields", field):
        add_row(call, FIELD_VALUES, {"contact": contact, "field": field, "value": value})


def _find_value(call: Call, contact: str, field: str) -> Row | None:
    return call.store.find("fieldValues", eq("contact", str(as_id(contact))), eq("field", str(as_id(field))))
