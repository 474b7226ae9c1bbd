"""Date formats of the account: ISO with its offset, and clock times without a zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=-5))
ZERO = "0000-00-00 00:00:00"


def iso(moment: datetime) -> str:
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


def clock(stamp: str | None) -> str | None:
    """Return the local clock time of an ISO date, as `*_timestamp` keys have it: without a zone (reference 2.4)."""
    return stamp[:19].replace("T", " ") if stamp else stamp


def utc_clock_as_local(moment: datetime) -> str:
    """Return the UTC clock time with the local offset, as stages and pipelines have it (reference 2.4)."""
    return moment.astimezone(UTC).replace(tzinfo=ZONE).isoformat(timespec="seconds")


def utc(moment: datetime) -> str:
    """Return an ISO date in UTC, as custom fields have it (reference 2.4)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


# The formats in which a column has the time of creation.
STAMP_FORMATS: dict[str, Callable[[datetime], str | None]] = {
    "iso": iso,
    "utc": utc,
    "clock": lambda moment: clock(iso(moment)),
}


def parse_date(text: str) -> str | None:
    """Return a client's date as the account writes it; None if it is not a date."""
    try:
        moment = datetime.fromisoformat(text)
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=ZONE))
    except (ValueError, OverflowError):
        return None
