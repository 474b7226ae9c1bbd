"""A state folder that version 0.1.0 wrote is continued: nobody loses a job, a confirmation, a change or a name.

`tests/fixtures/state-0.1.0.tar.xz` holds three folders, each with a journal and the sandbox beside it: one whose
process died in the middle of a bulk job, one in the middle of an import, and one with calls that wait and a create
whose outcome is unknown. `make_state.py` in it is the program that wrote them, at 0.1.0; names of machines were taken
out.
"""

import json
import sqlite3
import tarfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx2
import pytest

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired
from ac_mcp.gateway.client import Gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryRateStore, hash_secret
from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import Settings
from ac_mcp.storage.connections_file import load_preferences
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.journal_schema import SCHEMA, VERSION
from ac_mcp.storage.sqlite import Database, Unusable
from tests.support import KEY, NOW, NOWHERE, Guarded, Trial, Wire, clock, in_virtual_time
from tests.tables import one as value_of

FIXTURE = Path(__file__).parent.parent / "fixtures" / "state-0.1.0.tar.xz"
T = TypeVar("T")


class InlineDatabase(Database):
    """A database without its thread: a thread does not know of virtual time."""

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._run_or_recover(work)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def meta(state: Path) -> dict[str, Any]:
    return json.loads((state / "meta.json").read_text(encoding="utf-8"))


@asynccontextmanager
async def continued(state: Path, name: str, seconds: float = 40.0) -> AsyncGenerator[Trial]:
    """The account of one of the folders, so many seconds after it was written."""
    begun = meta(state)["clock"] + seconds

    def now() -> datetime:
        return NOW + timedelta(seconds=begun + clock())

    settings = Settings.from_env(
        {"MATON_API_KEY": KEY, "AC_MCP_CONFIRM": "never", "AC_MCP_TOOLSETS": "all", "AC_MCP_SETTLE_SECONDS": "60"}
    )
    sandbox = Guarded(state / name / "sandbox.db", now=now, clock=clock, rate=None)
    wire = Wire(sandbox.transport())
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(wire.carry)) as http:
        pacing = Pacing(MemoryRateStore(clock, clock), clock, anyio.sleep)
        gateway = Gateway(Endpoints(NOWHERE, NOWHERE), http, pacing, clock, anyio.sleep, lambda: 1.0, now)
        database = InlineDatabase(state / name / "journal.db", SCHEMA, durable=True, version=VERSION)
        journal = Journal(database, lambda: now().timestamp())
        names = load_preferences(state, hash_secret(KEY)).names
        account = Account.of(settings, gateway, journal, state / name, names)
        try:
            async with account.job_pool.open():
                yield Trial(account, sandbox, wire)
        finally:
            journal.close()
            sandbox.close()


def as_written(path: Path) -> None:
    """As the process left it that was killed."""


