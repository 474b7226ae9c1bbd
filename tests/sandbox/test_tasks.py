"""Tasks on deals and contacts, and the next action of a deal."""

from typing import Any

import httpx2
import pytest

from .clients import Wall


async def make(api: httpx2.AsyncClient, **sent: Any) -> httpx2.Response:
    whole = {"relid": "9", "dealTasktype": "1", "duedate": "2026-08-20T09:00:00-05:00", **sent}
    return await api.post("/dealTasks", json={"dealTask": {key: each for key, each in whole.items() if each != ""}})


async def following(api: httpx2.AsyncClient, deal: str = "9") -> tuple[Any, Any, Any]:
    row = (await api.get(f"/deals/{deal}")).json()["deal"]
    return row["nexttaskid"], row["nextdate"], row.get("nextTask")


async def test_the_next_action_of_a_deal_is_the_open_task_due_first(api: httpx2.AsyncClient) -> None:
    seen = [await following(api)]
    late = (await make(api)).json()["dealTask"]["id"]
    seen.append(await following(api))
    soon = (await make(api, duedate="2026-08-10T09:00:00-05:00")).json()["dealTask"]["id"]
    seen.append(await following(api))
    await api.put(f"/dealTasks/{soon}", json={"dealTask": {"status": 1}})
    seen.append(await following(api))
    await api.delete(f"/dealTasks/{late}")
    seen.append(await following(api))
    assert seen == [
        ("0", None, None),
        (late, "2026-08-20T09:00:00-05:00", late),
        (soon, "2026-08-10T09:00:00-05:00", soon),
        (late, "2026-08-20T09:00:00-05:00", late),
        ("0", None, None),
    ]


async def test_a_task_moved_to_another_deal_changes_both(api: httpx2.AsyncClient) -> None:
    number = (await make(api)).json()["dealTask"]["id"]
    await api.put(f"/dealTasks/{number}", json={"dealTask": {"relid": "10"}})
    assert [(await following(api, deal))[0] for deal in ("9", "10")] == ["0", number]


async def test_due_dates_are_compared_as_moments_not_as_text(api: httpx2.AsyncClient) -> None:
    await make(api, duedate="2026-08-20T09:00:00-05:00")
    earlier = (await make(api, duedate="2026-08-20T13:30:00+00:00")).json()["dealTask"]["id"]
    assert (await following(api))[:2] == (earlier, "2026-08-20T08:30:00-05:00")


async def test_a_deal_with_a_task_carries_it_and_one_without_does_not(api: httpx2.AsyncClient) -> None:
    rows = (await api.get("/deals?limit=100")).json()["deals"]
    assert {row["id"]: row["nextTask"] for row in rows if "nextTask" in row} == {"1": "1", "2": "3", "4": "5", "5": "6"}
    due = (await api.get("/deals?filters[nextdate_range]=overdue")).json()["deals"]
    assert [row["id"] for row in due] == ["2"]
    assert [row["id"] for row in (await api.get("/deals?filters[tasktype]=3")).json()["deals"]] == ["4"]


async def test_a_contact_has_tasks_too(api: httpx2.AsyncClient) -> None:
    made = (await make(api, relid="7", ownerType="contact")).json()["dealTask"]
    read = (await api.get(f"/dealTasks/{made['id']}")).json()["dealTask"]
    assert (made["reltype"], made["owner"]) == ("Subscriber", {"type": "contact", "id": "7"})
    assert "ownerType" not in made
    assert (read["reltype"], read["relid"], read["edate"]) == ("Subscriber", "7", "2026-08-20T09:15:00-05:00")
    assert (await following(api, "7"))[0] == "0"
    await api.delete("/contacts/7")
    assert (await api.get(f"/dealTasks/{made['id']}")).status_code == 404


