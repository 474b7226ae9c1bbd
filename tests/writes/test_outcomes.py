"""What must never happen: a write twice, a write misreported, the wrong thing written to, a crash on an odd answer."""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

import anyio
import httpx2
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ToolError
from ac_mcp.messages import Json
from ac_mcp.naming import directory as references
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.encoding import render
from tests.examples import ACTIVE, CALLS
from tests.support import KEY, NOWHERE, Trial, in_virtual_time, trial

Answer = Callable[[httpx2.Request], httpx2.Response | None]
DEAL = {"title": "Gone", "value": 1, "currency": "usd", "contact": "1", "pipeline": "1"}
WAIT = {"retry-after": "60"}


def failing(method: str, path: str, *answers: httpx2.Response | Exception) -> Answer:
    """These answers in turn for this request, the last of them for ever; the truth for all others."""
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if request.method != method or not request.url.path.endswith(path):
            return None
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return httpx2.Response(one.status_code, content=one.content, headers=one.headers)

    return answer


def status(code: int, body: object = None, **headers: str) -> httpx2.Response:
    return httpx2.Response(code, content=json.dumps(body), headers=headers)


async def behind(one: Trial, method: str, path: str, body: Json | None = None, account: str = "") -> Json:
    """What somebody else does in the account meanwhile."""
    headers = {"authorization": f"Bearer {KEY}"} | ({"maton-connection": account} if account else {})
    url = f"{NOWHERE}/active-campaign/api/3{path}"
    return (await one.account.gateway.http.request(method, url, json=body, headers=headers)).json()


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


@in_virtual_time
async def test_after_another_account_has_become_the_default_no_old_id_is_used() -> None:
    async with trial() as one:
        made = await one.answer("manage_connection", action="create")
        path = made["connection"]["sign_in_url"].removeprefix(NOWHERE)
        await one.account.gateway.http.post(f"{NOWHERE}{path}")
        other = made["connection"]["id"]
        await behind(one, "POST", "/tags", {"tag": {"tag": "Do not contact", "tagType": "contact"}}, other)
        await one.answer("get_tag", tag="VIP")
        await one.answer("manage_connection", action="delete", connection=ACTIVE)
        assert 'no tag is called "VIP"' in await one.refusal("get_tag", tag="VIP")


@in_virtual_time
async def test_a_namesake_on_the_second_page_is_seen() -> None:
    async with trial() as one:
        for number in range(130):
            title = "Renewal" if number in (5, 125) else f"Renewal of {number}"
            row: Json = {"title": title, "value": 100, "currency": "usd", "contact": "1", "stage": "1", "owner": "1"}
            await behind(one, "POST", "/deals", {"deal": row})
        assert 'several deals are called "Renewal"' in await one.refusal("update_deal", deal="Renewal", status="lost")


@in_virtual_time
async def test_where_there_are_too_many_to_look_through_the_id_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_PAGES", 1)
    monkeypatch.setattr(references, "PAGE_SIZE", 5)
    async with trial() as one:
        assert "give the id" in await one.refusal("get_contact", contact="example")


@in_virtual_time
async def test_a_tag_past_what_is_kept_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_PAGES", 1)
    monkeypatch.setattr(references, "PAGE_SIZE", 5)
    async with trial() as one:
        assert (await one.answer("tag_contact", contact="1", tag="gift card"))["tag_id"] == "11"


@in_virtual_time
async def test_a_main_name_wins_over_a_nickname() -> None:
    async with trial() as one:
        await behind(one, "PUT", "/lists/1", {"list": {"name": "Old newsletter"}})  # its stringid stays "newsletter"
        new = {"name": "Newsletter", "stringid": "n-2", "sender_url": "https://x.example", "sender_reminder": "r"}
        made = await behind(one, "POST", "/lists", {"list": new})
        assert (await one.answer("get_list", list="newsletter"))["list"]["id"] == made["list"]["id"]


@in_virtual_time
async def test_what_is_deleted_by_name_is_what_has_that_name_now() -> None:
    async with trial() as one:
        await one.answer("get_tag", tag="VIP")
        await behind(one, "PUT", "/tags/1", {"tag": {"tag": "VIP archive"}})
        new = await behind(one, "POST", "/tags", {"tag": {"tag": "VIP", "tagType": "contact"}})
        await anyio.sleep(30)
        assert (await one.answer("delete_tag", tag="VIP"))["tag_id"] == new["tag"]["id"]
        assert (await one.answer("get_tag", tag="1"))["tag"]["name"] == "VIP archive"


