"""Resources, prompts and completions, through a client in both protocol eras."""

import ast
import hashlib
import json
import re
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client, MCPError
from pydantic import ConfigDict

from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.server.prompts import TEMPLATES
from ac_mcp.server.skills import GetSkill
from tests.server.test_tools import ERAS
from tests.support import connected, in_virtual_time, trial


class AnyResult(types.Result):
    """Whatever an extension answers."""

    model_config = ConfigDict(extra="allow")


GIVEN = {
    "owner": "Priya",
    "pipeline": "Sales",
    "list": "Newsletter",
    "campaign": "February Newsletter",
    "email": "jane@acme.example",
    "about": 'Jane "JJ" Reed\nmet at the fair',
    "tag": "VIP",
}


async def content(client: Client, uri: str) -> Json:
    (part,) = (await client.read_resource(uri)).contents
    assert isinstance(part, types.TextResourceContents)
    assert (part.uri, part.mime_type) == (uri, "application/json")
    return json.loads(part.text)


@ERAS
@in_virtual_time
async def test_the_account_and_each_kind_of_thing_can_be_attached(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        account, _ = (await client.list_resources()).resources
        assert (await content(client, str(account.uri)))["counts"]["contacts"] == 60
        listed = (await client.list_resource_templates()).resource_templates
        assert [template.uri_template for template in listed] == [
            "activecampaign://contacts/{id}",
            "activecampaign://tags/{id}",
            "activecampaign://lists/{id}",
            "activecampaign://deals/{id}",
            "activecampaign://stages/{id}",
            "activecampaign://pipelines/{id}",
            "activecampaign://automations/{id}",
            "activecampaign://campaigns/{id}",
            "activecampaign://messages/{id}",
            "activecampaign://forms/{id}",
            "activecampaign://segments/{id}",
            "activecampaign://users/{id}",
            "activecampaign://accounts/{id}",
            "activecampaign://fields/{id}",
            "activecampaign://tasks/{id}",
            "activecampaign://notes/{id}",
            "activecampaign://webhooks/{id}",
        ]
        for template in listed:
            assert await content(
                client, template.uri_template.replace("{id}", "91" if "messages" in template.uri_template else "1")
            )


@ERAS
@pytest.mark.parametrize(
    ("uri", "email"),
    [
        ("activecampaign://contacts/jane@acme.example", "jane@acme.example"),
        ("activecampaign://contacts/jane%40acme.example", "jane@acme.example"),
        ("activecampaign://contacts/Jane%20Reed", "jane@acme.example"),
        ("ActiveCampaign://contacts/Jane Reed", "jane@acme.example"),
    ],
)
@in_virtual_time
async def test_a_resource_is_found_by_name_as_well(options: dict[str, Any], uri: str, email: str) -> None:
    async with trial() as one, connected(one, **options) as client:
        assert (await content(client, uri))["contact"]["email"] == email


@ERAS
@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("activecampaign://contacts/999999", "no contact has the id 999999"),
        ("activecampaign://contacts/", "There is no such resource; there are activecampaign://account,"),
        ("activecampaign://shoes/1", "There is no such resource"),
        ("file:///etc/passwd", "There is no such resource"),
        ("activecampaign://[x/1", "There is no such resource"),
        ("activecampaign://tags/%20", "There is no such resource"),
        ("activecampaign://tags/..%2F..%2Fusers", "no tag is called"),
    ],
)
@in_virtual_time
async def test_an_address_that_leads_nowhere_is_a_protocol_error(options: dict[str, Any], uri: str, said: str) -> None:
    async with trial() as one, connected(one, **options) as client:
        with pytest.raises(MCPError, match=said) as caught:
            await client.read_resource(uri)
        assert caught.value.code == -32602


@in_virtual_time
async def test_a_name_with_the_signs_of_an_address_is_found() -> None:
    async with trial() as one, connected(one) as client:
        for name in ("C# fans", "A/B test", "50% off", "What?"):
            await one.answer("create_tag", name=name)
            assert (await content(client, f"activecampaign://tags/{name}"))["tag"]["name"] == name


@in_virtual_time
async def test_an_account_out_of_reach_is_an_error_of_the_server() -> None:
    async with trial() as one, connected(one) as client:
        one.wire.answer = lambda request: httpx2.Response(500, text="<html>oops</html>")
        with pytest.raises(MCPError, match="ActiveCampaign has a problem") as caught:
            await client.read_resource("activecampaign://account")
        assert caught.value.code == -32603
        assert "html" not in str(caught.value)