async def test_a_task_is_dated_when_it_is_done_and_undated_when_it_is_opened_again(
    timed: httpx2.AsyncClient, wall: Wall
) -> None:
    wall.pass_(60)
    done = (await timed.put("/dealTasks/1", json={"dealTask": {"status": 1}})).json()["dealTask"]
    wall.pass_(60)
    await timed.put("/dealTasks/1", json={"dealTask": {"status": 1, "note": "Twice"}})
    kept = (await timed.get("/dealTasks/1")).json()["dealTask"]
    opened = (await timed.put("/dealTasks/1", json={"dealTask": {"status": "0"}})).json()["dealTask"]
    assert (done["status"], done["donedate"]) == (1, "2026-08-04T10:01:00-05:00")
    assert (kept["donedate"], kept["udate"]) == ("2026-08-04T10:01:00-05:00", "2026-08-04T10:02:00-05:00")
    assert opened["donedate"] is None


@pytest.mark.parametrize(
    ("wrong", "code", "attribute"),
    [
        ({"relid": ""}, "field_missing", "relid"),
        ({"duedate": ""}, "field_missing", "duedate"),
        ({"dealTasktype": ""}, "field_missing", "dealTasktype"),
        ({"relid": "999"}, "related_missing", "relid"),
        ({"dealTasktype": "999"}, "related_missing", "dealTasktype"),
        ({"duedate": "soon"}, "field_invalid", "duedate"),
        ({"reltype": "Campaign"}, "field_invalid", "reltype"),
    ],
)
async def test_a_task_that_cannot_be_is_refused(
    wrong: dict[str, Any], code: str, attribute: str, api: httpx2.AsyncClient
) -> None:
    answer = await make(api, **wrong)
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"]) == (422, code)
    assert error["source"] == {"pointer": f"/data/attributes/{attribute}"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("filters[reltype]=Subscriber", ["8", "9"]),
        ("filters[reltype]=Deal&filters[relid]=1", ["1", "2"]),
        ("filters[status]=1", ["4", "7"]),
        ("filters[title]=tasting", ["2", "9"]),
        ("filters[note]=decaf", ["2"]),
        ("filters[d_tasktypeid]=3", ["5"]),
        ("filters[assignee_userid]=5", ["9"]),
        ("filters[duedate]=2026-08-06", ["1"]),
        ("filters[due_after]=2026-08-09", ["2", "6"]),
        ("filters[due_before]=2026-07-20", ["4"]),
        ("filters[duedate_range]=overdue", ["3", "9"]),
        ("filters[duedate_range]=upcoming", ["5"]),
        ("filters[duedate_range]=2026-08-06%2B2026-08-08", ["1", "8"]),
        ("orders[duedate]=ASC&limit=2", ["4", "7"]),
    ],
)
async def test_tasks_have_their_filters(query: str, found: list[str], api: httpx2.AsyncClient) -> None:
    assert [row["id"] for row in (await api.get(f"/dealTasks?{query}")).json()["dealTasks"]] == found


async def test_all_tasks_of_a_type_move_together(api: httpx2.AsyncClient) -> None:
    answer = await api.put("/dealTasktypes/1/dealTasks", json={"dealTask": {"dealTasktype": "4"}})
    assert answer.status_code == 200
    assert [row["id"] for row in answer.json()["dealTasks"]] == ["1", "4", "6", "8"]
    assert [row["id"] for row in answer.json()["deals"]] == ["1", "2", "5"]
    assert (await api.get("/dealTasks?filters[d_tasktypeid]=1")).json()["meta"]["total"] == "0"
    missing = await api.put("/dealTasktypes/1/dealTasks", json={"dealTask": {"dealTasktype": "77"}})
    assert missing.status_code == 422


async def test_an_outcome_has_a_title_of_its_own_and_one_of_three_sentiments(api: httpx2.AsyncClient) -> None:
    sent = [("Ask again", "neutral"), ("interested", "Positive"), ("Ask later", "Sad"), ("", "")]
    answers = [
        await api.post("/taskOutcomes", json={"taskOutcome": {"title": title, "sentiment": mood}})
        for title, mood in sent
    ]
    assert [answer.status_code for answer in answers] == [200, 422, 422, 422]
    assert answers[0].json()["taskOutcome"]["sentiment"] == "NEUTRAL"
    assert [len(answer.json()["errors"]) for answer in answers[1:]] == [1, 1, 2]
    rows = (await api.get("/taskOutcomes?filters[sentiment]=2")).json()["taskOutcomes"]
    assert [row["title"] for row in rows] == ["No answer", "Ask again"]
