"""Maton: connections from PENDING to ACTIVE, and which of them a request goes through."""

import re

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import GATEWAY, client, connection

FIRST = "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"
WAITING = "f3a90b12-6c4d-4e58-8b27-05d9c8e7f6a1"


@pytest.fixture
def maton(sandbox: Sandbox) -> httpx2.AsyncClient:
    return client(sandbox, base="http://sandbox")


async def connected(maton: httpx2.AsyncClient) -> str:
    made = await connection(maton)
    assert (await maton.post(made["url"])).status_code == 200
    return made["connection_id"]


async def test_a_connection_waits_until_its_button_is_pressed(maton: httpx2.AsyncClient) -> None:
    answer = await maton.post("/connections", json={"app": "active-campaign"})
    assert (answer.status_code, list(answer.json())) == (200, ["connection_id"])
    made = (await maton.get(f"/connections/{answer.json()['connection_id']}")).json()["connection"]
    assert list(made) == [
        "connection_id",
        "status",
        "creation_time",
        "last_updated_time",
        "url",
        "app",
        "method",
        "metadata",
    ]
    assert made["status"] == "PENDING"
    assert re.fullmatch(r"2026-08-04T15:00:00\.000000Z", made["creation_time"])
    looked = await maton.get(made["url"])
    assert made["connection_id"] in looked.text
    assert (await maton.get(f"/connections/{made['connection_id']}")).json()["connection"]["status"] == "PENDING"
    pressed = await maton.post(made["url"])
    assert "active" in pressed.text
    assert "<button>" in looked.text
    assert "<button>" not in pressed.text
    assert (await maton.get(f"/connections/{made['connection_id']}")).json()["connection"]["status"] == "ACTIVE"


async def test_pressing_twice_opens_one_account_with_one_user(maton: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    made = await connection(maton)
    await maton.post(made["url"])
    await maton.post(made["url"])
    async with client(sandbox, Maton_Connection=made["connection_id"]) as api:
        assert (await api.get("/users")).json()["meta"]["total"] == "1"
        assert (await api.get("/users/me")).json()["user"]["username"] == "admin"
        assert (await api.get("/contacts")).json()["meta"]["total"] == "0"


async def test_accounts_do_not_see_each_other(maton: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    second = await connected(maton)
    async with client(sandbox, Maton_Connection=second) as other, client(sandbox) as company:
        made = await other.post("/contacts", json={"contact": {"email": "jane@acme.example"}})
        assert (made.status_code, made.json()["contact"]["id"]) == (201, "1")
        await other.delete("/contacts/1")
        assert (await company.get("/contacts/1")).json()["contact"]["firstName"] == "Jane"


async def test_the_list_filters_by_app_and_status(maton: httpx2.AsyncClient) -> None:
    async def found(query: str) -> list[str]:
        return [row["connection_id"] for row in (await maton.get(f"/connections?{query}")).json()["connections"]]

    assert await found("") == [FIRST, WAITING]
    assert await found("app=active-campaign&status=ACTIVE") == [FIRST]
    assert await found("status=PENDING") == [WAITING]
    assert await found("status=FAILED") == []
    assert await found("app=slack") == []
    assert await found("method=OAUTH2&limit=1") == [FIRST]
    assert await found("method=API_KEY") == []
    assert await found("limit=0") == [FIRST, WAITING]


async def test_the_oldest_active_connection_is_the_default(maton: httpx2.AsyncClient, sandbox: Sandbox) -> None:
    second = await connected(maton)
    async with client(sandbox) as api:
        assert (await api.get("/users/me")).json()["user"]["username"] == "dana"
        await maton.delete(f"/connections/{FIRST}")
        assert (await api.get("/users/me")).json()["user"]["username"] == "admin"
        await maton.delete(f"/connections/{second}")
        refused = await api.get("/users/me")
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "No active connection found for app active-campaign"},
    )


async def test_only_an_active_connection_can_be_named(sandbox: Sandbox) -> None:
    for named, status in ((FIRST, 200), (WAITING, 400), ("nonsense", 400), ("", 400)):
        async with client(sandbox, Maton_Connection=named) as api:
            assert (await api.get("/users/me")).status_code == status


async def test_a_deleted_connection_is_gone_and_its_account_is_not_given_away(
    maton: httpx2.AsyncClient, sandbox: Sandbox
) -> None:
    second = await connected(maton)
    async with client(sandbox, Maton_Connection=second) as api:
        await api.post("/tags", json={"tag": {"tag": "Mine"}})
    gone = await maton.delete(f"/connections/{second}")
    again = await maton.delete(f"/connections/{second}")
    assert (gone.status_code, gone.json(), again.status_code) == (200, {}, 404)
    third = await connected(maton)
    async with client(sandbox, Maton_Connection=third) as api:
        assert (await api.get("/tags")).json()["meta"]["total"] == "0"


async def test_unknown_connections_links_and_apps(maton: httpx2.AsyncClient) -> None:
    assert (await maton.get("/connections/nothing")).status_code == 404
    assert (await maton.get("/connect/st_nothing")).status_code == 404
    assert (await maton.post("/connections", json={"app": "slack"})).status_code == 400
    assert (await maton.post("/connections", json=["active-campaign"])).status_code == 400
    assert (await maton.get("/slack/api/3/contacts")).status_code == 404


@pytest.mark.parametrize(
    "sent", [{}, {"Authorization": "sandbox"}, {"Authorization": "Bearer "}, {"Api-Token": "sandbox"}]
)
async def test_maton_wants_its_own_key(sent: dict[str, str], sandbox: Sandbox) -> None:
    async with httpx2.AsyncClient(transport=sandbox.transport(), headers=sent) as api:
        answers = [await api.get(f"{GATEWAY}/users/me"), await api.get("http://sandbox/connections")]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(401, {"error": "Invalid API key"})] * 2
