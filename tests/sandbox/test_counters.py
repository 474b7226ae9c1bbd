"""Counters trail the writes by some seconds; everything else is there at once."""

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import Wall, client


async def bearers(api: httpx2.AsyncClient, tag: str = "1") -> int:
    return int((await api.get(f"/tags/{tag}")).json()["tag"]["subscriber_count"])


async def members(api: httpx2.AsyncClient, number: str = "6") -> tuple[str, str]:
    rows = (await api.get("/lists?limit=100")).json()["lists"]
    return next((row["active_subscribers"], row["non_deleted_subscribers"]) for row in rows if row["id"] == number)


async def tag(api: httpx2.AsyncClient, contact: str, number: str = "1") -> str:
    made = await api.post("/contactTags", json={"contactTag": {"contact": contact, "tag": number}})
    return made.json()["contactTag"]["id"]


async def join(api: httpx2.AsyncClient, contact: str, status: int) -> None:
    await api.post("/contactLists", json={"contactList": {"contact": contact, "list": "6", "status": status}})


async def test_a_tags_counter_follows_five_seconds_after_the_last_write(timed: httpx2.AsyncClient, wall: Wall) -> None:
    before = await bearers(timed)
    await tag(timed, "2")
    seen = [await bearers(timed)]
    assert len((await timed.get("/contacts/2/contactTags")).json()["contactTags"]) == 2
    wall.pass_(4)
    taken = (await timed.get("/contacts/1/contactTags")).json()["contactTags"][0]["id"]
    await timed.delete(f"/contactTags/{taken}")
    await tag(timed, "2", "9")
    await tag(timed, "1", "9")
    wall.pass_(4)
    seen.append(await bearers(timed))
    wall.pass_(1)
    seen.append(await bearers(timed))
    assert seen == [before, before, before]
    assert await bearers(timed, "9") > 0


async def test_a_lists_counters_follow_too(timed: httpx2.AsyncClient, wall: Wall) -> None:
    seen = [await members(timed)]
    await join(timed, "1", 1)
    await join(timed, "2", 2)
    seen.append(await members(timed))
    wall.pass_(4.9)
    seen.append(await members(timed))
    wall.pass_(0.1)
    seen.append(await members(timed))
    assert seen == [("0", "0"), ("0", "0"), ("0", "0"), ("1", "2")]


async def test_a_tag_taken_away_is_counted_for_a_while(timed: httpx2.AsyncClient, wall: Wall) -> None:
    before = await bearers(timed)
    taken = (await timed.get("/contacts/1/contactTags")).json()["contactTags"][0]["id"]
    await timed.delete(f"/contactTags/{taken}")
    early = await bearers(timed)
    wall.pass_(5)
    assert (early, await bearers(timed)) == (before, before - 1)


async def test_a_deleted_contact_is_counted_for_a_while(timed: httpx2.AsyncClient, wall: Wall) -> None:
    before = await bearers(timed)
    await timed.delete("/contacts/1")
    early = await bearers(timed)
    wall.pass_(5)
    assert (early, await bearers(timed)) == (before, before - 1)


@pytest.mark.parametrize(("lag", "waited", "moved"), [(0, 0, 1), (60, 59, 0), (60, 60, 1)])
async def test_the_lag_is_a_setting(lag: float, waited: float, moved: int) -> None:
    wall = Wall()
    box = Sandbox(now=wall, rate=None)
    box.quirks.counter_lag = lag
    async with client(box) as api:
        before = await bearers(api)
        await tag(api, "2")
        wall.pass_(waited)
        assert await bearers(api) - before == moved
    box.close()
