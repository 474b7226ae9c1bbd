"""The record of what was written: each write is noted before it is sent, and what came of it afterwards."""

import json
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from anyio import CancelScope

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, Method, Request, as_object, as_objects
from ac_mcp.storage.journal import REPEAT_WINDOW, Journal
from ac_mcp.storage.redaction import REDACTED, decrypt_with_token, encrypt_with_token, redact

RETENTION = 30 * 86_400.0
"""Seconds for which a change can be looked up and undone."""
CONFIRMATION_TTL = 600.0
"""Seconds for which a confirmation counts."""
AT_WORK = 120.0
"""Seconds after which a write of which nothing was heard is no longer under way."""
CREATED_TOGETHER = ("fieldOptions",)
"""What one request makes several of."""
State: TypeAlias = Literal["open", "done", "failed", "unknown"]
AuditScope: TypeAlias = tuple[str, str]
"""An account, and the key through which connections are made: somebody's changes are those of both."""
WRITES = "uid, step, method, path, body, before, reply, at, state, status, request_id"


def new_uid() -> str:
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request that changes something. `before` is what stood there, None where that was not kept."""

    step: str
    method: Method
    path: str
    body: Json | None = None
    before: Json | None = None
    reply: Json | None = None
    at: float = 0.0
    state: State = "open"
    status: int = 0
    """Of the answer; 0 where it does not tell what was there before."""
    request_id: str = ""
    uid: str = field(default_factory=new_uid)

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> "AuditEntry":
        uid, step, method, path, body, before, reply, at, state, status, request_id = row
        body, before, reply = (json.loads(text) if text else None for text in (body, before, reply))
        return cls(step, method, path, body, before, reply, at, state, status, request_id, uid)


@dataclass(frozen=True, slots=True)
class Change:
    """One call of a tool and what it wrote, in that order."""

    whose: str
    tool: str
    arguments: Json
    actor: str
    account: str
    undoes: int = 0
    at: float = 0.0
    writes: tuple[AuditEntry, ...] = ()
    undone_by: tuple[int, ...] = ()
    """The changes that took it back and were not taken back themselves."""
    id: int = 0
    uid: str = field(default_factory=new_uid)

    def is_unclear(self, now: float) -> bool:
        """Whether something it was to make may be there or not, and the call can no longer find out by itself."""
        made = (one for one in self.writes if one.method == "POST" and one.state in ("open", "unknown"))
        return any(now - one.at > REPEAT_WINDOW for one in made)

    def outcome(self, now: float) -> str:
        """How it went, in a word."""
        states = {one.state for one in self.writes}
        if "open" in states and now - max(one.at for one in self.writes) < AT_WORK:
            return "under way"
        if states & {"open", "unknown"}:
            return "unknown"
        if states == {"done"} and self.undone_by:
            gone = any(one.method == "DELETE" and not one.path.startswith("/contactTags/") for one in self.writes)
            return "partly undone" if gone else "undone"
        if states == {"done"}:
            return "done"
        return "partly done" if "done" in states else "failed"


@dataclass(frozen=True, slots=True)
class PendingConfirmation:
    """A call that waits for a yes, and the fingerprint of what it would do."""

    tool: str
    arguments: Json
    fingerprint: str


@dataclass(slots=True)
class AuditLog:
    """The changes of those who share a journal; `lean` leaves out whatever could be about a person."""

    journal: Journal
    lean: bool = False

    def new_entry(self, request: Request, before: Json) -> AuditEntry:
        """A write that is about to be sent."""
        body, stood = (None, None) if self.lean else (redact(request.body or {}), redact(before))
        return AuditEntry(request.operation, request.method, request.path, body, stood, at=self.journal.now)

    async def save(self, change: Change, write: AuditEntry) -> int:
        """As it stands: noted before it is sent and again with what came of it.

        Both are known by ids of their own, so that it does not matter if the file could not be used in between. Gives
        the number of the change; 0 while that is not the one it will have.
        """
        now = self.journal.now
        arguments = dict.fromkeys(change.arguments, REDACTED) if self.lean else redact(change.arguments)

        def work(rows: sqlite3.Connection) -> int:
            purge(rows, now)
            found = rows.execute("SELECT id FROM change WHERE uid = ?", (change.uid,)).fetchone()
            of = found[0] if found else insert_change(rows, change, arguments, now)
            told = {
                **{name: getattr(write, name) for name in WRITES.split(", ")},
                **{name: to_json(getattr(write, name)) for name in ("body", "before")},
                "reply": to_json(created_ids(write.reply)),
                "change": of,
            }
            values = ", ".join(f":{name}" for name in told)
            rows.execute(
                f"INSERT INTO write ({', '.join(told)}) VALUES ({values}) ON CONFLICT (uid) DO UPDATE SET "
                "reply = :reply, state = :state, status = :status, request_id = :request_id",
                told,
            )
            return int(of)

        ended = write.state != "open"
        number = (await self.journal.transact_or_queue(work, 0) if ended else await self.journal.transact(work)) or 0
        return 0 if self.journal.is_unavailable else number

    async def load_page(self, whose: AuditScope, limit: int, offset: int) -> tuple[list[Change], int]:
        """The newest first, and how many there are."""

        def work(rows: sqlite3.Connection) -> tuple[list[Change], int]:
            purge(rows, self.journal.now)
            asked = "SELECT id FROM change WHERE whose IN (?, ?) ORDER BY id DESC LIMIT ? OFFSET ?"
            found = [id for (id,) in rows.execute(asked, (*whose, limit, offset)).fetchall()]
            (total,) = rows.execute("SELECT count(*) FROM change WHERE whose IN (?, ?)", whose).fetchone()
            return [load_change(rows, id) for id in found], total

        return await self.journal.transact(work)

    async def load_undo_attempts(self, id: int) -> list[Change]:
        """The changes that were to take this one back, whatever came of them."""

        def work(rows: sqlite3.Connection) -> list[Change]:
            found = rows.execute("SELECT id FROM change WHERE undoes = ?", (id,)).fetchall()
            return [load_change(rows, one) for (one,) in found]

        return await self.journal.transact(work)

    async def find(self, whose: AuditScope, id: int) -> Change | None:
        def work(rows: sqlite3.Connection) -> Change | None:
            there = rows.execute("SELECT 1 FROM change WHERE id = ? AND whose IN (?, ?)", (id, *whose)).fetchone()
            return load_change(rows, id) if there else None

        return await self.journal.transact(work)

    @asynccontextmanager
    async def exclusively(self, what: str) -> AsyncGenerator[None]:
        """Nobody else does the same meanwhile, in this process or another.

        Raises:
            BadArguments: if somebody does.
        """
        now = self.journal.now
        began = await self.journal.begin_keyed_call(what, str(now))
        if began and now - float(began.call) < AT_WORK:
            raise BadArguments("It is being undone already: look at list_changes in a moment.")
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await self.journal.forget_keyed_call(what)

    async def save_confirmation(self, whose: str, offer: PendingConfirmation) -> str:
        """A token for a call that waits for a yes: it counts once, for ten minutes, for whoever it was given to."""
        token, now, open_ = token_urlsafe(16), self.journal.now, self._may_be_stored(offer)
        kept = (
            to_json(offer.arguments) if open_ or not self.journal.shared else encrypt_with_token(token, offer.arguments)
        )

        def work(rows: sqlite3.Connection) -> str:
            purge(rows, now)
            told = (hash_token(token), whose, offer.tool, kept, offer.fingerprint, now)
            rows.execute("INSERT INTO offer VALUES (?, ?, ?, ?, ?, ?)", told)
            return token

        return await self.journal.transact(work, on_disk=open_ or self.journal.shared)

    def _may_be_stored(self, offer: PendingConfirmation) -> bool:
        """Whether a call may wait in the file: not one that holds a link, which may hold a secret."""
        return not self.lean and redact(offer.arguments) == offer.arguments

    async def take_confirmation(self, whose: str, token: str) -> PendingConfirmation | None:
        """The call this token stands for; it stands for nothing any more."""
        now = self.journal.now

        def work(rows: sqlite3.Connection) -> PendingConfirmation | None:
            asked = "SELECT tool, arguments, seen FROM offer WHERE token = ? AND whose = ? AND at >= ?"
            found = rows.execute(asked, (hash_token(token), whose, now - CONFIRMATION_TTL)).fetchone()
            if found:
                rows.execute("DELETE FROM offer WHERE token = ?", (hash_token(token),))
            return PendingConfirmation(found[0], decrypt_with_token(token, found[1]), found[2]) if found else None

        waiting = await self.journal.transact(work, on_disk=False)
        elsewhere = not self.lean or self.journal.shared
        return waiting or (await self.journal.transact(work) if elsewhere else None)


def insert_change(rows: sqlite3.Connection, change: Change, arguments: Json, now: float) -> int:
    """The id of a change that begins now."""
    whole = (
        change.uid,
        change.whose,
        now,
        change.tool,
        to_json(arguments),
        change.actor,
        change.account,
        change.undoes,
    )
    columns = "uid, whose, at, tool, arguments, actor, account, undoes"
    return rows.execute(f"INSERT INTO change ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", whole).lastrowid or 0


def load_change(rows: sqlite3.Connection, id: int) -> Change:
    asked = "SELECT whose, tool, arguments, actor, account, undoes, at, uid FROM change WHERE id = ?"
    whose, tool, arguments, actor, account, undoes, at, uid = rows.execute(asked, (id,)).fetchone()
    found = rows.execute(f"SELECT {WRITES} FROM write WHERE change = ? ORDER BY id", (id,)).fetchall()
    writes = tuple(AuditEntry.from_row(row) for row in found)
    return Change(
        whose, tool, json.loads(arguments), actor, account, undoes, at, writes, load_undone_by(rows, id), id, uid
    )


def load_undone_by(rows: sqlite3.Connection, id: int) -> tuple[int, ...]:
    """The changes that took this one back and still stand."""
    asked = (
        "SELECT DISTINCT c.id FROM change c LEFT JOIN write w ON w.change = c.id LEFT JOIN job j ON j.change = c.id "
        "WHERE c.undoes = ? AND (w.state = 'done' OR j.state = 'done')"
    )
    return tuple(one for (one,) in rows.execute(asked, (id,)).fetchall() if not load_undone_by(rows, one))


def purge(rows: sqlite3.Connection, now: float) -> None:
    """What is too old to be undone or confirmed goes with the next write."""
    rows.execute("DELETE FROM write WHERE change IN (SELECT id FROM change WHERE at < ?)", (now - RETENTION,))
    rows.execute("DELETE FROM change WHERE at < ?", (now - RETENTION,))
    rows.execute("DELETE FROM offer WHERE at < ?", (now - CONFIRMATION_TTL,))


def to_json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def hash_token(token: str) -> str:
    """Whoever reads the file finds no token in it."""
    return sha256(token.encode()).hexdigest()


def created_ids(reply: Json | None) -> Json | None:
    """The ids of what was made, and nothing else."""
    if reply is None:
        return None
    rows = {name: as_object(row) for name, row in reply.items()}
    one = {name: {key: row[key] for key in ("id", "connection_id") if key in row} for name, row in rows.items() if row}
    several = {name: [{"id": row.get("id")} for row in as_objects(reply.get(name))] for name in CREATED_TOGETHER}
    return one | {name: made for name, made in several.items() if made}
