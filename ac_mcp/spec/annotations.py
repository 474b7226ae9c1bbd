"""What a parameter's annotation may carry: its text for the model, what it refers to, how it goes on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar, get_args

from ac_mcp.messages import Json

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class About:
    """What the model reads of a parameter. The example also fills in for it in a suggested call."""

    text: str
    example: Any = field(default=None, hash=False)
    show_example: bool = True
    """Whether the example stands in the description; a plain word like a name needs none."""

    @property
    def description(self) -> str:
        return f"{self.text}, e.g. {self.example}" if self.show_example and self.example is not None else self.text


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Taken, but not in the tool's listed schema, where every word is paid for by every conversation.

    For what hardly anybody needs: an answer that could need it names it (`next_offset`).
    """


@dataclass(frozen=True, slots=True)
class Ref:
    """A parameter that takes a name or an id of this kind of thing; operations only ever see the id."""

    kind: str
    within: str = ""
    """The parameter whose value narrows the choice: a stage within a pipeline."""
    beside: str = ""
    """The parameter of a thing whose own place narrows it otherwise: the deal that is to change its stage."""
    assigned: bool = False
    """The parameter is a list of `name=value`: the names are resolved, the values kept."""
    conditions: bool = False
    """The parameter is a list of conditions on that kind of thing."""
    several: bool = False
    """The parameter is a list of names and ids."""

    @property
    def is_single(self) -> bool:
        """It takes one name or id."""
        return not (self.assigned or self.conditions or self.several)


@dataclass(frozen=True, slots=True)
class ValueOf:
    """A value for the thing another parameter names: it has to be one that thing can take."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Wire:
    """The API's name for a parameter where it is not plain camelCase, and its codes for our words."""

    name: str
    codes: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)

    def encode(self, value: Any) -> Json:
        return {self.name: self.codes.get(value, value) if isinstance(value, str) else value}


@dataclass(frozen=True, slots=True)
class InQuery(Wire):
    """It stands in the query, whatever the method."""


@dataclass(frozen=True, slots=True)
class PathText:
    """A part of a path that is no id: an e-mail address, a name."""


@dataclass(frozen=True, slots=True)
class Cents(Wire):
    """Money is in currency units for people and in cents for the API (reference 5.1)."""

    def encode(self, value: Any) -> Json:
        return {self.name: int((Decimal(str(value)) * 100).to_integral_value())}


@dataclass(frozen=True, slots=True)
class Order(Wire):
    """One word for a sort order: `codes` gives `field direction`, sent as `orders[field]=direction`."""

    name: str = "orders"

    def encode(self, value: Any) -> Json:
        attribute, direction = self.codes[value].split()
        return {f"orders[{attribute}]": direction}


@dataclass(frozen=True, slots=True)
class After(Wire):
    """Paging by id: the only kind that stays fast in large accounts (reference 2.2)."""

    name: str = "id_greater"

    def encode(self, value: Any) -> Json:
        return {self.name: value, "orders[id]": "ASC"}


@dataclass(frozen=True, slots=True)
class FieldValues(Wire):
    """Custom field values by field id, as contacts take them."""

    name: str = "fieldValues"

    def encode(self, value: Any) -> Json:
        return {self.name: [{"field": id, "value": join_values(text)} for id, text in value.items()]}


@dataclass(frozen=True, slots=True)
class Multiple(Wire):
    """A value, or several as `A||B`."""

    name: str = "value"

    def encode(self, value: Any) -> Json:
        return {self.name: join_values(value)}


@dataclass(frozen=True, slots=True)
class Cleared(Wire):
    """Names of attributes to empty: null clears, an omitted one is kept (reference 2.1)."""

    name: str = ""

    def encode(self, value: Any) -> Json:
        return {camel(name): None for name in value}


def join_values(text: str) -> str:
    """`A||B` as the API stores several values of one field: `||A||B||` (reference 9)."""
    return f"||{text.strip('|')}||" if "||" in text.strip("|") else text


def find_mark(annotation: Any, kind: type[M]) -> M | None:
    """The last mark of this kind, however deep an annotation holds it: an outer one overrides those inside."""
    if isinstance(annotation, kind):
        return annotation
    return next(filter(None, (find_mark(part, kind) for part in reversed(get_args(annotation)))), None)


def camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)
