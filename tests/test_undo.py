"""Undo: for every writing tool do, undo, and compare the account before and after."""

import re
from typing import Any

import httpx2
import pytest

from ac_mcp.operations import OPERATIONS
from tests.examples import CALLS
from tests.sandbox_state import Renamed, difference, state
from tests.support import in_virtual_time, trial

WRITING = [name for name, one in OPERATIONS.items() if not one.read_only and one.resource.plane != "here"]
LOST: dict[str, set[str]] = {
    "delete_contact": {"scoreValues", "trackingLogs", "activities", "emailActivities", "deals"},
    "delete_deal": {"deals", "dealTasks", "contactDeals"},
    "delete_list": {"listGroups"},
}
"""What cannot be restored, by table of the account; README and SECURITY say the same in words."""
MADE_AGAIN = re.compile(r"(\w+) .*?\(id (\d+)\): made again, with the id (\d+)")


def renamed(answer: dict[str, Any]) -> Renamed:
    found = (MADE_AGAIN.fullmatch(line) for line in answer.get("restored", ()))
    return {(one[1], one[3]): one[2] for one in found if one}


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_what_a_tool_did_is_undone_but_for_what_the_table_says(tool: str) -> None:
    async with trial() as one:
        before = state(one.sandbox)
        await one.answer(tool, **CALLS[tool])
        assert tool == "manage_connection" or difference(before, state(one.sandbox)), "the call has to change something"
        undone = await one.answer("undo_change", change="1")
        assert difference(before, state(one.sandbox, renamed(undone))).keys() == LOST.get(tool, set())
        assert (undone["result"] == "undone") == (tool not in {"delete_tag", *LOST})
        assert ("not_restored" in undone) == (undone["result"] != "undone")
        assert undone["call"].startswith(f"{tool}(")


@in_virtual_time
async def test_a_connection_that_was_made_is_deleted_again() -> None:
    async with trial() as one:
        made = (await one.answer("manage_connection", action="create"))["connection"]["id"]
        assert (await one.answer("undo_change", change="1"))["restored"] == [f"connection {made}: deleted"]
        shown = (await one.answer("list_connections"))["connections"]
        assert made not in [row["id"] for row in shown]


@in_virtual_time
async def test_a_deleted_contact_comes_back_with_all_that_hung_on_it() -> None:
    async with trial() as one:
        await one.answer("create_note", contact="jane@acme.example", text="Speaks Danish.")
        before = await one.answer("get_contact", contact="jane@acme.example")
        await one.answer("delete_contact", contact="jane@acme.example")
        undone = await one.answer("undo_change", change="2")
        after = await one.answer("get_contact", contact="jane@acme.example")
        assert undone["result"] == "partly undone"
        assert after["contact"]["id"] != before["contact"]["id"]
        for part in ("tags", "lists", "fields", "accounts"):
            names = [
                sorted(str({k: v for k, v in row.items() if k not in ("added", "since")}) for row in one[part])
                for one in (before, after)
            ]
            assert names[0] == names[1]
        assert sorted(note["text"] for note in after["notes"]) == sorted(note["text"] for note in before["notes"])
        assert undone["not_restored"] == [
            'contact "jane@acme.example" (id 1): its id, its history (opens, clicks, e-mails, scores) and its places '
            "in automations",
            'deal "Acme espresso bar" (id 1): it has its contact again, and can still not be read',
            'deal "Acme subscription renewal" (id 2): it has its contact again, and can still not be read',
            "who wrote the notes and when",
        ]


@in_virtual_time
async def test_what_somebody_has_changed_since_is_left_as_it_is() -> None:
    async with trial() as one:
        await one.answer("update_contact", contact="2", phone="1", last_name="X", fields=["Plan=Team"])
        await one.answer("update_contact", contact="2", phone="2", fields=["Plan=Free"])
        undone = await one.answer("undo_change", change="1")
        assert undone["result"] == "partly undone"
        assert undone["restored"] == ['contact "bob@initech.example" (id 2): last_name']
        assert undone["not_restored"] == [
            'contact "bob@initech.example" (id 2): phone was changed since',
            'contact "bob@initech.example" (id 2): field "Plan" (id 1) was changed since',
        ]
        contact = await one.answer("get_contact", contact="2")
        assert (contact["contact"]["phone"], contact["contact"]["name"]) == ("2", "Bob Stone")


