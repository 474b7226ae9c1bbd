"""A database that several replicas share: each holds a copy in memory, and Redis holds the log of all changes.

Every transaction first applies the entries that other replicas have added to the log, then runs on the local copy, and
is stored only if no other entry was added meanwhile; otherwise it is repeated on the newer state. So all replicas see
the same changes in the same order. Now and then a snapshot replaces the log.

Redis has to persist the log (append-only file). If it comes back with less than it had, the replicas start over from
what it has; if it comes back empty, the first replica with data restores it.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import random
from typing import Any, TypeAlias, TypeVar, cast
from uuid import uuid4

from anyio import CancelScope, Lock, sleep

from ac_mcp.storage.redis_client import RedisClient
from ac_mcp.storage.sqlite import SelfClosingConnection, Unusable

T = TypeVar("T")
EXPIRY = 31 * 86_400
"""Seconds after which Redis deletes a database that no replica writes to."""
SNAPSHOT_INTERVAL = 400
"""Entries after which a snapshot replaces the log."""
MAX_ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE = 40, 0.001, 0.05
"""Attempts while other replicas are quicker, and the seconds between them."""
ID_AT = """
local function id_at(base, at)
    if at == base then return redis.call('GET', KEYS[5]) or '' end
    return string.sub(redis.call('LINDEX', KEYS[3], at - base - 1) or '', 3, 34)
end
"""
"""Lua function: the id of the entry at a position. A replica with another id there has seen entries Redis has lost."""
SYNC = f"""{ID_AT}
local epoch = redis.call('GET', KEYS[1])
if not epoch then return {{'', '0', '', '', {{}}}} end
local base, at = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])
local length = redis.call('LLEN', KEYS[3])
if epoch ~= ARGV[1] or at < base or at > base + length or id_at(base, at) ~= ARGV[3] then
    local snapshot, last = redis.call('GET', KEYS[4]) or '', redis.call('GET', KEYS[5]) or ''
    return {{epoch, tostring(base), snapshot, last, redis.call('LRANGE', KEYS[3], 0, -1)}}
end
return {{epoch, '', '', '', redis.call('LRANGE', KEYS[3], at - base, -1)}}
"""
"""Returns a SyncReply for a replica with this epoch, position and last entry."""
REQUIRE_IN_STEP = f"""{ID_AT}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local base, at = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])
if base + redis.call('LLEN', KEYS[3]) ~= at or id_at(base, at) ~= ARGV[3] then return 0 end
"""
"""Start of a script that does nothing and returns 0 if the replica has not seen exactly the entries of the log."""
APPEND = f"""{REQUIRE_IN_STEP}
local length = redis.call('RPUSH', KEYS[3], ARGV[4])
for place = 1, 5 do redis.call('EXPIRE', KEYS[place], ARGV[5]) end
return length
"""
"""Adds an entry and returns the length of the log, or 0."""
SEED = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[6] then
    local told = redis.pcall('INFO', 'server')
    local up = type(told) == 'string' and string.match(told, 'uptime_in_seconds:(%d+)')
    if up and tonumber(up) < tonumber(ARGV[6]) then return -1 end
end
for place, value in ipairs({1, 2, 5, 4}) do redis.call('SET', KEYS[value], ARGV[place], 'EX', ARGV[5]) end
redis.call('DEL', KEYS[3])
return 1
"""
"""Starts an epoch with a snapshot and returns 1; 0 if there is one already, -1 if Redis has run for less than ARGV[6]
seconds."""
SHORTEN = f"""{REQUIRE_IN_STEP}
for place, value in ipairs({{2, 5, 4}}) do redis.call('SET', KEYS[value], ARGV[place + 1], 'EX', ARGV[5]) end
redis.call('DEL', KEYS[3])
return 1
"""
"""Replaces the log by a snapshot and returns 1, or 0."""
ENTRY_TABLE = "CREATE TABLE IF NOT EXISTS entry (at INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);"
"""Ids of the last entries, part of the snapshot: they show whether an entry was stored though its reply was lost."""
MAX_ENTRY_IDS = 2_000
GRACE = 3
"""Seconds after an empty Redis has started in which only a replica with data may fill it."""
SyncReply: TypeAlias = tuple[bytes, bytes, bytes, bytes, Sequence[bytes]]
"""Epoch; base, snapshot and the id of its last entry (empty unless the replica has to start over); entries."""
CHANGING_VERBS = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class TooEarly(Unusable):
    """Redis is empty and has only just started: a replica with data may still restore it."""


