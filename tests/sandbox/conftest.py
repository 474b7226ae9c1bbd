"""A seeded sandbox without a rate limit, and a client through Maton's gateway."""

from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .reach import NOW, client


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    box = Sandbox(now=lambda: NOW, rate=None)
    yield box
    box.close()


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(sandbox) as opened:
        yield opened