@in_virtual_time
async def test_what_was_made_and_changed_since_is_not_deleted() -> None:
    async with trial() as one:
        id = (await one.answer("create_tag", name="New"))["tag"]["id"]
        await one.answer("update_tag", tag=id, description="In use")
        await one.answer("update_tag", tag=id, name="Newer")
        undone = await one.answer("undo_change", change="1")
        assert (undone["result"], undone["not_restored"]) == (
            "nothing undone",
            [f'tag "New" (id {id}): it was changed since (name), so it was not deleted'],
        )
        assert (await one.answer("get_tag", tag=id))["tag"]["name"] == "Newer"


@in_virtual_time
async def test_undone_twice_nothing_is_made_twice() -> None:
    async with trial() as one:
        await one.answer("delete_tag", tag="VIP 2025")
        await one.answer("undo_change", change="1")
        before = state(one.sandbox)
        again = await one.answer("undo_change", change="1")
        assert difference(before, state(one.sandbox)) == {}
        assert again["result"] == "partly undone"
        assert [row["result"] for row in (await one.answer("list_changes"))["changes"]] == ["done", "undone"]


@in_virtual_time
async def test_an_undo_that_ran_out_of_time_goes_on_where_it_stopped() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "3"}) as one:
        held = (await one.answer("get_tag", tag="Office plan"))["tag"]["contacts"]
        await one.answer("delete_tag", tag="Office plan")
        slow = [True]

        def answer(request: httpx2.Request) -> None:
            if slow and request.method == "POST" and len([r for r in one.requests if r == "POST /contactTags"]) > 4:
                raise httpx2.ConnectTimeout("away", request=request)

        one.wire.answer = answer
        first = await one.answer("undo_change", change="1")
        assert "the rest: the time of this call ran out; the same call goes on" in first["not_restored"]
        slow.clear()
        one.wire.answer = lambda request: None
        for _ in range(9):
            await one.answer("undo_change", change="1")
        tags = (await one.answer("list_tags", search="Office plan"))["tags"]
        assert len(tags) == 1
        assert (await one.answer("list_contacts", tag="Office plan", limit=1))["total"] == held


@in_virtual_time
async def test_a_change_whose_outcome_is_unknown_says_what_to_look_at_and_is_not_undone() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "2"}) as one:
        one.wire.answer = lambda request: httpx2.Response(502) if request.method == "PUT" else None
        assert "unknown" in await one.refusal("update_contact", contact="2", phone="1")
        one.wire.answer = lambda request: None
        (row,) = (await one.answer("list_changes"))["changes"]
        assert (row["result"], row["check"]) == ("unknown", 'get_contact(contact="2")')
        undone = await one.answer("undo_change", change="1")
        assert (undone["result"], undone["not_restored"]) == (
            "nothing undone",
            ["PUT /contacts/2: whether it was done is not known"],
        )


@in_virtual_time
async def test_a_change_that_is_not_there_is_refused() -> None:
    async with trial() as one:
        text = await one.refusal("undo_change", change="77")
        assert text.startswith("change: no change of this account has the id 77; list_changes shows them.")
        assert text.endswith("Next: list_changes()")


@in_virtual_time
async def test_the_undo_of_an_update_can_itself_be_undone() -> None:
    async with trial() as one:
        await one.answer("update_deal", deal="Acme espresso bar", value=1, stage="Lead")
        changed = state(one.sandbox)
        await one.answer("undo_change", change="1")
        await one.answer("undo_change", change="2")
        assert difference(changed, state(one.sandbox)) == {}


@in_virtual_time
async def test_a_name_that_is_there_again_is_not_made_a_second_time() -> None:
    async with trial() as one:
        await one.answer("delete_tag", tag="VIP 2025")
        await one.answer("create_tag", name="vip 2025")
        undone = await one.answer("undo_change", change="1")
        assert undone["result"] == "nothing undone"
        assert undone["not_restored"] == [
            'tag "VIP 2025" (id 7): one of the same name is there again, so none was made'
        ]
