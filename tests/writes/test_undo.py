"""Undo: for every writing tool do, undo, and compare the account before and after."""

import json
import re
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.operations import OPERATIONS
from ac_mcp.tools.toolsets import offered_tools
from tests.examples import CALLS
from tests.sandbox_state import Renamed, difference, state
from tests.support import KEY, in_virtual_time, trial

WRITING = [name for name, one in OPERATIONS.items() if not one.read_only and one.resource.plane != "local"]
LOST: dict[str, set[str]] = {
    "delete_contact": {
        *("scoreValues", "trackingLogs", "activities", "emailActivities", "contactEmails", "contactConversions"),
        "deals",
    },
    "delete_deal": {"deals", "dealTasks", "contactDeals"},
    "delete_list": {"listGroups"},
    "add_to_automation": {"automations"},  # how many have entered it
    "remove_from_automation": {"contactAutomations"},
    "delete_account": {"deals", "notes"},
    "delete_field": {"fieldValues"},
    "delete_pipeline": {"dealGroups", "dealGroupUsers", "dealStages", "deals"},
    "delete_deal_field": {"dealCustomFieldMeta", "dealCustomFieldData"},
    "delete_account_field": {"accountCustomFieldMeta", "accountCustomFieldData"},
    "delete_webhook": {"webhooks"},
}
"""What cannot be restored, by table of the account; README and SECURITY say the same in words."""
NEW_ID = {"delete_tag", "delete_deal_stage", "delete_message", "delete_note", "delete_task", "delete_task_type"}
"""What comes back as it was, under another id."""
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
        assert (undone["result"] == "undone") == (tool not in {*NEW_ID, *LOST})
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
            'contact "jane@acme.example" (id 1): its id, its history (opens, clicks, scores), its places in '
            "automations; its deals may stay unreadable",
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
            [f'tag "New" (id {id}): it was changed since (name, description), so it was not deleted'],
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
        assert [row["result"] for row in (await one.answer("list_changes"))["changes"]] == ["done", "partly undone"]


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


@in_virtual_time
async def test_what_more_hangs_on_by_now_is_not_deleted() -> None:
    async with trial() as one:
        made = {
            "tag": await one.answer("create_tag", name="T"),
            "field": await one.answer("create_field", title="F", type="text"),
            "stage": await one.answer("create_deal_stage", name="S", pipeline="Sales"),
            "pipeline": await one.answer("create_pipeline", name="P", currency="usd"),
            "account": await one.answer("create_account", name="A"),
            "contact": await one.answer("create_contact", email="new@x.example"),
            "list": await one.answer("create_list", **CALLS["create_list"]),
        }
        await one.answer("tag_contact", contact="new@x.example", tag="T")
        await one.answer("set_field_value", contact="1", field="F", value="kept")
        deal = {"value": 1, "currency": "usd", "contact": "1", "owner": "Dana Reyes"}
        await one.answer("create_deal", title="D1", stage="S", pipeline="Sales", **deal)
        await one.answer("create_deal", title="D2", pipeline="P", account="A", **deal)
        await one.answer("subscribe_contact", contact="1", list="Été Club")
        before = state(one.sandbox)
        told: dict[str, str] = {}
        for change, word in enumerate(made, 1):
            undone = await one.answer("undo_change", change=str(change))
            assert undone["result"] == "nothing undone", word
            told[word] = undone["not_restored"][0].partition(": ")[2]
        assert difference(before, state(one.sandbox)) == {}
        assert told == {
            "tag": "it has 1 contact by now, so it was not deleted",
            "field": "it has 1 value by now, so it was not deleted",
            "stage": "it has 1 deal by now, so it was not deleted",
            "pipeline": "it has 1 deal by now, so it was not deleted",
            "account": "it has 1 deal by now, so it was not deleted",
            "contact": "it has 1 tag by now, so it was not deleted",
            "list": "it has 1 contact by now, so it was not deleted",
        }


@in_virtual_time
async def test_a_first_value_that_was_changed_since_stays() -> None:
    async with trial() as one:
        await one.answer("set_field_value", contact="2", field="Plan", value="Team")
        await one.answer("set_field_value", contact="2", field="Plan", value="Enterprise")
        assert (await one.answer("undo_change", change="1"))["result"] == "nothing undone"
        assert (await one.answer("undo_change", change="2"))["result"] == "undone"
        assert (await one.answer("undo_change", change="1"))["result"] == "undone"


