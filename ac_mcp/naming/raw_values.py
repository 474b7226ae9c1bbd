"""Custom field values in the arguments of a raw operation: checked by the type of the field that each of them names."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, Sender
from ac_mcp.naming.expressions import NameLookup
from ac_mcp.naming.matching import DirectoryEntry
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.spec.values import number_text

SEVERAL = ("checkbox", "listbox", "multiselect")
"""Types of fields, of contacts, deals or accounts, that take a list."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the operations of some paths take values of custom fields: in objects with the field's id and the value."""

    paths: str
    field: str
    value: str
    kind: str


PLACES = (
    Place(r"/contacts(/\{\w+\})?|/contact/sync", "field", "value", "fields"),
    Place(r"/import/bulk_import", "id", "value", "fields"),
    Place(r"/deals(/\{\w+\})?|/dealCustomFieldData/bulkCreate", "customFieldId", "fieldValue", "dealCustomFieldMeta"),
    Place(
        r"/accounts(/\{\w+\})?|/accountCustomFieldData/bulkCreate",
        "customFieldId", "fieldValue", "accountCustomFieldMeta",
    ),
)  # fmt: skip


async def parse_raw_values(names: NameLookup, sender: Sender, operation: Operation[..., Any], arguments: Json) -> Json:
    """Return the arguments of a raw operation, each value of a custom field as its field takes it.

    Raises:
        BadArguments: if a field does not take its value.
    """
    place = next((place for place in PLACES if re.fullmatch(place.paths, operation.path)), None)
    if not operation.options.encoding.raw or place is None or not holds_values(list(arguments.values()), place):
        return arguments
    entries = {entry.id: entry for entry in await names.all_of(sender, place.kind)}
    resource = names.resource(place.kind)
    return {name: parse_values(value, place, entries, resource, name) for name, value in arguments.items()}


def holds_values(part: Any, place: Place) -> bool:
    """Return whether a part of the arguments holds a value of a custom field."""
    if isinstance(part, list):
        return any(holds_values(item, place) for item in cast("list[Any]", part))
    if not isinstance(part, dict):
        return False
    row = cast("Json", part)
    return {place.field, place.value} <= row.keys() or any(holds_values(item, place) for item in row.values())


def parse_values(
    part: Any, place: Place, entries: Mapping[str, DirectoryEntry], resource: Resource, parameter: str
) -> Any:
    """Return a part of the arguments with the values in it as their fields take them.

    Raises:
        BadArguments: if a field does not take its value.
    """
    if isinstance(part, list):
        return [parse_values(item, place, entries, resource, parameter) for item in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    row = cast("Json", part)
    entry = entries.get(str(row.get(place.field)))
    if place.value not in row or entry is None:
        return {key: parse_values(item, place, entries, resource, parameter) for key, item in row.items()}
    try:
        return row | {place.value: parse_raw_value(resource, entry, row[place.value])}
    except ValueError as error:
        raise BadArguments(f"{parameter}: {entry.name} {error}.") from None


def parse_raw_value(resource: Resource, entry: DirectoryEntry, value: Any) -> Any:
    """Return a value as its field takes it; money is in cents here.

    Raises:
        ValueError: if the field does not take it.
    """
    kind = entry.facts.get("type", "")
    if isinstance(value, list) and kind in SEVERAL:
        value = "||".join(str(item) for item in cast("list[Any]", value))
    if isinstance(value, bool | dict | list):
        raise ValueError(f"takes one value; {json.dumps(value)[:80]} is none")
    if value is None or resource.lookup.value is None:
        return value
    text = value if isinstance(value, str) else number_text(value)
    if kind == "currency":
        if text and not re.fullmatch("-?[0-9]+", text):
            raise ValueError(f"takes cents, a whole number; {json.dumps(text[:80])} is none")
        return value
    parsed = resource.lookup.value(entry.facts, text)
    return json.loads(parsed) if kind in SEVERAL and parsed.startswith("[") and resource.plural != "fields" else parsed
