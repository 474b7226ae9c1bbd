"""Bulk import: what is queued, when it happens, and what it does."""

from typing import Any

import httpx2
import pytest

from .clients import Wall

PATH = "/import/bulk_import"


async def queue(api: httpx2.AsyncClient, *contacts: dict[str, Any], **more: Any) -> httpx2.Response:
    return await api.post(PATH, json={"contacts": contacts, **more})


async def info(api: httpx2.AsyncClient, answer: httpx2.Response) -> dict[str, Any]:
    return (await api.get(f"/import/info?batchId={answer.json()['batchId']}")).json()


async def found(api: httpx2.AsyncClient, email: str) -> list[dict[str, Any]]:
    return (await api.get("/contacts", params={"email": email})).json()["contacts"]


async def test_an_import_happens_about_a_second_later(timed: httpx2.AsyncClient, wall: Wall) -> None:
    answer = await queue(timed, {"email": "ana@fair.example", "first_name": "Ana"}, {"email": "odd@nowhere"})
    assert answer.json()["queued_contacts"] == 2
    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert await info(timed, answer) == {"status": False, "success": [], "failure": []}
    assert await found(timed, "ana@fair.example") == []
    wall.pass_(1)
    assert await info(timed, answer) == {"status": "completed", "success": ["61"], "failure": ["odd@nowhere"]}
    row = (await found(timed, "ana@fair.example"))[0]
    assert (row["firstName"], row["cdate"]) == ("Ana", "2026-08-04T10:00:01-05:00")


async def test_whatever_is_asked_first_sees_what_is_due(timed: httpx2.AsyncClient, wall: Wall) -> None:
    await queue(timed, {"email": "ana@fair.example"})
    wall.pass_(30)
    assert (await timed.get("/contacts/999")).status_code == 404
    assert (await timed.get("/contacts/61")).json()["contact"]["cdate"] == "2026-08-04T10:00:01-05:00"
    assert (await timed.get("/contacts/62")).status_code == 404


async def test_an_import_updates_a_known_address(timed: httpx2.AsyncClient, wall: Wall) -> None:
    await queue(timed, {"email": "JANE@acme.example", "last_name": "Reed-Moss", "phone": "+1 312 555 9999"})
    wall.pass_(1)
    row = (await timed.get("/contacts/1")).json()["contact"]
    assert (row["firstName"], row["lastName"], row["phone"]) == ("Jane", "Reed-Moss", "+1 312 555 9999")
    assert (await timed.get("/contacts")).json()["meta"]["total"] == "60"


async def test_unknown_tags_and_accounts_are_created_and_known_ones_used(timed: httpx2.AsyncClient, wall: Wall) -> None:
    tags = ["vip", "Fair 2026"]
    await queue(
        timed,
        {"email": "ana@fair.example", "tags": tags, "customer_acct_name": "Fair Ltd"},
        {"email": "jack.reed@mail3.example", "tags": ["Fair 2026"], "customer_acct_name": "acme"},
    )
    wall.pass_(1)
    new = (await timed.get("/tags?search=Fair")).json()["tags"]
    assert [(row["id"], row["tagType"]) for row in new] == [("13", "contact")]
    ana = (await found(timed, "ana@fair.example"))[0]["id"]
    assert [row["tag"] for row in (await timed.get(f"/contacts/{ana}/contactTags")).json()["contactTags"]] == [
        "1",
        "13",
    ]
    fair = (await timed.get("/accounts?search=Fair")).json()["accounts"]
    assert [row["name"] for row in fair] == ["Fair Ltd"]
    assert (await timed.get("/accounts")).json()["meta"]["total"] == "11"
    jack = (await found(timed, "jack.reed@mail3.example"))[0]["id"]
    rows = (await timed.get(f"/contacts/{jack}/accountContacts")).json()["accountContacts"]
    assert [row["account"] for row in rows] == ["1"]


async def test_a_contact_stays_with_the_account_it_works_for(timed: httpx2.AsyncClient, wall: Wall) -> None:
    await queue(timed, {"email": "jane@acme.example", "customer_acct_name": "Globex"})
    wall.pass_(1)
    rows = (await timed.get("/contacts/1/accountContacts")).json()["accountContacts"]
    assert [row["account"] for row in rows] == ["1"]


async def test_nobody_who_left_a_list_is_brought_back(timed: httpx2.AsyncClient, wall: Wall) -> None:
    lists = {"subscribe": [{"listid": 1}, {"listid": 4}, {"listid": 99}], "unsubscribe": [{"listid": "2"}]}
    await queue(timed, {"email": "omar@initech.example", **lists})
    wall.pass_(1)
    rows = (await timed.get("/contacts/3/contactLists")).json()["contactLists"]
    assert {row["list"]: row["status"] for row in rows} == {"1": "2", "2": "2", "4": "1"}


