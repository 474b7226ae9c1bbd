"""Parsing of the arguments that hosts really send: lenient reading, strict checks, helpful errors."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from ac_mcp.arguments.cleaning import clean_references
from ac_mcp.arguments.corrections import correct_call, describe_problem, find_misspelt, placeholder, short_json
from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec.annotations import Multiple, Wire, find_mark
from ac_mcp.spec.columns import Money
from ac_mcp.spec.json_schema import argument_model, input_schema
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.values import number_text
from ac_mcp.text import SURROGATE

MAX_CONDITIONS, MAX_ITEMS = 50, 500
"""Most conditions of a call, and most items of any other list that does not name records."""
RECORDS = ("contacts", "deals", "data", "rows", "ids", "emails")
"""Arguments that hold records or a table, also under names that hosts make up."""
LARGEST, DEEPEST = 1_000_000, 20
"""Most characters of all arguments of a call together, and most levels of nesting: an object counts as two."""
DRY_RUN = ("dryrun", "simulate", "preview", "validateonly")
"""The names of arguments that ask for a dry run, letters only."""


def parse_arguments(operation: Operation[..., Any], arguments: Mapping[str, Any], accounts: bool = False) -> Json:
    """Return the validated arguments, None for those that are absent.

    Raises:
        BadArguments: if they do not validate; with the corrected arguments where those follow from the call.
    """
    require_bounded(arguments)
    require_few_items(operation, arguments)
    arguments = unnest_preview(operation, arguments)
    arguments = refuse_dry_run(operation, arguments)
    normalized = normalize_arguments(operation, arguments, accounts)
    require_bounded(normalized)  # JSON text may hold half a character in its own spelling
    require_few_items(operation, normalized)
    try:
        checked = clean_references(operation, dict(argument_model(operation, accounts).model_validate(normalized)))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        text = " ".join(dict.fromkeys(describe_problem(operation, problem, accounts) for problem in problems))
        fixed, example = correct_call(operation, normalized, problems, accounts)
        refusal = BadArguments(text, fixed, example=example)
        if "change" in operation.required and "change" not in normalized:
            refusal.replacement = ("list_changes", {})  # no number can be guessed
        raise refusal from None
    emptied = [name for name, value in arguments.items() if value in ("", []) and name not in normalized]
    return require_change(operation, require_known_columns(operation, checked), emptied)


def unnest_preview(operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of a preview, with those of its call moved into `arguments` if they were left beside it."""
    own = {name: value for name, value in arguments.items() if name in operation.signature.parameters}
    if operation.path != "/previews" or own.get("arguments") or own.keys() == arguments.keys():
        return arguments
    return own | {"arguments": {name: value for name, value in arguments.items() if name not in own}}


def require_bounded(arguments: Mapping[str, Any]) -> None:
    """Refuse arguments larger than any call needs. They are read level by level, so that depth costs no stack.

    Raises:
        BadArguments: if they are too large or nested too deeply, or hold a lone surrogate.
    """
    size, level = 0, list[Any](arguments.items())
    for _ in range(DEEPEST):
        below: list[Any] = []
        for value in level:
            size += len(value) if isinstance(value, str) else 8
            if isinstance(value, str) and SURROGATE.search(value):
                raise BadArguments("An argument holds half a character (a lone surrogate): send it as it is meant.")
            if isinstance(value, dict):
                below += cast("Json", value).items()
            elif isinstance(value, list | tuple):
                below += cast("list[Any]", value)
        if size > LARGEST:
            raise BadArguments(f"The arguments are too large: together they can have {LARGEST} characters.")
        if not below:
            return
        level = below
    raise BadArguments(f"The arguments are nested too deeply: {DEEPEST // 2} levels are more than any tool takes.")


def require_few_items(operation: Operation[..., Any], arguments: Mapping[str, Any]) -> None:
    """Refuse a list that is longer than its parameter can need, before anything else is done with it.

    Lists of records may hold as many as the arguments have room for.

    Raises:
        BadArguments: if one is too long.
    """
    for name, value in arguments.items():
        ref = operation.references.get(name)
        most = MAX_CONDITIONS if ref and ref.conditions else MAX_ITEMS
        takes_records = (ref and ref.several and not ref.conditions and not ref.assigned) or name in RECORDS
        if isinstance(value, list) and not takes_records and len(cast("list[Any]", value)) > most:
            count = len(cast("list[Any]", value))
            raise BadArguments(f"{name[:80]}: {count} are more than it takes; at most {most}.")


