"""The tools as a shell shows them: all in lines, those that fit a wish, or one with what it takes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ac_mcp.cli.next_command import shell_command
from ac_mcp.messages import Json
from ac_mcp.operations import STEPS
from ac_mcp.server.tools import definition_size
from ac_mcp.settings import Settings
from ac_mcp.spec.json_schema import choices, description_of, listed_schema
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import ToolAccess
from ac_mcp.tools.search import search
from ac_mcp.tools.toolsets import disabled_names, offered_tools

FEW = 10
"""How many that fit a wish are shown."""


def costs(settings: Settings) -> Iterator[str]:
    """What a model would be shown by a server with these settings, and the bytes of it."""
    tools = offered_tools(settings)
    for name, operation in tools.items():
        yield f"{name:20} {definition_size(operation, settings):5}  {operation.description}"
    together = sum(definition_size(operation, settings) for operation in tools.values())
    yield f"{len(tools)} tools; all together {together} bytes of name, description and schema"
    yield "What ac-mcp call runs beyond them: ac-mcp tools WORDS, such as: ac-mcp tools export deals"


def within(settings: Settings) -> ToolAccess:
    """What a shell with these settings can call."""
    return ToolAccess(offered_tools(settings), disabled_names(settings), settings.direct)


def find_fitting(reach: ToolAccess, wish: str) -> list[str]:
    """Ids of what fits a wish in plain words, the best first; tools whose name holds it before all."""
    word = wish.strip().lower().replace("-", "_").replace(" ", "_")
    named = [name for name in reach.tools if word and word in name]
    return list(dict.fromkeys([*named, *(id for id in search(wish) if id in reach)]))[:FEW]


def line(reach: ToolAccess, id: str, settings: Settings) -> str:
    """How it is called, with what need not be given in brackets, and what it does."""
    one = STEPS[id]
    if id not in reach.tools:
        arguments = "arguments=" if one.required else "[arguments=]"
        return f"{reach.generic_tool_for(one)} id={id} {arguments}  {one.description}"
    takes = listed_schema(one, settings.several_accounts)
    optional = [f"[{name}=]" for name in takes["properties"] if name not in one.required]
    return f"{' '.join([id, *(f'{name}=' for name in one.required), *optional])}  {one.description}"


def manual(reach: ToolAccess, id: str, settings: Settings) -> Iterator[str]:
    """One of them whole: what it does to the account, an argument a line, and a call."""
    one = STEPS[id]
    yield f"{id}: {one.description}"
    yield f"  {kind(one)}"
    for name, said in listed_schema(one, settings.several_accounts)["properties"].items():
        needed = ", required" if name in one.required else ""
        yield f"  {name}=  {said.get('description', '')} ({value(said)}{needed})"
    tool, arguments = reach.suggest_call(id, example := useful_arguments(one)) or (id, example)
    yield f"  {shell_command(tool, arguments)}"


BESIDE: Mapping[str, Sequence[str]] = {
    "create_deal": ("contact", "pipeline"),
    "create_task": ("contact",),
    "create_note": ("contact",),
    "create_message": ("text",),
    "bulk_update_contacts": ("where", "add_tag"),
    "bulk_update_deals": ("where", "owner"),
    "import_contacts": ("file",),
}
"""What a first call of these has beside what it must have: one of several, at least."""


def useful_arguments(one: Operation[..., Any]) -> Json:
    """The arguments of a call that does something; of an update the first thing it can change."""
    optional = [name for name in one.signature.parameters if name not in one.required]
    beside = BESIDE.get(one.name, optional[:1] if one.name.startswith("update_") else ())
    return {name: example(one, name) for name in (*one.required, *beside)}


def example(one: Operation[..., Any], name: str) -> Any:
    given = description_of(one.signature.parameters[name].annotation).example
    return next(iter(choices(one, name)), None) if given is None else given


def kind(one: Operation[..., Any]) -> str:
    return "reads" if one.read_only else "writes; may overwrite or delete" if one.destructive else "writes"


def value(said: Mapping[str, Any]) -> str:
    """What stands behind the `=` in a shell."""
    if "enum" in said:
        return "|".join(map(str, said["enum"]))
    if said.get("type") == "array":
        return "may be given more than once"
    return {"integer": "number", "boolean": "true|false", "object": "JSON"}.get(str(said.get("type")), "text")


def describe_as_json(reach: ToolAccess, ids: list[str], settings: Settings) -> str:
    """The same for programs: a JSON array."""
    rows: list[Json] = []
    for id in ids:
        one = STEPS[id]
        called: Json = {"name": id} if id in reach.tools else {"name": reach.generic_tool_for(one), "id": id}
        takes = listed_schema(one, settings.several_accounts)
        rows.append(called | {"description": one.description, "kind": kind(one), "takes": takes})
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
