"""Deals, pipelines and stages."""

from typing import Any

import httpx2
import pytest


async def make(api: httpx2.AsyncClient, **sent: Any) -> httpx2.Response:
    whole = {"title": "Deal", "value": 1000, "currency": "usd", "contact": "2", "stage": "1", "owner": "1", **sent}
    return await api.post("/deals", json={"deal": {key: value for key, value in whole.items() if value is not None}})


async def titles(api: httpx2.AsyncClient, query: str) -> list[str]:
    return [row["title"] for row in (await api.get(f"/deals?limit=100&{query}")).json()["deals"]]


@pytest.fixture
async def four(api: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Nothing but four known deals in the account."""
    for number in range(1, 26):
        assert (await api.delete(f"/deals/{number}")).status_code == 200
    await make(api, title="Alpha", value=100_00, contact="1", account="1")
    await make(api, title="beta", value=2500_00, contact="2", stage="6", status=1, owner="3")
    await make(api, title="Gamma", value=2500_50, contact="3", currency="eur", status=2)
    await make(api, title="Delta jane", value=7, contact="2", stage="4")
    return api


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("search=Alpha", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("filters[search]=jane", ["Alpha", "Delta jane"]),
        ("filters[search]=jane&filters[search_field]=title", ["Delta jane"]),
        ("filters[search]=jane&filters[search_field]=contact", ["Alpha"]),
        ("filters[search]=jane reed&filters[search_field]=contact", ["Alpha"]),
        ("filters[search]=jane stone&filters[search_field]=contact", []),
        ("filters[search]=omar@initech&filters[search_field]=contact", ["Gamma"]),
        ("filters[search]=acme&filters[search_field]=org", ["Alpha"]),
        ("filters[title]=BETA", ["beta"]),
        ("filters[stage]=4", ["Delta jane"]),
        ("filters[group]=2", ["beta"]),
        ("filters[status]=0", ["Alpha", "Delta jane"]),
        ("filters[owner]=3", ["beta"]),
        ("filters[tag]=1", ["Alpha"]),
        ("filters[tag]=-1", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("filters[tag]=-2", []),
        ("filters[minimum_value]=2500", ["beta", "Gamma"]),
        ("filters[maximum_value]=2500", ["Alpha", "beta", "Delta jane"]),
        ("filters[minimum_value]=100&filters[maximum_value]=2500", ["Alpha", "beta"]),
        ("filters[minimum_value]=lots", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("filters[created_after]=2026-08-05", []),
        ("filters[created_before]=2026-08-05", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("filters[nextdate_range]=no-task", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("filters[nextdate_range]=overdue", []),
        ("orders[title]=ASC", ["Alpha", "beta", "Delta jane", "Gamma"]),
        ("orders[value]=DESC", ["Gamma", "beta", "Alpha", "Delta jane"]),
        ("orders[contact_name]=ASC&orders[value]=ASC", ["Delta jane", "beta", "Alpha", "Gamma"]),
        ("orders[contact_orgname]=DESC", ["Alpha", "beta", "Gamma", "Delta jane"]),
        ("filters[colour]=red", ["Alpha", "beta", "Gamma", "Delta jane"]),
    ],
)
async def test_the_list_knows_its_filters(query: str, found: list[str], four: httpx2.AsyncClient) -> None:
    assert await titles(four, query) == found


async def test_the_list_sums_every_currency_over_the_filter_not_the_page(four: httpx2.AsyncClient) -> None:
    meta = (await four.get("/deals?limit=1&filters[minimum_value]=50")).json()["meta"]
    assert meta == {
        "currencies": {
            "USD": {"total": "2", "value": "260000", "currency": "USD", "isDisabled": False},
            "EUR": {"total": "1", "value": "250050", "currency": "EUR", "isDisabled": False},
        },
        "total": 3,
    }


async def test_a_deal_of_a_deleted_contact_is_a_stub_everywhere(four: httpx2.AsyncClient) -> None:
    alpha = (await four.get("/deals?filters[title]=Alpha")).json()["deals"][0]["id"]
    await four.delete("/contacts/1")
    stub = {"title": "Alpha", "status": "0", "id": alpha, "isDisabled": True}
    assert (await four.get(f"/deals/{alpha}")).json() == {"deal": stub}
    assert (await four.get("/deals?filters[title]=Alpha")).json()["deals"] == [stub]
    assert len((await four.get("/deals/" + str(int(alpha) + 1))).json()["deal"]) > 20


async def test_a_deal_of_a_deleted_pipeline_is_a_stub(four: httpx2.AsyncClient) -> None:
    await four.delete("/dealGroups/2")
    rows = (await four.get("/deals?orders[id]=ASC")).json()["deals"]
    assert [row["isDisabled"] for row in rows] == [False, True, False, False]
    assert (await four.get("/dealStages")).json()["meta"]["total"] == 5


async def test_a_missing_stage_is_the_first_and_a_missing_pipeline_the_stages_own(api: httpx2.AsyncClient) -> None:
    first = (await make(api, stage=None, group="2")).json()["deal"]
    own = (await make(api, stage="7", group=None)).json()["deal"]
    assert (first["group"], first["stage"]) == ("2", "6")
    assert (own["group"], own["stage"]) == ("2", "7")


async def test_moving_a_deal_to_another_pipelines_stage_moves_it_there(api: httpx2.AsyncClient) -> None:
    answer = (await api.put("/deals/1", json={"deal": {"stage": "7"}})).json()
    assert sorted(answer) == ["deal", "dealStages"]
    assert (answer["deal"]["group"], answer["deal"]["stage"]) == ("2", "7")


@pytest.mark.parametrize(
    ("wrong", "code", "attribute"),
    [
        ({"title": None}, "field_missing", "title"),
        ({"value": None}, "field_missing", "value"),
        ({"currency": None}, "field_missing", "currency"),
        ({"contact": None}, "field_missing", "contact"),
        ({"stage": None}, "field_missing", "group"),
        ({"contact": "999"}, "related_missing", "contact"),
        ({"stage": "999"}, "related_missing", "stage"),
        ({"group": "999"}, "related_missing", "group"),
        ({"stage": "7", "group": "1"}, "field_invalid", "stage"),
        ({"value": "much"}, "field_invalid", "value"),
    ],
)
async def test_a_deal_that_cannot_be_is_refused(
    wrong: dict[str, Any], code: str, attribute: str, api: httpx2.AsyncClient
) -> None:
    answer = await make(api, **wrong)
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"]) == (422, code)
    assert error["source"] == {"pointer": f"/data/attributes/{attribute}"}
    assert (await api.get("/deals")).json()["meta"]["total"] == 25


async def test_an_owner_is_needed_where_nothing_assigns_one(api: httpx2.AsyncClient) -> None:
    group = (await api.post("/dealGroups", json={"dealGroup": {"title": "By hand", "currency": "usd"}})).json()[
        "dealGroup"
    ]
    refused = await make(api, owner=None, stage=None, group=group["id"])
    made = await make(api, owner=None, stage=None, group="1")
    assert (refused.status_code, made.status_code, made.json()["deal"]["owner"]) == (422, 201, "1")


async def test_a_new_pipeline_has_three_stages(api: httpx2.AsyncClient) -> None:
    made = (await api.post("/dealGroups", json={"dealGroup": {"title": "New", "currency": "eur"}})).json()
    assert [row["title"] for row in made["dealStages"]] == ["To Contact", "In Contact", "Follow Up"]
    assert made["dealGroup"]["stages"] == [row["id"] for row in made["dealStages"]] == ["9", "10", "11"]
    added = (await api.post("/dealStages", json={"dealStage": {"title": "Won", "group": 3}})).json()["dealStage"]
    assert (added["order"], added["group"]) == (4, 3)


async def test_pipelines_and_stages_filter(api: httpx2.AsyncClient) -> None:
    stages = (await api.get("/dealStages?filters[title]=negotiation")).json()["dealStages"]
    assert [(row["group"], row["id"]) for row in stages] == [("1", "4"), ("2", "7")]
    assert (await api.get("/dealStages?filters[d_groupid]=2")).json()["meta"]["total"] == 3
    groups = (await api.get("/dealGroups?filters[title]=sales")).json()
    assert [row["title"] for row in groups["dealGroups"]] == ["Sales"]
    assert [row["id"] for row in groups["dealStages"]] == groups["dealGroups"][0]["stages"]


@pytest.mark.parametrize(("sent", "kept"), [(99.99, "99"), ("156.99", "156"), ("1e3", None), (-5, "-5"), ("12", "12")])
async def test_money_is_whole_cents(sent: Any, kept: str | None, api: httpx2.AsyncClient) -> None:
    answer = await api.put("/deals/1", json={"deal": {"value": sent}})
    assert answer.status_code == (200 if kept else 422)
    assert (await api.get("/deals/1")).json()["deal"]["value"] == (kept or "1250000")
