"""The oddities a client has to live with (reference, section 2 and list a)."""

from datetime import UTC, datetime

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import client

UNCHANGED = [{"firstName": "Other"}, {"contacts": {"firstName": "Other"}}, ["contact"], "contact", 7, None, {}]


@pytest.mark.parametrize("body", UNCHANGED)
async def test_a_put_without_the_wrapper_changes_nothing(body: object, api: httpx2.AsyncClient) -> None:
    before = (await api.get("/contacts/1")).json()
    answer = await api.put("/contacts/1", json=body)
    assert (answer.status_code, answer.json()["contact"]["firstName"]) == (200, "Jane")
    assert (await api.get("/contacts/1")).json() == before


async def test_a_number_comes_back_as_a_number_and_is_read_as_text(api: httpx2.AsyncClient) -> None:
    sent = {"title": "Typed", "value": 156.24, "currency": "usd", "contact": 2, "stage": 1, "percent": 40, "owner": "3"}
    made = (await api.post("/deals", json={"deal": sent})).json()["deal"]
    read = (await api.get(f"/deals/{made['id']}")).json()["deal"]
    assert {key: made[key] for key in sent} == sent
    assert {key: read[key] for key in sent} == {**{key: str(value) for key, value in sent.items()}, "value": "156"}
    assert (made["status"], read["status"]) == (0, "0")


async def test_unknown_body_fields_are_ignored(api: httpx2.AsyncClient) -> None:
    sent = {"tag": "Odd", "tagType": "contact", "colour": "red", "id": "99", "subscriber_count": "7", "deleted": "1"}
    made = (await api.post("/tags", json={"tag": sent})).json()["tag"]
    assert sorted(made) == ["cdate", "description", "id", "links", "tag", "tagType"]
    assert made["id"] == "13"


async def test_an_omitted_field_is_kept_and_a_null_clears(api: httpx2.AsyncClient) -> None:
    await api.put("/accounts/1", json={"account": {"name": "Acme Foods"}})
    kept = (await api.get("/accounts/1")).json()["account"]["accountUrl"]
    await api.put("/accounts/1", json={"account": {"accountUrl": None}})
    cleared = (await api.get("/accounts/1")).json()["account"]["accountUrl"]
    assert (kept, cleared) == ("https://acme.example", None)


async def test_totals_are_text_or_numbers_by_resource(api: httpx2.AsyncClient) -> None:
    text = "contacts tags contactTags lists contactLists automations campaigns users accounts accountContacts fields"
    text += " fieldValues groups contactAutomations webhooks"
    totals = {plural: (await api.get(f"/{plural}")).json()["meta"]["total"] for plural in text.split()}
    numbers = [
        (await api.get(f"/{plural}")).json()["meta"]["total"]
        for plural in ("deals", "notes", "dealGroups", "dealStages")
    ]
    assert {plural for plural, total in totals.items() if not isinstance(total, str)} == set()
    assert numbers == [25, 8, 2, 8]


async def test_what_hangs_on_a_contact_has_no_meta(api: httpx2.AsyncClient) -> None:
    for plural in (
        "contactTags",
        "contactLists",
        "contactAutomations",
        "fieldValues",
        "notes",
        "deals",
        "scoreValues",
        "accountContacts",
        "contactGoals",
        "contactLogs",
        "bounceLogs",
        "trackingLogs",
        "geoIps",
        "contactDeals",
    ):
        assert list((await api.get(f"/contacts/1/{plural}")).json()) == [plural]
        missing = await api.get(f"/contacts/999/{plural}")
        assert (missing.status_code, missing.json()) == (404, {"message": "No Result found for Subscriber with id 999"})


