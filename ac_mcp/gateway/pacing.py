"""Who sends next: requests queue by tool call and take turns, and each waits for a slot of every budget it counts to.

One waiter of a process asks the store on behalf of all, so that processes compete as equals; inside the process the
calls take turns, so that one with a hundred requests delays one with a single request by no more than one.
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
PERIOD, GUARD = 1.012, 0.004
"""A slot is free a little over a second after the request was sent, and after the other side can have counted it."""
POLL = 0.05
"""Seconds between two looks at slots that other processes hold."""
INSTANT = 0.001
"""Seconds below which a clock need not move on: shorter waits would only spin."""
LEASE = 3.0
"""Seconds after which a slot is free whose holder died."""


class Pacing:
    """Turns for one process over a store that may be shared; strict without the estimate of the way back."""

    def __init__(
        self,
        store: RateStore,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        strict: bool = False,
    ) -> None:
        self.store, self._clock, self._sleep, self._strict = store, clock, sleep, strict
        self._alone = MemoryRateStore(clock, clock)
        self._back_at, self._alone_from, self._told = -inf, -inf, False
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
        """Wait for a turn and hold it.

        Raises:
            Busy: at once, if the queue is longer than `within` seconds.
            Throttled: as soon as it is known that nobody may send within that time.
        """
        if len(self._queues) > MAX_WAITERS:
            self._queues = {rates: queue for rates, queue in self._queues.items() if queue.calls or queue.asking}
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
                await self._give_back(held, self._free_after(turn, held.lease), turn.trip)

    def waiting(self, rates: Rates) -> int:
        """How many requests of this process wait."""
        return sum(map(len, self._queues[rates].calls.values())) if rates in self._queues else 0

    @property
    def is_cut_off(self) -> bool:
        """Its store cannot be used: it keeps to a share of its own."""
        return self._told

    async def is_reachable(self) -> bool:
        """Whether the store can be used, or could be by the next request."""
        try:
            await self.store.state_of("", 1)
        except Unusable:
            return False
        return True

    @property
    def waiting_in_all(self) -> int:
        """The same over all budgets."""
        return sum(map(self.waiting, self._queues))

    async def pause(self, name: str, seconds: float) -> None:
        """After a 429: nobody who shares the store sends against this budget for so long."""
        for store in (self.store, self._alone):
            try:
                await store.pause(name, seconds)
            except Unusable as error:
                self._note_lost_store(error)

    async def state_of(self, name: str, rate: int) -> BudgetState:
        try:
            return await self.store.state_of(name, rate)
        except Unusable as error:
            self._note_lost_store(error)
            return await self._alone.state_of(name, 1)

    def _expected_wait(self, queue: FairQueue, rates: Rates, call: Hashable, whose: Hashable) -> float:
        """Seconds until a new request of this call is sent: those ahead of it, at the pace there was of late."""
        return max(0, queue.count_ahead(call, whose) - rates[0][1] + 1) * max(queue.interval, 1 / rates[0][1])

    async def _wait_for_lease(self, queue: FairQueue, rates: Rates, me: Waiter) -> HeldLease:
        queue.add(me)
        try:
            while me.waits:
                if queue.asking in (None, me):
                    queue.asking = me
                    await self._poll_store(queue, rates, me)
                else:
                    await me.woken.wait()
            if me.held is None:
                raise me.refused or Throttled("the account is paused", status=0)
            return me.held
        except BaseException:
            if me.held is not None:
                with CancelScope(shield=True):
                    await self._give_back(me.held, 0.0)
            raise
        finally:
            queue.remove(me)
            if queue.asking is me:
                queue.release_store()

    async def _poll_store(self, queue: FairQueue, rates: Rates, me: Waiter) -> None:
        """Ask the store until there is a lease for me too; those before it go to whoever is next."""
        while me.waits:
            wait = POLL
            for waiter in list(queue.next()):
                got = await self._take(rates, waiter.bulk)
                if isinstance(got, HeldLease):
                    # Whoever it was asked for may be gone by now; somebody waits, if only me.
                    queue.grant(got, waiter)
                    queue.note_turn(self._clock(), rates[0][1])
                    wait = 0.0
                    break
                queue.refuse(got.paused, self._clock())
                wait = min(wait, got.seconds)
                if not me.waits:
                    break
            if me.waits and wait:
                await self._sleep(max(wait, INSTANT))

    def _free_after(self, turn: Turn, lease: Lease) -> float:
        """Seconds from now until the slot is free: a period after sending, a second after it was surely counted.

        What was given up without an answer may still be on its way.
        """
        now = self._clock()
        back = 0.0 if self._strict else lease.back
        counted = now + lease.trip if turn.answered is None else turn.answered - back
        return max(turn.sent + PERIOD - now, counted + 1.0 + GUARD - now, 0.0)

    async def _take(self, rates: Rates, bulk: bool) -> HeldLease | Wait:
        if self._clock() >= self._back_at:
            if self._told and await self._alone_busy(rates):
                return Wait(POLL)
            try:
                got = await self.store.take(rates, LEASE, bulk)
            except Unusable as error:
                self._note_lost_store(error)
            else:
                self._told = False
                return got if isinstance(got, Wait) else HeldLease(self.store, got)
        if (early := self._alone_from - self._clock()) > 0:
            return Wait(early)  # what was sent over the store may count in this second
        got = await self._alone.take(tuple((name, 1) for name, _ in rates), LEASE, bulk)
        return got if isinstance(got, Wait) else HeldLease(self._alone, got)

    async def _alone_busy(self, rates: Rates) -> bool:
        """Whether what was sent without the store still counts in this second."""
        return any([(await self._alone.state_of(name, 1)).free == 0 for name, _ in rates])

    async def _keep_renewing(self, held: HeldLease) -> None:
        """A lease is short, so that nobody waits long for a process that died; whoever lives renews it."""
        while True:
            await self._sleep(LEASE / 3)
            try:
                await held.store.renew(held.lease, LEASE)
            except Unusable as error:
                self._note_lost_store(error)

    async def _give_back(self, held: HeldLease, after: float, trip: float | None = None) -> None:
        try:
            await held.store.give_back(held.lease, after, trip)
        except Unusable as error:
            self._note_lost_store(error)

    def _note_lost_store(self, error: Unusable) -> None:
        """Without the others' requests in sight, this process keeps to a share that is safe beside theirs."""
        self._back_at = self._clock() + self.store.back_in
        if not self._told:
            self._alone_from = self._clock() + 1.0
            self._told = True
            log.warning(
                "The pace cannot be shared with other processes (%s): 1 request a second until it can. Of a file: set "
                "AC_MCP_STATE_DIR to a folder that can be written, or to `memory` if there is no other process.",
                error,
            )
