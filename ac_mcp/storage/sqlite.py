"""A SQLite file that several processes share: one worker thread, one immediate transaction at a time.

It uses a rollback journal rather than WAL. SQLite before 3.51.3 can corrupt a WAL that several connections reset
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
    """The store (a file, or Redis) cannot be read or written now; the text says why."""


class SelfClosingConnection(sqlite3.Connection):
    """A connection that closes itself when nothing refers to it any more.

    The server drops the journals of callers who stay away, possibly while a call still uses one.
    """

    def __del__(self) -> None:
        self.close()


class TransactionalStore(Protocol):
    """A set of tables that are read and changed in transactions."""

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once the transaction is stored.

        Raises:
            Unusable: if it was not stored.
        """
        ...

    def close(self) -> None: ...


class Database:
    """A SQLite file, opened by its first transaction.

    `schema` is SQL that creates the missing tables, `version` the version of the tables (user_version). A `durable`
    file survives a loss of power, at the cost of a sync per commit. `busy_timeout` is how many seconds to wait while
    another process holds the file.
    """

    def __init__(self, path: Path, schema: str, *, durable: bool, busy_timeout: float = 2.0, version: int = 0) -> None:
        self.path, self._schema, self._durable, self._busy_timeout = path, schema, durable, busy_timeout
        self._version = version
        self._connection: sqlite3.Connection | None = None
        self._limiter: CapacityLimiter | None = None

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction and return its result once committed; a cancelled caller waits for that too.

        Raises:
            Unusable: if it was not committed; nothing of it is stored then.
        """
        if self._limiter is None:
            self._limiter = CapacityLimiter(1)
        return await to_thread.run_sync(self._run_or_recover, work, limiter=self._limiter)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run_or_recover(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run the transaction; if the file is corrupt, move it aside and run it in a new one."""
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
            result = work(connection)
        except BaseException:
            connection.rollback()
            raise
        connection.execute("COMMIT")
        return result

    def _open(self) -> sqlite3.Connection:
        """Open the file, readable by its owner only, and create the missing tables."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self.path.chmod(0o600)  # even if another program created it
        connection = sqlite3.connect(
            self.path,
            timeout=self._busy_timeout,
            isolation_level=None,
            check_same_thread=False,
            factory=SelfClosingConnection,
        )
        self._connection = connection
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'OFF'}")
        connection.execute("PRAGMA journal_mode=TRUNCATE")
        (file_version,) = connection.execute("PRAGMA user_version").fetchone()
        if file_version > self._version:
            raise sqlite3.NotSupportedError(
                f"a later version of ac-mcp has made it ({file_version}): update ac-mcp, or set AC_MCP_STATE_DIR"
            )
        connection.executescript(f"{self._schema};PRAGMA user_version={self._version};")
        return connection

    def _is_broken(self) -> bool:
        """Return whether the file at this path is corrupt now; another process may have replaced it meanwhile."""
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
        """Rename the corrupt file, so that the next transaction creates a new one."""
        self.close()
        target = self.path.with_suffix(".broken")
        log.warning("%s is damaged: it goes to %s, and a new one is begun.", self.path, target.name)
        self.path.replace(target)


def is_corrupt(error: sqlite3.Error) -> bool:
    """Return whether the error says that the file is not a database, or no longer one.

    The low byte of an extended error code is the primary code (sqlite.org/rescode.html).
    """
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in CORRUPT_CODES


class MemoryDatabase(Database):
    """A database in memory, without a file and without a worker thread."""

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
