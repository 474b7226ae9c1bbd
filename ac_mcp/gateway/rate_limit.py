"""Slot leases: the rules of a budget of so many requests a second, as pure functions of its state and the time.

A budget has one slot for each request it allows in a second. A sender holds a slot of every budget that counts its
request, and gives it back with the moment it is free again, which `Pacing._free_after` in `pacing` decides: about a
second after the answer, so that no second ever holds more requests than slots, whatever the network does to them on the
way. A holder that dies loses its slot when the lease ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

MAX_BUSY = 10.0
"""Seconds, longer than any lease. A slot busy for more was left by an earlier boot, whose clock was ahead."""
COURTESY = 0.02
"""Seconds for which a slot that has just become free is left to the process that has waited longest."""
RIVAL_TIMEOUT = 0.1
"""Seconds after it last asked for a slot during which a process counts as waiting."""
QUIET = 2.0
"""Seconds since the last interactive request after which bulk work may use every slot."""
BLOCK = 100
"""Round trips over which a minimum is taken."""
MIN_ROUND_TRIPS = 8
"""Round trips before which nothing is estimated."""
MAX_PAUSE = 900.0
"""Longest pause in seconds. One that appears to last longer comes from a clock that was changed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A time in seconds on two clocks.

    `steady` never jumps and is the same for all processes of a machine; `wall` survives a restart of the machine.
    """

    steady: float
    wall: float


@dataclass(frozen=True, slots=True)
class Wait:
    """The answer when no slot is free, in seconds until it is worth asking again."""

    seconds: float
    paused: float = 0.0
    """The part that is certain: a slot may be given back early, but a pause lasts."""


# The fields of Slot, RoundTripFloor and Budget are the keys of the JSON that the shared stores write.


@dataclass(slots=True)
class Slot:
    """The room for one request in a second."""

    free_at: float = -inf
    """On the steady clock."""
    holder: str = ""
    """The id of the lease that holds it; empty once it was given back."""
    bulk: bool = False

    def is_busy(self, now: Moment) -> bool:
        """Return whether the slot still counts a request."""
        return now.steady < self.free_at <= now.steady + MAX_BUSY


@dataclass(slots=True)
class RoundTripFloor:
    """A lower bound of the time from a request's arrival to its answer, estimated from the round trips so far.

    It is the shortest of the last 100 to 200 round trips less a margin: the fewer and the more scattered they are, the
    further the true minimum may lie below. The factors are the smallest margins with which 200 simulated runs over a
    link of 60 to 210 ms stayed below the limit in every second.
    """

    count: int = 0
    mean: float = 0.0
    least: float = inf
    """The shortest round trip of the current block."""
    before: float = inf
    """The shortest round trip of the block before."""

    def add(self, seconds: float) -> None:
        """Add one round trip."""
        if self.count and self.count % BLOCK == 0:
            self.before, self.least = self.least, inf
        self.count += 1
        self.mean += (seconds - self.mean) / min(self.count, 2 * BLOCK)
        self.least = min(self.least, seconds)

    @property
    def seconds(self) -> float:
        """The estimate; 0 while there are too few round trips."""
        if self.count < MIN_ROUND_TRIPS:
            return 0.0
        samples = self.count if self.count <= BLOCK else BLOCK + (self.count - 1) % BLOCK + 1
        least = min(self.least, self.before)
        return max(0.0, 0.88 * least - 12 * max(0.0, self.mean - least) / samples)


@dataclass(slots=True)
class Budget:
    """The state of a budget, shared by all who send against it. Times are in seconds."""

    slots: list[Slot]
    paused_until: float = -inf
    """On the wall clock, like `throttled_at`, which is when the API last answered 429."""
    throttled_at: float = -inf
    interactive_at: float = -inf
    """When an interactive request last asked for a slot."""
    bulk_at: float = -inf
    """When bulk work last got a slot."""
    floor: RoundTripFloor = field(default_factory=RoundTripFloor)
    rivals: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """By process: when it last asked for a slot, and when it last got one."""

    @classmethod
    def of(cls, rate: int) -> "Budget":
        """Return an unused budget of so many requests a second."""
        return cls([Slot() for _ in range(rate)])

    def pause_left(self, now: Moment) -> float:
        """Return the seconds until the pause ends; 0 without a pause."""
        left = self.paused_until - now.wall
        return left if 0 < left <= MAX_PAUSE else 0.0

    def count_free(self, now: Moment) -> int:
        """Return how many slots are free."""
        return sum(not slot.is_busy(now) for slot in self.slots)

    def soonest(self, now: Moment, bulk: bool) -> tuple[int, float]:
        """Return the place of the slot that is free first, and the seconds until it may be taken.

        Bulk work leaves one slot to interactive calls, and takes its own at intervals rather than all at once: some
        slot is free soon, whenever a call comes that needs two.
        """
        waits = [max(0.0, slot.free_at - now.steady) if slot.is_busy(now) else 0.0 for slot in self.slots]
        place = waits.index(min(waits))
        bulk_waits = [wait for slot, wait in zip(self.slots, waits, strict=True) if slot.bulk and wait]
        interactive = 0 <= now.steady - self.interactive_at < QUIET
        reserved = bulk and interactive and len(bulk_waits) >= len(self.slots) - 1
        since = now.steady - self.bulk_at
        spread = 0.5 / len(self.slots) - since if bulk and since >= 0 else 0.0
        return place, max(
            waits[place], min(bulk_waits) if reserved and bulk_waits else 0.0, spread, self.pause_left(now)
        )

    def note_request(self, process: str, now: Moment) -> None:
        """Record that a process asks for a slot, and drop the processes that no longer ask."""
        _, got_at = self.rivals.get(process, (0.0, -inf))
        recent = {name: times for name, times in self.rivals.items() if 0 <= now.steady - times[0] < 1.0}
        self.rivals = {**recent, process: (now.steady, got_at)}

    def yields_to_rival(self, process: str, place: int, now: Moment) -> bool:
        """Return whether a process leaves a slot that has just become free to one that has waited longer."""
        free_for = now.steady - self.slots[place].free_at
        own_got_at = self.rivals[process][1]
        return 0 <= free_for < COURTESY and any(
            got_at < own_got_at
            for name, (asked_at, got_at) in self.rivals.items()
            if name != process and now.steady - asked_at < RIVAL_TIMEOUT
        )


def take(
    budgets: Sequence[Budget], process: str, holder: str, now: Moment, seconds: float, bulk: bool
) -> tuple[int, ...] | Wait:
    """Take a slot of each budget for at most `seconds`; return their places, or how long to wait for one."""
    budgets[0].note_request(process, now)
    for budget in budgets if not bulk else ():
        budget.interactive_at = now.steady
    found = [budget.soonest(now, bulk) for budget in budgets]
    if (wait := max(wait for _, wait in found)) > 0:
        return Wait(wait, max(budget.pause_left(now) for budget in budgets))
    if budgets[0].yields_to_rival(process, found[0][0], now):
        return Wait(COURTESY / 5)
    budgets[0].rivals[process] = (now.steady, now.steady)
    for budget, (place, _) in zip(budgets, found, strict=True):
        budget.slots[place] = Slot(now.steady + seconds, holder, bulk)
        budget.bulk_at = now.steady if bulk else budget.bulk_at
    return tuple(place for place, _ in found)


def give_back(budget: Budget, place: int, holder: str, free_at: float) -> None:
    """Give a slot back from `free_at` on. Do nothing if the lease ran out and another one holds the slot now."""
    if budget.slots[place].holder == holder:
        budget.slots[place].free_at, budget.slots[place].holder = free_at, ""
