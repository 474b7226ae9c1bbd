"""What a list request asks for: page, order, and the small builders of declared filters."""

import re
from collections.abc import Sequence

from .dates import parse
from .resource import Call, Filter, Resource
from .store import Clause, Where, as_id, eq, holds, starts

LIMIT, CAP = 20, 100

COMPARISONS = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def page(call: Call) -> tuple[int, int]:
    """Limit and offset: 20 by default and for junk, never more than 100 (reference 2.2)."""
    limit = whole(call.params.get("limit", "")) or LIMIT
    return min(limit, CAP), whole(call.params.get("offset", ""))


def whole(text: str) -> int:
    """A number as PHP reads a parameter: junk is 0, the absurdly long is merely large."""
    if text.isascii() and text.isdigit():
        return as_id(text) or (10**15 if len(text) > 18 else 0)
    return 0


def conditions(call: Call, resource: Resource) -> Sequence[Where]:
    """The conditions of the known parameters; every unknown one is ignored silently."""
    given = {re.sub(r"\[\d+\]$", "[]", key): value for key, value in call.query}
    found = [resource.filters[key](call, value) for key, value in given.items() if key in resource.filters]
    return [condition for condition in found if condition is not None]


def ordering(call: Call, resource: Resource) -> str:
    orders = {"id": "{id}", **resource.orders}
    given = {key[len("orders[") : -1]: value for key, value in call.params.items() if key.startswith("orders[")}
    known = [(orders[name], value.strip().lower()) for name, value in given.items() if name in orders]
    # Ids are numbers: a collation would keep SQLite from walking its key, and sort the whole collection instead.
    sorted_by = [(key if key == "{id}" else f"{key} COLLATE NOCASE", way) for key, way in known]
    return ", ".join(f"{key} {'DESC' if way == 'desc' else 'ASC'}" for key, way in sorted_by)


def equals(key: str) -> Filter:
    return lambda call, value: eq(key, value) if value else None


def contains(key: str) -> Filter:
    return lambda call, value: holds(key, value) if value else None


def starting(key: str) -> Filter:
    return lambda call, value: starts(key, value) if value else None


def dated(key: str, comparison: str) -> Filter:
    def build(call: Call, value: str) -> Where | None:
        moment = parse(value)
        return Clause(f"{{{key}}} {comparison} ?", (moment,)) if moment else None

    return build


def operators(parameter: str, key: str) -> dict[str, Filter]:
    """`parameter` itself (contains) and its `[operator]` forms, as tags and lists have them."""
    found: dict[str, Filter] = {parameter: contains(key), f"{parameter}[contains]": contains(key)}
    found[f"{parameter}[starts_with]"] = starting(key)
    for name, comparison in COMPARISONS.items():
        found[f"{parameter}[{name}]"] = _compared(key, comparison)
    return found


def _compared(key: str, comparison: str) -> Filter:
    return lambda call, value: Clause(f"{{{key}}} {comparison} ? COLLATE NOCASE", (value,)) if value else None
