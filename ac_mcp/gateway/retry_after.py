"""Parse a Retry-After header, also the forms that no standard knows."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_PAUSE = 900.0
"""Seconds: a longer pause is not believed."""
GUESSED_PAUSE = 20.0
"""Seconds of the pause where the header is not understood. A waiting call outlasts it; its request then finds out."""
NUMBER = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)\s*(?:(ms|millis\w*)|(s|sec\w*)|(m|min\w*))?", re.I | re.ASCII)
"""A number, and a group for each unit it may have: milliseconds, seconds, minutes."""
EPOCH = (1e9, 1e11)
"""Numbers in this range are seconds since 1970, a thousand times that are milliseconds."""


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Parse a Retry-After header into seconds from now; None without one.

    It may be a number with or without a unit, a date, or a moment since 1970 in seconds or milliseconds. Of several
    values the longest counts. What is not understood, or is longer than LONGEST_PAUSE, gives GUESSED_PAUSE.
    """
    if value is None or not value.strip():
        return None
    text = value.strip()[:200]
    date = None if NUMBER.fullmatch(text) else parse_date(text)
    moments = [date] if date else [parse_part(part.strip(), now) for part in text.split(",")]
    seconds = [(m - now).total_seconds() if isinstance(m, datetime) else m for m in moments]
    readable = [s for s in seconds if s is not None and s <= LONGEST_PAUSE]
    return max(0.0, *readable) if len(readable) == len(seconds) else GUESSED_PAUSE


def parse_part(text: str, now: datetime) -> float | datetime | None:
    """Parse one value into seconds or a moment; None if it is not understood."""
    found = NUMBER.fullmatch(text)
    if not found:
        return parse_date(text)
    number, in_milliseconds, in_seconds, in_minutes = found.groups()
    seconds = float(number) * (0.001 if in_milliseconds else 60.0 if in_minutes else 1.0)
    has_unit = in_milliseconds or in_seconds or in_minutes
    for scale in (1.0, 1000.0):
        if not has_unit and EPOCH[0] * scale <= seconds < EPOCH[1] * scale:
            return seconds / scale - now.timestamp()
    return seconds


def parse_date(text: str) -> datetime | None:
    """Parse a date of HTTP or of ISO 8601; without a zone it is UTC. None for anything else."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except (ValueError, TypeError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
