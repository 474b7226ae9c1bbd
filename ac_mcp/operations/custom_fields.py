"""Custom fields of deals and of accounts, and the values these have in them (reference 5.5 and 8).

The API keeps the two apart, and both apart from the fields of contacts: other paths, other spellings, options inside
the field, money in cents.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_object
from ac_mcp.operations.fields import choice, date, kind_meant, number
from ac_mcp.spec.annotations import About, ValueOf, Wire
from ac_mcp.spec.columns import TEXTS, Column, Flag, Reference, Text, Values
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.parameters import Name
from ac_mcp.spec.resource import Resource, named_by

CHOICES = ("dropdown", "radio", "multiselect", "checkbox")
BEFORE: dict[str, Json] = {"before": Values("").kind_of_value}


def texts(value: Any) -> list[str]:
    """A list of options, whatever stands in its place."""
    return [str(one) for one in cast("list[Any]", value)] if isinstance(value, list) else []


class Coded(str):
    """JSON of what a field takes that takes no text: several choices, or money with its currency."""


def facts(payload: Json, row: Json) -> Json:
    """Kind and options; what is stored of an option is its label."""
    options = texts(row.get("fieldOptions"))
    return {"type": row.get("fieldType"), "options": options, "currency": row.get("fieldDefaultCurrency")}


def value(facts: Json, text: str) -> str:
    """The text as this kind of field takes it; several choices, and money with its currency, as JSON."""
    options: list[str] = facts.get("options") or []
    stored = {one.casefold(): one for one in options}
    match facts.get("type"):
        case _ if not text:
            return text
        case "dropdown" | "radio" if options:
            return choice(options, stored, text)
        case "multiselect" | "checkbox":
            several = [part.strip() for part in text.strip("|").split("||" if "||" in text else ",")]
            return Coded(json.dumps([choice(options, stored, one) if options else one for one in several]))
        case "currency":
            cents = int((Decimal(number(text)) * 100).to_integral_value())
            return Coded(json.dumps({"cents": cents, "currency": str(facts.get("currency") or "usd").lower()}))
        case "date":
            return date(text)
        case "number":
            return number(text)
        case _:
            return text


@dataclass(frozen=True, slots=True)
class CustomValue(Wire):
    """A value as these fields take it: several as a real list, money in cents beside its currency (reference 5.5)."""

    name: str = "fieldValue"

    def encode(self, value: Any) -> Json:
        if not isinstance(value, Coded):
            return {self.name: value}
        read = json.loads(value)
        if isinstance(read, list):
            return {self.name: read}
        return {self.name: read["cents"], "fieldCurrency": read["currency"]}


@dataclass(frozen=True, slots=True)
class Shown(Values):
    """A value; money in currency units."""

    def read(self, row: Json) -> Any:
        if row.get("fieldCurrency") and str(row.get("fieldValue") or "").lstrip("-").isdecimal():
            return f"{Decimal(str(row['fieldValue'])) / 100:.2f} {str(row['fieldCurrency']).lower()}"
        return Values.read(self, row)


@dataclass(frozen=True, slots=True)
class Options(Column):
    kind_of_value = TEXTS

    def display(self, raw: Any) -> Any:
        return texts(raw) or None


def metas(of: str, example: str) -> Resource:
    """The fields of deals or of accounts."""
    return Resource(
        f"{of}CustomFieldMetum",
        f"{of}CustomFieldMeta",
        (
            Text("title", "fieldLabel"),
            Text("type", "fieldType"),
            Options("options", "fieldOptions"),
            Flag("required", "isRequired"),
            Flag("in_forms", "isFormVisible"),
        ),
        one=f"{of}_field",
        many=f"{of}_fields",
        group="custom_fields",
        facts=facts,
        value=value,
        called=named_by("fieldLabel", "personalization"),
        directory=True,
        lost=f"the values {of}s had in it, and its id",
        example=example,
    )


def data(of: str) -> Resource:
    """What deals or accounts have in them."""
    return Resource(
        f"{of}CustomFieldDatum",
        f"{of}CustomFieldData",
        (
            Reference(of, f"{of}Id", kind=f"{of}s"),
            Reference("field", "customFieldId", kind=f"{of}CustomFieldMeta"),
            Shown("value", "fieldValue"),
        ),
        one="custom_field",
        many="custom_fields",
        group="custom_fields",
        link=True,
    )


def kind_here(word: object) -> object:
    """What contacts' fields call listbox is multiselect here."""
    return "multiselect" if word in ("listbox", "multiselect") else kind_meant(word)


Title = Annotated[Name, Wire("fieldLabel"), About("Title", "Renewal date", show_example=False)]
Kind = Annotated[
    Literal["text", "textarea", "number", "currency", "date", "datetime", "dropdown", "radio", "multiselect",
            "checkbox", "hidden"],
    BeforeValidator(kind_here),
    Wire("fieldType"),
    About("Kind of field"),
]  # fmt: skip
OptionList = Annotated[
    list[Name], Wire("fieldOptions"), About("Choices, where the type has them", ["Small", "Large"], show_example=False)
]
Added = Annotated[list[Name], About("Choices to add", ["Huge"], show_example=False)]
InForms = Annotated[bool, Wire("isFormVisible"), About("Whether its forms show it", True, show_example=False)]


def joined(value: object) -> object:
    """Several choices, as one text."""
    return "||".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else value


Value = Annotated[
    str,
    BeforeValidator(joined),
    ValueOf("field"),
    CustomValue(),
    About('New value; several as "A||B", dates YYYY-MM-DD, money in currency units, "" to empty', "Commit",
          show_example=False),
]  # fmt: skip


async def made(call: Call, type: str, options: Sequence[str] | None) -> Json:
    """A new field; its options belong to it (reference 5.5)."""
    if options and type not in CHOICES:
        said = f"A {type} field has no options; {', '.join(CHOICES)} have."
        raise BadArguments(said, {**call.present_arguments, "type": "dropdown"}, example=True)
    if type in CHOICES and not options:
        raise BadArguments(
            f"A {type} field needs options.", {**call.present_arguments, "options": ["Small", "Large"]}, example=True
        )
    return await call()


async def with_options(call: Call, read: Json, resource: Resource, add: Sequence[str] | None) -> Json:
    """Options are replaced as a whole: those there are stay in front."""
    there = texts(as_object(read.get(resource.singular)).get("fieldOptions"))
    more = [one for one in dict.fromkeys(add or ()) if one.casefold() not in {other.casefold() for other in there}]
    return await call(add_options=None, field_options=[*there, *more] if more else None)


def takes_values(sent: Json, before: Json) -> str:
    return "Whatever stands in this field is deleted with it, and no undo brings it back."


async def put(call: Call, rows: Sequence[Json], field: str, create: Callable[[], Awaitable[Json]]) -> Json:
    """One value of one deal or account, whether it had one or not."""
    before = next((row for row in rows if str(row.get("customFieldId")) == field and row.get("id")), None)
    if before is None:
        return with_own_words(await create(), result="set")
    was = Shown("value", "fieldValue").read(before)
    return with_own_words(await call(id=before["id"]), result="changed", **({"before": was} if was is not None else {}))
