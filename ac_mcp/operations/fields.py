"""Custom fields of contacts, their options, and the values contacts have in them."""

import json
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments, Duplicate, NotFound
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.spec.annotations import About, Multiple, ValueOf, Wire
from ac_mcp.spec.columns import Flag, Prose, Reference, Several, Text, Values
from ac_mcp.spec.operation import Call, all_pages, with_own_words
from ac_mcp.spec.parameters import AllOfThem, ContactRef, FieldRef, Further, Id, Limit, Name, require_date
from ac_mcp.spec.resource import Resource, named_by

HIDDEN = "It could not be made visible: in ActiveCampaign, Contacts > Fields shows it."
MOST = 1000
"""Fields among which one of the same title is looked for."""
CHOICES = ("dropdown", "radio", "checkbox", "listbox")


def labels(field: Json, options: list[Json]) -> list[str]:
    """Options of all fields come in one flat list beside the fields (reference 9)."""
    own = [option for option in options if str(option.get("field")) == str(field.get("id"))]
    return [str(option.get("label") or option.get("value")) for option in own]


def facts(payload: Json, row: Json) -> Json:
    """Kind, labels, and what is stored for each label or value in any case."""
    own = [o for o in as_objects(payload.get("fieldOptions")) if str(o.get("field")) == str(row.get("id"))]
    pairs = [(str(o.get("label") or o.get("value")), str(o.get("value") or o.get("label"))) for o in own]
    stored = {name.casefold(): value for label, value in pairs for name in (value, label)}
    return {"type": row.get("type"), "options": [label for label, _ in pairs], "stored": stored}


def value(facts: Json, text: str) -> str:
    """The text as this kind of field takes it: the API would store anything."""
    options: list[str] = facts.get("options") or []
    stored: dict[str, str] = facts.get("stored") or {}
    match facts.get("type"):
        case _ if not text:
            return text
        case "dropdown" | "radio" if options:
            return choice(options, stored, text)
        case "checkbox" | "listbox":
            several = text.strip("|").split("||")
            by_comma = [part.strip() for part in text.split(",")]
            if len(several) == 1 < len(by_comma) and all(part.casefold() in stored for part in by_comma):
                several = by_comma
            return f"||{'||'.join(choice(options, stored, one) if options else one for one in several)}||"
        case "date":
            return date(text)
        case "number":
            return number(text)
        case _:
            return text


def choice(options: list[str], stored: dict[str, str], text: str) -> str:
    if text.strip().casefold() not in stored:
        raise ValueError(f"takes {', '.join(options)}; {json.dumps(text[:80], ensure_ascii=False)} is none of them")
    return stored[text.strip().casefold()]


def number(text: str) -> str:
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        raise ValueError(f"takes a plain number; {json.dumps(text[:80], ensure_ascii=False)} is none")
    return text


def date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"takes a date of the form YYYY-MM-DD; {json.dumps(text[:80], ensure_ascii=False)} is none")
    return require_date(text)


fields = Resource(
    "field",
    "fields",
    (Text("title"), Text("type"), Several("options"), Flag("required", "isrequired"), Prose("description", "descript")),
    facts=facts,
    value=value,
    called=named_by("title", "perstag"),
    directory=True,
    refuses_second=True,
    lost="its id, and the values contacts had in it",
    example="Plan",
)
field_options = Resource(
    "fieldOption", "fieldOptions", one="choice of a field", wrapped=False, by_attributes=True, beside="fields"
)
field_relations = Resource(
    "fieldRel", "fieldRels", one="place where a field shows", by_attributes=True, beside="fields"
)
field_values = Resource(
    "fieldValue",
    "fieldValues",
    (Reference("contact", kind="contacts"), Reference("field", kind="fields"), Values("value")),
    one="field",
    many="fields",
    link=True,
)


