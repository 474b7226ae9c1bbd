"""A journal that several replicas share: the same small database in each, and in Redis the log of what was changed.

Every transaction first applies what others have added to the log, then does its work here, and is kept only if nobody
has added anything meanwhile; else it is done again on what is there by then. So all replicas see the same changes in
the same order, and what is written once is written for all. Now and then the log is replaced by a snapshot.

Redis has to keep it (append-only file). Should it come back empty all the same, the first replica that asks gives it
what it has; see `link` for how long anybody waits.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import random
from typing import Any, TypeAlias, TypeVar, cast
from uuid import uuid4

from anyio import CancelScope, Lock, sleep

from ac_mcp.link import Link
from ac_mcp.storage import Unusable

T = TypeVar("T")
KEPT = 31 * 86_400
"""Seconds after which a journal that nobody writes to is forgotten."""
LONG = 400
"""Entries after which the log is replaced by a snapshot."""
TRIES, FIRST_STEP, LONGEST_STEP = 40, 0.001, 0.05
"""How often it is tried where others are quicker, and seconds between the tries."""
SYNC = """
local epoch = redis.call('GET', KEYS[1])
if not epoch then return {'', '0', '', {}} end
local base, at = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])
if epoch ~= ARGV[1] or at < base or at > base + redis.call('LLEN', KEYS[3]) then
    return {epoch, tostring(base), redis.call('GET', KEYS[4]) or '', redis.call('LRANGE', KEYS[3], 0, -1)}
end
return {epoch, '', '', redis.call('LRANGE', KEYS[3], at - base, -1)}
"""
APPEND = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(redis.call('GET', KEYS[2]) or '0') + redis.call('LLEN', KEYS[3]) ~= tonumber(ARGV[2]) then return 0 end
local length = redis.call('RPUSH', KEYS[3], ARGV[3])
for at = 1, 4 do redis.call('EXPIRE', KEYS[at], ARGV[4]) end
return length
"""
SEED = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[4])
redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[4])
redis.call('DEL', KEYS[3])
return 1
"""
SHORTEN = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(redis.call('GET', KEYS[2]) or '0') + redis.call('LLEN', KEYS[3]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[4])
redis.call('SET', KEYS[4], ARGV[3], 'EX', ARGV[4])
redis.call('DEL', KEYS[3])
return 1
"""
Found: TypeAlias = tuple[bytes, bytes, bytes, Sequence[bytes]]
"""Epoch; base and snapshot where it is to be begun anew; entries."""
CHANGING = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class Noting(sqlite3.Connection):
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


class Replica:
    """One shared database, by its name. See `Database` for what its methods promise."""

    def __init__(self, link: Link, name: str, schema: str) -> None:
        self._link, self._schema = link, schema
        self._keys = [f"{{ac-mcp:{name}}}:journal:{part}" for part in ("epoch", "base", "log", "snapshot")]
        self._rows = self._empty()
        self._epoch: str = ""
        self._at = 0
        self._turn = Lock()

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once every replica will see what it did.

        Raises:
            Unusable: if it was not kept, or if nobody can be asked any more whether it was.
        """
        with CancelScope(shield=True):
            async with self._turn:
                return await self._until_kept(work)
        raise Unusable("cancelled")  # which a shield does not let in

    async def _until_kept(self, work: Callable[[sqlite3.Connection], T]) -> T:
        sent: tuple[str, T] | None = None
        for tried in range(TRIES):
            if tried:  # not in step with whoever was quicker
                await sleep(random() * min(LONGEST_STEP, FIRST_STEP * 2**tried))
            added = await self._catch_up()
            if sent and sent[0] in added:
                return sent[1]  # it was kept after all
            entry = uuid4().hex
            done, kept = await self._tried(work, entry)
            if kept:
                return done
            sent = entry, done
        raise Unusable("Redis: too many replicas at once")

    def close(self) -> None:
        self._rows.close()

    def _empty(self) -> Noting:
        rows = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=Noting)
        rows.executescript(self._schema)
        return rows

    async def _catch_up(self) -> set[str]:
        """As far as the others are by now; the ids of what was added meanwhile."""
        found: tuple[bytes, bytes, bytes, Sequence[bytes]] = await self._link.run(
            SYNC, self._keys, (self._epoch, self._at)
        )
        epoch, base, snapshot, entries = found
        if not epoch:
            fresh = uuid4().hex
            told = (fresh, self._at, self._rows.serialize(), KEPT)
            if await self._link.run(SEED, self._keys, told):
                self._epoch = fresh
                return set()
            return await self._catch_up()
        if base:
            self._rows.close()
            self._rows = self._empty()
            if snapshot:
                self._rows.deserialize(snapshot)
            self._epoch, self._at = epoch.decode(), int(base)
        return {self._apply(*json.loads(entry)) for entry in entries}

    def _apply(self, id: str, statements: Sequence[tuple[str, Any, bool]]) -> str:
        self._rows.execute("BEGIN")
        for sql, parameters, many in statements:
            run = self._rows.executemany if many else self._rows.execute
            run(sql, parameters).fetchall()
        self._rows.execute("COMMIT")
        self._at += 1
        return id

    async def _tried(self, work: Callable[[sqlite3.Connection], T], entry: str) -> tuple[T, bool]:
        """What it returns, and whether that surely holds."""
        self._rows.noted.clear()
        self._rows.execute("BEGIN")
        try:
            done = work(self._rows)
            if not self._rows.noted:
                self._rows.rollback()
                return done, True
            length = await self._append(json.dumps([entry, self._rows.noted]))
        except BaseException:
            self._rows.rollback()
            raise
        if not length:
            self._rows.rollback()
            return done, False
        self._rows.execute("COMMIT")
        self._at += 1
        if length >= LONG:
            await self._shorten()
        return done, True

    async def _append(self, entry: str) -> int:
        """How long the log is with it; 0 where it may not be there: the next look tells."""
        try:
            return await self._link.run(APPEND, self._keys, (self._epoch, self._at, entry, KEPT))
        except Unusable:
            return 0

    async def _shorten(self) -> None:
        """Somebody does, or the log is a little longer for a while."""
        try:
            await self._link.run(SHORTEN, self._keys, (self._epoch, self._at, self._rows.serialize(), KEPT))
        except Unusable:
            return
