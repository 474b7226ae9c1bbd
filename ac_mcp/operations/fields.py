"""Custom fields of contacts, their options, and the values contacts have in them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments, Duplicate, NotFound
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.spec.annotations import About, Multiple, ValueOf, Wire
from ac_mcp.spec.columns import Flag, Prose, Reference, Several, Text, Values
from ac_mcp.spec.operation import Call, all_pages, with_own_words
from ac_mcp.spec.options import Answer, Effects, Offered
from ac_mcp.spec.parameters import AllOfThem, ContactRef, FieldRef, Further, Id, Limit, Name
from ac_mcp.spec.resource import ApiShape, FieldFacts, Lookup, Resource, named_by
from ac_mcp.spec.values import (
    MULTIPLE_CHOICE,
    parse_choice,
    parse_date,
    parse_datetime,
    parse_number,
    require_text,
    split_choices,
)
from ac_mcp.text import fold

NOT_VISIBLE = "It could not be made visible: in ActiveCampaign, Contacts > Fields shows it."
MAX_FIELDS = 1000
"""Fields among which one with the same title is looked for."""
CHOICES = ("dropdown", "radio", "checkbox", "listbox")
"""Types of fields that have options."""


def get_own_options(field: Json, options: list[Json]) -> list[Json]:
    """Return the options of one field: those of all fields come in one flat list beside the fields (reference 9)."""
    return [option for option in options if str(option.get("field")) == str(field.get("id"))]


def get_option_labels(field: Json, options: list[Json]) -> list[str]:
    """Return the labels of one field's options; `options` holds those of all fields."""
    return [str(option.get("label") or option.get("value")) for option in get_own_options(field, options)]


def get_facts(payload: Json, row: Json) -> FieldFacts:
    """Return a field's type, the labels of its options, and the stored value by label and by value."""
    own = get_own_options(row, as_objects(payload.get("fieldOptions")))
    pairs = [(str(o.get("label") or o.get("value")), str(o.get("value") or o.get("label"))) for o in own]
    stored = {value: value for _, value in pairs} | dict(pairs)
    return {"type": str(row.get("type") or ""), "options": [label for label, _ in pairs], "stored": stored}


def parse_value(facts: FieldFacts, text: str) -> str:
    """Return a text as a value of the field with these facts; the API itself would store any text.

    Raises:
        ValueError: if the field does not take this value; the message says what it takes.
    """
    options = facts.get("options") or []
    stored = facts.get("stored") or {}
    match facts.get("type"):
        case _ if not text:
            return text
        case "dropdown" | "radio" if options:
            return parse_choice(stored, text, options)
        case kind if kind in MULTIPLE_CHOICE:
            parts = split_choices(stored, text)
            values = [parse_choice(stored, part, options) if options else part for part in parts]
            return f"||{'||'.join(dict.fromkeys(values))}||" if values else ""
        case "date":
            return parse_date(text)
        case "datetime":
            return parse_datetime(text)
        case "number":
            return parse_number(text)
        case _:
            return require_text(text)


fields = Resource(
    "field",
    "fields",
    (Text("title"), Text("type"), Several("options"), Flag("required", "isrequired"), Prose("description", "descript")),
    lost_for_good="its id, and the values contacts had in it",
    lookup=Lookup(facts=get_facts, value=parse_value, called=named_by("title", "perstag"), directory=True),
    api=ApiShape(refuses_second=True),
)
field_options = Resource(
    "fieldOption",
    "fieldOptions",
    noun="choice of a field",
    api=ApiShape(wrapped=False, by_attributes=True, beside="fields"),
)
field_relations = Resource(
    "fieldRel", "fieldRels", noun="place where a field shows", api=ApiShape(by_attributes=True, beside="fields")
)
field_values = Resource(
    "fieldValue",
    "fieldValues",
    (Reference("contact", kind="contacts"), Reference("field", kind="fields"), Values("value")),
    noun="field",
    nouns="fields",
    link=True,
)


