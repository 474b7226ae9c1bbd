"""Signs of life of a call that takes long."""

from itertools import pairwise

import anyio
import httpx2
import pytest

from tests.support import connected, in_virtual_time, trial


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@in_virtual_time
async def test_a_call_that_takes_long_gives_a_sign_every_five_seconds(mode: str) -> None:
    seen = list[tuple[float, str | None]]()

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, message))

    async with trial() as one, connected(one, mode=mode) as client:  # pyright: ignore[reportArgumentType]
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(17)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        await client.call_tool("list_users", {}, progress_callback=noted)
    assert [message for _, message in seen] == [f"{n} s: waiting for ActiveCampaign" for n in (5, 10, 15)]
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


@in_virtual_time
async def test_progress_increases_whatever_is_reported() -> None:
    seen = list[float]()

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with trial() as one, connected(one) as client:
        for number in range(250):
            await one.answer("create_note", text=f"Note {number}", contact="2")
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(7)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        await client.call_tool("list_notes", {"deal": "1"}, progress_callback=noted)
    assert len(seen) >= 3
    assert all(one < two for one, two in pairwise(seen))
