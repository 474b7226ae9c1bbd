"""The fair queue: which waiting request has the next turn, and the turn itself."""

from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from anyio import Event

from ac_mcp.errors import Throttled
from ac_mcp.gateway.rate_stores import Lease, RateStore

MAX_WAITERS = 1_000
"""How many principals of a queue, queues and retry budgets are remembered before old or idle ones are dropped."""
AHEAD_OF_BULK = 4
"""Turns in a row that interactive requests may have while bulk work waits."""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease and the store that granted it."""

    store: RateStore
    lease: Lease


@dataclass(eq=False, slots=True)
class Waiter:
    """A request that waits for its turn. It ends with a lease or an error."""

    call: Hashable
    bulk: bool
    deadline: float = inf
    """On the clock of the rate limiter, in seconds."""
    principal: Hashable = None
    """The principal of the call. Principals who share an account take turns, however many calls each has."""
    lease: HeldLease | None = None
    error: Throttled | None = None
    woken: Event = field(default_factory=Event)
    """Set once there is a lease or an error, or once this waiter has to poll the store."""

    @property
    def is_waiting(self) -> bool:
        """Whether there is neither a lease nor an error yet."""
        return self.lease is None and self.error is None


@dataclass(eq=False, slots=True)
class FairQueue:
    """The requests of this process that wait for the same budgets."""

    calls: OrderedDict[Hashable, deque[Waiter]] = field(default_factory=OrderedDict[Hashable, deque[Waiter]])
    """The waiters of each call; the calls in the order of their next turn."""
    poller: Waiter | None = None
    """The waiter that polls the store on behalf of all."""
    interval: float = 0.0
    """Recent average of seconds between two turns. Other processes that send too make it longer than the rate alone."""
    last_turn_at: float = -inf
    """When the last turn was granted, in seconds."""
    passed_bulk: int = 0
    """Turns in a row that were granted to others while bulk work waited."""
    recent: OrderedDict[Hashable, None] = field(default_factory=OrderedDict[Hashable, None])
    """Principals that have had a turn, the longest ago first."""

    def add(self, waiter: Waiter) -> None:
        """Append a waiter to those of its call."""
        self.calls.setdefault(waiter.call, deque()).append(waiter)

    def remove(self, waiter: Waiter) -> None:
        """Remove a waiter if it is in the queue, and move its call to the end if others of that call wait."""
        waiters = self.calls.get(waiter.call, deque())
        if waiter in waiters:
            waiters.remove(waiter)
            self.calls.move_to_end(waiter.call)
        if not waiters:
            self.calls.pop(waiter.call, None)

    def candidates(self) -> Iterator[Waiter]:
        """Yield one or two waiters that may have the next turn, the preferred one first.

        Bulk work comes after the others, but never waits for more than AHEAD_OF_BULK of their turns.
        """
        waiters = [waiting[0] for waiting in self._by_last_turn()]
        first = waiters[0]
        interactive = [waiter for waiter in waiters if not waiter.bulk][:1] if first.bulk else []
        if interactive and self.passed_bulk < AHEAD_OF_BULK:
            yield interactive[0]
            return  # a slot that an interactive request cannot have is not for bulk work either
        yield first
        yield from interactive

    def _by_last_turn(self) -> list[deque[Waiter]]:
        """Return the waiters of each call; first the calls of the principal whose last turn is the longest ago."""
        places = {principal: place for place, principal in enumerate(self.recent)}
        return sorted(self.calls.values(), key=lambda waiting: places.get(waiting[0].principal, -1))

    def grant(self, lease: HeldLease, waiter: Waiter) -> None:
        """Pass a lease to a waiter, or to the next candidate if that waiter has left the queue."""
        winner = waiter if waiter in self.calls.get(waiter.call, ()) else next(self.candidates())
        winner.lease = lease
        bulk_waits = any(waiting[0].bulk for waiting in self.calls.values())
        self.passed_bulk = self.passed_bulk + 1 if bulk_waits and not winner.bulk else 0
        self.remove(winner)
        self.recent[winner.principal] = None
        self.recent.move_to_end(winner.principal)
        while len(self.recent) > MAX_WAITERS:
            self.recent.popitem(last=False)
        winner.woken.set()

    def refuse(self, paused: float, now: float) -> None:
        """Refuse every waiter whose deadline comes before the end of a pause of so many seconds."""
        late = [waiter for waiting in self.calls.values() for waiter in waiting if now + paused > waiter.deadline]
        for waiter in late:
            waiter.error = Throttled("the account is paused", status=0, retry_after=paused)
            self.remove(waiter)
            waiter.woken.set()

    def hand_over_polling(self) -> None:
        """Make the first waiter of the queue the one that polls the store."""
        self.poller = next(iter(self.calls.values()))[0] if self.calls else None
        if self.poller:
            self.poller.woken.set()

    def count_ahead(self, call: Hashable, principal: Hashable = None) -> int:
        """Return how many turns come before that of a new request of this call.

        Principals take turns with each other, and so do the calls of one principal.
        """
        own = len(self.calls.get(call, ()))
        ahead = Counter[Hashable]({principal: own})
        for other, waiting in self.calls.items():
            if other != call:
                owner = waiting[0].principal
                ahead[owner] += min(len(waiting), own + 1) if owner == principal else len(waiting)
        same_principal = ahead.pop(principal)
        return same_principal + sum(min(count, same_principal + 1) for count in ahead.values())

    def note_turn(self, now: float, rate: int) -> None:
        """Record that a turn was granted. The time since the last one counts only while others wait."""
        since = now - self.last_turn_at
        self.interval = max(1 / rate, 0.8 * self.interval + 0.2 * min(since, 1.0)) if self.calls else 1 / rate
        self.last_turn_at = now


@dataclass(eq=False, slots=True)
class Turn:
    """The right to send one request now, and how far that request has come. All times are in seconds."""

    sent: float
    """When the turn began."""
    answered: float | None = None
    """When the answer began to arrive: the API had surely counted the request by then."""
    last_step: tuple[str, float] = ("", 0.0)
    """The last step the HTTP client reported, and when; an empty name if there was none, as without a network."""
    body_sent: float | None = None
    """When the whole request had been written."""

    def mark_answered(self, now: float) -> None:
        """Record that the answer has begun to arrive; only the first time counts."""
        if self.answered is None:
            self.answered = now

    def trace(self, clock: Callable[[], float]) -> Callable[[str, Any], Awaitable[None]]:
        """Return the callback that the HTTP client calls at each step of a request."""

        async def step(name: str, info: Any) -> None:
            self.last_step = name, clock()
            if name.endswith("send_request_body.complete"):
                self.body_sent = clock()

        return step

    @property
    def left_at(self) -> float:
        """When the request had left: the end of its writing, else its last step, else the start of the turn."""
        if self.body_sent is not None:
            return self.body_sent
        name, when = self.last_step
        return when if name else self.sent

    @property
    def round_trip(self) -> float | None:
        """Seconds from the start of the turn to the answer; None without an answer."""
        return None if self.answered is None else self.answered - self.sent
