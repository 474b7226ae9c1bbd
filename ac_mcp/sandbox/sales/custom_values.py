"""Which values a custom field of a deal or an account takes (reference 5.5)."""

import re
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array
from ac_mcp.sandbox.rest.dates import parse
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.resource import Call
from ac_mcp.sandbox.rest.store import Row

SEVERAL = ("multiselect", "checkbox")
CHOSEN = ("dropdown", "radio", *SEVERAL)
TYPES = ("text", "textarea", "date", "datetime", "hidden", "currency", "number", *CHOSEN)

_NUMERIC = {"number": re.compile(r"-?\d{1,30}(\.\d{1,30})?"), "currency": re.compile(r"-?\d{1,18}")}


def wrong(detail: str) -> Refusal:
    """The one shape of these resources: a detail and nothing else (reference 2.5, shape 4)."""
    return Refusal(422, {"errors": [{"detail": detail}]})


def problem(meta: Row | None, given: Row) -> str | None:
    """Why a value cannot be saved, if it cannot."""
    if meta is None:
        return f"The custom field `{given.get('customFieldId')}` does not exist."
    value = given.get("fieldValue")
    if value in (None, "") or _fits(meta, value):
        return None
    return f"The custom field value `{value}` could not be saved to the custom field of type `{meta['fieldType']}`."


def _fits(meta: Row, value: Any) -> bool:
    kind = meta["fieldType"]
    if kind in CHOSEN:
        return set(_parts(value)) <= {str(option) for option in as_array(meta["fieldOptions"])}
    if kind in ("date", "datetime"):
        return parse(str(value)) is not None
    if kind in _NUMERIC:
        return _NUMERIC[kind].fullmatch(str(value)) is not None
    return isinstance(value, str | int | float)


def _parts(value: Any) -> list[str]:
    """A JSON array, or text between double pipes."""
    if isinstance(value, str):
        return [part for part in value.split("||") if part]
    return [str(part) for part in as_array(value)] or [str(value)]


def settled(meta: Row, value: Any) -> Any:
    """Several values are an array whichever way they were sent; the rest stays as it came."""
    return _parts(value) if meta["fieldType"] in SEVERAL and value not in (None, "") else value


def definition(call: Call, plural: str, given: Row) -> Row | None:
    return call.store.get(plural, given.get("customFieldId"))
