"""The history and people of deals, their notes, and bulk changes of deals and accounts."""

from typing import Any

import httpx2
import pytest


async def history(api: httpx2.AsyncClient, deal: str, query: str = "") -> list[tuple[str, str, str, str]]:
    rows = (await api.get(f"/dealActivities?deal={deal}{query}")).json()["dealActivities"]
    return [(row["dataType"], row["dataAction"], row["dataOldval"], row["dataId"]) for row in rows]


async def test_the_history_of_a_deal_tells_what_happened(api: httpx2.AsyncClient) -> None:
    sent = {"title": "Told", "value": 100, "currency": "usd", "contact": "2", "stage": "1", "owner": "1"}
    number = (await api.post("/deals", json={"deal": sent})).json()["deal"]["id"]
    await api.put(f"/deals/{number}", json={"deal": {"stage": "2", "value": 250, "title": "Told again"}})
    await api.put(f"/deals/{number}", json={"deal": {"status": 1, "stage": "2"}})
    note = (await api.post(f"/deals/{number}/notes", json={"note": {"note": "here"}})).json()["note"]["id"]
    task = {"relid": number, "dealTasktype": "1", "duedate": "2026-08-20"}
    made = (await api.post("/dealTasks", json={"dealTask": task})).json()["dealTask"]["id"]
    await api.patch("/deals/bulkUpdate", json={"deals": [{"id": number, "ownerId": 4}]})
    assert await history(api, number) == [
        ("", "add", "", "0"),
        ("d_stageid", "update", "1", "2"),
        ("value", "update", "100", "250"),
        ("status", "update", "0", "1"),
        ("note", "add", "", note),
        ("task", "add", "", made),
        ("userid", "update", "1", "4"),
    ]
    assert (await api.get(f"/deals/{number}")).json()["deal"]["activitycount"] == "7"
    assert await history(api, number, f"&filters[data_type]=note&filters[data_id]={note}") == [
        ("note", "add", "", note)
    ]
    under = (await api.get(f"/deals/{number}/dealActivities")).json()
    assert (list(under), len(under["dealActivities"])) == (["dealActivities"], 7)
    await api.delete(f"/deals/{number}")
    assert await history(api, number) == []


async def test_a_write_answers_with_the_count_it_made(api: httpx2.AsyncClient) -> None:
    before = (await api.get("/deals/7")).json()["deal"]["activitycount"]
    changed = (await api.put("/deals/7", json={"deal": {"value": 1}})).json()["deal"]["activitycount"]
    assert (before, changed) == ("1", "2")


async def test_a_deal_has_secondary_contacts(api: httpx2.AsyncClient) -> None:
    made = await api.post("/contactDeals", json={"contactDeal": {"contact": 5, "deal": 2, "role": 1}})
    assert (made.status_code, sorted(made.json())) == (200, ["contactDeal", "deals"])
    row = made.json()["contactDeal"]
    assert (row["contact"], row["deal"], row["role"]) == (5, 2, 1)
    body = (await api.get("/contacts/5/contactDeals")).json()
    assert [[each["id"] for each in body[plural]] for plural in ("contacts", "deals", "contactDeals")] == [
        ["5"],
        ["2"],
        [row["id"]],
    ]
    await api.delete("/dealRoles/1")
    assert "role" not in (await api.get(f"/contactDeals/{row['id']}")).json()["contactDeal"]
    await api.delete("/contacts/5")
    missing = await api.get(f"/contactDeals/{row['id']}")
    assert missing.json() == {"message": f"No Result found for SubscriberDeal with id {row['id']}"}


@pytest.mark.parametrize(
    ("sent", "code", "attribute"),
    [
        ({"contact": 18, "deal": 1}, "field_invalid", "contact"),
        ({"contact": 1, "deal": 1}, "field_invalid", "contact"),
        ({"deal": 1}, "field_missing", "contact"),
        ({"contact": 1}, "field_missing", "deal"),
        ({"contact": 999, "deal": 1}, "related_missing", "contact"),
        ({"contact": 5, "deal": 999}, "related_missing", "deal"),
        ({"contact": 5, "deal": 1, "role": 9}, "related_missing", "role"),
    ],
)
async def test_an_association_that_cannot_be_is_refused(
    sent: dict[str, Any], code: str, attribute: str, api: httpx2.AsyncClient
) -> None:
    answer = await api.post("/contactDeals", json={"contactDeal": sent})
    error = answer.json()["errors"][0]
    pointer = {"pointer": f"/data/attributes/{attribute}"}
    assert (answer.status_code, error["code"], error["source"]) == (422, code, pointer)


