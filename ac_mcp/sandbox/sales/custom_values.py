"""Validation of the values of custom fields of deals and accounts (reference 5.5)."""

import re
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array
from ac_mcp.sandbox.rest.dates import parse_date
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.resource import Call
from ac_mcp.sandbox.rest.store import Row

SEVERAL = ("multiselect", "checkbox")
CHOSEN = ("dropdown", "radio", *SEVERAL)
TYPES = ("text", "textarea", "date", "datetime", "hidden", "currency", "number", *CHOSEN)

_NUMERIC = {"number": re.compile(r"-?\d{1,30}(\.\d{1,30})?"), "currency": re.compile(r"-?\d{1,18}")}


def invalid_value(detail: str) -> Refusal:
    """Return a refusal in the shape of these resources: a detail and nothing else (reference 2.5, shape 4)."""
    return Refusal(422, {"errors": [{"detail": detail}]})


def find_problem(meta: Row | None, entry: Row) -> str | None:
    """Return why a value cannot be saved; None if it can."""
    if meta is None:
        return f"The custom field `{entry.get('customFieldId')}` does not exist."
    value = entry.get("fieldValue")
    if value in (None, "") or _fits(meta, value):
        return None
    return f"The custom field value `{value}` could not be saved to the custom field of type `{meta['fieldType']}`."


def _fits(meta: Row, value: Any) -> bool:
    kind = meta["fieldType"]
    if kind in CHOSEN:
        return set(_split(value)) <= {str(option) for option in as_array(meta["fieldOptions"])}
    if kind in ("date", "datetime"):
        return parse_date(str(value)) is not None
    if kind in _NUMERIC:
        return _NUMERIC[kind].fullmatch(str(value)) is not None
    return isinstance(value, str | int | float)


def _split(value: Any) -> list[str]:
    """Return the parts of a JSON array, or of text with double pipes between them."""
    if isinstance(value, str):
        return [part for part in value.split("||") if part]
    return [str(part) for part in as_array(value)] or [str(value)]


def normalize_value(meta: Row, value: Any) -> Any:
    """Return several values as an array, however they were sent, and any other value unchanged."""
    return _split(value) if meta["fieldType"] in SEVERAL and value not in (None, "") else value


def find_definition(call: Call, plural: str, entry: Row) -> Row | None:
    return call.store.get(plural, entry.get("customFieldId"))
