"""Finding and writing contacts."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import NOW, client, connection


async def ids(api: httpx2.AsyncClient, query: str) -> list[int]:
    answer = await api.get(f"/contacts?limit=100&{query}")
    body = answer.json()
    assert int(body["meta"]["total"]) == len(body["contacts"])
    return [int(row["id"]) for row in body["contacts"]]


@pytest.fixture
async def trio() -> Any:
    """An empty account with three contacts made a day apart, reached through its own connection."""
    times = iter(datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9))
    box = Sandbox(now=lambda: next(times, NOW), rate=None)
    async with client(box, base="http://sandbox") as maton:
        made = await connection(maton)
        await maton.post(made["url"])
    async with client(box, Maton_Connection=made["connection_id"]) as api:
        for name, phone in (("Ann Lee", "+1 312"), ("Bea Ann", "+44 20"), ("cy Moss", "+1 415")):
            first, last = name.split()
            sent = {"email": f"{first}@x.example", "firstName": first, "lastName": last, "phone": phone}
            assert (await api.post("/contacts", json={"contact": sent})).status_code == 201
        yield api
    box.close()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("email=ANN@x.example", [1]),
        ("filters[email]=bea@x.example", [2]),
        ("filters%5Bemail%5D=bea%40x.example", [2]),
        ("email=nobody@x.example", []),
        ("email_like=x.exam", [1, 2, 3]),
        ("email_like=bea", [2]),
        ("search=ann", [1, 2]),
        ("search=Ann Lee", [1]),
        ("search=415", [3]),
        ("search=100%25", []),
        ("phone=%2B1", [1, 3]),
        ("phone=312", []),
        ("ids[]=1&ids[]=3", [1, 3]),
        ("ids[]=1&ids[]=x", [1]),
        ("ids[0]=2&ids[1]=3", [2, 3]),
        ("exclude=2", [1, 3]),
        ("id_greater=1", [2, 3]),
        ("id_less=3", [1, 2]),
        ("id_greater=1&id_less=3", [2]),
        ("filters[created_after]=2026-03-03T00:00:00-05:00", [3]),
        ("filters[created_before]=2026-03-02", [1]),
        ("filters[updated_after]=2026-03-02T12:00:00Z", [2, 3]),
        ("filters[updated_after]=2026-03-02T12:00:01Z", [3]),
        ("filters[updated_before]=2026-03-03", [1, 2]),
        ("filters[created_after]=whenever", [1, 2, 3]),
        ("orders[id]=DESC", [3, 2, 1]),
        ("orders[email]=desc", [3, 2, 1]),
        ("orders[first_name]=ASC", [1, 2, 3]),
        ("orders[last_name]=ASC", [2, 1, 3]),
        ("orders[name]=DESC", [3, 2, 1]),
        ("orders[cdate]=DESC", [3, 2, 1]),
        ("orders[shoe_size]=DESC", [1, 2, 3]),
        ("listid=0", [1, 2, 3]),
        ("tagid=junk", [1, 2, 3]),
        ("segmentid=7", []),
        ("emial=ann@x.example", [1, 2, 3]),
        ("filters[listid]=1", [1, 2, 3]),
        ("search", [1, 2, 3]),
    ],
)
async def test_the_list_knows_its_filters_and_ignores_the_rest(
    query: str, found: list[int], trio: httpx2.AsyncClient
) -> None:
    assert await ids(trio, query) == found


async def test_the_list_filters_by_membership_tag_and_automation(trio: httpx2.AsyncClient) -> None:
    sent = {"name": "News", "stringid": "n", "sender_url": "u", "sender_reminder": "r"}
    assert (await trio.post("/lists", json={"list": sent})).status_code == 201
    assert (await trio.post("/tags", json={"tag": {"tag": "VIP", "tagType": "contact"}})).status_code == 201
    for contact, status in ((1, 1), (2, 2), (3, 1)):
        joined = {"contactList": {"list": 1, "contact": contact, "status": status}}
        assert (await trio.post("/contactLists", json=joined)).status_code == 200
    assert (await trio.post("/contactTags", json={"contactTag": {"contact": 2, "tag": 1}})).status_code == 201
    queries = ("listid=1", "listid=1&status=1", "listid=1&status=2", "status=2", "status=-1", "tagid=1", "tagid=9")
    found = {query: await ids(trio, query) for query in queries}
    assert found == {
        "listid=1": [1, 2, 3],
        "listid=1&status=1": [1, 3],
        "listid=1&status=2": [2],
        "status=2": [2],
        "status=-1": [1, 2, 3],
        "tagid=1": [2],
        "tagid=9": [],
    }


async def test_a_page_is_twenty_rows_and_never_more_than_a_hundred(api: httpx2.AsyncClient) -> None:
    sizes: dict[str, int] = {}
    for limit in ("", "5", "0", "junk", "-3", "100", "100000", "9" * 40):
        rows = (await api.get("/contacts", params={"limit": limit} if limit else {})).json()["contacts"]
        sizes[limit[:9]] = len(rows)
    everyone = 60
    assert sizes == {
        "": 20,
        "5": 5,
        "0": 20,
        "junk": 20,
        "-3": 20,
        "100": everyone,
        "100000": everyone,
        "9" * 9: everyone,
    }


async def test_the_cap_is_a_hundred_rows(api: httpx2.AsyncClient) -> None:
    for number in range(50):
        await api.post("/contacts", json={"contact": {"email": f"n{number}@many.example"}})
    body = (await api.get("/contacts?limit=1000")).json()
    assert (len(body["contacts"]), body["meta"]["total"]) == (100, "110")


async def test_pages_follow_each_other(api: httpx2.AsyncClient) -> None:
    pages = [(await api.get(f"/contacts?limit=25&offset={start}")).json()["contacts"] for start in (0, 25, 50, 75)]
    assert [int(row["id"]) for page in pages for row in page] == list(range(1, 61))
    assert [len(page) for page in pages] == [25, 25, 10, 0]


async def test_the_list_echoes_what_it_understood(api: httpx2.AsyncClient) -> None:
    meta = (await api.get("/contacts?listid=3&status=1&search=a&limit=7&offset=2&segmentid=0")).json()["meta"]
    cache = meta["page_input"].pop("cacheid")
    assert len(cache) == 32
    assert meta["page_input"] == {
        "segmentid": 0,
        "formid": 0,
        "listid": 3,
        "tagid": 0,
        "limit": 7,
        "offset": 2,
        "search": "a",
        "sort": None,
        "seriesid": 0,
        "waitid": 0,
        "status": 1,
        "forceQuery": 0,
    }
    assert meta["sortable"] is True


async def test_key_counts_are_those_of_2026(api: httpx2.AsyncClient) -> None:
    listed = (await api.get("/contacts?limit=1")).json()["contacts"][0]
    single = (await api.get("/contacts/1")).json()["contact"]
    changed = (await api.put("/contacts/1", json={"contact": {"phone": "1"}})).json()["contact"]
    made = (await api.post("/contacts", json={"contact": {"email": "k@x.example"}})).json()["contact"]
    assert [len(row) for row in (listed, single, changed, made)] == [46, 50, 39, 11]


async def test_a_contact_comes_with_what_hangs_on_it(api: httpx2.AsyncClient) -> None:
    body = (await api.get("/contacts/1")).json()
    contact = body.pop("contact")
    for plural in ("contactAutomations", "contactLists", "fieldValues", "geoIps", "deals", "accountContacts"):
        assert contact[plural] == [row["id"] for row in body[plural]]
        assert contact[plural]
    assert "tags" not in contact
    assert "contactTags" not in body


async def test_field_values_can_be_written_with_the_contact(api: httpx2.AsyncClient) -> None:
    pairs = [{"field": "1", "value": "Team"}, {"field": 4, "value": 12}, {"field": "99", "value": "no such field"}]
    made = (await api.post("/contacts", json={"contact": {"email": "f@x.example", "fieldValues": pairs}})).json()
    assert [row["value"] for row in made["fieldValues"]] == ["Team", "12"]
    assert made["contact"]["fieldValues"] == [row["id"] for row in made["fieldValues"]]
    again = {"contact": {"fieldValues": [{"field": "1", "value": "Free"}]}}
    changed = (await api.put(f"/contacts/{made['contact']['id']}", json=again)).json()
    assert [(row["id"], row["value"]) for row in changed["fieldValues"]] == [(made["fieldValues"][0]["id"], "Free")]


async def test_sync_creates_once_and_updates_after(api: httpx2.AsyncClient) -> None:
    first = await api.post("/contact/sync", json={"contact": {"email": "s@x.example", "firstName": "S"}})
    second = await api.post("/contact/sync", json={"contact": {"email": "S@X.example", "lastName": "T"}})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["contact"]["id"] == second.json()["contact"]["id"]
    assert second.json()["contact"]["firstName"] == "S"


async def test_an_address_belongs_to_one_contact_and_is_free_after_deletion(api: httpx2.AsyncClient) -> None:
    sent = {"contact": {"email": "JANE@ACME.example"}}
    refused = await api.post("/contacts", json=sent)
    kept = await api.put("/contacts/1", json=sent)
    await api.delete("/contacts/1")
    made = await api.post("/contacts", json=sent)
    assert [answer.status_code for answer in (refused, kept, made)] == [422, 200, 201]
    assert made.json()["contact"]["id"] == "61"


async def test_the_first_update_settles_a_fresh_rows_nulls(api: httpx2.AsyncClient) -> None:
    await api.post("/contacts", json={"contact": {"email": "n@x.example"}})
    fresh = (await api.get("/contacts/61")).json()["contact"]
    await api.put("/contacts/61", json={"contact": {"firstName": "N"}})
    settled = (await api.get("/contacts/61")).json()["contact"]
    moved = {key: (fresh[key], settled[key]) for key in fresh if fresh[key] is None and settled[key] is not None}
    zero = "0000-00-00 00:00:00"
    assert moved == {
        "bounced_date": (None, "0000-00-00"),
        "ua": (None, ""),
        "socialdata_lastcheck": (None, zero),
        "rating_tstamp": (None, "0000-00-00"),
        "deleted_at": (None, zero),
        "created_by": (None, "0"),
        "updated_by": (None, "0"),
        "best_send_hour": (None, "0"),
        "sms_consent": (None, "0"),
        "sms_consent_updated_at": (None, zero),
    }


async def test_a_contact_without_an_address_cannot_be_made_of_null(api: httpx2.AsyncClient) -> None:
    answer = await api.put("/contacts/1", json={"contact": {"email": None}})
    assert answer.status_code == 422
    assert (await api.get("/contacts/1")).json()["contact"]["email"] == "jane@acme.example"


async def test_a_new_name_is_written_to_the_memberships_too(api: httpx2.AsyncClient) -> None:
    await api.put("/contacts/1", json={"contact": {"firstName": "Janet"}})
    rows = (await api.get("/contacts/1/contactLists")).json()["contactLists"]
    assert {(row["first_name"], row["last_name"]) for row in rows} == {("Janet", "Reed")}
