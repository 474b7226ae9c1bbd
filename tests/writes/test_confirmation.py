"""What cannot be undone or reaches many waits for a yes: through the client where it can ask, else with a token."""

import json
import re
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from mcp import Client, MCPError

from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.writes.audit_log import PendingConfirmation
from ac_mcp.writes.confirmation import ConfirmationPolicy
from tests.examples import ACTIVE, CALLS
from tests.support import Trial, conforms, connected, in_virtual_time, trial

AUTO = {"AC_MCP_CONFIRM": "auto"}
ERAS = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
HOOK = CALLS["create_webhook"]
OPTED_OUT: Json = {"contact": "omar@initech.example", "list": "Newsletter"}
WAITING: dict[str, tuple[str, Json, str]] = {
    "a webhook": (
        "create_webhook",
        HOOK,
        "From then on ActiveCampaign sends data of contacts and deals to https://hooks",
    ),
    "somebody who had opted out": ("subscribe_contact", OPTED_OUT, "This contact had unsubscribed from the list"),
    "a list of many": ("delete_list", {"list": "Newsletter"}, "It takes something away from 45 records"),
    "a choice that people have": (
        "update_field",
        {"field": "Plan", "title": "Plan 2", "remove_options": ["Free"]},
        "Contacts that have a choice that is removed lose it",
    ),
    "a connection that goes": (
        "manage_connection",
        {"action": "delete", "connection": ACTIVE},
        "A deleted connection cannot be restored",
    ),
}


def text(result: types.CallToolResult) -> str:
    (part,) = result.content
    assert isinstance(part, types.TextContent)
    return part.text


def token_in(said: str) -> str:
    found = re.search(r'confirm_change\(token="([^"]+)"\)', said)
    assert found
    return found[1]


def writes(one: Trial) -> list[str]:
    return [line for line in one.requests if not line.startswith("GET")]


