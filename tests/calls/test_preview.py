"""A preview shows what a write would send and change, and writes nothing."""

from typing import Any

import pytest

from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from tests.examples import CALLS
from tests.sandbox_state import difference, state
from tests.support import in_virtual_time, trial

WRITING = [name for name, one in OPERATIONS.items() if not one.read_only and one.resource.plane != "local"]
MADE_IN_BETWEEN = {"create_field"}
"""What it makes first has an id only then."""


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_a_preview_shows_the_requests_of_the_call_and_changes_nothing(tool: str) -> None:
    async with trial() as one:
        before = state(one.sandbox)
        preview = await one.answer("preview_change", tool=tool, arguments=CALLS[tool])
        assert difference(before, state(one.sandbox)) == {}
        assert not [line for line in one.requests if not line.startswith("GET")]
        assert preview["result"] == "preview: nothing was written"
        one.forget_requests()
        await one.answer(tool, **CALLS[tool])
        sent = [request for request in one.wire.sent if request["method"] != "GET"]
        shown = [(request["method"], request["path"], request.get("body")) for request in preview["requests"]]
        really = [(one["method"], one["path"].replace("//", "/"), one.get("body")) for one in sent]
        if tool in MADE_IN_BETWEEN:
            assert [(method, path) for method, path, _ in shown] == [(method, path) for method, path, _ in really]
        else:
            assert shown == really


CHANGES: dict[str, tuple[Json, list[Json]]] = {
    "update_contact": (
        {"contact": "2", "phone": "5", "last_name": "Stone", "fields": ["Plan=Team"]},
        [
            {
                "changes": "contact",
                "id": "2",
                "before": {"phone": "+1 312 555 0102", "fields": {"Plan": None}},
                "after": {"phone": "5", "fields": {"Plan": "Team"}},
            }
        ],
    ),
    "update_deal": (
        {"deal": "1", "value": 1, "stage": "Lead"},
        [
            {
                "changes": "deal",
                "id": "1",
                "before": {"value": 12500.0, "stage": "Proposal", "stage_id": "3"},
                "after": {"value": 1.0, "stage": "Lead", "stage_id": "1"},
            }
        ],
    ),
    "create_tag": ({"name": "New"}, [{"creates": "tag", "after": {"name": "New", "type": "contact"}}]),
    "delete_tag": (
        {"tag": "VIP 2025"},
        [
            {
                "deletes": "tag",
                "before": {"id": "7", "name": "VIP 2025", "description": "The VIPs of 2025"},
                "with": {"contacts": 8},
            }
        ],
    ),
}


@pytest.mark.parametrize("tool", CHANGES)
@in_virtual_time
async def test_a_record_is_shown_before_and_after_field_by_field(tool: str) -> None:
    arguments, wanted = CHANGES[tool]
    async with trial() as one:
        preview = await one.answer("preview_change", tool=tool, arguments=arguments)
        (shown,) = preview["changes"]
        expected: Any = wanted[0]
        for key, part in expected.items():
            held: Any = {name: shown[key].get(name) for name in part} if isinstance(part, dict) else shown[key]  # pyright: ignore
            assert held == part
        if tool.startswith("update"):
            assert shown == expected


@in_virtual_time
async def test_what_else_may_happen_is_said_as_far_as_the_account_can_tell() -> None:
    async with trial() as one:
        also = (await one.answer("preview_change", tool="update_contact", arguments={"contact": "2", "phone": "5"}))[
            "also"
        ]
        assert also == [
            "Automations that start when a detail or field changes run, and may send mail. Active here: Welcome "
            "series, Trial onboarding, Webinar follow-up; what starts each the API does not tell.",
            "The webhook 'CRM mirror' reports it.",
        ]
        gone = await one.answer("preview_change", tool="delete_contact", arguments={"contact": "jane@acme.example"})
        assert gone["changes"][0]["with"] == {
            "tags": 2, "lists": 2, "custom field values": 4, "notes": 2, "deals": 2, "companies": 1,
            "automations it is in": 1,
        }  # fmt: skip


@in_virtual_time
async def test_what_is_so_already_is_said_to_change_nothing() -> None:
    async with trial() as one:
        tags = {"contact": "jane@acme.example", "list": "Newsletter"}
        preview = await one.answer("preview_change", tool="subscribe_contact", arguments=tags)
        assert preview["note"] == "It would write nothing: it is so already."
        worn = await one.answer("preview_change", tool="tag_contact", arguments={"contact": "1", "tag": "VIP"})
        assert worn["note"] == "It would change nothing: it is so already."
        assert "also" not in worn


