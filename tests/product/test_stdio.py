"""The server as a process: a real client over stdio, in both protocol eras."""

import json
import subprocess
import sys
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters

from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.tools.toolsets import USUAL
from tests.examples import CALLS

COMMAND = [sys.executable, "-m", "ac_mcp", "--sandbox", "--toolsets", "all"]


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_every_tool_answers_over_stdio(mode: Any) -> None:
    """Each good call of the examples, one after the other, on one account."""
    said: list[str] = []

    async def agree(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        said.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:])
    async with Client(server, mode=mode, elicitation_callback=agree) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [*OPERATIONS]
        offered = {*OPERATIONS} if mode != "legacy" else USUAL  # one era with all of them: each request takes its time
        tools, job = CALLS.keys() & offered - {"confirm_change"}, ""
        for tool in sorted(
            tools, key=lambda name: (not name.startswith(("list_", "get_")), name.startswith("delete_"), name)
        ):
            result = await client.call_tool(tool, CALLS[tool] | ({"job": job} if tool == "follow_job" else {}))
            part, *links = result.content
            assert isinstance(part, types.TextContent)
            assert not result.is_error, (tool, part.text)
            linked = ("export_", "import_") if mode == "legacy" else ("export_", "import_", "follow_")
            assert bool(links) == tool.startswith(linked), tool
            job = json.loads(part.text).get("job", job)
    # Somebody who had opted out, and the webhook; with the next ring what no undo brings back.
    assert len(said) == (2 if mode == "legacy" else 8), said


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_resources_prompts_and_completions_answer_over_stdio_in_structured_mode(mode: Any) -> None:
    server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env={"AC_MCP_STRUCTURED": "1"})
    async with Client(server, mode=mode) as client:
        account, _ = (await client.list_resources()).resources
        (part,) = (await client.read_resource(str(account.uri))).contents
        assert isinstance(part, types.TextResourceContents)
        told = await client.call_tool("describe_account", {})
        assert told.structured_content == json.loads(part.text)
        name = told.structured_content["lists"][0]["name"]
        names = await client.complete(types.PromptReference(name="clean_up_list"), {"name": "list", "value": name[:3]})
        assert names.completion.values == [name]
        prompt = await client.get_prompt("clean_up_list", {"list": name})
        assert len(prompt.messages) == 1


def test_nothing_but_json_rpc_is_written_to_stdout() -> None:
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    lines: list[Json] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_users", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "get_tag", "arguments": {"tag": "no"}}},
    ]
    sent = "".join(json.dumps(line) + "\n" for line in lines)
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(sent)
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(3)]
        rest, noise = process.communicate(timeout=20)
    assert sorted(answer["id"] for answer in answers) == [1, 2, 3]
    assert (rest, noise, process.returncode) == ("", "", 0)
