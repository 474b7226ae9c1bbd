"""The columns of a summary: each reads an attribute of a row as the API spells it and returns it as people read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, cast

from ac_mcp.messages import Json
from ac_mcp.text import truncate

NOTHING: tuple[Any, ...] = (None, "", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00", [], {})
"""The values by which the API says "nothing" (reference 2.3)."""
SHORT, LONG, LONGEST = 500, 2000, 20_000
"""Most characters of a name in a summary, of a longer text there, and of a text shown in full."""
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer"}
AMOUNTS: Json = {"type": "object", "additionalProperties": {"type": "number"}}
TEXTS: Json = {"type": "array", "items": TEXT}


@dataclass(frozen=True, slots=True)
class Column:
    """One entry of a summary: `name` is our name, `wire` the API's where it differs."""

    name: str
    wire: str = ""
    kind_of_value: ClassVar[Json] = TEXT
    """The JSON Schema of a value."""
    free: ClassVar[bool] = False
    """The value is free text of any length from the account: answers mark it as such, and a setting hides it."""

    @property
    def key(self) -> str:
        """The attribute of the API it reads."""
        return self.wire or self.name

    @property
    def keys(self) -> tuple[str, ...]:
        """The attributes of the API it covers."""
        return (self.key,)

    @property
    def properties(self) -> Mapping[str, Json]:
        """The properties it adds to the JSON Schema of a summary."""
        return {self.name: self.kind_of_value}

    def read(self, row: Json) -> Any:
        """Return the value people read, or None if the row holds nothing."""
        raw = row.get(self.key)
        return None if raw in NOTHING else self.display(raw)

    def read_full(self, row: Json) -> Any:
        """Return the value for a row shown in full."""
        return self.read(row)

    def display(self, raw: Any) -> Any:
        """Return a value of the API, one that is not nothing, as people read it; None leaves it out."""
        return raw


@dataclass(frozen=True, slots=True)
class Text(Column):
    """A text, cut to `most` characters in a summary."""

    most: int = SHORT

    def display(self, raw: Any) -> Any:
        text = str(raw).strip()
        more = f'… ({len(text)} characters; reading with detail="full" shows all)'
        return text if len(text) <= self.most else text[: self.most] + more

    def read_full(self, row: Json) -> Any:
        raw = row.get(self.key)
        return None if raw in NOTHING else truncate(str(raw).strip(), LONGEST)


@dataclass(frozen=True, slots=True)
class Prose(Text):
    """Free text that people write: a note, a description."""

    free: ClassVar[bool] = True
    most: int = LONG


@dataclass(frozen=True, slots=True)
class Number(Column):
    """A whole number, which the API sends as text."""

    kind_of_value: ClassVar[Json] = COUNT

    def display(self, raw: Any) -> Any:
        try:
            return int(raw)
        except (TypeError, ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Positive(Number):
    """A number that is left out when it is 0."""

    def display(self, raw: Any) -> Any:
        return Number.display(self, raw) or None


@dataclass(frozen=True, slots=True)
class Date(Column):
    """A date, YYYY-MM-DD in the account's own time zone (reference 2.4)."""

    def display(self, raw: Any) -> Any:
        return str(raw)[:10]


@dataclass(frozen=True, slots=True)
class Time(Column):
    """A time, YYYY-MM-DD HH:MM in the account's own time zone."""

    def display(self, raw: Any) -> Any:
        return str(raw)[:16].replace("T", " ")


@dataclass(frozen=True, slots=True)
class Money(Column):
    """An amount in currency units, which the API holds in cents (reference 5.1)."""

    kind_of_value: ClassVar[Json] = {"type": "number"}

    def display(self, raw: Any) -> Any:
        try:
            value = Decimal(str(raw))
            return (value / 100).quantize(Decimal("0.01")) if value.is_finite() else None
        except InvalidOperation:  # NaN and infinity end here too
            return None


@dataclass(frozen=True, slots=True)
class Code(Column):
    """A code of the API as a word; an unknown code is shown as it is."""

    codes: Mapping[str, str] = field(default_factory=dict[str, str])

    def display(self, raw: Any) -> Any:
        return self.codes.get(str(raw), str(raw))


@dataclass(frozen=True, slots=True)
class Flag(Column):
    """A flag: `word` where it is set, left out otherwise."""

    word: str | bool = True

    @property
    def properties(self) -> Mapping[str, Json]:
        return {self.name: {"type": "boolean"} if self.word is True else TEXT}

    def display(self, raw: Any) -> Any:
        return self.word if raw in (True, "1", 1) else None


@dataclass(frozen=True, slots=True)
class Joined(Column):
    """Several attributes joined into one text: first and last name."""

    wires: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.wires

    def read(self, row: Json) -> Any:
        return truncate(" ".join(str(row[wire]).strip() for wire in self.wires if row.get(wire)), SHORT) or None


@dataclass(frozen=True, slots=True)
class Rate(Column):
    """A share in per cent, `wire` out of `whole`: the API returns only the two counts (reference 7)."""

    whole: str = ""

    def read(self, row: Json) -> Any:
        part, whole = (Number(key).read(row) for key in (self.wire, self.whole))
        return f"{100 * part / whole:.1f}%" if part is not None and whole else None


class OneValue(str):
    """A value of a field that holds no more than one, whatever bars are in it."""


def is_joined(text: str) -> bool:
    """Return whether a text has the API's form of several values: `||A||B||` (reference 9)."""
    return len(text) > 4 and text.startswith("||") and text.endswith("||")


@dataclass(frozen=True, slots=True)
class Several(Column):
    """An attribute with one value or several: text, a list, or `||A||B||` (reference 9)."""

    kind_of_value: ClassVar[Json] = {"anyOf": [TEXT, TEXTS]}

    def display(self, raw: Any) -> Any:
        if isinstance(raw, list):
            return [truncate(str(item), LONG) for item in cast("list[Any]", raw)]
        several = isinstance(raw, str) and not isinstance(raw, OneValue) and is_joined(raw)
        return [truncate(text, LONG) for text in raw.strip("|").split("||")] if several else truncate(str(raw), LONG)


@dataclass(frozen=True, slots=True)
class Values(Several):
    """The value of a custom field."""

    free: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Reference(Column):
    """The id of a record of another kind, shown as `name` and `name_id`; "0" means none."""

    kind: str = ""

    @property
    def properties(self) -> Mapping[str, Json]:
        return {self.name: TEXT, f"{self.name}_id": TEXT}

    def display(self, raw: Any) -> Any:
        return None if str(raw) == "0" else str(raw)


@dataclass(frozen=True, slots=True)
class ReferenceList(Column):
    """The ids of several records of another kind, shown as a list of `{singular: name, singular_id: id}`."""

    kind: str = ""
    singular: str = ""

    @property
    def properties(self) -> Mapping[str, Json]:
        item: Json = {self.singular: TEXT, f"{self.singular}_id": TEXT}
        return {self.name: {"type": "array", "items": {"type": "object", "properties": item}}}

    def display(self, raw: Any) -> Any:
        return [str(id) for id in cast("list[Any]", raw)] if isinstance(raw, list) else None
