"""The record of writes: noted before they are sent, closed afterwards, and what is left out of it."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.errors import NoSuchName, ToolError
from ac_mcp.operations import OPERATIONS
from ac_mcp.writes.audit_log import RETENTION
from tests.examples import ACTIVE, CALLS
from tests.sandbox_state import difference, state
from tests.support import connected, in_virtual_time, trial


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
