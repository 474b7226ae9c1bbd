"""Never more than five in any second, whatever the network and other processes do; turns for all; in virtual time."""

import random
from collections.abc import Hashable

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ac_mcp.errors import Busy, Throttled, ToolError
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import Lease, MemoryRateStore, Rates, RateStore
from ac_mcp.messages import Request
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.next_call import explain
from tests.support import clock, failing, in_virtual_time, status, trial

ACCOUNT: Rates = (("account", 5),)
BOTH: Rates = (("account", 5), ("key", 10))


def pacing(store: RateStore | None = None, strict: bool = False) -> Pacing:
    return Pacing(store or MemoryRateStore(clock, clock), clock, anyio.sleep, strict)


class Upstream:
    """Where requests arrive after a while and are answered after another."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[float, Hashable]] = []

    async def ask(
        self,
        one: Pacing,
        there: float = 0.0,
        back: float = 0.0,
        *,
        call: Hashable = None,
        bulk: bool = False,
        rates: Rates = ACCOUNT,
        within: float = 1e9,
    ) -> None:
        async with one.turn(rates, call=call, bulk=bulk, within=within) as turn:
            await anyio.sleep(there)
            self.arrivals.append((clock(), call))
            await anyio.sleep(back)
            turn.mark_answered(clock())

    @property
    def moments(self) -> list[float]:
        return sorted(moment for moment, _ in self.arrivals)

    def most_in_a_second(self) -> int:
        return max(sum(start <= moment < start + 1 for moment in self.moments) for start in self.moments)


Trip = tuple[float, float]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)), min_size=1, max_size=7),
    st.lists(st.floats(0, 3), max_size=6),
    st.integers(1, 3),
)
def test_no_second_sees_more_than_five_strictly(trips: list[Trip], cancelled: list[float], processes: int) -> None:
    """Of several processes, of which some requests are cancelled in the queue or under way."""

    @in_virtual_time
    async def shown() -> None:
        store, upstream = MemoryRateStore(clock, clock), Upstream()
        those = [pacing(store, strict=True) for _ in range(processes)]

        async def gives_up(after: float) -> None:
            with anyio.move_on_after(after):
                await upstream.ask(those[0], 0.2, 5)

        async with anyio.create_task_group() as group:
            for number in range(30):
                group.start_soon(upstream.ask, those[number % processes], *trips[number % len(trips)])
            for after in cancelled:
                group.start_soon(gives_up, after)
        assert upstream.most_in_a_second() <= 5

    shown()


@pytest.mark.parametrize(("least", "jitter"), [(0.0, 0.01), (0.06, 0.03), (0.06, 0.15), (0.2, 0.4)])
@pytest.mark.parametrize("seed", range(4))
@in_virtual_time
async def test_no_second_sees_more_than_five_by_the_estimate_either(least: float, jitter: float, seed: int) -> None:
    """The way there takes from `least` to `jitter` more, the way back nothing: the case the estimate is worst at."""
    one, upstream, chance = pacing(), Upstream(), random.Random(seed)
    async with anyio.create_task_group() as group:
        for _ in range(400):
            group.start_soon(upstream.ask, one, least + jitter * chance.random())
    assert upstream.most_in_a_second() <= 5
    ideal = 400 / (5 * clock())
    assert ideal >= (0.97 if jitter <= 0.03 else 0.9 if jitter <= 0.15 else 0.7)


@in_virtual_time
async def test_strict_pacing_counts_from_the_answer() -> None:
    one, upstream = pacing(strict=True), Upstream()
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(upstream.ask, one, 0.0, 0.5)
    assert clock() == pytest.approx(9 * 1.504 + 0.5)


@in_virtual_time
async def test_an_idle_account_answers_five_at_once_and_the_sixth_a_second_after_the_first_answer() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(upstream.ask, one, 0.0, 0.1)
    assert upstream.moments == pytest.approx([0, 0, 0, 0, 0, 1.104])


@in_virtual_time
async def test_two_accounts_do_not_wait_for_each_other_but_share_their_key() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        for number in range(12):
            rates = ((f"account {number % 3}", 5), ("key", 10))
            group.start_soon(lambda rates=rates: upstream.ask(one, rates=rates))
    assert [round(moment) for moment in upstream.moments] == [0] * 10 + [1] * 2


@in_virtual_time
async def test_a_pause_holds_everybody_back_in_every_process() -> None:
    store, upstream = MemoryRateStore(clock, clock), Upstream()
    one, other = pacing(store), pacing(store)
    await upstream.ask(one)
    await one.pause("account", 30)
    await upstream.ask(other)
    assert 30 <= clock() < 30.01


@in_virtual_time
async def test_who_could_only_wait_in_vain_is_told_at_once() -> None:
    one, upstream = pacing(), Upstream()
    await upstream.ask(one)
    await one.pause("account", 30)
    with pytest.raises(Throttled) as caught:
        await upstream.ask(one, within=25)
    assert (clock(), caught.value.retry_after) == (0, 30)


@in_virtual_time
async def test_a_cancelled_waiter_gives_its_place_up() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(upstream.ask, one, 10.0)
        await anyio.sleep(0.5)
        for _ in range(3):
            with anyio.move_on_after(random.random()):
                await upstream.ask(one)
        await upstream.ask(one)
    assert clock() == pytest.approx(11.004, abs=0.06)


@in_virtual_time
async def test_forty_waiters_of_whom_most_give_up_leave_no_gap() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as impatient:
            async with anyio.create_task_group() as inner:
                for _ in range(35):
                    inner.start_soon(upstream.ask, one, 0.0, 0.0)
                group.start_soon(later, one, upstream)
                await anyio.sleep(0.2)
                impatient.cancel()
    assert upstream.moments[-1] == pytest.approx(1.012, abs=0.06)


async def later(one: Pacing, upstream: Upstream) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(upstream.ask, one)


@in_virtual_time
async def test_calls_take_turns_however_many_requests_one_of_them_has() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        for _ in range(40):
            group.start_soon(lambda: upstream.ask(one, call="long"))
        await anyio.sleep(0.5)
        for name in ("a", "b", "c"):
            group.start_soon(lambda name=name: upstream.ask(one, call=name))
    places = [call for _, call in sorted(upstream.arrivals, key=lambda seen: seen[0])]
    assert max(places.index(name) for name in "abc") <= 9


@in_virtual_time
async def test_bulk_work_leaves_a_slot_to_those_who_wait_for_an_answer() -> None:
    store, upstream = MemoryRateStore(clock, clock), Upstream()
    bulk, desk, waits = pacing(store), pacing(store), list[float]()
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(lambda: upstream.ask(bulk, call="bulk", bulk=True))
        await anyio.sleep(3)
        for _ in range(6):
            before = clock()
            await upstream.ask(desk, call="one")
            waits.append(clock() - before)
            await anyio.sleep(0.5)
    beside = [call for moment, call in upstream.arrivals if 5 < moment <= 6]
    assert max(waits[1:]) < 0.6
    assert beside.count("bulk") == 4
    assert upstream.most_in_a_second() <= 5


@in_virtual_time
async def test_bulk_work_alone_uses_all_there_is() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(lambda: upstream.ask(one, call="bulk", bulk=True))
    assert clock() == pytest.approx(9 * 1.012 + 4 * 0.1, abs=0.01)  # the first five one after the other


@in_virtual_time
async def test_bulk_work_lets_others_go_first_and_is_never_shut_out() -> None:
    one, upstream = pacing(), Upstream()
    order: list[str] = []
    begun = 0

    async def ask(call: str, bulk: bool = False) -> None:
        await upstream.ask(one, call=call, bulk=bulk)
        order.append(call)

    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(ask, "bulk", True)
        await anyio.sleep(2.3)
        begun, asked = len(order), clock()
        async with anyio.create_task_group() as now:
            for _ in range(4):
                now.start_soon(ask, "now")
        assert clock() - asked < 1.0
        for _ in range(20):
            group.start_soon(ask, "many")
    after = order[begun:]
    assert after.index("now") <= 1
    last = max(place for place, call in enumerate(after) if call == "many")
    assert after[:last].count("bulk") >= 4


@pytest.mark.parametrize("tenths", range(20, 31))
def test_a_call_of_two_requests_finds_bulk_work_spread_over_the_second(tenths: int) -> None:
    @in_virtual_time
    async def waited() -> None:
        one, upstream = pacing(), Upstream()
        async with anyio.create_task_group() as group:
            for _ in range(25):
                group.start_soon(lambda: upstream.ask(one, call="bulk", bulk=True))
            await anyio.sleep(tenths / 10)
            asked = clock()
            async with anyio.create_task_group() as both:
                for _ in range(2):
                    both.start_soon(lambda: upstream.ask(one, call="now"))
            assert clock() - asked < 0.75

    waited()


@in_virtual_time
async def test_a_queue_longer_than_the_call_may_take_is_refused_at_once_with_an_estimate() -> None:
    one, upstream = pacing(), Upstream()
    async with anyio.create_task_group() as group:
        for number in range(80):
            group.start_soon(lambda number=number: upstream.ask(one, call=number))
        await anyio.sleep(0.1)
        with pytest.raises(Busy) as caught:
            await upstream.ask(one, call="late", within=10)
        assert (clock(), caught.value.waiting) == (pytest.approx(0.1), 75)
        assert caught.value.retry_after == pytest.approx(15, abs=1.5)
        await upstream.ask(one, call="patient", within=20)
        assert clock() <= 20


@in_virtual_time
async def test_who_dies_holding_a_slot_loses_it_after_its_time() -> None:
    store, upstream = MemoryRateStore(clock, clock), Upstream()
    for _ in range(5):
        assert isinstance(await store.take(ACCOUNT, 3, False), Lease)
    await upstream.ask(pacing(store))
    assert clock() == pytest.approx(3, abs=0.06)


@in_virtual_time
async def test_who_lives_keeps_its_slot_however_long_the_answer_takes() -> None:
    store, upstream = MemoryRateStore(clock, clock), Upstream()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(upstream.ask, pacing(store), 0.0, 15.0)
        await anyio.sleep(0.1)
        await upstream.ask(pacing(store))
    assert upstream.moments[-1] == pytest.approx(16.004, abs=0.06)


@in_virtual_time
async def test_a_lease_that_ran_out_is_not_given_back_for_its_next_holder() -> None:
    store = MemoryRateStore(clock, clock)
    slept = await store.take((("a", 1),), 1, False)
    await anyio.sleep(2)
    assert isinstance(await store.take((("a", 1),), 3, False), Lease)
    assert isinstance(slept, Lease)
    await store.give_back(slept, 0)
    assert not isinstance(await store.take((("a", 1),), 3, False), Lease)


@in_virtual_time
async def test_what_an_earlier_boot_left_behind_holds_nobody_up() -> None:
    moments = [50_000.0]
    store = MemoryRateStore(lambda: moments[0], clock)
    for _ in range(5):
        await store.take(ACCOUNT, 3, False)
    moments[0] = 10.0
    assert isinstance(await store.take(ACCOUNT, 3, False), Lease)


@in_virtual_time
async def test_what_was_given_up_under_way_still_counts_where_it_arrives() -> None:
    """Cancelled just after sending; the other side sees it a while later all the same."""
    one, arrivals = pacing(), list[float]()

    async def given_up() -> None:
        with anyio.move_on_after(0.01):
            async with one.turn(ACCOUNT):
                arrivals.append(clock() + 0.3)
                await anyio.sleep(5)

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(given_up)
    for _ in range(5):
        async with one.turn(ACCOUNT) as turn:
            arrivals.append(clock() + 0.02)
            turn.mark_answered(clock())
    arrivals.sort()
    assert max(sum(start <= moment < start + 1 for moment in arrivals) for start in arrivals) <= 5


@in_virtual_time
async def test_a_pause_that_lasts_absurdly_long_does_not_switch_pauses_off() -> None:
    store, upstream = MemoryRateStore(clock, clock), Upstream()
    await upstream.ask(pacing(store))
    await store.pause("account", 10**7)
    await store.pause("account", 30)
    with pytest.raises(Throttled) as caught:
        await upstream.ask(pacing(store), within=25)
    assert caught.value.retry_after == pytest.approx(900)


@in_virtual_time
async def test_a_wait_the_server_asked_for_holds_back_later_calls_too() -> None:
    async with trial() as one:
        one.wire.answer = failing("GET", "/tags", status(429, None, **{"retry-after": "60"}))
        await one.refusal("list_tags")
        one.forget_requests()
        assert "Wait 60 seconds" in await one.refusal("list_users")
        assert one.requests == []


@in_virtual_time
async def test_a_call_that_is_cancelled_stops_its_work_and_frees_its_slots() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def hanging(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep_forever()
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(hanging)
        with anyio.move_on_after(3):
            await one.answer("get_contact", contact="1")
        one.wire.inner = inner
        await anyio.sleep(1.1)
        rates = one.account.gateway.endpoints.budgets(one.account.caller, Request("GET", ""))
        assert (await one.account.gateway.pacing.state_of(*rates[0])).free == 5
        assert one.account.gateway.pacing.waiting_in_all == 0


@in_virtual_time
async def test_who_has_to_wait_is_told_until_when_and_how_the_budget_stands() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(429, headers={"retry-after": "900", "x-request-id": "r-7"})
        text = await one.refusal("list_tags")
        assert "(request r-7)" in text
        assert "(paused for 900 s, last 429 0 s ago)" in text
        one.wire.answer = lambda request: None
        one.forget_requests()
        assert "Wait" in await one.refusal("list_lists")
        assert one.requests == [], "nobody asks before the time"


@in_virtual_time
async def test_a_queue_that_is_too_long_is_told_at_once() -> None:
    async with trial(rate=5) as one:
        texts, refused = list[str](), 0

        async def ask(number: int) -> None:
            try:
                await one.answer("list_contacts", search=f"x{number}")
            except ToolError as trouble:
                texts.append(explain(trouble, OPERATIONS["list_contacts"], {}))

        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(ask, number)
            await anyio.sleep(0.01)
            refused = len(texts)
        assert refused > 60
        assert texts[0].startswith("The queue for the rate limit (5 a second per account) is too long for this call: 1")
        assert "Wait 25 seconds" in texts[0] or "Wait 26 seconds" in texts[0]