def answering(action: str, content: Json | None = None) -> tuple[Any, list[str]]:
    """A client's way to ask its user, and what the user was shown."""
    shown: list[str] = []

    async def ask(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        shown.append(params.message)
        return types.ElicitResult.model_validate({"action": action, "content": content})

    return ask, shown


@pytest.mark.parametrize("case", WAITING)
@in_virtual_time
async def test_it_waits_with_its_reason_and_the_token_does_exactly_that_call_once(case: str) -> None:
    tool, arguments, reason = WAITING[case]
    async with trial(AUTO) as one, connected(one) as client:
        waiting = json.loads(text(await client.call_tool(tool, arguments)))
        conforms(tool, waiting)
        assert [*waiting] == ["result", "asks", "preview", "token", "next"]
        assert waiting["result"] == "not done yet: the user has to agree first"
        assert waiting["asks"][0].startswith(reason)
        assert writes(one) == []
        preview, token = waiting["preview"], waiting["token"]
        assert waiting["next"].startswith(f'confirm_change(token="{token}"), within ten minutes, only if')
        done = await client.call_tool("confirm_change", {"token": token})
        assert not done.is_error, text(done)
        sent = [f"{request['method']} {request['path']}" for request in preview["requests"]]
        assert [line.replace("//", "/") for line in writes(one)] == sent
        again = await client.call_tool("confirm_change", {"token": token})
        assert again.is_error
        assert text(again).startswith("token: no call waits for it.")
        assert len(writes(one)) == len(sent)


@ERAS
@in_virtual_time
async def test_a_client_that_can_ask_is_asked_and_a_yes_does_it(mode: Any) -> None:
    ask, shown = answering("accept", {"confirm": True})
    async with trial(AUTO) as one, connected(one, mode=mode, elicitation_callback=ask) as client:
        done = await client.call_tool("create_webhook", HOOK)
        assert json.loads(text(done))["result"] == "created"
        assert writes(one) == ["POST /webhooks"]
        (question,) = shown
        assert "From then on ActiveCampaign sends data" in question
        assert "new webhook: name Sign-ups, url https://hooks.northwind.example/new" in question
        assert "In the account: connection" in question


@ERAS
@pytest.mark.parametrize(
    ("action", "content"), [("decline", None), ("cancel", None), ("accept", {"confirm": False}), ("accept", {})]
)
@in_virtual_time
async def test_anything_but_a_yes_does_nothing(mode: Any, action: str, content: Json | None) -> None:
    ask, _ = answering(action, content)
    async with trial(AUTO) as one, connected(one, mode=mode, elicitation_callback=ask) as client:
        refused = await client.call_tool("create_webhook", HOOK)
        assert refused.is_error
        assert text(refused).startswith(
            "The user was asked and did not agree: do not try it another way. Nothing was changed."
        )
        assert "confirm_change" not in text(refused)
        assert writes(one) == []


@in_virtual_time
async def test_the_answer_to_a_question_counts_for_that_call_only_and_once() -> None:
    async with trial(AUTO) as one:
        states: list[str] = []

        async def confirmed(name: str, arguments: Json, state: str) -> str:
            from ac_mcp.server.elicitation import resume

            said = types.ElicitResult(action="accept", content={"confirm": True})
            params = types.CallToolRequestParams(
                name=name, arguments=arguments, input_responses={"confirm": said}, request_state=state
            )

            async def again(confirmed: PendingConfirmation) -> Json:
                return {"seen": confirmed.fingerprint}

            try:
                return str(await resume(one.account, OPERATIONS[params.name], params, again))
            except MCPError as refused:
                return refused.error.message

        for _ in range(3):
            with pytest.raises(ConfirmationRequired) as waiting:
                await execute(one.account, OPERATIONS["create_webhook"], HOOK)
            states.append(waiting.value.token)
        assert (await confirmed("delete_list", {"list": "1"}, states[0])).startswith("What was confirmed is not known")
        assert (await confirmed("create_webhook", HOOK | {"name": "x"}, states[1])).startswith("What was confirmed")
        assert "seen" in await confirmed("create_webhook", HOOK, states[2])
        assert (await confirmed("create_webhook", HOOK, states[2])).startswith("What was confirmed is not known")
        assert (await confirmed("create_webhook", HOOK, "made up")).startswith("What was confirmed is not known")


@in_virtual_time
async def test_a_state_that_was_not_given_is_refused_and_an_answer_to_something_else_is_asked_again() -> None:
    yes = types.ElicitResult(action="accept", content={"confirm": True})

    async def again(client: Client, responses: dict[str, Any] | None, state: str | None) -> Any:
        return await client.session.call_tool(
            "create_webhook", HOOK, input_responses=responses, request_state=state, allow_input_required=True
        )

    ask, _ = answering("accept")
    async with trial(AUTO) as one, connected(one, mode="2026-07-28", elicitation_callback=ask) as client:
        first = await again(client, None, None)
        assert isinstance(first, types.InputRequiredResult)
        with pytest.raises(MCPError, match="What was confirmed is not known here"):
            await again(client, {"confirm": yes}, f"{first.request_state}-changed")
        asked = await again(client, {"other": yes}, str(first.request_state))
        assert isinstance(asked, types.InputRequiredResult)
        assert writes(one) == []
        assert not (await again(client, {"confirm": yes}, str(asked.request_state))).is_error
        assert writes(one) == ["POST /webhooks"]


@in_virtual_time
async def test_a_token_is_forgotten_after_ten_minutes_and_is_nobody_elses() -> None:
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("create_webhook", **HOOK))
        other = replace(one.account, caller=replace(one.account.caller, principal="somebody else"))
        with pytest.raises(BadArguments):
            await execute(other, OPERATIONS["confirm_change"], {"token": token})
        await anyio.sleep(601)
        assert (await one.refusal("confirm_change", token=token)).startswith("token: no call waits for it.")
        assert writes(one) == []


@in_virtual_time
async def test_two_who_confirm_at_once_do_it_once() -> None:
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("create_webhook", **HOOK))
        ended: list[str] = []

        async def confirm() -> None:
            try:
                ended.append(
                    str((await execute(one.account, OPERATIONS["confirm_change"], {"token": token}))["result"])
                )
            except BadArguments:
                ended.append("refused")

        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(confirm)
        assert writes(one) == ["POST /webhooks"]
        assert set(ended) <= {"created", "refused"}


@in_virtual_time
async def test_what_would_happen_by_now_is_shown_anew_before_it_does() -> None:
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("delete_list", list="Newsletter"))
        await one.answer("subscribe_contact", contact="2", list="Newsletter")
        said = await one.refusal("confirm_change", token=token)
        assert said.startswith(
            "Not done yet, nothing was changed: the user has to agree first. What it would do has changed since"
        )
        assert "DELETE /lists/1" not in one.requests
        assert (await one.answer("confirm_change", token=token_in(said)))["result"] == "deleted"


@in_virtual_time
async def test_a_single_delete_is_left_to_the_hosts_own_question() -> None:
    async with trial(AUTO) as one:
        assert (await one.answer("delete_contact", contact="bob@initech.example"))["result"] == "deleted"
        assert (await one.answer("delete_tag", tag="VIP 2025"))["result"] == "deleted"
        assert (await one.answer("subscribe_contact", contact="5", list="Partners"))["result"] == "subscribed"