@ERAS
@in_virtual_time
async def test_there_are_five_prompts_with_titles_and_icons(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        listed = (await client.list_prompts()).prompts
        assert [prompt.name for prompt in listed] == [
            "morning_pipeline_review",
            "clean_up_list",
            "campaign_post_mortem",
            "onboard_lead",
            "find_hot_contacts",
        ]
        assert all(prompt.title and prompt.description and prompt.icons for prompt in listed)


def filled(job: Any, given: Json) -> str:
    return job.fill({one.name: given[one.name] for one in job.arguments if one.name in given})


def calls(text: str) -> list[tuple[str, Json]]:
    """Every whole call a prompt's text names, read the way Python would."""
    found: list[tuple[str, Json]] = []
    for match in re.finditer(rf"\b({'|'.join(OPERATIONS)})\(([^()]*)\)", text):
        if "..." not in match[2]:
            call = ast.parse(match[0], mode="eval").body
            assert isinstance(call, ast.Call)
            found.append((match[1], {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}))
    return found


@pytest.mark.parametrize("given", [GIVEN, {k: v for k, v in GIVEN.items() if k in ("list", "campaign", "email")}])
@pytest.mark.parametrize("job", TEMPLATES, ids=[job.name for job in TEMPLATES])
@in_virtual_time
async def test_every_call_a_prompt_names_can_be_made(job: Any, given: Json) -> None:
    text = filled(job, given)
    assert "{" not in text
    assert calls(text)
    async with trial() as one:
        for tool, arguments in calls(text):
            await one.answer(tool, **arguments)


@pytest.mark.parametrize("job", TEMPLATES, ids=[job.name for job in TEMPLATES])
def test_every_tool_a_prompt_names_exists_and_takes_what_it_says(job: Any) -> None:
    text = filled(job, GIVEN)
    words = set(re.findall(r"\b(?:list|get|create|update|delete|sync|tag|untag|subscribe|unsubscribe)_[a-z_]+", text))
    assert words <= OPERATIONS.keys()
    for tool, arguments in calls(text):
        parse_arguments(OPERATIONS[tool], arguments)


@ERAS
@in_virtual_time
async def test_a_prompt_arrives_filled_with_what_was_given(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        result = await client.get_prompt("onboard_lead", {"email": "x@y.example", "about": 'says "hi"\n{email}'})
        (message,) = result.messages
        assert isinstance(message.content, types.TextContent)
        assert message.role == "user"
        assert message.content.text.startswith(
            'Take on the lead "x@y.example". What is known about them: "says \\"hi\\"\\n{email}".'
        )


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("evening_review", {}, "There is no prompt 'evening_review'; there are morning_pipeline_review"),
        ("clean_up_list", {}, "clean_up_list needs list"),
        ("clean_up_list", {"list": "  "}, "clean_up_list needs list"),
        ("clean_up_list", {"list": "x", "tag": "y"}, "has no argument 'tag'; it takes list"),
        ("clean_up_list", {"list": "x" * 501}, "list is too long"),
    ],
)
@in_virtual_time
async def test_a_wrong_prompt_is_refused_with_help(name: str, given: dict[str, str], said: str) -> None:
    async with trial() as one, connected(one) as client:
        with pytest.raises(MCPError, match=said) as caught:
            await client.get_prompt(name, given)
        assert caught.value.code == -32602


def prompt_ref(name: str) -> types.PromptReference:
    return types.PromptReference(name=name)


def address(uri: str) -> types.ResourceTemplateReference:
    return types.ResourceTemplateReference(uri=uri)