async def test_what_hangs_on_a_contact_comes_whole_unless_a_limit_is_given(api: httpx2.AsyncClient) -> None:
    for number in range(1, 31):
        await api.post("/tags", json={"tag": {"tag": f"n{number}"}})
        await api.post("/contactTags", json={"contactTag": {"contact": "2", "tag": str(12 + number)}})
    rows = {
        query: (await api.get(f"/contacts/2/contactTags{query}")).json()["contactTags"]
        for query in ("", "?limit=5&offset=29")
    }
    assert [len(found) for found in rows.values()] == [31, 2]


async def test_what_a_contact_never_has_is_an_empty_object(api: httpx2.AsyncClient) -> None:
    for name in ("plusAppend", "organization"):
        assert (await api.get(f"/contacts/1/{name}")).json() == {}


@pytest.mark.parametrize(
    ("plural", "model"),
    [
        ("contacts", "Subscriber"),
        ("tags", "Tag"),
        ("contactTags", "SubscriberTag"),
        ("lists", "_List"),
        ("deals", "Deal"),
        ("dealStages", "DealStage"),
        ("dealGroups", "DealGroup"),
        ("fields", "Field"),
        ("fieldValues", "FieldValue"),
        ("accounts", "CustomerAccount"),
        ("accountContacts", "CustomerAccountSubscriber"),
        ("notes", "Note"),
        ("webhooks", "Webhook"),
        ("automations", "Series"),
        ("contactAutomations", "SubscriberSeries"),
        ("campaigns", "Campaign"),
        ("users", "User"),
        ("groups", "Group"),
    ],
)
async def test_a_missing_row_is_named_by_its_model(plural: str, model: str, api: httpx2.AsyncClient) -> None:
    answer = await api.get(f"/{plural}/4711")
    assert (answer.status_code, answer.json()) == (404, {"message": f"No Result found for {model} with id 4711"})


async def test_a_tag_is_unique_by_type_and_name_without_case(api: httpx2.AsyncClient) -> None:
    same = await api.post("/tags", json={"tag": {"tag": "vip", "tagType": "contact"}})
    other = await api.post("/tags", json={"tag": {"tag": "vip", "tagType": "template"}})
    renamed = await api.put("/tags/2", json={"tag": {"tag": "VIP"}})
    assert [answer.status_code for answer in (same, other, renamed)] == [500, 201, 500]
    wanted = {"message": "Could not process request", "error": "Duplicate entry 'contact-vip' for key 'typetag'"}
    assert same.json() == wanted


async def test_tagging_twice_is_a_success_with_another_envelope(api: httpx2.AsyncClient) -> None:
    sent = {"contactTag": {"contact": "1", "tag": "6"}}
    first, second = await api.post("/contactTags", json=sent), await api.post("/contactTags", json=sent)
    assert (first.status_code, sorted(first.json())) == (201, ["contactTag", "contacts"])
    assert (second.status_code, sorted(second.json())) == (200, ["contactTag"])
    assert first.json()["contactTag"]["id"] == second.json()["contactTag"]["id"]


@pytest.mark.parametrize("tag", ["VIP", "999"])
async def test_a_tag_is_named_by_the_id_of_an_existing_one_only(tag: str, api: httpx2.AsyncClient) -> None:
    answer = await api.post("/contactTags", json={"contactTag": {"contact": "1", "tag": tag}})
    error = {"status": 422, "title": "No tag id provided", "source": {"pointer": "/data/attributes/tag"}}
    assert (answer.status_code, answer.json()) == (422, {"errors": [error]})


async def test_subscribing_is_an_upsert_that_brings_back_whoever_left(api: httpx2.AsyncClient) -> None:
    before = (await api.get("/contacts/3/contactLists")).json()["contactLists"][0]
    sent = {"contactList": {"contact": 3, "list": 1, "status": 1}}
    again = await api.post("/contactLists", json=sent)
    after = (await api.get("/contacts/3/contactLists")).json()["contactLists"][0]
    assert (again.status_code, list(again.json())) == (200, ["contactList"])
    assert again.json()["contactList"]["status"] == 1
    assert (before["status"], after["status"]) == ("2", "1")
    assert (after["id"], after["sdate"]) == (before["id"], before["sdate"])


