"""The MCP side: what a client sees, in both protocol eras."""

import json
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import MCPError

from ac_mcp.operations import OPERATIONS
from ac_mcp.server.tools import INSTRUCTIONS, definition_size, error_or_text
from ac_mcp.settings import Settings
from ac_mcp.tools.toolsets import USUAL
from tests.operations.test_snapshots import OURS
from tests.support import KEY, connected, in_virtual_time, trial

ERAS = pytest.mark.parametrize(
    "options", [{"mode": "legacy"}, {"mode": "2026-07-28"}], ids=["2025-11-25", "2026-07-28"]
)


def text(result: types.CallToolResult) -> str:
    (part,) = result.content
    assert isinstance(part, types.TextContent)
    return part.text


@ERAS
@in_virtual_time
async def test_a_client_lists_all_tools_and_gets_text_only(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        listed = (await client.list_tools()).tools
        assert [tool.name for tool in listed] == [*OPERATIONS]
        result = await client.call_tool("get_tag", {"tag": "vip"})
        assert json.loads(text(result))["tag"]["name"] == "VIP"
        assert (result.structured_content, result.is_error) == (None, False)


@ERAS
@in_virtual_time
async def test_a_wrong_call_is_an_error_result_with_help(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        result = await client.call_tool("get_tag", {"tagg": "VIP"})
        assert result.is_error
        assert text(result).endswith('Next: get_tag(tag="VIP")')


@ERAS
@in_virtual_time
async def test_an_unknown_tool_is_a_protocol_error_that_names_the_real_one(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("search_contacts", {"search": "jane"})
        assert caught.value.code == -32602
        assert 'Next: list_contacts(search="jane")' in str(caught.value)
        assert caught.value.error.data == {"tool": "list_contacts", "arguments": {"search": "jane"}}


@ERAS
@in_virtual_time
async def test_a_crash_inside_shows_nothing_of_itself(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def crash(request: httpx2.Request) -> httpx2.Response:
        raise RuntimeError(f"secret {KEY}")

    async with trial() as one, connected(one, **options) as client:
        one.wire.answer = crash
        result = await client.call_tool("list_tags", {})
        assert text(result) == "list_tags failed inside the server (RuntimeError). A retry will not help."
    assert "list_tags crashed" in caplog.text


@in_virtual_time
async def test_without_maton_there_are_no_connection_tools() -> None:
    async with trial({"AC_API_URL": "https://acme.api-us1.com", "AC_API_TOKEN": KEY}) as one, connected(one) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert set(OPERATIONS) - names == {"list_connections", "get_connection", "manage_connection"}
        assert json.loads(text(await client.call_tool("list_users", {})))["total"] == 5


@in_virtual_time
async def test_without_a_key_tools_are_listed_and_a_call_says_how_to_get_one() -> None:
    async with trial({"MATON_API_KEY": ""}) as one, connected(one) as client:
        assert len((await client.list_tools()).tools) == len(OPERATIONS)
        result = await client.call_tool("list_tags", {})
        assert result.is_error
        assert text(result).startswith("No key is set, so no account can be reached. Set MATON_API_KEY")


@in_virtual_time
async def test_progress_reaches_a_client_that_asked_for_it() -> None:
    seen: list[tuple[float, float | None]] = []

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total))

    async with trial() as one, connected(one) as client:
        await client.call_tool("list_notes", {"deal": "1"}, progress_callback=noted)
    assert len(seen) == 1


def test_what_a_model_reads_of_all_tools_stays_within_19_kilobytes() -> None:
    sizes = {name: definition_size(OPERATIONS[name], Settings()) for name in USUAL}
    later = sum(sizes.pop(name) for name in OURS & USUAL)
    assert sum(sizes.values()) <= 19_000, sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert sum(sizes.values()) + later <= 26_000


def test_the_instructions_stay_under_two_kilobytes() -> None:
    assert len(INSTRUCTIONS.encode()) < 2000


@in_virtual_time
async def test_twenty_contacts_are_a_twelfth_of_what_the_account_sent() -> None:
    async with trial() as one, connected(one) as client:
        answer = text(await client.call_tool("list_contacts", {"limit": 20}))
        assert len(json.loads(answer)["contacts"]) == 20
        assert len(answer.encode()) * 12 <= one.wire.received


def test_half_an_emoji_in_an_answer_becomes_the_replacement_character() -> None:
    assert text(error_or_text("/exports/caf\udce9 \ud83d\U0001f600é")) == "/exports/caf\ufffd \ufffd\U0001f600é"
