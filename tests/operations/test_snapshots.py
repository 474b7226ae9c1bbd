"""Every tool: its definition, what it sends, what it answers. Whole snapshots, refreshed by UPDATE_SNAPSHOTS=1."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.server.tools import tool_definition
from ac_mcp.settings import Settings
from ac_mcp.spec.annotations import About, find_mark
from ac_mcp.spec.json_schema import input_schema
from ac_mcp.spec.operation import Operation
from tests.examples import CALLS
from tests.support import FOLDER, in_virtual_time, trial

HERE, SNAPSHOTS = Path(__file__).parent, Path(__file__).parents[1] / "snapshots"
BRIEF, RING = (HERE / "routes.txt").read_text(encoding="utf-8").split("# The next ring")
ROUTES = [line.split() for line in (BRIEF + "# " + RING).splitlines() if not line.startswith("#")]
OURS = {"describe_account", "list_changes", "undo_change", "preview_change", "confirm_change"} | {
    "add_to_automation", "remove_from_automation", "bulk_update_contacts", "bulk_update_deals", "follow_job",
    "count_contacts", "summarize_pipeline", "rank_campaigns", "list_inactive_contacts", "find_duplicates",
    "contact_timeline", "import_contacts", "export_contacts", "export_deals", "find_operations", "read_operation",
    "write_operation",
}  # fmt: skip
"""What the brief does not name."""
NEXT = {line.split()[0] for line in RING.splitlines()[1:]}
"""What is ranked behind it."""
LOCAL = {name for name, operation in OPERATIONS.items() if operation.resource.plane == "local"}
every_tool = pytest.mark.parametrize("tool", OPERATIONS)


def test_the_tools_are_the_48_of_the_brief_and_our_own() -> None:
    assert sorted({*OPERATIONS} - LOCAL) == sorted({name for name, _, _ in ROUTES})
    assert len({*OPERATIONS} - OURS - NEXT) == 48
    assert all(OPERATIONS[name].options.offered.on_request for name in NEXT)


@every_tool
@in_virtual_time
async def test_a_tool_is_declared_sends_and_answers_as_its_snapshot_says(tool: str) -> None:
    async with trial() as one:
        arguments = await one.prepared(tool)
        one.forget_requests()
        answer = await one.answer(tool, **arguments)
        shown = tool_definition(OPERATIONS[tool], Settings()).model_dump(mode="json", by_alias=True, exclude_none=True)
        sent = [{key: value for key, value in wire.items() if key != "connection"} for wire in one.wire.sent]
        sent = json.loads(re.sub(r"batchId=[0-9a-f-]{36}", "batchId=…", json.dumps(sent)))
        compare(tool, {"tool": shown, "call": CALLS[tool], "requests": sent, "answer": steady(answer)})


def steady(answer: Json) -> Json:
    """Without what the sandbox draws anew each time: ids and links of new connections."""
    text = re.sub(r"st_[0-9a-f]{16}", "st_…", json.dumps(answer)).replace(str(FOLDER), "…")
    text = re.sub(r"exports/1-[0-9a-f]{8}", "exports/1-…", text)
    fresh = answer.get("connection", {}).get("id") if answer.get("result") == "created" else None
    return json.loads(text.replace(fresh, "new") if fresh else text)


def compare(name: str, now: Json) -> None:
    path = SNAPSHOTS / f"{name}.json"
    if os.environ.get("UPDATE_SNAPSHOTS") or (not path.exists() and not os.environ.get("CI")):
        path.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == now


@pytest.mark.parametrize(("tool", "method", "path"), ROUTES)
def test_a_snapshot_sends_the_request_of_the_brief(tool: str, method: str, path: str) -> None:
    sent = json.loads((SNAPSHOTS / f"{tool}.json").read_text(encoding="utf-8"))["requests"]
    wanted = re.compile(re.escape(path).replace(r"\{id\}", r"[0-9a-f-]+") + "$")
    assert any(request["method"] == method and wanted.match(request["path"]) for request in sent)


def test_there_is_no_snapshot_of_a_tool_that_is_gone() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.json")} == set(OPERATIONS)


@every_tool
def test_a_tool_states_title_and_all_four_hints(tool: str) -> None:
    shown = tool_definition(OPERATIONS[tool], Settings()).model_dump(mode="json", by_alias=True)
    assert shown["title"] == shown["annotations"]["title"]
    hints = {
        name: shown["annotations"][name]
        for name in ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
    }
    assert all(isinstance(hint, bool) for hint in hints.values())
    assert not (hints["readOnlyHint"] and hints["destructiveHint"])
    reading = (
        "list_",
        "get_",
        "describe_",
        "preview_",
        "count_",
        "find_",
        "rank_",
        "summarize_",
        "export_",
        "contact_",
        "read_",
    )
    assert hints["readOnlyHint"] == tool.startswith(reading)


@every_tool
def test_a_schema_is_plain_and_describes_every_parameter(tool: str) -> None:
    said = input_schema(OPERATIONS[tool], True)
    assert not {"$defs", "anyOf", "$ref", "title"} & keys_of(said)
    assert said["type"] == "object"
    for name, parameter in said["properties"].items():
        assert re.fullmatch("[a-z_]+", name)
        assert parameter["description"]
        assert parameter["type"] in ("string", "integer", "number", "array", "object", "boolean")


def keys_of(part: Any) -> set[str]:
    """Keywords of a schema; a property may be called title."""
    if isinstance(part, list):
        return set[str]().union(*(keys_of(one) for one in part))  # pyright: ignore
    if not isinstance(part, dict):
        return set()
    keys = {key for key in part if not (key == "title" and isinstance(part[key], dict))}  # pyright: ignore
    return keys.union(*(keys_of(one) for one in part.values()))  # pyright: ignore


@every_tool
def test_every_parameter_has_an_example_or_a_choice_for_suggested_calls(tool: str) -> None:
    operation: Operation[..., Any] = OPERATIONS[tool]
    for name, parameter in operation.signature.parameters.items():
        about = find_mark(parameter.annotation, About)
        assert about is not None, f"{name} says nothing"
        choices = input_schema(operation)["properties"][name].get("enum")
        assert about.example is not None or choices, f"{name} has neither example nor choices"
