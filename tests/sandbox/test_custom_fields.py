"""Custom fields of deals and accounts."""

from typing import Any

import httpx2
import pytest


async def values(api: httpx2.AsyncClient, deal: str) -> dict[int, Any]:
    body = (await api.get(f"/dealCustomFieldData?filters[dealId]={deal}")).json()
    assert body["meta"] == {"total": len(body["dealCustomFieldData"])}
    return {row["customFieldId"]: row["fieldValue"] for row in body["dealCustomFieldData"]}


async def save(api: httpx2.AsyncClient, field: Any, value: Any, **more: Any) -> httpx2.Response:
    sent = {"dealId": "3", "customFieldId": field, "fieldValue": value, **more}
    return await api.post("/dealCustomFieldData", json={"dealCustomFieldDatum": sent})


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        (1, "Commit", "Commit"),
        ("2", "12.5", "12.5"),
        (2, 12, 12),
        (3, "2026-09-01", "2026-09-01"),
        (4, 9999, 9999),
        (5, ["Training", "Grinder"], ["Training", "Grinder"]),
        (5, "||Training||Grinder||", ["Training", "Grinder"]),
        (5, "Grinder", ["Grinder"]),
        (1, None, None),
        (3, "", ""),
    ],
)
async def test_a_value_that_fits_is_kept_as_json(field: Any, value: Any, kept: Any, api: httpx2.AsyncClient) -> None:
    made = (await save(api, field, value)).json()["dealCustomFieldDatum"]
    assert (made["dealId"], made["customFieldId"], made["dealCustomFieldMetumId"]) == (3, int(field), int(field))
    assert (made["fieldValue"], made["originalValue"], type(made["id"])) == (kept, "", str)
    assert await values(api, "3") == {int(field): kept}


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        (1, "Perhaps", "dropdown"),
        (2, "many", "number"),
        (3, "soon", "date"),
        (4, "99.5", "currency"),
        (5, ["Grinder", "Ladder"], "multiselect"),
    ],
)
async def test_a_value_that_does_not_fit_is_refused_by_its_type(
    field: int, value: Any, kind: str, api: httpx2.AsyncClient
) -> None:
    answer = await save(api, field, value)
    detail = f"The custom field value `{value}` could not be saved to the custom field of type `{kind}`."
    assert (answer.status_code, answer.json()) == (422, {"errors": [{"detail": detail}]})
    assert await values(api, "3") == {}


async def test_a_value_of_nothing_is_refused(api: httpx2.AsyncClient) -> None:
    answers = [await save(api, 77, "x"), await save(api, 1, "Commit", dealId="999"), await save(api, None, "x")]
    assert [answer.status_code for answer in answers] == [422, 422, 422]


async def test_a_second_value_of_a_field_replaces_the_first(api: httpx2.AsyncClient) -> None:
    first = (await save(api, 1, "Commit")).json()["dealCustomFieldDatum"]
    again = await save(api, 1, "Pipeline")
    second = again.json()["dealCustomFieldDatum"]
    assert (again.status_code, second["id"], second["originalValue"]) == (200, first["id"], "Commit")
    assert await values(api, "3") == {1: "Pipeline"}


async def test_a_currency_field_says_which(api: httpx2.AsyncClient) -> None:
    made = (await save(api, 4, 5000, fieldCurrency="eur")).json()["dealCustomFieldDatum"]
    plain = (await save(api, 2, 3)).json()["dealCustomFieldDatum"]
    assert made["fieldCurrency"] == "eur"
    assert "fieldCurrency" not in plain


async def test_rows_without_a_model_are_missed_without_a_name(api: httpx2.AsyncClient) -> None:
    for plural in ("dealCustomFieldMeta", "dealCustomFieldData", "accountCustomFieldMeta", "accountCustomFieldData"):
        answer = await api.get(f"/{plural}/99")
        assert (answer.status_code, answer.json()) == (404, {"errors": [{"status": 404, "title": "Not Found"}]})


async def test_the_type_of_a_field_stays_what_it_was(api: httpx2.AsyncClient) -> None:
    sent = {"dealCustomFieldMetum": {"fieldType": "text", "fieldLabel": "Boxes", "isRequired": "1"}}
    changed = (await api.put("/dealCustomFieldMeta/2", json=sent)).json()["dealCustomFieldMetum"]
    assert (changed["fieldType"], changed["fieldLabel"], changed["isRequired"]) == ("number", "Boxes", 1)


async def test_a_put_without_the_wrapper_changes_no_field(api: httpx2.AsyncClient) -> None:
    answer = await api.put("/dealCustomFieldMeta/2", json={"fieldLabel": "Boxes"})
    assert (answer.status_code, answer.json()["dealCustomFieldMetum"]["fieldLabel"]) == (200, "Machines")


