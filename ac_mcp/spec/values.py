"""Values as people and spreadsheets write them: taken as they are, cleaned where that is unambiguous, or refused."""

import json
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ac_mcp.text import bare, fold, visible

WRAPPED = re.compile(
    r"""<(.*)>|"(.*)"|'(.*)'|\((.*)\)|\[(.*)\]|\u201c(.*)\u201d|\u2018(.*)\u2019|\u00ab(.*)\u00bb""", re.S
)
NAMED = re.compile(r"(?P<label>[^<>]*)<(?P<address>[^<>]*)>", re.S)
"""A name before an address in angle brackets."""
LINK = re.compile(r"mailto:([^?]*)(\?.*)?", re.I | re.S)
NO_ADDRESS = r"\s@<>()\[\]\\,;:\"\u201c\u201d\u2018\u00ab\u00bb\ufffd\x00-\x1f\x7f"
LABEL = rf"[^.!?'\u2019{NO_ADDRESS}]+"
EMAIL = re.compile(rf"[^{NO_ADDRESS}]+@{LABEL}(\.{LABEL})+")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
DAMAGED = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?E\+?[0-9]{2,3}", re.I)
"""How spreadsheets show a long number: the digits behind are gone."""
PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
SCIENTIFIC = re.compile(r"-?[0-9](\.[0-9]+)?E[+-]?[0-9]{1,2}", re.I)
AMBIGUOUS = re.compile(r"-?[0-9]{1,3}[.,][0-9]{3}")
"""A number whose separator is that of the thousands to some, that of the decimals to others."""
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:[.,][0-9]{1,9})? ?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.I,
)
MULTIPLE_CHOICE = ("checkbox", "listbox")
"""Types of contacts' fields that hold several values, as `||A||B||`; `||` in any other field is a part of its text."""
CHECKED_TYPES = (*MULTIPLE_CHOICE, "dropdown", "radio", "date", "datetime", "number")
"""Types of contacts' fields that do not hold any text."""
DECIMALS = 2
"""Decimals of an amount: the API holds a hundredth of the unit, of every currency."""
LONGEST_EMAIL, LARGEST_AMOUNT = 254, 10**13


def short(text: str) -> str:
    """Return a text in quotes as a message shows it, cut to 80 characters."""
    return json.dumps(text[:80], ensure_ascii=False)


def parse_email(text: str) -> str:
    """Return the e-mail address in a text: `mailto:`, `Ann <…>`, quotes, and a full stop at the end are left off.

    Raises:
        ValueError: if the text is no address, or more than one.
    """
    address = unwrap_email(text)
    if len(address) > LONGEST_EMAIL or not EMAIL.fullmatch(address):
        raise ValueError("is not an e-mail address, such as ann@example.com")
    return address


def unwrap_email(text: str) -> str:
    """Return a text without what people and programs put around an e-mail address."""
    address, before = bare(text).strip(), ""
    while address != before and len(address) <= 10 * LONGEST_EMAIL:
        before = address
        address = address.rstrip(".,;:!?").strip()
        for form in (LINK, NAMED, WRAPPED):
            if found := form.fullmatch(address):
                inner = (found["address"] if form is NAMED else next(filter(None, found.groups()), "")).strip()
                label = found["label"].strip(" \"'") if form is NAMED else ""
                address = address if "@" in label and fold(label) != fold(inner) else inner
    return address


def clean_email(value: Any) -> Any:
    """Return the e-mail address in a text; any other value unchanged."""
    try:
        return parse_email(value) if isinstance(value, str) else value
    except ValueError:
        return value


def parse_name(text: str) -> str:
    """Return a name without invisible characters that join nothing.

    Raises:
        ValueError: if nothing is left of it.
    """
    name = visible(text).strip()
    if text.strip() and not name:
        raise ValueError("holds nothing that can be seen")
    return name


def clean_name(value: Any) -> Any:
    """Return a text without invisible characters that join nothing; any other value unchanged."""
    return visible(value).strip() if isinstance(value, str) else value


def parse_phone(text: str) -> str:
    """Return a phone number without invisible characters; raise ValueError if a spreadsheet has damaged it."""
    return require_undamaged(parse_name(text))


def require_undamaged(text: str) -> str:
    """Return a text unchanged; raise ValueError if it is a number that a spreadsheet has cut."""
    if DAMAGED.fullmatch(text.strip()):
        raise ValueError("is a number that a spreadsheet has cut: write all of its digits, as text")
    return text


def require_text(text: str) -> str:
    """Return a text unchanged.

    Raises:
        ValueError: if it holds control characters, or is a number that a spreadsheet has cut.
    """
    if found := CONTROL.search(text):
        raise ValueError(f"holds a control character (U+{ord(found[0]):04X}), which no text may")
    try:
        return require_undamaged(text)
    except ValueError as error:
        raise ValueError(f"takes a text; {short(text)} {error}") from None


def parse_choice(stored: Mapping[str, str], text: str, options: Collection[str]) -> str:
    """Return the stored value of a choice, by label or value: of the exact spelling, else without regard to case.

    Raises:
        ValueError: if it is none of the options, or two of them differ from it in case only.
    """
    wanted = text.strip()
    if wanted in stored:
        return stored[wanted]
    found = {value: name for name, value in stored.items() if fold(name) == fold(wanted)}
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise ValueError(f"has the choices {' and '.join(map(short, found.values()))}: {short(text)} could be either")
    raise ValueError(f"takes {', '.join(options)}; {short(text)} is none of them")


