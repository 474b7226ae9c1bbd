"""What a summary shows of a row: each column reads the API's spelling and gives a person's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, cast

from ac_mcp.messages import Json
from ac_mcp.text import truncate

NOTHING: tuple[Any, ...] = (None, "", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00", [], {})
"""The API's faces of "nothing" (reference 2.3)."""
SHORT, LONG, LONGEST = 500, 2000, 20_000
"""Characters of a name in a summary, of a longer text, and of a text in full."""
TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer"}
AMOUNTS: Json = {"type": "object", "additionalProperties": {"type": "number"}}
TEXTS: Json = {"type": "array", "items": TEXT}


@dataclass(frozen=True, slots=True)
class Column:
    """One entry of a summary: `name` is ours, `wire` the API's."""

    name: str
    wire: str = ""
    kind_of_value: ClassVar[Json] = TEXT
    """JSON Schema of what it shows."""
    free: ClassVar[bool] = False
    """Whatever somebody has written, at any length: marked as that, and left out where that is wished."""

    @property
    def key(self) -> str:
        return self.wire or self.name

    @property
    def keys(self) -> tuple[str, ...]:
        """The attributes of the API it speaks for."""
        return (self.key,)

    @property
    def properties(self) -> Mapping[str, Json]:
        """What it adds to a summary, as JSON Schema."""
        return {self.name: self.kind_of_value}

    def read(self, row: Json) -> Any:
        """The value a person would want, or None."""
        raw = row.get(self.key)
        return None if raw in NOTHING else self.display(raw)

    def read_full(self, row: Json) -> Any:
        """The same with nothing cut."""
        return self.read(row)

    def display(self, raw: Any) -> Any:
        return raw


@dataclass(frozen=True, slots=True)
class Text(Column):
    """Free text, at most `most` characters of it."""

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
    """What people write in their own words: notes, descriptions."""

    free: ClassVar[bool] = True
    most: int = LONG


@dataclass(frozen=True, slots=True)
class Number(Column):
    """A count: the API sends it as text."""

    kind_of_value: ClassVar[Json] = COUNT

    def display(self, raw: Any) -> Any:
        try:
            return int(raw)
        except (TypeError, ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Positive(Number):
    """A number that says nothing when it is 0."""

    def display(self, raw: Any) -> Any:
        return Number.display(self, raw) or None


@dataclass(frozen=True, slots=True)
class Date(Column):
    """The day, in the account's own time zone (reference 2.4)."""

    def display(self, raw: Any) -> Any:
        return str(raw)[:10]


@dataclass(frozen=True, slots=True)
class Time(Column):
    """Day and minute, in the account's own time zone."""

    def display(self, raw: Any) -> Any:
        return str(raw)[:16].replace("T", " ")


@dataclass(frozen=True, slots=True)
class Money(Column):
    """Cents on the wire, currency units for people (reference 5.1)."""

    kind_of_value: ClassVar[Json] = {"type": "number"}

    def display(self, raw: Any) -> Any:
        try:
            value = Decimal(str(raw))
            return (value / 100).quantize(Decimal("0.01")) if value.is_finite() else None
        except InvalidOperation:  # also what NaN and infinity end in
            return None


@dataclass(frozen=True, slots=True)
class Code(Column):
    """A code as a word; one we do not know is shown as it is."""

    codes: Mapping[str, str] = field(default_factory=dict[str, str])

    def display(self, raw: Any) -> Any:
        return self.codes.get(str(raw), str(raw))


@dataclass(frozen=True, slots=True)
class Flag(Column):
    """Shown only where it is set."""

    word: str | bool = True

    @property
    def properties(self) -> Mapping[str, Json]:
        return {self.name: {"type": "boolean"} if self.word is True else TEXT}

    def display(self, raw: Any) -> Any:
        return self.word if raw in (True, "1", 1) else None


@dataclass(frozen=True, slots=True)
class Joined(Column):
    """Several attributes as one: first and last name."""

    wires: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.wires

    def read(self, row: Json) -> Any:
        return truncate(" ".join(str(row[wire]).strip() for wire in self.wires if row.get(wire)), SHORT) or None


@dataclass(frozen=True, slots=True)
class Rate(Column):
    """A share in per cent, `wire` of `whole`: the API gives counts only (reference 7)."""

    whole: str = ""

    def read(self, row: Json) -> Any:
        part, whole = (Number(key).read(row) for key in (self.wire, self.whole))
        return f"{100 * part / whole:.1f}%" if part is not None and whole else None


@dataclass(frozen=True, slots=True)
class Several(Column):
    """Values of one attribute: a real list, or `||A||B||` (reference 9)."""

    kind_of_value: ClassVar[Json] = {"anyOf": [TEXT, TEXTS]}

    def display(self, raw: Any) -> Any:
        if isinstance(raw, list):
            return [truncate(str(one), LONG) for one in cast("list[Any]", raw)]
        several = isinstance(raw, str) and raw.startswith("||")
        return [truncate(one, LONG) for one in raw.strip("|").split("||")] if several else truncate(str(raw), LONG)


@dataclass(frozen=True, slots=True)
class Values(Several):
    """The value of a custom field."""

    free: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Reference(Column):
    """An id of another kind of thing: shown as `name` and `name_id`. "0" means none."""

    kind: str = ""

    @property
    def properties(self) -> Mapping[str, Json]:
        return {self.name: TEXT, f"{self.name}_id": TEXT}

    def display(self, raw: Any) -> Any:
        return None if str(raw) == "0" else str(raw)


@dataclass(frozen=True, slots=True)
class ReferenceList(Column):
    """Ids of several other things: shown as a list of `one` and `one_id`."""

    kind: str = ""
    singular: str = ""

    @property
    def properties(self) -> Mapping[str, Json]:
        each: Json = {self.singular: TEXT, f"{self.singular}_id": TEXT}
        return {self.name: {"type": "array", "items": {"type": "object", "properties": each}}}

    def display(self, raw: Any) -> Any:
        return [str(id) for id in cast("list[Any]", raw)] if isinstance(raw, list) else None
