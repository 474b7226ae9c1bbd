"""Work on many records, kept so that it can be taken up again: what is to be done, and what came of each part of it.

A job is a change (`changes`) with items. An item is one step for one record; it is planned until its outcome is kept,
a few at a time. A process that runs a job says so; when it has died, another one takes the job over.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from ac_mcp.errors import Unavailable
from ac_mcp.jobs.model import (
    ADDRESS,
    CALL_FINGERPRINT,
    LIVE,
    STOP,
    Item,
    ItemState,
    Job,
    JobState,
    fingerprint,
    holds_no_personal_data,
    is_running,
    new_runner,
)
from ac_mcp.spec.job_plan import JobPlan
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.redaction import REDACTED, redact
from ac_mcp.storage.sqlite import Unusable
from ac_mcp.writes.audit_log import AuditScope, Change, insert_change, to_json

T = TypeVar("T")

ITEM_COLUMNS = "job, n, step, subject, state, word, reason, kept"
INSERT = f"INSERT OR IGNORE INTO item ({ITEM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
COLUMNS = "change, plan, state, note, total, most, collected, cursor, runner, heard, seconds"


@dataclass(frozen=True, slots=True)
class JobStore:
    """The jobs of those who share a journal."""

    journal: Journal
    lean: bool = False
    """Nothing that could be about a person is kept."""

    async def begin(
        self, change: Change, plan: JobPlan, most: int = 0, items: Sequence[Item] | None = None, *, all: bool = False
    ) -> tuple[Job, bool]:
        """A job that is about to run here, with what it is to do as far as that is known; or the one that does the same
        by now, and whether it is new.

        Raises:
            Unavailable: if the record cannot be kept now.
        """
        now, mine = self.journal.now, new_runner()
        arguments = dict.fromkeys(change.arguments, REDACTED) if self.lean else redact(change.arguments)
        kept = {**plan, CALL_FINGERPRINT: fingerprint(change.arguments)}
        cursor = len(items) if items and all else 0

        def work(rows: sqlite3.Connection) -> tuple[Job, bool]:
            if other := find_same(rows, change, now):
                return other, False
            purge(rows)
            id = insert_change(rows, change, arguments, now)
            collected = items is not None and all
            told = (id, to_json(kept), "running", "", len(items or ()), most, collected, cursor, mine, now, 0.0)
            rows.execute(f"INSERT INTO job ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", told)
            rows.executemany(INSERT, (self._row(id, item) for item in items or ()))
            return replace(load_job(rows, id), fresh=cursor), True

        job, new = await self._transact(work)
        if new:
            LIVE.add(mine)
        return job, new

    async def find(self, whose: AuditScope, id: int) -> Job | None:
        def work(rows: sqlite3.Connection) -> Job | None:
            asked = "SELECT 1 FROM job JOIN change ON id = change WHERE id = ? AND whose IN (?, ?)"
            return load_job(rows, id) if rows.execute(asked, (id, *whose)).fetchone() else None

        return await self._transact(work)

    async def take_over(self, id: int) -> Job | None:
        """The job to run here, unless somebody runs it."""
        now, mine = self.journal.now, new_runner()

        def work(rows: sqlite3.Connection) -> Job | None:
            if is_running(load_job(rows, id), now):
                return None
            rows.execute(
                "UPDATE job SET state = 'running', note = '', runner = ?, heard = ? WHERE change = ?", (mine, now, id)
            )
            return load_job(rows, id)

        if job := await self._transact(work):
            LIVE.add(mine)
        return job

    def release(self, job: Job) -> None:
        """This process no longer runs it."""
        LIVE.discard(job.runner)

    async def add(self, job: Job, items: Sequence[Item], cursor: int, *, all: bool) -> bool:
        """More of what is to be done; `all` says that there is no more. False, and nothing, where another runs it."""
        id = job.id

        def work(rows: sqlite3.Connection) -> bool:
            sign = "UPDATE job SET cursor = ?, collected = ?, heard = ? WHERE change = ? AND runner = ? RETURNING 1"
            if not rows.execute(sign, (cursor, all, self.journal.now, id, job.runner)).fetchall():
                return False
            rows.executemany(INSERT, (self._row(id, item) for item in items))
            rows.execute("UPDATE job SET total = (SELECT count(*) FROM item WHERE job = ?) WHERE change = ?", (id, id))
            return True

        return await self.journal.transact(work, fallback=False)

    def _row(self, job: int, item: Item) -> tuple[Any, ...]:
        kept = None if self.lean and not holds_no_personal_data(item.prior) else item.prior
        reason = ADDRESS.sub(REDACTED, item.reason) if self.lean else item.reason
        return (job, item.n, item.step, item.subject, item.state, item.outcome, reason, to_json(kept))

    async def save_items(self, job: Job, items: Iterable[Item], seconds: float) -> Literal["", "stop", "lost"]:
        """What came of some items; without any only that the job still runs. `seconds` it ran since the last time.

        Whether somebody has asked for it to stop, or has taken it over: then nothing is kept.

        Raises:
            Unusable: if the record cannot be kept now.
        """
        rows_of = [self._row(job.id, item) for item in items]
        kept = [(state, word, reason, kept, id, n) for id, n, _, _, state, word, reason, kept in rows_of]

        def work(rows: sqlite3.Connection) -> Literal["", "stop", "lost"]:
            sign = "UPDATE job SET heard = ?, seconds = seconds + ? WHERE change = ? AND runner = ? RETURNING note"
            found = rows.execute(sign, (self.journal.now, seconds, job.id, job.runner)).fetchall()
            if not found:
                return "lost"
            change = "UPDATE item SET state = ?, word = ?, reason = ?, kept = ? WHERE job = ? AND n = ?"
            rows.executemany(change, kept)
            return "stop" if found[0][0] == STOP else ""

        return await self.journal.transact(work, fallback=False)

    async def undone_by(self, id: int) -> int:
        """The change that takes back what it did, or has begun to; 0 where there is none."""
        asked = (
            "SELECT id FROM change JOIN job ON job.change = id WHERE undoes = ? AND (state = 'running' OR EXISTS "
            "(SELECT 1 FROM item WHERE item.job = id AND item.state = 'done')) LIMIT 1"
        )
        found = await self._transact(lambda rows: rows.execute(asked, (id,)).fetchone())
        return int(found[0]) if found else 0

    async def load_reverted_items(self, id: int) -> set[int]:
        """Which of its items earlier undos have taken back: theirs have the same numbers."""
        asked = "SELECT n FROM change JOIN item ON item.job = change.id WHERE undoes = ? AND state = 'done'"
        found = await self._transact(lambda rows: rows.execute(asked, (id,)).fetchall())
        return {n for (n,) in found}

    async def subjects(self, id: int) -> set[str]:
        """The records it is about already."""
        asked = "SELECT DISTINCT subject FROM item WHERE job = ? AND state <> 'failed'"
        return {one for (one,) in await self._transact(lambda rows: rows.execute(asked, (id,)).fetchall())}

    async def request_stop(self, id: int) -> None:
        """Of whichever process runs it."""
        change = "UPDATE job SET note = ? WHERE change = ? AND state = 'running'"
        await self._transact(lambda rows: rows.execute(change, (STOP, id)))

    async def end(self, job: Job, state: JobState, note: str = "") -> None:
        """By whoever runs it, or instead of whoever died running it."""
        change = "UPDATE job SET state = ?, note = ?, runner = '' WHERE change = ? AND runner = ?"
        told = (state, note, job.id, job.runner)
        await self.journal.transact(lambda rows: rows.execute(change, told), fallback=False)

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Never in the spare memory of a journal: its numbers would be those of other jobs.

        Raises:
            Unavailable: if the record cannot be used now.
        """
        try:
            return await self.journal.transact(work, fallback=False)
        except Unusable as error:
            raise Unavailable(f"the record of jobs cannot be used now ({error})", arrived=False) from error

    async def counts(self, id: int) -> dict[tuple[ItemState, str], int]:
        """How many items by state and outcome."""
        asked = "SELECT state, word, count(*) FROM item WHERE job = ? GROUP BY state, word ORDER BY min(n)"
        found = await self._transact(lambda rows: rows.execute(asked, (id,)).fetchall())
        return {(state, word): count for state, word, count in found}

    async def items(self, id: int, states: Sequence[ItemState], most: int, after: int = -1) -> list[Item]:
        """Items in one of these states, in order."""
        marks = ", ".join("?" for _ in states)
        asked = (
            "SELECT n, step, subject, state, word, reason, kept FROM item "
            f"WHERE job = ? AND state IN ({marks}) AND n > ? ORDER BY n LIMIT ?"
        )
        found = await self._transact(lambda rows: rows.execute(asked, (id, *states, after, most)).fetchall())
        return [item_from_row(row) for row in found]


