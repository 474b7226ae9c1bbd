"""What is run by its id gets the care of any tool: nothing it does is asked less, undone less or said less about."""

import json
from contextlib import suppress
from typing import Any

import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired, RequestRefused, ToolError
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from tests.calls.test_default_connection import ACTIVE
from tests.operations.test_whole_api import write
from tests.support import Trial, connected, in_virtual_time, trial
from tests.writes.test_audit_log import rows
from tests.writes.test_confirmation import ERAS, answering
from tests.writes.test_reconcile import lose

AUTO = {"AC_MCP_CONFIRM": "auto", "AC_MCP_TOOLSETS": "default"}
ADDRESS: Json = {"companyName": "Northwind", "address1": "1 Quay", "country": "NO"}
TASK: Json = {"relid": "1", "ownerType": "deal", "duedate": "2026-12-01", "dealTasktype": "1"}
SECRET = "S3cret-S3cret"
HOOK: Json = {"url": "https://x.example/y", "requestType": "POST", "params": [{"key": "token", "value": SECRET}]}


async def waits(one: Trial, id: str, /, **arguments: Any) -> str:
    """Why it waits for a yes."""
    with pytest.raises(ConfirmationRequired) as needs:
        await execute(one.account, OPERATIONS["write_operation"], {"id": id, "arguments": arguments})
    return str(needs.value)


def wrote(one: Trial) -> list[str]:
    return [line for line in one.requests if not line.startswith("GET")]


@ERAS
@in_virtual_time
async def test_a_yes_to_a_question_of_the_client_counts_for_what_the_runner_runs(mode: Any) -> None:
    ask, asked = answering("accept", {"confirm": True})
    async with trial(AUTO) as one, connected(one, mode=mode, elicitation_callback=ask) as client:
        call: Json = {"id": "saved_responses.delete", "arguments": {"id": "2"}}
        done = await client.call_tool("write_operation", call)
        assert not done.is_error, done.content
        assert len(asked) == 1
        assert wrote(one) == ["DELETE /savedResponses/2"]


@in_virtual_time
async def test_a_preview_of_a_runner_confirms_and_stops_nothing() -> None:
    async with trial(AUTO) as one:
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(
                one.account, OPERATIONS["write_operation"], {"id": "delete_webhook", "arguments": {"webhook": "1"}}
            )
        for id, inner in (
            ("confirm_change", {"token": needs.value.token}),
            ("follow_job", {"job": "1", "action": "stop"}),
            ("write_operation", {"id": "write_operation"}),
        ):
            said = await one.refusal("preview_change", tool="write_operation", arguments={"id": id, "arguments": inner})
            assert "Nothing was changed" in said
        said = await one.refusal(
            "read_operation", id="preview_change", arguments={"tool": "confirm_change", "arguments": {}}
        )
        assert "is a tool of its own" in said
        assert wrote(one) == []


@pytest.mark.parametrize(
    ("off", "id", "arguments"),
    [
        ("create_note", "deals.create_note", {"deal": "1", "note": "x"}),
        ("delete_account", "accounts.bulk_delete", {"ids": ["3"]}),
        ("set_deal_field_value", "deal_custom_field_data.bulk_create", {"rows": []}),
        ("set_field_value", "field_values.delete", {"id": "1"}),
        ("update_field", "field_rels.delete", {"id": "1"}),
        ("import_contacts", "imports.create", {"contacts": []}),
        ("update_deal", "deals.bulk_update", {"deals": []}),
    ],
)
@in_virtual_time
async def test_what_is_switched_off_is_done_by_nothing_like_it(off: str, id: str, arguments: Json) -> None:
    async with trial({"AC_MCP_TOOLS": f"-{off}"}) as one:
        assert f"{id} is switched off" in await one.refusal("write_operation", id=id, arguments=arguments)
        assert wrote(one) == []


@in_virtual_time
async def test_where_an_operation_of_ours_takes_it_all_that_one_is_to_be_run() -> None:
    async with trial(AUTO) as one:
        said = await one.refusal("write_operation", id="deal_stages.delete", arguments={"stage": "Lead"})
        assert "deal_stages.delete is done by delete_deal_stage here" in said
        assert 'write_operation(id="delete_deal_stage"' in said
        said = await one.refusal("write_operation", id="contact_tags.create", arguments={"contact": "1", "tag": "VIP"})
        assert said.endswith('Next: tag_contact(contact="1", tag="VIP")')
        assert wrote(one) == []


@in_virtual_time
async def test_whoever_may_do_more_or_signs_in_otherwise_is_asked_about_and_undo_says_what_it_leaves() -> None:
    async with trial(AUTO) as one:
        assert "what the user may do" in await waits(one, "users.update", user="Priya Nair", group=1)
        assert "signs in" in await waits(one, "users.update", user="Priya Nair", password=SECRET)
        assert (await write(one, "users.update", user="2", first_name="Q"))["result"] == "updated"
    async with trial() as one:
        await write(one, "users.update", user="2", group=1, first_name="Q")
        undone = await one.answer("undo_change", change="1")
        assert undone["result"] == "partly undone"
        assert any("group" in line for line in undone["not_restored"])


