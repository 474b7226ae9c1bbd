"""Columns, declared as ordered `key=value` text, and the rendering of a stored row as JSON of the API."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

from .dates import clock
from .store import Row

Kind = Literal["value", "now", "clock", "copy", "id", "links"]


@dataclass(frozen=True)
class Column:
    """One key of a row: a default until written, the time of creation, or derived from another key."""

    name: str
    kind: Kind
    value: Any = None


def columns(text: str) -> tuple[Column, ...]:
    """Parse `key=value` pairs, which spaces separate.

    A value is text, or one of: `~` null, `[]` an empty list, `#6` a number, `!` false, `@id` the row's id, `@links` its
    links, `@now`, `@utc` and `@clock` the time of creation (see `dates`), `^other` the clock time of another key,
    `>other` a copy of another key (null for "0").
    """
    return tuple(_parse_column(*token.split("=", 1)) for token in shlex.split(text))


_STAMPS = {"@now": "iso", "@utc": "utc", "@clock": "clock"}


def _parse_column(name: str, value: str) -> Column:
    if value in _STAMPS:
        return Column(name, "now", _STAMPS[value])
    if value in ("@id", "@links"):
        return Column(name, "id" if value == "@id" else "links")
    if value[:1] in ("^", ">"):
        return Column(name, "clock" if value[0] == "^" else "copy", value[1:])
    return Column(name, "value", parse_literal(value))


def parse_literal(text: str) -> Any:
    if text.startswith("#"):
        return int(text[1:])
    constants: Row = {"~": None, "[]": [], "!": False}
    return constants.get(text, text)


def render(shape: Iterable[Column], row: Row, links: Any) -> Row:
    return {column.name: _render_value(column, row, links) for column in shape}


def _render_value(column: Column, row: Row, links: Any) -> Any:
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


def to_text(value: Any) -> str | None:
    """Return a sent value as the API stores it: every scalar is text (reference 2.3)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def to_number(value: Any) -> Any:
    """Return stored digits as a number, and any other value unchanged."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19 else value


def as_object(value: Any) -> Row:
    return cast(Row, value) if isinstance(value, dict) else {}


def as_array(value: Any) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
