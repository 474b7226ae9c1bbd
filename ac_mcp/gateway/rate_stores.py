"""Stores of budgets: in this process, or in a file that all processes of this machine share.

A store has its own clock, because with several machines only the store's clock can be trusted. Its interface therefore
takes and returns durations in seconds, never times.
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
"""Names of budgets with the requests a second each allows: `(("connection 1", 5), ("key 2", 10))`."""
Clock: TypeAlias = Callable[[], float]
MIN_TRAVEL_TIME = 0.3
"""Seconds for which a request without an answer may be on its way, at least."""
RETRY_SECONDS = 10.0
"""Seconds until a store that failed is tried again."""
MAX_THROTTLED_AGE = 86_400
"""Seconds after which a 429 is no longer reported."""
SCHEMA = "CREATE TABLE IF NOT EXISTS budget (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send one request now: a slot of each budget that counts it."""

    rates: Rates
    places: tuple[int, ...]
    """The place of the slot in each budget, in the order of `rates`."""
    holder: str
    """The id of the lease."""
    min_return_time: float = 0.0
    """The least seconds an answer takes from where requests are counted."""
    travel_time: float = MIN_TRAVEL_TIME
    """Seconds for which a request without an answer may still be on its way."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """The state of a budget for display."""

    free: int
    """Slots that are free now."""
    paused: float
    """Seconds until the pause ends; 0 without a pause."""
    throttled: float | None
    """Seconds since the last 429; None without one in the last day."""


class RateStore(Protocol):
    """The interface of a store. Its methods raise Unusable if it cannot be reached."""

    retry_seconds: float
    """Seconds until a store that failed is tried again."""

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        """Return a lease that ends after `seconds` unless it is renewed, or how long to wait for one."""
        ...

    async def renew(self, lease: Lease, seconds: float) -> None:
        """Extend a lease to `seconds` from now."""
        ...

    async def give_back(self, lease: Lease, after: float, round_trip: float | None = None) -> None:
        """Free the slots of a lease in `after` seconds, and record how long the answer took, if there was one."""
        ...

    async def pause(self, name: str, seconds: float) -> None:
        """Pause a budget after a 429: no process sends against it for so many seconds."""
        ...

    async def state_of(self, name: str, rate: int) -> BudgetState:
        """Return the state of a budget."""
        ...

    def close(self) -> None: ...


class Ledger:
    """Budgets in memory: the store of one process, and what a shared store reads and writes in one transaction."""

    def __init__(
        self,
        steady: Clock,
        wall: Clock,
        process: str = "",
        budgets: dict[str, Budget] | None = None,
        new_budget: Callable[[int], Budget] = Budget.of,
    ) -> None:
        self.budgets = budgets if budgets is not None else {}
        self._process, self._new_budget = process, new_budget
        self._steady, self._wall = steady, wall

    @property
    def now(self) -> Moment:
        """The time on both clocks."""
        return Moment(self._steady(), self._wall())

    def budget(self, name: str, rate: int) -> Budget:
        """Return the budget of this name, a new one if there is none."""
        return self.budgets.setdefault(name, self._new_budget(rate))

    def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        """Return a lease that ends after `seconds`, or how long to wait for one."""
        holder = uuid4().hex
        budgets = [self.budget(name, rate) for name, rate in rates]
        places = take(budgets, self._process, holder, self.now, seconds, bulk)
        floor = self.budget(*rates[0]).floor
        travel_time = max(floor.mean, MIN_TRAVEL_TIME)
        return places if isinstance(places, Wait) else Lease(rates, places, holder, floor.seconds, travel_time)

    def renew(self, lease: Lease, seconds: float) -> None:
        """Extend a lease to `seconds` from now, in every budget where it still holds its slot."""
        for (name, rate), place in zip(lease.rates, lease.places, strict=True):
            slot = self.budget(name, rate).slots[place]
            slot.free_at = self.now.steady + seconds if slot.holder == lease.holder else slot.free_at

    def give_back(self, lease: Lease, after: float, round_trip: float | None) -> None:
        """Free the slots of a lease in `after` seconds, and record the round trip, if there was one."""
        if round_trip is not None:
            self.budget(*lease.rates[0]).floor.add(round_trip)
        for (name, rate), place in zip(lease.rates, lease.places, strict=True):
            give_back(self.budget(name, rate), place, lease.holder, self.now.steady + after)

    def pause(self, name: str, seconds: float) -> None:
        """Pause a budget, if there is one of this name; a longer pause that is under way remains."""
        if budget := self.budgets.get(name):
            budget.throttled_at = self.now.wall
            budget.paused_until = self.now.wall + max(budget.pause_left(self.now), min(seconds, MAX_PAUSE))

    def state_of(self, name: str, rate: int) -> BudgetState:
        """Return the state of a budget; that of an unused one if there is none of this name."""
        now, budget = self.now, self.budgets.get(name, Budget.of(rate))
        age = now.wall - budget.throttled_at
        throttled = age if 0 <= age < MAX_THROTTLED_AGE else None
        return BudgetState(budget.count_free(now), budget.pause_left(now), throttled)


class MemoryRateStore:
    """A store of the budgets of this process alone."""

    retry_seconds = RETRY_SECONDS

    def __init__(self, steady: Clock = monotonic, wall: Clock = time) -> None:
        self._ledger = Ledger(steady, wall)

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        """Return a lease or how long to wait for one; see `RateStore`."""
        return self._ledger.take(rates, seconds, bulk)

    async def renew(self, lease: Lease, seconds: float) -> None:
        """Extend a lease; see `RateStore`."""
        self._ledger.renew(lease, seconds)

    async def give_back(self, lease: Lease, after: float, round_trip: float | None = None) -> None:
        """Free the slots of a lease; see `RateStore`."""
        self._ledger.give_back(lease, after, round_trip)

    async def pause(self, name: str, seconds: float) -> None:
        """Pause a budget; see `RateStore`."""
        self._ledger.pause(name, seconds)

    async def state_of(self, name: str, rate: int) -> BudgetState:
        """Return the state of a budget; see `RateStore`."""
        return self._ledger.state_of(name, rate)

    def close(self) -> None:
        pass


class SharedRateStore:
    """The base of stores that several processes share: each method runs in one transaction."""

    async def run(self, names: Sequence[str], work: Callable[[Ledger], T]) -> T:
        """Run `work` on a ledger of these budgets and store them, in one transaction; return its result."""
        raise NotImplementedError

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        """Return a lease or how long to wait for one; see `RateStore`."""
        return await self.run([name for name, _ in rates], lambda ledger: ledger.take(rates, seconds, bulk))

    async def renew(self, lease: Lease, seconds: float) -> None:
        """Extend a lease; see `RateStore`."""
        await self.run([name for name, _ in lease.rates], lambda ledger: ledger.renew(lease, seconds))

    async def give_back(self, lease: Lease, after: float, round_trip: float | None = None) -> None:
        """Free the slots of a lease; see `RateStore`."""
        await self.run([name for name, _ in lease.rates], lambda ledger: ledger.give_back(lease, after, round_trip))

    async def pause(self, name: str, seconds: float) -> None:
        """Pause a budget; see `RateStore`."""
        await self.run([name], lambda ledger: ledger.pause(name, seconds))

    async def state_of(self, name: str, rate: int) -> BudgetState:
        """Return the state of a budget; see `RateStore`."""
        return await self.run([name], lambda ledger: ledger.state_of(name, rate))


class SqliteRateStore(SharedRateStore):
    """A store of the budgets of all processes that share a file. Nothing in the file is missed if it is lost."""

    retry_seconds = RETRY_SECONDS

    def __init__(self, path: Path, steady: Clock = monotonic, wall: Clock = time) -> None:
        self.database = Database(path, SCHEMA, durable=False, busy_timeout=0.5)
        self._process = uuid4().hex[:12]
        self._steady, self._wall = steady, wall

    def close(self) -> None:
        self.database.close()

    async def run(self, names: Sequence[str], work: Callable[[Ledger], T]) -> T:
        """Run `work` on a ledger of these budgets and store them, in one transaction; return its result.

        Raises:
            Unusable: if the file cannot be read or written.
        """
        return await self.database.transact(partial(self._run_in_transaction, names, work))

    def _run_in_transaction(
        self, names: Sequence[str], work: Callable[[Ledger], Any], connection: sqlite3.Connection
    ) -> Any:
        marks = ",".join("?" * len(names))
        rows = connection.execute(f"SELECT name, state FROM budget WHERE name IN ({marks})", names).fetchall()
        before = dict(rows)
        budgets = {name: budget for name, state in rows if (budget := parse_budget(state))}
        ledger = Ledger(self._steady, self._wall, self._process, budgets)
        result = work(ledger)
        after = {name: json.dumps(asdict(budget)) for name, budget in ledger.budgets.items()}
        changed = [(name, state) for name, state in after.items() if before.get(name) != state]
        connection.executemany("INSERT OR REPLACE INTO budget VALUES (?, ?)", changed)
        return result


def parse_budget(text: str) -> Budget | None:
    """Parse a stored budget; None if another version wrote it, so that it begins anew."""
    try:
        state = json.loads(text)
        parts: dict[str, Any] = {
            "slots": [Slot(**slot) for slot in state["slots"]],
            "floor": RoundTripFloor(**state["floor"]),
        }
        parts["rivals"] = {name: (asked_at, got_at) for name, (asked_at, got_at) in state["rivals"].items()}
        return Budget(**{**state, **parts})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def hash_secret(secret: str) -> str:
    """Return a short hash that identifies a key in names that are stored, without revealing it."""
    return sha256(f"ac-mcp {secret}".encode()).hexdigest()[:16]
