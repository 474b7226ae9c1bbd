"""describe_account: the account at a glance, bounded, believed for a while, and honest about what is left out."""

import anyio
import httpx2
import pytest

from tests.support import KEY, in_virtual_time, trial


@in_virtual_time
async def test_it_names_what_a_newcomer_has_to_know() -> None:
    async with trial() as one:
        told = await one.answer("describe_account")
    assert (told["account"], told["user"]["name"]) == ("northwind.api-us1.com", "Dana Reyes")
    assert told["pipelines"][1] == {
        "id": "2",
        "name": "Partnerships",
        "currency": "usd",
        "stages": [
            {"stage": "Contacted", "stage_id": "6"},
            {"stage": "Negotiation", "stage_id": "7"},
            {"stage": "Signed", "stage_id": "8"},
        ],
    }
    assert told["fields"][0] == {
        "id": "1",
        "title": "Plan",
        "type": "dropdown",
        "options": ["Free", "Team", "Enterprise"],
    }
    assert told["counts"] == {
        "connections": 2,
        "contacts": 60,
        "open_deals": 16,
        "pipelines": 2,
        "lists": 8,
        "tags": 12,
        "fields": 6,
        "automations": 6,
        "segments": 3,
        "campaigns": 8,
        "companies": 10,
        "users": 5,
    }
    assert told["open_deal_value"] == {"usd": 173700.0, "eur": 96570.0}
    assert "note" not in told


@in_virtual_time
async def test_of_many_tags_it_shows_the_thirty_used_most_and_says_how_many_there_are() -> None:
    async with trial() as one:
        for number in range(150):
            await one.answer("create_tag", name=f"Batch {number:03}")
        await one.answer("tag_contact", contact="1", tag="Batch 149")
        await anyio.sleep(3600)  # counters lag (reference 2.8)
        told = await one.answer("describe_account")
        assert len(told["tags"]) == 30
        assert told["counts"]["tags"] == 162
        assert told["tags"][0] == {"id": "9", "name": "Office plan", "contacts": 15}
        assert "Batch 149" in [tag["name"] for tag in told["tags"]]
        assert told["note"].startswith("Where counts says more than is shown")


@in_virtual_time
async def test_it_is_asked_once_a_minute_unless_something_was_written() -> None:
    async with trial() as one:
        first = await one.answer("describe_account")
        one.forget_requests()
        assert await one.answer("describe_account") == first
        assert one.requests == []
        await one.answer("create_tag", name="Fresh")
        told = await one.answer("describe_account")
        assert told["counts"]["tags"] == first["counts"]["tags"] + 1
        one.forget_requests()
        await anyio.sleep(61)
        await one.answer("describe_account")
        assert "GET /users/me" in one.requests


@in_virtual_time
async def test_names_are_known_after_it_without_another_look() -> None:
    async with trial() as one:
        await one.answer("describe_account")
        one.forget_requests()
        await one.answer("list_deals", limit=3, fields=["title", "stage", "pipeline", "owner"])
        assert one.requests == ["GET /deals"]


@pytest.mark.parametrize("status", [403, 404])
@in_virtual_time
async def test_a_plan_without_deals_leaves_out_the_deals_alone(status: int) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response | None:
        gone = request.url.path.endswith(("/deals", "/dealGroups"))
        return httpx2.Response(status, json={"message": "Forbidden"}) if gone else None

    async with trial() as one:
        one.wire.answer = answer
        told = await one.answer("describe_account")
        assert told["not_available"] == ["open_deals", "pipelines"]
        assert told["counts"]["contacts"] == 60


@in_virtual_time
async def test_without_maton_it_says_nothing_of_connections() -> None:
    async with trial({"AC_API_URL": "https://acme.api-us1.com", "AC_API_TOKEN": KEY}) as one:
        told = await one.answer("describe_account")
        assert "connections" not in told
        assert "not_available" not in told


@in_virtual_time
async def test_an_empty_account_is_described_as_one() -> None:
    async with trial() as one:
        for kind in ("contacts", "tags", "lists"):
            for row in (await one.answer(f"list_{kind}", limit=100))[kind]:
                await one.answer(f"delete_{kind[:-1]}", **{kind[:-1]: row["id"]})
        told = await one.answer("describe_account")
        assert (told["tags"], told["lists"]) == ([], [])
        assert told["counts"]["contacts"] == 0


@pytest.mark.parametrize("answer", [httpx2.Response(412, json={"message": "no connection"}), httpx2.Response(403)])
@in_virtual_time
async def test_an_account_that_is_not_connected_is_no_account_with_parts_missing(answer: httpx2.Response) -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(answer.status_code, content=answer.content) if "/api/3" in request.url.path else None
        )
        assert "connection" in await one.refusal("describe_account")
        one.wire.answer = lambda request: None
        assert (await one.answer("describe_account"))["counts"]["contacts"] == 60


@in_virtual_time
async def test_an_answer_with_parts_missing_is_not_believed_for_a_minute() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(403, json={"message": "Forbidden"}) if request.url.path.endswith("/deals") else None
        )
        assert (await one.answer("describe_account"))["not_available"] == ["open_deals"]
        one.wire.answer = lambda request: None
        assert "not_available" not in await one.answer("describe_account")


@in_virtual_time
async def test_what_is_written_while_the_account_is_read_is_in_the_next_answer() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/segments"):
                await anyio.sleep(8)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        async with anyio.create_task_group() as group:
            group.start_soon(one.answer, "describe_account")
            await anyio.sleep(5)
            await one.answer("create_tag", name="Fresh")
        assert (await one.answer("describe_account"))["counts"]["tags"] == 13


@in_virtual_time
async def test_the_tag_used_most_is_found_on_a_later_page() -> None:
    async with trial() as one:
        for number in range(350):
            await one.answer("create_tag", name=f"Batch {number:03}")
        for contact in range(1, 17):
            await one.answer("tag_contact", contact=str(contact), tag="Batch 349")
        await anyio.sleep(3600)
        assert (await one.answer("describe_account"))["tags"][0]["name"] == "Batch 349"


@in_virtual_time
async def test_an_account_that_does_not_tell_whose_it_is_is_described_all_the_same() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(404, json={"message": "gone"}) if request.url.path.endswith("/users/me") else None
        )
        told = await one.answer("describe_account")
        assert "user" not in told
        assert told["counts"]["contacts"] == 60
