"""The rate limits, by a clock that tests move."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import client, directly

OK, LIMITED = 200, 429


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def limited() -> AsyncIterator[tuple[Clock, Sandbox]]:
    clock = Clock()
    box = Sandbox(clock=clock)
    yield clock, box
    box.close()


async def codes(api: httpx2.AsyncClient, times: int, path: str = "/users/me") -> list[int]:
    return [(await api.get(path)).status_code for _ in range(times)]


async def test_five_a_second_and_no_more(limited: tuple[Clock, Sandbox]) -> None:
    clock, box = limited
    async with client(box) as api:
        assert await codes(api, 6) == [OK] * 5 + [LIMITED]
        clock.now += 0.999
        assert await codes(api, 1) == [LIMITED]
        clock.now += 0.001
        assert await codes(api, 5) == [OK] * 5


async def test_the_window_slides(limited: tuple[Clock, Sandbox]) -> None:
    clock, box = limited
    async with client(box) as api:
        found: list[int] = []
        for _ in range(16):
            found += await codes(api, 1)
            clock.now += 0.125
    assert found == ([OK] * 5 + [LIMITED] * 3) * 2


async def test_gateway_and_direct_access_share_the_accounts_limit(limited: tuple[Clock, Sandbox]) -> None:
    _, box = limited
    async with client(box) as gateway, directly(box) as direct:
        assert await codes(gateway, 3) + await codes(direct, 3) == [OK] * 5 + [LIMITED]


async def test_a_maton_key_has_ten_a_second_of_its_own(limited: tuple[Clock, Sandbox]) -> None:
    _, box = limited
    async with client(box, base="http://sandbox") as maton, directly(box) as direct:
        assert await codes(maton, 11, "/connections") == [OK] * 10 + [LIMITED]
        assert await codes(direct, 1) == [OK]


async def test_a_refused_request_is_not_counted_and_has_no_effect(limited: tuple[Clock, Sandbox]) -> None:
    clock, box = limited
    async with directly(box) as api:
        await codes(api, 5)
        clock.now += 0.9
        refused = await api.post("/tags", json={"tag": {"tag": "Never"}})
        assert (refused.status_code, refused.headers["RateLimit-Remaining"]) == (LIMITED, "0")
        clock.now += 0.1
        assert (await api.get("/tags?search=Never")).json()["meta"]["total"] == "0"


async def test_successes_carry_no_rate_headers(limited: tuple[Clock, Sandbox]) -> None:
    _, box = limited
    async with client(box) as api:
        headers = (await api.get("/users/me")).headers
    assert [name for name in headers if "rate" in name or "retry" in name] == []


async def test_without_a_rate_nothing_is_limited(sandbox: Sandbox) -> None:
    async with client(sandbox) as api:
        assert await codes(api, 30) == [OK] * 30
