"""Writes go to an account somebody has chosen, and their answers say which it was."""

import json
from typing import Any

import httpx2
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.encoding import render
from tests.examples import ACTIVE, CALLS
from tests.support import KEY, Trial, in_virtual_time, trial

OTHER = "1f0c7a52-0000-4000-8000-000000000009"
WRITING = [name for name, o in OPERATIONS.items() if not o.read_only and o.resource.plane == "api"]


def with_two(one: Trial, names: bool = True) -> None:
    """Two ACTIVE connections, the sandbox's being the oldest."""
    metadata: list[Json] = [{"account": f"Northwind {what}"} if names else {} for what in ("Coffee", "Tea")]
    rows: list[Json] = [
        {"connection_id": id, "status": "ACTIVE", "creation_time": f"2026-0{n}-01T00:00:00Z", "metadata": told}
        for n, (id, told) in enumerate(zip((ACTIVE, OTHER), metadata, strict=True), 1)
    ]
    one.account.default.forget()
    one.wire.answer = lambda request: (
        httpx2.Response(200, json={"connections": rows}) if request.url.path == "/connections" else None
    )


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_with_several_accounts_and_none_chosen_no_tool_writes(tool: str) -> None:
    async with trial() as one:
        with_two(one)
        said = await one.refusal(tool, **CALLS[tool])
        assert said.startswith(
            f"Several ActiveCampaign accounts are connected, and {tool} could change the wrong one: "
            f'"Northwind Coffee" ({ACTIVE}), "Northwind Tea" ({OTHER}).'
        )
        assert "Nothing was changed." in said
        assert one.requests == ["GET //connections"]


@in_virtual_time
async def test_undo_and_previews_are_refused_likewise_and_reading_is_not() -> None:
    async with trial() as one:
        with_two(one, names=False)
        assert (await one.refusal("undo_change", change="1")).startswith("Several ActiveCampaign accounts")
        preview = await one.refusal("preview_change", tool="create_tag", arguments={"name": "A"})
        assert preview.startswith("Several ActiveCampaign accounts are connected, and create_tag could")
        assert (await one.answer("list_tags"))["total"] == 12


@pytest.mark.parametrize(
    "environ", [{"MATON_CONNECTION": ACTIVE}, {"AC_MCP_ALLOW_DEFAULT_CONNECTION": "1"}, {"AC_MCP_MULTI_ACCOUNT": "1"}]
)
@in_virtual_time
async def test_where_one_is_chosen_it_is_written_to_and_named(environ: dict[str, str]) -> None:
    async with trial(environ) as one:
        with_two(one)
        chosen = {"connection": ACTIVE} if "AC_MCP_MULTI_ACCOUNT" in environ else {}
        answer = json.loads(render(await execute(one.account, OPERATIONS["create_tag"], {"name": "A", **chosen})))
        assert answer["in_account"] in ("Northwind Coffee", f"connection {ACTIVE}")
        assert one.wire.sent[-1]["connection"] == ACTIVE


@in_virtual_time
async def test_where_it_cannot_be_found_out_nothing_is_written() -> None:
    async with trial() as one:
        one.account.default.forget()
        one.wire.answer = lambda request: httpx2.Response(503) if request.url.path == "/connections" else None
        said = await one.refusal("create_tag", name="A")
        assert "it might go to the wrong account" in said
        assert not [line for line in one.requests if line.startswith("POST")]


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_every_answer_of_a_write_names_its_account(tool: str) -> None:
    async with trial() as one:
        answer: dict[str, Any] = await execute(one.account, OPERATIONS[tool], CALLS[tool])
        assert answer["in_account"] == f"connection {ACTIVE}"


@in_virtual_time
async def test_without_maton_the_account_is_the_host() -> None:
    async with trial({"AC_API_URL": "https://acme.api-us1.com", "AC_API_TOKEN": KEY}) as one:
        answer: dict[str, Any] = await execute(one.account, OPERATIONS["create_tag"], {"name": "A"})
        assert answer["in_account"] == "acme.api-us1.com"


@in_virtual_time
async def test_it_is_looked_up_again_at_the_next_write() -> None:
    async with trial() as one:
        one.account.default.forget()
        failing = [True]
        one.wire.answer = lambda request: (
            httpx2.Response(503) if failing and request.url.path == "/connections" else None
        )
        await one.refusal("create_tag", name="A")
        failing.clear()
        assert (await one.answer("create_tag", name="A"))["result"] == "created"
