"""The file that processes share: it behaves as memory does, and its loss slows us but does not stop us."""

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import Lease, MemoryRateStore, Rates, SqliteRateStore, Wait
from ac_mcp.storage.sqlite import Unusable
from tests.support import clock, in_virtual_time

BOTH: Rates = (("account", 5), ("key", 10))
Step = tuple[str, float]


async def played(
    store: MemoryRateStore | SqliteRateStore, steps: list[Step], move: Callable[[float], None]
) -> list[Any]:
    """What a store answers to a course of events."""
    held, said = list[Lease](), list[Any]()
    for what, seconds in steps:
        match what:
            case "take" | "bulk":
                got = await store.take(BOTH, 3, what == "bulk")
                held += [got] if isinstance(got, Lease) else []
                said.append(got.places if isinstance(got, Lease) else got)
            case "give" if held:
                await store.give_back(held.pop(0), seconds)
            case "pause":
                await store.pause("account", seconds)
            case _:
                move(seconds)
        said.append(await store.state_of("account", 5))
    return said


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["take", "take", "bulk", "give", "give", "pause", "wait"]), st.floats(0, 3)),
        max_size=40,
    )
)
def test_the_file_answers_as_memory_does(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    def run(made: Callable[[Callable[[], float]], MemoryRateStore | SqliteRateStore]) -> list[Any]:
        time = [100.0]

        def move(seconds: float) -> None:
            time[0] += seconds

        store = made(lambda: time[0])
        try:
            return anyio.run(played, store, steps, move)
        finally:
            store.close()

    path = tmp_path_factory.mktemp("pacing") / "pacing.db"
    assert run(lambda now: SqliteRateStore(path, now, now)) == run(lambda now: MemoryRateStore(now, now))


async def test_two_processes_share_what_the_file_says(tmp_path: Path) -> None:
    one, other = SqliteRateStore(tmp_path / "p.db"), SqliteRateStore(tmp_path / "p.db")
    taken = [await store.take(BOTH, 3, False) for store in (one, other, one, other, one)]
    assert all(isinstance(lease, Lease) for lease in taken)
    assert isinstance(await other.take(BOTH, 3, False), Wait)
    await one.pause("account", 30)
    assert (await other.state_of("account", 5)).paused == pytest.approx(30, abs=1)
    one.close()
    other.close()


async def test_many_at_once_never_take_a_slot_twice(tmp_path: Path) -> None:
    """Twelve connections on threads of their own, as twelve processes would be."""
    got = list[object]()

    def process() -> None:
        async def work() -> None:
            store = SqliteRateStore(tmp_path / "p.db")
            got.append(await store.take(BOTH, 3, False))
            store.close()

        anyio.run(work)

    threads = [threading.Thread(target=process) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lease.places[0] for lease in got if isinstance(lease, Lease)) == [0, 1, 2, 3, 4]


async def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    store = SqliteRateStore(tmp_path / "deep" / "p.db")
    await store.take(BOTH, 3, False)
    assert (tmp_path / "deep" / "p.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "deep").stat().st_mode & 0o777 == 0o700
    store.close()


async def test_no_key_is_in_the_file(tmp_path: Path) -> None:
    from ac_mcp.gateway.endpoints import Endpoints
    from ac_mcp.messages import Caller, Request

    store = SqliteRateStore(tmp_path / "p.db")
    rates = Endpoints("https://g.example", "https://c.example").budgets(Caller("mk_secret"), Request("GET", "/tags"))
    await store.take(rates, 3, False)
    store.close()
    assert b"mk_secret" not in (tmp_path / "p.db").read_bytes()


async def test_a_damaged_file_makes_room_for_a_new_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "p.db"
    path.write_bytes(b"not a database at all, " * 400)
    store = SqliteRateStore(path)
    assert isinstance(await store.take(BOTH, 3, False), Lease)
    assert "is damaged" in caplog.text
    assert (tmp_path / "p.broken").exists()
    store.close()


async def test_a_file_that_cannot_be_is_unusable_and_nothing_worse(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unusable, match=r"p\.db"):
        await SqliteRateStore(tmp_path / "file" / "p.db").take(BOTH, 3, False)


class Failing(MemoryRateStore):
    """A store that is away for a while."""

    away = True

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        if self.away:
            raise Unusable("disk full")
        return await super().take(rates, seconds, bulk)


@in_virtual_time
async def test_without_its_store_a_process_keeps_to_one_request_a_second_and_says_so_once() -> None:
    store = Failing(clock, clock)
    one, sent, log = Pacing(store, clock, anyio.sleep), list[float](), Listening()
    logging.getLogger("ac_mcp.gateway.pacing").addHandler(log)

    async def ask() -> None:
        async with one.turn(BOTH) as turn:
            sent.append(clock())
            turn.mark_answered(clock())

    async with anyio.create_task_group() as group:
        for _ in range(25):
            group.start_soon(ask)
        await anyio.sleep(14.5)
        store.away = False
    logging.getLogger("ac_mcp.gateway.pacing").removeHandler(log)
    assert [round(moment) for moment in sent[:9]] == list(range(1, 10))
    assert max(sum(start <= moment < start + 1 for moment in sent) for start in sent) == 5
    assert len(log.texts) == 1
    assert "disk full" in log.texts[0]
    assert "AC_MCP_STATE_DIR" in log.texts[0]
    assert clock() < 22.5, "the store is used again once it is back"


class Listening(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts = list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


async def test_a_lock_that_somebody_holds_is_waited_for(tmp_path: Path) -> None:
    store = SqliteRateStore(tmp_path / "p.db")
    await store.take(BOTH, 3, False)
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.05, lambda: other.execute("COMMIT"))
    release.start()
    assert isinstance(await store.take(BOTH, 3, False), Lease)
    release.join()
    other.close()
    store.close()


@pytest.mark.parametrize("state", ["{}", "[]", "nonsense", '{"slots": [{"new": 1}]}'])
async def test_what_another_version_wrote_is_begun_anew(tmp_path: Path, state: str) -> None:
    store = SqliteRateStore(tmp_path / "p.db")
    await store.take(BOTH, 3, False)
    await store.database.transact(lambda rows: rows.execute("UPDATE budget SET state = ?", (state,)))
    assert isinstance(await store.take(BOTH, 3, False), Lease)
    store.close()


async def test_a_file_that_another_process_made_anew_is_not_set_aside_again(tmp_path: Path) -> None:
    path = tmp_path / "p.db"
    one, other = SqliteRateStore(path), SqliteRateStore(path)
    await one.take(BOTH, 3, False)
    await other.take(BOTH, 3, False)
    path.write_bytes(b"not a database at all, " * 400)
    for _ in range(5):
        await one.take(BOTH, 3, False)
    assert isinstance(await other.take(BOTH, 3, False), Wait)
    one.close()
    other.close()


async def test_of_two_processes_that_wait_the_one_that_has_waited_longer_comes_first(tmp_path: Path) -> None:
    time = [100.0]
    one, other = (SqliteRateStore(tmp_path / "p.db", lambda: time[0], lambda: time[0]) for _ in range(2))
    held = [await one.take(BOTH, 3, False) for _ in range(5)]
    assert isinstance(await other.take(BOTH, 3, False), Wait)
    for lease in held:
        assert isinstance(lease, Lease)
        await one.give_back(lease, 0.0)
    time[0] += 0.01
    assert isinstance(await one.take(BOTH, 3, False), Wait), "it had its turn"
    assert isinstance(await other.take(BOTH, 3, False), Lease)
    assert isinstance(await one.take(BOTH, 3, False), Lease)
    time[0] += 0.015
    assert isinstance(await one.take(BOTH, 3, False), Lease), "nobody waits for long for one that does not come"
    one.close()
    other.close()
