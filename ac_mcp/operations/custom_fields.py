"""Custom fields of deals and of accounts, and the values of deals and accounts in them (reference 5.5 and 8).

The API keeps these two kinds apart from each other and from the fields of contacts: they have other paths and other
spellings, the options inside the field, and money in cents.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_object
from ac_mcp.operations.fields import normalize_field_type
from ac_mcp.spec.annotations import About, ValueOf, Wire
from ac_mcp.spec.columns import TEXTS, Column, Flag, OneValue, Reference, Text, Values
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.parameters import Name
from ac_mcp.spec.resource import FieldFacts, Lookup, Resource, named_by
from ac_mcp.spec.values import (
    parse_amount,
    parse_choice,
    parse_date,
    parse_datetime,
    parse_number,
    require_text,
    split_choices,
    to_cents,
)
from ac_mcp.text import fold

CHOICES = ("dropdown", "radio", "multiselect", "checkbox")
"""Types of fields that have options."""
BEFORE_SCHEMA: dict[str, Json] = {"before": Values("").kind_of_value}
"""Output schema of the value that was replaced."""


def as_texts(value: Any) -> list[str]:
    """Return a list with each item as a text; an empty one for anything but a list."""
    return [str(item) for item in cast("list[Any]", value)] if isinstance(value, list) else []


class EncodedValue(str):
    """JSON text of a value that is no text on the wire: several choices, or money with its currency."""


def get_facts(payload: Json, row: Json) -> FieldFacts:
    """Return a field's type, options (labels, which are also what the API stores) and currency."""
    options = as_texts(row.get("fieldOptions"))
    currency = str(row.get("fieldDefaultCurrency") or "usd").lower()
    return {"type": str(row.get("fieldType") or ""), "options": options, "currency": currency}


def parse_value(facts: FieldFacts, text: str) -> str:
    """Return a text as a value of the field with these facts; several choices and money as an EncodedValue.

    Raises:
        ValueError: if the field does not take this value; the message says what it takes.
    """
    options = facts.get("options") or []
    stored = {option: option for option in options}
    match facts.get("type"):
        case _ if not text:
            return text
        case "dropdown" | "radio" if options:
            return parse_choice(stored, text, options)
        case "multiselect" | "checkbox":
            parts = split_choices(stored, text)
            values = [parse_choice(stored, part, options) if options else part for part in parts]
            return EncodedValue(json.dumps(list(dict.fromkeys(values)))) if values else ""
        case "currency":
            cents = to_cents(parse_amount(text))
            return EncodedValue(json.dumps({"cents": cents, "currency": facts.get("currency", "usd")}))
        case "date":
            return parse_date(text)
        case "datetime":
            return parse_datetime(text)
        case "number":
            return parse_number(text)
        case _:
            return require_text(text)


@dataclass(frozen=True, slots=True)
class CustomValue(Wire):
    """A value on the wire: several choices as a real list, money in cents beside its currency (reference 5.5)."""

    name: str = "fieldValue"

    def encode(self, value: Any) -> Json:
        if not isinstance(value, EncodedValue):
            return {self.name: value}
        decoded = json.loads(value)
        if isinstance(decoded, list):
            return {self.name: decoded}
        return {self.name: decoded["cents"], "fieldCurrency": decoded["currency"]}


@dataclass(frozen=True, slots=True)
class CustomFieldValue(Values):
    """The value of a custom field; money in currency units."""

    def read(self, row: Json) -> Any:
        if row.get("fieldCurrency") and str(row.get("fieldValue") or "").lstrip("-").isdecimal():
            return f"{Decimal(str(row['fieldValue'])) / 100:.2f} {str(row['fieldCurrency']).lower()}"
        value = row.get(self.key)  # several are a real list here: bars in a text are a part of it
        return Values.read(self, row | {self.key: OneValue(value)} if isinstance(value, str) else row)


@dataclass(frozen=True, slots=True)
class OptionLabels(Column):
    """The labels of a field's options; None where it has none."""

    kind_of_value = TEXTS

    def display(self, raw: Any) -> Any:
        return as_texts(raw) or None


