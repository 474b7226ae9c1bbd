"""The record of writes: noted before they are sent, closed afterwards, and what is left out of it."""

import json
import os
import re
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.errors import NoSuchName, ToolError
from ac_mcp.operations import OPERATIONS
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.journal_schema import SCHEMA, VERSION
from ac_mcp.storage.redaction import origin_of, redact
from ac_mcp.storage.sqlite import Database, MemoryDatabase, Unusable
from ac_mcp.writes.audit_log import RETENTION
from tests.examples import ACTIVE, CALLS
from tests.sandbox_state import difference, state
from tests.support import KEY, connected, in_virtual_time, trial


def rows(one: Any, what: str = "SELECT * FROM write") -> list[tuple[Any, ...]]:
    kept = one.account.journal._database._connection
    return kept.execute(what).fetchall() if kept else []


@in_virtual_time
async def test_a_write_is_noted_before_it_is_sent_and_closed_after_its_answer() -> None:
    async with trial() as one:
        seen: list[tuple[Any, ...]] = []

        def answer(request: httpx2.Request) -> None:
            if request.method == "PUT":
                seen.extend(rows(one, "SELECT step, method, path, body, before, state FROM write"))

        one.wire.answer = answer
        await one.answer("update_contact", contact="2", phone="1")
        ((step, method, path, body, before, state),) = seen
        assert (step, method, path, state) == ("update_contact", "PUT", "/contacts/2", "open")
        assert json.loads(body) == {"contact": {"phone": "1"}}
        assert json.loads(before)["contact"]["phone"] == "+1 312 555 0102"
        assert rows(one, "SELECT state, status FROM write") == [("done", 200)]


@in_virtual_time
async def test_changes_are_listed_the_latest_first_with_what_was_called_and_by_whom() -> None:
    async with trial() as one:
        await execute(one.account, OPERATIONS["create_tag"], {"name": "A"}, CallContext(actor="claude-desktop 1.2"))
        await one.answer("tag_contact", contact="bob@initech.example", tag="A")
        shown = await one.answer("list_changes", limit=1)
        assert (shown["total"], shown["next_offset"]) == (2, 1)
        assert shown["changes"][0]["call"] == 'tag_contact(contact="bob@initech.example", tag="A")'
        assert shown["changes"][0]["wrote"] == ["POST /contactTags: done"]
        older = (await one.answer("list_changes", offset=1))["changes"]
        assert older[0] == {
            "id": "1",
            "at": older[0]["at"],
            "call": 'create_tag(name="A")',
            "result": "done",
            "wrote": ["POST /tags: done"],
            "made_by": "claude-desktop 1.2",
            "in_account": f"connection {ACTIVE}",
        }


@in_virtual_time
async def test_the_program_at_the_other_end_is_the_actor() -> None:
    async with trial() as one, connected(one) as client:
        await client.call_tool("create_tag", {"name": "A"})
        (row,) = (await one.answer("list_changes"))["changes"]
        assert row["made_by"].startswith("mcp")


@pytest.mark.parametrize("tool", [name for name, o in OPERATIONS.items() if o.read_only])
@in_virtual_time
async def test_what_only_reads_is_no_change(tool: str) -> None:
    async with trial() as one:
        await one.answer(tool, **CALLS[tool])
        assert rows(one) == []


@in_virtual_time
async def test_what_was_refused_is_noted_as_failed_and_undoing_it_does_nothing() -> None:
    async with trial() as one:
        await one.refusal("create_contact", email="jane@acme.example")
        (row,) = (await one.answer("list_changes"))["changes"]
        assert row["result"] == "failed"
        assert (await one.answer("undo_change", change="1"))["result"] == "nothing undone"


@in_virtual_time
async def test_a_cancelled_write_is_noted_as_what_may_have_landed() -> None:
    async with trial() as one:
        carry = one.wire.inner.handle_async_request

        async def slowly(request: httpx2.Request) -> httpx2.Response:
            if request.method == "PUT":
                await anyio.sleep(30)
            return await carry(request)

        one.wire.inner.handle_async_request = slowly  # type: ignore[method-assign]
        with anyio.move_on_after(3):
            await one.answer("update_contact", contact="2", phone="1")
        (row,) = (await one.answer("list_changes"))["changes"]
        assert (row["result"], row["check"]) == ("unknown", 'get_contact(contact="2")')


@in_virtual_time
async def test_what_a_killed_process_left_open_is_unknown_with_the_call_to_look() -> None:
    async with trial() as one:
        await one.answer("create_deal", **CALLS["create_deal"])
        rows(one, "UPDATE write SET state = 'open'")
        (row,) = (await one.answer("list_changes"))["changes"]
        assert row["result"] == "under way"
        await anyio.sleep(121)
        (row,) = (await one.answer("list_changes"))["changes"]
        assert (row["result"], row["check"]) == ("unknown", 'list_deals(search="Acme")')


