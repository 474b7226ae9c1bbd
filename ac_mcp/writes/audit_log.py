"""The audit log: each write is recorded before it is sent, and again with its outcome; and the calls that wait.

A change is one call of a tool; an audit entry is one request of it.
"""

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
from ac_mcp.writes.comparison import digests_of

RETENTION = 30 * 86_400.0
"""Seconds for which a change can be looked up and undone."""
CONFIRMATION_TTL = 600.0
"""Seconds for which a token counts."""
UNDER_WAY = 120.0
"""Seconds after which a write that was not heard of again is no longer under way."""
CREATED_TOGETHER = ("fieldOptions",)
"""The collections of which one request creates several records."""
State: TypeAlias = Literal["open", "done", "failed", "unknown"]
AuditScope: TypeAlias = tuple[str, str]
"""Whose changes a caller sees: those of an account, and those of the key that manages connections."""
CHANGE_COLUMNS = "whose, tool, arguments, actor, account, undoes, at, uid"
ENTRY_COLUMNS = "uid, step, method, path, body, before, reply, at, state, status, request_id"


def new_uid() -> str:
    """Return a new id that no other process gives."""
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request that writes.

    `step` names its operation. `before` is the before image under the API's names; None if none was stored. `reply`
    holds the ids of what was created, nothing else.
    """

    step: str
    method: Method
    path: str
    body: Json | None = None
    before: Json | None = None
    reply: Json | None = None
    at: float = 0.0
    """Seconds since the epoch."""
    state: State = "open"
    status: int = 0
    """The HTTP status of the answer; 0 where it does not tell whether the record was new."""
    request_id: str = ""
    uid: str = field(default_factory=new_uid)

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> "AuditEntry":
        """Read an entry from a row with ENTRY_COLUMNS."""
        uid, step, method, path, body, before, reply, at, state, status, request_id = row
        body, before, reply = (json.loads(text) if text else None for text in (body, before, reply))
        return cls(step, method, path, body, before, reply, at, state, status, request_id, uid)

    def to_row(self) -> dict[str, Any]:
        """Return the entry by its columns."""
        return {
            "uid": self.uid,
            "step": self.step,
            "method": self.method,
            "path": self.path,
            "body": to_json(self.body),
            "before": to_json(self.before),
            "reply": to_json(created_ids(self.reply, with_digests=self.method == "POST" and self.before is not None)),
            "at": self.at,
            "state": self.state,
            "status": self.status,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One call of a tool and the requests it wrote with, in their order."""

    owner: str
    """Whose change it is: an account and a principal."""
    tool: str
    arguments: Json
    actor: str
    """The program that made the call."""
    account: str
    """The name people give the account."""
    undoes: int = 0
    """The id of the change it takes back; 0 if none."""
    at: float = 0.0
    writes: tuple[AuditEntry, ...] = ()
    undone_by: tuple[int, ...] = ()
    """The changes that took it back and were not taken back themselves."""
    id: int = 0
    uid: str = field(default_factory=new_uid)

    def is_unclear(self, now: float) -> bool:
        """Return whether a create of it may or may not have landed, and is too old to be reconciled."""
        creates = (entry for entry in self.writes if entry.method == "POST" and entry.state in ("open", "unknown"))
        return any(now - entry.at > REPEAT_WINDOW for entry in creates)

    def outcome(self, now: float) -> str:
        """Return how it ended in a few words, such as "done" or "partly undone"."""
        states = {entry.state for entry in self.writes}
        if "open" in states and now - max(entry.at for entry in self.writes) < UNDER_WAY:
            return "under way"
        if states & {"open", "unknown"}:
            return "unknown"
        if states == {"done"} and self.undone_by:
            deleted = any(
                entry.method == "DELETE" and not entry.path.startswith("/contactTags/") for entry in self.writes
            )
            return "partly undone" if deleted else "undone"
        if states == {"done"}:
            return "done"
        return "partly done" if "done" in states else "failed"


@dataclass(frozen=True, slots=True)
class PendingConfirmation:
    """A call that waits for a confirmation.

    `arguments` are the client's own, `fingerprint` covers the preview that was shown. `resolved` are the same arguments
    validated and with ids for names; None if they were not stored.
    """

    tool: str
    arguments: Json
    fingerprint: str
    resolved: Json | None = None


