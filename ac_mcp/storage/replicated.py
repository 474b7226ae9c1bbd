"""A journal that several replicas share: the same small database in each, and in Redis the log of what was changed.

Every transaction first applies what others have added to the log, then does its work here, and is kept only if nobody
has added anything meanwhile; else it is done again on what is there by then. So all replicas see the same changes in
the same order, and what is written once is written for all. Now and then the log is replaced by a snapshot.

Redis has to keep it (append-only file). Should it come back with less than there was, the replicas begin anew from what
it has; should it come back empty, the first replica that knows something gives it that.
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
KEPT = 31 * 86_400
"""Seconds after which a journal that nobody writes to is forgotten."""
LONG = 400
"""Entries after which the log is replaced by a snapshot."""
TRIES, FIRST_STEP, LONGEST_STEP = 40, 0.001, 0.05
"""How often it is tried where others are quicker, and seconds between the tries."""
ID_AT = """
local function id_at(base, at)
    if at == base then return redis.call('GET', KEYS[5]) or '' end
    return string.sub(redis.call('LINDEX', KEYS[3], at - base - 1) or '', 3, 34)
end
"""
"""Which entry is the last of so many: who has another one there has seen what was lost since."""
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
SAME = f"""{ID_AT}
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local base, at = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])
if base + redis.call('LLEN', KEYS[3]) ~= at or id_at(base, at) ~= ARGV[3] then return 0 end
"""
APPEND = f"""{SAME}
local length = redis.call('RPUSH', KEYS[3], ARGV[4])
for place = 1, 5 do redis.call('EXPIRE', KEYS[place], ARGV[5]) end
return length
"""
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
SHORTEN = f"""{SAME}
for place, value in ipairs({{2, 5, 4}}) do redis.call('SET', KEYS[value], ARGV[place + 1], 'EX', ARGV[5]) end
redis.call('DEL', KEYS[3])
return 1
"""
ENTRIES = "CREATE TABLE IF NOT EXISTS entry (at INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);"
"""The last entries by their ids: so it is known of each whether it was kept, also once it is part of a snapshot."""
REMEMBERED = 2_000
GRACE = 3
"""Seconds after the start of an empty Redis in which only a replica that knows something may fill it."""
Found: TypeAlias = tuple[bytes, bytes, bytes, bytes, Sequence[bytes]]
"""Epoch; base, snapshot and its last entry, where it is to be begun anew; entries."""
CHANGING = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class TooEarly(Unusable):
    """Nothing is kept there yet, and it is too soon to begin."""


class StatementRecorder(SelfClosingConnection):
    """Notes what was changed, so that the same can be done elsewhere."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.noted: list[tuple[str, Any, bool]] = []

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        cursor = super().execute(sql, parameters)
        if cursor.rowcount != 0 or "RETURNING" in sql:
            self._note(sql, parameters, False)
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        rows = list(parameters)
        if rows:
            self._note(sql, rows, True)
        return super().executemany(sql, rows)

    def _note(self, sql: str, parameters: Any, many: bool) -> None:
        if sql.lstrip().upper().startswith(CHANGING):
            kept = dict(cast("Mapping[str, Any]", parameters)) if isinstance(parameters, Mapping) else list(parameters)
            self.noted.append((sql, kept, many))