def refuse_dry_run(operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Refuse a call that asks for a dry run: no tool takes such an argument, and the write must not happen.

    Raises:
        BadArguments: with the preview of this call, ready to run.
    """
    flags = [name for name in arguments if re.sub("[^a-z]", "", name.casefold()) in DRY_RUN]
    if not flags or flags[0] in operation.signature.parameters:
        return arguments
    rest, flag = {name: value for name, value in arguments.items() if name not in flags}, flags[0]
    if operation.read_only:
        raise BadArguments(f"Unknown argument {flag}: {operation.name} only reads, nothing is changed by it.", rest)
    if str(arguments[flag]).casefold() in ("false", "0", "no", "none"):
        raise BadArguments(f"Unknown argument {flag}: without it the call is made.", rest)
    refusal = BadArguments(f"{operation.name} takes no {flag}: preview_change shows what it would do.")
    if operation.path != "/confirmations":  # its preview was shown with its token
        refusal.replacement = (
            "preview_change",
            {"tool": operation.name, "arguments": json.dumps(rest, ensure_ascii=False)},
        )
    raise refusal


def require_known_columns(operation: Operation[..., Any], checked: Json) -> Json:
    """Return the arguments with `fields` as names of columns: `stage_id` becomes `stage`, which includes it.

    An amount brings the currency with it.

    Raises:
        BadArguments: if there is no such column; with the corrected call where each name is a misspelling.
    """
    if not (requested := checked.get("fields")) or "fields" not in operation.views:
        return checked
    resource = operation.resource
    names = [column.name for column in (*resource.columns, *resource.details)]
    spellings = {"id": "id", f"{resource.word}_id": "id"}
    spellings |= {name: name for name in names} | {f"{name}_id": name for name in names}
    columns = [spellings.get(name.casefold()) or find_misspelt(name, list(spellings)) for name in requested]
    unknown = [name for name in requested if name.casefold() not in spellings]
    if unknown:
        fixed = {**checked, "fields": columns} if all(columns) else None
        raise BadArguments(f"fields: {short_json(unknown[0])} is not one of {', '.join(dict.fromkeys(names))}.", fixed)
    if "currency" in names and any(isinstance(c, Money) and c.name in columns for c in resource.columns):
        columns.append("currency")
    return {**checked, "fields": list(dict.fromkeys(columns))}


def require_change(operation: Operation[..., Any], checked: Json, emptied: Sequence[str] = ()) -> Json:
    """Return the arguments, which for a PUT have to change something.

    Raises:
        BadArguments: if they hold no more than what the path names; with an example of a change.
    """
    changes = [name for name in operation.signature.parameters if f"{{{name}}}" not in operation.path]
    if operation.method == "PUT" and changes and all(checked[name] is None for name in changes):
        name = next(n for n in changes if n not in operation.references and n != "email")
        empty = f" An empty {' or '.join(emptied)} changes nothing." if emptied else ""
        empty = ' An empty text changes nothing: clear=["phone"] empties a detail.' if "clear" in changes else empty
        text = f"Nothing to change was given: at least one of {', '.join(changes)} is required.{empty}"
        raise BadArguments(text, {**checked, name: placeholder(operation, name)}, example=True)
    return checked


def normalize_arguments(operation: Operation[..., Any], arguments: Mapping[str, Any], accounts: bool) -> Json:
    """Return the arguments that are present, each in the form its parameter takes.

    Hosts send null or "" for nothing, JSON text for a list, one value for a list of one, an object for name=value.
    """
    schema = input_schema(operation, accounts)
    properties: Json = schema["properties"]
    optional = properties.keys() - set(schema.get("required", ()))
    implied = operation.options.understood.implied
    stated = {k: v for k, v in arguments.items() if v is not None and str(v).casefold() not in implied.get(k, ())}
    present = {k: v for k, v in stated.items() if not (v in ("", [], {}) and k in optional)}
    return {k: fit_value(v, properties.get(k, {}).get("type"), operation, k) for k, v in present.items()}


def fit_value(value: Any, json_type: Any, operation: Operation[..., Any], name: str) -> Any:
    """Return a value as the parameter takes it, if it comes in another form that hosts use; else unchanged."""
    match value:
        case bool() if json_type in ("integer", "number"):
            return str(value)
        case float() if json_type == "string":
            return number_text(value)
        case str() | dict() | list() if json_type == "array" and takes_conditions(operation, name):
            return condition_texts(value)
        case list() if json_type == "array" and takes_names(operation, name):
            return [id_of_row(item) for item in cast("list[Any]", value)]
        case str() if json_type == "array":
            return fit_value(unpack_json_text(value, takes_assignments(operation, name)), json_type, operation, name)
        case dict() if json_type == "array" and takes_assignments(operation, name):
            return [assignment({"field": key, "value": item}) for key, item in cast("Json", value).items()]
        case list() if takes_assignments(operation, name):
            return [assignment(item) for item in cast("list[Any]", value)]
        case list() if json_type == "string" and takes_multiple(operation, name):
            return field_text(cast("list[Any]", value))
        case [item] if json_type == "string":
            return item
        case _:
            return value


def takes_conditions(operation: Operation[..., Any], name: str) -> bool:
    """Return whether a parameter takes a list of conditions."""
    return name in operation.references and operation.references[name].conditions


def takes_names(operation: Operation[..., Any], name: str) -> bool:
    """Return whether a parameter takes a list of names and ids."""
    return name in operation.references and operation.references[name].several


def takes_assignments(operation: Operation[..., Any], name: str) -> bool:
    """Return whether a parameter takes a list of `name=value`."""
    return name in operation.references and operation.references[name].assigned


def takes_multiple(operation: Operation[..., Any], name: str) -> bool:
    """Return whether a parameter takes several values as one text, `A||B`."""
    parameter = operation.signature.parameters.get(name)
    return parameter is not None and isinstance(find_mark(parameter.annotation, Wire), Multiple)


def condition_texts(value: Any) -> Any:
    """Return conditions as a list of texts, also from an object, or from one text with "and" or commas between."""
    match value:
        case str():
            unpacked = unpack_json_text(value, True)
            if unpacked != [value]:
                return condition_texts(unpacked)
            parts = [part for part in re.split(r"\s*[,;]\s*|\s+(?:and|AND|&&)\s+", value) if part.strip()]
            return parts if all(re.search("[=:<>]", part) for part in parts) else [value]
        case dict():
            pairs = cast("Json", value).items()
            return [
                f"{key}={item}"
                for key, items in pairs
                for item in (cast("list[Any]", items) if isinstance(items, list) else [items])
            ]
        case list():
            parts = cast("list[Any]", value)
            return [text for part in parts for text in (condition_texts(part) if isinstance(part, dict) else [part])]
        case _:
            return value


def id_of_row(row: Any) -> Any:
    """Return the id, or the e-mail address, in a row of an earlier answer; any other value unchanged."""
    if not isinstance(row, dict):
        return row
    entries, keys = cast("Json", row), ("id", "contact_id", "deal_id", "email", "contact")
    return next((entries[key] for key in keys if entries.get(key)), cast("Any", row))


def assignment(item: Any) -> Any:
    """Return `Plan=Pro` for `{"field": "Plan", "value": "Pro"}`, the form of the API; any other value unchanged."""
    if not isinstance(item, dict) or cast("Json", item).keys() != {"field", "value"}:
        return cast("Any", item)
    text = field_text(item["value"])
    return f"{item['field']}={text}" if isinstance(text, str) else text


def field_text(value: Any) -> Any:
    """Return a text, a number, null or a list of them as the text of a custom field; any other value unchanged."""
    match value:
        case bool() | dict():
            return cast("Any", value)
        case None:
            return ""
        case list():
            texts = [field_text(item) for item in cast("list[Any]", value)]
            return "||".join(texts) if all(isinstance(text, str) for text in texts) else texts
        case int() | float():
            return number_text(value)
        case _:
            return str(value)


def unpack_json_text(text: str, whole: bool) -> Any:
    """Return the list or object in a JSON text; any other text as a list, split at commas unless `whole`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list | dict):
        return cast("Any", value)
    return [text] if whole else [part.strip() for part in text.split(",") if part.strip()] or [text]
