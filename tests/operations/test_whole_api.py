"""Whatever the API has, behind three tools: found by plain words, run with the care of any other call."""

import json
from typing import Any

import anyio
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired
from ac_mcp.operations import OPERATIONS
from tests.support import Trial, in_virtual_time, trial
from tests.writes.test_audit_log import rows
from tests.writes.test_reconcile import lose

ADDRESS = {"companyName": "Northwind", "address1": "1 Quay", "country": "NO"}


async def write(one: Trial, id: str, /, **arguments: Any) -> Any:
    return await one.answer("write_operation", id=id, arguments=arguments)


@in_virtual_time
async def test_one_of_our_own_is_run_with_names_and_undone() -> None:
    async with trial({"AC_MCP_TOOLSETS": "default"}) as one:
        found = await one.answer("find_operations", query="schedule a call with a contact")
        assert found["operations"][0]["id"] == "create_task"
        assert found["operations"][0]["run_by"] == "write_operation"
        made = await write(one, "create_task", type="Call", due="2026-12-01", contact="jane@acme.example")
        assert made["task"]["contact"] == "jane@acme.example"
        assert (await one.answer("undo_change", change="1"))["result"] == "undone"


@in_virtual_time
async def test_what_only_the_catalogue_knows_is_made_changed_and_undone() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        made = await write(one, "addresses.create", **ADDRESS)
        assert made["address"]["id"] == "3"
        changed = await write(one, "addresses.update", id="1", **ADDRESS, city="Oslo")
        assert changed["address"]["city"] == "Oslo"
        assert (await one.answer("undo_change", change="2"))["result"] == "undone"
        assert (await one.answer("undo_change", change="1"))["result"] == "undone"
        left = (await one.answer("read_operation", id="addresses.list"))["addresses"]
        assert [(row["id"], row["city"]) for row in left] == [("1", "Evanston"), ("2", "Hamburg")]


@in_virtual_time
async def test_what_nothing_takes_back_waits_for_a_yes_and_says_so_in_the_record() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        asked = {"id": "saved_responses.delete", "arguments": {"id": "1"}}
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(one.account, OPERATIONS["write_operation"], asked)
        assert [line for line in one.requests if line.startswith("DELETE")] == []
        done = await one.answer("confirm_change", token=needs.value.token)
        assert done["result"] == "deleted"
        (row,) = (await one.answer("list_changes"))["changes"]
        assert (row["call"], row["undo"]) == ('saved_responses.delete(id="1")', "No undo can be derived for it.")


@in_virtual_time
async def test_what_is_switched_off_is_done_by_no_other_way() -> None:
    async with trial({"AC_MCP_TOOLS": "-delete_contact"}) as one:
        for id, arguments in (("contacts.delete", {"contact": "1"}), ("delete_contact", {"contact": "1"})):
            said = await one.refusal("write_operation", id=id, arguments=arguments)
            assert said.startswith(f"id: {id} is switched off")
        found = await one.answer("find_operations", query="contacts.delete")
        assert found["operations"] == []
        assert one.requests == []


@in_virtual_time
async def test_in_read_only_mode_nothing_that_writes_is_found_or_run() -> None:
    async with trial({"AC_MCP_READ_ONLY": "1"}) as one:
        found = await one.answer("find_operations", query="delete a saved response", limit=20)
        assert {row["kind"] for row in found["operations"]} == {"read"}
        said = await one.refusal("read_operation", id="saved_responses.delete", arguments={"id": "1"})
        assert "is switched off in this server" in said
        assert one.requests == []


@in_virtual_time
async def test_arguments_are_taken_by_the_names_of_the_api_and_refused_with_those_there_are() -> None:
    async with trial() as one:
        await one.answer("read_operation", id="deal_tasks.list", arguments={"filters[status]": "1", "limit": 1})
        assert "filters[status]=1" in next(sent["query"] for sent in one.wire.sent if sent["path"] == "/dealTasks")
        said = await one.refusal("write_operation", id="addresses.create", arguments={**ADDRESS, "citty": "Oslo"})
        assert "did you mean city" in said
        given = json.loads(said.split("arguments=", 1)[1].removesuffix(")"))
        assert json.loads(given)["city"] == "Oslo"  # text, as the schema says