async def test_fields_are_filled_several_values_between_pipes(timed: httpx2.AsyncClient, wall: Wall) -> None:
    given = [{"id": 5, "value": "||Tea||Filter||"}, {"id": "1", "value": "Free"}, {"id": 99, "value": "x"}]
    await queue(timed, {"email": "ana@fair.example", "fields": given})
    wall.pass_(1)
    rows = (await timed.get("/contacts/61/fieldValues")).json()["fieldValues"]
    assert [(row["field"], row["value"]) for row in rows] == [("5", "||Tea||Filter||"), ("1", "Free")]


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        ({"first_name": "Ana"}, "Field 'email' not found"),
        ({"email": "ana"}, "Field 'email' incorrect format"),
        ({"email": "a@b@c"}, "Field 'email' incorrect format"),
        ({"email": 7}, "Field 'email' incorrect format"),
        ({"email": "ana@fair.example", "tags": "VIP"}, "Field 'tags' incorrect format"),
        ({"email": "ana@fair.example", "subscribe": 1}, "Field 'subscribe' incorrect format"),
    ],
)
async def test_one_wrong_contact_stops_the_whole_batch(
    contact: dict[str, Any], reason: str, timed: httpx2.AsyncClient, wall: Wall
) -> None:
    answer = await queue(timed, {"email": "ben@fair.example"}, contact)
    assert (answer.status_code, answer.json()["success"]) == (400, 0)
    assert answer.json()["failureReasons"] == [{"contact": 2, "failureReason": reason}]
    wall.pass_(5)
    assert await found(timed, "ben@fair.example") == []


@pytest.mark.parametrize(
    "body",
    [
        {"contacts": [{"email": f"n{number}@fair.example"} for number in range(251)]},
        {"contacts": [{"email": "ana@fair.example", "first_name": "é" * 200_000}]},
        {"contacts": []},
        {"contact": {"email": "ana@fair.example"}},
        {"contacts": [{"email": "ana@fair.example"}], "callback": {"requestType": "POST"}},
        {"contacts": [{"email": "ana@fair.example"}], "callback": {"url": "https://x.example", "requestType": "PUT"}},
    ],
)
async def test_a_request_that_cannot_be_is_refused_as_a_whole(body: Any, api: httpx2.AsyncClient) -> None:
    answer = await api.post(PATH, json=body)
    assert (answer.status_code, answer.json()["success"]) == (400, 0)
    assert [type(reason) for reason in answer.json()["failureReasons"]] == [str]


async def test_a_body_that_is_no_json_is_refused_in_the_words_of_an_import(api: httpx2.AsyncClient) -> None:
    answer = await api.post(PATH, content=b'{"contacts": [')
    assert (answer.status_code, answer.json()["success"]) == (400, 0)
    assert answer.json()["failureReasons"] == ["Invalid or unparsable json"]
    assert "failureReasons" not in (await api.post("/contacts", content=b"{")).json()


async def test_a_full_batch_and_a_callback_are_accepted(timed: httpx2.AsyncClient, wall: Wall) -> None:
    contacts = [{"email": f"n{number}@fair.example"} for number in range(250)]
    callback = {"url": "https://hooks.example/done", "requestType": "POST", "detailed_results": "true"}
    answer = await queue(timed, *contacts, callback=callback, exclude_automations=True)
    assert answer.status_code == 200
    wall.pass_(1)
    assert (await timed.get("/contacts")).json()["meta"]["total"] == "310"


@pytest.mark.parametrize(("size", "most"), [(1, 20), (2, 100)])
async def test_an_import_has_limits_of_its_own_by_the_minute(
    size: int, most: int, timed: httpx2.AsyncClient, wall: Wall
) -> None:
    contacts = [{"email": f"n{number}@fair.example"} for number in range(size)]
    codes = [(await queue(timed, *contacts)).status_code for _ in range(most + 1)]
    assert codes == [200] * most + [400]
    limited = (await queue(timed, *contacts)).json()
    assert (limited["message"], f"Up to {most} imports" in limited["failureReasons"][0]) == (
        "Rate limit exceeded.",
        True,
    )
    other = [{"email": "ana@fair.example"}] * (3 - size)
    assert (await queue(timed, *other)).status_code == 200
    wall.pass_(60)
    assert (await queue(timed, *contacts)).status_code == 200


async def test_the_queue_counts_by_day_and_forgets_after_a_week(timed: httpx2.AsyncClient, wall: Wall) -> None:
    old = {"forDate": "2026-08-01", "batches": "1", "contacts": "10"}
    await queue(timed, {"email": "ana@fair.example"}, {"email": "ben@fair.example"})
    await queue(timed, {"email": "cy@fair.example"})
    waiting = {"forDate": "2026-08-04", "batches": "2", "contacts": "3"}
    assert (await timed.get(PATH)).json() == {"outstanding": [waiting], "recentlyCompleted": [old]}
    wall.pass_(1)
    assert (await timed.get(PATH)).json() == {"outstanding": [], "recentlyCompleted": [old, waiting]}
    wall.pass_(5 * 86400)
    assert (await timed.get(PATH)).json() == {"outstanding": [], "recentlyCompleted": [waiting]}


async def test_a_batch_nobody_knows_has_no_status_and_a_question_without_one_is_refused(
    api: httpx2.AsyncClient,
) -> None:
    assert (await api.get("/import/info?batchId=7")).json()["status"] is False
    assert (await api.get("/import/info")).status_code == 400
    assert (await api.get("/import/aggregate")).status_code == 404
