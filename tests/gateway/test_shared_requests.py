"""Equal reads are sent once, and nobody's bad luck is another's."""

import gzip
import tracemalloc
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from ac_mcp.errors import GatewayError, NotFound, Unavailable
from ac_mcp.gateway.client import MAX_BODY, Gateway
from ac_mcp.messages import Caller, Request, Response
from tests.gateway.test_client import gateway, status
from tests.support import clock, in_virtual_time

READ = Request("GET", "/tags", {"limit": "100"}, repeatable=True)
CALLER = Caller("k", "c-1")


def slow(seconds: float, answer: httpx2.Response) -> tuple[Gateway, list[httpx2.Request]]:
    one, seen = gateway(lambda _: answer)

    async def carry(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        await anyio.sleep(seconds)
        return httpx2.Response(answer.status_code, content=answer.content)

    one.http._transport = httpx2.MockTransport(carry)  # pyright: ignore[reportPrivateUsage]
    return one, seen


async def many(one: Gateway, count: int, *callers: Caller) -> list[Response | GatewayError]:
    ended = list[Response | GatewayError]()

    async def ask(caller: Caller) -> None:
        try:
            ended.append(await one.send(READ, caller))
        except GatewayError as error:
            ended.append(error)

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(ask, callers[number % len(callers)])
    return ended


@in_virtual_time
async def test_fifty_who_ask_the_same_send_one_request() -> None:
    one, seen = slow(1, status(200, {"tags": []}))
    assert await many(one, 50, CALLER) == [Response(200, {"tags": []})] * 50
    assert len(seen) == 1


@pytest.mark.parametrize("other", [Caller("k2", "c-1"), Caller("k", "c-2"), Caller("k", "c-1", principal="somebody")])
@in_virtual_time
async def test_what_is_asked_with_another_key_connection_or_by_another_is_not_the_same(other: Caller) -> None:
    one, seen = slow(1, status(200, {"tags": []}))
    await many(one, 4, CALLER, other)
    assert len(seen) == 2


@in_virtual_time
async def test_a_first_one_who_is_cancelled_fails_nobody_else() -> None:
    one, seen = slow(2, status(200, {"tags": []}))
    async with anyio.create_task_group() as group:
        with anyio.move_on_after(1) as impatient:
            group.start_soon(later, one)
            await one.send(READ, CALLER)
        assert impatient.cancelled_caught
    assert len(seen) == 2


async def later(one: Gateway) -> None:
    await anyio.sleep(0.5)
    assert await many(one, 10, CALLER) == [Response(200, {"tags": []})] * 10


@in_virtual_time
async def test_a_first_one_who_runs_out_of_time_fails_nobody_who_has_more() -> None:
    one, seen = slow(3, status(200, {"tags": []}))
    hasty, patient = Caller("k", "c-1", deadline=2), Caller("k", "c-1", deadline=25)
    first, second = await many(one, 2, hasty, patient)
    assert isinstance(first, Unavailable)
    assert second == Response(200, {"tags": []})
    assert len(seen) == 2


@in_virtual_time
async def test_who_waits_for_another_waits_no_longer_than_its_own_deadline() -> None:
    one, _ = slow(10, status(200, {"tags": []}))
    hasty, patient = Caller("k", "c-1", deadline=2), Caller("k", "c-1", deadline=25)
    first, _ = await many(one, 2, patient, hasty)
    assert isinstance(first, Unavailable)
    assert clock() == pytest.approx(10)


@in_virtual_time
async def test_a_refusal_is_everybodys_and_each_gets_an_exception_of_its_own() -> None:
    one, seen = slow(1, status(404, {"message": "No Result found"}))
    ended = await many(one, 5, CALLER)
    assert {type(error) for error in ended} == {NotFound}
    assert len({id(error) for error in ended}) == 5
    assert len(seen) == 1


@in_virtual_time
async def test_one_after_the_other_is_sent_twice() -> None:
    one, seen = slow(1, status(200, {"tags": []}))
    await one.send(READ, CALLER)
    await one.send(READ, CALLER)
    assert len(seen) == 2


@in_virtual_time
async def test_an_answer_that_unpacks_to_far_more_than_it_weighs_is_cut_off() -> None:
    packed = gzip.compress(b" " * (100 * 1024 * 1024))
    one, _ = gateway(lambda _: httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=Trickling(packed)))
    tracemalloc.start()
    try:
        with pytest.raises(Unavailable, match="too large"):
            await one.send(READ, CALLER)
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY
    finally:
        tracemalloc.stop()


class Trickling(httpx2.AsyncByteStream):
    """In pieces of the size a connection is read in."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for place in range(0, len(self._body), 65536):
            yield self._body[place : place + 65536]


@in_virtual_time
async def test_what_began_before_a_write_is_not_joined_after_it() -> None:
    one, seen = slow(3, status(200, {"tags": []}))
    async with anyio.create_task_group() as group:
        group.start_soon(one.send, Request("PUT", "/tags/1", body={}, repeatable=True), CALLER)
        await anyio.sleep(1)
        group.start_soon(one.send, READ, CALLER)
        await anyio.sleep(1)
        group.start_soon(one.send, READ, CALLER)
        await anyio.sleep(1.5)
        assert len(seen) == 2, "the write has ended, and one read is under way for two"
        group.start_soon(one.send, READ, CALLER)
        await anyio.sleep(0.1)
        assert len(seen) == 3


@in_virtual_time
async def test_a_third_one_waits_no_longer_than_its_deadline_whoever_takes_over() -> None:
    one, _ = slow(60, status(200, {"tags": []}))
    ended = dict[str, float]()

    async def ask(name: str, start: float, within: float) -> None:
        await anyio.sleep(start)
        with pytest.raises(GatewayError):
            await one.send(READ, Caller("k", "c-1", deadline=clock() + within))
        ended[name] = clock()

    async with anyio.create_task_group() as group:
        group.start_soon(ask, "a", 0, 25)
        group.start_soon(ask, "b", 1, 45)
        group.start_soon(ask, "c", 2, 25)
    assert ended == pytest.approx({"a": 25, "b": 45, "c": 27})