@dataclass(slots=True)
class AuditLog:
    """The changes of everybody who shares a journal. With `lean` it stores nothing that may be personal data."""

    journal: Journal
    lean: bool = False

    def new_entry(self, request: Request, before: Json) -> AuditEntry:
        """Return the entry of a write that is about to be sent."""
        body, image = (None, None) if self.lean else (redact(request.body or {}), redact(before))
        return AuditEntry(request.operation, request.method, request.path, body, image, at=self.journal.now)

    async def save(self, change: Change, entry: AuditEntry) -> int:
        """Save an entry, and its change with the first one; return the id of the change.

        An entry is saved before it is sent and once more with its outcome. Both know it by a uid, so that the file may
        be away in between. While it is, the id is 0.
        """
        now = self.journal.now
        arguments = dict.fromkeys(change.arguments, REDACTED) if self.lean else redact(change.arguments)

        def work(db: sqlite3.Connection) -> int:
            purge(db, now)
            row = db.execute("SELECT id FROM change WHERE uid = ?", (change.uid,)).fetchone()
            id = row[0] if row else insert_change(db, change, arguments, now)
            columns = {**entry.to_row(), "change": id}
            values = ", ".join(f":{name}" for name in columns)
            db.execute(
                f"INSERT INTO write ({', '.join(columns)}) VALUES ({values}) ON CONFLICT (uid) DO UPDATE SET "
                "reply = :reply, state = :state, status = :status, request_id = :request_id",
                columns,
            )
            return int(id)

        ended = entry.state != "open"
        id = (await self.journal.transact_or_queue(work, 0) if ended else await self.journal.transact(work)) or 0
        return 0 if self.journal.is_unavailable else id

    async def load_page(self, scope: AuditScope, limit: int, offset: int) -> tuple[list[Change], int]:
        """Return a page of changes, the newest first, and how many there are in all."""

        def work(db: sqlite3.Connection) -> tuple[list[Change], int]:
            purge(db, self.journal.now)
            query = "SELECT id FROM change WHERE whose IN (?, ?) ORDER BY id DESC LIMIT ? OFFSET ?"
            ids = [id for (id,) in db.execute(query, (*scope, limit, offset)).fetchall()]
            (total,) = db.execute("SELECT count(*) FROM change WHERE whose IN (?, ?)", scope).fetchone()
            return [load_change(db, id) for id in ids], total

        return await self.journal.transact(work)

    async def load_undo_attempts(self, id: int) -> list[Change]:
        """Return the changes that were to take this one back, however they ended."""

        def work(db: sqlite3.Connection) -> list[Change]:
            rows = db.execute("SELECT id FROM change WHERE undoes = ?", (id,)).fetchall()
            return [load_change(db, attempt) for (attempt,) in rows]

        return await self.journal.transact(work)

    async def find(self, scope: AuditScope, id: int) -> Change | None:
        """Return a change by its id; None if this scope has none."""

        def work(db: sqlite3.Connection) -> Change | None:
            query = "SELECT 1 FROM change WHERE id = ? AND whose IN (?, ?)"
            return load_change(db, id) if db.execute(query, (id, *scope)).fetchone() else None

        return await self.journal.transact(work)

    @asynccontextmanager
    async def exclusively(self, purpose: str) -> AsyncGenerator[None]:
        """Keep everybody else from doing the same meanwhile, in this process or another.

        Raises:
            BadArguments: if it is being done already.
        """
        now = self.journal.now
        holder = await self.journal.begin_keyed_call(purpose, str(now))
        if holder and now - float(holder.call) < UNDER_WAY:
            raise BadArguments("It is being undone already: look at list_changes in a moment.")
        try:
            yield
        finally:
            with CancelScope(shield=True):
                await self.journal.forget_keyed_call(purpose)

    async def save_confirmation(self, owner: str, pending: PendingConfirmation) -> str:
        """Store a call that waits for a confirmation and return its token.

        The token counts once, for CONFIRMATION_TTL, and for its owner only. In a shared journal a call that holds a
        secret is encrypted with the token, of which only a hash is stored.
        """
        token, now, in_clear = token_urlsafe(16), self.journal.now, self._may_be_stored(pending)

        def stored(arguments: Json | None) -> str | None:
            if arguments is None or in_clear or not self.journal.shared:
                return to_json(arguments)
            return encrypt_with_token(token, arguments)

        def work(db: sqlite3.Connection) -> str:
            purge(db, now)
            offer = (hash_token(token), owner, pending.tool, stored(pending.arguments), pending.fingerprint, now)
            db.execute("INSERT INTO offer (token, whose, tool, arguments, seen, at) VALUES (?, ?, ?, ?, ?, ?)", offer)
            resolved = (hash_token(token), stored(pending.resolved), now)
            db.execute("INSERT INTO resolved_call (token, arguments, at) VALUES (?, ?, ?)", resolved)
            return token

        return await self.journal.transact(work, on_disk=in_clear or self.journal.shared)

    def _may_be_stored(self, pending: PendingConfirmation) -> bool:
        """Return whether a call may wait in the file in clear: not if it holds a link, which may hold a secret."""
        return not self.lean and redact(pending.arguments) == pending.arguments

    async def take_confirmation(self, owner: str, token: str) -> PendingConfirmation | None:
        """Return the call that a token stands for, and end the token; None if it stands for none."""
        now = self.journal.now

        def work(db: sqlite3.Connection) -> PendingConfirmation | None:
            hashed = hash_token(token)
            query = "SELECT tool, arguments, seen FROM offer WHERE token = ? AND whose = ? AND at >= ?"
            row = db.execute(query, (hashed, owner, now - CONFIRMATION_TTL)).fetchone()
            if not row:
                return None
            resolved = db.execute("SELECT arguments FROM resolved_call WHERE token = ?", (hashed,)).fetchone()
            db.execute("DELETE FROM offer WHERE token = ?", (hashed,))
            db.execute("DELETE FROM resolved_call WHERE token = ?", (hashed,))
            tool, arguments, fingerprint = row
            ids = decrypt_with_token(token, resolved[0]) if resolved and resolved[0] else None
            return PendingConfirmation(tool, decrypt_with_token(token, arguments), fingerprint, ids)

        pending = await self.journal.transact(work, on_disk=False)
        elsewhere = not self.lean or self.journal.shared
        return pending or (await self.journal.transact(work) if elsewhere else None)


