"""Documents in SQLite: one table per collection, and the account in every key."""

import json
import re
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A collection: its name, the defaults of keys that a document lacks, and the keys with an index."""

    name: str
    defaults: Mapping[str, Any]
    indexes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clause:
    """A condition in SQL, where `{key}` stands for the value of a document's key."""

    text: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Among:
    """Rows whose `key` equals (with `absent`: does not equal) the `column` of some row of another collection."""

    key: str
    table: str
    column: str
    where: "tuple[Where, ...]" = ()
    absent: bool = False


@dataclass(frozen=True)
class Either:
    """Rows for which all conditions of at least one option hold."""

    options: "tuple[tuple[Where, ...], ...]"


Where = Clause | Among | Either


def eq(key: str, value: Any) -> Clause:
    """Return the condition for equality as MySQL compares text: ignoring case."""
    return Clause(f"{{{key}}} = ?{'' if key == 'id' else ' COLLATE NOCASE'}", (value,))


def one_of(key: str, values: Sequence[Any]) -> Clause:
    # One JSON parameter for any number of values: SQLite limits how many parameters a statement has.
    collation = "" if key == "id" else " COLLATE NOCASE"
    return Clause(f"{{{key}}}{collation} IN (SELECT value FROM json_each(?))", (json.dumps(values),))


def contains_text(key: str, text: str) -> Clause:
    # INSTR, not LIKE: patterns beyond 50,000 bytes are an error, and % and _ would need care.
    return Clause(f"INSTR(LOWER({{{key}}}), LOWER(?)) > 0", (text,))


def starts_with_text(key: str, text: str) -> Clause:
    return Clause(f"INSTR(LOWER({{{key}}}), LOWER(?)) = 1", (text,))