@in_virtual_time
async def test_a_directory_that_was_being_read_does_not_hide_what_was_made_meanwhile() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            await anyio.sleep(5 if request.method == "GET" else 0)
            return response

        one.wire.inner = httpx2.MockTransport(slow)
        async with anyio.create_task_group() as group:
            group.start_soon(read, one, "get_tag", {"tag": "VIP"})
            await anyio.sleep(1)
            await one.answer("create_tag", name="Fresh")
        assert (await one.answer("tag_contact", contact="1", tag="Fresh"))["result"] == "tagged"


async def read(one: Trial, tool: str, arguments: Json) -> None:
    await one.answer(tool, **arguments)


@in_virtual_time
async def test_a_directory_that_takes_long_to_read_is_read_once() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(3)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        assert (await one.answer("delete_tag", tag="Gift card"))["result"] == "deleted"
        assert one.requests == ["GET /tags", "GET /contacts", "DELETE /tags/11"]


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
async def test_an_id_that_is_new_is_known_at_once() -> None:
    async with trial() as one:
        await one.answer("get_tag", tag="VIP")
        await behind(one, "POST", "/tags", {"tag": {"tag": "Newer", "tagType": "contact"}})
        await anyio.sleep(5)
        assert (await one.answer("tag_contact", contact="1", tag="13"))["tag"] == "Newer"


@pytest.mark.parametrize(
    "fields", [["Plann=Team"], "Plann=Team", {"Plann": "Team"}, [{"field": "Plann", "value": "Team"}]]
)
@in_virtual_time
async def test_a_misspelt_field_is_mended_however_it_came(fields: object) -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", fields=fields)
        assert text.endswith('Next: update_contact(contact="1", fields=["Plan=Team"])')


@in_virtual_time
async def test_nothing_is_deleted_by_a_name_it_does_not_show() -> None:
    async with trial() as one:
        await one.answer("update_list", list="1", name="Old letter")  # its stringid stays "newsletter"
        assert "no list is called" in await one.refusal("delete_list", list="Newsletter")


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
async def test_a_name_is_not_taken_for_free_when_nobody_can_say() -> None:
    async with trial() as one:
        one.wire.answer = failing("GET", "/lists", status(503))
        new = {"name": "Newsletter", "sender_url": "https://x.example", "sender_reminder": "r"}
        await one.refusal("create_list", **new)
        assert "POST /lists" not in one.requests


@in_virtual_time
async def test_a_delete_that_may_have_found_nothing_says_so() -> None:
    async with trial() as one:
        one.wire.answer = failing("DELETE", "/contacts/99999", status(503), status(404, {"message": "No Result found"}))
        assert (await one.answer("delete_contact", contact="99999"))["result"] == "deleted, or was not there"


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_contacts", {"exclude_tag": "VIP"}),
        ("list_contacts", {"created_to": "2026-01-01"}),
        ("list_deals", {"value": 5}),
        ("update_tag", {"tag": "VIP", "old_name": "x"}),
        ("delete_contact", {"deal_id": "7"}),
        ("delete_list", {"tag_name": "VIP"}),
    ],
)
@in_virtual_time
async def test_an_argument_is_not_mended_into_its_opposite_or_into_another_thing(tool: str, arguments: Json) -> None:
    async with trial() as one:
        text = await one.refusal(tool, **arguments)
        assert "did you mean" not in text
        wrong = [str(value) for value in arguments.values() if value != "VIP" or tool == "delete_list"]
        assert not [value for value in wrong if f'"{value}"' in text.partition("Next")[2]]


@pytest.mark.parametrize("value", ["nan", "inf", "1_000", "\u0663"])
@in_virtual_time
async def test_a_number_is_a_number(value: str) -> None:
    async with trial() as one:
        assert "Seats takes a plain number" in await one.refusal(
            "set_field_value", contact="1", field="Seats", value=value
        )


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
async def test_ids_that_come_as_numbers_are_the_same_ids() -> None:
    async with trial() as one:
        one.wire.answer = failing("GET", "/contacts/2/contactTags", status(200, {"contactTags": [{"id": 3, "tag": 3}]}))
        assert (await one.answer("untag_contact", contact="2", tag="Trial"))["result"] == "untagged"
        row = {"contactLists": [{"id": 9, "list": 1, "status": 2, "udate": "2026-01-01"}]}
        one.wire.answer = failing("GET", "/contacts/3/contactLists", status(200, row))
        assert (await one.answer("subscribe_contact", contact="3", list="1"))["result"] == "subscribed again"


