"""The server as a process against a sandbox that fails as a network does: over HTTP, in real time."""

import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters

from ac_mcp.messages import Json
from ac_mcp.sandbox import Sandbox, parse

DEAL: Json = {"title": "Over the wire", "value": 12.5, "currency": "usd", "contact": "1", "pipeline": "1"}
NOTED = "import os,sys; open(sys.argv[1],'w').write(str(os.getpid())); from ac_mcp.cli.main import run; run(['serve'])"


@asynccontextmanager
async def listening() -> AsyncGenerator[tuple[Sandbox, str]]:
    one = Sandbox()
    server = await one.serve(0)
    try:
        yield one, "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        one.close()


def process(address: str, folder: Path) -> StdioServerParameters:
    """A server that shares its state folder with the next one, and writes down its process id."""
    environ = {"MATON_API_BASE_URL": address, "MATON_API_KEY": Sandbox.key, "AC_MCP_STATE_DIR": str(folder)}
    command = ["-c", NOTED, str(folder / "pid")]
    return StdioServerParameters(command=sys.executable, args=command, env={**os.environ, **environ})


def deals(one: Sandbox) -> int:
    rows = one._store.for_account(1).select("deals")  # pyright: ignore[reportPrivateUsage]
    return [row["title"] for row in rows].count(DEAL["title"])


async def created(client: Client) -> Json:
    result = await client.call_tool("create_deal", DEAL)
    (part,) = result.content
    assert isinstance(part, types.TextContent)
    assert not result.is_error, part.text
    return json.loads(part.text)


async def test_a_connection_that_drops_after_the_write_is_an_answer_all_the_same(tmp_path: Path) -> None:
    async with listening() as (one, address), Client(process(address, tmp_path)) as client:
        one.faults.add(parse("drop;method=POST;path=/deals;after"))
        assert (await created(client))["result"] == "created after all"
        one.faults.add(parse("cut;method=POST;path=/deals"))
        assert (await created(client))["result"] == "created after all"
        assert deals(one) == 2


async def test_a_server_that_is_killed_over_a_write_is_followed_by_one_that_does_not_repeat_it(tmp_path: Path) -> None:
    async with listening() as (one, address):
        one.faults.add(parse("hang;method=POST;path=/deals;after"))
        with anyio.CancelScope() as gone:
            async with Client(process(address, tmp_path)) as client, anyio.create_task_group() as group:
                group.start_soon(killed_once, one, tmp_path, gone)
                await client.call_tool("create_deal", DEAL)
        async with Client(process(address, tmp_path)) as client:
            assert (await created(client))["result"] == "created after all"
        assert deals(one) == 1


async def killed_once(one: Sandbox, folder: Path, gone: anyio.CancelScope) -> None:
    """The write has landed and its answer hangs: now."""
    while not deals(one):  # noqa: ASYNC110
        await anyio.sleep(0.05)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    gone.cancel()


async def test_a_call_that_its_client_cancels_ends_at_once_and_the_server_goes_on(tmp_path: Path) -> None:
    async with listening() as (one, address), Client(process(address, tmp_path)) as client:
        one.faults.add(parse("hang;method=GET;path=/tags"))
        with anyio.move_on_after(2) as impatient:
            await client.call_tool("list_tags", {})
        assert impatient.cancelled_caught
        with anyio.fail_after(10):
            assert not (await client.call_tool("list_tags", {})).is_error


async def test_faults_of_the_transport_leave_the_sandboxs_own_desk_alone() -> None:
    async with listening() as (one, address), httpx2.AsyncClient(base_url=address, timeout=5) as http:
        await http.post("/sandbox/faults", content="drop;times=9")
        assert (await http.delete("/sandbox/faults")).status_code < 300
        assert one.faults.waiting == []
