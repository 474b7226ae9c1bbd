"""The client of a Redis. On a real server."""

from collections.abc import Generator
from pathlib import Path

import anyio
import pytest

from ac_mcp.storage.redis_client import RedisClient
from tests.server.processes import Redis, needs_redis, redis

pytestmark = needs_redis


@pytest.fixture
def server(tmp_path: Path) -> Generator[Redis]:
    with redis(tmp_path) as one:
        yield one


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
