"""The JSON Schema of an answer, built from the same columns that shape the answer."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ac_mcp.messages import Json
from ac_mcp.results.shaping import columns_beside
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Column
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource

OTHER: Json = {"type": "object", "description": "The rest, under the API's own names, with detail=full"}
"""The schema of `other`: attributes that no column shows."""
PAGING: Mapping[str, Json] = {
    "total": COUNT,
    "next_offset": COUNT,
    "remaining": COUNT,
    "next_after_id": TEXT,
    "left_out": COUNT,
}
"""Fields beside the rows of a list."""
CONFIRMATION: Mapping[str, Json] = {
    "asks": TEXTS,
    "preview": {"type": "object", "description": "What would happen, while it waits for a yes"},
    "token": TEXT,
    "next": TEXT,
}
"""Fields of a write that waits for the user's confirmation."""


@cache
def output_schema(operation: Operation[..., Any]) -> Json:
    """Return the schema of a tool's answer: it allows no other fields, and fields without a value are left out."""
    if operation.options.answer.verbatim:
        own_words = operation.options.answer.says
        if operation.resource.group == "api" and not own_words:
            return {"type": "object", "additionalProperties": True}
        if operation.read_only:
            return closed_object({"result": TEXT, "in_account": TEXT, "note": TEXT, **(own_words or {})}, [])
        if not own_words:
            return {"type": "object", "additionalProperties": True}
        fields = {"result": TEXT, "in_account": TEXT, "change": TEXT, **CONFIRMATION, "note": TEXT, **own_words}
        return closed_object(fields, ["result"])
    properties: dict[str, Json] = {}
    for name, schema in (*own_properties(operation), *beside_properties(operation), *note_properties(operation)):
        properties[name] = schema if properties.get(name, schema) == schema else {"anyOf": [properties[name], schema]}
    return closed_object(properties, required_properties(operation))


def required_properties(operation: Operation[..., Any]) -> list[str]:
    """Return the fields that every answer holds: the result of a write, the rows of a list."""
    if not operation.read_only:
        return ["result"]
    return [operation.resource.words] if operation.lists else []


def own_properties(operation: Operation[..., Any]) -> Iterable[tuple[str, Json]]:
    """Yield the things the call named, and the row or rows the operation is about."""
    resource = operation.resource
    for parameter, ref in operation.references.items():
        if ref.is_single and (operation.lists or resource.link or may_omit_row(operation)):
            yield from {parameter: TEXT, f"{parameter}_id": TEXT}.items()
    if operation.lists:
        yield (
            resource.words,
            rows_schema(resource, resource.columns + resource.details, "other" if operation.views else ""),
        )
    elif resource.link:
        yield from column_properties(resource.columns).items()
    else:
        yield (
            resource.word,
            row_schema(resource, resource.columns + resource.details, "other" if operation.views else ""),
        )


def may_omit_row(operation: Operation[..., Any]) -> bool:
    """Return whether an answer may come without the row itself; the things the call named then replace it."""
    silent = operation.resource.api.quiet or bool(operation.options.effects.moves)
    return operation.method in ("POST", "DELETE") or (operation.method == "PUT" and silent)


def beside_properties(operation: Operation[..., Any]) -> Iterable[tuple[str, Json]]:
    """Yield the rows of other resources that the answer shows."""
    for resource in operation.options.answer.beside:
        yield (
            resource.words,
            rows_schema(resource, columns_beside(operation, resource), "other" if operation.views else ""),
        )


def note_properties(operation: Operation[..., Any]) -> Iterable[tuple[str, Json]]:
    """Yield the result, the paging, and the operation's own words."""
    if not operation.read_only:
        yield "result", TEXT
        yield from {"in_account": TEXT, "change": TEXT, **CONFIRMATION}.items()
    yield from (PAGING if operation.lists else {"left_out": COUNT}).items()
    yield from operation.options.answer.says.items()
    resources = (operation.resource, *operation.options.answer.beside)
    has_free_text = any(column.free for resource in resources for column in resource.columns + resource.details)
    if operation.options.answer.quotes or has_free_text:
        yield from {"from_account": TEXTS, "hidden_here": TEXTS}.items()
    yield "note", TEXT
    if operation.method == "POST":
        yield "found", {**TEXT, "description": "The first answer got lost; this was looked up"}


def rows_schema(resource: Resource, columns: tuple[Column, ...], *more: str) -> Json:
    """Return the schema of a list of rows; `more` names further fields."""
    return {"type": "array", "items": row_schema(resource, columns, *more)}


def row_schema(resource: Resource, columns: tuple[Column, ...], *more: str) -> Json:
    """Return the schema of one row; `more` names further fields, empty names are ignored."""
    id_property: dict[str, Json] = {} if resource.link else {"id": TEXT}
    rest = {name: OTHER for name in more if name}
    return closed_object({**id_property, **column_properties(columns), **rest}, list(id_property))


def column_properties(columns: tuple[Column, ...]) -> dict[str, Json]:
    """Return the fields that the columns add to a row, each with its schema."""
    return {name: schema for column in columns for name, schema in column.properties.items()}


def closed_object(properties: Mapping[str, Json], required: list[str]) -> Json:
    """Return the schema of an object that allows no other fields."""
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}