@fields.get("/fields", title="List custom fields")
async def list_fields(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List contacts' custom fields (attributes): what is a field's id, type, options. Returns one page."""
    payload = await call()
    options = as_objects(payload.get("fieldOptions"))
    return payload | {"fields": [field | {"options": labels(field, options)} for field in payload["fields"]]}


@field_options.post("/fieldOption/bulk", tool=False)
async def create_field_options(call: Call, field_options: list[Json]) -> Json:
    """Add options to fields, all at once."""
    return await call()


@field_relations.post("/fieldRels", tool=False)
async def show_field(call: Call, field: Id, relid: Id = "0") -> Json:
    """Make a field visible on a list; 0 stands for all of them."""
    return await call()


def kind_meant(word: object) -> object:
    """What other forms call it."""
    return {"select": "dropdown", "multiselect": "listbox", "string": "text", "integer": "number"}.get(str(word), word)


@fields.post("/fields", title="Create a custom field", resumable=True)
async def create_field(
    call: Call,
    title: Annotated[Name, About("Title", "Plan", show_example=False)],
    type: Annotated[
        Literal["text", "textarea", "number", "date", "datetime", "dropdown", "radio", "checkbox", "listbox", "hidden"],
        BeforeValidator(kind_meant),
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
    made, missing, result = await made_or_begun(call, title, type, options or [])
    id = str(made["id"])
    if missing:
        rows = [{"field": id, "label": o, "value": o, "orderid": n, "isdefault": 0} for n, o in enumerate(missing, 1)]
        await create_field_options(call, rows)
    answer = with_own_words({"field": made | {"options": options or []}}, result=result)
    try:
        await show_field(call, id)
    except NotFound:
        return with_own_words(answer, note=HIDDEN)
    return answer


async def made_or_begun(call: Call, title: str, type: str, options: list[str]) -> tuple[Json, list[str], str]:
    """The new field and its options; or one that an earlier try has begun, and the options it still lacks.

    Making a field takes three requests. What broke off between them is found again by title and kind: a field
    that no list shows yet.

    Raises:
        Duplicate: if a field of this title is there and not begun by an equal call.
    """
    payload = await all_pages(call, lambda offset: list_fields(call, offset=offset), MOST)
    same = [field for field in payload["fields"] if str(field.get("title")).casefold() == title.casefold()]
    if not same:
        return as_object((await call(options=None))["field"]), options, "created"
    shown = {str(relation.get("field")) for relation in as_objects(payload.get("fieldRels"))}
    begun = [field for field in same if field.get("type") == type and str(field.get("id")) not in shown]
    if not begun or not set(begun[0]["options"]) <= set(options):  # somebody else's, hidden or not
        raise Duplicate("exists already", status=422)
    return begun[0], [option for option in options if option not in begun[0]["options"]], "finished"


@field_values.get("/contacts/{contact}/fieldValues", title="List a contact's custom field values", extra=True)
async def list_field_values(call: Call, contact: ContactRef) -> Json:
    """List all custom field values of one contact. Returns titles and values."""
    return await call()


@field_values.post("/fieldValues", tool=False, idempotent=True)
async def create_field_value(call: Call, contact: Id, field: Id, value: Annotated[str, Multiple()]) -> Json:
    """The first value of a field for a contact."""
    return await call()


@field_values.put(
    "/fieldValues/{id}",
    title="Set a contact's custom field",
    starts="when this field changes",
    reports=("update",),
    says={"before": Several("").kind_of_value},
    quotes=("before",),
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
    before = next((row for row in rows if str(row.get("field")) == field and row.get("id")), None)
    if before is None:
        return with_own_words(await create_field_value(call, contact, field, value), result="set")
    was = Several("value").read(before)
    return with_own_words(await call(id=before["id"]), result="changed", **({"before": was} if was is not None else {}))


@field_values.get("/fieldValues", title="List values of a custom field", extra=True)
async def list_values_of_field(
    call: Call,
    field: Annotated[FieldRef, Wire("filters[fieldid]")],
    value: Annotated[str, Wire("filters[val]"), About("Only this value", "Pro", show_example=False)] | None = None,
    limit: Limit = 20,
    offset: Further = 0,
) -> Json:
    """List what contacts have in one custom field, or who has a certain value in it. Returns a page with names."""
    return await call()


@field_values.delete("/fieldValues/{id}", tool=False)
async def delete_field_value(call: Call, id: Id) -> Json:
    """Empty a custom field of a contact."""
    return await call()