def insert_change(db: sqlite3.Connection, change: Change, arguments: Json, now: float) -> int:
    """Insert a change that begins now, with these arguments, and return its id."""
    row = (change.owner, change.tool, to_json(arguments), change.actor, change.account, change.undoes, now, change.uid)
    query = f"INSERT INTO change ({CHANGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    return db.execute(query, row).lastrowid or 0


def load_change(db: sqlite3.Connection, id: int) -> Change:
    """Return the change of this id with its entries."""
    row = db.execute(f"SELECT {CHANGE_COLUMNS} FROM change WHERE id = ?", (id,)).fetchone()
    owner, tool, arguments, actor, account, undoes, at, uid = row
    rows = db.execute(f"SELECT {ENTRY_COLUMNS} FROM write WHERE change = ? ORDER BY id", (id,)).fetchall()
    entries = tuple(AuditEntry.from_row(entry) for entry in rows)
    undone_by = load_undone_by(db, id)
    return Change(
        owner,
        tool,
        json.loads(arguments),
        actor=actor,
        account=account,
        undoes=undoes,
        at=at,
        writes=entries,
        undone_by=undone_by,
        id=id,
        uid=uid,
    )


def load_undone_by(db: sqlite3.Connection, id: int) -> tuple[int, ...]:
    """Return the ids of the changes that took this one back and still stand."""
    query = (
        "SELECT DISTINCT c.id FROM change c LEFT JOIN write w ON w.change = c.id LEFT JOIN job j ON j.change = c.id "
        "WHERE c.undoes = ? AND (w.state = 'done' OR j.state = 'done')"
    )
    attempts = [attempt for (attempt,) in db.execute(query, (id,)).fetchall()]
    return tuple(attempt for attempt in attempts if not load_undone_by(db, attempt))


def purge(db: sqlite3.Connection, now: float) -> None:
    """Delete the changes and tokens whose time is over."""
    db.execute("DELETE FROM write WHERE change IN (SELECT id FROM change WHERE at < ?)", (now - RETENTION,))
    db.execute("DELETE FROM change WHERE at < ?", (now - RETENTION,))
    db.execute("DELETE FROM offer WHERE at < ?", (now - CONFIRMATION_TTL,))
    db.execute("DELETE FROM resolved_call WHERE at < ?", (now - CONFIRMATION_TTL,))


def to_json(value: Any) -> str | None:
    """Return a value as JSON text; None stays None."""
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def hash_token(token: str) -> str:
    """Return the hash under which a token is stored, so that the file holds no token."""
    return sha256(token.encode()).hexdigest()


def created_ids(reply: Json | None, *, with_digests: bool = False) -> Json | None:
    """Return the ids in an answer, such as `{"tag": {"id": "3"}}`.

    `with_digests` adds a digest of each other attribute under `was`, so that an undo sees what was changed since.
    """
    if reply is None:
        return None
    single: Json = {}
    for name, row in ((name, as_object(row)) for name, row in reply.items()):
        if row:
            single[name] = {key: row[key] for key in ("id", "connection_id", "was") if key in row}
            if with_digests and "was" not in row:
                single[name]["was"] = digests_of(row)
    several = {name: [{"id": row.get("id")} for row in as_objects(reply.get(name))] for name in CREATED_TOGETHER}
    return single | {name: ids for name, ids in several.items() if ids}
