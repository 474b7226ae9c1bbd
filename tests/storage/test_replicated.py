"""One journal for all who share a Redis; and what becomes of it while that is away. On a real server."""

import signal
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time
from typing import Any

import anyio
import pytest
import redis as redis_py

from ac_mcp.errors import Unavailable
from ac_mcp.gateway.rate_limit import Wait
from ac_mcp.gateway.redis_rate_store import RedisRateStore
from ac_mcp.storage import replicated as replica
from ac_mcp.storage.journal import Intent, Journal
from ac_mcp.storage.journal_schema import SCHEMA
from ac_mcp.storage.redis_client import RedisClient
from ac_mcp.storage.replicated import SNAPSHOT_INTERVAL, ReplicatedDatabase
from ac_mcp.storage.sqlite import Unusable
from ac_mcp.writes.audit_log import AuditLog, PendingConfirmation
from tests.gateway.test_redis_rate_store import RATES
from tests.server.processes import Redis, needs_redis, redis

pytestmark = needs_redis


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