async def test_patch_works_where_it_was_recorded_and_nowhere_else(api: httpx2.AsyncClient) -> None:
    found = {
        plural: (await api.patch(f"/{plural}/1", json={})).status_code
        for plural in ("contacts", "tags", "lists", "notes", "accounts", "deals", "webhooks", "fields", "campaigns")
    }
    assert found == {
        **dict.fromkeys(("contacts", "tags", "lists", "notes", "accounts", "deals"), 200),
        "webhooks": 404,
        "fields": 404,
        "campaigns": 200,
    }


async def test_a_list_answers_an_update_in_full(api: httpx2.AsyncClient) -> None:
    for method in ("PUT", "PATCH"):
        answer = await api.request(method, "/lists/2", json={"list": {"name": method}})
        assert (answer.json()["list"]["name"], len(answer.json()["list"])) == (method, 50)


async def test_dates_have_the_accounts_offset_and_stamps_have_none() -> None:
    box = Sandbox(now=lambda: datetime(2026, 1, 5, 3, 4, 5, tzinfo=UTC), rate=None)
    async with client(box) as api:
        row = (await api.post("/contacts", json={"contact": {"email": "d@x.example"}})).json()["contact"]
        read = (await api.get(f"/contacts/{row['id']}")).json()["contact"]
        stage = (await api.put("/dealStages/1", json={"dealStage": {"title": "Lead"}})).json()["dealStage"]
    box.close()
    assert (row["cdate"], read["created_utc_timestamp"]) == ("2026-01-04T22:04:05-05:00", "2026-01-04 22:04:05")
    assert stage["udate"] == "2026-01-05T03:04:05-05:00"


async def test_a_note_echoes_the_number_it_hangs_on(api: httpx2.AsyncClient) -> None:
    made = (await api.post("/notes", json={"note": {"note": "n", "relid": 2, "reltype": "Subscriber"}})).json()["note"]
    read = (await api.get(f"/notes/{made['id']}")).json()["note"]
    assert (made["relid"], made["owner"], made["is_draft"]) == (2, {"type": "contact", "id": 2}, "")
    assert (read["relid"], read["owner"], read["is_draft"]) == ("2", {"type": "contact", "id": "2"}, "0")


async def test_notes_can_be_added_under_deals_and_accounts(api: httpx2.AsyncClient) -> None:
    found = {
        plural: await api.post(f"/{plural}/1/notes", json={"note": {"note": "here"}})
        for plural in ("deals", "accounts")
    }
    kinds = {plural: (answer.status_code, answer.json()["note"]["reltype"]) for plural, answer in found.items()}
    assert kinds == {"deals": (201, "Deal"), "accounts": (201, "CustomerAccount")}
    assert [sorted(answer.json()) for answer in found.values()] == [["deals", "note"], ["accounts", "note"]]


async def test_a_second_value_of_a_field_updates_the_first(api: httpx2.AsyncClient) -> None:
    sent = {"fieldValue": {"contact": 1, "field": 1, "value": "Free"}}
    answer = await api.post("/fieldValues", json=sent)
    values = (await api.get("/contacts/1/fieldValues")).json()["fieldValues"]
    assert answer.status_code == 200
    assert [(row["id"], row["value"]) for row in values if row["field"] == "1"] == [("1", "Free")]


async def test_a_field_value_can_be_put_with_the_value_alone(api: httpx2.AsyncClient) -> None:
    answer = await api.put("/fieldValues/1", json={"fieldValue": {"value": "||A||B||"}})
    assert (answer.status_code, answer.json()["fieldValue"]["value"]) == (200, "||A||B||")


