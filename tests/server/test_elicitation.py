"""Forms that the user fills in late, or never: the call has its deadline, and is made once."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp import Client

from ac_mcp.messages import Json
from ac_mcp.writes.audit_log import CONFIRMATION_TTL
from tests.examples import CALLS
from tests.support import Trial, behind, clock, connected, in_virtual_time, trial

HOOK = CALLS["create_webhook"]
YES: Json = {"action": "accept", "content": {"confirm": True}}
DEADLINE = 45


def deciding_after(seconds: float, decision: Json | None) -> Any:
    """A client's way to ask its user, who needs so long; without a decision it refuses to ask."""

    async def ask(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult | types.ErrorData:
        await anyio.sleep(seconds)
        if decision is None:
            return types.ErrorData(code=types.METHOD_NOT_FOUND, message="no")
        return types.ElicitResult.model_validate(decision)

    return ask


@asynccontextmanager
async def deciding(after: float, decision: Json | None = None) -> AsyncGenerator[tuple[Trial, Client]]:
    """A trial and its client, whose user answers a form after so many seconds."""
    ask = deciding_after(after, decision)
    async with (
        trial({"AC_MCP_CONFIRM": "auto"}) as one,
        connected(one, mode="legacy", elicitation_callback=ask) as client,
    ):
        yield one, client


async def call(client: Client, tool: str, **arguments: Any) -> str:
    """The text of an answer, however long it takes."""
    (part,) = (await client.call_tool(tool, arguments, read_timeout_seconds=10_000)).content
    assert isinstance(part, types.TextContent)
    return part.text


async def waiting_token(client: Client, tool: str = "create_webhook", **arguments: Any) -> str:
    """The token of a call that nobody has confirmed within its deadline."""
    waiting = json.loads(await call(client, tool, **arguments or HOOK))
    assert waiting["result"] == "not done yet: the user has to agree first"
    return waiting["token"]


def writes(one: Trial) -> list[str]:
    return [line for line in one.requests if not line.startswith("GET")]


@in_virtual_time
async def test_a_question_that_nobody_answers_ends_with_the_deadline_of_its_call_and_a_token() -> None:
    async with deciding(9_999, YES) as (one, client):
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(7)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        began = clock()
        token = await waiting_token(client)
        assert clock() - began == DEADLINE
        assert json.loads(await call(client, "confirm_change", token=token))["result"] == "created"
        assert writes(one) == ["POST /webhooks"]


@in_virtual_time
async def test_a_client_that_refuses_to_ask_gets_the_token_at_once() -> None:
    async with deciding(0) as (one, client):
        began = clock()
        token = await waiting_token(client)
        assert clock() - began < 1
        assert json.loads(await call(client, "confirm_change", token=token))["result"] == "created"
        assert writes(one) == ["POST /webhooks"]


@in_virtual_time
async def test_a_late_yes_makes_the_call_once_and_its_token_answers_with_what_was_made() -> None:
    async with deciding(60, YES) as (one, client):
        token = await waiting_token(client)
        assert writes(one) == []
        await anyio.sleep(60)
        assert writes(one) == ["POST /webhooks"]
        for _ in range(2):
            assert json.loads(await call(client, "confirm_change", token=token))["result"] == "created"
        assert writes(one) == ["POST /webhooks"]


@in_virtual_time
async def test_a_token_that_is_used_while_the_late_yes_is_carried_out_waits_for_its_answer() -> None:
    async with deciding(60, YES) as (one, client):
        token = await waiting_token(client)
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(5)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        await anyio.sleep(60 - DEADLINE + 1)
        assert json.loads(await call(client, "confirm_change", token=token))["result"] == "created"
        assert writes(one) == ["POST /webhooks"]


@pytest.mark.parametrize("decision", [{"action": "decline"}, {"action": "accept", "content": {"confirm": False}}])
@in_virtual_time
async def test_a_late_no_ends_the_token(decision: Json) -> None:
    async with deciding(60, decision) as (one, client):
        token = await waiting_token(client)
        await anyio.sleep(60)
        refusal = await call(client, "confirm_change", token=token)
        assert refusal.startswith("The user was asked and did not agree: do not try it another way.")
        assert writes(one) == []


@in_virtual_time
async def test_a_form_that_is_closed_late_decides_nothing() -> None:
    async with deciding(60, {"action": "cancel"}) as (one, client):
        token = await waiting_token(client)
        await anyio.sleep(60)
        assert json.loads(await call(client, "confirm_change", token=token))["result"] == "created"
        assert writes(one) == ["POST /webhooks"]


@pytest.mark.parametrize("decision", [YES, {"action": "decline"}])
@in_virtual_time
async def test_a_decision_that_comes_after_the_token_was_used_changes_nothing(decision: Json) -> None:
    async with deciding(60, decision) as (one, client):
        token = await waiting_token(client)
        assert json.loads(await call(client, "confirm_change", token=token))["result"] == "created"
        await anyio.sleep(60)
        assert writes(one) == ["POST /webhooks"]
        assert "list_changes shows if it was used" in await call(client, "confirm_change", token=token)
        assert json.loads(await call(client, "list_changes"))["total"] == 1


@in_virtual_time
async def test_a_late_yes_does_not_do_what_was_not_shown() -> None:
    async with deciding(60, YES) as (one, client):
        token = await waiting_token(client, "delete_list", list="Newsletter")
        body: Json = {"contactList": {"list": "1", "contact": "2", "status": 1}}
        await behind(one, "POST", "/contactLists", body)
        one.forget_requests()
        await anyio.sleep(60)
        assert writes(one) == []
        assert "What it would do has changed since" in await call(client, "confirm_change", token=token)


@in_virtual_time
async def test_a_call_that_is_cancelled_withdraws_its_form() -> None:
    withdrawn: list[float] = []

    async def ask(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        try:
            await anyio.sleep(60)
        except anyio.get_cancelled_exc_class():
            withdrawn.append(clock() - began)
            raise
        return types.ElicitResult.model_validate(YES)

    async with (
        trial({"AC_MCP_CONFIRM": "auto"}) as one,
        connected(one, mode="legacy", elicitation_callback=ask) as client,
    ):
        began = clock()
        with anyio.move_on_after(10):
            await call(client, "create_webhook", **HOOK)
        await anyio.sleep(CONFIRMATION_TTL)
        assert withdrawn == [10]
        assert writes(one) == []


@in_virtual_time
async def test_a_client_that_leaves_takes_its_form_along() -> None:
    async with deciding(0) as (one, client):
        async with connected(one, mode="legacy", elicitation_callback=deciding_after(60, YES)) as other:
            await waiting_token(other)
        await anyio.sleep(CONFIRMATION_TTL)
        assert writes(one) == []
        assert json.loads(await call(client, "list_tags", limit=1))["total"]


@in_virtual_time
async def test_a_yes_that_comes_after_ten_minutes_does_nothing() -> None:
    async with deciding(CONFIRMATION_TTL + 60, YES) as (one, client):
        token = await waiting_token(client)
        await anyio.sleep(CONFIRMATION_TTL + 60)
        assert writes(one) == []
        assert (await call(client, "confirm_change", token=token)).startswith("token: no call waits for it.")
