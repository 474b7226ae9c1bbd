"""Read-only, toolsets and single tools: what is not offered cannot be reached by any way."""

from typing import Any

import mcp_types as types
import pytest
from mcp import MCPError

from ac_mcp.cli.main import run as command
from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import BadSetting, Settings
from ac_mcp.tools.toolsets import TOOLSETS, USUAL, offered_tools
from tests.examples import CALLS
from tests.support import connected, in_virtual_time, trial

READ_ONLY = {"AC_MCP_READ_ONLY": "1"}
WRITING = [name for name, one in OPERATIONS.items() if not one.read_only]
LOCAL = {"list_changes", "undo_change", "preview_change", "confirm_change"}


def left(**environ: str) -> set[str]:
    return {*offered_tools(Settings.from_env({f"AC_MCP_{name.upper()}": value for name, value in environ.items()}))}


def test_without_a_setting_there_is_all_but_what_few_need() -> None:
    assert left() == USUAL == left(toolsets="default")
    assert left(toolsets="all") == {*OPERATIONS}
    assert USUAL & TOOLSETS["bulk"] == {
        "bulk_update_contacts", "bulk_update_deals", "import_contacts", "follow_job", "count_contacts",
        "summarize_pipeline",
    }  # fmt: skip
    assert left(toolsets="default", tools="export_contacts,-delete_tag") == (USUAL | {"export_contacts"}) - {
        "delete_tag"
    }


def test_read_only_wins_over_all_else() -> None:
    reading = {name for name, one in OPERATIONS.items() if one.read_only} - {"preview_change"}
    assert left(read_only="true") == reading & USUAL
    assert left(read_only="true", toolsets="all") == reading
    assert left(read_only="true", tools="delete_contact,list_tags") == {"list_tags", "list_changes"}
    assert left(read_only="true", toolsets="tags") <= reading


def test_toolsets_are_the_tools_of_these_words_and_what_goes_with_writing() -> None:
    assert left(toolsets="tags") == TOOLSETS["tags"] | LOCAL
    assert left(toolsets="users, campaigns") == TOOLSETS["users"] | TOOLSETS["campaigns"]
    assert sum(len(tools) for tools in TOOLSETS.values()) == len(OPERATIONS)
    assert {*TOOLSETS} - {"bulk"} == {
        "contacts", "tags", "lists", "deals", "pipelines", "automations", "campaigns", "users", "accounts", "fields",
        "notes", "webhooks", "connections", "overview", "changes", "custom_fields", "tasks", "messages", "forms", "api",
        "segments", "scores",
    }  # fmt: skip


