"""Comparing a row with what was sent, though the API spells values in its own way."""

import html
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Any, cast

from ac_mcp.messages import Json
from ac_mcp.text import fold

MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}")
ZONE = re.compile(r"(z|[+-][0-9]{2}:?[0-9]{2})$")
BY_ITSELF = re.compile(
    r"date|time|stamp|count|total|score|probability|activit|links|hash|gravatar|^(id|uuid|rating|ip\d?|edition)$|"
    r"^(next|last|win|total)|email_(local|domain|empty)|_by$|^(created|updated|changed)",
    re.I,
)
"""Attributes that change without anybody's doing, or with work on another record: dependents are looked at apart."""
CUT = 20
"""Characters that a text must have left to count as one that was cut short."""
ALIKE = 0.8
"""How similar two texts must be, from 0 to 1, for one to be the other as the API changed it."""


def is_same(sent: Json, row: Json) -> bool:
    """Return whether the row shows every attribute that was sent with the same value."""
    compared = [left == right for left, right in pairs(sent, row)]
    return bool(compared) and all(compared)


def is_similar(sent: Json, row: Json) -> bool:
    """Return whether only texts differ, and only as if the API had changed them on the way."""
    found = list(pairs(sent, row))
    different = [(left, right) for left, right in found if left != right]
    return 0 < len(different) < len(found) and all(changed(left, right) for left, right in different)


def changed(left: str, right: str) -> bool:
    """Return whether one text is the other, cut short or spelled in another way."""
    if left.isdecimal() or right.isdecimal():
        return False
    if min(len(left), len(right)) >= CUT and (left.startswith(right) or right.startswith(left)):
        return True
    return digits_of(left) == digits_of(right) and SequenceMatcher(None, left, right).ratio() >= ALIKE


def digits_of(text: str) -> list[str]:
    """Return the numbers in a text: the API changes none of them on the way."""
    return re.findall(r"\d+", text)


def pairs(sent: Json, row: Json) -> Iterable[tuple[str, str]]:
    """Yield each value that was sent beside the row's value, where both can be compared."""
    for key, value in sent.items():
        if key in row and value is not None and comparable(value) and comparable(row[key]):
            yield pair(value, row[key])


def pair(sent: Any, current: Any) -> tuple[str, str]:
    """Return two values in one spelling. Of a time only date and minute count, unless both have a zone."""
    left, right = normalize_value(sent), normalize_value(current)
    if not (MOMENT.match(left) and MOMENT.match(right)):
        return left, right
    zoned = [ZONE.search(text) is not None for text in (left, right)]
    if all(zoned):
        with suppress(ValueError):
            instants = [datetime.fromisoformat(text.upper()).astimezone(UTC) for text in (left, right)]
            return instants[0].isoformat()[:16], instants[1].isoformat()[:16]
    return left[:16].replace("t", " "), right[:16].replace("t", " ")


def digests_of(row: Json) -> dict[str, str]:
    """Return a digest of each attribute of a row that only a person changes."""
    return {
        key: digest(value)
        for key, value in row.items()
        if comparable(value) and not is_list_of_ids(value) and not BY_ITSELF.search(key)
    }


def is_list_of_ids(value: Any) -> bool:
    """Return whether a value lists other records, which are looked at apart."""
    return isinstance(value, list) and all(str(item).isdecimal() for item in cast("list[Any]", value))


def digest(value: Any) -> str:
    """Return a short digest of a value in one spelling; "" for an empty one."""
    text = normalize_value(value)
    return sha256(text.encode()).hexdigest()[:12] if text not in ("", "0") else ""


def comparable(value: Any) -> bool:
    """Return whether a value holds no objects."""
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(item, dict | list) for item in cast("list[Any]", value))
    )


def normalize_value(value: Any) -> str:
    """Return a value as text without encoding, escapes, extra spaces and case; numbers as text."""
    if isinstance(value, list):
        return "\n".join(sorted(normalize_value(item) for item in cast("list[Any]", value)))
    value = int(value) if isinstance(value, bool) else value  # flags are numbers where they are read (reference 2.3)
    text = html.unescape(str("" if value is None else value))
    return fold(text)
