"""Writing campaigns, and what they are written with."""

from typing import Any

import httpx2
import pytest


async def campaign(api: httpx2.AsyncClient, number: Any) -> dict[str, Any]:
    return (await api.get(f"/campaigns/{number}")).json()["campaign"]


async def test_a_campaign_is_made_at_an_address_of_its_own_without_a_wrapper(api: httpx2.AsyncClient) -> None:
    made = await api.post("/campaign", json={"name": "August letter", "type": "single", "canSplitContent": True})
    assert (made.status_code, made.json()) == (
        200,
        {"id": 9, "name": "August letter", "type": "single", "canSplitContent": True},
    )
    row = await campaign(api, 9)
    assert (row["name"], row["status"], row["send_amt"], row["sdate"]) == ("August letter", "0", "0", None)
    assert (await api.post("/campaigns", json={"campaign": {"name": "x", "type": "single"}})).status_code == 404


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"campaign": {"name": "x", "type": "single"}}, ["Field name is required", "Field type is required"]),
        ({"name": "x", "type": 5}, ["Field type must be of type string"]),
        ({"name": 5, "type": "single"}, ["Field name must be of type string"]),
        ({"name": "x", "type": "balloon"}, ["Field type is not valid"]),
    ],
)
async def test_a_campaign_that_cannot_be_is_refused_in_plain_texts(
    body: Any, errors: list[str], api: httpx2.AsyncClient
) -> None:
    answer = await api.post("/campaign", json=body)
    assert (answer.status_code, answer.json()) == (400, {"errors": errors})


async def test_an_edit_changes_what_was_sent_and_the_lists(api: httpx2.AsyncClient) -> None:
    sent = {"name": "Autumn letter", "listIds": [2, 3, 99], "readTrackingEnabled": False, "addressId": 2}
    answer = await api.put("/campaigns/8/edit", json=sent)
    assert (answer.status_code, answer.json()["name"]) == (200, "Autumn letter")
    row = await campaign(api, 8)
    assert (row["name"], row["type"], row["trackreads"], row["addressid"]) == ("Autumn letter", "single", "0", "2")
    lists = (await api.get("/campaigns/8/campaignLists")).json()["campaignLists"]
    assert [each["list"] for each in lists] == ["2", "3"]
    assert (await api.put("/campaigns/8/edit", json={"type": 7})).status_code == 400


async def test_a_patch_is_a_success_that_changes_nothing(api: httpx2.AsyncClient) -> None:
    before = await campaign(api, 8)
    for body in ({"name": "Other"}, {"campaign": {"name": "Other"}}):
        answer = await api.patch("/campaigns/8", json=body)
        assert (answer.status_code, answer.json()["campaign"]["name"]) == (200, "Autumn draft")
    assert await campaign(api, 8) == before


async def test_a_copy_is_a_draft_with_the_same_content(api: httpx2.AsyncClient) -> None:
    made = (await api.post("/campaigns/2/copy")).json()
    assert made == {"succeeded": 1, "message": "Campaign draft copied.", "newCampaignId": 9}
    row = await campaign(api, 9)
    assert (row["status"], row["send_amt"], row["message_id"]) == ("0", "0", "92")
    messages = (await api.get("/campaigns/9/campaignMessages")).json()["campaignMessages"]
    lists = (await api.get("/campaigns/9/campaignLists")).json()["campaignLists"]
    assert ([each["message"] for each in messages], [each["list"] for each in lists]) == (["92"], ["1"])


async def test_an_automations_mail_cannot_be_copied(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/campaigns/6/copy")
    assert (answer.status_code, answer.json()) == (400, "Bad request. You are not allowed to copy this campaign.")


@pytest.mark.parametrize("path", ["/campaigns/8", "/campaigns/8/delete"])
async def test_a_deletion_says_that_it_succeeded(path: str, api: httpx2.AsyncClient) -> None:
    answer = await api.delete(path)
    assert (answer.status_code, answer.json()) == (200, {"succeeded": 1, "message": "Campaign deleted."})
    assert (await api.get("/campaigns/8")).status_code == 404
    rows = (await api.get("/campaignLists")).json()["campaignLists"]
    assert [row["campaign"] for row in rows] == ["1", "2", "3", "4", "5", "6", "7"]
    assert (await api.delete(path)).status_code == 404


async def test_a_campaign_leads_to_its_user_and_its_automation(api: httpx2.AsyncClient) -> None:
    assert (await api.get("/campaigns/6/automation")).json()["automation"]["name"] == "Welcome series"
    assert (await api.get("/campaigns/1/automation")).json() == {}
    assert (await api.get("/campaigns/1/user")).json()["user"]["username"] == "dana"


async def test_every_campaign_has_a_message(api: httpx2.AsyncClient) -> None:
    messages = {row["id"]: row["subject"] for row in (await api.get("/messages")).json()["messages"]}
    named = {row["message_id"] for row in (await api.get("/campaigns")).json()["campaigns"]}
    assert named == messages.keys()
    assert messages["92"] == "February on the bar"
    assert len((await api.get("/messages/92")).json()["message"]) == 28


async def test_messages_are_written_and_deleted(api: httpx2.AsyncClient) -> None:
    sent = {"fromname": "N", "fromemail": "n@northwind.example", "reply2": "n@northwind.example", "html": "<p>Hi</p>"}
    made = (await api.post("/messages", json={"message": sent})).json()["message"]
    assert (made["id"], made["html"], "cdate" in made) == ("99", "<p>Hi</p>", False)
    await api.put("/messages/99", json={"message": {"subject": "Hello"}})
    read = (await api.get("/messages/99")).json()["message"]
    assert (read["subject"], read["html"], read["user"]) == ("Hello", "<p>Hi</p>", "1")
    assert (await api.delete("/messages/99")).json() == {}
    wrong = await api.post("/messages", json={"message": {"fromname": "N"}})
    pointers = [error["source"]["pointer"] for error in wrong.json()["errors"]]
    assert (wrong.status_code, pointers) == (422, ["/data/attributes/fromemail", "/data/attributes/reply2"])


async def test_templates_are_read_and_deleted_but_not_written(api: httpx2.AsyncClient) -> None:
    codes = [
        (await api.request(method, path, json={})).status_code
        for method, path in (
            ("GET", "/templates/100003"),
            ("POST", "/templates"),
            ("PUT", "/templates/100003"),
            ("DELETE", "/templates/100003"),
            ("GET", "/templates/100003"),
        )
    ]
    assert codes == [200, 404, 404, 200, 404]


async def test_a_saved_response_names_everything_it_lacks(api: httpx2.AsyncClient) -> None:
    wrong = await api.post("/savedResponses", json={"savedResponse": {}})
    assert [error["title"] for error in wrong.json()["errors"]] == ["This field is required."] * 3
    sent = {"title": "Hours", "subject": "Our hours", "body": "<p>8 to 4</p>"}
    made = (await api.post("/savedResponses", json={"savedResponse": sent})).json()["savedResponse"]
    changed = (await api.put(f"/savedResponses/{made['id']}", json={"savedResponse": {"body": "9 to 5"}})).json()
    assert (made["id"], changed["savedResponse"]["mdate"]) == ("3", "2026-08-04T10:00:00-05:00")
