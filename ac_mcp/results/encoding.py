"""An answer as text: compact JSON with money to the cent, within a token budget."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from ac_mcp.messages import Json
from ac_mcp.text import visible

BUDGET = 6000
"""The default limit of an answer, in tokens."""
CHARACTERS = 3.5
"""Characters of JSON per token, on average."""


def render(value: Any) -> str:
    """Return compact JSON; a Decimal becomes a number with two decimals, which the standard encoder cannot write."""
    match value:
        case Decimal():
            return f"{value:.2f}"
        case Mapping():
            pairs = cast("Mapping[str, Any]", value).items()
            return "{" + ",".join(f"{render(str(key))}:{render(item)}" for key, item in pairs) + "}"
        case list() | tuple():
            return "[" + ",".join(map(render, cast("list[Any]", value))) + "]"
        case str():
            return json.dumps(visible(value), ensure_ascii=False)
        case _:
            return json.dumps(value, ensure_ascii=False)


def fit_to_budget(answer: Json, offset: int = 0, budget: int = BUDGET) -> Json:
    """Return the answer without the rows that exceed the budget (in tokens), and say how to read the rest.

    Rows are dropped from the end of the longest list; the first row always stays and no value is cut.
    The rest is named by `next_after_id` and `remaining`, by `next_offset`, or only counted by `left_out`.
    """
    longest_list = max(
        (key for key, value in answer.items() if isinstance(value, list)), key=lambda k: len(answer[k]), default=""
    )
    room = budget * CHARACTERS - len(render({**answer, longest_list: []}))
    rows: list[Any] = answer.get(longest_list, [])
    for index, row in enumerate(rows):
        room -= len(render(row)) + 1
        if room < 0 and index:
            shortened = {**answer, longest_list: rows[:index]}
            if "remaining" in answer:
                return shortened | {
                    "next_after_id": rows[index - 1]["id"],
                    "remaining": answer["remaining"] + len(rows) - index,
                }
            if "total" in answer:
                return shortened | {"next_offset": offset + index}
            return shortened | {"left_out": len(rows) - index}
    return answer
