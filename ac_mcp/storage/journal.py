"""What was begun and is not known to have ended: so that a write that is asked for again is not made twice.

That part holds no arguments: a create is known by the hash of its request. Only where a client gives a key of its own
is the answer kept, for as long as the key counts. What was changed and how to undo it is in the same file: `changes`.
"""

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf
from typing import Any, Literal, TypeAlias, TypeVar

from anyio import Lock

from ac_mcp.errors import Unavailable, journal_unavailable
from ac_mcp.storage.journal_schema import SCHEMA
from ac_mcp.storage.sqlite import MemoryDatabase, TransactionalStore, Unusable

T = TypeVar("T")
log = logging.getLogger(__name__)
REPEAT_WINDOW = 600.0
"""Seconds for which a call that is made again is the same call."""
RETENTION = 86_400.0
AWAY, AWAY_FROM_OTHERS = 10.0, 1.0
"""Seconds until a file that could not be used is tried again."""
STILL_PENDING = "id = ? AND request = ? AND state IN ('open', 'unknown')"
"""What is told late changes nothing that has come to its end meanwhile."""
State: TypeAlias = Literal["open", "unknown", "made", "told", "failed"]
"""`made` it is once an answer or a look shows it, `told` once whoever asked for it has been told."""
HighWaterMark: TypeAlias = int | list[str]
"""What there was before: the highest id, or all ids where they are no numbers."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was begun. Once `lands_by` is past on the wall clock, what is not there will not come."""

    request: str
    """The hash of what is to be sent, for whom."""
    call: str
    """The hash of the tool call it is for."""
    kind: str
    """Of what, in which account."""
    high_water_mark: HighWaterMark
    lands_by: float
    id: int = 0
    at: float = 0.0
    """When it was last heard of, on the wall clock."""
    state: State = "open"

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "Intent":
        id, request, call, kind, known, at, lands_by, state, _ = row
        return cls(request, call, kind, json.loads(known), lands_by, id, at, state)


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """A call under a key of the client's: which call it was, and its answer once there is one."""

    call: str
    answer: Any