@in_virtual_time
async def test_what_an_undo_does_not_know_it_says() -> None:
    async with trial() as one:
        await write(one, "accounts.update", account="1", fields=[{"customFieldId": 1, "fieldValue": "Retail"}])
        assert (await one.answer("undo_change", change="1"))["result"] == "nothing undone"
        await write(one, "deal_tasks.update", id="1", owner_type="contact", relid="2")
        undone = await one.answer("undo_change", change="2")
        assert undone["result"] == "nothing undone"
        assert len(undone["not_restored"]) == 2


@in_virtual_time
async def test_what_overwrites_many_or_empties_for_good_waits_for_a_yes() -> None:
    async with trial(AUTO) as one:
        values = [{"dealId": n, "customFieldId": 2, "fieldValue": "7"} for n in range(1, 26)]
        assert "No undo" in await waits(one, "deal_custom_field_data.bulk_create", rows=values)
        assert "No undo" in await waits(one, "field_values.delete", id="1")
        assert "No undo" in await waits(one, "deal_custom_field_data.delete", id="1")
        assert wrote(one) == []


@in_virtual_time
async def test_a_preview_names_what_goes() -> None:
    async with trial(AUTO) as one:
        call = {"id": "accounts.bulk_delete", "arguments": {"ids": ["Acme", "2"]}}
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(one.account, OPERATIONS["write_operation"], call)
        preview = json.dumps(needs.value.preview)
        assert '"ids[]": ["1", "2"]' in preview
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(
                one.account, OPERATIONS["write_operation"], {"id": "addresses.delete", "arguments": {"id": "1"}}
            )
        assert needs.value.preview
        assert needs.value.preview["changes"][0]["before"]["companyName"] == "Northwind Coffee"


@in_virtual_time
async def test_a_secret_is_in_no_preview_and_no_record() -> None:
    async with trial(AUTO) as one:
        who = {"username": "n", "email": "new@northwind.example", "firstName": "N", "lastName": "N", "group": 2}
        for id, arguments in (
            ("users.create", {**who, "password": SECRET}),
            ("imports.create", {"contacts": [{"email": "a@b.example"}], "callback": json.dumps({"url": SECRET})}),
            ("imports.create", {"contacts": [{"email": "c@b.example"}], "callback": HOOK}),
        ):
            with pytest.raises(ConfirmationRequired) as needs:
                await execute(one.account, OPERATIONS["write_operation"], {"id": id, "arguments": arguments})
            assert SECRET not in json.dumps(needs.value.preview)
            with suppress(RequestRefused):  # a callback is no text
                await one.answer("confirm_change", token=needs.value.token)
        shop: Json = {"service": "s", "externalid": "1", "name": "S", "logo_url": "x"}
        await write(one, "connections.create", **shop, link_url=f"https://user:{SECRET}@shop.example/x")
        kept = str([rows(one, f"SELECT * FROM {table}") for table in ("change", "write", "offer")])
        assert SECRET not in kept + json.dumps(await one.answer("list_changes"))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("read_operation", {"id": "accounts.list", "arguments": {"search": 2024}}),
        ("read_operation", {"id": "deals.list", "arguments": {"search": True}}),
        ("write_operation", {"id": "addresses.create", "arguments": '{"company_name": NaN}'}),
        ("write_operation", {"id": "addresses.create", "arguments": '{"company_name": "\\ud800"}'}),
        ("preview_change", {"tool": "create_note", "arguments": '{"text": "\\ud800", "contact": "1"}'}),
        ("list_changes", {"offset": 10**19}),
    ],
)
@in_virtual_time
async def test_odd_arguments_are_refused_or_taken_and_crash_nothing(tool: str, arguments: Json) -> None:
    async with trial() as one:
        try:
            await execute(one.account, OPERATIONS[tool], arguments)
        except ToolError as trouble:
            str(trouble).encode()
        assert wrote(one) == []


@in_virtual_time
async def test_choices_are_free_text_too() -> None:
    async with trial({"AC_MCP_HIDE_USER_CONTENT": "1"}) as one:
        shown = await one.answer("read_operation", id="deal_custom_field_data.list")
        assert "Grinder" not in json.dumps(shown)


@in_virtual_time
async def test_a_runner_is_told_the_account() -> None:
    async with trial({"AC_MCP_MULTI_ACCOUNT": "1"}) as one:
        read = await one.answer("read_operation", id="addresses.list", connection=ACTIVE)
        assert len(read["addresses"]) == 2


@in_virtual_time
async def test_a_lost_create_is_not_sent_again_however_its_values_are_spelt() -> None:
    async with trial() as one:
        losing = lose(one, "/deals", carried_out=True)
        deal = {"title": "Spelt", "contact": "1", "value": "100", "currency": "USD", "group": "Sales", "stage": "1"}
        said = await one.refusal("write_operation", id="deals.create", arguments=deal)
        assert "outcome is unknown" in said
        assert len(losing.sent) == 1


