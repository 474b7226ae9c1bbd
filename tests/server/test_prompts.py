"""Prompts, through a client in both protocol eras: every call they name can be made."""

import ast
import re
from typing import Any

import mcp_types as types
import pytest
from mcp import MCPError

from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.server.prompts import TEMPLATES
from tests.server.test_tools import ERAS
from tests.support import connected, in_virtual_time, trial

GIVEN = {
    "owner": "Priya",
    "pipeline": "Sales",
    "list": "Newsletter",
    "campaign": "February Newsletter",
    "email": "jane@acme.example",
    "about": 'Jane "JJ" Reed\nmet at the fair',
    "tag": "VIP",
}


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


def test_what_stands_in_an_argument_is_not_filled_in_again() -> None:
    (hot,) = (job for job in TEMPLATES if job.name == "find_hot_contacts")
    text = hot.fill({"list": "{tag}", "tag": "{, list=}"})
    assert ', list="{tag}", tag="{, list=}")' in text


def test_a_blank_argument_is_none() -> None:
    (review,) = (job for job in TEMPLATES if job.name == "morning_pipeline_review")
    assert "owner=" not in review.fill({"owner": ""})
