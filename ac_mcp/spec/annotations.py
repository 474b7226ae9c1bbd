"""Marks for parameter annotations: the description, what a name refers to, and the encoding for the API."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from ac_mcp.messages import Json
from ac_mcp.spec.values import to_cents

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class About:
    """The description of a parameter, and an example that suggested calls use as a placeholder."""

    text: str
    example: Any = field(default=None, hash=False)
    show_example: bool = True
    """Whether the description includes the example; an obvious value, such as a name, needs none."""

    @property
    def description(self) -> str:
        """The text the model reads."""
        return f"{self.text}, e.g. {self.example}" if self.show_example and self.example is not None else self.text


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Mark a parameter that is accepted but left out of the listed schema, whose tokens every conversation pays for.

    It suits parameters that are rarely needed: an answer that calls for one names it (`next_offset`).
    """


@dataclass(frozen=True, slots=True)
class Ref:
    """Mark a parameter that takes a name or an id of this kind. The handler only ever sees the id."""

    kind: str
    within: str = ""
    """The parameter whose value narrows the choice: the pipeline of a stage."""
    beside: str = ""
    """The parameter whose record narrows the choice where `within` is absent: the deal that changes its stage."""
    assigned: bool = False
    """The parameter is a list of `name=value`: names are resolved, values pass unchanged."""
    conditions: bool = False
    """The parameter is a list of conditions on records of this kind."""
    several: bool = False
    """The parameter is a list of names and ids."""

    @property
    def is_single(self) -> bool:
        """Whether the parameter takes exactly one name or id."""
        return not (self.assigned or self.conditions or self.several)


@dataclass(frozen=True, slots=True)
class ValueOf:
    """Mark a value that must suit the record named by another parameter, such as a custom field."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Wire:
    """The API's name for a parameter where camelCase does not give it, and the API's codes for our words."""

    name: str
    codes: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)

    def encode(self, value: Any) -> Json:
        """Return the attributes of the API that carry this value."""
        return {self.name: self.codes.get(value, value) if isinstance(value, str) else value}


@dataclass(frozen=True, slots=True)
class InQuery(Wire):
    """A parameter that belongs in the query string, whatever the method."""


@dataclass(frozen=True, slots=True)
class PathText:
    """Mark a path parameter that is not an id: an e-mail address or a name."""


@dataclass(frozen=True, slots=True)
class Cents(Wire):
    """An amount in currency units for people, in cents for the API (reference 5.1)."""

    def encode(self, value: Any) -> Json:
        return {self.name: to_cents(value)}


@dataclass(frozen=True, slots=True)
class Order(Wire):
    """A sort order as one word: `codes` maps it to `field direction`, sent as `orders[field]=direction`."""

    name: str = "orders"

    def encode(self, value: Any) -> Json:
        attribute, direction = self.codes[value].split()
        return {f"orders[{attribute}]": direction}


@dataclass(frozen=True, slots=True)
class After(Wire):
    """Paging by id, the only kind that stays fast in large accounts (reference 2.2)."""

    name: str = "id_greater"

    def encode(self, value: Any) -> Json:
        return {self.name: value, "orders[id]": "ASC"}


@dataclass(frozen=True, slots=True)
class FieldValues(Wire):
    """Custom field values by field id, in the form contacts take."""

    name: str = "fieldValues"

    def encode(self, value: Any) -> Json:
        return {self.name: [{"field": id, "value": text} for id, text in value.items()]}


@dataclass(frozen=True, slots=True)
class Multiple(Wire):
    """One value of a field, or several written as `A||B` where the field has choices."""

    name: str = "value"

    def encode(self, value: Any) -> Json:
        return {self.name: value}


@dataclass(frozen=True, slots=True)
class Cleared(Wire):
    """Names of attributes to empty: null clears an attribute, an omitted one stays (reference 2.1)."""

    name: str = ""

    def encode(self, value: Any) -> Json:
        return {camel(name): None for name in value}


def find_mark(annotation: Any, kind: type[M]) -> M | None:
    """Return the last mark of this kind at any depth of an annotation: an outer mark overrides those inside."""
    if isinstance(annotation, kind):
        return annotation
    return next(filter(None, (find_mark(part, kind) for part in reversed(get_args(annotation)))), None)


def camel(name: str) -> str:
    """Return a snake_case name in camelCase."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
