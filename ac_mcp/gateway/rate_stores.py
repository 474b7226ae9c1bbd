"""Where budgets are kept: in this process, or in a file that all processes of this machine share.

A store has its own clock: with several machines only the store's can be trusted. So waits go in and out as seconds.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import monotonic, time
from typing import Any, Protocol, TypeAlias, TypeVar
from uuid import uuid4

from ac_mcp.gateway.rate_limit import MAX_PAUSE, Budget, Moment, RoundTripFloor, Slot, Wait, give_back, take
from ac_mcp.storage.sqlite import Database

T = TypeVar("T")
Rates: TypeAlias = tuple[tuple[str, int], ...]
"""Budgets by name, with the requests a second each allows."""
Clock: TypeAlias = Callable[[], float]
UNDERWAY = 0.3
SCHEMA = "CREATE TABLE IF NOT EXISTS budget (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one request now: a slot of each budget that counts it."""

    rates: Rates
    places: tuple[int, ...]
    holder: str
    back: float = 0.0
    """Seconds that an answer takes at the least from where requests are counted."""
    trip: float = UNDERWAY
    """Seconds that a request without an answer may still be on its way."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How a budget stands: slots free now, seconds it is paused for, seconds since the last 429 if there was one."""

    free: int
    paused: float
    throttled: float | None


AWAY = 10.0
"""Seconds until a store that failed is tried again."""


