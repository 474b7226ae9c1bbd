"""The operations a server can run beyond the tools it lists, and the generic tools that run them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin

from ac_mcp.catalogue.entry import Entry, catalogue, route
from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.operations.whole_api import find_operations, read_operation, write_operation
from ac_mcp.spec.annotations import Wire, find_mark
from ac_mcp.spec.json_schema import description_of
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.search import META_TOOLSETS, search

GENERIC_TOOLS = (read_operation.name, write_operation.name)
"""The tools that run operations by id: the first for reads, the second for writes."""


@dataclass(frozen=True, slots=True)
class ToolAccess:
    """The tools of a server, and what its generic tools may run."""

    tools: Mapping[str, Operation[..., Any]] = field(default_factory=dict[str, Operation[..., Any]])
    """The listed tools by name."""
    disabled: frozenset[str] = frozenset()
    """Names of tools that the settings switch off."""
    direct: bool = False
    """Whether the server talks to ActiveCampaign without Maton."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.operation(name) is not None

    def operation(self, name: str) -> Operation[..., Any] | None:
        """Return the operation of this name that the server may run, as a tool or by a generic tool; else None."""
        if name in self.tools:
            return self.tools[name]
        operation = OPERATIONS.get(name) or (STEPS[name] if name in catalogue() else None)
        if (
            operation is None
            or self.generic_tool_for(operation) not in self.tools
            or operation.resource.toolset in META_TOOLSETS
            or self.is_disabled(operation)
        ):
            return None
        return None if self.direct and operation.resource.plane == "control" else operation

    def generic_tool_for(self, operation: Operation[..., Any]) -> str:
        """Return the name of the generic tool that runs the operation."""
        return GENERIC_TOOLS[not operation.read_only]

    def is_disabled(self, operation: Operation[..., Any]) -> bool:
        """Return whether the operation, the same request or an equivalent tool is switched off."""
        entry = catalogue().get(operation.name)
        if entry is None:
            return operation.name in self.disabled
        tools = [OPERATIONS[name] for name in self.disabled]
        routes = {route(tool.method, tool.path) for tool in tools if tool.resource.plane == "api"}
        return not self.disabled.isdisjoint((entry.id, *entry.like, entry.own)) or entry.route in routes

    def suggest_call(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
        """Return a call as this server can run it: the tool itself or a generic tool; None where it cannot."""
        if name in self.tools:
            return (name, arguments)
        operation = self.operation(name)
        if operation is None:
            return None
        present = {key: value for key, value in arguments.items() if value is not None}
        return self.generic_tool_for(operation), {"id": name, **pack_arguments(present)}


def pack_arguments(arguments: Mapping[str, Any]) -> Json:
    """Return `{"arguments": "<JSON text>"}`, or {} for none: hosts with a strict mode refuse free-form objects."""
    return {"arguments": json.dumps(arguments, ensure_ascii=False, default=str)} if arguments else {}


def resolve_generic_call(
    access: ToolAccess, generic_tool: Operation[..., Any], arguments: Json
) -> tuple[Operation[..., Any], Json]:
    """Return the operation a generic tool is to run, and its arguments by our names.

    Raises:
        BadArguments: for an unknown or disabled operation, and for one that another tool runs.
    """
    id, values = str(arguments["id"]).strip(), dict(arguments.get("arguments") or {})
    operation = access.operation(id)
    if operation is None:
        raise refusal_of(access, id)
    if operation.resource.toolset in META_TOOLSETS:
        error = BadArguments(f"{id} is about other calls: it is a tool of its own.")
        error.replacement = (id, values)
        raise error
    named = {find_argument(operation, name): value for name, value in values.items()}
    if own := catalogue()[id].own if id in catalogue() else "":
        error = BadArguments(f"{id} is done by {own} here, which takes names and looks before it writes.")
        equivalent = equivalent_call(catalogue()[id], STEPS[own], named)
        error.replacement = access.suggest_call(own, equivalent) if equivalent is not None else None
        raise error
    effect = "only reads" if operation.read_only else "writes"
    right_tool = access.generic_tool_for(operation)
    if right_tool != generic_tool.name and operation.name not in access.tools:
        error = BadArguments(f"{id} {effect}: {right_tool} runs it.")
        error.replacement = (right_tool, {"id": id, **pack_arguments(values)})
        raise error
    if operation.read_only != generic_tool.read_only:
        error = BadArguments(f"{id} {effect}, and is a tool of its own here.")
        error.replacement = (operation.name, values)
        raise error
    return operation, named


def equivalent_call(entry: Entry, own: Operation[..., Any], arguments: Json) -> Json | None:
    """Return the arguments of our own operation for the same call; None where one would be lost or is missing."""
    parameters = {parameter.name: parameter for parameter in entry.takes}
    mapped = Json()
    path_names = re.findall(r"{(\w+)}", own.path)
    for name, value in arguments.items():
        parameter = parameters.get(name)
        if parameter is None:
            return None
        same_kind = [own_name for own_name, ref in own.references.items() if ref.kind == parameter.kind]
        same_name = [own.parameter(parameter.wire)] if parameter.place == "body" else path_names[:1]
        fitting = [
            own_name
            for own_name in (*same_kind[:1], *same_name)
            if own_name in own.signature.parameters and own_name not in mapped
        ]
        if not fitting:
            return None
        mapped[fitting[0]] = value
    return mapped if {*own.required} <= mapped.keys() else None


def search_operations(access: ToolAccess, query: str, limit: int) -> Json:
    """Return the operations that match a query, best first: `{"operations": [...], "next": "..."}`."""
    ids = [id for id in search(query) if id in access and STEPS[id].resource.toolset not in META_TOOLSETS][:limit]
    if not ids:
        return {
            "operations": [],
            "next": "Nothing fits: say it in other words, such as the thing and what to do with it.",
        }
    rows = [describe_operation(access, id) for id in ids]
    best = STEPS[ids[0]]
    example = {name: description_of(best.signature.parameters[name].annotation).example for name in best.required}
    name, arguments = access.suggest_call(best.name, example) or (best.name, example)
    call = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    return {"operations": rows, "next": f"Run one, such as {name}({call}) with the real values."}


def describe_operation(access: ToolAccess, id: str) -> Json:
    """Return one search result: what the operation does and takes (required parameters with a star), and its tool."""
    operation = STEPS[id]
    required = set(operation.required)
    takes = {
        f"{name}{'*' if name in required else ''}": describe_parameter(parameter.annotation)
        for name, parameter in operation.signature.parameters.items()
    }
    kind = "read" if operation.read_only else "destructive" if operation.destructive else "write"
    entry = catalogue().get(id)
    row: Json = {"id": id, "does": operation.description, "kind": kind}
    if entry and entry.mails:
        row["sends"] = entry.mails
    row["run_by"] = "its own tool" if id in access.tools else access.generic_tool_for(operation)
    if takes:
        row["takes"] = takes
    if entry and entry.answer:
        row["answers"] = entry.answer
    return row


def describe_parameter(annotation: Any) -> str:
    """Return the description of a parameter, with its choices."""
    choices = next((get_args(part) for part in annotation_parts(annotation) if get_origin(part) is Literal), ())
    text = description_of(annotation).text
    return f"{text}: {', '.join(map(str, choices))}" if choices else text


def annotation_parts(annotation: Any) -> Iterator[Any]:
    """Yield an annotation and every annotation nested in it."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from annotation_parts(part)


def refusal_of(access: ToolAccess, id: str) -> BadArguments:
    """Return the error for an id that is unknown or disabled, with similar ids or a search as the next step."""
    all_ids = [*catalogue(), *OPERATIONS]
    if id in all_ids:
        return BadArguments(f"id: {id} is switched off in this server. Tell the user.")
    near = [match for match in get_close_matches(id, all_ids, 3) if match in access]
    hint = f"; did you mean {' or '.join(near)}?" if near else "; find_operations finds them by what they do."
    error = BadArguments(f"id: there is no operation {id[:80]!r}{hint}")
    error.replacement = (find_operations.name, {"query": id.replace(".", " ").replace("_", " ")[:100]})
    return error


def find_argument(operation: Operation[..., Any], name: str) -> str:
    """Return our name of an argument that came under the API's; any other name unchanged."""
    parameters = operation.signature.parameters
    if name in parameters:
        return name
    for own_name, parameter in parameters.items():
        wire = find_mark(parameter.annotation, Wire)
        if wire is not None and wire.name == name:
            return own_name
    return name