class StatementRecorder(SelfClosingConnection):
    """A connection that records the statements that change rows, so that other replicas can repeat them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.recorded: list[tuple[str, Any, bool]] = []
        """SQL, its parameters (a list of them for executemany), and whether it was executemany."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        cursor = super().execute(sql, parameters)
        if cursor.rowcount != 0 or "RETURNING" in sql:
            self._record(sql, parameters, False)
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        rows = list(parameters)
        if rows:
            self._record(sql, rows, True)
        return super().executemany(sql, rows)

    def _record(self, sql: str, parameters: Any, many: bool) -> None:
        if not sql.lstrip().upper().startswith(CHANGING_VERBS):
            return
        is_named = isinstance(parameters, Mapping)
        self.recorded.append((sql, dict(cast("Mapping[str, Any]", parameters)) if is_named else list(parameters), many))


class ReplicatedDatabase:
    """One shared database, identified by its name. `Database` has the same methods."""

    def __init__(self, link: RedisClient, name: str, schema: str) -> None:
        self._link, self._schema = link, f"{schema};{ENTRY_TABLE}"
        parts = ("epoch", "base", "log", "snapshot", "last")
        self._keys = [f"{{ac-mcp:{name}}}:journal:{part}" for part in parts]
        self._copy = self._new_copy()
        self._epoch: str = ""
        """Id of the log this copy follows; a new one is made whenever an empty Redis is filled."""
        self._position: int = 0
        """Entries in this copy since the epoch began, those in the snapshot included."""
        self._last: str = ""
        """Id of the last entry in this copy."""
        self._lock = Lock()
        self._append_error: Unusable | None = None
        """Why the last entry could not be added."""

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once every replica will see the changes.

        Raises:
            Unusable: if it was not stored, or if Redis cannot say any more whether it was.
        """
        async with self._lock:
            with CancelScope(shield=True):
                return await self._transact_until_stored(work)
        raise Unusable("cancelled")  # unreachable because of the shield, but the type checker cannot know

    async def _transact_until_stored(self, work: Callable[[sqlite3.Connection], T]) -> T:
        results: dict[str, T] = {}
        """Results of the attempts whose entry is not known to be stored, by entry id."""
        self._append_error = None
        for attempt in range(MAX_ATTEMPTS):
            if attempt:  # out of step with the replica that was quicker
                await sleep(random() * min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt))
            await self._catch_up()
            if (entry := self._find_stored(results)) is not None:
                return results[entry]
            entry = uuid4().hex
            result, is_stored = await self._attempt(work, entry)
            if is_stored:
                return result
            results[entry] = result
        raise self._append_error or Unusable("Redis: too many replicas at once")

    def _find_stored(self, entries: Iterable[str]) -> str | None:
        """Return the one of these entry ids that was stored after all, though its reply was lost."""
        query = "SELECT 1 FROM entry WHERE id = ?"
        return next((id for id in entries if self._copy.execute(query, (id,)).fetchone()), None)

    def close(self) -> None:
        self._copy.close()

    def _new_copy(self) -> StatementRecorder:
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=StatementRecorder)
        copy.executescript(self._schema)
        return copy

    async def _catch_up(self) -> None:
        """Apply the entries of other replicas. If Redis is empty, fill it from this copy."""
        reply: SyncReply = await self._link.run(SYNC, self._keys, (self._epoch, self._position, self._last))
        epoch, base, snapshot, last, entries = reply
        if not epoch:
            self._epoch = ""
            if self._position:
                await self._seed()
                await self._catch_up()
            return
        try:
            if base:
                self._start_over(snapshot)
                self._epoch, self._position, self._last = epoch.decode(), int(base), last.decode()
            for entry in entries:
                self._apply(*json.loads(entry))
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._start_over(b"")
            raise Unusable(f"Redis: the log cannot be followed ({error})") from error

    def _start_over(self, snapshot: bytes) -> None:
        """Replace the copy by a snapshot, or by an empty database if that is empty."""
        self._copy.close()
        self._copy = self._new_copy()
        self._epoch, self._last = "", ""
        self._position = 0
        if snapshot:
            self._copy.deserialize(snapshot)
            self._copy.executescript(self._schema)

    async def _seed(self) -> None:
        """Fill an empty Redis with a snapshot of this copy, unless another replica has done so first."""
        epoch = uuid4().hex
        values = (epoch, self._position, self._last, self._copy.serialize(), EXPIRY)
        if await self._link.run(SEED, self._keys, values):
            self._epoch = epoch

    def _apply(self, id: str, statements: Sequence[tuple[str, Any, bool]]) -> None:
        """Run the statements of another replica's entry."""
        self._copy.execute("BEGIN")
        try:
            for sql, parameters, many in statements:
                run = self._copy.executemany if many else self._copy.execute
                run(sql, parameters).fetchall()
            self._commit(id)
        except BaseException:
            self._copy.rollback()
            raise

    def _commit(self, id: str) -> None:
        """Commit an entry to this copy."""
        self._copy.execute("INSERT INTO entry VALUES (?, ?)", (self._position + 1, id))
        self._copy.execute("DELETE FROM entry WHERE at <= ?", (self._position + 1 - MAX_ENTRY_IDS,))
        self._copy.execute("COMMIT")
        self._position, self._last = self._position + 1, id

    async def _attempt(self, work: Callable[[sqlite3.Connection], T], entry: str) -> tuple[T, bool]:
        """Run the transaction once; return its result and whether it is certainly stored (or changed nothing)."""
        self._copy.recorded.clear()
        self._copy.execute("BEGIN")
        try:
            result = work(self._copy)
            if not self._copy.recorded:
                self._copy.rollback()
                return result, True
            length = await self._append(json.dumps([entry, self._copy.recorded], separators=(",", ":")))
        except BaseException:
            self._copy.rollback()
            raise
        if not length:
            self._copy.rollback()
            return result, False
        self._commit(entry)
        if length % SNAPSHOT_INTERVAL == 0:
            await self._shorten()
        return result, True

    async def _append(self, entry: str) -> int:
        """Add an entry and return the length of the log; 0 if it may be missing, which the next sync shows."""
        try:
            if not self._epoch:  # the first write of all: a replica that only reads stores nothing
                await self._seed_empty()
                return 0
            values = (self._epoch, self._position, self._last, entry, EXPIRY)
            return await self._link.run(APPEND, self._keys, values)
        except TooEarly:
            raise
        except Unusable as error:
            self._append_error = error
            return 0

    async def _seed_empty(self) -> None:
        """Start the first epoch in an empty Redis.

        Raises:
            TooEarly: if Redis has only just started: a replica with data may still come.
        """
        if await self._link.run(SEED, self._keys, (uuid4().hex, 0, "", b"", EXPIRY, GRACE)) < 0:
            raise TooEarly(
                f"it was started a moment ago and holds nothing: others have {GRACE} s to say what there was"
            )

    async def _shorten(self) -> None:
        """Replace the log by a snapshot; if that fails, the log stays long until the next attempt of any replica."""
        values = (self._epoch, self._position, self._last, self._copy.serialize(), EXPIRY)
        try:
            await self._link.run(SHORTEN, self._keys, values)
        except Unusable:
            return
