"""What was begun and is not known to have ended: so that a write that is asked for again is not made twice.

It holds no arguments: a create is known by the hash of its request. Only where a client gives a key of its own is the
answer kept, for as long as the key counts.
"""

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypeVar

from ac_mcp.storage import Database, Memory, Unusable

T = TypeVar("T")
log = logging.getLogger(__name__)
COUNTS = 600.0
"""Seconds for which a call that is made again is the same call."""
KEPT = 86_400.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS intent (
    id INTEGER PRIMARY KEY, request TEXT NOT NULL, known TEXT NOT NULL,
    began REAL NOT NULL, lands_by REAL NOT NULL, state TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS same_request ON intent (request);
CREATE TABLE IF NOT EXISTS keyed (
    key TEXT PRIMARY KEY, call TEXT NOT NULL, began REAL NOT NULL, answer TEXT
) WITHOUT ROWID;
"""
State: TypeAlias = Literal["open", "unknown", "done", "failed"]
Known: TypeAlias = int | list[str]
"""What there was before: the highest id, or all ids where they are no numbers."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was begun. Once `lands_by` is past on the wall clock, what is not there will not come."""

    id: int
    request: str
    known: Known
    began: float
    lands_by: float
    state: State

    @classmethod
    def of(cls, row: tuple[Any, ...]) -> "Intent":
        id, request, known, began, lands_by, state = row
        return cls(id, request, json.loads(known), began, lands_by, state)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A call under a key of the client's: which call it was, and its answer once there is one."""

    call: str
    answer: Any


class Journal:
    """Kept in a file that other processes read too; in memory where that cannot be, which is said once."""

    def __init__(self, database: Database, wall: Callable[[], float]) -> None:
        self._database, self._wall = database, wall
        self._spare: Memory | None = None

    @classmethod
    def in_memory(cls, wall: Callable[[], float]) -> "Journal":
        return cls(Memory(SCHEMA), wall)

    @property
    def now(self) -> float:
        return self._wall()

    async def begin(self, request: str, known: Known, lands_by: float) -> tuple[Intent, bool]:
        """The intent of this request, and whether an earlier one whose end is not known stands for it."""
        now = self.now

        def work(rows: sqlite3.Connection) -> tuple[Intent, bool]:
            rows.execute("DELETE FROM intent WHERE began < ?", (now - KEPT,))
            found = rows.execute(
                "SELECT * FROM intent WHERE request = ? AND state IN ('open', 'unknown') AND began > ? "
                "ORDER BY id DESC",
                (request, now - COUNTS),
            ).fetchone()
            if found:
                return Intent.of(found), True
            row = (request, json.dumps(known), now, lands_by, "open")
            id = rows.execute(
                "INSERT INTO intent (request, known, began, lands_by, state) VALUES (?, ?, ?, ?, ?)", row
            ).lastrowid
            return Intent(id or 0, request, known, now, lands_by, "open"), False

        return await self._transact(work)

    async def end(self, intent: Intent, state: State, lands_by: float | None = None) -> Intent:
        """How it ended; or, while that is not known, by when it would have landed."""
        by = intent.lands_by if lands_by is None else lands_by
        await self._transact(
            lambda rows: rows.execute("UPDATE intent SET state = ?, lands_by = ? WHERE id = ?", (state, by, intent.id))
        )
        return replace(intent, state=state, lands_by=by)

    async def claim(self, intent: Intent, lands_by: float) -> Intent | None:
        """The right to send it once more: of all who would, the first one has it."""

        def work(rows: sqlite3.Connection) -> bool:
            done = rows.execute(
                "UPDATE intent SET lands_by = ?, state = 'open' "
                "WHERE id = ? AND lands_by = ? AND state IN ('open', 'unknown')",
                (lands_by, intent.id, intent.lands_by),
            )
            return done.rowcount == 1

        return replace(intent, lands_by=lands_by, state="open") if await self._transact(work) else None

    async def keyed(self, key: str, call: str) -> Keyed | None:
        """What was begun under this key; if nothing was, this call is from now on."""
        now = self.now

        def work(rows: sqlite3.Connection) -> Keyed | None:
            rows.execute("DELETE FROM keyed WHERE began < ?", (now - COUNTS,))
            found = rows.execute("SELECT call, answer FROM keyed WHERE key = ?", (key,)).fetchone()
            if found:
                return Keyed(found[0], json.loads(found[1], parse_float=Decimal) if found[1] else None)
            rows.execute("INSERT INTO keyed VALUES (?, ?, ?, NULL)", (key, call, now))
            return None

        return await self._transact(work)

    async def answered(self, key: str, answer: str) -> None:
        await self._transact(lambda rows: rows.execute("UPDATE keyed SET answer = ? WHERE key = ?", (answer, key)))

    async def forget(self, key: str) -> None:
        """Nothing came of the call: its key is free again."""
        await self._transact(lambda rows: rows.execute("DELETE FROM keyed WHERE key = ?", (key,)))

    def close(self) -> None:
        self._database.close()

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._spare is None:
            try:
                return await self._database.transact(work)
            except Unusable as error:
                log.warning("The journal cannot be kept (%s): it stays in memory until this process ends.", error)
                self._spare = Memory(SCHEMA)
        return await self._spare.transact(work)