def split_choices(stored: Mapping[str, str], text: str) -> list[str]:
    """Split `A||B` into its choices, also `A, B` or `A; B` if each part is one."""
    parts, names = text.strip("|").split("||"), {fold(name) for name in stored}
    if len(parts) == 1 and fold(text) not in names:
        for separator in ",;":
            others = [part.strip() for part in text.split(separator)]
            if len(others) > 1 and all(fold(part) in names for part in others):
                return others
    return [part for part in parts if part.strip()]


def parse_number(text: str) -> str:
    """Return a plain decimal number; `4.9E+12` with all of its digits.

    Raises:
        ValueError: for any other text.
    """
    number = bare(text).strip()
    if PLAIN.fullmatch(number):
        return number
    if SCIENTIFIC.fullmatch(number):
        return f"{Decimal(number):f}"
    if AMBIGUOUS.fullmatch(number):
        raise ValueError(f"takes a plain number; {short(number)} {describe_readings(number)}")
    raise ValueError(f"takes a plain number; {short(text)} is none")


def describe_readings(number: str) -> str:
    """Return that a number such as `1.234` could mean two."""
    whole, decimals = re.sub("[.,]", "", number), number.replace(",", ".")
    return f"could mean {whole} or {float(decimals):g}"


def require_clear_amount(value: Any) -> Any:
    """Return an amount unless it is a text that can be read in two ways, or one with an exponent.

    Raises:
        ValueError: with both readings, or with what is wrong.
    """
    if not isinstance(value, str):
        return value
    text = bare(value).strip()
    if AMBIGUOUS.fullmatch(text):
        raise ValueError(f"{describe_readings(text)}: give a plain number")
    if re.fullmatch(r"[+-]?[0-9_.]*(_|[0-9]\.?E[+-]?)[0-9]+", text, re.I):
        raise ValueError("is no plain number: write all of its digits")
    return text


def parse_amount(text: str) -> Decimal:
    """Return an amount in currency units.

    Raises:
        ValueError: if it is no plain number, can be read in two ways, or has more than two decimals.
    """
    number = bare(text).strip()
    if AMBIGUOUS.fullmatch(number):
        raise ValueError(f"takes a plain number; {short(number)} {describe_readings(number)}")
    if not PLAIN.fullmatch(number):
        raise ValueError(f"takes a plain number; {short(text)} is none")
    try:
        return require_whole_cents(Decimal(number))
    except ValueError as error:
        raise ValueError(f"takes an amount; {short(text)} {error}") from None


def require_whole_cents(amount: Decimal | float) -> Decimal:
    """Return an amount; raise ValueError if it is too large or has more than two decimals."""
    exact = Decimal(str(amount))
    if abs(exact) > LARGEST_AMOUNT:
        raise ValueError(f"is too large for an amount: at most {LARGEST_AMOUNT}")
    if exact != round(exact, DECIMALS):
        raise ValueError(f"has more than two decimals, and no amount is rounded here: {round(exact, DECIMALS)} has two")
    return exact


def to_cents(amount: Decimal | float) -> int:
    """Return an amount in hundredths; raise ValueError if that would round it."""
    return int(require_whole_cents(amount) * 100)


def require_cents(value: Any) -> Any:
    """Return an amount in cents; raise ValueError if it is no whole number."""
    if value is None or type(value) is int or (isinstance(value, str) and re.fullmatch("-?[0-9]+", value.strip())):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError("is in cents: a whole number, such as 1999 for 19.99")


def parse_date(text: str) -> str:
    """Return a date of the form YYYY-MM-DD; raise ValueError for any other text."""
    day = bare(text).strip()
    if not is_day(day):
        raise ValueError(f"takes a date of the form YYYY-MM-DD; {short(text)} is none")
    return day


def is_day(text: str) -> bool:
    """Return whether a text is a date that exists, without a time."""
    return bool(DATE.fullmatch(text)) and is_iso(text)


def parse_datetime(text: str) -> str:
    """Return a date and time in ISO 8601 to the second, with the offset if there is one; a day alone is its midnight.

    Raises:
        ValueError: for any other text.
    """
    if found := DATETIME.fullmatch(bare(text).strip()):
        day, time, seconds, zone = found.groups()
        moment = f"{day}T{time or '00:00'}{seconds or ':00'}{(zone or '').upper()}"
        if re.search("[+-][0-9]{4}$", moment):
            moment = f"{moment[:-2]}:{moment[-2:]}"
        if is_iso(moment):
            return moment
    raise ValueError(
        f"takes a date and time such as 2026-12-31T10:00:00+01:00 (without an offset: the account's time); "
        f"{short(text)} is none"
    )


def is_iso(text: str) -> bool:
    """Return whether a date, or a date and time, exists."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_same_moment(left: str, right: str) -> bool:
    """Return whether two texts are the same moment. Where only one has an offset, the clocks are compared."""
    try:
        first, second = (datetime.fromisoformat(parse_datetime(text)) for text in (left, right))
    except ValueError:
        return False
    if first.tzinfo is None or second.tzinfo is None:
        return first.replace(tzinfo=None) == second.replace(tzinfo=None)
    return first == second


def is_same_value(left: str, right: str) -> bool:
    """Return whether two values of a custom field are the same; moments are, whatever their offset."""
    return left == right or (bool(re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]", left)) and is_same_moment(left, right))


def number_text(value: float) -> str:
    """Return a number as text, without `.0` where it is whole and all of its digits are right."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)
