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
from tests.examples import CALLS
from tests.server.test_every_tool import answered

COMMAND = [sys.executable, "-m", "ac_mcp", "--sandbox", "--toolsets", "all"]


ONE_OF_EACH = (
    "list_tags", "get_contact", "list_connections", "read_operation", "preview_change",
    "update_contact", "create_webhook", "bulk_update_contacts", "follow_job", "export_contacts", "delete_note",
    "list_changes",
)  # fmt: skip
"""A read, a composite one, one of the connections, a generic one, a preview; a write, one that waits for a
yes, a job, what became of it, a file, a delete, and what only this server knows."""


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_tool_of_each_kind_answers_over_stdio(mode: Any) -> None:
    """One after the other on one account. All tools answer in memory: tests/server/test_every_tool.py."""
    said: list[str] = []

    async def agree(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        said.append(params.message)
        return types.ElicitResult(action="accept", content={"confirm": True})

    server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:])
    async with Client(server, mode=mode, elicitation_callback=agree) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [*OPERATIONS]
        await answered(client, ONE_OF_EACH)
        wrong = await client.call_tool("get_tag", {"tag": "VPI"})
        (part,) = wrong.content
        assert isinstance(part, types.TextContent)
        assert (wrong.is_error, 'Next: get_tag(tag="VIP")' in part.text) == (True, True)
    assert len(said) == 1, said


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_write_that_waits_is_confirmed_over_stdio(mode: Any) -> None:
    """By a client that cannot ask."""
    async with Client(StdioServerParameters(command=COMMAND[0], args=COMMAND[1:]), mode=mode) as client:
        waiting = await client.call_tool("create_webhook", CALLS["create_webhook"])
        (part,) = waiting.content
        assert isinstance(part, types.TextContent)
        done = await client.call_tool("confirm_change", {"token": json.loads(part.text)["token"]})
        (part,) = done.content
        assert isinstance(part, types.TextContent)
        assert (done.is_error, json.loads(part.text)["result"]) == (False, "created")


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