@in_virtual_time
async def test_undone_and_redone_it_can_be_undone_again() -> None:
    async with trial() as one:
        await one.answer("delete_deal", deal="Acme subscription renewal")
        await one.answer("undo_change", change="1")
        assert (await one.answer("undo_change", change="2"))["result"] == "undone"
        listed = {row["id"]: row["result"] for row in (await one.answer("list_changes"))["changes"]}
        assert (listed["1"], listed["2"]) == ("done", "undone")
        again = await one.answer("undo_change", change="1")
        assert "made again" in again["restored"][0]
        assert (await one.answer("list_deals", search="Acme subscription renewal"))["total"] == 1


@in_virtual_time
async def test_a_change_of_case_is_a_change() -> None:
    async with trial() as one:
        await one.answer("update_tag", tag="VIP", name="Vip")
        assert (await one.answer("undo_change", change="1"))["restored"] == ['tag "VIP" (id 1): name']
        await one.answer("update_contact", contact="2", first_name="Zoe")
        await one.answer("update_contact", contact="2", first_name="ZOE")
        assert (await one.answer("undo_change", change="3"))["result"] == "nothing undone"


@in_virtual_time
async def test_a_membership_that_was_changed_since_stays() -> None:
    async with trial() as one:
        await one.answer("subscribe_contact", contact="2", list="Partners")
        await one.answer("unsubscribe_contact", contact="2", list="Partners")
        undone = await one.answer("undo_change", change="1")
        assert (undone["result"], len(one.sandbox.requests)) == ("nothing undone", len(one.sandbox.requests))
        assert undone["not_restored"][0].endswith("it was changed since")


@in_virtual_time
async def test_what_was_tagged_by_a_try_whose_answer_got_lost_is_not_known_to_be_ours() -> None:
    async with trial() as one:
        lost = [True]
        carry = one.wire.inner.handle_async_request

        async def losing(request: httpx2.Request) -> httpx2.Response:
            response = await carry(request)
            return httpx2.Response(502) if request.method == "POST" and lost and lost.pop() else response

        one.wire.inner.handle_async_request = losing  # type: ignore[method-assign]
        await one.answer("tag_contact", contact="bob@initech.example", tag="VIP")
        undone = await one.answer("undo_change", change="1")
        assert undone["result"] == "nothing undone"
        assert undone["not_restored"][0].endswith("whether it was so before is not known")


@in_virtual_time
async def test_two_equal_notes_come_back_as_two() -> None:
    async with trial() as one:
        for _ in range(2):
            await one.answer("create_note", contact="2", text="Same")
        await one.answer("delete_contact", contact="bob@initech.example")
        failing = [True]

        def answer(request: httpx2.Request) -> None:
            if failing and request.method == "POST" and one.requests.count("POST /notes") == 4:
                raise httpx2.ConnectTimeout("away", request=request)

        one.wire.answer = answer
        await one.answer("undo_change", change="3")
        failing.clear()
        for _ in range(3):
            await one.answer("undo_change", change="3")
        notes = (await one.answer("list_notes", contact="bob@initech.example"))["notes"]
        assert [note["text"] for note in notes].count("Same") == 2


@in_virtual_time
async def test_what_is_switched_off_is_not_done_by_an_undo_either() -> None:
    async with trial() as one:
        await one.answer("create_tag", name="A")
        await one.answer("tag_contact", contact="bob@initech.example", tag="VIP")
        settings = replace(one.account.settings, tools="-delete_tag,-tag_contact")
        fewer = replace(one.account, settings=settings, tools=offered_tools(settings))
        undone = await execute(fewer, OPERATIONS["undo_change"], {"change": "1"})
        assert (undone["result"], undone["not_restored"]) == (
            "nothing undone",
            ["POST /tags: delete_tag is switched off in this server"],
        )
        with pytest.raises(BadArguments, match="tag_contact is switched off"):
            await execute(fewer, OPERATIONS["undo_change"], {"change": "2"})