@in_virtual_time
async def test_changes_of_another_account_or_principal_are_not_shown() -> None:
    async with trial() as one:
        await one.answer("create_tag", name="A")
        other = replace(one.account, caller=replace(one.account.caller, principal="somebody else"))
        assert (await execute(other, OPERATIONS["list_changes"], {}))["total"] == 0
        with pytest.raises(ToolError, match="no change of this account"):
            await execute(other, OPERATIONS["undo_change"], {"change": "1"})


@in_virtual_time
async def test_a_change_is_forgotten_after_thirty_days() -> None:
    async with trial() as one:
        await one.answer("create_tag", name="A")
        await anyio.sleep(RETENTION + 1)
        await one.answer("create_tag", name="B")
        assert (await one.answer("list_changes"))["total"] == 1
        assert len(rows(one)) == 1


WRITING = [name for name, o in OPERATIONS.items() if not o.read_only and o.resource.plane != "local"]


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_lean_keeps_nothing_about_a_person(tool: str) -> None:
    async with trial({"AC_MCP_JOURNAL": "lean"}) as one:
        await execute(one.account, OPERATIONS[tool], CALLS[tool], CallContext(key="k"))
        tables = ("change", "write", "keyed", "offer")
        kept = "\n".join(str(row) for table in tables for row in rows(one, f"SELECT * FROM {table}"))
        texts = [str(value) for value in CALLS[tool].values() if not str(value).isdecimal() and len(str(value)) > 3]
        assert not [text for text in texts if text in kept and text not in ("create", "delete")]
        assert "@" not in kept.replace(f"{tool}(", "")


@in_virtual_time
async def test_lean_says_why_nothing_can_be_undone() -> None:
    async with trial({"AC_MCP_JOURNAL": "lean"}) as one:
        await one.answer("create_tag", name="A")
        await one.answer("update_tag", tag="VIP", name="B")
        await one.answer("subscribe_contact", contact="2", list="Partners")
        before = state(one.sandbox)
        for change, path in (("1", "POST /tags"), ("2", "PUT /tags/1"), ("3", "POST /contactLists")):
            undone = await one.answer("undo_change", change=change)
            assert undone["result"] == "nothing undone"
            assert undone["not_restored"] == [f"{path}: what stood there was not kept (AC_MCP_JOURNAL=lean)"]
        assert difference(before, state(one.sandbox)) == {}
        calls = [row["call"] for row in (await one.answer("list_changes"))["changes"]]
        assert calls[-1] == 'create_tag(name="…")'


@in_virtual_time
async def test_no_secret_of_a_link_and_no_key_is_kept() -> None:
    async with trial() as one:
        await one.answer("manage_connection", action="create")
        url = "https://hooks.northwind.example/in?token=abc123#f"
        await one.answer("create_webhook", **CALLS["create_webhook"] | {"url": url})
        kept = "\n".join(one.account.journal._database._connection.iterdump())  # pyright: ignore
        assert "abc123" not in kept
        assert "session_token" not in kept
        assert not re.search("st_[0-9a-f]{16}", kept)
        for change in ("1", "2"):
            assert (await one.answer("undo_change", change=change))["result"] == "undone"
        assert f'"{KEY}"' not in kept


def test_of_an_address_no_more_is_kept_than_where_it_leads() -> None:
    assert origin_of("https://user:pw@h.example/services/T0/B0/secret?k=1#x") == "https://h.example/…"
    assert origin_of("https://[") == "…"
    assert redact({"webhook": [{"url": "https://h.example/?k"}]}) == {"webhook": [{"url": "https://h.example/…"}]}


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
async def test_a_call_that_is_cancelled_while_its_end_is_noted_is_noted() -> None:
    async with trial() as one:
        carry = one.account.journal.transact

        async def slowly(work: Any, **options: Any) -> Any:
            await anyio.sleep(1)
            return await carry(work, **options)

        one.account.journal.transact = slowly  # type: ignore[method-assign]
        with anyio.move_on_after(1.5):
            await one.answer("update_contact", contact="2", phone="1")
        one.account.journal.transact = carry  # type: ignore[method-assign]
        assert rows(one, "SELECT state FROM write") == [("done",)]


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_the_list_tells_of_every_write_whose_end_is_not_known(tool: str) -> None:
    async with trial() as one:
        await one.answer(tool, **CALLS[tool])
        rows(one, "UPDATE write SET state = 'open'")
        await anyio.sleep(200)
        (row,) = (await one.answer("list_changes"))["changes"]
        assert row["result"] == "unknown"
        name, arguments = row["check"].removesuffix(")").split("(", 1)
        given = dict(pair.split("=", 1) for pair in arguments.split(", ") if pair)
        with suppress(NoSuchName):  # what was to be deleted is gone, which is an answer too
            assert await one.answer(name, **{key: json.loads(value) for key, value in given.items()})


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
