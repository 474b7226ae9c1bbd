"""The tools as a shell shows them: all in a list, those that match a search, or the manual of one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ac_mcp.cli.next_command import shell_command
from ac_mcp.jobs.allowed_files import ANYWHERE
from ac_mcp.messages import Json
from ac_mcp.operations import STEPS
from ac_mcp.server.tools import definition_size
from ac_mcp.settings import Settings
from ac_mcp.spec.json_schema import choices, description_of, listed_schema
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import ToolAccess
from ac_mcp.tools.search import search
from ac_mcp.tools.toolsets import disabled_names, offered_tools

MAX_RESULTS = 10
"""Operations listed for a search."""


def tool_costs(settings: Settings) -> Iterator[str]:
    """Yield a line for each tool that a server with these settings offers, with the bytes of its definition."""
    tools = offered_tools(settings)
    for name, operation in tools.items():
        yield f"{name:20} {definition_size(operation, settings):5}  {operation.description}"
    total = sum(definition_size(operation, settings) for operation in tools.values())
    yield f"{len(tools)} tools; all together {total} bytes of name, description and schema"
    yield "What ac-mcp call runs beyond them: ac-mcp tools WORDS, such as: ac-mcp tools export deals"


def shell_settings(settings: Settings) -> Settings:
    """Return the settings with every tool, unless the user chose toolsets or tools: in a shell they cost no context.

    Without a list of folders, files may be anywhere: the user of the shell wrote their paths.
    """
    names = [name for name in f"{settings.toolsets},{settings.tools}".split(",") if name]
    if all(name.startswith("-") for name in names):
        settings = replace(settings, toolsets="all")
    return replace(settings, folders=settings.folders or ANYWHERE)


def shell_access(settings: Settings) -> ToolAccess:
    """Return the access to what a shell with these settings can call."""
    return ToolAccess(offered_tools(settings), disabled_names(settings), settings.direct)


def find_operations(access: ToolAccess, query: str) -> list[str]:
    """Return the ids of operations that match a search in plain words, the best first.

    Tools whose name contains the words come before all others.
    """
    word = query.strip().lower().replace("-", "_").replace(" ", "_")
    named = [name for name in access.tools if word and word in name]
    return list(dict.fromkeys([*named, *(id for id in search(query) if id in access)]))[:MAX_RESULTS]


def usage_line(access: ToolAccess, id: str, settings: Settings) -> str:
    """Return how to call an operation, with optional arguments in brackets, and its description."""
    operation = STEPS[id]
    if id not in access.tools:
        arguments = "arguments=" if operation.required else "[arguments=]"
        return f"{access.generic_tool_for(operation)} id={id} {arguments}  {operation.description}"
    schema = listed_schema(operation, settings.several_accounts)
    required = [f"{name}=" for name in operation.required]
    optional = [f"[{name}=]" for name in schema["properties"] if name not in operation.required]
    return f"{' '.join([id, *required, *optional])}  {operation.description}"


def manual(access: ToolAccess, id: str, settings: Settings) -> Iterator[str]:
    """Yield the lines about one operation: its description, its effect, each argument, and an example call."""
    operation = STEPS[id]
    yield f"{id}: {operation.description}"
    yield f"  {effect(operation)}"
    for name, schema in listed_schema(operation, settings.several_accounts)["properties"].items():
        required = ", required" if name in operation.required else ""
        yield f"  {name}=  {schema.get('description', '')} ({value_hint(schema)}{required})"
    example = example_arguments(operation)
    tool, arguments = access.suggest_call(id, example) or (id, example)
    yield f"  {shell_command(tool, arguments)}"


EXAMPLE_ARGUMENTS: Mapping[str, Sequence[str]] = {
    "create_deal": ("contact", "pipeline"),
    "create_task": ("contact",),
    "create_note": ("contact",),
    "create_message": ("text",),
    "bulk_update_contacts": ("where", "add_tag"),
    "bulk_update_deals": ("where", "owner"),
    "import_contacts": ("file",),
}
"""Optional arguments of an example call; each of these operations needs at least one of several."""


def example_arguments(operation: Operation[..., Any]) -> Json:
    """Return the arguments of a call that has an effect; for an update, the first optional one is included."""
    optional = [name for name in operation.signature.parameters if name not in operation.required]
    default = optional[:1] if operation.name.startswith("update_") else ()
    extra = EXAMPLE_ARGUMENTS.get(operation.name, default)
    return {name: example_value(operation, name) for name in (*operation.required, *extra)}


def example_value(operation: Operation[..., Any], parameter: str) -> Any:
    """Return the documented example of a parameter, else its first choice, else None."""
    example = description_of(operation.signature.parameters[parameter].annotation).example
    return next(iter(choices(operation, parameter)), None) if example is None else example


def effect(operation: Operation[..., Any]) -> str:
    """Return what a call does to the account: whether it reads, writes or destroys."""
    if operation.read_only:
        return "reads"
    return "writes; may overwrite or delete" if operation.destructive else "writes"


def value_hint(schema: Mapping[str, Any]) -> str:
    """Return what the shell expects after the `=` of an argument."""
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return "may be given more than once"
    return {"integer": "number", "boolean": "true|false", "object": "JSON"}.get(str(schema.get("type")), "text")


def describe_as_json(access: ToolAccess, ids: list[str], settings: Settings) -> str:
    """Return a JSON array for programs: `[{"name": …, "id": …, "description": …, "kind": …, "takes": schema}]`.

    `id` is only in operations that run through the generic tool in `name`.
    """
    rows: list[Json] = []
    for id in ids:
        operation = STEPS[id]
        row: Json = {"name": id} if id in access.tools else {"name": access.generic_tool_for(operation), "id": id}
        row["description"] = operation.description
        row["kind"] = effect(operation)
        row["takes"] = listed_schema(operation, settings.several_accounts)
        rows.append(row)
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