def field_resource(of: str) -> Resource:
    """Return the resource of the custom fields of deals or accounts; `of` is "deal" or "account"."""
    return Resource(
        f"{of}CustomFieldMetum",
        f"{of}CustomFieldMeta",
        (
            Text("title", "fieldLabel"),
            Text("type", "fieldType"),
            OptionLabels("options", "fieldOptions"),
            Flag("required", "isRequired"),
            Flag("in_forms", "isFormVisible"),
        ),
        noun=f"{of}_field",
        nouns=f"{of}_fields",
        group="custom_fields",
        lost_for_good=f"the values {of}s had in it, and its id",
        lookup=Lookup(
            facts=get_facts,
            value=parse_value,
            called=named_by("fieldLabel", "personalization"),
            directory=True,
        ),
    )


def value_resource(of: str) -> Resource:
    """Return the resource of the values that deals or accounts have in their custom fields."""
    return Resource(
        f"{of}CustomFieldDatum",
        f"{of}CustomFieldData",
        (
            Reference(of, f"{of}Id", kind=f"{of}s"),
            Reference("field", "customFieldId", kind=f"{of}CustomFieldMeta"),
            CustomFieldValue("value", "fieldValue"),
        ),
        noun="custom_field",
        nouns="custom_fields",
        group="custom_fields",
        link=True,
    )


def normalize_type(word: object) -> object:
    """Return the API's name of a field type: contacts' `listbox` is `multiselect` for deals and accounts."""
    return "multiselect" if word in ("listbox", "multiselect") else normalize_field_type(word)


Title = Annotated[Name, Wire("fieldLabel"), About("Title", "Renewal date", show_example=False)]
Kind = Annotated[
    Literal["text", "textarea", "number", "currency", "date", "datetime", "dropdown", "radio", "multiselect",
            "checkbox", "hidden"],
    BeforeValidator(normalize_type),
    Wire("fieldType"),
    About("Kind of field"),
]  # fmt: skip
OptionList = Annotated[
    list[Name], Wire("fieldOptions"), About("Choices, where the type has them", ["Small", "Large"], show_example=False)
]
AddedOptions = Annotated[list[Name], About("Choices to add", ["Huge"], show_example=False)]
InForms = Annotated[bool, Wire("isFormVisible"), About("Whether its forms show it", True, show_example=False)]


def join_choices(value: object) -> object:
    """Join a list of choices to one text, `A||B`; return any other value unchanged."""
    return "||".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else value


Value = Annotated[
    str,
    BeforeValidator(join_choices),
    ValueOf("field"),
    CustomValue(),
    About('New value; several as "A||B", dates YYYY-MM-DD, money in currency units, "" to empty', "Commit",
          show_example=False),
]  # fmt: skip


async def create_custom_field(call: Call, type: str, options: Sequence[str] | None) -> Json:
    """Create a custom field together with its options, which are a part of it (reference 5.5).

    Raises:
        BadArguments: if options are missing, or present for a type that has none.
    """
    if options and type not in CHOICES:
        raise BadArguments(
            f"A {type} field has no options; {', '.join(CHOICES)} have.",
            {**call.present_arguments, "type": "dropdown"},
            example=True,
        )
    if type in CHOICES and not options:
        raise BadArguments(
            f"A {type} field needs options.", {**call.present_arguments, "options": ["Small", "Large"]}, example=True
        )
    return await call()


async def update_custom_field(call: Call, payload: Json, resource: Resource, added: Sequence[str] | None) -> Json:
    """Update a custom field and add options. The API replaces all options, so the present ones are sent first.

    `payload` is the field as it was read.
    """
    present = as_texts(as_object(payload.get(resource.singular)).get("fieldOptions"))
    folded = {fold(option) for option in present}
    new = [option for option in dict.fromkeys(added or ()) if fold(option) not in folded]
    return await call(add_options=None, field_options=[*present, *new] if new else None)


def explain_lost_values(sent: Json, before: Json) -> str:
    """Return why deleting a custom field needs confirmation."""
    return "Whatever stands in this field is deleted with it, and no undo brings it back."


async def set_custom_value(call: Call, rows: Sequence[Json], field: str, create: Callable[[], Awaitable[Json]]) -> Json:
    """Set the value of one deal or account in a field: change the row of `rows` that holds one, or create the first."""
    row = next((row for row in rows if str(row.get("customFieldId")) == field and row.get("id")), None)
    if row is None:
        return with_own_words(await create(), result="set")
    before = CustomFieldValue("value", "fieldValue").read(row)
    payload = with_own_words(await call(id=row["id"]), result="changed")
    return payload if before is None else with_own_words(payload, before=before)
