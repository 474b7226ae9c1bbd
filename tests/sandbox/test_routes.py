"""Lookups, filters of the smaller collections, what is not served, and what is recorded."""

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import client, directly


async def test_user_lookups(api: httpx2.AsyncClient) -> None:
    paths = ("/users/me", "/users/1", "/users/email/dana@northwind.example", "/users/username/dana")
    found = [(await api.get(path)).json()["user"] for path in paths]
    assert [row["lastName"] for row in found] == ["Reyes"] * 4
    assert (await api.get("/users/username/nobody")).status_code == 404


async def test_tag_and_list_operators(api: httpx2.AsyncClient) -> None:
    queries = {
        "tags?search=vip": ["VIP", "VIP 2025"],
        "tags?filters[search][eq]=vip": ["VIP"],
        "tags?filters[search][starts_with]=web": ["Webinar 2026"],
        "tags?filters[search][contains]=202": ["Webinar 2026", "2024", "VIP 2025"],
        "lists?filters[name]=news": ["Newsletter"],
        "lists?filters[name][eq]=partners": ["Partners"],
        "lists?filters[name][gte]=Trial users": ["Trial users", "Webinar guests"],
        "lists?orders[name]=DESC&limit=2": ["Webinar guests", "Trial users"],
    }
    found = {query: (await api.get(f"/{query}")).json() for query in queries}
    shown = {
        query: [row.get("tag") or row["name"] for row in body[query.partition("?")[0]]] for query, body in found.items()
    }
    assert shown == queries


async def test_accounts_count_only_when_asked(api: httpx2.AsyncClient) -> None:
    plain = (await api.get("/accounts?search=acme")).json()["accounts"][0]
    counted = (await api.get("/accounts?search=acme&count_deals=true")).json()["accounts"][0]
    assert (plain["contactCount"], plain["dealCount"]) == ("0", "0")
    assert (counted["contactCount"], counted["dealCount"]) == ("4", "2")


async def test_documented_operations_that_are_not_served_say_so(api: httpx2.AsyncClient) -> None:
    asked = [
        ("GET", "/personalizations"),
        ("POST", "/customObjects/schemas"),
        ("GET", "/siteTracking/code"),
        ("POST", "/taskNotifications"),
    ]
    answers = [await api.request(method, path, json={}) for method, path in asked]
    assert [answer.status_code for answer in answers] == [501] * len(asked)
    assert answers[0].json() == {
        "message": "ActiveCampaign documents this operation, but this demo account does not serve it."
    }


@pytest.mark.parametrize("path", ["/contact", "/Contacts", "/contacts/1/shoes", "/tasks", "/contacts/1/"])
async def test_unknown_routes_are_404(path: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(path)
    assert (answer.status_code, answer.json()) == (404, {"errors": [{"status": 404, "title": "Not Found"}]})


async def test_json_is_written_as_php_writes_it(api: httpx2.AsyncClient) -> None:
    answer = await api.get("/accounts/1")
    assert rb"https:\/\/acme.example" in answer.content
    assert answer.headers["content-type"] == "application/json"


async def test_direct_access_reaches_the_same_account(sandbox: Sandbox) -> None:
    async with directly(sandbox) as direct, client(sandbox) as gateway:
        paths = ("/contacts/1", "/deals?limit=3")
        assert [(await direct.get(path)).content for path in paths] == [
            (await gateway.get(path)).content for path in paths
        ]


async def test_requests_are_recorded(sandbox: Sandbox) -> None:
    async with directly(sandbox) as direct, client(sandbox) as gateway:
        first = await gateway.get("/tags?limit=1")
        await direct.delete("/tags/999")
        await gateway.get("http://sandbox/connections")
    seen = [(each.method, each.path, each.query, each.status, each.via) for each in sandbox.requests]
    assert seen == [
        ("GET", "/active-campaign/api/3/tags", "limit=1", 200, "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"),
        ("DELETE", "/api/3/tags/999", "", 404, "direct"),
        ("GET", "/connections", "", 200, ""),
    ]
    assert sandbox.requests[0].size == len(first.content)
    assert sandbox.requests.maxlen == 10_000


async def test_the_smaller_filters_and_orders(api: httpx2.AsyncClient) -> None:
    queries = {
        "webhooks?filters[url]=deals": ["2"],
        "webhooks?filters[name]=mirror": ["1"],
        "webhooks?filters[listid]=4": [],
        "fields?filters[perstag]=PLAN": ["1"],
        "fields?filters[title]=Plan": ["1", "2", "3", "4", "5", "6"],
        "accountContacts?filters[contact]=2&filters[account]=3": ["2"],
        "campaigns?filters[seriesid]=1": ["6"],
        "campaigns?orders[sdate]=DESC&limit=2": ["7", "5"],
        "dealGroups?orders[title]=ASC": ["2", "1"],
        "dealGroups?orders[popular]=DESC": ["1", "2"],
        "dealGroups?filters[have_stages]=1": ["1", "2"],
        "notes?orders[id]=DESC&limit=2": ["8", "7"],
        "fieldValues?filters[fieldid]=1&filters[val]=nothing": [],
    }
    found = {query: (await api.get(f"/{query}")).json() for query in queries}
    assert {query: [row["id"] for row in body[query.partition("?")[0]]] for query, body in found.items()} == queries