@in_virtual_time
async def test_paging_by_id_loses_nobody_when_an_answer_is_cut() -> None:
    async with trial({"AC_MCP_ANSWER_TOKENS": "600"}) as one:
        seen, after = list[str](), "0"
        while after:
            page = await one.answer("list_contacts", after_id=after, limit=50)
            seen += [contact["id"] for contact in page["contacts"]]
            after = page.get("next_after_id", "")
        assert seen == [str(number) for number in range(1, 61)]


@in_virtual_time
async def test_a_wait_the_server_asked_for_holds_back_later_calls_too() -> None:
    async with trial() as one:
        one.wire.answer = failing("GET", "/tags", status(429, None, **WAIT))
        await one.refusal("list_tags")
        one.forget_requests()
        assert "Wait 60 seconds" in await one.refusal("list_users")
        assert one.requests == []


@in_virtual_time
async def test_a_key_that_the_other_side_repeats_is_not_repeated_by_us() -> None:
    async with trial({"MATON_API_KEY": "sekret-123"}) as one:
        one.wire.answer = lambda request: status(400, {"message": "bad header Bearer sekret-123"})
        assert "sekret" not in await one.refusal("list_tags")


@in_virtual_time
async def test_a_field_is_not_given_twice() -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", fields=["Plan=Team", "PLAN=Free"])
        assert text.startswith('fields: "PLAN" is given twice.')


@in_virtual_time
async def test_only_the_title_is_mended_in_a_custom_field() -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", fields=["Referral code=Plann", "Plann=Team"])
        assert text.endswith('fields=["Referral code=Plann", "Plan=Team"])')


@pytest.mark.parametrize("name", ["search", "tag", "created_after"])
@in_virtual_time
async def test_what_is_too_long_for_an_address_is_refused_in_a_few_words(name: str) -> None:
    async with trial() as one:
        assert len(await one.refusal("list_contacts", **{name: "x" * 90_000})) < 400
        assert one.requests == []


@pytest.mark.parametrize("connection", [[1], {"a": 1}, True])
@in_virtual_time
async def test_a_connection_that_is_none_is_refused(connection: object) -> None:
    async with trial({"AC_MCP_MULTI_ACCOUNT": "1"}) as one:
        assert (await one.refusal("list_users", connection=connection)).startswith("connection: ")


ODD: tuple[Any, ...] = (None, [], {}, "", "abc", 7, -1, 1.5, 10**30, True, [None], [{}], {"id": None}, [[1]], "NaN")


def spoiled(body: Any, chance: random.Random) -> Any:
    """The body with something odd in one place, or odd as a whole."""
    if chance.random() < 0.15 or not isinstance(body, dict | list) or not body:
        return chance.choice(ODD)
    if isinstance(body, list):
        rows = list(cast("list[Any]", body))
        place = chance.randrange(len(rows))
        return [*rows[:place], spoiled(rows[place], chance), *rows[place + 1 :]]
    row = cast("Json", body)
    key = chance.choice(list(row))
    changed = {} if chance.random() < 0.2 else {key: spoiled(row[key], chance)}
    return {**{name: value for name, value in row.items() if name != key}, **changed}


@pytest.mark.parametrize("tool", [name for name in OPERATIONS if name not in ("undo_change", "confirm_change")])
@in_virtual_time
async def test_no_answer_of_the_other_side_makes_a_tool_crash(tool: str) -> None:
    chance = random.Random(tool)
    async with trial() as one:
        truth = one.wire.inner

        async def odd(request: httpx2.Request) -> httpx2.Response:
            response = await truth.handle_async_request(request)
            raw = await response.aread()
            if chance.random() < 0.5:
                return httpx2.Response(response.status_code, content=raw)
            return httpx2.Response(response.status_code, content=json.dumps(spoiled(json.loads(raw or "{}"), chance)))

        one.wire.inner = httpx2.MockTransport(odd)
        for _ in range(40):
            one.account.directories.clear()
            await answered_or_refused(one, tool)


async def answered_or_refused(one: Trial, tool: str) -> None:
    """Anything but an answer or a refusal fails the test."""
    with suppress(ToolError):
        render(await execute(one.account, OPERATIONS[tool], CALLS[tool]))
