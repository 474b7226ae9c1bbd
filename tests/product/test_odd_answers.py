"""Answers of the other side that are not as documented: no tool crashes on them."""

import json
import random
from contextlib import suppress
from typing import Any, cast

import httpx2
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ToolError
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.encoding import render
from tests.examples import CALLS
from tests.support import Trial, failing, in_virtual_time, status, trial


@in_virtual_time
async def test_ids_that_come_as_numbers_are_the_same_ids() -> None:
    async with trial() as one:
        links: list[list[Json]] = [[{"id": 3, "tag": 3}], []]
        one.wire.answer = lambda request: (
            status(200, {"contactTags": links.pop(0)}) if request.url.path.endswith("/contacts/2/contactTags") else None
        )
        assert (await one.answer("untag_contact", contact="2", tag="Trial"))["result"] == "untagged"
        row = {"contactLists": [{"id": 9, "list": 1, "status": 2, "udate": "2026-01-01"}]}
        one.wire.answer = failing("GET", "/contacts/3/contactLists", status(200, row))
        assert (await one.answer("subscribe_contact", contact="3", list="1"))["result"] == "subscribed again"


ODD: tuple[Any, ...] = (None, [], {}, "", "abc", 7, -1, 1.5, 10**30, True, [None], [{}], {"id": None}, [[1]], "NaN")


def spoiled(body: Any, chance: random.Random) -> Any:
    """The body with something odd in one place, or odd as a whole."""
    if chance.random() < 0.15 or not isinstance(body, dict | list) or not body:
        return chance.choice(ODD)
    if isinstance(body, list):
        rows = list(cast("list[Any]", body))
        place = chance.randrange(len(rows))
        return [*rows[:place], spoiled(rows[place], chance), *rows[place + 1 :]]
    row = cast("Json", body)
    key = chance.choice(list(row))
    changed = {} if chance.random() < 0.2 else {key: spoiled(row[key], chance)}
    return {**{name: value for name, value in row.items() if name != key}, **changed}


@pytest.mark.parametrize("tool", [name for name in OPERATIONS if name not in ("undo_change", "confirm_change")])
@in_virtual_time
async def test_no_answer_of_the_other_side_makes_a_tool_crash(tool: str) -> None:
    chance = random.Random(tool)
    async with trial() as one:
        truth = one.wire.inner

        async def odd(request: httpx2.Request) -> httpx2.Response:
            response = await truth.handle_async_request(request)
            raw = await response.aread()
            if chance.random() < 0.5:
                return httpx2.Response(response.status_code, content=raw)
            return httpx2.Response(response.status_code, content=json.dumps(spoiled(json.loads(raw or "{}"), chance)))

        one.wire.inner = httpx2.MockTransport(odd)
        for _ in range(40):
            one.account.directories.clear()
            await answered_or_refused(one, tool)


async def answered_or_refused(one: Trial, tool: str) -> None:
    """Anything but an answer or a refusal fails the test."""
    with suppress(ToolError):
        render(await execute(one.account, OPERATIONS[tool], CALLS[tool]))


@in_virtual_time
async def test_a_deep_answer_is_no_answer() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(
            200, content=b'{"tags":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        )
        assert "an answer that is not JSON" in await one.refusal("list_tags")
