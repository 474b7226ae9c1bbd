"""What an answer looks like, as JSON Schema: from the same declarations that `trim` fills."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ac_mcp.messages import Json
from ac_mcp.results.shaping import columns_beside
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Column
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource

OTHER: Json = {"type": "object", "description": "The rest, under the API's own names, with detail=full"}
PAGING: Mapping[str, Json] = {
    "total": COUNT,
    "next_offset": COUNT,
    "remaining": COUNT,
    "next_after_id": TEXT,
    "left_out": COUNT,
}


WAITING: Mapping[str, Json] = {
    "asks": TEXTS,
    "preview": {"type": "object", "description": "What would happen, while it waits for a yes"},
    "token": TEXT,
    "next": TEXT,
}
"""What a write answers instead, if somebody has to agree to it first."""


@cache
def output_schema(operation: Operation[..., Any]) -> Json:
    """The answer of a tool. Nothing else is ever in it; what has no value is left out."""
    if operation.options.get("verbatim"):
        own_words = operation.options.get("says")
        if operation.resource.group == "api" and not own_words:
            return {"type": "object", "additionalProperties": True}
        if operation.read_only:
            return closed_object({"result": TEXT, "in_account": TEXT, "note": TEXT, **(own_words or {})}, [])
        said = {"result": TEXT, "in_account": TEXT, "change": TEXT, **WAITING, "note": TEXT, **(own_words or {})}
        return closed_object(said, ["result"]) if own_words else {"type": "object", "additionalProperties": True}
    properties: dict[str, Json] = {}
    for name, one in (*own(operation), *beside(operation), *words(operation)):
        properties[name] = one if properties.get(name, one) == one else {"anyOf": [properties[name], one]}
    required = ["result"] if not operation.read_only else [operation.resource.words] if operation.lists else []
    return closed_object(properties, required)


def own(operation: Operation[..., Any]) -> Iterable[tuple[str, Json]]:
    """What the call named, and the row or rows it is about."""
    resource = operation.resource
    for parameter, ref in operation.references.items():
        if ref.is_single and (operation.lists or resource.link or may_show_nothing(operation)):
            yield from {parameter: TEXT, f"{parameter}_id": TEXT}.items()
    if operation.lists:
        yield resource.words, rows(resource, resource.columns + resource.more, "other" if operation.views else "")
    elif resource.link:
        yield from properties_of(resource.columns).items()
    else:
        yield resource.word, row(resource, resource.columns + resource.more, "other" if operation.views else "")


def may_show_nothing(operation: Operation[..., Any]) -> bool:
    """Whether an answer may come without the thing itself: then what the call named stands in its place."""
    silent = operation.resource.quiet or bool(operation.options.get("moves"))
    return operation.method in ("POST", "DELETE") or (operation.method == "PUT" and silent)


def beside(operation: Operation[..., Any]) -> Iterable[tuple[str, Json]]:
    """What else of the payload is shown."""
    for resource in operation.options.get("shows", ()):
        yield resource.words, rows(resource, columns_beside(operation, resource), "other" if operation.views else "")


def words(operation: Operation[..., Any]) -> Iterable[tuple[str, Json]]:
    """How it went, what the rows are part of, and what else we say."""
    if not operation.read_only:
        yield "result", TEXT
        yield from {"in_account": TEXT, "change": TEXT, **WAITING}.items()
    yield from (PAGING if operation.lists else {"left_out": COUNT}).items()
    yield from operation.options.get("says", {}).items()
    shown = (operation.resource, *operation.options.get("shows", ()))
    if operation.options.get("quotes") or any(one.free for each in shown for one in each.columns + each.more):
        yield from {"from_account": TEXTS, "hidden_here": TEXTS}.items()
    yield "note", TEXT
    if operation.method == "POST":
        yield "found", {**TEXT, "description": "The first answer got lost; this was looked up"}


def rows(resource: Resource, columns: tuple[Column, ...], *more: str) -> Json:
    return {"type": "array", "items": row(resource, columns, *more)}


def row(resource: Resource, columns: tuple[Column, ...], *more: str) -> Json:
    """One summary: an id that has a name comes with it."""
    own: dict[str, Json] = {} if resource.link else {"id": TEXT}
    rest = {name: OTHER for name in more if name}
    return closed_object({**own, **properties_of(columns), **rest}, list(own))


def properties_of(columns: tuple[Column, ...]) -> dict[str, Json]:
    return {name: one for column in columns for name, one in column.properties.items()}


def closed_object(properties: Mapping[str, Json], required: list[str]) -> Json:
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}