async def test_an_automation_is_entered_again_only_if_it_allows_it(api: httpx2.AsyncClient) -> None:
    codes: list[int] = []
    for automation in ("1", "2", "2", "99"):
        sent = {"contactAutomation": {"contact": "1", "automation": automation}}
        codes.append((await api.post("/contactAutomations", json=sent)).status_code)
    assert codes == [403, 201, 403, 403]
    rows = (await api.get("/contacts/1/contactAutomations")).json()["contactAutomations"]
    assert [(row["seriesid"], row["status"], row["totalElements"]) for row in rows] == [("1", "2", 6), ("2", "1", 6)]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/deals/1/dealActivities", "filters[data_type]=value"),
        ("/activities", "filters[tstamp][gt]=2100-01-01"),
        ("/emailActivities", "filters[tstamp][gt]=2100-01-01"),
        ("/contactLists", "filters[listid]=999999"),
        ("/contactLists", "filters[updated_since]=2100-01-01"),
        ("/campaigns", "filters[status]=5"),
        ("/campaigns", "filters[name]=Nothing"),
        ("/campaigns", "orders[cdate]=DESC"),
        ("/segments", "orders[id]=DESC"),
    ],
)
async def test_filters_and_orders_that_real_accounts_ignore_are_ignored(
    path: str, query: str, api: httpx2.AsyncClient
) -> None:
    assert (await api.get(f"{path}?{query}")).json() == (await api.get(path)).json()


async def test_a_segment_leaves_the_list_out_of_account(api: httpx2.AsyncClient) -> None:
    await api.get("/contacts?segmentid=1")
    queries = ("segmentid=1", "segmentid=1&listid=6", "segmentid=1&listid=1&status=2")
    totals = [(await api.get(f"/contacts?{query}")).json()["meta"]["total"] for query in queries]
    assert (int(totals[0]) > 0, set(totals)) == (True, {totals[0]})


async def test_contact_and_field_decide_which_value_is_put(api: httpx2.AsyncClient) -> None:
    values = {row["id"]: row for row in (await api.get("/fieldValues?limit=100")).json()["fieldValues"]}
    other = next(row for row in values.values() if row["contact"] != "1")
    sent = {"contact": int(other["contact"]), "field": int(other["field"]), "value": "changed"}
    answer = (await api.put("/fieldValues/1", json={"fieldValue": sent})).json()["fieldValue"]
    assert (answer["id"], {key: answer[key] for key in sent}) == (other["id"], sent)
    assert (await api.get("/fieldValues/1")).json()["fieldValue"] == values["1"]
    assert (await api.get(f"/fieldValues/{other['id']}")).json()["fieldValue"]["value"] == "changed"


async def test_a_sync_without_an_address_is_a_bad_request(api: httpx2.AsyncClient) -> None:
    error = {"status": 400, "title": "Bad Request", "detail": "Contact email must be provided for sync"}
    for contact in ({"firstName": "Ana"}, {"email": ""}, {}):
        answer = await api.post("/contact/sync", json={"contact": contact})
        assert (answer.status_code, answer.json()) == (400, {"errors": [error]})
    invalid = await api.post("/contact/sync", json={"contact": {"email": "ana"}})
    assert (invalid.status_code, invalid.json()["errors"][0]["code"]) == (422, "email_invalid")


async def test_a_list_has_no_status_above_3(api: httpx2.AsyncClient) -> None:
    codes: dict[int, int] = {}
    for status in (0, 1, 2, 3, 4):
        sent = {"contactList": {"contact": 1, "list": 4, "status": status}}
        answer = await api.post("/contactLists", json=sent)
        codes[status] = answer.status_code
    assert codes == {0: 200, 1: 200, 2: 200, 3: 200, 4: 422}
    assert answer.json()["errors"][0]["title"] == "The value you selected is not a valid choice."


async def test_the_options_of_a_field_are_listed_below_it(api: httpx2.AsyncClient) -> None:
    rows = (await api.get("/fields/1/options")).json()["fieldOptions"]
    assert [row["label"] for row in rows] == ["Free", "Team", "Enterprise"]