@pytest.mark.parametrize("word", ["dry_run", "dryRun", "dry-run", "simulate", "preview"])
@in_virtual_time
async def test_a_dry_run_asked_of_a_tool_is_refused_with_the_preview_ready_to_run(word: str) -> None:
    async with trial() as one:
        said = await one.refusal("update_deal", **{"deal": "1", "status": "won", word: True})
        assert said == (
            f"update_deal takes no {word}: preview_change shows what it would do. Nothing was changed.\n"
            'Next: preview_change(tool="update_deal", arguments="{\\"deal\\": \\"1\\", \\"status\\": \\"won\\"}")'
        )
        assert one.requests == []


@in_virtual_time
async def test_a_dry_run_of_what_only_reads_is_the_call_itself() -> None:
    async with trial() as one:
        said = await one.refusal("get_deal", deal="1", dry_run=True)
        assert said == (
            'Unknown argument dry_run: get_deal only reads, nothing is changed by it.\nNext: get_deal(deal="1")'
        )
        assert (await one.refusal("delete_deal", deal="1", dry_run=False)).endswith('Next: delete_deal(deal="1")')


@in_virtual_time
async def test_a_wrong_preview_is_refused_like_the_call_and_suggests_no_more_than_a_preview() -> None:
    async with trial() as one:
        said = await one.refusal("preview_change", tool="tag_contact", arguments={"contact": "2", "tag": "Trail"})
        assert 'closest: "Trial" (id 3)' in said
        assert said.endswith(
            'Next: preview_change(tool="tag_contact", arguments="{\\"contact\\": \\"2\\", \\"tag\\": \\"Trial\\"}")'
        )
        for tool, arguments in (
            ("create_tag", {"name": "vip"}),
            ("create_contact", {"email": "jane@acme.example"}),
            ("update_contact", {"contact": "2", "email": "jane@acme.example"}),
        ):
            assert "exists already" in await one.refusal("preview_change", tool=tool, arguments=arguments)
        same = {"contact": "1", "email": "jane@acme.example", "phone": "1"}
        assert (await one.answer("preview_change", tool="update_contact", arguments=same))["requests"]
        double = await one.refusal(
            "preview_change", tool="create_list", arguments=CALLS["create_list"] | {"name": "Newsletter"}
        )
        assert "exists already" in double
        assert (await one.refusal("preview_change", tool="get_tag", arguments={"tag": "VIP"})).startswith(
            "get_tag only reads: call it as it is"
        )
        assert (await one.refusal("preview_change", tool="no_such", arguments={})).startswith(
            "tool: there is no 'no_such'"
        )
        assert not [line for line in one.requests if not line.startswith("GET")]


@in_virtual_time
async def test_the_preview_of_an_undo_shows_what_it_would_send() -> None:
    async with trial() as one:
        await one.answer("update_tag", tag="VIP", name="Very important")
        before = state(one.sandbox)
        preview = await one.answer("preview_change", tool="undo_change", arguments={"change": "1"})
        assert preview["requests"] == [{"method": "PUT", "path": "/tags/1", "body": {"tag": {"tag": "VIP"}}}]
        assert preview["changes"][0]["after"] == {"name": "VIP"}
        assert difference(before, state(one.sandbox)) == {}


@in_virtual_time
async def test_what_is_not_there_is_refused_as_the_call_would_be() -> None:
    async with trial() as one:
        for tool, arguments in (
            ("update_deal", {"deal": "999", "value": 5}),
            ("update_contact", {"contact": "999", "phone": "1"}),
            ("delete_contact", {"contact": "999"}),
            ("tag_contact", {"contact": "999", "tag": "VIP"}),
            ("create_note", {"contact": "999", "text": "x"}),
        ):
            said = await one.refusal("preview_change", tool=tool, arguments=arguments)
            assert "has the id 999 (not found)" in said, tool


@in_virtual_time
async def test_a_preview_says_that_the_call_would_ask() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        hook = await one.answer("preview_change", tool="create_webhook", arguments=CALLS["create_webhook"])
        assert hook["asks"][0].startswith("From then on ActiveCampaign sends data")
        gone = {"action": "delete", "connection": "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"}
        cut = await one.answer("preview_change", tool="manage_connection", arguments=gone)
        assert cut["asks"][0].startswith("A deleted connection cannot be restored")
        assert "also" not in cut
        assert "asks" not in await one.answer("preview_change", tool="create_tag", arguments={"name": "A"})


@in_virtual_time
async def test_arguments_may_come_as_text_or_beside_the_tool() -> None:
    async with trial() as one:
        wanted = {"tool": "update_deal", "arguments": {"deal": "1", "value": 3}}
        shown = await one.answer("preview_change", **wanted)
        assert await one.answer("preview_change", tool="update_deal", arguments='{"deal": "1", "value": 3}') == shown
        assert await one.answer("preview_change", tool="update_deal", deal="1", value=3) == shown