class Journal:
    """Kept in a file that other processes read too; in memory where that cannot be, which is said once.

    One that other hosts share is kept by all or not at all: what was to be noted before a write is then refused, and
    with it the write; what came of one is told as soon as it can be.
    """

    def __init__(self, database: TransactionalStore, wall: Callable[[], float], *, shared: bool = False) -> None:
        self._database, self._wall, self.shared = database, wall, shared
        self._fallback: MemoryDatabase | None = None
        self._back_at = -inf
        self._queued: list[Callable[[sqlite3.Connection], Any]] = []
        self._lock = Lock()

    @classmethod
    def in_memory(cls, wall: Callable[[], float]) -> "Journal":
        return cls(MemoryDatabase(SCHEMA), wall)

    @property
    def is_in_memory(self) -> bool:
        """Whether it is nowhere but in this process."""
        return isinstance(self._database, MemoryDatabase)

    @property
    def now(self) -> float:
        return self._wall()

    @property
    def is_unavailable(self) -> bool:
        """Whether it cannot be kept where it belongs now."""
        return self.now < self._back_at or bool(self._queued)

    async def begin_intent(self, intent: Intent, *, keyed: bool) -> tuple[Intent, bool]:
        """This intent, or an earlier one of the same request that it stands for, and whether it is that.

        With a key of the client's also one that has come to its end.
        """
        new = replace(intent, at=self.now)

        def work(rows: sqlite3.Connection) -> tuple[Intent, bool]:
            purge(rows, new.at)
            if found := self._earlier(rows, "request", new.request, keyed):
                return found, True
            row = (new.request, new.call, new.kind, json.dumps(new.high_water_mark), new.at, new.lands_by, "open", "[]")
            columns = "request, call, kind, known, at, lands_by, state, made"
            id = rows.execute(f"INSERT INTO intent ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            return replace(new, id=id or 0), False

        return await self.transact(work)

    async def has_begun(self, call: str, *, keyed: bool) -> bool:
        """Whether the same call has begun a create before, of which nobody was told."""
        return await self.transact(lambda rows: self._earlier(rows, "call", call, keyed) is not None)

    def _earlier(self, rows: sqlite3.Connection, column: str, value: str, keyed: bool) -> Intent | None:
        states = "'open', 'unknown', 'made'" + (", 'told'" if keyed else "")
        found = rows.execute(
            f"SELECT * FROM intent WHERE {column} = ? AND state IN ({states}) AND at > ? ORDER BY id DESC",
            (value, self.now - REPEAT_WINDOW),
        ).fetchone()
        return Intent.of(found) if found else None

    async def end_intent(self, intent: Intent, state: State, lands_by: float | None = None) -> Intent:
        """How it ended; or, while that is not known, by when it would have landed."""
        by, now = intent.lands_by if lands_by is None else lands_by, self.now
        change = f"UPDATE intent SET state = ?, lands_by = ?, at = ? WHERE {STILL_PENDING} AND lands_by = ?"
        told = (state, by, now, intent.id, intent.request, intent.lands_by)
        await self.transact_or_queue(lambda rows: rows.execute(change, told))
        return replace(intent, state=state, lands_by=by, at=now)

    async def touch_intent(self, intent: Intent) -> None:
        """Its outcome has been asked for and is not known: from now on the same call counts as the same again."""
        now = self.now
        change = f"UPDATE intent SET at = ? WHERE {STILL_PENDING}"
        await self.transact_or_queue(lambda rows: rows.execute(change, (now, intent.id, intent.request)))

    async def mark_made(self, intent: Intent, ids: list[str], *, surely: bool) -> bool:
        """That it has made these; unless `surely`, they must not be what another intent has made."""

        def work(rows: sqlite3.Connection) -> bool:
            if not surely and not self._others(rows, intent).isdisjoint(ids):
                return False
            change = "UPDATE intent SET state = 'made', made = ?, at = ? WHERE id = ? AND request = ?"
            rows.execute(change, (json.dumps(ids), self.now, intent.id, intent.request))
            return True

        return bool(await self.transact_or_queue(work, True)) if surely else await self.transact(work)

    async def find_ids_of_others(self, intent: Intent) -> set[str]:
        """The ids of what other intents have made of this kind."""
        return await self.transact(lambda rows: self._others(rows, intent))

    def _others(self, rows: sqlite3.Connection, intent: Intent) -> set[str]:
        found = rows.execute("SELECT made FROM intent WHERE kind = ? AND id <> ?", (intent.kind, intent.id)).fetchall()
        return {id for (made,) in found for id in json.loads(made)}

    async def mark_reported(self, call: str) -> None:
        """Whoever made this call knows what came of it: the next one like it is a new one."""

        def work(rows: sqlite3.Connection) -> None:
            purge(rows, self.now)
            rows.execute("UPDATE intent SET state = 'told' WHERE call = ? AND state = 'made'", (call,))

        await self.transact_or_queue(work)

    async def has_failed(self, intent: Intent) -> bool:
        """Whether it is known by now that nothing came of it."""
        asked = "SELECT state FROM intent WHERE id = ? AND request = ?"
        found = await self.transact(lambda rows: rows.execute(asked, (intent.id, intent.request)).fetchone())
        return found is None or found[0] == "failed"

    async def claim_resend(self, intent: Intent, lands_by: float) -> Intent | None:
        """The right to send it once more: of all who would, the first one has it."""
        now = self.now

        def work(rows: sqlite3.Connection) -> bool:
            done = rows.execute(
                "UPDATE intent SET lands_by = ?, state = 'open', at = ? "
                "WHERE id = ? AND request = ? AND lands_by = ? AND state IN ('open', 'unknown')",
                (lands_by, now, intent.id, intent.request, intent.lands_by),
            )
            return done.rowcount == 1

        return replace(intent, lands_by=lands_by, state="open", at=now) if await self.transact(work) else None

    async def begin_keyed_call(self, key: str, call: str, *, on_disk: bool = True) -> KeyedCall | None:
        """What was begun under this key; if nothing was, this call is from now on."""
        now = self.now

        def work(rows: sqlite3.Connection) -> KeyedCall | None:
            purge(rows, now)
            found = rows.execute("SELECT call, answer FROM keyed WHERE key = ?", (key,)).fetchone()
            if found:
                return KeyedCall(found[0], json.loads(found[1], parse_float=Decimal) if found[1] else None)
            rows.execute("INSERT INTO keyed VALUES (?, ?, ?, NULL)", (key, call, now))
            return None

        return await self.transact(work, on_disk=on_disk)

    async def save_keyed_answer(self, key: str, answer: str, *, on_disk: bool = True) -> None:
        change = "UPDATE keyed SET answer = ? WHERE key = ?"
        await self.transact_or_queue(lambda rows: rows.execute(change, (answer, key)), on_disk=on_disk)

    async def forget_keyed_call(self, key: str, *, on_disk: bool = True) -> None:
        """Nothing came of the call: its key is free again."""
        now = self.now
        gone = "DELETE FROM keyed WHERE key = ? AND began <= ?"  # not what another call has begun since
        await self.transact_or_queue(lambda rows: rows.execute(gone, (key, now)), on_disk=on_disk)

    def close(self) -> None:
        self._database.close()
        if self._fallback is not None:
            self._fallback.close()

    async def transact_or_queue(
        self, work: Callable[[sqlite3.Connection], T], meanwhile: T | None = None, *, on_disk: bool = True
    ) -> T | None:
        """What is to be kept though it comes too late to be refused; `meanwhile` where it is kept only later."""
        try:
            return await self.transact(work, on_disk=on_disk)
        except Unavailable:
            self._queued.append(work)
            return meanwhile

    async def _transact_shared(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """With all that was owed before it.

        Raises:
            Unavailable: if the others cannot be told.
        """
        async with self._lock:
            if self.now < self._back_at:  # whoever was before has found out
                raise journal_unavailable("Redis is away")
            owed = list(self._queued)

            def both(rows: sqlite3.Connection) -> T:
                for one in owed:
                    one(rows)
                return work(rows)

            try:
                done = await self._database.transact(both)
            except Unusable as error:
                self._back_at = self.now + AWAY_FROM_OTHERS
                raise journal_unavailable(str(error)) from error
            self._back_at = -inf
            del self._queued[: len(owed)]  # what was owed since stands behind
            return done

    async def flush_queue(self) -> None:
        """What is owed is told, if it can be.

        Raises:
            Unavailable: if it cannot.
        """
        if self.shared:
            await self._transact_shared(lambda rows: None)

    async def transact(
        self, work: Callable[[sqlite3.Connection], T], *, on_disk: bool = True, fallback: bool = True
    ) -> T:
        """What `work` returns, once it is kept: in the file, or in memory while that cannot be or is not wished.

        Raises:
            Unusable: if it was not kept, and is not to be in a `spare` memory.
            Unavailable: the same of a journal that is shared.
        """
        if self.shared and fallback and on_disk:
            return await self._transact_shared(work)
        if not fallback:
            return await self._database.transact(work)
        if on_disk and self.now >= self._back_at:
            try:
                return await self._database.transact(work)
            except Unusable as error:
                if self._fallback is None:
                    log.warning(
                        "The journal cannot be kept (%s): meanwhile it is in memory, and a create that a restart "
                        "interrupts could be made twice.",
                        error,
                    )
                self._back_at = self.now + AWAY
        self._fallback = self._fallback or MemoryDatabase(SCHEMA)
        return await self._fallback.transact(work)


def purge(rows: sqlite3.Connection, now: float) -> None:
    """What counts no longer goes with the next write."""
    rows.execute("DELETE FROM intent WHERE at < ?", (now - RETENTION,))
    rows.execute("DELETE FROM keyed WHERE began < ?", (now - REPEAT_WINDOW,))
