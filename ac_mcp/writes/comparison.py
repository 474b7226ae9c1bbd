"""Whether a row of the account is what somebody sent, though the API writes it in its own way."""

import html
import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from difflib import SequenceMatcher
from typing import Any, cast

from ac_mcp.messages import Json

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}")
ZONE = re.compile(r"(z|[+-][0-9]{2}:?[0-9]{2})$")
CUT = 20
"""Characters a text must have left to be one that was cut short."""
ALIKE = 0.8
"""From 0 to 1: how alike two texts must be for one to be the other, changed on the way."""


def is_same(sent: Json, row: Json) -> bool:
    """Every attribute that was sent and that the row shows is the same."""
    compared = [one == other for one, other in pairs(sent, row)]
    return bool(compared) and all(compared)


def is_similar(sent: Json, row: Json) -> bool:
    """All but a text are the same, and that looks as if the other side had changed it on the way."""
    found = list(pairs(sent, row))
    different = [(one, other) for one, other in found if one != other]
    return 0 < len(different) < len(found) and all(changed(one, other) for one, other in different)


def changed(one: str, other: str) -> bool:
    """The same text cut short, or written in another way."""
    if one.isdecimal() or other.isdecimal():
        return False
    if min(len(one), len(other)) >= CUT and (one.startswith(other) or other.startswith(one)):
        return True
    return digits_of(one) == digits_of(other) and SequenceMatcher(None, one, other).ratio() >= ALIKE


def digits_of(text: str) -> list[str]:
    """The numbers in a text: nobody changes those on the way."""
    return re.findall(r"\d+", text)


def pairs(sent: Json, row: Json) -> Iterable[tuple[str, str]]:
    """What was sent beside what the row says, where both say something comparable."""
    for key, value in sent.items():
        if key in row and value is not None and comparable(value) and comparable(row[key]):
            yield pair(value, row[key])


def pair(sent: Any, there: Any) -> tuple[str, str]:
    """Both in one spelling: of a moment the clock, unless both say in which zone."""
    one, other = normalize_value(sent), normalize_value(there)
    if not (MOMENT.match(one) and MOMENT.match(other)):
        return one, other
    zoned = [ZONE.search(text) is not None for text in (one, other)]
    if all(zoned):
        with suppress(ValueError):
            instants = [datetime.fromisoformat(text.upper()).astimezone(UTC) for text in (one, other)]
            return instants[0].isoformat()[:16], instants[1].isoformat()[:16]
    return one[:16].replace("t", " "), other[:16].replace("t", " ")


def comparable(value: Any) -> bool:
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(one, dict | list) for one in cast("list[Any]", value))
    )


def normalize_value(value: Any) -> str:
    """However a text is encoded, escaped, spaced or cased, and whether an id is a number or a text."""
    if isinstance(value, list):
        return "\n".join(sorted(normalize_value(one) for one in cast("list[Any]", value)))
    value = int(value) if isinstance(value, bool) else value  # flags are numbers where they are read (reference 2.3)
    text = html.unescape(str("" if value is None else value))
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
