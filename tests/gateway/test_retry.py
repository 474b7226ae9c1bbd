"""Whether to send again, as a table; and the budget of retries."""

import anyio
import httpx2
import pytest

from ac_mcp.errors import (
    Busy,
    Duplicate,
    Forbidden,
    GatewayError,
    KeyRefused,
    NotFound,
    RequestRefused,
    Throttled,
    Unavailable,
)
from ac_mcp.gateway.retry import RetryBudget, RetryIn, Verdict, decide
from ac_mcp.messages import Caller, Request
from tests.gateway.test_client import gateway, in_turn, status
from tests.support import in_virtual_time

READ, CREATE = Request("GET", "/tags", repeatable=True), Request("POST", "/deals", body={})
UPSERT, PUT = Request("POST", "/contact/sync", body={}, repeatable=True), Request("PUT", "/tags/3", repeatable=True)


def failed(status: int, after: float | None = None, *, arrived: bool = True) -> Unavailable:
    error = Unavailable("down", status=status, arrived=arrived)
    error.retry_after = after
    return error


@pytest.mark.parametrize(
    ("request_", "error", "attempt", "verdict"),
    [
        (READ, failed(500), 1, RetryIn(1.0)),
        (READ, failed(503), 3, RetryIn(4.0)),
        (READ, failed(520), 4, "stop"),
        (READ, failed(524), 1, RetryIn(1.0)),
        (READ, failed(501), 1, "stop"),
        (READ, failed(0), 1, RetryIn(1.0)),
        (READ, failed(503, 12.0), 1, RetryIn(12.0)),
        (READ, failed(503, 60.0), 1, "stop"),
        (READ, Throttled("429", retry_after=7.0), 1, RetryIn(7.0)),
        (READ, Throttled("429", retry_after=0.0), 1, RetryIn(0.0)),
        (READ, Throttled("429", retry_after=30.0), 1, "stop"),
        (READ, Throttled("429"), 2, RetryIn(2.0)),
        (READ, Busy("queue"), 1, "stop"),
        (READ, NotFound("404"), 1, "stop"),
        (READ, KeyRefused("401"), 1, "stop"),
        (READ, Forbidden("403"), 1, "stop"),
        (UPSERT, failed(503), 1, RetryIn(1.0)),
        (UPSERT, failed(503), 3, "stop"),
        (PUT, failed(0), 1, RetryIn(1.0)),
        (CREATE, failed(503), 1, "reconcile"),
        (CREATE, failed(503, 2.0), 1, "reconcile"),
        (CREATE, failed(0), 1, "reconcile"),
        (CREATE, failed(0, arrived=False), 1, RetryIn(1.0)),
        (CREATE, failed(0, arrived=False), 3, "stop"),
        (CREATE, Throttled("429", retry_after=3.0), 1, RetryIn(3.0)),
        (CREATE, Duplicate("422"), 1, "stop"),
        (CREATE, RequestRefused("422"), 1, "stop"),
    ],
)
def test_what_follows_a_failure(request_: Request, error: GatewayError, attempt: int, verdict: Verdict) -> None:
    assert decide(request_, error, attempt, 0.5, within=25.0) == verdict


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    assert decide(READ, failed(500), 1, 24.5, within=25.0) == "stop"
    assert decide(READ, failed(500), 1, 23.5, within=25.0) == RetryIn(1.0)


def test_without_a_budget_nothing_is_sent_again_and_a_create_is_looked_up_all_the_same() -> None:
    assert decide(READ, failed(500), 1, 0, within=25, affordable=False) == "stop"
    assert decide(CREATE, failed(500), 1, 0, within=25, affordable=False) == "reconcile"


def test_retries_are_a_tenth_of_what_succeeds_in_the_long_run() -> None:
    allowance, sent = RetryBudget(), 0
    for _ in range(1000):
        if allowance.affordable:
            allowance.spend()
            sent += 1
        allowance.earn()
    assert 100 <= sent <= 115


@in_virtual_time
async def test_a_service_that_fails_for_long_is_not_asked_four_times_for_ever() -> None:
    one, seen = gateway(lambda _: status(502))
    for number in range(20):
        with pytest.raises(Unavailable):
            await one.send(Request("GET", f"/tags/{number}", repeatable=True), Caller("k"))
    assert len(seen) == 20 + 10


@in_virtual_time
async def test_a_503_that_says_how_long_holds_the_account_back_like_a_429() -> None:
    one, _ = gateway(in_turn(status(503, retry_after="9"), status(200, {"tags": []})))
    await one.send(READ, Caller("k"))
    assert (await one.pacing.state_of(*one.endpoints.budgets(Caller("k"), READ)[0])).throttled is not None


@pytest.mark.parametrize("refusal", [status(401, {"error": "no"}), httpx2.Response(403)])
@in_virtual_time
async def test_a_refused_key_is_tried_again_once_a_call_only(refusal: httpx2.Response) -> None:
    one, seen = gateway(lambda _: httpx2.Response(refusal.status_code, content=refusal.content))
    for call in ("a", "b"):
        for number in range(5):
            with pytest.raises(GatewayError) as caught:
                await one.send(Request("GET", f"/tags/{number}", repeatable=True), Caller("k", call=call))
            assert getattr(caught.value, "repeated", None) is (number > 0)
    assert len(seen) == 2


@in_virtual_time
async def test_calls_at_the_same_time_each_find_out_that_a_key_is_good_again() -> None:
    one, seen = gateway(lambda _: status(401) if len(seen) == 1 else status(200, {"tags": []}))
    with pytest.raises(KeyRefused):
        await one.send(READ, Caller("k", call="before"))
    async with anyio.create_task_group() as group:
        for number in range(4):
            request = Request("GET", f"/tags/{number}", repeatable=True)
            group.start_soon(one.send, request, Caller("k", call=f"call {number}"))
    assert len(seen) == 5


@in_virtual_time
async def test_a_check_that_ends_in_something_else_leaves_the_next_call_to_find_out() -> None:
    one, seen = gateway(in_turn(status(401), status(500), status(200, {"tags": []})))
    with pytest.raises(KeyRefused):
        await one.send(READ, Caller("k", call="a"))
    request = Request("POST", "/tags", body={})
    with pytest.raises(GatewayError):
        await one.send(request, Caller("k", call="b"))
    assert (await one.send(READ, Caller("k", call="c"))).status == 200
    assert len(seen) == 3


@in_virtual_time
async def test_another_key_is_not_held_back_by_one_that_is_refused() -> None:
    one, seen = gateway(
        lambda request: status(401) if request.headers["authorization"] == "Bearer bad" else status(200, {"tags": []})
    )
    with pytest.raises(KeyRefused):
        await one.send(READ, Caller("bad"))
    assert (await one.send(READ, Caller("good"))).status == 200
    assert len(seen) == 2


@in_virtual_time
async def test_a_check_that_passes_opens_the_key_everywhere() -> None:
    """A key refused by the API, then taken by the connections: it works again."""
    answers = [status(401), status(200, {"connections": []}), status(200, {"tags": []})]
    one, seen = gateway(in_turn(*answers))
    with pytest.raises(KeyRefused):
        await one.send(READ, Caller("k"))
    await one.send(Request("GET", "/connections", plane="control", repeatable=True), Caller("k"))
    assert (await one.send(READ, Caller("k"))).status == 200
    assert len(seen) == 3