@pytest.mark.parametrize("tool", ["create_tag", "tag_contact", "update_deal", "delete_deal", "manage_connection"])
@in_virtual_time
async def test_always_means_every_write(tool: str) -> None:
    async with trial({"AC_MCP_CONFIRM": "always"}) as one:
        said = await one.refusal(tool, **CALLS[tool])
        assert "Every write waits for a yes here" in said
        assert writes(one) == []
        assert (await one.answer("confirm_change", token=token_in(said)))["result"]
        assert writes(one)
        assert (await one.answer("list_tags"))["total"]


@in_virtual_time
async def test_never_means_none() -> None:
    async with trial({"AC_MCP_CONFIRM": "never"}) as one:
        for tool, arguments, _ in WAITING.values():
            assert (await one.answer(tool, **arguments))["result"]


@in_virtual_time
async def test_an_undo_that_reaches_many_waits_too() -> None:
    async with trial() as one:
        await one.answer("delete_list", list="Newsletter")
        careful = replace(one.account, settings=replace(one.account.settings, confirm="auto"))
        one.forget_requests()
        with pytest.raises(ConfirmationRequired) as waiting:
            await execute(careful, OPERATIONS["undo_change"], {"change": "1"})
        assert waiting.value.reasons[0].startswith("It writes to 46 records")
        assert writes(one) == []


@in_virtual_time
async def test_a_question_nobody_answers_ends_with_a_token() -> None:
    async def ask(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        await anyio.sleep_forever()
        raise AssertionError

    async with trial(AUTO) as one, connected(one, mode="legacy", elicitation_callback=ask) as client:
        waiting = json.loads(text(await client.call_tool("create_webhook", HOOK, read_timeout_seconds=2000)))
        assert writes(one) == []
        done = await client.call_tool("confirm_change", {"token": waiting["token"]})
        assert not done.is_error


@in_virtual_time
async def test_a_token_counts_for_the_account_it_was_shown_for() -> None:
    other = "1f0c7a52-0000-4000-8000-000000000009"
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("create_webhook", **HOOK))
        one.account.default.forget()
        rows = [{"connection_id": other, "status": "ACTIVE", "creation_time": "2026-01-01T00:00:00Z"}]
        one.wire.answer = lambda request: (
            httpx2.Response(200, json={"connections": rows}) if request.url.path == "/connections" else None
        )
        carry = one.wire.inner.handle_async_request

        async def anyway(request: httpx2.Request) -> httpx2.Response:
            request.headers["maton-connection"] = ACTIVE
            return await carry(request)

        one.wire.inner.handle_async_request = anyway  # type: ignore[method-assign]
        said = await one.refusal("confirm_change", token=token)
        assert "What it would do has changed since it was shown" in said
        assert writes(one) == []


@in_virtual_time
async def test_a_yes_is_for_the_values_that_were_shown() -> None:
    async with trial({"AC_MCP_CONFIRM": "always"}) as one:
        token = token_in(await one.refusal("update_contact", contact="2", phone="1"))
        free = replace(one.account, settings=replace(one.account.settings, confirm="never"))
        await execute(free, OPERATIONS["update_contact"], {"contact": "2", "phone": "9"})
        said = await one.refusal("confirm_change", token=token)
        assert "What it would do has changed since" in said


@in_virtual_time
async def test_a_confirmation_takes_an_idempotency_key() -> None:
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("create_webhook", **HOOK))
        answers = [
            await execute(one.account, OPERATIONS["confirm_change"], {"token": token}, CallContext(key="k"))
            for _ in range(2)
        ]
        assert answers[0] == answers[1]
        assert writes(one) == ["POST /webhooks"]


@in_virtual_time
async def test_an_undo_of_one_contact_with_much_on_it_waits() -> None:
    async with trial() as one:
        for n in range(30):
            await one.answer("create_note", contact="2", text=str(n))
        await one.answer("delete_contact", contact="bob@initech.example")
        careful = replace(one.account, settings=replace(one.account.settings, confirm="auto"))
        with pytest.raises(ConfirmationRequired, match=r"It writes to 3\d records"):
            await execute(careful, OPERATIONS["undo_change"], {"change": "31"})


