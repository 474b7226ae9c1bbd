"""The seeded company, and what survives a restart."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox
from ac_mcp.sandbox.maton.connections import Connections

from .clients import NOW, client, connection


async def rows(api: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
    plural = path.partition("?")[0].rpartition("/")[2]
    return (await api.get(path, params=None)).json()[plural]


async def everything(box: Sandbox) -> dict[str, bytes]:
    plurals = (
        "contacts tags lists contactTags contactLists fieldValues fields deals dealStages automations campaigns notes"
        " messages templates forms segments scores addresses dealTasks dealTasktypes dealActivities contactDeals"
        " dealCustomFieldMeta dealCustomFieldData accountCustomFieldData emailActivities listGroups campaignLists"
    )
    async with client(box) as api:
        return {plural: (await api.get(f"/{plural}?limit=100")).content for plural in plurals.split()}


async def test_a_number_always_gives_the_same_company() -> None:
    first, same, other = (Sandbox(now=lambda: NOW, rate=None, number=number) for number in (4, 4, 5))
    kept, again, different = [await everything(box) for box in (first, same, other)]
    for box in (first, same, other):
        box.close()
    assert kept == again
    assert {plural for plural in kept if kept[plural] != different[plural]} >= {"deals", "contactTags", "fieldValues"}


@pytest.mark.parametrize("number", [1, 2, 77])
async def test_some_facts_hold_whatever_the_number(number: int) -> None:
    box = Sandbox(now=lambda: NOW, rate=None, number=number)
    async with client(box) as api:
        jane, bob, omar = (await rows(api, "/contacts?limit=3"))[:3]
        assert [(c["firstName"], c["lastName"], c["email"]) for c in (jane, bob, omar)] == [
            ("Jane", "Reed", "jane@acme.example"),
            ("Bob", "Stone", "bob@initech.example"),
            ("Omar", "Haddad", "omar@initech.example"),
        ]
        assert jane["phone"] == "+1 312 555 0101"
        assert [row["tag"] for row in await rows(api, "/contacts/1/contactTags")] == ["1", "2"]
        assert [row["tag"] for row in await rows(api, "/contacts/2/contactTags")] == ["3"]
        assert [(row["list"], row["status"]) for row in await rows(api, "/contacts/1/contactLists")] == [
            ("1", "1"),
            ("2", "1"),
        ]
        assert ("1", "2") in [(row["list"], row["status"]) for row in await rows(api, "/contacts/3/contactLists")]
        assert [row["value"] for row in await rows(api, "/contacts/1/fieldValues") if row["field"] == "1"] == [
            "Enterprise"
        ]
        assert [row["status"] for row in await rows(api, "/contacts/1/deals")] == ["0", "0"]
        company = await rows(api, "/contacts/1/accountContacts")
        assert (await api.get(f"/accounts/{company[0]['account']}")).json()["account"]["name"] == "Acme"
        tags = [row["tag"] for row in await rows(api, "/tags")]
        assert tags[:7] == ["VIP", "Customer", "Trial", "Churn risk", "Webinar 2026", "2024", "VIP 2025"]
        lists = await rows(api, "/lists")
        names = ["Newsletter", "Product updates", "Trial users", "Webinar guests", "Partners", "Old imports"]
        assert [row["name"] for row in lists[:6]] == names
        assert lists[5]["non_deleted_subscribers"] == "0"
        february = next(row for row in await rows(api, "/campaigns") if row["name"] == "February Newsletter")
        assert (february["send_amt"], february["uniqueopens"], february["statusString"]) == ("1204", "455", "Completed")
        people = [f"{row['firstName']} {row['lastName']}" for row in await rows(api, "/users")]
        assert people == ["Dana Reyes", "Sam Okafor", "Sam Kowalski", "Priya Nair", "Luis Ortega"]
    box.close()


async def test_the_company_is_of_the_size_it_says(api: httpx2.AsyncClient) -> None:
    sizes = {"contacts": 60, "lists": 8, "tags": 12, "dealGroups": 2, "dealStages": 8, "deals": 25, "automations": 6}
    sizes |= {"campaigns": 8, "fields": 6, "users": 5, "accounts": 10, "webhooks": 2, "groups": 2}
    found = {plural: int((await api.get(f"/{plural}")).json()["meta"]["total"]) for plural in sizes}
    assert found == sizes


async def test_the_wider_company_is_of_the_size_it_says(api: httpx2.AsyncClient) -> None:
    sizes = {"messages": 8, "templates": 3, "forms": 2, "segments": 3, "scores": 2, "addresses": 2, "dealTasks": 9}
    sizes |= {"dealTasktypes": 4, "taskOutcomes": 3, "dealActivities": 30, "contactDeals": 3, "dealCustomFieldData": 6}
    sizes |= {"emailActivities": 4, "savedResponses": 2, "campaignLists": 8, "listGroups": 16, "userGroups": 5}
    found = {plural: int((await api.get(f"/{plural}")).json()["meta"]["total"]) for plural in sizes}
    assert found == sizes
    fields = {
        plural: len(await rows(api, f"/{plural}")) for plural in ("dealCustomFieldMeta", "accountCustomFieldMeta")
    }
    assert fields == {"dealCustomFieldMeta": 5, "accountCustomFieldMeta": 3}


async def test_the_company_is_coherent(api: httpx2.AsyncClient) -> None:
    contacts = await rows(api, "/contacts?limit=100")
    assert all(row["email"].endswith(".example") and row["cdate"] <= row["udate"] for row in contacts)
    assert [row["id"] for row in contacts if not row["firstName"]] == ["9"]
    assert [row["id"] for row in contacts if not row["phone"]] == ["10"]
    assert len({row["email"] for row in contacts}) == 60
    stages = {row["id"]: row["group"] for row in await rows(api, "/dealStages")}
    deals = await rows(api, "/deals?limit=100")
    assert all(stages[row["stage"]] == row["group"] and row["cdate"] <= row["mdate"] for row in deals)
    assert {row["status"] for row in deals} == {"0", "1", "2"}
    assert {row["currency"] for row in deals} == {"usd", "eur"}
    campaigns = await rows(api, "/campaigns")
    assert {row["statusString"] for row in campaigns} == {"Completed", "Automation", "Scheduled", "Draft"}
    for row in campaigns:
        assert int(row["uniqueopens"]) <= int(row["opens"])
        assert int(row["verified_unique_opens"]) <= int(row["uniqueopens"]) <= int(row["send_amt"])
    assert {row["status"] for row in await rows(api, "/automations")} == {"0", "1", "2"}
    assert any("☕" in row["note"] for row in await rows(api, "/notes"))


async def test_a_file_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = Sandbox(path, now=lambda: NOW, rate=None)
    async with client(first) as api:
        await api.put("/contacts/1", json={"contact": {"firstName": "Janet"}})
        await api.delete("/tags/12")
        made = await connection(api)
        await api.post(made["url"])
    kept = await everything(first)
    first.close()
    second = Sandbox(path, now=lambda: NOW, rate=None, number=9)
    assert await everything(second) == kept
    async with client(second, Maton_Connection=made["connection_id"]) as api:
        assert (await api.get("/users/me")).json()["user"]["username"] == "admin"
    async with client(second) as api:
        assert (await api.post("/tags", json={"tag": {"tag": "next"}})).json()["tag"]["id"] == "13"
    second.close()


def test_the_sandbox_shares_nothing_with_the_rest_of_the_package() -> None:
    folder = Path(__file__).parents[2] / "ac_mcp" / "sandbox"
    texts = {path.name: path.read_text() for path in folder.rglob("*.py")}
    assert len(texts) > 20
    assert [name for name, text in texts.items() if "from .." in text or re.search(r"ac_mcp(?!\.sandbox)", text)] == []
    assert [name for name, text in texts.items() if "httpx2" in text] == ["sandbox.py"]


def test_a_file_of_before_keeps_its_connections(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.db"
    Sandbox(file).close()
    with closing(sqlite3.connect(file)) as rows:
        rows.execute("DELETE FROM connections")
        rows.execute("INSERT INTO connections SELECT * FROM matonConnections")
        rows.execute("DELETE FROM matonConnections")
        rows.commit()
    one = Sandbox(file)
    assert [row["status"] for row in Connections(one._store, one.quirks).select({})] == ["ACTIVE", "PENDING"]  # pyright: ignore[reportPrivateUsage]
    one.close()


def test_the_file_of_a_sandbox_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    Sandbox(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
