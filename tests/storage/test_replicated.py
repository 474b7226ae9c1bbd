"""Replicas that share a Redis: one pace, one journal; and what becomes of them while it is away. On a real server."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from time import sleep, time
from typing import Any

import anyio
import httpx2
import pytest
import redis as redis_py
from mcp import Client

from ac_mcp.cli.doctor import describe_state
from ac_mcp.errors import Unavailable
from ac_mcp.gateway.rate_limit import Wait
from ac_mcp.gateway.rate_stores import Lease
from ac_mcp.gateway.redis_rate_store import COLD_SECONDS, RedisRateStore
from ac_mcp.settings import Settings
from ac_mcp.storage import replicated as replica
from ac_mcp.storage.journal import Intent, Journal
from ac_mcp.storage.journal_schema import SCHEMA
from ac_mcp.storage.redis_client import RedisClient
from ac_mcp.storage.replicated import SNAPSHOT_INTERVAL, ReplicatedDatabase
from ac_mcp.storage.sqlite import Unusable
from ac_mcp.writes.audit_log import AuditLog, PendingConfirmation
from tests.server.processes import (
    ALICE,
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
RATES = (("connection 1", 5), ("key 2", 10))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Redis]:
    monkeypatch.setattr(replica, "GRACE", 0)  # nobody else can know more
    with redis(tmp_path) as one:
        yield one


@asynccontextmanager
async def journals(server: Redis, count: int = 2, name: str = "x") -> AsyncGenerator[list[Journal]]:
    """As that many replicas have them."""
    links = [RedisClient(server.url) for _ in range(count)]
    made = [Journal(ReplicatedDatabase(link, name, SCHEMA), time, shared=True) for link in links]
    try:
        yield made
    finally:
        for link, one in zip(links, made, strict=True):
            one.close()
            await link.close()


def intent(request: str) -> Intent:
    return Intent(request, "call", "kind", 0, time() + 30)


def intents(rows: sqlite3.Connection) -> list[tuple[str, str]]:
    return rows.execute("SELECT request, state FROM intent ORDER BY id").fetchall()


async def test_what_one_replica_has_begun_the_other_one_knows(server: Redis) -> None:
    async with journals(server) as (one, other):
        made, earlier = await one.begin_intent(intent("r"), keyed=False)
        assert not earlier
        assert await other.begin_intent(intent("r"), keyed=False) == (made, True)
        await other.end_intent(made, "failed")
        assert await one.has_failed(made)


async def test_many_at_once_lose_nothing_and_double_nothing(server: Redis) -> None:
    async with journals(server, 3) as all_of_them:

        async def many(which: int, one: Journal) -> None:
            for at in range(SNAPSHOT_INTERVAL // 2):
                await one.begin_intent(intent(f"{which}-{at}"), keyed=False)
                await one.begin_intent(intent(f"all-{at}"), keyed=False)

        async with anyio.create_task_group() as group:
            for which, one in enumerate(all_of_them):
                group.start_soon(many, which, one)
        seen = [await one.transact(intents) for one in all_of_them]
        assert seen[0] == seen[1] == seen[2]
        assert len({request for request, _ in seen[0]}) == len(seen[0]) == 4 * (SNAPSHOT_INTERVAL // 2)
        async with journals(server, 1) as (fresh,):  # from the snapshot that has taken the place of the log
            assert await fresh.transact(intents) == seen[0]


async def test_journals_of_others_are_others(server: Redis) -> None:
    async with journals(server, 1, "x") as (one,), journals(server, 1, "y") as (other,):
        await one.begin_intent(intent("r"), keyed=False)
        assert await other.transact(intents) == []


async def test_a_call_that_waits_for_a_yes_is_confirmed_anywhere_and_read_nowhere(server: Redis) -> None:
    async with journals(server) as (one, other):
        hook = PendingConfirmation("create_webhook", {"url": "https://h.example/S3cret"}, "seen")
        token = await AuditLog(one).save_confirmation("alice", hook)
        kept = await other.transact(lambda rows: rows.execute("SELECT * FROM offer").fetchall())
        assert "S3cret" not in str(kept)
        assert await AuditLog(other).take_confirmation("bob", token) is None
        assert await AuditLog(other).take_confirmation("alice", token) == hook
        assert await AuditLog(one).take_confirmation("alice", token) is None


async def test_without_it_nothing_is_begun_and_what_has_ended_is_told_later(server: Redis) -> None:
    async with journals(server) as (one, other):
        made, _ = await one.begin_intent(intent("r"), keyed=False)
        server.kill()
        with pytest.raises(Unavailable, match="cannot be shared") as refused:
            await one.begin_intent(intent("s"), keyed=False)
        assert not refused.value.arrived
        await one.end_intent(made, "failed")
        assert one.is_unavailable
        server.start()
        await anyio.sleep(1.1)  # until it is asked again
        assert await one.transact(intents) == await other.transact(intents) == [("r", "failed")]
        assert not one.is_unavailable


async def test_one_that_comes_back_empty_is_told_what_there_was(server: Redis) -> None:
    async with journals(server) as (one, other):
        await one.begin_intent(intent("r"), keyed=False)
        await other.transact(intents)
        server.kill()
        server.start(keep=False)
        assert await other.transact(intents) == await one.transact(intents) == [("r", "open")]
        await one.begin_intent(intent("s"), keyed=False)
        assert len(await other.transact(intents)) == 2


async def test_a_new_replica_does_not_fill_an_empty_redis_before_those_who_know_more(
    server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with journals(server) as (one, fresh):
        await one.begin_intent(intent("r"), keyed=False)
        server.kill()
        server.start(keep=False)
        monkeypatch.setattr(replica, "GRACE", 60)
        assert await fresh.transact(intents) == []  # who only reads leaves nothing behind
        with pytest.raises(Unavailable, match="others have 60 s"):
            await fresh.begin_intent(intent("s"), keyed=False)
        await one.flush_queue()
        await anyio.sleep(1.1)
        await fresh.begin_intent(intent("s"), keyed=False)
        assert len(await one.transact(intents)) == 2


async def test_who_is_ahead_of_a_redis_that_lost_its_last_entries_follows_the_others(server: Redis) -> None:
    async with journals(server) as (one, other):
        await one.begin_intent(intent("kept"), keyed=False)
        await one.begin_intent(intent("lost"), keyed=False)
        raw: Any = redis_py.Redis(port=server.port)
        raw.rpop("{ac-mcp:x}:journal:log")
        raw.close()
        await other.begin_intent(intent("after"), keyed=False)
        expected = [("kept", "open"), ("after", "open")]
        assert await one.transact(intents) == await other.transact(intents) == expected
        await one.begin_intent(intent("on"), keyed=False)
        assert len(await other.transact(intents)) == 3


async def test_an_entry_that_came_in_without_an_answer_is_not_made_again(server: Redis) -> None:
    """Even once it is part of a snapshot."""

    class Deaf(RedisClient):
        """Sends, and hears no answer of its first entry until others have made the log short."""

        heard = False

        async def run(self, script: str, keys: Any, values: Any = ()) -> Any:
            answer = await super().run(script, keys, values)
            if script == replica.APPEND and not self.heard:
                self.heard = True
                for at in range(SNAPSHOT_INTERVAL + 1):
                    await other.begin_intent(intent(f"other {at}"), keyed=False)
                raise Unusable("no answer")
            return answer

    link = Deaf(server.url)
    async with journals(server, 1) as (other,):
        await other.begin_intent(intent("first"), keyed=False)
        one = Journal(ReplicatedDatabase(link, "x", SCHEMA), time, shared=True)
        made, earlier = await one.begin_intent(intent("mine"), keyed=False)
        assert not earlier
        assert [row for row in await other.transact(intents) if row[0] == "mine"] == [("mine", "open")]
        assert made.request == "mine"
    await link.close()


async def test_what_is_owed_is_told_once(server: Redis) -> None:
    async with journals(server, 1) as (one,):
        await one.begin_keyed_call("key", "first")
        server.kill()
        await one.forget_keyed_call("key")
        server.start()
        await anyio.sleep(1.1)
        found: list[Any] = []

        async def again() -> None:
            found.append(await one.begin_keyed_call("key", "second"))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(again)
        assert [one is None for one in found].count(True) == 1


async def test_nobody_waits_long_for_a_redis_that_hangs(server: Redis) -> None:
    async with journals(server, 1) as (one,):
        await one.begin_intent(intent("r"), keyed=False)
        assert server.process
        server.process.send_signal(signal.SIGSTOP)
        refused: list[str] = []

        async def ask(at: int) -> None:
            try:
                await one.begin_intent(intent(f"s{at}"), keyed=False)
            except Unavailable as trouble:
                refused.append(str(trouble))

        async with anyio.create_task_group() as group:
            for at in range(20):
                group.start_soon(ask, at)
        server.process.send_signal(signal.SIGCONT)
        assert len(refused) == 20
        assert [text.endswith("(Redis is away)") for text in refused].count(True) >= 15  # told without asking again


async def test_slots_of_a_redis_that_knows_less_than_there_was_are_nobodys_for_a_while(server: Redis) -> None:
    link = RedisClient(server.url)
    store = RedisRateStore(link)
    await store.take(RATES, 3.0, False)
    await anyio.sleep(COLD_SECONDS)
    assert isinstance(await store.take(RATES, 3.0, False), Lease)
    server.kill()
    server.start()  # what it holds says that four slots are free
    cold = await store.take(RATES, 3.0, False)
    assert isinstance(cold, Wait)
    assert cold.seconds > 1.0
    await link.close()


async def test_a_slot_is_anybodys_after_a_while_and_nobodys_before(server: Redis) -> None:
    links = [RedisClient(server.url) for _ in range(2)]
    stores = [RedisRateStore(link) for link in links]
    cold = await stores[0].take(RATES, 3.0, False)
    assert isinstance(cold, Wait)
    assert COLD_SECONDS - 0.5 < cold.seconds < COLD_SECONDS + 0.1  # nothing is known of what was sent before
    taken = 0
    with anyio.move_on_after(COLD_SECONDS + 3.0):
        while taken < 5:
            got = await stores[taken % 2].take(RATES, 3.0, False)
            taken += isinstance(got, Lease)
            await anyio.sleep(0.01)
    assert taken == 5
    assert isinstance(await stores[0].take(RATES, 3.0, False), Wait)
    assert (await stores[1].state_of(*RATES[0])).free == 0
    for link in links:
        await link.close()


class Place:
    """A sandbox that counts, and replicas in front of it."""

    def __init__(self, sandbox: str, replicas: list[Served]) -> None:
        self.sandbox, self.replicas = sandbox, replicas

    async def requests(self) -> list[dict[str, Any]]:
        async with httpx2.AsyncClient() as http:
            found: list[dict[str, Any]] = (await http.get(f"{self.sandbox}/sandbox/requests")).json()["requests"]
        return found


@pytest.fixture
def place(server: Redis) -> Generator[Place]:
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
    async with place.replicas[0].client() as one, place.replicas[1].client() as other:
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


async def test_a_write_whose_replica_was_killed_is_not_made_twice_by_the_other(place: Place) -> None:
    """The call is made again elsewhere, as a client does whose connection broke."""
    async with httpx2.AsyncClient() as http:
        await http.post(f"{place.sandbox}/sandbox/faults", content="hang;method=POST;path=/notes;after")
    note = {"text": "Once only", "contact": "1"}
    one, other = place.replicas
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
            if any(sent["method"] == "POST" and sent["path"].endswith("/notes") for sent in await place.requests()):
                break
        one.stop(signal.SIGKILL)
        group.cancel_scope.cancel()
    async with other.client(ALICE) as client:
        made = json.loads(text(await client.call_tool("create_note", note)))
        assert made["result"] == "created after all"
        notes = json.loads(text(await client.call_tool("list_notes", {"contact": "1"})))["notes"]
        assert [row["text"] for row in notes].count("Once only") == 1


@pytest.mark.parametrize(("keeps", "said"), [(True, "in its append-only file"), (False, "--appendonly yes")])
async def test_the_doctor_looks_whether_redis_keeps_what_it_is_told(server: Redis, keeps: bool, said: str) -> None:
    if not keeps:
        link: Any = redis_py.Redis(port=server.port)
        link.config_set("appendonly", "no")
        link.close()
    assert said in await describe_state(Settings.from_env({"MATON_API_KEY": "x", "AC_MCP_REDIS_URL": server.url}))


async def test_the_doctor_says_that_there_is_none() -> None:
    told = await describe_state(
        Settings.from_env({"MATON_API_KEY": "x", "AC_MCP_REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    )
    assert told.startswith("Redis: ")


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


async def test_a_job_is_watched_anywhere_and_taken_up_where_its_replica_died(place: Place) -> None:
    one, other = place.replicas
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
        sent for sent in await place.requests() if sent["path"].endswith("/contactTags") and sent["method"] == "POST"
    ]
    assert len(tags) <= waiting["preview"]["matched"] + 1  # but for the one that was on its way


async def test_what_is_told_late_changes_nothing_that_has_ended_meanwhile(server: Redis) -> None:
    async with journals(server) as (one, other):
        made, _ = await one.begin_intent(intent("r"), keyed=False)
        database: Any = one._database  # pyright: ignore
        link: Any = database._link
        run: Any = link.run

        async def away(*asked: Any) -> Any:
            raise Unusable("cut off")

        link.run = away
        await one.end_intent(made, "unknown", time() + 1)
        joined, earlier = await other.begin_intent(intent("r"), keyed=False)
        assert earlier
        claimed = await other.claim_resend(joined, time() + 30)
        assert claimed
        await other.mark_made(claimed, ["7"], surely=True)
        link.run = run
        await anyio.sleep(1.1)
        assert await one.transact(intents) == [("r", "made")]


async def test_many_at_once_are_no_outage(server: Redis) -> None:
    """The client library has a hundred connections, and an error for the next one who asks."""
    link, answered = RedisClient(server.url), list[int]()

    async def ask() -> None:
        answered.append(await link.run("return 1", ()))

    async with anyio.create_task_group() as group:
        for _ in range(300):
            group.start_soon(ask)
    assert len(answered) == 300
    await link.close()


async def test_a_redis_that_does_not_tell_about_itself_will_do(server: Redis) -> None:
    raw: Any = redis_py.Redis(port=server.port)
    raw.execute_command("ACL", "SETUSER", "plain", "on", ">secret", "~*", "+@all", "-@dangerous")
    raw.close()
    link = RedisClient(f"redis://plain:secret@127.0.0.1:{server.port}/0")
    one = Journal(ReplicatedDatabase(link, "x", SCHEMA), time, shared=True)
    await one.begin_intent(intent("r"), keyed=False)
    assert await one.transact(intents) == [("r", "open")]
    assert isinstance(await RedisRateStore(link).take(RATES, 3.0, False), Wait)
    await link.close()
