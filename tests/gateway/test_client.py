"""What the gateway sends again and what it never does, its deadline, and that nothing leads out of its address."""

import json
from collections.abc import Callable

import anyio
import httpx2
import pytest

from ac_mcp.errors import Forbidden, GatewayError, KeyRefused, NotConnected, OutcomeUnknown, Throttled, Unavailable
from ac_mcp.gateway.client import MAX_BODY, Gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryRateStore
from ac_mcp.messages import Caller, Request, Response
from tests.support import clock, in_virtual_time

DOORS = Endpoints("https://gateway.maton.ai", "https://ctrl.maton.ai")
READ, CREATE = Request("GET", "/tags", repeatable=True), Request("POST", "/deals", body={"deal": {}})
UPSERT, DELETE = (
    Request("POST", "/contact/sync", body={}, repeatable=True),
    Request("DELETE", "/tags/3", repeatable=True),
)
CALLER = Caller("secret-key")
Answer = Callable[[httpx2.Request], httpx2.Response]


def gateway(answer: Answer, doors: Endpoints = DOORS) -> tuple[Gateway, list[httpx2.Request]]:
    """A gateway to an answer, and what reached it."""
    seen: list[httpx2.Request] = []

    def noted(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return answer(request)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(noted))
    return Gateway(
        doors, http, Pacing(MemoryRateStore(clock, clock), clock, anyio.sleep), clock, anyio.sleep, lambda: 1.0
    ), seen


def in_turn(*answers: httpx2.Response | Exception) -> Answer:
    left = list(answers)

    def give(request: httpx2.Request) -> httpx2.Response:
        one = left.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    return give