class Store:
    """The collections of one account; `for_account` returns those of another over the same database connection."""

    def __init__(self, db: sqlite3.Connection, tables: Mapping[str, Table], account: int, lock: RLock) -> None:
        self._db, self._tables, self.account, self._lock = db, tables, account, lock

    @classmethod
    def open(cls, path: Path | None, tables: Iterable[Table], like: "Store | None" = None) -> "Store":
        """Open the database of that file, or one in memory; with `like` its content becomes a copy of that store's."""
        # Requests may come from another thread than the one that built the sandbox; the lock keeps them apart.
        if path:
            path.touch(mode=0o600)
        db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        store = cls(db, {table.name: table for table in tables}, 0, RLock())
        try:
            if like is not None:
                like._db.backup(db)
            else:
                store._create()
        except sqlite3.Error:
            db.close()
            raise
        return store

    def for_account(self, account: int) -> "Store":
        return Store(self._db, self._tables, account, self._lock)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def insert(self, table: str, row: Row) -> int:
        """Add a row under the next id, and return it; an id is never used twice."""
        number = self._next_id(table)
        values = (self.account, number, self._pack(table, row))
        self._db.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", values)
        return number

    def insert_many(self, table: str, rows: Iterable[Row]) -> None:
        """Add rows that carry their ids."""
        packed = [(self.account, int(row["id"]), self._pack(table, row)) for row in rows]
        self._db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", packed)
        if packed:
            self._next_id(table, max(number for _, number, _ in packed))

    def get(self, table: str, number: Any) -> Row | None:
        return self.find(table, Clause("{id} = ?", (int(number),))) if as_id(number) else None

    def find(self, table: str, *where: Where) -> Row | None:
        return next(iter(self.select(table, *where, limit=1)), None)

    def select(self, table: str, *where: Where, order: str = "", limit: int = -1, offset: int = 0) -> list[Row]:
        condition, values = self._where(table, where)
        # Without a limit the plus keeps SQLite from walking the whole primary key instead of an index.
        sorting = f"{self._expand_keys(table, order)}, id" if order else "id" if limit >= 0 else "+id"
        query = f"SELECT id, doc FROM {table} WHERE {condition} ORDER BY {sorting} LIMIT ? OFFSET ?"
        return [self._unpack(table, *found) for found in self._db.execute(query, (*values, limit, offset))]

    def count(self, table: str, *where: Where) -> int:
        condition, values = self._where(table, where)
        return self._db.execute(f"SELECT COUNT(*) FROM {table} WHERE {condition}", values).fetchone()[0]

    def group_totals(self, table: str, by: str, *where: Where, summed: str = "id") -> dict[str, tuple[int, int]]:
        """Return the number of rows and the sum of their `summed`, for each value of `by`."""
        condition, values = self._where(table, where)
        # TOTAL, not SUM: a sum beyond 64 bits must not be an error.
        columns = self._expand_keys(table, f"{{{by}}}, COUNT(*), TOTAL(CAST({{{summed}}} AS INTEGER))")
        found = self._db.execute(f"SELECT {columns} FROM {table} WHERE {condition} GROUP BY 1 ORDER BY MIN(id)", values)
        return {key: (number, int(total)) for key, number, total in found}

    def update(self, table: str, number: Any, changes: Row) -> Row:
        row = {**(self.get(table, number) or {}), **changes}
        packed = (self._pack(table, row), self.account, int(number))
        self._db.execute(f"UPDATE {table} SET doc = ? WHERE account = ? AND id = ?", packed)
        return row

    def delete(self, table: str, *where: Where) -> None:
        condition, values = self._where(table, where)
        self._db.execute(f"DELETE FROM {table} WHERE {condition}", values)

    def move(self, table: str, other: str) -> None:
        """Move the account's rows to a table with the same defaults."""
        self._db.execute(f"INSERT INTO {other} SELECT * FROM {table} WHERE account = ?", (self.account,))
        self._db.execute(f"DELETE FROM {table} WHERE account = ?", (self.account,))

    def _create(self) -> None:
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS sequences (account INTEGER, name TEXT, last INTEGER, "
            "PRIMARY KEY (account, name))"
        )
        for table in self._tables.values():
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {table.name} "
                "(account INTEGER, id INTEGER, doc TEXT, PRIMARY KEY (account, id))"
            )
            for key in table.indexes:
                self._db.execute(
                    f"CREATE INDEX IF NOT EXISTS {table.name}_{key} ON {table.name} "
                    f"(account, {self._column(table.name, key, '')} COLLATE NOCASE, id)"
                )

    def _next_id(self, table: str, least: int = 1) -> int:
        query = (
            "INSERT INTO sequences VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET last = MAX(last + 1, excluded.last) RETURNING last"
        )
        return self._db.execute(query, (self.account, table, least)).fetchone()[0]

    def _pack(self, table: str, row: Row) -> str:
        defaults = self._tables[table].defaults
        changed = {key: value for key, value in row.items() if key not in defaults or defaults[key] != value}
        changed.pop("id", None)
        return json.dumps(changed, separators=(",", ":"))

    def _unpack(self, table: str, number: int, doc: str) -> Row:
        return {**self._tables[table].defaults, **json.loads(doc), "id": str(number)}

    def _column(self, table: str, key: str, prefix: str) -> str:
        if key == "id":
            return f"{prefix}id"
        value = f"json_extract({prefix}doc, '$.{key}')"
        default = self._tables[table].defaults.get(key)
        return f"COALESCE({value}, '{default}')" if isinstance(default, str) else value

    def _expand_keys(self, table: str, text: str) -> str:
        def column(match: re.Match[str]) -> str:
            other = match[1] or table
            return self._column(other, match[2], f"{other}.")

        return re.sub(r"\{(?:(\w+)\.)?(\w+)\}", column, text)

    def _where(self, table: str, where: Iterable[Where]) -> tuple[str, list[Any]]:
        parts, values = [f"{table}.account = ?"], [self.account]
        for part in where:
            text, more = self._condition(table, part)
            parts.append(text)
            values += more
        return " AND ".join(parts), values

    def _condition(self, table: str, part: Where) -> tuple[str, list[Any]]:
        if isinstance(part, Clause):
            return f"({self._expand_keys(table, part.text)})", list(part.values)
        if isinstance(part, Among):
            condition, values = self._where(part.table, part.where)
            inner = f"SELECT {self._id_expression(part.table, part.column)} FROM {part.table} WHERE {condition}"
            return f"{self._id_expression(table, part.key)} {'NOT IN' if part.absent else 'IN'} ({inner})", values
        options = [self._where(table, option) for option in part.options]
        return f"({' OR '.join(text for text, _ in options)})", [value for _, values in options for value in values]

    def _id_expression(self, table: str, key: str) -> str:
        column = self._expand_keys(table, f"{{{key}}}")
        return column if key == "id" else f"COALESCE(CAST({column} AS INTEGER), 0)"


def as_id(value: Any) -> int | None:
    """Return the id in a text, which is ASCII digits that fit in 63 bits; None for any other text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