@fields.get("/fields", title="List custom fields")
async def list_fields(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List contacts' custom fields (attributes): what is a field's id, type, options. Returns one page."""
    payload = await call()
    options = as_objects(payload.get("fieldOptions"))
    return payload | {"fields": [field | {"options": get_option_labels(field, options)} for field in payload["fields"]]}


@field_options.post("/fieldOption/bulk", offered=Offered(as_tool=False))
async def create_field_options(call: Call, field_options: list[Json]) -> Json:
    """Add options to fields, all at once."""
    return await call()


@field_relations.post("/fieldRels", offered=Offered(as_tool=False))
async def show_field(call: Call, field: Id, relid: Id = "0") -> Json:
    """Make a field visible on a list; 0 stands for all of them."""
    return await call()


def normalize_field_type(word: object) -> object:
    """Return the API's name of a field type in place of other common names; return any other value unchanged."""
    return {"select": "dropdown", "multiselect": "listbox", "string": "text", "integer": "number"}.get(str(word), word)


@fields.post("/fields", title="Create a custom field", effects=Effects(resumable=True))
async def create_field(
    call: Call,
    title: Annotated[Name, About("Title", "Plan", show_example=False)],
    type: Annotated[
        Literal["text", "textarea", "number", "date", "datetime", "dropdown", "radio", "checkbox", "listbox", "hidden"],
        BeforeValidator(normalize_field_type),
        About("Kind of field"),
    ],
    options: Annotated[list[Name], About("Choices, where the type has them", ["Free", "Pro"], show_example=False)]
    | None = None,
    description: Annotated[str, Wire("descript"), About("What it is for", "Subscription", show_example=False)]
    | None = None,
) -> Json:
    """Create a custom field: add a new attribute to contacts, a date, text or dropdown. Returns its id; for all
    lists by default."""
    if options and type not in CHOICES:
        raise BadArguments(
            f"A {type} field has no options; {', '.join(CHOICES)} have.",
            {**call.present_arguments, "type": "dropdown"},
            example=True,
        )
    field, missing, result = await create_or_resume(call, title, type, options or [])
    id = str(field["id"])
    if missing:
        rows = [{"field": id, "label": o, "value": o, "orderid": n, "isdefault": 0} for n, o in enumerate(missing, 1)]
        await create_field_options(call, rows)
    answer = with_own_words({"field": field | {"options": options or []}}, result=result)
    try:
        await show_field(call, id)
    except NotFound:
        return with_own_words(answer, note=NOT_VISIBLE)
    return answer


async def create_or_resume(call: Call, title: str, type: str, options: list[str]) -> tuple[Json, list[str], str]:
    """Create a field, or find the one that an earlier equal call left unfinished.

    Return the field, the options it still lacks, and the result ("created" or "finished"). Creating a field takes three
    requests. A field that an earlier call left between them has this title and type, and no list shows it yet.

    Raises:
        Duplicate: if a field of this title exists and no equal call left it unfinished.
    """
    payload = await all_pages(call, lambda offset: list_fields(call, offset=offset), MAX_FIELDS)
    same = [field for field in payload["fields"] if fold(str(field.get("title"))) == fold(title)]
    if not same:
        return as_object((await call(options=None))["field"]), options, "created"
    visible = {str(relation.get("field")) for relation in as_objects(payload.get("fieldRels"))}
    unfinished = [field for field in same if field.get("type") == type and str(field.get("id")) not in visible]
    if not unfinished or not set(unfinished[0]["options"]) <= set(options):  # another user's field, hidden or not
        raise Duplicate("exists already", status=422)
    field = unfinished[0]
    return field, [option for option in options if option not in field["options"]], "finished"


@field_values.get(
    "/contacts/{contact}/fieldValues", title="List a contact's custom field values", offered=Offered(on_request=True)
)
async def list_field_values(call: Call, contact: ContactRef) -> Json:
    """List all custom field values of one contact. Returns titles and values."""
    return await call()


@field_values.post("/fieldValues", idempotent=True, offered=Offered(as_tool=False))
async def create_field_value(call: Call, contact: Id, field: Id, value: Annotated[str, Multiple()]) -> Json:
    """The first value of a field for a contact."""
    return await call()


@field_values.put(
    "/fieldValues/{id}",
    title="Set a contact's custom field",
    effects=Effects(starts="when this field changes", reports=("update",)),
    answer=Answer(says={"before": Several("").kind_of_value}, quotes=("before",)),
)
async def set_field_value(
    call: Call,
    contact: ContactRef,
    field: FieldRef,
    value: Annotated[
        str,
        Multiple(),
        ValueOf("field"),
        About('New value; several as "A||B", dates YYYY-MM-DD, "" to empty', "Pro", show_example=False),
    ],
) -> Json:
    """Set a custom field of a contact: fill in, record or change a value. Returns what it replaced; only one field."""
    rows = (await list_field_values(call, contact))["fieldValues"]
    row = next((row for row in rows if str(row.get("field")) == field and row.get("id")), None)
    if row is None:
        return with_own_words(await create_field_value(call, contact, field, value), result="set")
    before = Several("value").read(row)
    payload = with_own_words(await call(id=row["id"]), result="changed")
    return payload if before is None else with_own_words(payload, before=before)


@field_values.get("/fieldValues", title="List values of a custom field", offered=Offered(on_request=True))
async def list_values_of_field(
    call: Call,
    field: Annotated[FieldRef, Wire("filters[fieldid]")],
    value: Annotated[str, Wire("filters[val]"), About("Only this value", "Pro", show_example=False)] | None = None,
    limit: Limit = 20,
    offset: Further = 0,
) -> Json:
    """List what contacts have in one custom field, or who has a certain value in it. Returns a page with names."""
    return await call()


@field_values.delete("/fieldValues/{id}", offered=Offered(as_tool=False))
async def delete_field_value(call: Call, id: Id) -> Json:
    """Empty a custom field of a contact."""
    return await call()