QUESTIONS: dict[str, tuple[str, Json, str]] = {
    "a tag that is taken off": (
        "untag_contact",
        {"contact": "jane@acme.example", "tag": "VIP"},
        "takes away the tag: contact jane@acme.example, tag VIP",
    ),
    "somebody on a list": (
        "subscribe_contact",
        OPTED_OUT,
        "changes list: contact omar@initech.example, list Newsletter, status: unsubscribed \u2192 active",
    ),
    "values before and after": (
        "update_deal",
        {"deal": "1", "value": 20, "status": "won"},
        "changes deal: id 1, value: 12500.0 \u2192 20.0, status: open \u2192 won",
    ),
}


@pytest.mark.parametrize("case", QUESTIONS)
@in_virtual_time
async def test_a_person_is_asked_about_what_it_is(case: str) -> None:
    tool, arguments, wanted = QUESTIONS[case]
    ask, shown = answering("decline")
    async with trial({"AC_MCP_CONFIRM": "always"}) as one, connected(one, elicitation_callback=ask) as client:
        await client.call_tool(tool, arguments)
        assert wanted in shown[0].splitlines()


@in_virtual_time
async def test_of_an_undo_a_person_is_told_what_it_takes_back_and_what_not() -> None:
    ask, shown = answering("decline")
    async with trial() as one:
        await one.answer("delete_contact", contact="bob@initech.example")
        careful = replace(one, account=replace(one.account, settings=replace(one.account.settings, confirm="always")))
        async with connected(careful, elicitation_callback=ask) as client:
            await client.call_tool("undo_change", {"change": "1"})
        lines = shown[0].splitlines()
        assert 'takes back: delete_contact(contact="bob@initech.example")' in lines
        assert [line for line in lines if line.startswith("not restored: contact")]


@in_virtual_time
async def test_an_undo_that_subscribes_somebody_again_asks_like_the_call_itself() -> None:
    async with trial(AUTO) as one:
        await one.answer("unsubscribe_contact", contact="jane@acme.example", list="Newsletter")
        assert "have they asked to be back?" in await one.refusal("undo_change", change="1")


@in_virtual_time
async def test_a_yes_is_not_answered_by_the_same_call_without_one() -> None:
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("create_webhook", **HOOK))
        carry = one.wire.inner.handle_async_request

        async def slowly(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(1)
            return await carry(request)

        one.wire.inner.handle_async_request = slowly  # type: ignore[method-assign]

        async def plainly() -> None:
            with pytest.raises(ConfirmationRequired):
                await execute(one.account, OPERATIONS["create_webhook"], HOOK)

        done: list[Json] = []
        async with anyio.create_task_group() as group:
            for delay in range(3):
                group.start_soon(plainly)
                await anyio.sleep(delay * 0.3)
            done.append(await execute(one.account, OPERATIONS["confirm_change"], {"token": token}))
        assert done[0]["result"] == "created"


@in_virtual_time
async def test_what_broke_off_is_finished_with_a_yes_too() -> None:
    async with trial({"AC_MCP_CONFIRM": "always"}) as one:
        token = token_in(await one.refusal("create_field", **CALLS["create_field"]))
        one.wire.answer = lambda request: httpx2.Response(422) if request.url.path.endswith("/bulk") else None
        await one.refusal("confirm_change", token=token)
        one.wire.answer = lambda request: None
        token = token_in(await one.refusal("create_field", **CALLS["create_field"]))
        assert (await one.answer("confirm_change", token=token))["result"] == "finished"


@in_virtual_time
async def test_of_a_token_only_its_hash_is_kept_and_it_is_bound_to_the_key() -> None:
    async with trial(AUTO) as one:
        token = token_in(await one.refusal("subscribe_contact", **OPTED_OUT))
        kept = await one.account.journal.transact(lambda rows: str(rows.execute("SELECT * FROM offer").fetchall()))
        assert token not in kept
        other = replace(one.account, caller=replace(one.account.caller, key="another"))
        with pytest.raises(BadArguments):
            await execute(replace(other, gateway=one.account.gateway), OPERATIONS["confirm_change"], {"token": token})


@in_virtual_time
async def test_without_the_tool_that_confirms_it_says_so() -> None:
    async with trial(AUTO | {"AC_MCP_TOOLS": "-confirm_change"}) as one, connected(one) as client:
        waiting = json.loads(text(await client.call_tool("create_webhook", HOOK)))
        assert waiting["next"].startswith("This server was started without confirm_change")


@pytest.mark.parametrize(("count", "asks"), [(0, False), (1, False), (25, False), (26, True), (1000, True)])
def test_one_call_may_write_to_25_records_without_a_question(count: int, asks: bool) -> None:
    assert bool(ConfirmationPolicy().reasons_for_count(count, "It moves")) is asks
