"""A SQLite file that several processes share: one worker thread, one immediate transaction at a time.

A rollback journal rather than WAL: SQLite before 3.51.3 can corrupt a WAL that several connections reset
(sqlite.org/wal.html, "the WAL-reset bug"), and most Pythons carry an older one.
"""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from anyio import CapacityLimiter, to_thread

T = TypeVar("T")
log = logging.getLogger(__name__)
CORRUPT_CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Unusable(Exception):
    """The file cannot be read or written now; the text says why."""


class SelfClosingConnection(sqlite3.Connection):
    """Closed with its last user: the journals of callers who come no more are dropped while a call may be under way."""

    def __del__(self) -> None:
        self.close()


class TransactionalStore(Protocol):
    """Tables that are changed in transactions."""

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once it is kept.

        Raises:
            Unusable: if it was not.
        """
        ...

    def close(self) -> None: ...


class Database:
    """`schema` makes its tables where they are missing; `durable` survives a loss of power, at a sync a commit.

    `patience` is how many seconds another process may hold the file, `version` that of the tables (user_version).
    """

    def __init__(self, path: Path, schema: str, *, durable: bool, busy_timeout: float = 2.0, version: int = 0) -> None:
        self.path, self._schema, self._durable, self._patience = path, schema, durable, busy_timeout
        self._version = version
        self._connection: sqlite3.Connection | None = None
        self._limiter: CapacityLimiter | None = None

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once it is committed; a cancelled caller waits for that too.

        Raises:
            Unusable: if it was not, and nothing of it was kept.
        """
        if self._limiter is None:
            self._limiter = CapacityLimiter(1)
        return await to_thread.run_sync(self._run_or_recover, work, limiter=self._limiter)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run_or_recover(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                return self._run_transaction(work)
            except sqlite3.DatabaseError as error:
                if not is_corrupt(error):
                    raise
                self.close()
                if self._is_broken():
                    self._move_aside()
                return self._run_transaction(work)
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise Unusable(f"{self.path}: {error}") from error

    def _run_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection or self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(connection)
        except BaseException:
            connection.rollback()
            raise
        connection.execute("COMMIT")
        return done

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self.path.chmod(0o600)  # also where another program has made it
        connection = sqlite3.connect(
            self.path,
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
            factory=SelfClosingConnection,
        )
        self._connection = connection
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'OFF'}")
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        (made_by,) = connection.execute("PRAGMA user_version").fetchone()
        if made_by > self._version:
            raise sqlite3.NotSupportedError(f"a later version of ac-mcp has made it ({made_by})")
        connection.executescript(f"{self._schema};PRAGMA user_version={self._version};")
        return connection

    def _is_broken(self) -> bool:
        """Whether the file of this name is, not only the one that was open: another process may have made it anew."""
        try:
            self._run_transaction(
                lambda connection: connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            )
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            return True
        return False

    def _move_aside(self) -> None:
        """A file that is no database any more makes room for a new one."""
        self.close()
        aside = self.path.with_suffix(".broken")
        log.warning("%s is damaged: it goes to %s, and a new one is begun.", self.path, aside.name)
        self.path.replace(aside)


def is_corrupt(error: sqlite3.Error) -> bool:
    """The file is no database, or no longer one; the low byte of a code is its kind."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in CORRUPT_CODES


class MemoryDatabase(Database):
    """The same without a file and without a thread: for one process, as long as it lives."""

    def __init__(self, schema: str) -> None:
        super().__init__(Path(":memory:"), schema, durable=False)

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._run_transaction(work)

    def _open(self) -> sqlite3.Connection:
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, factory=SelfClosingConnection
        )
        self._connection.executescript(self._schema)
        return self._connection
