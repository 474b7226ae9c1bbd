"""The job store: jobs and their items in the journal, so that another process can resume them.

A job is a change (`changes`) with items. An item is one step for one record; it stays planned until its outcome is
saved, and outcomes are saved a few at a time. The process that runs a job sends heartbeats; once they stop, another
process may take the job over.
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
INSERT_ITEM = f"INSERT OR IGNORE INTO item ({ITEM_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
JOB_COLUMNS = "change, plan, state, note, total, most, collected, cursor, runner, heard, seconds"


@dataclass(frozen=True, slots=True)
class JobStore:
    """The jobs in one journal. Ids of jobs are ids of changes."""

    journal: Journal
    lean: bool = False
    """Whether everything that may be personal data is left out (AC_MCP_JOURNAL=lean)."""

    async def begin(
        self, change: Change, plan: JobPlan, limit: int = 0, items: Sequence[Item] | None = None, *, all: bool = False
    ) -> tuple[Job, bool]:
        """Store a new job to run here and return it with True; if the same job runs already, return that with False.

        `limit` is the most records it may reach (0 for no limit), `items` are those that are known already, and `all`
        says that there are no others.

        Raises:
            Unavailable: if the journal cannot be used now.
        """
        now, runner = self.journal.now, new_runner()
        arguments = dict.fromkeys(change.arguments, REDACTED) if self.lean else redact(change.arguments)
        stored_plan = {**plan, CALL_FINGERPRINT: fingerprint(change.arguments)}
        cursor = len(items) if items and all else 0

        def work(db: sqlite3.Connection) -> tuple[Job, bool]:
            if other := find_same(db, change, now):
                return other, False
            purge(db)
            id = insert_change(db, change, arguments, now)
            total, collected = len(items or ()), items is not None and all
            row = (id, to_json(stored_plan), "running", "", total, limit, collected, cursor, runner, now, 0.0)
            db.execute(f"INSERT INTO job ({JOB_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            db.executemany(INSERT_ITEM, (self._row(id, item) for item in items or ()))
            return replace(load_job(db, id), fresh_cursor=cursor), True

        job, is_new = await self._transact(work)
        if is_new:
            LIVE.add(runner)
        return job, is_new

    async def find(self, scope: AuditScope, id: int) -> Job | None:
        """Return a job of this scope; None if there is none of this id."""

        def work(db: sqlite3.Connection) -> Job | None:
            query = "SELECT 1 FROM job JOIN change ON id = change WHERE id = ? AND whose IN (?, ?)"
            return load_job(db, id) if db.execute(query, (id, *scope)).fetchone() else None

        return await self._transact(work)

    async def take_over(self, id: int) -> Job | None:
        """Make this process the one that runs a job, and return the job; None if a living process runs it."""
        now, runner = self.journal.now, new_runner()

        def work(db: sqlite3.Connection) -> Job | None:
            if is_running(load_job(db, id), now):
                return None
            db.execute(
                "UPDATE job SET state = 'running', note = '', runner = ?, heard = ? WHERE change = ?", (runner, now, id)
            )
            return load_job(db, id)

        if job := await self._transact(work):
            LIVE.add(runner)
        return job

    def release(self, job: Job) -> None:
        """Forget that this process runs a job."""
        LIVE.discard(job.runner)

    async def add(self, job: Job, items: Sequence[Item], cursor: int, *, all: bool) -> bool:
        """Store more items and return True; store nothing and return False if another process has taken the job over.

        `all` says that there are no more.

        Raises:
            Unusable: if the journal cannot be used now.
        """
        id = job.id

        def work(db: sqlite3.Connection) -> bool:
            update = "UPDATE job SET cursor = ?, collected = ?, heard = ? WHERE change = ? AND runner = ? RETURNING 1"
            if not db.execute(update, (cursor, all, self.journal.now, id, job.runner)).fetchall():
                return False
            db.executemany(INSERT_ITEM, (self._row(id, item) for item in items))
            db.execute("UPDATE job SET total = (SELECT count(*) FROM item WHERE job = ?) WHERE change = ?", (id, id))
            return True

        return await self.journal.transact(work, fallback=False)

    def _row(self, job: int, item: Item) -> tuple[Any, ...]:
        """Return the row of an item, in a lean journal without personal data."""
        prior = None if self.lean and not holds_no_personal_data(item.prior) else item.prior
        reason = ADDRESS.sub(REDACTED, item.reason) if self.lean else item.reason
        return (job, item.n, item.step, item.subject, item.state, item.outcome, reason, to_json(prior))

    async def save_items(self, job: Job, items: Iterable[Item], seconds: float) -> Literal["", "stop", "lost"]:
        """Save changed items and a heartbeat; `seconds` is how long the job has run since the last save.

        Return "stop" if the job is to stop, and "lost" if another process has taken it over: then nothing is saved.

        Raises:
            Unusable: if the journal cannot be used now.
        """
        item_rows = [self._row(job.id, item) for item in items]
        updates = [(state, outcome, reason, prior, id, n) for id, n, _, _, state, outcome, reason, prior in item_rows]

        def work(db: sqlite3.Connection) -> Literal["", "stop", "lost"]:
            heartbeat = "UPDATE job SET heard = ?, seconds = seconds + ? WHERE change = ? AND runner = ? RETURNING note"
            notes = db.execute(heartbeat, (self.journal.now, seconds, job.id, job.runner)).fetchall()
            if not notes:
                return "lost"
            update = "UPDATE item SET state = ?, word = ?, reason = ?, kept = ? WHERE job = ? AND n = ?"
            db.executemany(update, updates)
            return "stop" if notes[0][0] == STOP else ""

        return await self.journal.transact(work, fallback=False)

    async def undone_by(self, id: int) -> int:
        """Return the id of the change that takes a job back or has begun to; 0 if there is none."""
        query = (
            "SELECT id FROM change JOIN job ON job.change = id WHERE undoes = ? AND (state = 'running' OR EXISTS "
            "(SELECT 1 FROM item WHERE item.job = id AND item.state = 'done')) LIMIT 1"
        )
        row = await self._transact(lambda db: db.execute(query, (id,)).fetchone())
        return int(row[0]) if row else 0

    async def load_reverted_items(self, id: int) -> set[int]:
        """Return the numbers of a job's items that undos have taken back. An undo uses the same numbers."""
        query = "SELECT n FROM change JOIN item ON item.job = change.id WHERE undoes = ? AND state = 'done'"
        rows = await self._transact(lambda db: db.execute(query, (id,)).fetchall())
        return {n for (n,) in rows}

    async def subjects(self, id: int) -> set[str]:
        """Return the subjects of a job's items, without those that failed."""
        query = "SELECT DISTINCT subject FROM item WHERE job = ? AND state <> 'failed'"
        rows = await self._transact(lambda db: db.execute(query, (id,)).fetchall())
        return {subject for (subject,) in rows}

    async def request_stop(self, id: int) -> None:
        """Ask the process that runs a job to stop it."""
        update = "UPDATE job SET note = ? WHERE change = ? AND state = 'running'"
        await self._transact(lambda db: db.execute(update, (STOP, id)))

    async def end(self, job: Job, state: JobState, note: str = "") -> None:
        """Save the final state of a job, unless another process has taken it over.

        Raises:
            Unusable: if the journal cannot be used now.
        """
        update = "UPDATE job SET state = ?, note = ?, runner = '' WHERE change = ? AND runner = ?"
        values = (state, note, job.id, job.runner)
        await self.journal.transact(lambda db: db.execute(update, values), fallback=False)

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction, but never in a journal's fallback memory, where ids belong to other jobs.

        Raises:
            Unavailable: if the journal cannot be used now.
        """
        try:
            return await self.journal.transact(work, fallback=False)
        except Unusable as error:
            raise Unavailable(f"the record of jobs cannot be used now ({error})", arrived=False) from error

    async def counts(self, id: int) -> dict[tuple[ItemState, str], int]:
        """Return how many items a job has by state and outcome."""
        query = "SELECT state, word, count(*) FROM item WHERE job = ? GROUP BY state, word ORDER BY min(n)"
        rows = await self._transact(lambda db: db.execute(query, (id,)).fetchall())
        return {(state, outcome): count for state, outcome, count in rows}

    async def items(self, id: int, states: Sequence[ItemState], most: int, after: int = -1) -> list[Item]:
        """Return the first `most` items in one of these states whose number is above `after`, by number."""
        marks = ", ".join("?" for _ in states)
        query = (
            "SELECT n, step, subject, state, word, reason, kept FROM item "
            f"WHERE job = ? AND state IN ({marks}) AND n > ? ORDER BY n LIMIT ?"
        )
        rows = await self._transact(lambda db: db.execute(query, (id, *states, after, most)).fetchall())
        return [item_from_row(row) for row in rows]


def find_same(db: sqlite3.Connection, change: Change, now: float) -> Job | None:
    """Return the running job of the same call, in this process or another; None if there is none."""
    query = "SELECT id FROM job JOIN change ON id = change WHERE whose = ? AND tool = ? AND state = 'running'"
    jobs = [load_job(db, id) for (id,) in db.execute(query, (change.owner, change.tool)).fetchall()]
    same = [job for job in jobs if job.plan.get(CALL_FINGERPRINT) == fingerprint(change.arguments)]
    return next((job for job in same if is_running(job, now)), None)


def load_job(db: sqlite3.Connection, id: int) -> Job:
    """Return the job of this id, which must exist."""
    query = f"SELECT {JOB_COLUMNS}, tool, arguments FROM job JOIN change ON id = change WHERE change = ?"
    number, plan, state, note, total, limit, collected, cursor, runner, heartbeat_at, seconds, tool, arguments = (
        db.execute(query, (id,)).fetchone()
    )
    return Job(
        number,
        json.loads(plan),
        state,
        note=note,
        total=total,
        limit=limit,
        collected=bool(collected),
        cursor=cursor,
        runner=runner,
        heartbeat_at=heartbeat_at,
        seconds=seconds,
        fresh_cursor=-1,
        tool=tool,
        arguments=json.loads(arguments),
    )


def item_from_row(row: tuple[Any, ...]) -> Item:
    """Return the item of a row of the item table, without its job."""
    n, step, subject, state, outcome, reason, prior = row
    return Item(
        n, step, subject, state=state, outcome=outcome, reason=reason, prior=json.loads(prior) if prior else None
    )


def purge(db: sqlite3.Connection) -> None:
    """Delete the jobs and items whose change is gone."""
    db.execute("DELETE FROM item WHERE job NOT IN (SELECT id FROM change)")
    db.execute("DELETE FROM job WHERE change NOT IN (SELECT id FROM change)")
