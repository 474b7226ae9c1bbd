"""The rate limiter of one process: requests queue by tool call, and each waits for a slot of every budget it counts to.

One waiter of a process polls the store on behalf of all, so that processes compete as equals. Inside the process the
calls take turns, so that a call with a hundred requests delays a call with a single request by no more than one turn.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from math import inf

from anyio import CancelScope, create_task_group

from ac_mcp.concurrency import unwrap_group
from ac_mcp.errors import Busy, Throttled
from ac_mcp.gateway.fair_queue import MAX_WAITERS, FairQueue, HeldLease, Turn, Waiter
from ac_mcp.gateway.rate_limit import Wait
from ac_mcp.gateway.rate_stores import BudgetState, Lease, MemoryRateStore, Rates, RateStore
from ac_mcp.storage.sqlite import Unusable

log = logging.getLogger(__name__)
PERIOD = 1.012
"""Seconds after sending until a slot is free."""
GUARD = 0.004
"""Seconds beyond a full second after the API can have counted the request until a slot is free."""
POLL = 0.05
"""Seconds between two looks at slots that other processes hold."""
INSTANT = 0.001
"""Shortest sleep in seconds: a clock need not advance during a shorter one, so that the loop would only spin."""
LEASE = 3.0
"""Seconds a lease lasts unless it is renewed: the slot of a process that died is free after that."""


class Pacing:
    """Turns for the requests of one process, over a store that other processes may share.

    A slot is free a little over a second after the API counted the request. `strict` takes the arrival of the answer
    for that moment; otherwise the shortest time an answer can take is subtracted.
    """

    def __init__(
        self,
        store: RateStore,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        strict: bool = False,
    ) -> None:
        self.store, self._clock, self._sleep, self._strict = store, clock, sleep, strict
        self._fallback = MemoryRateStore(clock, clock)
        self._retry_at, self._fallback_from, self._cut_off = -inf, -inf, False
        self._queues: dict[Rates, FairQueue] = {}

    @asynccontextmanager
    async def turn(
        self,
        rates: Rates,
        *,
        call: Hashable = None,
        bulk: bool = False,
        within: float = inf,
        principal: Hashable = None,
    ) -> AsyncGenerator[Turn]:
        """Wait for a turn, at most `within` seconds, and hold it.

        Raises:
            Busy: at once, if the queue is longer than `within` seconds.
            Throttled: as soon as it is certain that the budget is paused for longer than that.
        """
        if len(self._queues) > MAX_WAITERS:
            self._queues = {rates: queue for rates, queue in self._queues.items() if queue.calls or queue.poller}
        queue = self._queues.setdefault(rates, FairQueue())
        if (wait := self._expected_wait(queue, rates, call, principal)) > within:
            raise Busy("the queue is too long", waiting=self.waiting(rates), retry_after=wait)
        held = await self._wait_for_lease(queue, rates, Waiter(call, bulk, self._clock() + within, principal))
        turn = Turn(self._clock())
        try:
            async with create_task_group() as group:
                group.start_soon(self._keep_renewing, held)
                yield turn
                group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None
        finally:
            with CancelScope(shield=True):
                await self._give_back(held, self._free_after(turn, held.lease), turn.round_trip)

    def waiting(self, rates: Rates) -> int:
        """Return how many requests of this process wait for these budgets."""
        return sum(map(len, self._queues[rates].calls.values())) if rates in self._queues else 0

    @property
    def is_cut_off(self) -> bool:
        """Whether the store cannot be used, so that this process keeps to 1 request a second by itself."""
        return self._cut_off

    async def is_reachable(self) -> bool:
        """Return whether the store can be used now."""
        try:
            await self.store.state_of("", 1)
        except Unusable:
            return False
        return True

    @property
    def waiting_in_all(self) -> int:
        """How many requests of this process wait, over all budgets."""
        return sum(map(self.waiting, self._queues))

    async def pause(self, name: str, seconds: float) -> None:
        """Pause a budget after a 429: no process that shares the store sends against it for so many seconds."""
        for store in (self.store, self._fallback):
            try:
                await store.pause(name, seconds)
            except Unusable as error:
                self._note_lost_store(error)

    async def state_of(self, name: str, rate: int) -> BudgetState:
        """Return the state of a budget; that of this process alone if the store cannot be used."""
        try:
            return await self.store.state_of(name, rate)
        except Unusable as error:
            self._note_lost_store(error)
            return await self._fallback.state_of(name, 1)

    def _expected_wait(self, queue: FairQueue, rates: Rates, call: Hashable, principal: Hashable) -> float:
        """Return the seconds until a new request of this call is sent, at the recent pace of the queue."""
        return max(0, queue.count_ahead(call, principal) - rates[0][1] + 1) * max(queue.interval, 1 / rates[0][1])

    async def _wait_for_lease(self, queue: FairQueue, rates: Rates, waiter: Waiter) -> HeldLease:
        """Return a lease for this waiter; poll the store for all waiters while no other one does.

        Raises:
            Throttled: if the budget is paused beyond the deadline of the waiter.
        """
        queue.add(waiter)
        try:
            while waiter.is_waiting:
                if queue.poller in (None, waiter):
                    queue.poller = waiter
                    await self._poll_store(queue, rates, waiter)
                else:
                    await waiter.woken.wait()
            if waiter.lease is None:
                raise waiter.error or Throttled("the account is paused", status=0)
            return waiter.lease
        except BaseException:
            if waiter.lease is not None:
                with CancelScope(shield=True):
                    await self._give_back(waiter.lease, 0.0)
            raise
        finally:
            queue.remove(waiter)
            if queue.poller is waiter:
                queue.hand_over_polling()

    async def _poll_store(self, queue: FairQueue, rates: Rates, poller: Waiter) -> None:
        """Ask the store until the poller has its own lease; pass the leases before it to the next candidates."""
        while poller.is_waiting:
            wait = POLL
            for candidate in list(queue.candidates()):
                answer = await self._take(rates, candidate.bulk)
                if isinstance(answer, HeldLease):
                    # The candidate may have left the queue meanwhile; at least the poller still waits.
                    queue.grant(answer, candidate)
                    queue.note_turn(self._clock(), rates[0][1])
                    wait = 0.0
                    break
                queue.refuse(answer.paused, self._clock())
                wait = min(wait, answer.seconds)
                if not poller.is_waiting:
                    break
            if poller.is_waiting and wait:
                await self._sleep(max(wait, INSTANT))

    def _free_after(self, turn: Turn, lease: Lease) -> float:
        """Return the seconds until the slot is free: a period after sending, and a second after the API counted it.

        A request that was given up without an answer may still be on its way.
        """
        now = self._clock()
        min_return_time = 0.0 if self._strict else lease.min_return_time
        counted = now + lease.travel_time if turn.answered is None else turn.answered - min_return_time
        return max(turn.sent + PERIOD - now, counted + 1.0 + GUARD - now, 0.0)

    async def _take(self, rates: Rates, bulk: bool) -> HeldLease | Wait:
        """Ask the store for a lease, or the fallback while the store cannot be used."""
        if self._clock() >= self._retry_at:
            if self._cut_off and await self._is_fallback_busy(rates):
                return Wait(POLL)
            try:
                answer = await self.store.take(rates, LEASE, bulk)
            except Unusable as error:
                self._note_lost_store(error)
            else:
                self._cut_off = False
                return answer if isinstance(answer, Wait) else HeldLease(self.store, answer)
        if (early := self._fallback_from - self._clock()) > 0:
            return Wait(early)  # what was sent over the store may count in this second
        answer = await self._fallback.take(tuple((name, 1) for name, _ in rates), LEASE, bulk)
        return answer if isinstance(answer, Wait) else HeldLease(self._fallback, answer)

    async def _is_fallback_busy(self, rates: Rates) -> bool:
        """Return whether a request sent without the store still counts in this second."""
        return any([(await self._fallback.state_of(name, 1)).free == 0 for name, _ in rates])

    async def _keep_renewing(self, held: HeldLease) -> None:
        """Renew a lease until cancelled. Leases are short, so that others do not wait long for a process that died."""
        while True:
            await self._sleep(LEASE / 3)
            try:
                await held.store.renew(held.lease, LEASE)
            except Unusable as error:
                self._note_lost_store(error)

    async def _give_back(self, held: HeldLease, after: float, round_trip: float | None = None) -> None:
        """Give a lease back to its store; its slots are free in `after` seconds."""
        try:
            await held.store.give_back(held.lease, after, round_trip)
        except Unusable as error:
            self._note_lost_store(error)

    def _note_lost_store(self, error: Unusable) -> None:
        """Switch to the fallback: a share that is safe beside the requests of the other processes, now unseen."""
        self._retry_at = self._clock() + self.store.retry_seconds
        if not self._cut_off:
            self._fallback_from = self._clock() + 1.0
            self._cut_off = True
            log.warning(
                "The pace cannot be shared with other processes (%s): 1 request a second until it can. Of a file: set "
                "AC_MCP_STATE_DIR to a folder that can be written, or to `memory` if there is no other process.",
                error,
            )
