"""One pace for all who share a Redis, through its restarts. On a real server."""

from collections.abc import Generator
from pathlib import Path

import anyio
import pytest

from ac_mcp.gateway.rate_limit import Wait
from ac_mcp.gateway.rate_stores import Lease
from ac_mcp.gateway.redis_rate_store import COLD_SECONDS, RedisRateStore
from ac_mcp.storage.redis_client import RedisClient
from tests.server.processes import Redis, needs_redis, redis

pytestmark = needs_redis
RATES = (("connection 1", 5), ("key 2", 10))


@pytest.fixture
def server(tmp_path: Path) -> Generator[Redis]:
    with redis(tmp_path) as one:
        yield one


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