def find_same(rows: sqlite3.Connection, change: Change, now: float) -> Job | None:
    """The job that does the same now, in this process or another."""
    asked = "SELECT id FROM job JOIN change ON id = change WHERE whose = ? AND tool = ? AND state = 'running'"
    found = [load_job(rows, id) for (id,) in rows.execute(asked, (change.owner, change.tool)).fetchall()]
    alike = [job for job in found if job.plan.get(CALL_FINGERPRINT) == fingerprint(change.arguments)]
    return next((job for job in alike if is_running(job, now)), None)


def load_job(rows: sqlite3.Connection, id: int) -> Job:
    asked = f"SELECT {COLUMNS}, tool, arguments FROM job JOIN change ON id = change WHERE change = ?"
    number, plan, state, note, total, most, collected, cursor, by, heard, seconds, tool, arguments = rows.execute(
        asked, (id,)
    ).fetchone()
    return Job(
        number, json.loads(plan), state, note, total, most, bool(collected), cursor, by, heard, seconds, -1, tool,
        json.loads(arguments),
    )  # fmt: skip


def item_from_row(row: tuple[Any, ...]) -> Item:
    n, step, subject, state, word, reason, kept = row
    return Item(n, step, subject, state, word, reason, json.loads(kept) if kept else None)


def purge(rows: sqlite3.Connection) -> None:
    """Jobs go with their changes."""
    rows.execute("DELETE FROM item WHERE job NOT IN (SELECT id FROM change)")
    rows.execute("DELETE FROM job WHERE change NOT IN (SELECT id FROM change)")