def status(code: int, body: object = None, **headers: str) -> httpx2.Response:
    return httpx2.Response(
        code, content=json.dumps(body or {}), headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@in_virtual_time
async def test_a_read_survives_three_failures() -> None:
    one, seen = gateway(in_turn(status(503), httpx2.ReadError("reset"), status(520), status(200, {"tags": []})))
    assert await one.send(READ, CALLER) == Response(200, {"tags": []})
    assert len(seen) == 4


@in_virtual_time
async def test_a_read_gives_up_after_four_tries() -> None:
    one, seen = gateway(lambda _: status(502))
    with pytest.raises(Unavailable):
        await one.send(READ, CALLER)
    assert len(seen) == 4


@pytest.mark.parametrize("failure", [status(503), status(500), httpx2.ReadError("reset"), httpx2.ReadTimeout("late")])
@in_virtual_time
async def test_a_create_whose_answer_got_lost_is_never_sent_again(failure: httpx2.Response | Exception) -> None:
    one, seen = gateway(in_turn(failure))
    with pytest.raises(OutcomeUnknown):
        await one.send(CREATE, CALLER)
    assert len(seen) == 1


@pytest.mark.parametrize("failure", [status(429), httpx2.ConnectError("refused"), httpx2.ConnectTimeout("late")])
@in_virtual_time
async def test_a_create_that_surely_did_nothing_is_sent_again(failure: httpx2.Response | Exception) -> None:
    one, seen = gateway(in_turn(failure, status(201, {"deal": {"id": "1"}})))
    assert (await one.send(CREATE, CALLER)).status == 201
    assert len(seen) == 2


@in_virtual_time
async def test_an_upsert_may_be_sent_again() -> None:
    one, seen = gateway(in_turn(status(503), status(201, {"contact": {}})))
    assert (await one.send(UPSERT, CALLER)) == Response(201, {"contact": {}}, repeated=True)
    assert len(seen) == 2


@in_virtual_time
async def test_a_delete_that_finds_nothing_on_its_second_try_has_succeeded() -> None:
    one, _ = gateway(in_turn(status(503), status(404, {"message": "No Result found for Tag with id 3"})))
    assert await one.send(DELETE, CALLER) == Response(404, {}, repeated=True)


@in_virtual_time
async def test_a_wait_the_server_asks_for_is_never_undercut() -> None:
    one, _ = gateway(in_turn(status(429, retry_after="7"), status(200, {"ok": 1})))
    await one.send(READ, CALLER)
    assert 7 <= clock() < 7.01


@in_virtual_time
async def test_a_wait_past_the_deadline_is_not_waited_for() -> None:
    one, seen = gateway(lambda _: status(429, retry_after="60"))
    with pytest.raises(Throttled) as caught:
        await one.send(READ, Caller("k", deadline=25))
    assert (clock(), caught.value.retry_after, len(seen)) == (0, 60, 1)


@in_virtual_time
async def test_a_throttled_account_holds_its_other_requests_back_too() -> None:
    one, seen = gateway(in_turn(status(429, retry_after="5"), *[status(200)] * 3))
    async with anyio.create_task_group() as group:
        group.start_soon(one.send, READ, CALLER)
        await anyio.sleep(1)
        await one.send(Request("GET", "/lists", repeatable=True), CALLER)
        assert clock() == pytest.approx(5, abs=0.01)
    assert len(seen) == 3


class Hanging(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError


@in_virtual_time
async def test_a_server_that_never_answers_ends_an_attempt_after_a_while_and_a_call_at_its_deadline() -> None:
    http = httpx2.AsyncClient(transport=Hanging(), timeout=None)
    one = Gateway(DOORS, http, Pacing(MemoryRateStore(clock, clock), clock, anyio.sleep), clock)
    with pytest.raises(OutcomeUnknown) as caught:
        await one.send(CREATE, Caller("k", deadline=45))
    assert (clock(), caught.value.sent_at) == (20, 0)
    with pytest.raises(OutcomeUnknown):
        await one.send(UPSERT, Caller("k", deadline=65))
    assert clock() == 65


@in_virtual_time
async def test_an_answer_without_end_is_cut_off() -> None:
    one, _ = gateway(lambda _: httpx2.Response(200, content=b"[" + b" " * MAX_BODY))
    with pytest.raises(Unavailable, match="too large"):
        await one.send(READ, CALLER)


@in_virtual_time
async def test_a_redirect_is_not_followed() -> None:
    one, seen = gateway(lambda _: status(302, location="https://evil.example/"))
    with pytest.raises(Exception, match="web page"):
        await one.send(READ, CALLER)
    assert [str(request.url) for request in seen] == ["https://gateway.maton.ai/active-campaign/api/3/tags"]


@in_virtual_time
async def test_requests_carry_key_and_connection_to_maton_and_the_token_to_activecampaign() -> None:
    one, seen = gateway(lambda _: status(200, {"a": 1}))
    await one.send(READ, Caller("k", connection="c-1"))
    await one.send(
        Request("GET", "/connections", {"app": "active-campaign"}, plane="control"), Caller("k", connection="c-1")
    )
    direct, also = gateway(lambda _: status(200, {"a": 1}), Endpoints("https://acme.api-us1.com", direct=True))
    await direct.send(READ, Caller("t"))
    told = [
        (str(r.url), r.headers.get("authorization"), r.headers.get("maton-connection"), r.headers.get("api-token"))
        for r in seen + also
    ]
    assert told == [
        ("https://gateway.maton.ai/active-campaign/api/3/tags", "Bearer k", "c-1", None),
        ("https://ctrl.maton.ai/connections?app=active-campaign", "Bearer k", None, None),
        ("https://acme.api-us1.com/api/3/tags", None, None, "t"),
    ]


@in_virtual_time
async def test_without_a_key_nothing_is_sent() -> None:
    one, seen = gateway(lambda _: status(200))
    with pytest.raises(KeyRefused):
        await one.send(READ, Caller())
    assert seen == []


@pytest.mark.parametrize("path", ["/../users", "/tags/../../../x", "/tags?limit=1", "/tags#x", "@evil.example/tags"])
@in_virtual_time
async def test_a_path_cannot_leave_its_base(path: str) -> None:
    one, seen = gateway(lambda _: status(200))
    with pytest.raises(ValueError, match="leaves"):
        await one.send(Request("GET", path), CALLER)
    assert seen == []


def test_a_caller_does_not_show_its_key() -> None:
    assert "secret" not in repr(CALLER)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (400, b'{"message": "bad key abc\\/SECRET+1== here"}'),
        (302, b'{"message": "to abc/SECRET+1=="}'),
        (500, b"abc/SECRET+1=="),
    ],
)
@in_virtual_time
async def test_no_answer_brings_the_key_back(code: int, body: bytes) -> None:
    one, _ = gateway(lambda _: httpx2.Response(code, content=body))
    with pytest.raises(GatewayError) as caught:
        await one.send(READ, Caller("abc/SECRET+1==", deadline=25))
    assert "SECRET" not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    "failure",
    [status(302, location="https://x.example/"), status(408), status(500, {"message": "in use, already in use"})],
)
@in_virtual_time
async def test_an_answer_that_does_not_say_no_leaves_a_create_unclear(failure: httpx2.Response) -> None:
    one, seen = gateway(in_turn(failure))
    with pytest.raises(OutcomeUnknown):
        await one.send(CREATE, CALLER)
    assert len(seen) == 1


