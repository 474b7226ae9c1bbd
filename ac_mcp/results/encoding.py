"""An answer as text: compact JSON with money to the cent, within a budget of tokens."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from ac_mcp.messages import Json
from ac_mcp.text import visible

BUDGET = 6000
"""Tokens an answer may have; about 3.5 characters of JSON make one."""
CHARACTERS = 3.5


def render(value: Any) -> str:
    """Compact JSON; a Decimal is a number with both its decimals, which the standard encoder cannot write."""
    match value:
        case Decimal():
            return f"{value:.2f}"
        case Mapping():
            pairs = cast("Mapping[str, Any]", value).items()
            return "{" + ",".join(f"{render(str(key))}:{render(one)}" for key, one in pairs) + "}"
        case list() | tuple():
            return "[" + ",".join(map(render, cast("list[Any]", value))) + "]"
        case str():
            return json.dumps(visible(value), ensure_ascii=False)
        case _:
            return json.dumps(value, ensure_ascii=False)


def fit_to_budget(answer: Json, offset: int = 0, budget: int = BUDGET) -> Json:
    """The answer without the rows that would break its budget, and where to go on; a value is never cut."""
    listed = max(
        (key for key, value in answer.items() if isinstance(value, list)), key=lambda k: len(answer[k]), default=""
    )
    room = budget * CHARACTERS - len(render({**answer, listed: []}))
    rows: list[Any] = answer.get(listed, [])
    for place, row in enumerate(rows):
        room -= len(render(row)) + 1
        if room < 0 and place:
            left = {**answer, listed: rows[:place]}
            if "remaining" in answer:
                return left | {
                    "next_after_id": rows[place - 1]["id"],
                    "remaining": answer["remaining"] + len(rows) - place,
                }
            return left | ({"next_offset": offset + place} if "total" in answer else {"left_out": len(rows) - place})
    return answer