@in_virtual_time
async def test_a_body_that_is_a_list_and_a_list_in_a_query_are_sent_as_such() -> None:
    async with trial() as one:
        values = [{"dealId": 1, "customFieldId": 2, "fieldValue": "7"}]
        await write(one, "deal_custom_field_data.bulk_create", rows=values)
        await write(one, "accounts.bulk_delete", ids=["9", "10"])
        sent = {wire["path"]: wire for wire in one.wire.sent if wire["method"] != "GET"}
        assert sent["/dealCustomFieldData/bulkCreate"]["body"] == values
        assert sent["/accounts/bulk_delete"]["query"] == ["ids[]=9", "ids[]=10"]


@in_virtual_time
async def test_a_password_is_in_no_record() -> None:
    async with trial() as one:
        who = {"username": "new", "email": "new@northwind.example", "firstName": "N", "lastName": "N", "group": 2}
        await write(one, "users.create", **who, password="S3cret-S3cret")
        tables = ("change", "write", "offer")
        kept = str([rows(one, f"SELECT * FROM {table}") for table in tables])
        assert "S3cret" not in kept + json.dumps(await one.answer("list_changes"))


@in_virtual_time
async def test_no_value_leaves_its_path() -> None:
    async with trial() as one:
        for email in ("../1", "..", "a/b@x.example", "a%2f@x.example"):
            assert "cannot stand in a path" in await one.refusal(
                "read_operation", id="users.by_email", arguments={"email": email}
            )
        assert one.requests == []
        found = await one.answer("read_operation", id="users.by_email", arguments={"email": "dana@northwind.example"})
        assert found["user"]["firstName"] == "Dana"


@in_virtual_time
async def test_free_text_is_marked_and_left_out_where_that_is_wished() -> None:
    for environ, shown in (({}, True), ({"AC_MCP_HIDE_USER_CONTENT": "1"}, False)):
        async with trial(environ) as one:
            answer = await one.answer("read_operation", id="saved_responses.list")
            assert (
                "body" in answer["saved_responses" if "saved_responses" in answer else "savedResponses"][0]
            ) == shown
            assert answer["from_account" if shown else "hidden_here"] == ["body"]


@in_virtual_time
async def test_a_text_that_looks_like_json_stays_a_text() -> None:
    async with trial() as one:
        await one.answer("create_deal_field", title="Remark", type="text")
        told = await one.answer("set_deal_field_value", deal="1", field="Remark", value="[not json {")
        assert told["value"] == "[not json {"


@pytest.mark.parametrize("landed", [True, False])
@in_virtual_time
async def test_a_lost_write_that_cannot_be_looked_up_is_made_again_only_with_a_yes(landed: bool) -> None:
    async with trial() as one:
        losing = lose(one, "/addresses", carried_out=landed)
        said = await one.refusal("write_operation", id="addresses.create", arguments=ADDRESS)
        assert "outcome is unknown" in said
        assert said.endswith('Next: read_operation(id="addresses.list")')
        said = await one.refusal("write_operation", id="addresses.create", arguments=ADDRESS)
        assert "may still come in within 30 s" in said
        await anyio.sleep(31)
        with pytest.raises(ConfirmationRequired) as needs:
            await execute(one.account, OPERATIONS["write_operation"], {"id": "addresses.create", "arguments": ADDRESS})
        assert "Look whether it is there" in str(needs.value)
        assert len(losing.sent) == 1
        made = await one.answer("confirm_change", token=needs.value.token)
        assert made["result"] == "created"
        assert (len(losing.sent), len(await addresses(one))) == (2, 4 if landed else 3)
        assert (await write(one, "addresses.create", **ADDRESS))["result"] == "created"  # a new wish


async def addresses(one: Trial) -> Any:
    return (await one.answer("read_operation", id="addresses.list"))["addresses"]
