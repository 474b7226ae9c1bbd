"""The query of a list request: page, order, conditions, and builders for the filters that resources declare."""

import re
from collections.abc import Sequence

from .dates import parse_date
from .resource import Call, Filter, Resource
from .store import Clause, Where, as_id, contains_text, eq, starts_with_text

DEFAULT_LIMIT, MAX_LIMIT = 20, 100

COMPARISONS = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def parse_page(call: Call) -> tuple[int, int]:
    """Return limit and offset; the limit is 20 by default and for junk, and never more than 100 (reference 2.2)."""
    limit = parse_number(call.params.get("limit", "")) or DEFAULT_LIMIT
    return min(limit, MAX_LIMIT), parse_number(call.params.get("offset", ""))


def parse_number(text: str) -> int:
    """Parse a number as PHP reads a parameter: 0 for junk; too many digits give a large number."""
    if text.isascii() and text.isdigit():
        return as_id(text) or (10**15 if len(text) > 18 else 0)
    return 0


def conditions(call: Call, resource: Resource) -> Sequence[Where]:
    """Return the conditions of the parameters the resource has filters for; the others are ignored silently."""
    parameters = {re.sub(r"\[\d+\]$", "[]", key): value for key, value in call.query}
    found = [resource.filters[key](call, value) for key, value in parameters.items() if key in resource.filters]
    return [condition for condition in found if condition is not None]


def parse_order(call: Call, resource: Resource) -> str:
    orders = {"id": "{id}", **resource.orders}
    requested = {key[len("orders[") : -1]: value for key, value in call.params.items() if key.startswith("orders[")}
    sortable = [(orders[name], value.strip().lower()) for name, value in requested.items() if orders.get(name)]
    # Ids are numbers: with a collation, SQLite would sort the whole collection instead of walking its key.
    sorted_by = [(key if key == "{id}" else f"{key} COLLATE NOCASE", direction) for key, direction in sortable]
    return ", ".join(f"{key} {'DESC' if direction == 'desc' else 'ASC'}" for key, direction in sorted_by)


def equals(key: str) -> Filter:
    return lambda call, value: eq(key, value) if value else None


def contains(key: str) -> Filter:
    return lambda call, value: contains_text(key, value) if value else None


def starts_with(key: str) -> Filter:
    return lambda call, value: starts_with_text(key, value) if value else None


def compares_date(key: str, comparison: str) -> Filter:
    def build(call: Call, value: str) -> Where | None:
        moment = parse_date(value)
        return Clause(f"{{{key}}} {comparison} ?", (moment,)) if moment else None

    return build


def operator_filters(parameter: str, key: str) -> dict[str, Filter]:
    """Return the filters for `parameter` itself (contains) and its `[operator]` forms, as tags and lists have them."""
    found: dict[str, Filter] = {parameter: contains(key), f"{parameter}[contains]": contains(key)}
    found[f"{parameter}[starts_with]"] = starts_with(key)
    for name, comparison in COMPARISONS.items():
        found[f"{parameter}[{name}]"] = _compares(key, comparison)
    return found


def _compares(key: str, comparison: str) -> Filter:
    return lambda call, value: Clause(f"{{{key}}} {comparison} ? COLLATE NOCASE", (value,)) if value else None
