"""Every tool through a client in memory, in both protocol eras."""

import json
from collections.abc import Iterable
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from ac_mcp.operations import OPERATIONS
from tests.examples import CALLS
from tests.support import connected, in_virtual_time, trial


async def answered(client: Client, tools: Iterable[str], linked: tuple[str, ...] = ("export_", "import_")) -> None:
    """Each of these gives its answer to the good call of the examples; with a link where its name begins so."""
    job = ""
    for tool in tools:
        result = await client.call_tool(tool, CALLS[tool] | ({"job": job} if tool == "follow_job" else {}))
        part, *links = result.content
        assert isinstance(part, types.TextContent)
        assert not result.is_error, (tool, part.text)
        assert bool(links) == tool.startswith(linked), tool
        job = json.loads(part.text).get("job", job)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@in_virtual_time
async def test_every_tool_answers_a_client(mode: Any) -> None:
    """One after the other, on one account."""
    said: list[str] = []

    async def agree(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        said.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    tools = sorted(
        CALLS.keys() - {"confirm_change"},
        key=lambda name: (not name.startswith(("list_", "get_")), name.startswith("delete_"), name),
    )
    async with (
        trial({"AC_MCP_CONFIRM": "auto"}, rate=5) as one,
        connected(one, mode=mode, elicitation_callback=agree) as client,
    ):
        assert [tool.name for tool in (await client.list_tools()).tools] == [*OPERATIONS]
        await answered(client, tools, ("export_", "import_", "follow_"))  # what is followed is an export
    # Somebody who had opted out, the webhook, and what no undo brings back.
    assert len(said) == 8, said