@ERAS
@pytest.mark.parametrize(
    ("ref", "argument", "typed", "names"),
    [
        (prompt_ref("clean_up_list"), "list", "news", ["Newsletter"]),
        (prompt_ref("clean_up_list"), "list", "er", ["Newsletter", "Office managers", "Partners", "Trial users"]),
        (prompt_ref("morning_pipeline_review"), "owner", "sam", ["Sam Kowalski", "Sam Okafor"]),
        (prompt_ref("campaign_post_mortem"), "campaign", "zzz", []),
        (prompt_ref("onboard_lead"), "about", "x", []),
        (prompt_ref("nothing"), "list", "x", []),
        (address("activecampaign://contacts/{id}"), "id", "jane", ["jane@acme.example"]),
        (address("activecampaign://tags/{id}"), "id", "VIP", ["VIP", "VIP 2025"]),
        (address("activecampaign://shoes/{id}"), "id", "x", []),
    ],
)  # fmt: skip
@in_virtual_time
async def test_names_complete_what_is_typed(
    options: dict[str, Any], ref: Any, argument: str, typed: str, names: list[str]
) -> None:
    async with trial() as one, connected(one, **options) as client:
        found = (await client.complete(ref, {"name": argument, "value": typed})).completion
        assert (found.values, found.total, found.has_more) == (names, len(names), False)


@in_virtual_time
async def test_of_many_names_a_hundred_are_offered() -> None:
    async with trial() as one, connected(one) as client:
        for number in range(120):
            await one.answer("create_tag", name=f"Batch {number:03}")
        found = (
            await client.complete(address("activecampaign://tags/{id}"), {"name": "id", "value": "batch"})
        ).completion
        assert (len(found.values), found.total, found.has_more) == (100, 120, True)


@in_virtual_time
async def test_who_types_without_an_account_gets_no_names_and_no_error() -> None:
    async with trial({"MATON_API_KEY": ""}) as one, connected(one) as client:
        found = (await client.complete(prompt_ref("clean_up_list"), {"name": "list", "value": "n"})).completion
        assert found.values == []


@in_virtual_time
async def test_lists_may_be_kept_by_everybody_and_readings_by_one() -> None:
    async with trial() as one, connected(one, mode="2026-07-28") as client:
        tools, prompts = await client.list_tools(), await client.list_prompts()
        assert (tools.ttl_ms, tools.cache_scope) == (prompts.ttl_ms, prompts.cache_scope) == (3_600_000, "public")
        found = await client.read_resource("activecampaign://tags/1")
        assert (found.ttl_ms, found.cache_scope) == (60_000, "private")


def test_what_stands_in_an_argument_is_not_filled_in_again() -> None:
    (hot,) = (job for job in TEMPLATES if job.name == "find_hot_contacts")
    text = hot.fill({"list": "{tag}", "tag": "{, list=}"})
    assert ', list="{tag}", tag="{, list=}")' in text


def test_a_blank_argument_is_none() -> None:
    (review,) = (job for job in TEMPLATES if job.name == "morning_pipeline_review")
    assert "owner=" not in review.fill({"owner": ""})


@in_virtual_time
async def test_a_name_that_looks_like_an_id_is_completed_so_that_it_is_read_as_a_name() -> None:
    async with trial() as one, connected(one) as client:
        ref = address("activecampaign://tags/{id}")
        found = (await client.complete(ref, {"name": "id", "value": "2024"})).completion
        assert found.values == ["name:2024"]
        assert (await content(client, f"activecampaign://tags/{found.values[0]}"))["tag"]["name"] == "2024"


@in_virtual_time
async def test_names_that_begin_so_come_first() -> None:
    async with trial() as one, connected(one) as client:
        ref = address("activecampaign://tags/{id}")
        found = (await client.complete(ref, {"name": "id", "value": "r"})).completion
        assert found.values[0] == "Referral"


@ERAS
@in_virtual_time
async def test_the_skill_is_served_whole_with_its_digest(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        listed = await client.session.send_request(
            types.Request(method="skills/list", params=types.RequestParams()), AnyResult
        )
        (skill,) = listed.model_dump()["skills"]
        assert skill["frontmatter"]["name"] == "activecampaign"
        (file,) = skill["resources"]
        (part,) = (await client.read_resource(file["uri"])).contents
        assert isinstance(part, types.TextResourceContents)
        raw = part.text.encode()
        assert (file["size"], file["digest"]) == (len(raw), f"sha256:{hashlib.sha256(raw).hexdigest()}")
        found = await client.session.send_request(
            types.Request(method="skills/get", params=GetSkill(uri=file["uri"])), AnyResult
        )
        assert found.model_dump()["skill"] == skill
        with pytest.raises(MCPError, match="There is no such skill; there is skill://activecampaign"):
            await client.session.send_request(
                types.Request(method="skills/get", params=GetSkill(uri="skill://../SKILL.md")), AnyResult
            )
