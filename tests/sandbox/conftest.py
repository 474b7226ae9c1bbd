"""A seeded sandbox without a rate limit, and a client through Maton's gateway."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import NOW, Wall, client, seeded


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(now=lambda: NOW, rate=None, like=seeded())
    yield box
    box.close()


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(sandbox) as opened:
        yield opened


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def timed(wall: Wall) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a sandbox that lives by the clock `wall`."""
    box = Sandbox(now=wall, rate=None, like=seeded())
    async with client(box) as opened:
        yield opened
    box.close()
