"""A create whose answer got lost: found again, sent once more when it cannot come any more, or honestly unknown."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.errors import ToolError
from ac_mcp.gateway.call_client import Trail
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.writes.comparison import is_same, is_similar
from ac_mcp.writes.reconcile import CREATED_BY_PATH
from tests.examples import ACTIVE, CALLS
from tests.support import Trial, behind, clock, in_virtual_time, trial

DEAL: Json = {"title": "Gone", "value": 12.5, "currency": "USD", "contact": "1", "pipeline": "Sales"}
NOTE: Json = {"text": "Tom & Jerry called \u2013 caf\u00e9", "contact": "1"}
CREATES = sorted(
    {o.name for o in OPERATIONS.values() if (o.resource.plane, o.path) in CREATED_BY_PATH and o.method == "POST"}
)


@dataclass
class Losing:
    """A network that loses the answers of the next `times` POSTs to a path.

    They are carried out at once, never, or so many seconds later.
    """

    inner: httpx2.AsyncBaseTransport
    path: str
    carried_out: bool | float
    times: int = 1
    sent: list[float] = field(default_factory=list[float])
    late: list[tuple[float, httpx2.Request]] = field(default_factory=list[tuple[float, httpx2.Request]])

    async def carry(self, request: httpx2.Request) -> httpx2.Response:
        if request.method != "POST" or not request.url.path.endswith(self.path):
            return await self.inner.handle_async_request(request)
        self.sent.append(clock())
        self.times -= 1
        if self.times < 0:
            return await self.inner.handle_async_request(request)
        if self.carried_out is True:
            await self.inner.handle_async_request(request)
        elif self.carried_out:
            again = httpx2.Request("POST", request.url, headers=request.headers, content=request.content)
            self.late.append((clock() + self.carried_out, again))
        raise httpx2.ReadTimeout("late")

    async def land(self) -> None:
        """What was to be carried out later is, at its time."""
        await anyio.sleep(0.5)
        for when, request in self.late:
            await anyio.sleep(max(0.0, when - clock()))
            await self.inner.handle_async_request(request)


def lose(one: Trial, path: str, *, carried_out: bool | float) -> Losing:
    losing = Losing(one.wire.inner, path, carried_out)
    one.wire.inner = httpx2.MockTransport(losing.carry)
    return losing


async def titles(one: Trial) -> list[str]:
    return [deal["title"] for deal in (await one.answer("list_deals", limit=100))["deals"]]


@in_virtual_time
async def test_a_create_that_landed_is_found_and_not_sent_again() -> None:
    async with trial() as one:
        losing = lose(one, "/deals", carried_out=True)
        made = await one.answer("create_deal", **DEAL)
        assert made["result"] == "created after all"
        assert made["found"] == "Its answer got lost; it was looked up."
        assert (made["deal"]["title"], made["deal"]["value"], made["deal"]["contact"]) == (
            "Gone", 12.5, "jane@acme.example",
        )  # fmt: skip
        assert (len(losing.sent), (await titles(one)).count("Gone")) == (1, 1)


@in_virtual_time
async def test_a_create_that_did_not_land_is_sent_once_more_when_it_cannot_any_more() -> None:
    async with trial() as one:
        losing = lose(one, "/deals", carried_out=False)
        assert (await one.answer("create_deal", **DEAL))["result"] == "created"
        assert (await titles(one)).count("Gone") == 1
        assert losing.sent[1] - losing.sent[0] >= 30


@in_virtual_time
async def test_a_create_that_lands_late_is_found_when_it_has() -> None:
    async with trial() as one:
        losing = lose(one, "/deals", carried_out=20.0)
        async with anyio.create_task_group() as group:
            group.start_soon(losing.land)
            assert (await one.answer("create_deal", **DEAL))["result"] == "created after all"
        assert (len(losing.sent), (await titles(one)).count("Gone")) == (1, 1)
        assert 20 <= clock() < 32


@in_virtual_time
async def test_where_waiting_does_not_fit_the_deadline_the_outcome_is_unknown_with_the_check() -> None:
    async with trial({"AC_MCP_SETTLE_SECONDS": "60"}) as one:
        losing = lose(one, "/deals", carried_out=False)
        text = await one.refusal("create_deal", **DEAL)
        assert text.startswith("The outcome is unknown")
        assert text.endswith('Next: list_deals(search="Gone")')
        assert (len(losing.sent), clock() <= 45) == (1, True)


@in_virtual_time
async def test_the_same_call_after_an_unknown_outcome_goes_on_looking_instead_of_running_again() -> None:
    async with trial({"AC_MCP_SETTLE_SECONDS": "60"}) as one:
        losing = lose(one, "/deals", carried_out=50.0)
        assert "outcome is unknown" in await one.refusal("create_deal", **DEAL)
        await losing.land()
        assert (await one.answer("create_deal", **DEAL))["result"] == "created after all"
        assert (len(losing.sent), (await titles(one)).count("Gone")) == (1, 1)


@in_virtual_time
async def test_ten_minutes_later_the_same_call_is_a_new_one() -> None:
    async with trial({"AC_MCP_SETTLE_SECONDS": "60"}) as one:
        losing = lose(one, "/deals", carried_out=True)
        one.wire.answer = lambda request: httpx2.Response(503) if losing.sent and request.method == "GET" else None
        assert "outcome is unknown" in await one.refusal("create_deal", **DEAL)
        one.wire.answer = lambda request: None
        await anyio.sleep(700)
        assert (await one.answer("create_deal", **DEAL))["result"] == "created"
        assert (await titles(one)).count("Gone") == 2


@in_virtual_time
async def test_an_older_twin_is_not_taken_for_what_was_lost() -> None:
    async with trial() as one:
        first = (await one.answer("create_deal", **DEAL))["deal"]["id"]
        lose(one, "/deals", carried_out=True)
        assert (await one.answer("create_deal", **DEAL))["deal"]["id"] != first
        lose(one, "/deals", carried_out=False)
        assert (await one.answer("create_deal", **DEAL))["result"] == "created"
        assert (await titles(one)).count("Gone") == 3


@in_virtual_time
async def test_an_older_twin_of_a_first_call_is_not_taken_for_it_either() -> None:
    async with trial() as one:
        await one.answer("create_note", **NOTE)
        one.account.newest_ids.clear()  # as after a restart
        lose(one, "/notes", carried_out=False)
        assert (await one.answer("create_note", **NOTE))["result"] == "created"
        notes = (await one.answer("list_notes", contact="1", limit=50))["notes"]
        assert [note["text"] for note in notes].count(NOTE["text"]) == 2


@in_virtual_time
async def test_a_note_is_found_though_its_text_comes_back_escaped() -> None:
    async with trial() as one:
        losing = lose(one, "/notes", carried_out=True)
        inner = one.wire.inner

        async def escaped(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            text = (await response.aread()).decode().replace("Tom & Jerry", "Tom &amp; Jerry")
            return httpx2.Response(response.status_code, content=text)

        one.wire.inner = httpx2.MockTransport(escaped)
        made = await one.answer("create_note", **NOTE)
        assert (made["result"], made["note"]["contact_id"]) == ("created after all", "1")
        assert len(losing.sent) == 1


@in_virtual_time
async def test_what_may_be_it_but_was_changed_on_the_way_is_not_made_twice() -> None:
    async with trial() as one:
        losing = lose(one, "/notes", carried_out=True)
        inner = one.wire.inner

        async def mangled(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            return httpx2.Response(response.status_code, content=(await response.aread()).replace(b"called", b"calld"))

        one.wire.inner = httpx2.MockTransport(mangled)
        assert "outcome is unknown" in await one.refusal("create_note", **NOTE)
        assert len(losing.sent) == 1


@in_virtual_time
async def test_a_contact_is_sent_again_at_once_since_the_api_refuses_a_second() -> None:
    async with trial() as one:
        losing = lose(one, "/contacts", carried_out=False)
        assert (await one.answer("create_contact", email="ada@lace.example"))["result"] == "created"
        assert losing.sent[1] - losing.sent[0] < 5


@in_virtual_time
async def test_a_contact_that_lands_late_after_all_is_still_one_contact() -> None:
    async with trial() as one:
        losing = lose(one, "/contacts", carried_out=3.0)
        made = await one.answer("create_contact", email="ada@lace.example")
        await losing.land()
        assert (await one.answer("list_contacts", email="ada@lace.example"))["total"] == 1
        assert made["contact"]["email"] == "ada@lace.example"


@in_virtual_time
async def test_a_contact_that_was_there_before_is_not_called_created() -> None:
    async with trial() as one:
        lose(one, "/contacts", carried_out=True)
        assert "exists already" in await one.refusal("create_contact", email="jane@acme.example")


@in_virtual_time
async def test_options_of_a_field_are_not_made_twice() -> None:
    async with trial() as one:
        losing = lose(one, "/fieldOption/bulk", carried_out=True)
        made = await one.answer("create_field", title="Roast", type="dropdown", options=["Light", "Dark"])
        (roast,) = [f for f in (await one.answer("list_fields"))["fields"] if f["title"] == "Roast"]
        assert (roast["options"], made["field"]["options"], len(losing.sent)) == (
            ["Light", "Dark"],
            ["Light", "Dark"],
            1,
        )


@in_virtual_time
async def test_a_process_that_died_over_a_create_leaves_what_the_next_one_needs() -> None:
    """The client starts the server anew and makes its call again (MCP 2026-07-28)."""
    async with trial() as one:
        inner = one.wire.inner

        async def silent(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            if request.method == "POST":
                await anyio.sleep_forever()
            return response

        one.wire.inner = httpx2.MockTransport(silent)
        with anyio.move_on_after(3):
            await one.answer("create_deal", **DEAL)
        one.account.newest_ids.clear()
        one.wire.inner = inner
        assert (await one.answer("create_deal", **DEAL))["result"] == "created after all"
        assert (await titles(one)).count("Gone") == 1


@in_virtual_time
async def test_two_who_would_send_once_more_send_once() -> None:
    """Two servers over one journal, the same create, nothing landed."""
    async with trial() as one, trial() as other:
        object.__setattr__(other.account, "journal", one.account.journal)
        losing, said = lose(one, "/deals", carried_out=False), list[str]()
        other.wire.inner = one.wire.inner

        async def create(which: Trial) -> None:
            try:
                said.append((await which.answer("create_deal", **DEAL))["result"])
            except ToolError as trouble:
                said.append(type(trouble).__name__)

        async with anyio.create_task_group() as group:
            group.start_soon(create, one)
            group.start_soon(create, other)
        assert (len(losing.sent), (await titles(one)).count("Gone")) == (2, 1)
        assert sorted(said) == ["created", "created after all"]


@in_virtual_time
async def test_the_same_call_twice_at_once_is_one_call() -> None:
    async with trial() as one:
        answers = list[Json]()

        async def create() -> None:
            answers.append(await one.answer("create_deal", **DEAL))

        async with anyio.create_task_group() as group:
            group.start_soon(create)
            group.start_soon(create)
        assert answers[0] == answers[1]
        assert (await titles(one)).count("Gone") == 1
        await create()
        assert (await titles(one)).count("Gone") == 2, "once it has ended, the same call is a new one"


@in_virtual_time
async def test_who_is_cancelled_does_not_take_the_other_with_it_and_nothing_is_made_twice() -> None:
    async with trial() as one:
        inner, answers = one.wire.inner, list[Json]()

        async def slow(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            await anyio.sleep(2)
            return response

        one.wire.inner = httpx2.MockTransport(slow)

        async def create() -> None:
            answers.append(await one.answer("create_deal", **DEAL))

        async with anyio.create_task_group() as group:
            with anyio.move_on_after(5):
                group.start_soon(later, create)
                await create()
        assert [answer["result"] for answer in answers] == ["created after all"]
        assert (await titles(one)).count("Gone") == 1


async def later(create: Callable[[], Awaitable[None]]) -> None:
    await anyio.sleep(1)
    await create()


@in_virtual_time
async def test_a_call_that_is_cancelled_in_the_queue_has_not_begun() -> None:
    async with trial(rate=5) as one:
        async with anyio.create_task_group() as group:
            for number in range(40):
                group.start_soon(lambda number=number: one.answer("list_contacts", search=f"x{number}"))
            await anyio.sleep(0.1)
            with anyio.move_on_after(1):
                await one.answer("create_deal", **DEAL)
        began = clock()
        assert (await one.answer("create_deal", **DEAL))["result"] == "created"
        assert clock() - began < 3
        assert (await titles(one)).count("Gone") == 1


@in_virtual_time
async def test_ids_that_were_merely_seen_are_not_taken_for_the_highest() -> None:
    """An older twin stands above every row that a list has shown so far."""
    async with trial() as one:
        await one.answer("create_deal", **DEAL)
        one.account.newest_ids.clear()
        await one.answer("list_deals", order="oldest", limit=5)
        lose(one, "/deals", carried_out=False)
        assert (await one.answer("create_deal", **DEAL))["result"] == "created"
        assert (await titles(one)).count("Gone") == 2


@in_virtual_time
async def test_what_a_colleague_made_since_is_not_taken_for_ours() -> None:
    async with trial() as one:
        await one.answer("create_deal", **{**DEAL, "title": "Other"})
        await anyio.sleep(61)
        row: Json = {"title": "Gone", "value": 1250, "currency": "usd", "contact": "1", "group": "1", "owner": "1"}
        await behind(one, "POST", "/deals", {"deal": row})
        lose(one, "/deals", carried_out=False)
        assert (await one.answer("create_deal", **DEAL))["result"] == "created"
        assert (await titles(one)).count("Gone") == 2


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("tool", CREATES)
@in_virtual_time
async def test_every_create_ends_well_whether_its_lost_request_landed_or_not(tool: str, carried_out: bool) -> None:
    operation = OPERATIONS[tool]
    async with trial() as one:
        losing = lose(one, operation.path, carried_out=carried_out)
        answer = await one.answer(tool, **CALLS[tool])
        assert answer["result"] in ("created", "created after all", "added")
        assert len(losing.sent) == (1 if carried_out else 2)


@in_virtual_time
async def test_a_create_is_in_the_trail_however_it_was_learnt() -> None:
    async with trial() as one:
        lose(one, "/deals", carried_out=True)
        trail = Trail()
        await execute(one.account, OPERATIONS["create_deal"], DEAL, trail=trail)
        assert trail.written == ["POST /deals (id 26)"]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.text(max_size=20), st.integers(), st.none()), min_size=1)
)
@settings(max_examples=60)
def test_a_row_is_the_same_as_what_it_was_made_from(sent: dict[str, Any]) -> None:
    row: Json = {key: None if value is None else str(value) for key, value in sent.items()}
    assert is_same(sent, row | {"id": "9", "links": {}}) == any(value is not None for value in sent.values())


def test_what_differs_in_an_id_or_wholly_is_another_thing() -> None:
    sent = {"note": "Called at noon", "relid": 12, "reltype": "Deal"}
    assert not is_same(sent, {"note": "Called at noon", "relid": "13", "reltype": "Deal"})
    assert not is_similar(sent, {"note": "Called at noon", "relid": "123", "reltype": "Deal"})
    assert not is_similar(sent, {"note": "Sent the offer", "relid": "12", "reltype": "Deal"})
    assert is_similar(sent, {"note": "Called at noon.", "relid": "12", "reltype": "Deal"})


def test_everything_a_create_is_sent_to_is_known() -> None:
    assert {path for _, path in CREATED_BY_PATH} == {
        "/accounts", "/connections", "/contacts", "/deals", "/dealGroups", "/dealStages", "/fields",
        "/fieldOption/bulk", "/fieldRels", "/lists", "/notes", "/tags", "/webhooks", "/contactAutomations", "/messages",
        "/dealCustomFieldMeta", "/accountCustomFieldMeta", "/dealTasks", "/dealTasktypes",
    }  # fmt: skip


def slowly(one: Trial, seconds: float, *, after_post: bool = False) -> None:
    """Reads take so long; with `after_post` only those that follow a create, as the look-up of names does."""
    inner, posted = one.wire.inner, list[str]()

    async def carry(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET" and (posted or not after_post):
            await anyio.sleep(seconds)
        response = await inner.handle_async_request(request)
        posted.extend([request.method] if request.method == "POST" else [])
        return response

    one.wire.inner = httpx2.MockTransport(carry)


@pytest.mark.parametrize("key", ["", "k-1"])
@in_virtual_time
async def test_a_call_that_is_cancelled_after_its_write_is_not_made_anew(key: str) -> None:
    async with trial() as one:
        slowly(one, 5, after_post=True)
        with anyio.move_on_after(3):
            await execute(one.account, OPERATIONS["create_deal"], DEAL, CallContext(key=key))
        again = await execute(one.account, OPERATIONS["create_deal"], DEAL, CallContext(key=key))
        assert again["result"] == "created after all"
        assert (await titles(one)).count("Gone") == 1


@in_virtual_time
async def test_two_servers_with_one_key_make_one_record() -> None:
    async with trial() as one, trial() as other:
        object.__setattr__(other.account, "journal", one.account.journal)
        other.wire.inner = one.wire.inner
        slowly(other, 0.5)
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: execute(one.account, OPERATIONS["create_deal"], DEAL, CallContext(key="k")))
            await anyio.sleep(0.1)
            group.start_soon(lambda: execute(other.account, OPERATIONS["create_deal"], DEAL, CallContext(key="k")))
        assert (await titles(one)).count("Gone") == 1


@in_virtual_time
async def test_the_ten_minutes_begin_when_the_outcome_was_told() -> None:
    async with trial({"AC_MCP_SETTLE_SECONDS": "60"}) as one:
        losing = lose(one, "/deals", carried_out=True)
        one.wire.answer = lambda request: httpx2.Response(503) if losing.sent and request.method == "GET" else None
        assert "again within 10 minutes is safe" in await one.refusal("create_deal", **DEAL)
        one.wire.answer = lambda request: None
        await anyio.sleep(601 - clock())
        assert (await one.answer("create_deal", **DEAL))["result"] == "created after all"


@in_virtual_time
async def test_what_another_call_has_made_is_not_ours() -> None:
    """The first of two nearly equal deals gets lost; the second, with a description, is there."""
    async with trial() as one:
        losing, said = lose(one, "/deals", carried_out=False), list[str]()

        async def create(**more: Any) -> None:
            said.append((await one.answer("create_deal", **DEAL, **more))["result"])

        async with anyio.create_task_group() as group:
            group.start_soon(create)
            await anyio.sleep(0.5)
            group.start_soon(lambda: create(description="another deal"))
        assert said == ["created", "created"]
        assert (len(losing.sent), (await titles(one)).count("Gone")) == (3, 2)


@in_virtual_time
async def test_two_keys_are_two_records_though_one_of_them_got_lost() -> None:
    async with trial() as one:
        lose(one, "/deals", carried_out=False)
        async with anyio.create_task_group() as group:
            for key in ("a", "b"):
                group.start_soon(
                    lambda key=key: execute(one.account, OPERATIONS["create_deal"], DEAL, CallContext(key=key))
                )
        assert (await titles(one)).count("Gone") == 2


@pytest.mark.parametrize("tool", ["create_list", "create_pipeline", "create_deal_stage"])
@in_virtual_time
async def test_what_a_cancelled_call_made_does_not_stand_in_its_own_way(tool: str) -> None:
    async with trial() as one:
        slowly(one, 5, after_post=True)
        inner = one.wire.inner

        async def silent(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            if request.method == "POST":
                await anyio.sleep(5)
            return response

        one.wire.inner = httpx2.MockTransport(silent)
        with anyio.move_on_after(3):
            await one.answer(tool, **CALLS[tool])
        one.wire.inner = inner
        assert (await one.answer(tool, **CALLS[tool]))["result"] == "created after all"


@in_virtual_time
async def test_who_joins_a_call_that_fails_is_told_so_at_once() -> None:
    """The same contact by two names: two calls, one request."""
    async with trial() as one:
        slowly(one, 0.2)
        inner, told = one.wire.inner, list[float]()

        async def refusing(request: httpx2.Request) -> httpx2.Response:
            if request.method != "POST":
                return await inner.handle_async_request(request)
            await anyio.sleep(1)
            return httpx2.Response(422, json={"message": "Not so"})

        one.wire.inner = httpx2.MockTransport(refusing)

        async def note(contact: str) -> None:
            assert "Not so" in await one.refusal("create_note", text="Hello", contact=contact)
            told.append(clock())

        async with anyio.create_task_group() as group:
            group.start_soon(note, "1")
            group.start_soon(note, "jane@acme.example")
        assert max(told) < 8


@in_virtual_time
async def test_a_text_that_the_api_cuts_short_is_not_sent_twice() -> None:
    async with trial() as one:
        losing = lose(one, "/notes", carried_out=True)
        inner = one.wire.inner

        async def cut(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            return httpx2.Response(
                response.status_code, content=(await response.aread()).replace(b"word " * 199, b"word " * 49)
            )

        one.wire.inner = httpx2.MockTransport(cut)
        assert "outcome is unknown" in await one.refusal("create_note", text="word " * 200, contact="1")
        assert len(losing.sent) == 1


@in_virtual_time
async def test_what_one_call_did_is_not_told_of_others_after_a_refused_key() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(401) if request.url.path.endswith(("/fieldOption/bulk", "/deals")) else None
        )
        made = await one.refusal("create_field", title="Roast", type="dropdown", options=["Light"])
        assert "Done before that, and still so: POST /fields" in made
        assert "Done before" not in await one.refusal("list_deals")


@in_virtual_time
async def test_waiting_for_anothers_directory_ends_at_ones_own_deadline() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def hanging(request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/tags"):
                await anyio.sleep_forever()
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(hanging)

        async def ask() -> None:
            await one.refusal("list_contacts", tag="VIP")
            assert clock() <= 25.3

        async with anyio.create_task_group() as group:
            group.start_soon(lambda: one.refusal("tag_contact", contact="1", tag="VIP"))
            for _ in range(2):
                group.start_soon(ask)


@in_virtual_time
async def test_calls_that_start_together_wait_for_the_one_look_up_of_the_default_connection() -> None:
    async with trial() as one:
        one.account.default.forget()
        slowly(one, 0.3)
        async with anyio.create_task_group() as group:
            for tool in ("list_tags", "list_users", "list_lists"):
                group.start_soon(one.answer, tool)
        assert one.requests.count("GET //connections") == 1
        assert {sent.get("connection") for sent in one.wire.sent if sent["path"] != "//connections"} == {ACTIVE}


@in_virtual_time
async def test_a_call_is_the_same_before_and_after_its_default_connection_is_known() -> None:
    async with trial({"AC_MCP_ALLOW_DEFAULT_CONNECTION": "1"}) as one:
        one.account.default.forget()
        failing = [True]
        one.wire.answer = lambda request: (
            httpx2.Response(503) if failing and request.url.path.endswith("/connections") else None
        )
        slowly(one, 3, after_post=True)
        with anyio.move_on_after(5):
            await one.answer("create_deal", **DEAL)
        assert "POST /deals" in one.requests
        failing.clear()
        await anyio.sleep(61)
        assert (await one.answer("create_deal", **DEAL))["result"] == "created after all"
        assert one.wire.sent[-1].get("connection") == ACTIVE


@in_virtual_time
async def test_the_check_of_a_lost_note_is_a_tool_and_looks_in_the_right_place() -> None:
    async with trial({"AC_MCP_SETTLE_SECONDS": "90"}) as one:
        lose(one, "/notes", carried_out=False)
        text = await one.refusal("create_note", text="Hello", contact="1")
        assert text.endswith('Next: list_notes(contact="1")')


@in_virtual_time
async def test_a_repeated_delete_does_not_offer_to_create_what_is_gone() -> None:
    async with trial() as one:
        await one.answer("delete_tag", tag="Trial")
        assert "create_tag" not in await one.refusal("delete_tag", tag="Trial")


def lost_and_crowded(newer: int, sent: list[str]) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """An account that loses every new deal's answer, and shows so many deals of other people's that are newer."""

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("/deals"):
            return None
        if request.method == "POST":
            sent.append(request.url.path)
            raise httpx2.ReadTimeout("late")
        if not sent:
            return None
        deals = [{"id": str(9_000 - number), "title": f"Somebody's {number}"} for number in range(newer)]
        return httpx2.Response(200, json={"deals": deals, "meta": {"total": str(newer)}})

    return answer


@pytest.mark.parametrize(("newer", "times"), [(99, 2), (100, 1)])
@in_virtual_time
async def test_a_page_full_of_newer_rows_does_not_show_that_a_create_is_not_there(newer: int, times: int) -> None:
    sent: list[str] = []
    async with trial() as one:
        one.wire.answer = lost_and_crowded(newer, sent)
        deal = {"title": "Gone", "value": 12.5, "currency": "USD", "contact": "1", "pipeline": "Sales"}
        assert (await one.refusal("create_deal", **deal)).startswith("The outcome is unknown")
        assert len(sent) == times
