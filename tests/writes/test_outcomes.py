"""What is said of a write whose answers are odd or got lost: neither done without being so, nor undone."""

import httpx2
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import OutcomeUnknown
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from tests.support import behind, failing, in_virtual_time, status, trial

DEAL = {"title": "Gone", "value": 1, "currency": "usd", "contact": "1", "pipeline": "1"}
WAIT = {"retry-after": "60"}


@pytest.mark.parametrize("failure", [status(503), status(403, {"message": "Forbidden"}), httpx2.ReadTimeout("late")])
@in_virtual_time
async def test_a_write_that_was_done_is_an_answer_even_if_nobody_can_be_named(
    failure: httpx2.Response | Exception,
) -> None:
    async with trial() as one:
        one.wire.answer = failing("GET", "/users", failure)
        made = await one.answer("create_deal", **DEAL)
        assert (made["result"], made["deal"]["id"], made["deal"]["owner_id"]) == ("created", "26", "1")
        assert "owner" not in made["deal"]


@pytest.mark.parametrize(
    "later",
    [
        httpx2.ConnectError("refused"),
        status(429, **WAIT),
        status(403, {"message": "No"}),
        status(404),
    ],
)
@in_virtual_time
async def test_a_write_that_may_have_landed_is_never_called_undone(later: httpx2.Response | Exception) -> None:
    async with trial() as one:
        one.wire.answer = failing("PUT", "/deals/1", httpx2.ReadTimeout("late"), later)
        text = await one.refusal("update_deal", deal="1", status="won")
        assert text.startswith("The outcome is unknown")
        assert "Nothing was changed" not in text


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", '{"deal":null}', '{"deal":{}}', "<html>"])
@in_virtual_time
async def test_a_create_that_shows_nothing_is_not_called_created(body: str) -> None:
    async with trial() as one:
        one.wire.answer = failing("POST", "/deals", httpx2.Response(200, content=body))
        assert (await one.refusal("create_deal", **DEAL)).startswith("The outcome is unknown")


@in_virtual_time
async def test_a_delete_of_nothing_is_not_called_deleted_because_of_a_rate_limit() -> None:
    async with trial() as one:
        one.wire.answer = failing("DELETE", "/contacts/99999", status(429), status(404, {"message": "No Result found"}))
        assert (await one.refusal("delete_contact", contact="99999")).startswith("contact: no contact has the id")


@in_virtual_time
async def test_an_upsert_sent_twice_does_not_claim_to_know_what_was_there_before() -> None:
    async with trial() as one:
        one.wire.answer = failing(
            "POST", "/contact/sync", httpx2.ReadTimeout("late"), status(200, {"contact": {"id": "9"}})
        )
        assert (await one.answer("sync_contact", email="new@x.example"))["result"] == "created or updated"


@pytest.mark.parametrize(
    ("tool", "arguments"), [("update_deal", {"deal": "1", "title": "T"}), ("update_tag", {"tag": "3", "name": "T"})]
)
@in_virtual_time
async def test_an_update_that_shows_nothing_is_not_called_updated(tool: str, arguments: Json) -> None:
    async with trial() as one:
        one.wire.answer = lambda request: status(200, {}) if request.method == "PUT" else None
        assert (await one.refusal(tool, **arguments)).startswith("The outcome is unknown")


@in_virtual_time
async def test_a_hidden_field_of_somebody_else_is_left_alone() -> None:
    async with trial() as one:
        await behind(one, "POST", "/fields", {"field": {"title": "Secret", "type": "dropdown"}})
        option = {"field": "7", "label": "X", "value": "X", "orderid": 1, "isdefault": 0}
        await behind(one, "POST", "/fieldOption/bulk", {"fieldOptions": [option]})
        text = await one.refusal("create_field", title="Secret", type="dropdown", options=["Y"])
        assert "exists already" in text


@in_virtual_time
async def test_a_create_whose_answer_got_lost_is_seen_by_the_next_one() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def lost(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            if request.method == "POST":
                raise httpx2.ReadTimeout("late")
            return response

        one.wire.inner = httpx2.MockTransport(lost)
        made = await one.answer("create_pipeline", name="Twice", currency="usd")
        assert (made["result"], made["pipeline"]["id"]) == ("created after all", "3")
        one.wire.inner = inner
        assert "exists already" in await one.refusal("create_pipeline", name="Twice", currency="usd")


@in_virtual_time
async def test_a_delete_that_may_have_found_nothing_says_so() -> None:
    async with trial() as one:
        one.wire.answer = failing("DELETE", "/contacts/99999", status(503), status(404, {"message": "No Result found"}))
        assert (await one.answer("delete_contact", contact="99999"))["result"] == "deleted, or was not there"


@in_virtual_time
async def test_a_field_that_was_only_begun_is_finished_by_the_same_call() -> None:
    async with trial() as one:
        one.wire.answer = failing("POST", "/fieldOption/bulk", httpx2.ConnectError("refused"))
        call = {"title": "Roast", "type": "dropdown", "options": ["Light", "Dark"]}
        assert "Done before that, and still so: POST /fields (id 7)." in await one.refusal("create_field", **call)
        one.wire.answer = lambda request: None
        finished = await one.answer("create_field", **call)
        assert (finished["result"], finished["field"]["id"]) == ("finished", "7")
        (roast,) = [f for f in (await one.answer("list_fields"))["fields"] if f["title"] == "Roast"]
        assert roast["options"] == ["Light", "Dark"]
        assert "exists already" in await one.refusal("create_field", **call)


@in_virtual_time
async def test_a_write_whose_answer_shows_nothing_is_not_among_what_was_done() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response | None:
        nothing = request.method == "POST" and request.url.path.endswith("/fieldOption/bulk")
        return httpx2.Response(201, json={}) if nothing else None

    async with trial({"AC_MCP_SETTLE_SECONDS": "60"}) as one:
        one.wire.answer = answer
        field = {"title": "Size", "type": "dropdown", "options": ["S", "M"]}
        with pytest.raises(OutcomeUnknown) as unknown:
            await execute(one.account, OPERATIONS["create_field"], field)
        assert [line.partition(" (")[0] for line in unknown.value.done] == ["POST /fields"]
