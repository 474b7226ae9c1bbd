"""Replicas as processes that share a Redis: one pace, one journal; and what becomes of them while it is away."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import sleep, time
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from tests.server.processes import (
    ALICE,
    BOB,
    TOKENS,
    Redis,
    Served,
    free_port,
    gateway,
    listening,
    needs_redis,
    redis,
    served,
)
from tests.server.test_http import text

pytestmark = needs_redis


class Place:
    """A sandbox that counts, and replicas in front of it."""

    def __init__(self, sandbox: str, replicas: list[Served]) -> None:
        self.sandbox, self.replicas = sandbox, replicas

    async def requests(self) -> list[dict[str, Any]]:
        async with httpx2.AsyncClient() as http:
            found: list[dict[str, Any]] = (await http.get(f"{self.sandbox}/sandbox/requests")).json()["requests"]
        return found


@contextmanager
def replicas_on(server: Redis) -> Generator[Place]:
    began, port = time(), free_port()
    command = [sys.executable, "-m", "ac_mcp", "sandbox", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ExitStack() as stack:
        try:
            listening(port, process)
            url = f"http://127.0.0.1:{port}"
            told = gateway(url, AC_MCP_REDIS_URL=server.url, AC_MCP_HTTP_TOKEN=TOKENS)
            replicas = [stack.enter_context(served(**told)) for _ in range(2)]
            sleep(max(0.0, began + 4 - time()))
            yield Place(url, replicas)
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Redis]:
    with redis(tmp_path_factory.mktemp("redis")) as one:
        yield one


@pytest.fixture(scope="module")
def place(server: Redis) -> Generator[Place]:
    """For tests that leave both replicas and Redis running; each test reads changes of a caller of its own."""
    with replicas_on(server) as one:
        yield one


@pytest.fixture
def doomed(tmp_path: Path) -> Generator[Place]:
    """For a test that kills a replica."""
    with redis(tmp_path) as server, replicas_on(server) as one:
        yield one


async def calls(client: Client, count: int, found: list[Any]) -> None:
    found += [await client.call_tool("list_tags", {"limit": 1}) for _ in range(count)]


async def test_two_replicas_keep_one_pace_through_a_restart_of_redis(place: Place, server: Redis) -> None:
    """The sandbox refuses the sixth request in a second; nobody may ever be refused."""
    found: list[Any] = []
    async with (
        place.replicas[0].client() as one,
        place.replicas[1].client() as other,
        anyio.create_task_group() as group,
    ):
        for client in (one, other, one, other):
            group.start_soon(calls, client, 10, found)
        await anyio.sleep(3)
        server.kill()
        await anyio.sleep(2)
        server.start(keep=False)
    assert [text(answer) for answer in found if answer.is_error] == []
    assert len(found) == 40
    assert [one for one in await place.requests() if one["status"] == 429] == []


async def test_a_write_is_known_to_the_replica_that_did_not_make_it(place: Place) -> None:
    async with place.replicas[0].client(BOB) as one, place.replicas[1].client(BOB) as other:
        await one.call_tool("create_tag", {"name": "Shared"})
        (change,) = json.loads(text(await other.call_tool("list_changes", {})))["changes"]
        undone = json.loads(text(await other.call_tool("undo_change", {"change": change["id"]})))
        assert undone["result"] == "undone"
        again = json.loads(text(await one.call_tool("undo_change", {"change": change["id"]})))
        assert again["result"] == "nothing undone"


async def test_while_redis_is_away_reads_go_on_writes_are_refused_and_all_is_well_again_after(
    place: Place, server: Redis
) -> None:
    async with place.replicas[0].client() as one, httpx2.AsyncClient() as http:
        await one.call_tool("list_tags", {"limit": 1})
        server.kill()
        assert not (await one.call_tool("list_tags", {"limit": 2})).is_error
        before = len([sent for sent in await place.requests() if sent["method"] == "POST"])
        refused = await one.call_tool("create_tag", {"name": "Away"})
        assert refused.is_error
        assert "the journal cannot be shared" in text(refused)
        assert len([sent for sent in await place.requests() if sent["method"] == "POST"]) == before
        ready = await http.get(f"{place.replicas[0].url}/readyz")
        assert (ready.status_code, len(ready.json()["troubles"])) == (503, 2)
        server.start()
        made = refused
        while made.is_error:
            await anyio.sleep(0.1)
            made = await one.call_tool("create_tag", {"name": "Away"})
        assert json.loads(text(made))["result"] == "created"
        assert (await http.get(f"{place.replicas[0].url}/readyz")).status_code == 200


async def test_a_write_whose_replica_was_killed_is_not_made_twice_by_the_other(doomed: Place) -> None:
    """The call is made again elsewhere, as a client does whose connection broke."""
    async with httpx2.AsyncClient() as http:
        await http.post(f"{doomed.sandbox}/sandbox/faults", content="hang;method=POST;path=/notes;after")
    note = {"text": "Once only", "contact": "1"}
    one, other = doomed.replicas
    async with anyio.create_task_group() as group:

        async def lost() -> None:
            try:
                async with one.client(ALICE) as client:
                    await client.call_tool("create_note", note)
            except BaseException as broken:
                if isinstance(broken, anyio.get_cancelled_exc_class()):
                    raise

        group.start_soon(lost)
        for _ in range(100):
            await anyio.sleep(0.1)
            if any(sent["method"] == "POST" and sent["path"].endswith("/notes") for sent in await doomed.requests()):
                break
        one.stop(signal.SIGKILL)
        group.cancel_scope.cancel()
    async with other.client(ALICE) as client:
        made = json.loads(text(await client.call_tool("create_note", note)))
        assert made["result"] == "created after all"
        notes = json.loads(text(await client.call_tool("list_notes", {"contact": "1"})))["notes"]
        assert [row["text"] for row in notes].count("Once only") == 1


async def test_a_question_asked_by_one_replica_is_answered_at_the_other(place: Place) -> None:
    """As a client of 2026-07-28 does: the call is made again, anywhere, with what was said."""
    meta: dict[str, Any] = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
    }
    hook = {"name": "h", "url": "https://h.example/S3cret", "events": ["subscribe"], "sources": ["public"]}
    headers = {
        "Authorization": f"Bearer {ALICE}", "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "create_webhook",
    }  # fmt: skip

    async def call(where: Served, **more: Any) -> dict[str, Any]:
        params: dict[str, Any] = {"name": "create_webhook", "arguments": hook, "_meta": meta, **more}
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with httpx2.AsyncClient(timeout=60) as http:
            said = (await http.post(f"{where.url}/mcp", json=body, headers=headers)).text
        return json.loads(said.split("data: ")[-1])["result"]

    asked = await call(place.replicas[0])
    assert asked["resultType"] == "input_required"
    said = {"confirm": {"action": "accept", "content": {"confirm": True}}}
    done = await call(place.replicas[1], inputResponses=said, requestState=asked["requestState"])
    assert json.loads(done["content"][0]["text"])["result"] == "created"


async def posted(where: Served, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """One call without a client, which would mind the end of its server."""
    headers = {"Authorization": f"Bearer {ALICE}", "Accept": "application/json, text/event-stream"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    async with httpx2.AsyncClient(timeout=60) as http:
        said = (await http.post(f"{where.url}/mcp", json=body, headers=headers)).text
    return json.loads(json.loads(said.split("data: ")[-1])["result"]["content"][0]["text"])


async def test_a_job_is_watched_anywhere_and_taken_up_where_its_replica_died(doomed: Place) -> None:
    one, other = doomed.replicas
    waiting = await posted(one, "bulk_update_contacts", {"where": ["list=Newsletter"], "add_tag": "VIP"})

    async def confirm() -> None:
        with suppress(httpx2.HTTPError):
            await posted(one, "confirm_change", {"token": waiting["token"]})

    async with anyio.create_task_group() as group:
        group.start_soon(confirm)
        seen: dict[str, Any] = {}
        while seen.get("result") != "running":
            await anyio.sleep(0.2)
            with suppress(ValueError):  # an error is no JSON: it has not begun yet
                seen = await posted(other, "follow_job", {"job": "1"})
        one.stop(signal.SIGKILL)
    done = await posted(other, "follow_job", {"job": "1", "action": "resume"})
    while done["result"] != "done":
        await anyio.sleep(1)
        done = await posted(other, "follow_job", {"job": "1", "action": "resume"})
    found = await posted(other, "list_contacts", {"list": "Newsletter", "tag": "VIP", "limit": 1})
    assert found["total"] == waiting["preview"]["matched"]
    tags = [
        sent for sent in await doomed.requests() if sent["path"].endswith("/contactTags") and sent["method"] == "POST"
    ]
    assert len(tags) <= waiting["preview"]["matched"] + 1  # but for the one that was on its way
