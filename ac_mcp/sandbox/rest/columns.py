"""Rows declared as text: ordered `key=value` pairs, and how a stored row becomes one of the API."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from .dates import clock
from .store import Row

Kind = Literal["value", "now", "clock", "copy", "id", "links"]


@dataclass(frozen=True)
class Column:
    """One key of a row: a constant until written, the moment of creation, or derived from another key."""

    name: str
    kind: Kind
    value: Any = None


def columns(text: str) -> tuple[Column, ...]:
    """Read `key=text`; `~` is null, `[]` a list, `#6` a number, `!` false, `@now @id @links` what they say,
    `@utc` and `@clock` other ways to write now, `^other` the clock time of another key, `>other` a copy of it
    (null for "0")."""
    return tuple(_column(*token.split("=", 1)) for token in shlex.split(text))


_MOMENTS = {"@now": "iso", "@utc": "utc", "@clock": "clock"}


def _column(name: str, value: str) -> Column:
    if value in _MOMENTS:
        return Column(name, "now", _MOMENTS[value])
    if value in ("@id", "@links"):
        return Column(name, "id" if value == "@id" else "links")
    if value[:1] in ("^", ">"):
        return Column(name, "clock" if value[0] == "^" else "copy", value[1:])
    return Column(name, "value", literal(value))


def literal(text: str) -> Any:
    if text.startswith("#"):
        return int(text[1:])
    constants: Row = {"~": None, "[]": [], "!": False}
    return constants.get(text, text)


def render(shape: Iterable[Column], row: Row, links: Any) -> Row:
    return {column.name: _value(column, row, links) for column in shape}


def _value(column: Column, row: Row, links: Any) -> Any:
    match column.kind:
        case "links":
            return links
        case "now":
            return row.get(column.name)
        case "clock":
            return clock(row.get(column.value))
        case "copy":
            source = row.get(column.value)
            return None if source in ("0", "") else source
        case _:
            return row.get(column.name, column.value)


def text(value: Any) -> str | None:
    """A sent value as the database keeps it: every scalar is text (reference 2.3)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def number(value: Any) -> Any:
    """The rare stored text that is shown as a number; anything else stays what it is."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else value


def as_object(value: Any) -> Row:
    return cast(Row, value) if isinstance(value, dict) else {}


def as_array(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
