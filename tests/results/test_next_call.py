"""Wrong calls: what the error says, and that the call it suggests can be made as it stands."""

import ast
import re

import anyio
import httpx2
import pytest

from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.spec.json_schema import input_schema
from tests.examples import WRONG
from tests.support import Trial, in_virtual_time, trial

SAID = {
    "an argument with a typo": (
        "Unknown argument frist_name: did you mean first_name? Nothing was changed.\n"
        'Next: create_contact(email="new@x.example", first_name="Ann")'
    ),
    "a tag with a typo": (
        'tag: no tag is called "Trail" (not found); closest: "Trial" (id 3). Nothing was changed.\n'
        'Next: tag_contact(contact="2", tag="Trial")'
    ),
    "a stage of two pipelines": (
        'stage: several stages are called "Negotiation": "Negotiation" (id 4, in Sales), '
        '"Negotiation" (id 7, in Partnerships). Give the id or the pipeline.\n'
        "Next: list_deal_stages()"
    ),
    "an e-mail that is taken": (
        'email: a contact with this email exists already (duplicate): "jane@acme.example" (id 1). '
        "To change it: update_contact or sync_contact. Nothing was changed.\n"
        'Next: update_contact(contact="jane@acme.example", first_name="Jane")'
    ),
    "a tag that exists in another case": (
        'name: a tag with this name exists already (duplicate): "VIP" (id 1). Nothing was changed.\n'
        'Next: get_tag(tag="VIP")'
    ),
    "a contact id nobody has": "contact: no contact has the id 999999 (not found).\nNext: list_contacts()",
    "a whole name in one argument": (
        "Unknown argument name: did you mean first_name and last_name? Nothing was changed.\n"
        'Next: create_contact(email="new@x.example", first_name="Ann", last_name="Lee")'
    ),
    "a page instead of rows to skip": (
        "Unknown argument page: did you mean offset?\nNext: list_contacts(limit=10, offset=20)"
    ),
    "an e-mail where the contact is meant": (
        "contact is required. Unknown argument email: did you mean contact? Nothing was changed.\n"
        'Next: tag_contact(tag="VIP", contact="bob@initech.example")'
    ),
    "an amount as people write it": (
        'value: "$15,000" must be a plain number, such as 12500. Nothing was changed.\n'
        'Next: update_deal(deal="1", value=15000)'
    ),
    "an amount in thousands": (
        'value: "15k" must be a plain number, such as 12500. Nothing was changed.\n'
        'Next: update_deal(deal="1", value=15000)'
    ),
    "the API's code of a word": (
        "status: 2 is not one of active, unsubscribed, bounced, unconfirmed, any.\n"
        'Next: list_contacts(status="unsubscribed")'
    ),
    "a choice with a typo": (
        'value: Plan takes Free, Team, Enterprise; "teams" is none of them. Nothing was changed.\n'
        'Next: set_field_value(contact="2", field="Plan", value="Team")'
    ),
    "one choice of two the field has not": (
        'fields: Plan takes Free, Team, Enterprise; "Gold" is none of them. Nothing was changed.\n'
        'Next (put the real values in): update_contact(contact="2", fields=["Seats=4", "Plan=Free"])'
    ),
    "the record in one piece": (
        "email is required. Unknown argument contact: did you mean email and first_name? Nothing was changed.\n"
        'Next: create_contact(email="new@x.example", first_name="Ann")'
    ),
    "a missing tag": "tag is required. Nothing was changed.\nNext: list_tags()",
    "no event at all": (
        'events: [] must hold at least one, such as ["subscribe"]. Nothing was changed.\n'
        'Next (put the real values in): create_webhook(name="h", url="https://h.example/x", events=["subscribe"], '
        'sources=["api"])'
    ),
    "two names with a typo": (
        'owner: no user is called "Priya Nayr" (not found); closest: "Priya Nair" (id 4). '
        'stage: no stage in "Sales" is called "Clossing" (not found); closest: "Closing" (id 5, in Sales). '
        "One of another pipeline needs that pipeline too. Nothing was changed.\n"
        'Next: update_deal(deal="1", stage="Closing", owner="Priya Nair")'
    ),
    "a name with a typo and one nobody has": (
        'contact: no contact is called "nobody@x.example" (not found). Nothing was changed.\n'
        'Next: list_contacts(search="nobody")'
    ),
    "a segment nobody made": (
        'segment: no segment is called "Whales" (not found); closest: "Wholesale buyers" (id 3).\nNext: list_segments()'
    ),
    "a stage of another pipeline": (
        'stage: no stage in "Sales" is called "Signed" (not found); closest: "Signed" (id 8, in Partnerships). '
        "One of another pipeline needs that pipeline too. "
        'Nothing was changed.\nNext: list_deal_stages(pipeline="Sales")'
    ),
    "an update of nothing": (
        "Nothing to change was given: at least one of title, value, currency, stage, pipeline, owner, status, "
        "description is required. Nothing was changed.\n"
        'Next (put the real values in): update_deal(deal="1", title="<title>")'
    ),
}
every_mistake = pytest.mark.parametrize(
    ("mistake", "tool", "arguments"), WRONG, ids=[mistake for mistake, _, _ in WRONG]
)