@in_virtual_time
async def test_of_two_undos_at_once_one_is_made() -> None:
    async with trial() as one:
        await one.answer("delete_deal", deal="Acme subscription renewal")
        ended: list[str] = []

        async def undo(key: str) -> None:
            try:
                await execute(one.account, OPERATIONS["undo_change"], {"change": "1"}, CallContext(key=key))
                ended.append("undone")
            except BadArguments:
                ended.append("refused")

        async with anyio.create_task_group() as group:
            group.start_soon(undo, "a")
            group.start_soon(undo, "b")
        assert sorted(ended) == ["refused", "undone"]
        assert one.requests.count("POST /deals") == 1


@in_virtual_time
async def test_the_undo_of_what_three_hundred_wore_is_shown_at_once_and_confirmed_once() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto", "AC_MCP_WRITE_TIMEOUT": "600"}) as one:
        await one.answer("delete_tag", tag="VIP 2025")
        held = {"holders": {"-1": [str(n) for n in range(1, 301)]}, "holders_count": 300}
        kept = "UPDATE write SET before = json_patch(before, ?)"
        await one.account.journal.transact(lambda rows: rows.execute(kept, (json.dumps(held),)))
        one.forget_requests()
        with pytest.raises(ConfirmationRequired) as waiting:
            await execute(one.account, OPERATIONS["undo_change"], {"change": "1"})
        assert len(one.requests) < 10
        undone = await one.answer("confirm_change", token=waiting.value.token)
        assert "60 of its 300 contacts" in undone["restored"]


@in_virtual_time
async def test_a_change_of_another_account_is_not_undone_in_this_one() -> None:
    async with trial() as one:
        one.account.default.forget()
        one.wire.answer = lambda request: httpx2.Response(401) if request.url.path == "/connections" else None
        await one.answer("tag_contact", contact="bob@initech.example", tag="VIP")
        one.wire.answer = lambda request: None
        one.account.gateway.rejected_keys.clear("", KEY, 0.0)
        await anyio.sleep(61)
        assert (await one.refusal("undo_change", change="1")).startswith("change: no change of this account")


@in_virtual_time
async def test_what_was_touched_is_told_by_name() -> None:
    async with trial() as one:
        await one.answer("set_field_value", contact="jane@acme.example", field="Plan", value="Team")
        await one.answer("subscribe_contact", contact="jane@acme.example", list="Partners")
        assert (await one.answer("undo_change", change="1"))["restored"] == [
            'contact "jane@acme.example" (id 1), field "Plan" (id 1): value'
        ]
        never = await one.answer("undo_change", change="2")
        assert (never["result"], never["restored"], never["not_restored"]) == (
            "partly undone",
            ['contact "jane@acme.example" (id 1) on list "Partners" (id 5): unsubscribed'],
            [
                'contact "jane@acme.example" (id 1) on list "Partners" (id 5): it had never been on it, which the API '
                "cannot set"
            ],
        )


@in_virtual_time
async def test_what_was_refused_is_not_told_as_restored() -> None:
    async with trial() as one:
        await one.answer("update_deal", deal="1", title="X", value=1)
        await one.answer("subscribe_contact", contact="3", list="Newsletter")
        one.wire.answer = lambda request: httpx2.Response(422, json={}) if request.method in ("PUT", "POST") else None
        for change in ("1", "2"):
            undone = await one.answer("undo_change", change=change)
            assert (undone["result"], undone.get("restored")) == ("nothing undone", None)
        one.wire.answer = lambda request: httpx2.Response(429) if request.method == "PUT" else None
        assert "rate limit" in await one.refusal("undo_change", change="1")


@in_virtual_time
async def test_a_company_among_many_of_like_names_is_looked_for() -> None:
    async with trial() as one:
        for n in range(25):
            await one.answer("create_account", name=f"Zeta {n:02}")
        await one.answer("create_account", name="Zeta")
        deal = {"value": 1, "currency": "usd", "contact": "1", "owner": "Dana Reyes"}
        await one.answer("create_deal", title="D", pipeline="Sales", account="Zeta", **deal)
        undone = await one.answer("undo_change", change="26")
        assert undone["not_restored"] == ['account "Zeta" (id 36): it has 1 deal by now, so it was not deleted']