class ReplicatedDatabase:
    """One shared database, by its name. See `Database` for what its methods promise."""

    def __init__(self, link: RedisClient, name: str, schema: str) -> None:
        self._link, self._schema = link, f"{schema};{ENTRIES}"
        parts = ("epoch", "base", "log", "snapshot", "last")
        self._keys = [f"{{ac-mcp:{name}}}:journal:{part}" for part in parts]
        self._rows = self._empty()
        self._epoch: str = ""
        self._at: int = 0
        self._last: str = ""
        self._turn = Lock()
        self._trouble: Unusable | None = None
        """Why the last entry could not be added."""

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once every replica will see what it did.

        Raises:
            Unusable: if it was not kept, or if nobody can be asked any more whether it was.
        """
        async with self._turn:
            with CancelScope(shield=True):
                return await self._until_kept(work)
        raise Unusable("cancelled")  # which a shield does not let in

    async def _until_kept(self, work: Callable[[sqlite3.Connection], T]) -> T:
        sent: dict[str, T] = {}
        self._trouble = None
        for tried in range(TRIES):
            if tried:  # not in step with whoever was quicker
                await sleep(random() * min(LONGEST_STEP, FIRST_STEP * 2**tried))
            await self._catch_up()
            if (kept := self._kept(sent)) is not None:
                return sent[kept]
            entry = uuid4().hex
            done, kept = await self._tried(work, entry)
            if kept:
                return done
            sent[entry] = done
        raise self._trouble or Unusable("Redis: too many replicas at once")

    def _kept(self, sent: Mapping[str, Any]) -> str | None:
        """Which of these was kept after all, though no answer said so."""
        asked = "SELECT 1 FROM entry WHERE id = ?"
        return next((id for id in sent if self._rows.execute(asked, (id,)).fetchone()), None)

    def close(self) -> None:
        self._rows.close()

    def _empty(self) -> StatementRecorder:
        rows = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=StatementRecorder)
        rows.executescript(self._schema)
        return rows

    async def _catch_up(self) -> None:
        """As far as the others are by now. Where nothing is known any more, they are told what is known here."""
        found: Found = await self._link.run(SYNC, self._keys, (self._epoch, self._at, self._last))
        epoch, base, snapshot, last, entries = found
        if not epoch:
            self._epoch = ""
            if self._at:
                await self._seed()
                await self._catch_up()
            return
        try:
            if base:
                self._begin_anew(snapshot)
                self._epoch, self._at, self._last = epoch.decode(), int(base), last.decode()
            for entry in entries:
                self._apply(*json.loads(entry))
        except (sqlite3.Error, ValueError, TypeError) as error:
            self._begin_anew(b"")
            raise Unusable(f"Redis: the log cannot be followed ({error})") from error

    def _begin_anew(self, snapshot: bytes) -> None:
        self._rows.close()
        self._rows = self._empty()
        self._epoch, self._last = "", ""
        self._at = 0
        if snapshot:
            self._rows.deserialize(snapshot)
            self._rows.executescript(self._schema)

    async def _seed(self) -> None:
        epoch = uuid4().hex
        if await self._link.run(SEED, self._keys, (epoch, self._at, self._last, self._rows.serialize(), KEPT)):
            self._epoch = epoch

    def _apply(self, id: str, statements: Sequence[tuple[str, Any, bool]]) -> None:
        self._rows.execute("BEGIN")
        try:
            for sql, parameters, many in statements:
                run = self._rows.executemany if many else self._rows.execute
                run(sql, parameters).fetchall()
            self._commit(id)
        except BaseException:
            self._rows.rollback()
            raise

    def _commit(self, id: str) -> None:
        self._rows.execute("INSERT INTO entry VALUES (?, ?)", (self._at + 1, id))
        self._rows.execute("DELETE FROM entry WHERE at <= ?", (self._at + 1 - REMEMBERED,))
        self._rows.execute("COMMIT")
        self._at, self._last = self._at + 1, id

    async def _tried(self, work: Callable[[sqlite3.Connection], T], entry: str) -> tuple[T, bool]:
        """What it returns, and whether that surely holds."""
        self._rows.noted.clear()
        self._rows.execute("BEGIN")
        try:
            done = work(self._rows)
            if not self._rows.noted:
                self._rows.rollback()
                return done, True
            length = await self._append(json.dumps([entry, self._rows.noted], separators=(",", ":")))
        except BaseException:
            self._rows.rollback()
            raise
        if not length:
            self._rows.rollback()
            return done, False
        self._commit(entry)
        if length % LONG == 0:
            await self._shorten()
        return done, True

    async def _append(self, entry: str) -> int:
        """How long the log is with it; 0 where it may not be there: the next look tells."""
        try:
            if not self._epoch:  # the very first; who only reads leaves nothing behind
                await self._first()
                return 0
            return await self._link.run(APPEND, self._keys, (self._epoch, self._at, self._last, entry, KEPT))
        except TooEarly:
            raise
        except Unusable as trouble:
            self._trouble = trouble
            return 0

    async def _first(self) -> None:
        """Raises Early where somebody may still come who knows more."""
        if await self._link.run(SEED, self._keys, (uuid4().hex, 0, "", b"", KEPT, GRACE)) < 0:
            raise TooEarly(
                f"it was started a moment ago and holds nothing: others have {GRACE} s to say what there was"
            )

    async def _shorten(self) -> None:
        """Somebody does, or the log is a little longer for a while."""
        try:
            await self._link.run(SHORTEN, self._keys, (self._epoch, self._at, self._last, self._rows.serialize(), KEPT))
        except Unusable:
            return