USUAL, NEWER = "https://gateway.maton.ai", "https://api.maton.ai"


def two_hosts() -> Endpoints:
    return Endpoints(USUAL, "https://ctrl.maton.ai", other=NEWER)


def reached_only(*hosts: str) -> Answer:
    """Answer at these hosts; no other one can be reached."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host not in hosts:
            raise httpx2.ConnectError("no route")
        return status(200, {"connections": []} if "/connections" in request.url.path else {"tags": []})

    return answer


@in_virtual_time
async def test_the_other_host_is_taken_where_the_usual_one_cannot_be_reached() -> None:
    one, seen = gateway(reached_only("api.maton.ai"), two_hosts())
    assert (await one.send(READ, CALLER)).body == {"tags": []}
    assert [request.url.host for request in seen] == ["gateway.maton.ai", "api.maton.ai", "api.maton.ai"]
    await one.send(READ, CALLER)
    assert seen[-1].url.host == "api.maton.ai"


@in_virtual_time
async def test_a_host_that_has_answered_is_not_left() -> None:
    hosts = {"gateway.maton.ai", "api.maton.ai"}
    one, seen = gateway(lambda request: reached_only(*hosts)(request), two_hosts())
    await one.send(READ, CALLER)
    hosts.discard("gateway.maton.ai")
    with pytest.raises(Unavailable):
        await one.send(READ, CALLER)
    assert {request.url.host for request in seen} == {"gateway.maton.ai"}


@in_virtual_time
async def test_a_write_never_chooses_the_host() -> None:
    one, seen = gateway(reached_only("api.maton.ai"), two_hosts())
    with pytest.raises(Unavailable):
        await one.send(CREATE, CALLER)
    assert {request.url.host for request in seen} == {"gateway.maton.ai"}


@in_virtual_time
async def test_without_any_network_the_usual_host_stays_and_the_error_names_it() -> None:
    one, _ = gateway(reached_only(), two_hosts())
    with pytest.raises(Unavailable) as caught:
        await one.send(READ, CALLER)
    assert (caught.value.host, one.endpoints.api, one.endpoints.other) == ("gateway.maton.ai", USUAL, NEWER)


@in_virtual_time
async def test_reads_at_the_same_time_move_once() -> None:
    one, seen = gateway(reached_only("api.maton.ai"), two_hosts())
    async with anyio.create_task_group() as group:
        for path in ("/tags", "/lists", "/users"):
            group.start_soon(one.send, Request("GET", path, repeatable=True), CALLER)
    assert sum(request.url.path == "/connections" for request in seen) == 1


@in_virtual_time
async def test_a_bare_403_to_a_key_that_works_is_about_what_was_asked_for() -> None:
    one, _ = gateway(in_turn(status(200, {"tags": []}), status(403, {"message": "Forbidden"})))
    await one.send(READ, CALLER)
    with pytest.raises(Forbidden):
        await one.send(Request("GET", "/deals", repeatable=True), CALLER)


@in_virtual_time
async def test_a_bare_403_long_after_the_last_answer_is_about_the_key() -> None:
    one, _ = gateway(in_turn(status(200, {"tags": []}), status(403, {"message": "Forbidden"})))
    await one.send(READ, CALLER)
    await anyio.sleep(61)
    with pytest.raises(NotConnected):
        await one.send(READ, CALLER)