@pytest.mark.parametrize("tool", [name for name in WRITING if name.startswith("create_")])
@in_virtual_time
async def test_what_cannot_be_looked_at_is_not_deleted(tool: str) -> None:
    async with trial() as one:
        await one.answer(tool, **CALLS[tool])
        one.forget_requests()
        one.wire.answer = lambda request: httpx2.Response(200, json={}) if request.method == "GET" else None
        assert (await one.answer("undo_change", change="1"))["result"] == "nothing undone"
        assert not [line for line in one.requests if line.startswith("DELETE")]


@in_virtual_time
async def test_an_upsert_that_found_somebody_after_all_is_not_undone_by_a_delete() -> None:
    async with trial() as one:
        await one.answer("create_contact", email="bare@x.example")
        blind = [True]
        one.wire.answer = lambda request: (
            httpx2.Response(200, json={"contacts": [], "meta": {"total": "0"}})
            if blind and request.method == "GET" and request.url.path.endswith("/contacts")
            else None
        )
        await one.answer("sync_contact", email="bare@x.example", phone="1")
        blind.clear()
        undone = await one.answer("undo_change", change="2")
        assert undone["result"] == "nothing undone"
        assert undone["not_restored"][0].endswith("whether it was there before is not known")


@in_virtual_time
async def test_what_an_undo_made_and_is_gone_again_is_made_anew() -> None:
    async with trial() as one:
        await one.answer("delete_contact", contact="bob@initech.example")
        await one.answer("undo_change", change="1")
        await one.answer("delete_contact", contact="bob@initech.example")
        again = await one.answer("undo_change", change="1")
        assert again["restored"][0].endswith("made again, with the id 62")
        assert (await one.answer("get_contact", contact="bob@initech.example"))["tags"]


@in_virtual_time
async def test_a_list_does_not_get_a_name_that_is_in_use_by_now() -> None:
    async with trial() as one:
        await one.answer("update_list", list="Partners", name="Friends")
        await one.answer("delete_list", list="Old imports")
        new = {"sender_url": "https://x.example", "sender_reminder": "You asked."}
        for name in ("Partners", "Old imports"):
            await one.answer("create_list", name=name, **new)
        for change in ("1", "2"):
            undone = await one.answer("undo_change", change=change)
            assert undone["result"] == "nothing undone"
            assert "one of the same name is there again" in undone["not_restored"][0]


@in_virtual_time
async def test_a_pipeline_with_a_stage_of_somebodys_own_is_kept() -> None:
    async with trial() as one:
        await one.answer("create_pipeline", name="P", currency="usd")
        await one.answer("create_deal_stage", name="Mine", pipeline="P")
        undone = await one.answer("undo_change", change="1")
        assert "it has 1 further stage by now" in undone["not_restored"][0]


@in_virtual_time
async def test_an_undo_after_one_whose_end_is_not_known_has_to_be_looked_at_first() -> None:
    async with trial() as one:
        await one.answer("delete_deal", deal="Acme subscription renewal")
        carry = one.wire.inner.handle_async_request
        lost = [True]

        async def losing(request: httpx2.Request) -> httpx2.Response:
            if lost and request.method == "GET" and "POST /deals" in one.requests:
                return httpx2.Response(502)
            response = await carry(request)
            return httpx2.Response(502) if lost and request.method == "POST" else response

        one.wire.inner.handle_async_request = losing  # type: ignore[method-assign]
        await one.refusal("undo_change", change="1")
        lost.clear()
        await anyio.sleep(3600)
        assert "how an earlier undo of 1 ended is not known" in await one.refusal("undo_change", change="1")
        assert one.requests.count("POST /deals") == 1


NOTHING_HANGS = ("create_note", "create_webhook", "create_message", "create_task")


@pytest.mark.parametrize("tool", [name for name in WRITING if name.startswith("create_") and name not in NOTHING_HANGS])
@in_virtual_time
async def test_where_it_cannot_be_told_what_hangs_on_it_nothing_is_deleted(tool: str) -> None:
    """The thing itself can be read, no list can."""
    async with trial() as one:
        await one.answer(tool, **CALLS[tool])
        one.forget_requests()
        one.wire.answer = lambda request: (
            httpx2.Response(200, json={})
            if request.method == "GET" and not request.url.path.rpartition("/")[2].isdecimal()
            else None
        )
        undone = await one.answer("undo_change", change="1")
        assert undone["result"] == "nothing undone"
        assert "by now cannot be looked at" in undone["not_restored"][0]
        assert undone["not_restored"][0].endswith("so it was not deleted")