class RateStore(Protocol):
    """Raises Unusable where it cannot be reached; `back_in` is for how many seconds it then is not asked again."""

    back_in: float

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        """A lease that ends by itself after `seconds`; or when to ask again."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> None:
        """The lease lasts for `seconds` from now."""
        ...

    async def give_back(self, lease: Lease, after: float, trip: float | None = None) -> None:
        """The slots are free in `after` seconds; `trip` is how long the answer took."""
        ...

    async def pause(self, name: str, seconds: float) -> None:
        """The other side said 429: nobody sends against this budget for so long."""
        ...

    async def state_of(self, name: str, rate: int) -> BudgetState: ...

    def close(self) -> None: ...


class Ledger:
    """Budgets in memory: the store of one process, and what a shared store reads and writes in one transaction."""

    def __init__(
        self,
        steady: Clock,
        wall: Clock,
        process: str = "",
        budgets: dict[str, Budget] | None = None,
        fresh: Callable[[int], Budget] = Budget.of,
    ) -> None:
        self.budgets = budgets if budgets is not None else {}
        self._process, self._fresh = process, fresh
        self._steady, self._wall = steady, wall

    @property
    def now(self) -> Moment:
        return Moment(self._steady(), self._wall())

    def budget(self, name: str, rate: int) -> Budget:
        return self.budgets.setdefault(name, self._fresh(rate))

    def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        holder = uuid4().hex
        places = take([self.budget(*one) for one in rates], self._process, holder, self.now, seconds, bulk)
        floor = self.budget(*rates[0]).floor
        trip = max(floor.mean, UNDERWAY)
        return places if isinstance(places, Wait) else Lease(rates, places, holder, floor.seconds, trip)

    def renew(self, lease: Lease, seconds: float) -> None:
        for (name, rate), place in zip(lease.rates, lease.places, strict=True):
            slot = self.budget(name, rate).slots[place]
            slot.free_at = self.now.steady + seconds if slot.holder == lease.holder else slot.free_at

    def give_back(self, lease: Lease, after: float, trip: float | None) -> None:
        if trip is not None:
            self.budget(*lease.rates[0]).floor.add(trip)
        for (name, rate), place in zip(lease.rates, lease.places, strict=True):
            give_back(self.budget(name, rate), place, lease.holder, self.now.steady + after)

    def pause(self, name: str, seconds: float) -> None:
        if budget := self.budgets.get(name):
            budget.throttled_at = self.now.wall
            budget.paused_until = self.now.wall + max(budget.paused(self.now), min(seconds, MAX_PAUSE))

    def state_of(self, name: str, rate: int) -> BudgetState:
        now, budget = self.now, self.budgets.get(name, Budget.of(rate))
        ago = now.wall - budget.throttled_at
        return BudgetState(budget.free(now), budget.paused(now), ago if 0 <= ago < 86_400 else None)


class MemoryRateStore:
    """Budgets of this process alone."""

    back_in = AWAY

    def __init__(self, steady: Clock = monotonic, wall: Clock = time) -> None:
        self._ledger = Ledger(steady, wall)

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        return self._ledger.take(rates, seconds, bulk)

    async def renew(self, lease: Lease, seconds: float) -> None:
        self._ledger.renew(lease, seconds)

    async def give_back(self, lease: Lease, after: float, trip: float | None = None) -> None:
        self._ledger.give_back(lease, after, trip)

    async def pause(self, name: str, seconds: float) -> None:
        self._ledger.pause(name, seconds)

    async def state_of(self, name: str, rate: int) -> BudgetState:
        return self._ledger.state_of(name, rate)

    def close(self) -> None:
        pass


class SharedRateStore:
    """What others use too: budgets are read, worked on and written back in one go."""

    async def run(self, names: Sequence[str], work: Callable[[Ledger], T]) -> T:
        """What `work` does with these budgets, once nobody has changed them meanwhile."""
        raise NotImplementedError

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        return await self.run([name for name, _ in rates], lambda ledger: ledger.take(rates, seconds, bulk))

    async def renew(self, lease: Lease, seconds: float) -> None:
        await self.run([name for name, _ in lease.rates], lambda ledger: ledger.renew(lease, seconds))

    async def give_back(self, lease: Lease, after: float, trip: float | None = None) -> None:
        await self.run([name for name, _ in lease.rates], lambda ledger: ledger.give_back(lease, after, trip))

    async def pause(self, name: str, seconds: float) -> None:
        await self.run([name], lambda ledger: ledger.pause(name, seconds))

    async def state_of(self, name: str, rate: int) -> BudgetState:
        return await self.run([name], lambda ledger: ledger.state_of(name, rate))


class SqliteRateStore(SharedRateStore):
    """Budgets of all processes that share this file. It holds nothing that could not be begun anew."""

    back_in = AWAY

    def __init__(self, path: Path, steady: Clock = monotonic, wall: Clock = time) -> None:
        self.database = Database(path, SCHEMA, durable=False, busy_timeout=0.5)
        self._process = uuid4().hex[:12]
        self._steady, self._wall = steady, wall

    def close(self) -> None:
        self.database.close()

    async def run(self, names: Sequence[str], work: Callable[[Ledger], T]) -> T:
        return await self.database.transact(partial(self._worked, names, work))

    def _worked(self, names: Sequence[str], work: Callable[[Ledger], Any], connection: sqlite3.Connection) -> Any:
        marks = ",".join("?" * len(names))
        rows = connection.execute(f"SELECT name, state FROM budget WHERE name IN ({marks})", names).fetchall()
        before = dict(rows)
        known = {name: budget for name, state in rows if (budget := loaded(state))}
        ledger = Ledger(self._steady, self._wall, self._process, known)
        done = work(ledger)
        after = {name: json.dumps(asdict(budget)) for name, budget in ledger.budgets.items()}
        changed = [(name, state) for name, state in after.items() if before.get(name) != state]
        connection.executemany("INSERT OR REPLACE INTO budget VALUES (?, ?)", changed)
        return done


def loaded(text: str) -> Budget | None:
    """A budget as it was written; None for what another version wrote: it begins anew."""
    try:
        state = json.loads(text)
        parts: dict[str, Any] = {
            "slots": [Slot(**slot) for slot in state["slots"]],
            "floor": RoundTripFloor(**state["floor"]),
        }
        parts["rivals"] = {name: (asked, got) for name, (asked, got) in state["rivals"].items()}
        return Budget(**{**state, **parts})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def hash_secret(secret: str) -> str:
    """A key as part of a name that may be written down: the same for the same key, and no way back."""
    return sha256(f"ac-mcp {secret}".encode()).hexdigest()[:16]