def half_migrated(path: Path) -> None:
    """As a process leaves the file that dies while it adds its tables."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP INDEX item_state")
        db.execute("CREATE TABLE resolved_call (token TEXT PRIMARY KEY, arguments TEXT, at REAL NOT NULL)")
        db.commit()


WHOLE = pytest.mark.parametrize("migrate", [as_written, half_migrated], ids=["as written", "half migrated"])
Migrate = Callable[[Path], None]


@WHOLE
@in_virtual_time
async def test_a_bulk_job_that_was_half_done_is_finished_and_undone(state: Path, migrate: Migrate) -> None:
    migrate(state / "bulk" / "journal.db")
    async with continued(state, "bulk") as one:
        (row, *_) = (await one.answer("list_changes", limit=1))["changes"]
        assert row["result"] == "interrupted"
        tagged = "SELECT count(*) FROM contactTags JOIN tags t ON t.id = contactTags.tag WHERE t.tag = 'VIP'"
        finished = await one.answer("follow_job", job=row["job"], action="resume")
        assert finished["result"] == "done"
        assert finished["counts"] == {"already tagged": 12, "tagged": 48}
        assert value_of(one.sandbox, tagged) == 60
        undone = await one.answer("undo_change", change=row["job"])
        assert undone["result"] == "done"
        assert value_of(one.sandbox, tagged) == 12


@WHOLE
@in_virtual_time
async def test_an_import_that_was_half_done_sends_no_batch_twice(state: Path, migrate: Migrate) -> None:
    migrate(state / "import" / "journal.db")
    async with continued(state, "import") as one:
        (row, *_) = (await one.answer("list_changes", limit=1))["changes"]
        assert row["result"] == "interrupted"
        finished = await one.answer("follow_job", job=row["job"], action="resume")
        assert (finished["result"], finished["counts"]) == ("done", {"imported": 300})
        assert value_of(one.sandbox, "SELECT count(*) FROM contacts WHERE email LIKE '%@import.example'") == 300
        assert "POST /import/bulk_import" not in one.requests


@WHOLE
@in_virtual_time
async def test_calls_that_waited_are_confirmed(state: Path, migrate: Migrate) -> None:
    migrate(state / "waiting" / "journal.db")
    async with continued(state, "waiting") as one:
        careful = replace(one.account, settings=replace(one.account.settings, confirm="always"))
        done = await execute(careful, OPERATIONS["confirm_change"], {"token": meta(state)["token"]})
        assert (done["contact"], done["tag"], done["result"]) == ("jane@acme.example", "Gift card", "tagged")
        assert (await one.refusal("confirm_change", token=meta(state)["token"])).startswith("token: no call waits")


@WHOLE
@in_virtual_time
async def test_a_create_whose_outcome_was_unknown_is_found_and_not_made_twice(state: Path, migrate: Migrate) -> None:
    migrate(state / "waiting" / "journal.db")
    async with continued(state, "waiting") as one:
        made = await one.answer("create_deal", **meta(state)["deal"])
        assert made["result"] == "created after all"
        assert value_of(one.sandbox, "SELECT count(*) FROM deals WHERE title = 'Unclear'") == 1
        assert "POST /deals" not in one.requests


@WHOLE
@in_virtual_time
async def test_all_changes_are_there_and_each_kind_is_undone(state: Path, migrate: Migrate) -> None:
    migrate(state / "waiting" / "journal.db")
    async with continued(state, "waiting") as one:
        listed = await one.answer("list_changes", limit=100)
        assert listed["total"] == 103  # a hundred, a job, an import, and the unclear deal
        calls = {row["id"]: row["call"].partition("(")[0] for row in (await everything(one))}
        for tool in ("update_contact", "create_note", "set_field_value", "delete_tag", "update_list", "untag_contact"):
            id = next(id for id, name in calls.items() if name == tool)
            undone = await one.answer("undo_change", change=id)
            assert undone["result"] in ("undone", "partly undone"), undone
            assert undone["restored"]


async def everything(one: Trial) -> list[dict[str, Any]]:
    first = (await one.answer("list_changes", limit=100))["changes"]
    return first + (await one.answer("list_changes", limit=100, offset=100))["changes"]


@in_virtual_time
async def test_the_name_of_a_connection_is_still_its_name(state: Path) -> None:
    preferences = load_preferences(state, hash_secret(KEY))
    assert preferences.default == meta(state)["connection"]
    async with continued(state, "waiting") as one:
        rows = (await one.answer("list_connections"))["connections"]
        assert [row["name"] for row in rows if row["id"] == preferences.default] == ["Our shop"]


@in_virtual_time
async def test_a_confirmation_that_a_later_version_stored_is_confirmed_by_an_earlier_one_too(state: Path) -> None:
    """What 0.1.0 reads of a token is written as it was: the columns of its table, and no more than those."""
    async with continued(state, "waiting") as one:
        careful = replace(one.account, settings=replace(one.account.settings, confirm="always"))
        with pytest.raises(ConfirmationRequired):
            await execute(careful, OPERATIONS["tag_contact"], {"contact": "jane@acme.example", "tag": "Gift card"})
    with closing(sqlite3.connect(state / "waiting" / "journal.db")) as db:
        assert [row[1] for row in db.execute("PRAGMA table_info(offer)")] == [
            "token", "whose", "tool", "arguments", "seen", "at",
        ]  # fmt: skip
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,) == (1,)


@in_virtual_time
async def test_columns_and_tables_that_a_later_version_adds_are_in_nobodys_way(state: Path) -> None:
    with closing(sqlite3.connect(state / "waiting" / "journal.db")) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if not table.startswith("sqlite_"):
                db.execute(f"ALTER TABLE {table} ADD COLUMN added_later TEXT")
        db.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
        db.commit()
    async with continued(state, "waiting") as one:
        assert (await one.answer("create_deal", **meta(state)["deal"]))["result"] == "created after all"
        done = await execute(one.account, OPERATIONS["confirm_change"], {"token": meta(state)["token"]})
        assert done["result"] == "tagged"
        job = await one.answer("bulk_update_contacts", contacts=["1", "2"], add_tag="Gift card")
        assert job["result"] == "done"
        keyed = replace(one.account, settings=one.account.settings)
        assert (await execute(keyed, OPERATIONS["list_changes"], {"limit": 1}))["total"] == 106


@in_virtual_time
async def test_a_file_of_a_later_major_version_is_left_alone_and_says_so(state: Path) -> None:
    path = state / "waiting" / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    database = InlineDatabase(path, SCHEMA, durable=True, version=VERSION)
    with pytest.raises(Unusable, match=r"a later version of ac-mcp has made it \(2\)"):
        await database.transact(lambda db: None)
    database.close()
