"""What a server can run beyond the tools it lists, and by which of them."""

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
from ac_mcp.tools.search import AROUND, search

GENERIC_TOOLS = (read_operation.name, write_operation.name)


@dataclass(frozen=True, slots=True)
class ToolAccess:
    """The tools of a server, what is switched off by name, and what its runners run."""

    tools: Mapping[str, Operation[..., Any]] = field(default_factory=dict[str, Operation[..., Any]])
    off: frozenset[str] = frozenset()
    direct: bool = False

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.operation(name) is not None

    def operation(self, name: str) -> Operation[..., Any] | None:
        """What of that name may be run here, as a tool or by a runner."""
        if name in self.tools:
            return self.tools[name]
        one = OPERATIONS.get(name) or (STEPS[name] if name in catalogue() else None)
        if (
            one is None
            or self.generic_tool_for(one) not in self.tools
            or one.resource.toolset in AROUND
            or self.is_disabled(one)
        ):
            return None
        return None if self.direct and one.resource.plane == "control" else one

    def generic_tool_for(self, one: Operation[..., Any]) -> str:
        return GENERIC_TOOLS[not one.read_only]

    def is_disabled(self, one: Operation[..., Any]) -> bool:
        """What is switched off is done by no other way: not under its name, by the same request or by one like it."""
        entry = catalogue().get(one.name)
        if entry is None:
            return one.name in self.off
        off = [OPERATIONS[name] for name in self.off]
        routes = {route(other.method, other.path) for other in off if other.resource.plane == "api"}
        return not self.off.isdisjoint((entry.id, *entry.like, entry.own)) or entry.route in routes

    def suggest_call(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
        """A call as this server can run it; None where it cannot."""
        if name in self.tools or (one := self.operation(name)) is None:
            return (name, arguments) if name in self.tools else None
        given = {key: value for key, value in arguments.items() if value is not None}
        return self.generic_tool_for(one), {"id": name, **pack_arguments(given)}


def pack_arguments(arguments: Mapping[str, Any]) -> Json:
    """As JSON text, which is what the schema says: hosts with a strict mode know no free-form objects."""
    return {"arguments": json.dumps(arguments, ensure_ascii=False, default=str)} if arguments else {}


def resolve_generic_call(
    reach: ToolAccess, runner: Operation[..., Any], arguments: Json
) -> tuple[Operation[..., Any], Json]:
    """The operation a runner is to run, and its arguments by our names.

    Raises:
        BadArguments: for one there is not, one that is switched off, and one the other runner is for.
    """
    id, given = str(arguments["id"]).strip(), dict(arguments.get("arguments") or {})
    one = reach.operation(id)
    if one is None:
        raise refusal_of(reach, id)
    if one.resource.toolset in AROUND:
        wrong = BadArguments(f"{id} is about other calls: it is a tool of its own.")
        wrong.replacement = (id, given)
        raise wrong
    if own := catalogue()[id].own if id in catalogue() else "":
        wrong = BadArguments(f"{id} is done by {own} here, which takes names and looks before it writes.")
        whole = equivalent_call(
            catalogue()[id], STEPS[own], {find_argument(one, name): value for name, value in given.items()}
        )
        wrong.replacement = reach.suggest_call(own, whole) if whole is not None else None
        raise wrong
    if reach.generic_tool_for(one) != runner.name and one.name not in reach.tools:
        wrong = BadArguments(
            f"{id} {'only reads' if one.read_only else 'writes'}: {reach.generic_tool_for(one)} runs it."
        )
        wrong.replacement = (reach.generic_tool_for(one), {"id": id, **pack_arguments(given)})
        raise wrong
    if one.read_only != runner.read_only:
        wrong = BadArguments(f"{id} {'only reads' if one.read_only else 'writes'}, and is a tool of its own here.")
        wrong.replacement = (one.name, given)
        raise wrong
    return one, {find_argument(one, name): value for name, value in given.items()}


def equivalent_call(entry: Entry, own: Operation[..., Any], given: Json) -> Json | None:
    """The same call of one of our own; None where something of it would be lost or is missing."""
    takes, told = {one.name: one for one in entry.takes}, Json()
    in_path = re.findall(r"{(\w+)}", own.path)
    for name, value in given.items():
        one = takes.get(name)
        if one is None:
            return None
        kinds = [each for each, ref in own.references.items() if ref.kind == one.kind]
        named = [own.parameter(one.wire)] if one.place == "body" else in_path[:1]
        fits = [each for each in (*kinds[:1], *named) if each in own.signature.parameters and each not in told]
        if not fits:
            return None
        told[fits[0]] = value
    return told if {*own.required} <= told.keys() else None


def search_operations(reach: ToolAccess, query: str, limit: int) -> Json:
    """The operations that fit a wish, each with what it takes and how it is run here."""
    ids = [id for id in search(query) if id in reach and STEPS[id].resource.toolset not in AROUND][:limit]
    if not ids:
        return {
            "operations": [],
            "next": "Nothing fits: say it in other words, such as the thing and what to do with it.",
        }
    rows = [describe_operation(reach, id) for id in ids]
    best = STEPS[ids[0]]
    example = {name: description_of(best.signature.parameters[name].annotation).example for name in best.required}
    name, arguments = reach.suggest_call(best.name, example) or (best.name, example)
    call = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in arguments.items())
    return {"operations": rows, "next": f"Run one, such as {name}({call}) with the real values."}


def describe_operation(reach: ToolAccess, id: str) -> Json:
    one = STEPS[id]
    required = set(one.required)
    takes = {
        f"{name}{'*' if name in required else ''}": describe_parameter(parameter.annotation)
        for name, parameter in one.signature.parameters.items()
    }
    kind = "read" if one.read_only else "destructive" if one.destructive else "write"
    entry = catalogue().get(id)
    row: Json = {"id": id, "does": one.description, "kind": kind}
    row |= {"sends": entry.mails} if entry and entry.mails else {}
    row |= {"run_by": "its own tool" if id in reach.tools else reach.generic_tool_for(one)}
    row |= {"takes": takes} if takes else {}
    return row | ({"answers": entry.answer} if entry and entry.answer else {})


def describe_parameter(annotation: Any) -> str:
    """What a parameter is, with its choices."""
    choices = next((get_args(part) for part in annotation_parts(annotation) if get_origin(part) is Literal), ())
    said = description_of(annotation).text
    return f"{said}: {', '.join(map(str, choices))}" if choices else said


def annotation_parts(annotation: Any) -> Iterator[Any]:
    """An annotation and all that it is made of."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from annotation_parts(part)


def refusal_of(reach: ToolAccess, id: str) -> BadArguments:
    known = [*catalogue(), *OPERATIONS]
    if id in known:
        return BadArguments(f"id: {id} is switched off in this server. Tell the user.")
    near = [one for one in get_close_matches(id, known, 3) if one in reach]
    told = f"; did you mean {' or '.join(near)}?" if near else "; find_operations finds them by what they do."
    wrong = BadArguments(f"id: there is no operation {id[:80]!r}{told}")
    wrong.replacement = (find_operations.name, {"query": id.replace(".", " ").replace("_", " ")[:100]})
    return wrong


def find_argument(one: Operation[..., Any], name: str) -> str:
    """An argument by our name for it, where it was given by the API's."""
    parameters = one.signature.parameters
    if name in parameters:
        return name
    for known, parameter in parameters.items():
        wire = find_mark(parameter.annotation, Wire)
        if wire is not None and wire.name == name:
            return known
    return name