async def test_a_new_field_gets_its_place_and_tag(api: httpx2.AsyncClient) -> None:
    sent = {"accountCustomFieldMetum": {"fieldLabel": "Roast level", "fieldType": "text"}}
    made = (await api.post("/accountCustomFieldMeta", json=sent)).json()["accountCustomFieldMetum"]
    assert (made["personalization"], made["displayOrder"], made["id"]) == ("ACCT_ROAST_LEVEL", 4, "4")
    assert made["createdTimestamp"] == "2026-08-04T15:00:00+00:00"
    wrong = await api.post("/accountCustomFieldMeta", json={"accountCustomFieldMetum": {"fieldLabel": "x"}})
    odd = {"accountCustomFieldMetum": {"fieldLabel": "x", "fieldType": "colour"}}
    assert (wrong.status_code, (await api.post("/accountCustomFieldMeta", json=odd)).status_code) == (422, 422)


async def test_a_deleted_field_takes_its_values(api: httpx2.AsyncClient) -> None:
    answer = await api.delete("/dealCustomFieldMeta/1")
    assert (answer.status_code, answer.json()) == (200, {"message": "DealCustomFieldMeta deleted."})
    assert await values(api, "1") == {2: "3", 5: ["Training", "Grinder"]}
    gone = await api.delete("/accountCustomFieldData/1")
    assert gone.json() == {"message": "AccountCustomFieldData deleted."}


async def test_many_values_are_written_at_once_or_not_at_all(api: httpx2.AsyncClient) -> None:
    sent = [{"dealId": 6, "customFieldId": 1, "fieldValue": "Commit"}, {"dealId": 6, "customFieldId": 2}]
    made = await api.post("/dealCustomFieldData/bulkCreate", json=sent)
    assert (made.status_code, made.json()) == (200, {"message": "The bulk insert was successful."})
    assert await values(api, "6") == {1: "Commit", 2: None}
    half = [
        {"dealId": 7, "customFieldId": 1, "fieldValue": "Commit"},
        {"dealId": 7, "customFieldId": 1, "fieldValue": "?"},
    ]
    assert (await api.post("/dealCustomFieldData/bulkCreate", json=half)).status_code == 422
    assert await values(api, "7") == {}
    assert (await api.post("/dealCustomFieldData/bulkCreate", json={"dealCustomFieldData": sent})).status_code == 422


async def test_many_values_are_changed_by_their_ids(api: httpx2.AsyncClient) -> None:
    sent = [{"id": "1", "fieldValue": "Pipeline"}, {"id": 2, "fieldValue": 5}]
    answer = await api.patch("/dealCustomFieldData/bulkUpdate", json=sent)
    assert answer.json() == {"message": "DealCustomFieldDatas with ID(s): 1, 2 successfully bulk updated."}
    assert await values(api, "1") == {1: "Pipeline", 2: 5, 5: ["Training", "Grinder"]}
    assert (await api.patch("/dealCustomFieldData/bulkUpdate", json=[{"id": 99}])).status_code == 404


async def test_an_account_goes_by_two_names(api: httpx2.AsyncClient) -> None:
    for name in ("accountId", "customerAccountId"):
        sent = {"accountCustomFieldDatum": {name: "9", "customFieldId": 1, "fieldValue": name}}
        made = (await api.post("/accountCustomFieldData", json=sent)).json()["accountCustomFieldDatum"]
        assert (made["accountId"], made["fieldValue"]) == (9, name)
    body = (await api.get("/accountCustomFieldData?filters[customerAccountId]=9")).json()
    assert [row["fieldValue"] for row in body["accountCustomFieldData"]] == ["customerAccountId"]
    assert "meta" not in body


async def test_fields_are_written_with_a_deal_and_answered(api: httpx2.AsyncClient) -> None:
    given = [
        {"customFieldId": 1, "fieldValue": "Commit"},
        {"customFieldId": "4", "fieldValue": 70, "fieldCurrency": "usd"},
    ]
    deal = {"title": "Fitted", "value": 1, "currency": "usd", "contact": "1", "stage": "1", "fields": given}
    made = (await api.post("/deals", json={"deal": deal})).json()["deal"]
    assert made["fields"] == [{**each, "dealId": made["id"]} for each in given]
    assert made["customFieldSaveStatus"] == {"status": "success"}
    assert await values(api, made["id"]) == {1: "Commit", 4: 70}
    again = {"deal": {"fields": [{"customFieldId": 1, "fieldValue": "?"}, {"customFieldId": 2, "fieldValue": 2}]}}
    changed = await api.put(f"/deals/{made['id']}", json=again)
    assert (changed.status_code, changed.json()["deal"]["customFieldSaveStatus"]) == (200, {"status": "failed"})
    assert await values(api, made["id"]) == {1: "Commit", 4: 70, 2: 2}


async def test_fields_are_written_with_an_account(api: httpx2.AsyncClient) -> None:
    sent = {"account": {"name": "Fitted", "fields": [{"customFieldId": 1, "fieldValue": "Tea"}]}}
    made = (await api.post("/accounts", json=sent)).json()["account"]
    assert made["fields"] == [{"customFieldId": 1, "fieldValue": "Tea", "accountId": made["id"]}]
    rows = (await api.get(f"/accounts/{made['id']}/accountCustomFieldData")).json()["accountCustomFieldData"]
    assert [row["fieldValue"] for row in rows] == ["Tea"]
    await api.delete(f"/accounts/{made['id']}")
    assert (await api.get(f"/accountCustomFieldData/{rows[0]['id']}")).status_code == 404
