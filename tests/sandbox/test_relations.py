"""What goes, stays or moves when something else does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import client


async def totals(api: httpx2.AsyncClient, *plurals: str) -> list[int]:
    return [int((await api.get(f"/{plural}")).json()["meta"]["total"]) for plural in plurals]


async def test_a_deleted_contact_takes_everything_along_but_its_deals(api: httpx2.AsyncClient) -> None:
    plurals = ("contactTags", "contactLists", "fieldValues", "contactAutomations", "accountContacts", "notes", "deals")
    held = [len((await api.get(f"/contacts/1/{plural}")).json()[plural]) for plural in plurals]
    before = await totals(api, *plurals)
    assert (await api.delete("/contacts/1")).json() == {}
    after = await totals(api, *plurals)
    assert min(held) > 0
    assert [old - new for old, new in zip(before, after, strict=True)] == [*held[:-1], 0]
    assert (await api.get("/contacts/1")).status_code == 404


async def test_a_deleted_tag_leaves_every_contact(api: httpx2.AsyncClient) -> None:
    before = await totals(api, "contactTags")
    count = int((await api.get("/tags/1")).json()["tag"]["subscriber_count"])
    await api.delete("/tags/1")
    assert count > 0
    assert await totals(api, "contactTags") == [before[0] - count]
    assert [row["tag"] for row in (await api.get("/contacts/1/contactTags")).json()["contactTags"]] == ["2"]


async def test_a_deleted_list_has_nobody_on_it(api: httpx2.AsyncClient) -> None:
    await api.delete("/lists/1")
    assert [row["list"] for row in (await api.get("/contacts/1/contactLists")).json()["contactLists"]] == ["2"]


async def test_a_deleted_field_takes_its_values_options_and_relations(api: httpx2.AsyncClient) -> None:
    await api.delete("/fields/1")
    body = (await api.get("/fields")).json()
    assert "1" not in {row["field"] for row in (*body["fieldOptions"], *body["fieldRels"])}
    assert (await api.get("/fieldValues?filters[fieldid]=1")).json()["meta"]["total"] == "0"


async def test_a_deleted_account_lets_its_people_go(api: httpx2.AsyncClient) -> None:
    await api.delete("/accounts/1")
    assert {row["account"] for row in (await api.get("/contacts/1/deals")).json()["deals"]} == {None}
    assert (await api.get("/contacts/1/accountContacts")).json() == {"accountContacts": []}
    joined = {"accountContact": {"account": "2", "contact": "1"}}
    assert (await api.post("/accountContacts", json=joined)).status_code == 201


async def test_a_deleted_deal_takes_its_notes(api: httpx2.AsyncClient) -> None:
    before = await totals(api, "notes")
    await api.delete("/deals/1")
    assert await totals(api, "notes") == [before[0] - 1]


async def test_removing_a_tag_works_by_association_not_by_tag(api: httpx2.AsyncClient) -> None:
    rows = (await api.get("/contacts/1/contactTags")).json()["contactTags"]
    number = next(row["id"] for row in rows if row["tag"] == "2")
    assert (await api.delete(f"/contactTags/{number}")).json() == {}
    assert [row["tag"] for row in (await api.get("/contacts/1/contactTags")).json()["contactTags"]] == ["1"]
    assert (await api.delete(f"/contactTags/{number}")).status_code == 404


async def test_numbers_are_never_given_twice(api: httpx2.AsyncClient) -> None:
    for number in ("13", "14"):
        made = await api.post("/tags", json={"tag": {"tag": number}})
        assert made.json()["tag"]["id"] == number
        await api.delete(f"/tags/{number}")


class Ticking:
    """A wall clock that moves a minute with every look."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 8, 4, 15, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.moment += timedelta(minutes=1)
        return self.moment


@pytest.fixture
def ticking() -> Iterator[Sandbox]:
    box = Sandbox(now=Ticking(), rate=None)
    yield box
    box.close()


async def test_tags_and_memberships_move_the_contacts_udate(ticking: Sandbox) -> None:
    async with client(ticking) as api:

        async def moved() -> str:
            return (await api.get("/contacts/2")).json()["contact"]["udate"]

        seen = [await moved()]
        made = await api.post("/contactTags", json={"contactTag": {"contact": 2, "tag": 1}})
        seen.append(await moved())
        await api.delete(f"/contactTags/{made.json()['contactTag']['id']}")
        seen.append(await moved())
        await api.post("/contactLists", json={"contactList": {"contact": 2, "list": 1, "status": 1}})
        seen.append(await moved())
        await api.get("/contacts/2")
    assert seen == sorted(set(seen))
    assert len(seen) == 4


async def test_a_tags_stamp_moves_when_it_is_put_on_someone_not_when_it_is_renamed(ticking: Sandbox) -> None:
    async with client(ticking) as api:

        async def stamp() -> str:
            return (await api.get("/tags/8")).json()["tag"]["updated_timestamp"]

        first = await stamp()
        await api.put("/tags/8", json={"tag": {"tag": "Resale"}})
        second = await stamp()
        await api.post("/contactTags", json={"contactTag": {"contact": 2, "tag": 8}})
        third = await stamp()
    assert first == second < third


async def test_a_refused_request_leaves_no_trace(api: httpx2.AsyncClient) -> None:
    before = (await api.get("/contacts/1")).content
    sent = {"contact": {"firstName": "Other", "email": "bob@initech.example"}}
    assert (await api.put("/contacts/1", json=sent)).status_code == 422
    bulk = {"fieldOptions": [{"field": "1", "label": "A", "value": "A"}, {"field": "99", "label": "B"}]}
    assert (await api.post("/fieldOption/bulk", json=bulk)).status_code == 422
    assert (await api.get("/contacts/1")).content == before
    assert len((await api.get("/fields/1")).json()["fieldOptions"]) == 3
