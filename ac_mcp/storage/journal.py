"""The journal of intents: writes that were begun, so that a repeated call does not make the same record twice.

Intents hold no arguments: a write is identified by the hash of its request. An answer is stored only for a call with
an idempotency key, and only as long as the key is valid. The audit log uses the same file (`writes/audit_log.py`).
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
"""Seconds within which an identical call counts as a repetition; also how long an idempotency key is valid."""
RETENTION = 86_400.0
"""Seconds after which an intent is deleted."""
FILE_RETRY_DELAY, SHARED_RETRY_DELAY = 10.0, 1.0
"""Seconds until an unusable file, or a shared journal, is tried again."""
STILL_PENDING = "id = ? AND request = ? AND state IN ('open', 'unknown')"
"""Condition on an intent that has not ended: a queued statement must not change one that has ended meanwhile."""
State: TypeAlias = Literal["open", "unknown", "made", "told", "failed"]
"""`made`: an answer or a reconciliation shows the new record. `told`: the caller has also received the result."""
HighWaterMark: TypeAlias = int | list[str]
"""The records that existed before: their highest id, or all ids if ids are not numbers."""


INTENT_COLUMNS = "id, request, call, kind, known, at, lands_by, state"


@dataclass(frozen=True, slots=True)
class Intent:
    """A write, mostly a create, that was begun. Times are seconds on the wall clock."""

    request: str
    """Hash of the request and its caller."""
    call: str
    """Hash of the tool call that makes the request."""
    kind: str
    """The kind of record, and the account it is created in."""
    high_water_mark: HighWaterMark
    lands_by: float
    """A record that does not exist after this time will not appear any more."""
    id: int = 0
    at: float = 0.0
    """Time of the last change of this intent."""
    state: State = "open"

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> "Intent":
        """Read an intent from a row with INTENT_COLUMNS."""
        id, request, call, kind, high_water_mark, at, lands_by, state = row
        return cls(request, call, kind, json.loads(high_water_mark), lands_by, id, at, state)


@dataclass(frozen=True, slots=True)
class KeyedCall:
    """A call made with an idempotency key."""

    call: str
    """Hash of the tool call."""
    answer: Any
    """The parsed JSON answer; None while there is none."""


class Journal:
    """Stores intents and keyed calls in a file that other processes use too, or in Redis (`shared`).

    While the file cannot be used, the journal is in memory, and a warning says so once. A shared journal has no such
    fallback: an entry that must precede a write is refused, and with it the write; an entry about the outcome of a
    write is queued until Redis is back. `wall` returns the wall clock's seconds.
    """

    def __init__(self, database: TransactionalStore, wall: Callable[[], float], *, shared: bool = False) -> None:
        self._database, self._wall, self.shared = database, wall, shared
        self._fallback: MemoryDatabase | None = None
        self._retry_at = -inf
        self._queued: list[Callable[[sqlite3.Connection], Any]] = []
        """Work that a shared journal has still to store, oldest first."""
        self._lock = Lock()

    @classmethod
    def in_memory(cls, wall: Callable[[], float]) -> "Journal":
        """Return a journal of this process alone."""
        return cls(MemoryDatabase(SCHEMA), wall)

    @property
    def is_in_memory(self) -> bool:
        """Whether the journal exists only in this process, by choice rather than as a fallback."""
        return isinstance(self._database, MemoryDatabase)

    @property
    def now(self) -> float:
        return self._wall()

    @property
    def is_unavailable(self) -> bool:
        """Whether the file or Redis cannot be used now, or has entries still to come."""
        return self.now < self._retry_at or bool(self._queued)

    async def begin_intent(self, intent: Intent, *, keyed: bool) -> tuple[Intent, bool]:
        """Store an intent unless the same request has one already; return the intent and whether it is the earlier one.

        `keyed` (the call has an idempotency key) also finds an intent whose result was reported.
        """
        new = replace(intent, at=self.now)

        def work(db: sqlite3.Connection) -> tuple[Intent, bool]:
            purge(db, new.at)
            if earlier := self._find_earlier(db, "request", new.request, keyed):
                return earlier, True
            row = (new.request, new.call, new.kind, json.dumps(new.high_water_mark), new.at, new.lands_by, "open", "[]")
            columns = "request, call, kind, known, at, lands_by, state, made"
            id = db.execute(f"INSERT INTO intent ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).lastrowid
            return replace(new, id=id or 0), False

        return await self.transact(work)

    async def has_begun(self, call: str, *, keyed: bool) -> bool:
        """Return whether an identical call has begun a write whose result was not reported (or, if `keyed`, was)."""
        return await self.transact(lambda db: self._find_earlier(db, "call", call, keyed) is not None)

    def _find_earlier(self, db: sqlite3.Connection, column: str, value: str, keyed: bool) -> Intent | None:
        states = "'open', 'unknown', 'made'" + (", 'told'" if keyed else "")
        row = db.execute(
            f"SELECT {INTENT_COLUMNS} FROM intent WHERE {column} = ? AND state IN ({states}) AND at > ? "
            "ORDER BY id DESC",
            (value, self.now - REPEAT_WINDOW),
        ).fetchone()
        return Intent.from_row(row) if row else None

    async def end_intent(self, intent: Intent, state: State, lands_by: float | None = None) -> Intent:
        """Store the state in which the request ended, with a new `lands_by` if one is passed; return the new intent."""
        deadline, now = intent.lands_by if lands_by is None else lands_by, self.now
        update = f"UPDATE intent SET state = ?, lands_by = ?, at = ? WHERE {STILL_PENDING} AND lands_by = ?"
        parameters = (state, deadline, now, intent.id, intent.request, intent.lands_by)
        await self.transact_or_queue(lambda db: db.execute(update, parameters))
        return replace(intent, state=state, lands_by=deadline, at=now)

    async def touch_intent(self, intent: Intent) -> None:
        """Restart the repeat window of an intent whose outcome is still unknown."""
        now = self.now
        update = f"UPDATE intent SET at = ? WHERE {STILL_PENDING}"
        await self.transact_or_queue(lambda db: db.execute(update, (now, intent.id, intent.request)))

    async def mark_made(self, intent: Intent, ids: list[str], *, surely: bool) -> bool:
        """Store the ids of the records an intent has made, and return True.

        Unless `surely`, return False and store nothing if another intent has made one of them.
        """

        def work(db: sqlite3.Connection) -> bool:
            if not surely and not self._ids_of_others(db, intent).isdisjoint(ids):
                return False
            update = "UPDATE intent SET state = 'made', made = ?, at = ? WHERE id = ? AND request = ?"
            db.execute(update, (json.dumps(ids), self.now, intent.id, intent.request))
            return True

        return bool(await self.transact_or_queue(work, True)) if surely else await self.transact(work)

    async def find_ids_of_others(self, intent: Intent) -> set[str]:
        """Return the ids of the records of this kind that other intents have made."""
        return await self.transact(lambda db: self._ids_of_others(db, intent))

    def _ids_of_others(self, db: sqlite3.Connection, intent: Intent) -> set[str]:
        rows = db.execute("SELECT made FROM intent WHERE kind = ? AND id <> ?", (intent.kind, intent.id)).fetchall()
        return {id for (made,) in rows for id in json.loads(made)}

    async def mark_reported(self, call: str) -> None:
        """Mark the intents of a call as reported to the caller: the next identical call is a new one."""

        def work(db: sqlite3.Connection) -> None:
            purge(db, self.now)
            db.execute("UPDATE intent SET state = 'told' WHERE call = ? AND state = 'made'", (call,))

        await self.transact_or_queue(work)

    async def has_failed(self, intent: Intent) -> bool:
        """Return whether the request of an intent is known to have failed, or the intent was deleted."""
        query = "SELECT state FROM intent WHERE id = ? AND request = ?"
        row = await self.transact(lambda db: db.execute(query, (intent.id, intent.request)).fetchone())
        return row is None or row[0] == "failed"

    async def claim_resend(self, intent: Intent, lands_by: float) -> Intent | None:
        """Return the intent with its new `lands_by` if this caller may resend it; None if another was first."""
        now = self.now

        def work(db: sqlite3.Connection) -> bool:
            cursor = db.execute(
                "UPDATE intent SET lands_by = ?, state = 'open', at = ? "
                "WHERE id = ? AND request = ? AND lands_by = ? AND state IN ('open', 'unknown')",
                (lands_by, now, intent.id, intent.request, intent.lands_by),
            )
            return cursor.rowcount == 1

        return replace(intent, lands_by=lands_by, state="open", at=now) if await self.transact(work) else None

    async def begin_keyed_call(self, key: str, call: str, *, on_disk: bool = True) -> KeyedCall | None:
        """Return the earlier call with this idempotency key; if there is none, store this one and return None."""
        now = self.now

        def work(db: sqlite3.Connection) -> KeyedCall | None:
            purge(db, now)
            row = db.execute("SELECT call, answer FROM keyed WHERE key = ?", (key,)).fetchone()
            if row:
                return KeyedCall(row[0], json.loads(row[1], parse_float=Decimal) if row[1] else None)
            db.execute("INSERT INTO keyed (key, call, began) VALUES (?, ?, ?)", (key, call, now))
            return None

        return await self.transact(work, on_disk=on_disk)

    async def save_keyed_answer(self, key: str, answer: str, *, on_disk: bool = True) -> None:
        """Store the answer (JSON text) of the call with this key."""
        update = "UPDATE keyed SET answer = ? WHERE key = ?"
        await self.transact_or_queue(lambda db: db.execute(update, (answer, key)), on_disk=on_disk)

    async def forget_keyed_call(self, key: str, *, on_disk: bool = True) -> None:
        """Free the key of a call that changed nothing."""
        now = self.now
        delete = "DELETE FROM keyed WHERE key = ? AND began <= ?"  # a call that began later keeps the key
        await self.transact_or_queue(lambda db: db.execute(delete, (key, now)), on_disk=on_disk)

    def close(self) -> None:
        self._database.close()
        if self._fallback is not None:
            self._fallback.close()

    async def transact_or_queue(
        self, work: Callable[[sqlite3.Connection], T], default: T | None = None, *, on_disk: bool = True
    ) -> T | None:
        """Run `work` and return its result, or queue it and return `default` if a shared journal is unavailable.

        Use it for entries about the outcome of a write, which cannot be refused any more.
        """
        try:
            return await self.transact(work, on_disk=on_disk)
        except Unavailable:
            self._queued.append(work)
            return default

    async def _transact_shared(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run the queued work and then `work` in one transaction.

        Raises:
            Unavailable: if Redis cannot be used.
        """
        async with self._lock:
            if self.now < self._retry_at:  # the transaction before this one has just failed
                raise journal_unavailable("Redis is away")
            queued = list(self._queued)

            def run_all(db: sqlite3.Connection) -> T:
                for earlier_work in queued:
                    earlier_work(db)
                return work(db)

            try:
                result = await self._database.transact(run_all)
            except Unusable as error:
                self._retry_at = self.now + SHARED_RETRY_DELAY
                raise journal_unavailable(str(error)) from error
            self._retry_at = -inf
            del self._queued[: len(queued)]  # more may have been queued behind these meanwhile
            return result

    async def flush_queue(self) -> None:
        """Store the queued work of a shared journal.

        Raises:
            Unavailable: if Redis cannot be used.
        """
        if self.shared:
            await self._transact_shared(lambda db: None)

    async def transact(
        self, work: Callable[[sqlite3.Connection], T], *, on_disk: bool = True, fallback: bool = True
    ) -> T:
        """Run `work` in a transaction and return its result once stored.

        It is stored in memory if `on_disk` is False, or while the file cannot be used and `fallback` is True.

        Raises:
            Unusable: if it was not stored and `fallback` is False.
            Unavailable: if it was not stored in a shared journal.
        """
        if self.shared and fallback and on_disk:
            return await self._transact_shared(work)
        if not fallback:
            return await self._database.transact(work)
        if on_disk and self.now >= self._retry_at:
            try:
                return await self._database.transact(work)
            except Unusable as error:
                if self._fallback is None:
                    log.warning(
                        "The journal cannot be kept (%s): meanwhile it is in memory, and a create that a restart "
                        "interrupts could be made twice.",
                        error,
                    )
                self._retry_at = self.now + FILE_RETRY_DELAY
        self._fallback = self._fallback or MemoryDatabase(SCHEMA)
        return await self._fallback.transact(work)


def purge(db: sqlite3.Connection, now: float) -> None:
    """Delete expired intents and keyed calls."""
    db.execute("DELETE FROM intent WHERE at < ?", (now - RETENTION,))
    db.execute("DELETE FROM keyed WHERE began < ?", (now - REPEAT_WINDOW,))
