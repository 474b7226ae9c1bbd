"""The file of the journal: whose it is, of which version, and what happens without it."""

import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.operations import OPERATIONS
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.journal_schema import SCHEMA, VERSION
from ac_mcp.storage.sqlite import Database, MemoryDatabase, Unusable
from tests.support import in_virtual_time, trial


async def test_only_its_owner_can_read_the_file_even_if_somebody_else_made_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.touch(mode=0o666)
    os.chmod(path, 0o666)
    with closing(Database(path, SCHEMA, durable=True, version=VERSION)) as database:
        await database.transact(lambda rows: rows.execute("SELECT 1").fetchone())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version={VERSION + 1}")
        newer.execute("CREATE TABLE intent (other)")
        newer.commit()
    before = path.read_bytes()
    database = Database(path, SCHEMA, durable=True, version=VERSION)
    with closing(database), pytest.raises(Unusable, match="a later version of ac-mcp"):
        await database.transact(lambda rows: None)
    assert path.read_bytes() == before


async def test_a_file_of_before_the_record_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as older:
        older.executescript(SCHEMA[: SCHEMA.index("CREATE TABLE IF NOT EXISTS change")])
        older.execute("INSERT INTO keyed VALUES ('k', 'c', 1e12, '{}')")
        older.commit()
    with closing(Journal(Database(path, SCHEMA, durable=True, version=VERSION), lambda: 1e12)) as journal:
        assert await journal.begin_keyed_call("k", "c")
        assert await journal.transact(lambda rows: rows.execute("SELECT count(*) FROM write").fetchone()) == (0,)


class Absent(MemoryDatabase):
    """A file that cannot be used now and then."""

    away = False

    async def transact(self, work: Any) -> Any:
        if self.away:
            raise Unusable("locked")
        return await super().transact(work)


@in_virtual_time
async def test_a_file_that_cannot_be_used_for_a_while_mixes_nothing_up() -> None:
    """What is begun in memory is closed in the file as what it is, not as what has the same number there."""
    async with trial() as one:
        file = Absent(SCHEMA)
        journal = Journal(file, one.account.journal._wall)  # pyright: ignore[reportPrivateUsage]
        account = replace(one.account, journal=journal)
        with closing(journal):
            await execute(account, OPERATIONS["tag_contact"], {"contact": "jane@acme.example", "tag": "Gift card"})
            file.away = True
            carry = one.wire.inner.handle_async_request

            async def slowly(request: httpx2.Request) -> httpx2.Response:
                if request.method == "POST":
                    await anyio.sleep(11)
                    file.away = False
                return await carry(request)

            one.wire.inner.handle_async_request = slowly  # type: ignore[method-assign]
            await execute(account, OPERATIONS["tag_contact"], {"contact": "2", "tag": "VIP"})
            shown = (await execute(account, OPERATIONS["list_changes"], {}))["changes"]
            assert [(row["call"], row["result"]) for row in shown] == [
                ('tag_contact(contact="2", tag="VIP")', "done"),
                ('tag_contact(contact="jane@acme.example", tag="Gift card")', "done"),
            ]
            undone = await execute(account, OPERATIONS["undo_change"], {"change": shown[0]["id"]})
            assert undone["restored"] == ['contact "bob@initech.example" (id 2), tag "VIP" (id 1): untied']


@in_virtual_time
async def test_no_number_is_told_that_another_change_has() -> None:
    async with trial() as one:
        file = Absent(SCHEMA)
        account = replace(one.account, journal=Journal(file, one.account.journal._wall))  # pyright: ignore
        with closing(account.journal):
            first = await execute(account, OPERATIONS["update_contact"], {"contact": "2", "phone": "1"})
            file.away = True
            second = await execute(account, OPERATIONS["create_tag"], {"name": "A"})
        assert (first["change"], second.get("change")) == ("1", None)
