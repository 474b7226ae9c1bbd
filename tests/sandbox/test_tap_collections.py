"""The collections that are documented nowhere and read by a Singer tap: their rows agree with the rest."""

from typing import Any

import httpx2

from ac_mcp.sandbox import Sandbox

from .clients import Wall, directly

POINTERS = {
    "links": {"campaignid": "campaigns", "messageid": "messages"},
    "bounceLogs": {"subscriberid": "contacts", "campaignid": "campaigns", "messageid": "messages"},
    "contactData": {"contact": "contacts"},
    "contactEmails": {"subscriberid": "contacts", "deal": "deals", "userid": "users"},
    "contactConversions": {
        "contact": "contacts",
        "conversion": "conversions",
        "conversion_trigger": "conversionTriggers",
    },
    "conversionTriggers": {"conversion": "conversions", "automationBlock": "automationBlocks"},
    "automationBlocks": {"automation": "automations"},
    "dealGroupUsers": {"dealGroup": "dealGroups", "user": "users"},
    "ecomOrderActivities": {"orderid": "ecomOrders", "customerid": "ecomCustomers", "connectionid": "connections"},
    "ecomOrderProducts": {"orderid": "ecomOrders", "connectionid": "connections"},
    "goals": {"blockid": "automationBlocks", "seriesid": "automations"},
    "siteMessages": {"automation": "automations"},
    "sms": {"userid": "users", "seriesid": "automations"},
    "configs": {"userid": "users"},
    "brandings": {"groupid": "groups"},
    "calendars": {"userid": "users"},
}


async def rows(api: httpx2.AsyncClient, plural: str) -> list[dict[str, Any]]:
    return (await api.get(f"/{plural}?limit=100")).json()[plural]


async def test_every_row_points_to_rows_that_are_there(api: httpx2.AsyncClient) -> None:
    for plural, pointers in POINTERS.items():
        found = await rows(api, plural)
        assert found
        for key, other in pointers.items():
            known = {row["id"] for row in await rows(api, other)}
            assert {row[key] for row in found} - {None} <= known, (plural, key)


async def test_the_token_is_checked_at_the_root(sandbox: Sandbox) -> None:
    for token, status in (("sandbox", 200), ("wrong", 403)):
        async with directly(sandbox, token) as api:
            assert (await api.get("/")).status_code == status


async def test_every_stage_has_a_date(api: httpx2.AsyncClient) -> None:
    stages = await rows(api, "dealStages")
    assert (len(stages), [row["title"] for row in stages if not row["udate"]]) == (8, [])
    made = (await api.post("/dealGroups", json={"dealGroup": {"title": "New", "currency": "usd"}})).json()
    assert {row["udate"] for row in made["dealStages"]} == {None}


async def test_an_automation_has_the_blocks_that_its_contacts_are_at(api: httpx2.AsyncClient) -> None:
    for entry in await rows(api, "contactAutomations"):
        blocks = (await api.get(f"/automations/{entry['seriesid']}/blocks")).json()["automationBlocks"]
        assert len(blocks) == entry["totalElements"]
        assert entry["lastblock"] == blocks[entry["completedElements"] - (0 if entry["remdate"] is None else 1)]["id"]


async def test_the_blocks_of_an_automation_hang_on_one_another_from_its_start(api: httpx2.AsyncClient) -> None:
    blocks = {row["id"]: row for row in await rows(api, "automationBlocks")}
    starts = [row["automation"] for row in blocks.values() if row["parent"] == "0" and row["type"] == "start"]
    assert starts == ["1", "2", "3", "4", "5", "6"]
    later = [row for row in blocks.values() if row["type"] != "start"]
    assert [row["id"] for row in later if blocks[row["parent"]]["automation"] != row["automation"]] == []


async def test_a_contact_enters_an_automation_at_its_first_block(api: httpx2.AsyncClient) -> None:
    sent = {"contactAutomation": {"contact": "2", "automation": "4"}}
    entry = (await api.post("/contactAutomations", json=sent)).json()["contactAutomation"]
    assert entry["lastblock"] == (await api.get("/automations/4/blocks")).json()["automationBlocks"][0]["id"]


async def test_the_clicks_of_a_campaign_are_those_of_its_links(api: httpx2.AsyncClient) -> None:
    campaigns, links = await rows(api, "campaigns"), await rows(api, "links")
    for key in ("linkclicks", "uniquelinkclicks"):
        sums = {row["id"]: sum(int(link[key]) for link in links if link["campaign"] == row["id"]) for row in campaigns}
        assert sums == {row["id"]: int(row[key]) for row in campaigns}


async def test_the_products_of_an_order_add_up_to_its_price(api: httpx2.AsyncClient) -> None:
    for order in await rows(api, "ecomOrders"):
        found = (await api.get(f"/ecomOrders/{order['id']}/orderProducts")).json()["ecomOrderProducts"]
        assert sum(int(row["price"]) * int(row["quantity"]) for row in found) == int(order["totalPrice"])
        assert sum(int(row["quantity"]) for row in found) == int(order["totalProducts"])


async def test_an_order_leaves_an_activity_each_time_it_is_written(api: httpx2.AsyncClient) -> None:
    await api.put("/ecomOrders/1", json={"ecomOrder": {"totalPrice": 9900}})
    last = (await rows(api, "ecomOrderActivities"))[-1]
    found = {key: last[key] for key in ("order", "totalPrice", "storeName", "externalid")}
    assert found == {"order": "1", "totalPrice": "9900", "storeName": "Northwind web shop", "externalid": "SO-2001"}


async def test_an_activity_names_the_email_it_is_about(api: httpx2.AsyncClient) -> None:
    mails = {row["id"]: row["subscriberid"] for row in await rows(api, "contactEmails")}
    assert {row["reference"]["id"]: row["subscriberid"] for row in await rows(api, "activities")} == mails


async def test_a_calendar_feed_is_made_changed_and_deleted(timed: httpx2.AsyncClient, wall: Wall) -> None:
    api = timed
    assert (await api.post("/calendars", json={"calendar": {"title": "Mine"}})).status_code == 422
    made = await api.post("/calendars", json={"calendar": {"title": "Mine", "type": "Deals"}})
    number = made.json()["calendar"]["id"]
    wall.pass_(60)
    changed = (await api.put(f"/calendars/{number}", json={"calendar": {"type": "Contacts"}})).json()["calendar"]
    assert (made.status_code, changed["type"], changed["title"]) == (200, "Contacts", "Mine")
    assert [changed["cdate"], changed["mdate"]] == ["2026-08-04T10:00:00-05:00", "2026-08-04T10:01:00-05:00"]
    await api.delete(f"/calendars/{number}")
    gone = await api.get(f"/calendars/{number}")
    assert gone.json() == {"message": f"No Result found for Calendar with id {number}"}
