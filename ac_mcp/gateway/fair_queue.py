"""Who waits for a turn, in which order, and what a turn knows of its request."""

from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

from anyio import Event

from ac_mcp.errors import Throttled
from ac_mcp.gateway.rate_stores import Lease, RateStore

MAX_WAITERS = 1_000
"""Of so many it is known when they had their last turn."""
AHEAD_OF_BULK = 4
"""Turns in a row that others may have before bulk work that waits."""


@dataclass(frozen=True, slots=True)
class HeldLease:
    """A lease, and the store it is to go back to."""

    store: RateStore
    lease: Lease


@dataclass(eq=False, slots=True)
class Waiter:
    call: Hashable
    bulk: bool
    deadline: float = inf
    principal: Hashable = None
    """Whose call it is: those who share an account take turns whatever number of calls each has."""
    held: HeldLease | None = None
    refused: Throttled | None = None
    woken: Event = field(default_factory=Event)

    @property
    def waits(self) -> bool:
        return self.held is None and self.refused is None


@dataclass(eq=False, slots=True)
class FairQueue:
    """Who waits for the same budgets, by call; the calls in the order of their next turn."""

    calls: OrderedDict[Hashable, deque[Waiter]] = field(default_factory=OrderedDict[Hashable, deque[Waiter]])
    asking: Waiter | None = None
    """The one that asks the store for all."""
    interval: float = 0.0
    """Seconds from one turn to the next, as it was of late; more than the rate says where other processes send too."""
    granted: float = -inf
    passed: int = 0
    """Turns in a row that were given before waiting bulk work."""
    turns: OrderedDict[Hashable, None] = field(default_factory=OrderedDict[Hashable, None])
    """Who has had a turn, the longest ago first."""

    def add(self, waiter: Waiter) -> None:
        self.calls.setdefault(waiter.call, deque()).append(waiter)

    def remove(self, waiter: Waiter) -> None:
        """Its call, if others of it wait, goes to the end."""
        waiting = self.calls.get(waiter.call, deque())
        if waiter in waiting:
            waiting.remove(waiter)
            self.calls.move_to_end(waiter.call)
        if not waiting:
            self.calls.pop(waiter.call, None)

    def next(self) -> Iterator[Waiter]:
        """Whose turn it is. Bulk work comes after others, though it never waits for more than a few of them."""
        waiting = [one[0] for one in self._by_turn()]
        first = waiting[0]
        others = [one for one in waiting if not one.bulk][:1] if first.bulk else []
        if others and self.passed < AHEAD_OF_BULK:
            yield others[0]
            return  # a slot that is not for them is not for bulk work either
        yield first
        yield from others

    def _by_turn(self) -> list[deque[Waiter]]:
        """The calls of whoever has waited longest for a turn first; those of one in their order."""
        place = {whose: at for at, whose in enumerate(self.turns)}
        return sorted(self.calls.values(), key=lambda waiting: place.get(waiting[0].principal, -1))

    def grant(self, held: HeldLease, waiter: Waiter) -> None:
        given = waiter if waiter in self.calls.get(waiter.call, ()) else next(self.next())
        given.held = held
        waits = any(waiting[0].bulk for waiting in self.calls.values())
        self.passed = self.passed + 1 if waits and not given.bulk else 0
        self.remove(given)
        self.turns[given.principal] = None
        self.turns.move_to_end(given.principal)
        while len(self.turns) > MAX_WAITERS:
            self.turns.popitem(last=False)
        given.woken.set()

    def refuse(self, paused: float, now: float) -> None:
        """Those who could only wait in vain need not."""
        for waiter in [one for waiting in self.calls.values() for one in waiting if now + paused > one.deadline]:
            waiter.refused = Throttled("the account is paused", status=0, retry_after=paused)
            self.remove(waiter)
            waiter.woken.set()

    def release_store(self) -> None:
        """Somebody else asks the store from now on."""
        self.asking = next(iter(self.calls.values()))[0] if self.calls else None
        if self.asking:
            self.asking.woken.set()

    def count_ahead(self, call: Hashable, whose: Hashable = None) -> int:
        """How many turns come before the next new one of this call: those who share take turns, so do their calls."""
        own = len(self.calls.get(call, ()))
        before = Counter[Hashable]({whose: own})
        for other, waiting in self.calls.items():
            theirs = waiting[0].principal
            before[theirs] += (min(len(waiting), own + 1) if theirs == whose else len(waiting)) if other != call else 0
        mine = before.pop(whose)
        return mine + sum(min(count, mine + 1) for count in before.values())

    def note_turn(self, now: float, rate: int) -> None:
        """A turn was given; while others wait, the time since the last one tells how fast they come."""
        since = now - self.granted
        self.interval = max(1 / rate, 0.8 * self.interval + 0.2 * min(since, 1.0)) if self.calls else 1 / rate
        self.granted = now


@dataclass(eq=False, slots=True)
class Turn:
    """The right to send now. `answered` is when the other side had surely counted the request."""

    sent: float
    answered: float | None = None
    last: tuple[str, float] = ("", 0.0)
    """The last thing the HTTP client told of this request, and when; nothing where there is no network."""
    sent_whole: float | None = None

    def mark_answered(self, now: float) -> None:
        if self.answered is None:
            self.answered = now

    def trace(self, clock: Callable[[], float]) -> Callable[[str, Any], Awaitable[None]]:
        """What the HTTP client calls at each step of a request."""

        async def step(name: str, info: Any) -> None:
            self.last = name, clock()
            if name.endswith("send_request_body.complete"):
                self.sent_whole = clock()

        return step

    @property
    def left_at(self) -> float:
        """When all of it had left: not while it was still being connected or written."""
        if self.sent_whole is not None:
            return self.sent_whole
        name, when = self.last
        return when if name else self.sent

    @property
    def trip(self) -> float | None:
        return None if self.answered is None else self.answered - self.sent
