"""Names that complete what is typed, through a client in both protocol eras."""

from typing import Any

import mcp_types as types
import pytest

from tests.server.test_resources import content
from tests.server.test_tools import ERAS
from tests.support import connected, in_virtual_time, trial


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
