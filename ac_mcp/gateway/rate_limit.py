"""Slot leases: how a budget of so many requests a second is kept, as pure functions of its state and the time.

A budget has one slot for each request it allows in a second. Who sends holds a slot of every budget that counts the
request, and gives it back with the moment it is free again: a second after the answer, so that no second ever holds
more requests than slots, whatever the network does to them on the way. Who dies holding one loses it after a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

LEFTOVER = 10.0
"""A slot busy for longer than any lease lasts was left by an earlier boot, whose clock ran further."""
COURTESY, HERE = 0.02, 0.1
"""Seconds for which a free slot is left to who has waited longest; and since a process asked that still waits."""
QUIET = 2.0
"""Seconds since the last interactive request after which bulk work may use every slot."""
BLOCK = 100
MAX_PAUSE = 86_400.0
"""Seconds: nobody is asked to wait for more than a day, so that what claims to last longer is a changed clock."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`steady` never jumps and is the same for all processes of a machine; `wall` survives a restart of it."""

    steady: float
    wall: float


@dataclass(frozen=True, slots=True)
class Wait:
    """No slot yet. `paused` is the part of it that is certain: others may give their slots back earlier."""

    seconds: float
    paused: float = 0.0


@dataclass(slots=True)
class Slot:
    free_at: float = -inf
    holder: str = ""
    bulk: bool = False

    def busy(self, now: Moment) -> bool:
        return now.steady < self.free_at <= now.steady + LEFTOVER


@dataclass(slots=True)
class RoundTripFloor:
    """How soon after reaching the other side a request is answered at the earliest, by the round trips there were.

    Of the least of the last hundred or two only as much is believed as they bear out: the fewer and the more scattered
    they are, the further the true least may lie below. The figures are the smallest margins with which 200 simulated
    runs over a link of 60 to 210 ms stayed below the limit in every second.
    """

    count: int = 0
    mean: float = 0.0
    least: float = inf
    before: float = inf
    """The least of the hundred before these."""

    def add(self, seconds: float) -> None:
        if self.count and self.count % BLOCK == 0:
            self.before, self.least = self.least, inf
        self.count += 1
        self.mean += (seconds - self.mean) / min(self.count, 2 * BLOCK)
        self.least = min(self.least, seconds)

    @property
    def seconds(self) -> float:
        if self.count < 8:
            return 0.0
        known = self.count if self.count <= BLOCK else BLOCK + (self.count - 1) % BLOCK + 1
        least = min(self.least, self.before)
        return max(0.0, 0.88 * least - 12 * max(0.0, self.mean - least) / known)


@dataclass(slots=True)
class Budget:
    """What all who send against it have to know."""

    slots: list[Slot]
    paused_until: float = -inf
    """On the wall clock, like `throttled_at`: when the other side last said "too many requests"."""
    throttled_at: float = -inf
    interactive_at: float = -inf
    bulk_at: float = -inf
    floor: RoundTripFloor = field(default_factory=RoundTripFloor)
    rivals: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """By process: when it last asked for a slot, and when it last got one."""

    @classmethod
    def of(cls, rate: int) -> "Budget":
        return cls([Slot() for _ in range(rate)])

    def paused(self, now: Moment) -> float:
        """Seconds it is paused for."""
        left = self.paused_until - now.wall
        return left if 0 < left <= MAX_PAUSE else 0.0

    def free(self, now: Moment) -> int:
        return sum(not slot.busy(now) for slot in self.slots)

    def soonest(self, now: Moment, bulk: bool) -> tuple[int, float]:
        """The slot that is free first, and in how many seconds.

        Bulk work leaves one to interactive calls, and takes its own one after the other rather than all at once: so
        some slot is free soon, whenever somebody comes who needs two.
        """
        waits = [max(0.0, slot.free_at - now.steady) if slot.busy(now) else 0.0 for slot in self.slots]
        place = waits.index(min(waits))
        held = [wait for slot, wait in zip(self.slots, waits, strict=True) if slot.bulk and wait]
        reserved = bulk and 0 <= now.steady - self.interactive_at < QUIET and len(held) >= len(self.slots) - 1
        since = now.steady - self.bulk_at
        spread = 0.5 / len(self.slots) - since if bulk and since >= 0 else 0.0
        return place, max(waits[place], min(held) if reserved and held else 0.0, spread, self.paused(now))

    def note_request(self, process: str, now: Moment) -> None:
        _, got = self.rivals.get(process, (0.0, -inf))
        recent = {name: times for name, times in self.rivals.items() if 0 <= now.steady - times[0] < 1.0}
        self.rivals = {**recent, process: (now.steady, got)}

    def yields_to_rival(self, process: str, place: int, now: Moment) -> bool:
        """Whether a slot that has just become free is left to a process that has waited longer."""
        free_for = now.steady - self.slots[place].free_at
        mine = self.rivals[process][1]
        return 0 <= free_for < COURTESY and any(
            got < mine for name, (asked, got) in self.rivals.items() if name != process and now.steady - asked < HERE
        )


def take(
    budgets: Sequence[Budget], process: str, holder: str, now: Moment, seconds: float, bulk: bool
) -> tuple[int, ...] | Wait:
    """A slot of each budget, held for `seconds` at most; or how long one of them will have none."""
    budgets[0].note_request(process, now)
    for budget in budgets if not bulk else ():
        budget.interactive_at = now.steady
    found = [budget.soonest(now, bulk) for budget in budgets]
    if (wait := max(wait for _, wait in found)) > 0:
        return Wait(wait, max(budget.paused(now) for budget in budgets))
    if budgets[0].yields_to_rival(process, found[0][0], now):
        return Wait(COURTESY / 5)
    budgets[0].rivals[process] = (now.steady, now.steady)
    for budget, (place, _) in zip(budgets, found, strict=True):
        budget.slots[place] = Slot(now.steady + seconds, holder, bulk)
        budget.bulk_at = now.steady if bulk else budget.bulk_at
    return tuple(place for place, _ in found)


def give_back(budget: Budget, place: int, holder: str, free_at: float) -> None:
    """From `free_at` on it is anybody's. A lease that had run out may be somebody else's by now."""
    if budget.slots[place].holder == holder:
        budget.slots[place].free_at, budget.slots[place].holder = free_at, ""