@in_virtual_time
async def test_a_yes_to_some_companies_does_not_count_for_others_of_the_same_names() -> None:
    async with trial(AUTO) as one:
        call = {"id": "accounts.bulk_delete", "arguments": {"ids": ["Acme"]}}
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(one.account, OPERATIONS["write_operation"], call)
        await one.answer("write_operation", id="update_account", arguments={"account": "1", "name": "Renamed"})
        await one.answer("write_operation", id="update_account", arguments={"account": "2", "name": "Acme"})
        with pytest.raises(ConfirmationRequired, match="has changed since"):
            await execute(one.account, OPERATIONS["confirm_change"], {"token": needs.value.token})
        assert not any(line.startswith("DELETE") for line in one.requests)


@pytest.mark.parametrize(
    ("id", "arguments", "ends"),
    [
        ("contact_lists.create", {"list": "1", "contact": "2", "status": 2}, "Nothing was changed."),
        ("webhooks.create", {"name": "n", "url": "https://x.example", "listid": "1"}, "Nothing was changed."),
        ("notes.update", {"id": "1", "note": "x1"}, 'arguments="{\\"note\\": \\"1\\", \\"text\\": \\"x1\\"}")'),
        ("notes.delete", {"id": "1"}, 'Next: write_operation(id="delete_note", arguments="{\\"note\\": \\"1\\"}")'),
        ("deals.create_note", {"deal": "1", "note": "x"}, 'Next: create_note(deal="1", text="x")'),
    ],
)
@in_virtual_time
async def test_what_is_done_by_another_operation_is_suggested_whole_or_not_at_all(
    id: str, arguments: Json, ends: str
) -> None:
    async with trial(AUTO) as one:
        assert (await one.refusal("write_operation", id=id, arguments=arguments)).endswith(ends)


@in_virtual_time
async def test_where_every_write_is_asked_about_an_undo_is_too() -> None:
    async with trial({"AC_MCP_CONFIRM": "always", "AC_MCP_TOOLSETS": "default"}) as one:
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(one.account, OPERATIONS["write_operation"], {"id": "addresses.create", "arguments": ADDRESS})
        await one.answer("confirm_change", token=needs.value.token)
        with pytest.raises(ConfirmationRequired):
            await execute(one.account, OPERATIONS["undo_change"], {"change": "1"})


@pytest.mark.parametrize(
    ("id", "arguments", "why"),
    [
        ("deal_tasks.create", {**TASK, "triggerAutomationOnCreate": "1"}, "may send mails"),
        ("deal_tasks.update", {"id": "1", "doneAutomation": "1"}, "may send mails"),
        ("addresses.update", {"id": "2", **ADDRESS, "isDefault": 1}, "no longer the default"),
        ("deals.bulk_update", {"deals": [{"id": 1, "ownerId": 2}]}, "No undo"),
    ],
)
@in_virtual_time
async def test_what_does_more_than_it_says_waits_for_a_yes(id: str, arguments: Json, why: str) -> None:
    async with trial(AUTO) as one:
        assert why in await waits(one, id, **arguments)
        assert wrote(one) == []


@in_virtual_time
async def test_an_order_is_changed_and_put_back() -> None:
    async with trial(AUTO) as one:
        await write(one, "ecom_orders.update", id="1", totalPrice=1)
        assert (await one.answer("undo_change", change="1"))["result"] == "undone"
        order = await one.answer("read_operation", id="ecom_orders.get", arguments={"ecom_order_id": "1"})
        assert order["ecomOrder"]["totalPrice"] == "8900"


@pytest.mark.parametrize(
    ("off", "tool", "id", "shut"),
    [
        ("set_deal_field_value", "write_operation", "deals.update", True),
        ("list_notes", "read_operation", "contacts.notes", True),
        ("get_user", "read_operation", "users.by_email", True),
        ("manage_connection", "write_operation", "connections.create", False),
        ("count_contacts", "read_operation", "list_contacts", False),
    ],
)
@in_virtual_time
async def test_switching_off_reaches_what_is_alike_and_nothing_else(off: str, tool: str, id: str, shut: bool) -> None:
    async with trial({"AC_MCP_TOOLSETS": "api,bulk,notes,users,connections", "AC_MCP_TOOLS": f"-{off}"}) as one:
        assert (one.account.access.operation(id) is None) == shut
        assert tool in one.account.tools


@in_virtual_time
async def test_a_lost_write_is_the_same_however_it_is_spelt() -> None:
    async with trial() as one:
        losing = lose(one, "/addresses", carried_out=True)
        await one.refusal("write_operation", id="addresses.create", arguments={**ADDRESS, "allgroup": 1})
        said = await one.refusal("write_operation", id="addresses.create", arguments={**ADDRESS, "allgroup": "1"})
        assert "may still come in" in said
        assert len(losing.sent) == 1


@in_virtual_time
async def test_what_cannot_be_taken_back_is_said_with_the_answer() -> None:
    async with trial() as one:
        event = await write(one, "event_tracking_events.create", name="Watched")
        assert event["note"] == "No undo can be derived for it."
        said = await one.refusal("write_operation", id="personalizations.delete", arguments={"id": "1"})
        assert said.startswith("Not served here")
