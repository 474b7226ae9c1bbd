"""AC_MCP_STRUCTURED: typed answers, with the same information as the text."""

import json
from typing import Any, cast

import httpx2
import mcp_types as types
import pytest

from ac_mcp.messages import Json, as_object
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.output_schema import output_schema
from tests.support import connected, in_virtual_time, trial

every_tool = pytest.mark.parametrize("tool", OPERATIONS)
STRUCTURED = {"AC_MCP_STRUCTURED": "1"}


@every_tool
@in_virtual_time
async def test_an_answer_is_text_and_the_same_as_data_of_the_declared_type(tool: str) -> None:
    # A client checks and keeps every schema it is given: so it gets few others than those that tools about tools need.
    few = {"AC_MCP_TOOLSETS": f"{OPERATIONS[tool].resource.toolset},tags,webhooks,deals"}
    async with trial(STRUCTURED | few) as one, connected(one) as client:
        listed = {one.name: one for one in (await client.list_tools()).tools}
        result = await client.call_tool(tool, await one.prepared(tool))  # the client checks it against the outputSchema
        part, *_ = result.content  # what follows is a link to a file
        assert isinstance(part, types.TextContent)
        assert listed[tool].output_schema == output_schema(OPERATIONS[tool])
        assert result.structured_content == json.loads(part.text)


@in_virtual_time
async def test_an_error_is_text_only_in_structured_mode_too() -> None:
    async with trial(STRUCTURED) as one, connected(one) as client:
        result = await client.call_tool("get_tag", {"tag": "VPI"})
        assert (result.is_error, result.structured_content) == (True, None)


@every_tool
def test_the_type_of_an_answer_leaves_nothing_open(tool: str) -> None:
    for part in objects(output_schema(OPERATIONS[tool])):
        assert part.get("properties") or "additionalProperties" in part or "description" in part


def objects(schema: Any) -> list[Json]:
    """Every object type a schema holds."""
    if isinstance(schema, list):
        return [found for one in cast("list[Any]", schema) for found in objects(one)]
    own = [as_object(schema)] if as_object(schema).get("type") == "object" else []
    return own + [found for one in as_object(schema).values() for found in objects(one)]


@in_virtual_time
async def test_without_the_setting_there_is_no_second_copy() -> None:
    async with trial() as one, connected(one) as client:
        assert all(tool.output_schema is None for tool in (await client.list_tools()).tools)


@in_virtual_time
async def test_a_value_set_after_it_was_emptied_is_of_the_declared_type() -> None:
    async with trial(STRUCTURED) as one, connected(one) as client:
        for value in ("", "Team"):
            result = await client.call_tool("set_field_value", {"contact": "1", "field": "Plan", "value": value})
            assert not result.is_error
        assert "before" not in (result.structured_content or {})


@in_virtual_time
async def test_one_row_is_not_taken_for_a_list() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(200, json={"tag": {"id": "1"}})
        assert (await one.refusal("list_tags")).startswith("ActiveCampaign has a problem: its answer holds no tags.")


def test_an_outline_leaves_no_way_out() -> None:
    """What the tests check answers against: nothing undeclared, and what always comes is required."""
    assert output_schema(OPERATIONS["list_tags"]) | {"properties": {}} == {
        "type": "object",
        "properties": {},
        "required": ["tags"],
        "additionalProperties": False,
    }
    assert output_schema(OPERATIONS["list_tags"])["properties"]["tags"]["items"]["required"] == ["id"]
    assert {"total", "next_offset", "left_out"} <= output_schema(OPERATIONS["list_tags"])["properties"].keys()
    assert {"left_out"} <= output_schema(OPERATIONS["get_contact"])["properties"].keys()
    assert output_schema(OPERATIONS["update_tag"])["required"] == ["result"]
