"""Never more than five in any second, whatever the network does; in virtual time."""

import random

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from ac_mcp.gateway.pacing import ProcessPacing
from tests.support import clock, in_virtual_time


async def arrivals(count: int, delays: list[tuple[float, float]], budgets: tuple[tuple[str, int], ...]) -> list[float]:
    """When each request reaches the other side, if getting there and back takes so long."""
    pacing, seen = ProcessPacing(clock, anyio.sleep), list[float]()

    async def one(there: float, back: float) -> None:
        async with pacing.turn(budgets):
            await anyio.sleep(there)
            seen.append(clock())
            await anyio.sleep(back)

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(one, *delays[number % len(delays)])
    return sorted(seen)


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(start <= moment < start + 1 for moment in moments) for start in moments)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), min_size=1, max_size=7))
def test_no_second_ever_sees_more_than_five(delays: list[tuple[float, float]]) -> None:
    @in_virtual_time
    async def shown() -> None:
        assert most_in_a_second(await arrivals(30, delays, (("account", 5),))) <= 5

    shown()


@in_virtual_time
async def test_an_idle_account_answers_five_at_once_and_the_sixth_a_second_after_the_first_answer() -> None:
    assert await arrivals(6, [(0.0, 0.1)], (("account", 5),)) == [0, 0, 0, 0, 0, 1.1]


@in_virtual_time
async def test_two_accounts_do_not_wait_for_each_other_but_share_their_key() -> None:
    pacing, seen = ProcessPacing(clock, anyio.sleep), list[float]()

    async def one(account: str) -> None:
        async with pacing.turn((("key", 10), (account, 5))):
            seen.append(clock())

    async with anyio.create_task_group() as group:
        for number in range(12):
            group.start_soon(one, f"account {number % 3}")
    assert sorted(seen) == [0] * 10 + [1.0] * 2


@in_virtual_time
async def test_a_pause_holds_everybody_back() -> None:
    pacing = ProcessPacing(clock, anyio.sleep)
    async with pacing.turn((("account", 5),)):
        pacing.pause("account", 30)
    async with pacing.turn((("account", 5),)):
        assert clock() == 30


@in_virtual_time
async def test_a_cancelled_waiter_gives_its_place_up() -> None:
    pacing, budgets = ProcessPacing(clock, anyio.sleep), (("account", 5),)
    async with anyio.create_task_group() as holders:
        for _ in range(5):
            holders.start_soon(hold, pacing, budgets, 10.0)
        await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(random.random()):
            await hold(pacing, budgets, 0)
        async with pacing.turn(budgets):
            assert clock() == 11


async def hold(pacing: ProcessPacing, budgets: tuple[tuple[str, int], ...], seconds: float) -> None:
    async with pacing.turn(budgets):
        await anyio.sleep(seconds)