def suggested(text: str) -> tuple[str, Json]:
    """The call behind "Next", read the way Python would."""
    found = re.search(r"^Next[^:]*: (.*)$", text, re.M)
    assert found, f"no next call in {text!r}"
    call = ast.parse(found[1], mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    return call.func.id, {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}


@every_mistake
@in_virtual_time
async def test_a_wrong_call_is_refused_with_a_call_that_works(mistake: str, tool: str, arguments: Json) -> None:
    async with trial() as one:
        text = await one.refusal(tool, **arguments)
        assert text == SAID.get(mistake, text)
        name, corrected = suggested(text)
        assert set(corrected) <= set(input_schema(OPERATIONS[name])["properties"])
        assert (name, corrected) != (tool, arguments)
        await prepared(one)
        await one.answer(name, **corrected)


async def prepared(one: Trial) -> None:
    """The made-up person of the examples, where one stands in for an unknown value."""
    await one.answer("sync_contact", email="jane@acme.com")


@every_mistake
@in_virtual_time
async def test_a_wrong_call_changes_nothing(mistake: str, tool: str, arguments: Json) -> None:
    async with trial() as one:
        await one.refusal(tool, **arguments)
        refused = {"POST /contacts", "POST /tags", "POST /accounts", "POST /fields", "PUT /contacts/2"}
        assert {r for r in one.requests if not r.startswith("GET")} <= refused
        assert all(seen.status >= 400 for seen in one.sandbox.requests if seen.method != "GET")


@in_virtual_time
async def test_names_too_long_to_repeat_are_cut_in_errors() -> None:
    async with trial() as one:
        for arguments in ({"contact": "1", "tag": "x" * 90_000}, {"contact": "1", "tag": "VIP", "y" * 90_000: "1"}):
            assert len(await one.refusal("tag_contact", **arguments)) < 1000


@in_virtual_time
async def test_a_string_of_ten_megabytes_is_refused_before_anything_is_sent() -> None:
    async with trial() as one:
        text = await one.refusal("create_note", text="x" * 10_000_000, contact="1")
        assert text.startswith("The arguments are too large: together they can have 1000000 characters. Nothing was")
        text = await one.refusal("create_note", text="x" * 100_001, contact="1")
        assert text.startswith(
            "text: the text is too long; it can have at most 100000 characters. Nothing was changed."
        )
        assert one.requests == []


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_deals", {}),
        ("create_deal_stage", {"name": "Legal", "pipeline": "Sales"}),
        ("get_contact", {"contact": "1"}),
    ],
)
@pytest.mark.parametrize("status", [403, 404, 412, 429, 500, 502, 503])
@in_virtual_time
async def test_what_is_suggested_while_the_account_fails_works_once_it_does_not(
    status: int, tool: str, arguments: Json
) -> None:
    async with trial() as one:
        wrong = {"message": "Forbidden"} if status == 403 else {"message": "No Result found"}
        one.wire.answer = lambda request: (
            httpx2.Response(status, json=wrong) if "/connections" not in request.url.path else None
        )
        text = await one.refusal(tool, **arguments)
        one.wire.answer = lambda request: None
        await anyio.sleep(120)
        if "Next" in text:
            name, corrected = suggested(text)
            await one.answer(name, **corrected)
        else:
            assert (status, tool) == (404, "list_deals"), text


@in_virtual_time
async def test_while_no_connection_is_signed_in_the_way_to_one_is_suggested() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(400, json={"error": "No connection"}) if "/connections" not in request.url.path else None
        )
        text = await one.refusal("list_deals")
        assert "one that is PENDING, its sign_in_url has to be opened" in text
        listed = await one.answer(*suggested(text)[:1])
        assert any(connection.get("sign_in_url") for connection in listed["connections"])


@in_virtual_time
async def test_what_was_through_an_automation_that_may_be_entered_once_is_told_so() -> None:
    async with trial() as one:
        said = await one.refusal("add_to_automation", contact="jane@acme.example", automation="Welcome series")
        assert said.startswith("The contact has been through this automation, which may not be entered twice.")


@in_virtual_time
async def test_an_empty_value_of_an_update_is_told_to_change_nothing() -> None:
    async with trial() as one:
        said = await one.refusal("update_field", field="Plan", title="")
        assert "An empty title changes nothing." in said


@in_virtual_time
async def test_an_undo_of_nothing_leads_to_what_there_is() -> None:
    async with trial() as one:
        assert (await one.refusal("undo_change")).endswith("Next: list_changes()")


@in_virtual_time
async def test_several_choices_of_a_deals_field_may_be_a_list() -> None:
    async with trial() as one:
        both = {"deal": "1", "field": "Needs", "value": ["Training", "Water filter"]}
        await one.answer("set_deal_field_value", **both)
        shown = await one.answer("list_deal_field_values", deal="1")
        assert ["Training", "Water filter"] in [row["value"] for row in shown["custom_fields"]]


@in_virtual_time
async def test_a_due_time_has_no_zone_and_what_the_sandbox_lacks_is_not_called_a_passing_trouble() -> None:
    async with trial() as one:
        said = await one.refusal("create_task", type="Call", due="2026-12-01T10:00:00Z", deal="1")
        assert "without Z or an offset" in said
        said = await one.refusal("read_operation", id="personalizations.list")
        assert said.startswith("Not served here")
        assert "Next:" not in said
