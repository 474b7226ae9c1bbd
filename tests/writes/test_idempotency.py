"""A call under a key of the client's own: for ten minutes the same call, and the same answer."""

import json
from typing import Any

import anyio
import pytest
from mcp_types import CallToolResult

from tests.server.test_tools import ERAS, text
from tests.support import Trial, connected, in_virtual_time, trial

NOTE = {"text": "Called", "contact": "1"}


async def noted(one: Trial) -> int:
    return [note["text"] for note in (await one.answer("list_notes", contact="1", limit=50))["notes"]].count("Called")


def keyed(key: str) -> Any:
    return {"idempotencyKey": key}


def named(key: object) -> Any:
    return {"ac-mcp/idempotencyKey": key}


@ERAS
@in_virtual_time
async def test_the_same_key_brings_the_same_answer_and_writes_once(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        answers = [text(await client.call_tool("create_note", NOTE, meta=keyed("k-1"))) for _ in range(2)]
        assert answers[0] == answers[1]
        assert await noted(one) == 1
        await client.call_tool("create_note", NOTE, meta=keyed("k-2"))
        await client.call_tool("create_note", NOTE)
        assert await noted(one) == 3


@in_virtual_time
async def test_two_keys_at_once_are_two_calls() -> None:
    async with trial() as one, connected(one) as client:
        async with anyio.create_task_group() as group:
            for key in ("a", "b", "a"):
                group.start_soon(lambda key=key: client.call_tool("create_note", NOTE, meta=keyed(key)))
        assert await noted(one) == 2


@in_virtual_time
async def test_a_key_of_another_call_is_refused() -> None:
    async with trial() as one, connected(one) as client:
        await client.call_tool("create_note", NOTE, meta=keyed("k"))
        other: CallToolResult = await client.call_tool("create_tag", {"name": "T"}, meta=keyed("k"))
        assert other.is_error
        assert "idempotency key was given to another call" in text(other)
        assert "Nothing was changed" in text(other)


@in_virtual_time
async def test_a_call_that_did_nothing_leaves_its_key_free() -> None:
    async with trial() as one, connected(one) as client:
        wrong = await client.call_tool("create_note", {**NOTE, "contact": "nobody@x.example"}, meta=keyed("k"))
        assert wrong.is_error
        assert not (await client.call_tool("create_note", NOTE, meta=keyed("k"))).is_error
        assert await noted(one) == 1


@in_virtual_time
async def test_after_ten_minutes_a_key_is_forgotten() -> None:
    async with trial() as one, connected(one) as client:
        await client.call_tool("create_note", NOTE, meta=keyed("k"))
        await anyio.sleep(601)
        await client.call_tool("create_note", NOTE, meta=keyed("k"))
        assert await noted(one) == 2


@pytest.mark.parametrize("key", ["x" * 10_000, "\U0001f4a5", "a' OR 1=1 --", 7, ["list"]])
@in_virtual_time
async def test_any_key_will_do(key: Any) -> None:
    async with trial() as one, connected(one) as client:
        for _ in range(2):
            made = await client.call_tool("create_deal", DEAL, meta=named(key))
            assert json.loads(text(made))["deal"]["value"] == 12.5
        assert [deal["title"] for deal in (await one.answer("list_deals", limit=100))["deals"]].count("Once") == 1


DEAL = {"title": "Once", "value": 12.5, "currency": "usd", "contact": "1", "pipeline": "1"}
