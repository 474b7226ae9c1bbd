"""An undo of a create deletes nothing that a colleague has worked on since."""

from typing import Any, cast

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired
from ac_mcp.messages import Json, as_object
from ac_mcp.operations import OPERATIONS
from tests.support import Trial, behind, in_virtual_time, trial

DEAL = ("create_deal", {"title": "Renewal", "value": 15000, "currency": "usd", "contact": "1", "pipeline": "Sales"})
CONTACT = ("create_contact", {"email": "ada@lace.example", "first_name": "Ada"})
COMPANY = ("create_account", {"name": "Umbrella"})
TAG = ("create_tag", {"name": "Trade show"})
FIELD = ("create_field", {"title": "Roast", "type": "dropdown", "options": ["Light", "Dark"]})
Work = tuple[str, str, Json]
WORK: tuple[tuple[tuple[str, Json], str, Work], ...] = (
    (DEAL, "status", ("PUT", "/deals/{id}", {"deal": {"status": 1}})),
    (DEAL, "owner", ("PUT", "/deals/{id}", {"deal": {"owner": "2"}})),
    (DEAL, "description", ("PUT", "/deals/{id}", {"deal": {"description": "signed"}})),
    (DEAL, "value", ("PUT", "/deals/{id}", {"deal": {"value": 1}})),
    (DEAL, "stage", ("PUT", "/deals/{id}", {"deal": {"stage": "2"}})),
    (DEAL, "1 note", ("POST", "/deals/{id}/notes", {"note": {"note": "They signed on Friday"}})),
    (DEAL, "1 further contact", ("POST", "/contactDeals", {"contactDeal": {"deal": "{id}", "contact": "3"}})),
    (DEAL, "1 task", ("POST", "/dealTasks", {"dealTask": {
        "relid": "{id}", "ownerType": "deal", "dealTasktype": "1", "duedate": "2026-12-05T10:00:00-06:00",
        "edate": "2026-12-05T10:15:00-06:00", "title": "Call"}})),
    (CONTACT, "phone", ("PUT", "/contacts/{id}", {"contact": {"phone": "+1 555 0101"}})),
    (CONTACT, "first_name", ("PUT", "/contacts/{id}", {"contact": {"firstName": "Adele"}})),
    (CONTACT, "1 tag", ("POST", "/contactTags", {"contactTag": {"contact": "{id}", "tag": "1"}})),
    (CONTACT, "1 list", ("POST", "/contactLists", {"contactList": {"contact": "{id}", "list": "1", "status": 1}})),
    (CONTACT, "1 note", ("POST", "/notes", {"note": {"note": "x", "relid": "{id}", "reltype": "Subscriber"}})),
    (CONTACT, "1 deal", ("POST", "/deals", {"deal": {
        "title": "T", "value": 1, "currency": "usd", "contact": "{id}", "stage": "1", "group": "1"}})),
    (CONTACT, "1 further deal", ("POST", "/contactDeals", {"contactDeal": {"deal": "2", "contact": "{id}"}})),
    (CONTACT, "1 company", ("POST", "/accountContacts", {"accountContact": {"contact": "{id}", "account": "1"}})),
    (CONTACT, "custom fields", ("POST", "/fieldValues", {"fieldValue": {
        "contact": "{id}", "field": "1", "value": "Team"}})),
    (COMPANY, "name", ("PUT", "/accounts/{id}", {"account": {"name": "Umbrella Ltd"}})),
    (COMPANY, "website", ("PUT", "/accounts/{id}", {"account": {"accountUrl": "https://umbrella.example"}})),
    (COMPANY, "1 note", ("POST", "/accounts/{id}/notes", {"note": {"note": "x"}})),
    (COMPANY, "1 contact", ("POST", "/accountContacts", {"accountContact": {"contact": "50", "account": "{id}"}})),
    (TAG, "description", ("PUT", "/tags/{id}", {"tag": {"description": "2027"}})),
    (TAG, "1 contact", ("POST", "/contactTags", {"contactTag": {"contact": "2", "tag": "{id}"}})),
    (FIELD, "1 further choice", ("POST", "/fieldOption/bulk", {"fieldOptions": [
        {"orderid": 3, "value": "Medium", "label": "Medium", "isdefault": False, "field": "{id}"}]})),
    (FIELD, "1 value", ("POST", "/fieldValues", {"fieldValue": {"contact": "2", "field": "{id}", "value": "Dark"}})),
)  # fmt: skip
"""A create, what the undo says of a colleague's work on the record, and that work."""


def filled(value: Any, id: str) -> Any:
    """The value with the id of the record in its place."""
    if isinstance(value, dict):
        return {key: filled(inner, id) for key, inner in cast("Json", value).items()}
    if isinstance(value, list):
        return [filled(inner, id) for inner in cast("list[Any]", value)]
    return id if value == "{id}" else value


async def created(one: Trial, create: tuple[str, Json]) -> str:
    """The id of what the call creates."""
    answer = await one.answer(create[0], **create[1])
    return next(str(row["id"]) for row in map(as_object, answer.values()) if "id" in row)


async def work(one: Trial, id: str, done: Work) -> None:
    method, path, body = done
    answer = await behind(one, method, path.replace("{id}", id), filled(body, id))
    assert "errors" not in answer, answer


@pytest.mark.parametrize(("create", "said", "done"), WORK, ids=[f"{create[0]} {said}" for create, said, _ in WORK])
@in_virtual_time
async def test_a_record_that_a_colleague_has_worked_on_is_kept(create: tuple[str, Json], said: str, done: Work) -> None:
    async with trial() as one:
        await work(one, await created(one, create), done)
        undone = await one.answer("undo_change", change="1")
        assert said in undone["not_restored"][0]
        assert not [request for request in one.requests if request.startswith("DELETE")]


@pytest.mark.parametrize("create", [DEAL, CONTACT, COMPANY, TAG, FIELD], ids=lambda create: create[0])
@in_virtual_time
async def test_a_record_that_nobody_has_touched_is_deleted(create: tuple[str, Json]) -> None:
    async with trial() as one:
        await created(one, create)
        assert (await one.answer("undo_change", change="1"))["result"] in ("undone", "partly undone")
        assert [request for request in one.requests if request.startswith("DELETE")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(WORK), min_size=1, max_size=3))
def test_of_any_work_of_colleagues_nothing_is_lost(several: list[tuple[tuple[str, Json], str, Work]]) -> None:
    @in_virtual_time
    async def check() -> None:
        async with trial() as one:
            create = several[0][0]
            id = await created(one, create)
            for _, _, done in [entry for entry in several if entry[0] is create]:
                await behind(one, done[0], done[1].replace("{id}", id), filled(done[2], id))
            await one.answer("undo_change", change="1")
            assert not [request for request in one.requests if request.startswith("DELETE")]

    check()


@in_virtual_time
async def test_a_route_that_is_absent_is_no_proof_and_can_be_waved_through_with_a_yes() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        await created(one, DEAL)
        one.wire.answer = lambda request: (
            httpx2.Response(404, json={"message": "No Result found"})
            if request.method == "GET" and request.url.path.endswith("/notes")
            else None
        )
        undone = await one.answer("undo_change", change="1")
        assert 'even_if=["notes"]' in undone["not_restored"][0]
        with pytest.raises(ConfirmationRequired, match="It may delete notes") as waiting:
            await execute(one.account, OPERATIONS["undo_change"], {"change": "1", "even_if": ["notes"]})
        assert (await one.answer("confirm_change", token=waiting.value.token))["result"] == "undone"
