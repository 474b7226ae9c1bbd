"""The account's dates: ISO with its offset, clock stamps without a zone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

ZONE = timezone(timedelta(hours=-5))
ZERO = "0000-00-00 00:00:00"


def iso(moment: datetime) -> str:
    return moment.astimezone(ZONE).isoformat(timespec="seconds")


def clock(stamp: str | None) -> str | None:
    """`*_timestamp`: the local clock time of an ISO date, without zone whatever its name says (reference 2.4)."""
    return stamp[:19].replace("T", " ") if stamp else stamp


def shifted(moment: datetime) -> str:
    """The UTC clock time stamped with the local offset, as stages and pipelines do (reference 2.4)."""
    return moment.astimezone(UTC).replace(tzinfo=ZONE).isoformat(timespec="seconds")


def utc(moment: datetime) -> str:
    """The offset of custom fields is always zero (reference 2.4)."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


# The ways a column writes the moment of its creation.
FORMS: dict[str, Callable[[datetime], str | None]] = {
    "iso": iso,
    "utc": utc,
    "clock": lambda moment: clock(iso(moment)),
}


def parse(text: str) -> str | None:
    """A client's date as the account would write it; None for what is not a date."""
    try:
        moment = datetime.fromisoformat(text)
        return iso(moment if moment.tzinfo else moment.replace(tzinfo=ZONE))
    except (ValueError, OverflowError):
        return None