def test_single_tools_are_added_and_taken_away() -> None:
    assert left(tools="-delete_contact,-delete_tag") == USUAL - {"delete_contact", "delete_tag"}
    assert left(toolsets="tags", tools="get_contact,-delete_tag") == (TOOLSETS["tags"] | LOCAL | {"get_contact"}) - {
        "delete_tag"
    }
    assert left(tools="tag_contact") == {"tag_contact"} | LOCAL
    assert left(tools="list_tags") == {"list_tags"}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"toolsets": "contact"}, "AC_MCP_TOOLSETS: there is no 'contact'; did you mean contacts"),
        ({"tools": "delete_contcat"}, "AC_MCP_TOOLS: there is no 'delete_contcat'; did you mean delete_contact"),
        ({"tools": "-nonsense"}, "AC_MCP_TOOLS: there is no 'nonsense'; there is list_contacts"),
        ({"toolsets": " , "}, "take names with commas between them"),
        ({"read_only": "1", "tools": "delete_tag,-list_changes"}, "together leave no tool"),
    ],
)
def test_what_is_not_there_is_refused_at_the_start(environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        left(**environ)
    with pytest.raises(BadSetting):
        Settings.from_env({"AC_MCP_CONFIRM": "sometimes"})


@pytest.mark.parametrize("tool", WRITING)
@in_virtual_time
async def test_in_read_only_mode_no_tool_writes_by_any_way(tool: str) -> None:
    async with trial(READ_ONLY) as one, connected(one) as client:
        assert tool not in {shown.name for shown in (await client.list_tools()).tools}
        for name, arguments in ((tool, CALLS[tool]), ("preview_change", {"tool": tool, "arguments": CALLS[tool]})):
            with pytest.raises(MCPError, match=f"{name} is switched off"):
                await client.call_tool(name, arguments)
        assert one.requests == []


@in_virtual_time
async def test_resources_prompts_and_completions_keep_to_the_tools_there_are() -> None:
    async with trial({"AC_MCP_TOOLSETS": "deals,users"}) as one, connected(one) as client:
        assert [str(shown.uri_template) for shown in (await client.list_resource_templates()).resource_templates] == [
            "activecampaign://deals/{id}",
            "activecampaign://users/{id}",
        ]
        assert [one.name for one in (await client.list_resources()).resources] == ["activecampaign"]  # the skill
        assert (await client.list_prompts()).prompts == []
        for uri in ("activecampaign://contacts/1", "activecampaign://account"):
            with pytest.raises(MCPError, match="There is no such resource"):
                await client.read_resource(uri)
        with pytest.raises(MCPError, match="there are none here"):
            await client.get_prompt("onboard_lead", {"email": "a@b.example"})
        for ref in (
            types.ResourceTemplateReference(uri="activecampaign://contacts/{id}"),
            types.PromptReference(name="clean_up_list"),
        ):
            name = "id" if isinstance(ref, types.ResourceTemplateReference) else "list"
            found = await client.complete(ref, {"name": name, "value": "ja"})
            assert found.completion.values == []
        assert one.requests == []


@in_virtual_time
async def test_a_prompt_that_writes_is_not_there_in_read_only_mode() -> None:
    async with trial(READ_ONLY) as one, connected(one) as client:
        names = {prompt.name for prompt in (await client.list_prompts()).prompts}
        assert "onboard_lead" not in names
        assert "morning_pipeline_review" in names
        assert "confirm_change" not in str(client.instructions)


@in_virtual_time
async def test_no_call_is_suggested_that_this_server_has_not() -> None:
    async with trial({"AC_MCP_TOOLSETS": "", "AC_MCP_TOOLS": "tag_contact"}) as one, connected(one) as client:
        result = await client.call_tool("tag_contact", {"contact": "nobody@x.example", "tag": "VIP"})
        assert result.is_error
        assert "Next:" not in str(result.content)


def test_the_command_line_keeps_to_the_mode(capsys: Any) -> None:
    assert command(["call", "--sandbox", "--read-only", "delete_tag", "tag=VIP"]) == 2
    assert "delete_tag is switched off in this server" in capsys.readouterr().err
    assert command(["call", "--sandbox", "--toolsets", "nonsense", "list_tags"]) == 2
    assert "AC_MCP_TOOLSETS: there is no 'nonsense'" in capsys.readouterr().err
    assert command(["tools", "--sandbox", "--toolsets", "users"]) == 0
    assert "\n3 tools; all together" in capsys.readouterr().out


def test_a_safeguard_with_a_typo_does_not_start_without_it() -> None:
    with pytest.raises(BadSetting, match="There is no setting AC_MCP_READONLY; did you mean AC_MCP_READ_ONLY"):
        Settings.from_env({"AC_MCP_READONLY": "1"})


def test_a_sandbox_that_is_kept_keeps_its_changes_too(tmp_path: Any, capsys: Any) -> None:
    kept = ["--sandbox", "--state", str(tmp_path / "sandbox.db")]
    assert command(["call", *kept, "update_tag", "tag=VIP", "name=Gold"]) == 0
    assert command(["call", *kept, "undo_change", "change=1"]) == 0
    assert "undone" in capsys.readouterr().out
    assert command(["call", *kept, "subscribe_contact", "contact=omar@initech.example", "list=Newsletter"]) == 3
    token = capsys.readouterr().err.split("token=")[1].split()[0]
    assert command(["call", *kept, "confirm_change", f"token={token}"]) == 0
    assert (
        command(
            [
                "call",
                *kept,
                "--yes",
                "create_webhook",
                "name=I",
                "url=https://h.example/x",
                "events=update",
                "sources=api",
            ]
        )
        == 0
    )
    assert command(["call", *kept, "--dry-run", "delete_tag", "tag=Gold"]) == 1
    assert command(["call", *kept, "--dry-run", "delete_tag", "tag=VIP"]) == 0
    assert "nothing was written" in capsys.readouterr().out