async def test_a_role_is_made_without_a_wrapper(api: httpx2.AsyncClient) -> None:
    made = await api.post("/dealRoles", json={"title": "Finance"})
    wrapped = await api.post("/dealRoles", json={"dealRole": {"title": "Finance"}})
    assert (made.status_code, made.json()["dealRole"]["title"], wrapped.status_code) == (200, "Finance", 422)
    assert [row["title"] for row in (await api.get("/dealRoles?search=fin")).json()["dealRoles"]] == ["Finance"]


async def test_owners_change_in_bulk_and_nothing_else_does(api: httpx2.AsyncClient) -> None:
    owner = (await api.get("/deals/3")).json()["deal"]["owner"]
    sent = [{"id": 1, "ownerId": 4, "title": "Other"}, {"id": "3", "ownerId": owner}, {"id": 999, "ownerId": 1}]
    answer = await api.patch("/deals/bulkUpdate", json={"deals": sent})
    assert answer.json() == {"success": ["1"], "nochange": ["3"], "failed": ["999"]}
    row = (await api.get("/deals/1")).json()["deal"]
    assert (row["owner"], row["title"]) == ("4", "Acme espresso bar")


async def test_a_missing_or_unknown_owner_changes_no_deal(api: httpx2.AsyncClient) -> None:
    before = (await api.get("/deals/1")).json()
    for wrong in ({"id": 2}, {"id": 2, "ownerId": 99}):
        answer = await api.patch("/deals/bulkUpdate", json={"deals": [{"id": 1, "ownerId": 4}, wrong]})
        assert answer.status_code == 422
    assert (await api.get("/deals/1")).json() == before


async def test_all_deals_of_a_stage_move_together(api: httpx2.AsyncClient) -> None:
    held = [row["id"] for row in (await api.get("/deals?filters[stage]=1&limit=100")).json()["deals"]]
    answer = await api.put("/dealStages/1/deals", json={"deal": {"stage": "3"}})
    assert [row["id"] for row in answer.json()["deals"]] == held
    assert {row["stage"] for row in answer.json()["deals"]} == {"3"}
    assert (await api.get("/deals?filters[stage]=1")).json()["meta"]["total"] == 0
    assert (await api.put("/dealStages/1/deals", json={"deal": {"stage": "99"}})).status_code == 404


async def test_a_note_is_changed_where_it_hangs_and_posting_there_makes_another(api: httpx2.AsyncClient) -> None:
    sent = {"note": {"note": "Board has decided.", "relid": "1"}}
    changed = await api.put("/deals/4/notes/6", json=sent)
    assert (changed.status_code, sorted(changed.json())) == (200, ["deals", "note"])
    assert ((await api.get("/notes/6")).json()["note"]["note"], changed.json()["note"]["relid"]) == (
        "Board has decided.",
        "4",
    )
    elsewhere = [await api.put(path, json=sent) for path in ("/deals/1/notes/6", "/accounts/4/notes/6")]
    assert [answer.status_code for answer in elsewhere] == [404, 404]
    assert (await api.put("/accounts/1/notes/7", json=sent)).json()["note"]["note"] == "Board has decided."
    assert (await api.post("/deals/4/notes/6", json=sent)).json()["note"]["id"] == "9"


async def test_accounts_are_deleted_in_bulk(api: httpx2.AsyncClient) -> None:
    answer = await api.delete("/accounts/bulk_delete?ids[]=2&ids[]=3&ids[]=3&ids[]=99")
    assert (answer.status_code, answer.json()) == (200, {"meta": {"success": True}})
    left = [row["id"] for row in (await api.get("/accounts")).json()["accounts"]]
    assert left == ["1", "4", "5", "6", "7", "8", "9", "10"]
    assert (await api.get("/contacts/2/accountContacts")).json() == {"accountContacts": []}
    assert (await api.delete("/accounts/bulk_delete")).status_code == 400
