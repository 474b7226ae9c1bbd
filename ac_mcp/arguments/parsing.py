"""Arguments as hosts really send them: read leniently, checked strictly, refused helpfully."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from ac_mcp.arguments.corrections import correct_call, describe_problem, find_misspelt, placeholder, shortened
from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec.annotations import Multiple, Wire, find_mark
from ac_mcp.spec.columns import Money
from ac_mcp.spec.json_schema import argument_model, input_schema
from ac_mcp.spec.operation import Operation

SURROGATE = re.compile("[\ud800-\udfff]")
LARGEST, DEEPEST = 1_000_000, 20
"""Characters that all arguments of a call may have together, and how deep they may be nested."""
DRY = ("dryrun", "simulate", "preview", "validateonly")
"""What a call is given to do nothing."""


def parse_arguments(operation: Operation[..., Any], arguments: Mapping[str, Any], accounts: bool = False) -> Json:
    """Validated arguments, or a refusal that says what to change.

    Raises:
        BadArguments: with arguments that would do, where they follow from what was given.
    """
    require_bounded(arguments)
    arguments = unnest_preview(operation, arguments)
    arguments = refuse_dry_run(operation, arguments)
    given = normalize_arguments(operation, arguments, accounts)
    try:
        checked = dict(argument_model(operation, accounts).model_validate(given))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        said = " ".join(dict.fromkeys(describe_problem(operation, problem, accounts) for problem in problems))
        fixed, example = correct_call(operation, given, problems, accounts)
        wrong = BadArguments(said, fixed, example=example)
        if "change" in operation.required and "change" not in given:
            wrong.replacement = ("list_changes", {})  # no number can be guessed
        raise wrong from None
    emptied = [name for name, value in arguments.items() if value in ("", []) and name not in given]
    return require_change(operation, require_known_columns(operation, checked), emptied)


def unnest_preview(operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a call to preview, also where they stand beside its tool instead of inside `arguments`."""
    own = {name: value for name, value in arguments.items() if name in operation.signature.parameters}
    if operation.path != "/previews" or own.get("arguments") or own.keys() == arguments.keys():
        return arguments
    return own | {"arguments": {name: value for name, value in arguments.items() if name not in own}}


def require_bounded(arguments: Mapping[str, Any]) -> None:
    """Nothing larger than a call can need is looked at any further: level by level, so that depth costs no stack.

    Raises:
        BadArguments: if it is too large or too deep, or holds what is no text.
    """
    size, level = 0, list[Any](arguments.items())
    for _ in range(DEEPEST):
        below: list[Any] = []
        for one in level:
            size += len(one) if isinstance(one, str) else 8
            if isinstance(one, str) and SURROGATE.search(one):
                raise BadArguments("An argument holds half a character (a lone surrogate): send it as it is meant.")
            if isinstance(one, dict):
                below += cast("Json", one).items()
            elif isinstance(one, list | tuple):
                below += cast("list[Any]", one)
        if size > LARGEST:
            raise BadArguments(f"The arguments are too large: together they can have {LARGEST} characters.")
        if not below:
            return
        level = below
    raise BadArguments(f"The arguments are nested too deeply: {DEEPEST // 2} levels are more than any tool takes.")


def refuse_dry_run(operation: Operation[..., Any], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """No tool takes dry_run: whoever gives it must not find that the write was made.

    Raises:
        BadArguments: with the preview of this call, ready to run.
    """
    asked = [name for name in arguments if re.sub("[^a-z]", "", name.casefold()) in DRY]
    if not asked or asked[0] in operation.signature.parameters:
        return arguments
    rest = {name: value for name, value in arguments.items() if name not in asked}
    if operation.read_only:
        raise BadArguments(f"Unknown argument {asked[0]}: {operation.name} only reads, nothing is changed by it.", rest)
    if str(arguments[asked[0]]).casefold() in ("false", "0", "no", "none"):
        raise BadArguments(f"Unknown argument {asked[0]}: without it the call is made.", rest)
    refused = BadArguments(f"{operation.name} takes no {asked[0]}: preview_change shows what it would do.")
    if operation.path != "/confirmations":  # its preview was shown with its token
        refused.replacement = (
            "preview_change",
            {"tool": operation.name, "arguments": json.dumps(rest, ensure_ascii=False)},
        )
    raise refused


def require_known_columns(operation: Operation[..., Any], checked: Json) -> Json:
    """The columns that are asked for, by our names; `stage_id` comes with `stage`, and `id` always.

    Raises:
        BadArguments: with those there are, and the call with the ones that were surely meant.
    """
    if not (asked := checked.get("fields")) or "fields" not in operation.views:
        return checked
    resource = operation.resource
    known = {column.name: column.name for column in (*resource.columns, *resource.more)}
    spelt = {"id": "id", f"{resource.word}_id": "id", **known, **{f"{name}_id": name for name in known}}
    right = [spelt.get(name.casefold()) or find_misspelt(name, list(spelt)) for name in asked]
    wrong = [name for name in asked if name.casefold() not in spelt]
    if wrong:
        fixed = {**checked, "fields": right} if all(right) else None
        raise BadArguments(f"fields: {shortened(wrong[0])} is not one of {', '.join(known)}.", fixed)
    money = [column.name for column in resource.columns if isinstance(column, Money)]
    beside = ["currency"] if set(money) & set(right) and "currency" in known else []
    return {**checked, "fields": list(dict.fromkeys([*right, *beside]))}


def require_change(operation: Operation[..., Any], checked: Json, emptied: Sequence[str] = ()) -> Json:
    """An update that changes nothing is a mistake: PUT with no more than the thing itself."""
    changes = [name for name in operation.signature.parameters if f"{{{name}}}" not in operation.path]
    if operation.method == "PUT" and changes and all(checked[name] is None for name in changes):
        name = next(n for n in changes if n not in operation.references and n != "email")
        empty = f" An empty {' or '.join(emptied)} changes nothing." if emptied else ""
        empty = ' An empty text changes nothing: clear=["phone"] empties a detail.' if "clear" in changes else empty
        said = f"Nothing to change was given: at least one of {', '.join(changes)} is required.{empty}"
        raise BadArguments(said, {**checked, name: placeholder(operation, name)}, example=True)
    return checked


def normalize_arguments(operation: Operation[..., Any], arguments: Mapping[str, Any], accounts: bool) -> Json:
    """Null or "" for nothing, JSON text for a list, one for several, a mapping for name=value: hosts send them all."""
    whole = input_schema(operation, accounts)
    known: Json = whole["properties"]
    optional = known.keys() - set(whole.get("required", ()))
    implied = operation.options.get("implied", {})
    told = {k: v for k, v in arguments.items() if v is not None and str(v).casefold() not in implied.get(k, ())}
    given = {k: v for k, v in told.items() if not (v in ("", [], {}) and k in optional)}
    return {k: fit_value(v, known.get(k, {}).get("type"), operation, k) for k, v in given.items()}


def fit_value(value: Any, wanted: Any, operation: Operation[..., Any], name: str) -> Any:
    match value:
        case bool() if wanted in ("integer", "number"):
            return str(value)
        case str() | dict() | list() if wanted == "array" and is_conditions(operation, name):
            return condition_texts(value)
        case list() if wanted == "array" and is_several(operation, name):
            return [id_of_row(one) for one in cast("list[Any]", value)]
        case str() if wanted == "array":
            return fit_value(unpack_json_text(value, is_assigned(operation, name)), wanted, operation, name)
        case dict() if wanted == "array" and is_assigned(operation, name):
            return [assignment({"field": key, "value": one}) for key, one in cast("Json", value).items()]
        case list() if is_assigned(operation, name):
            return [assignment(one) for one in cast("list[Any]", value)]
        case list() if wanted == "string" and takes_several(operation, name):
            return field_text(cast("list[Any]", value))
        case [only] if wanted == "string":
            return only
        case _:
            return value


def is_conditions(operation: Operation[..., Any], name: str) -> bool:
    return name in operation.references and operation.references[name].conditions


def is_several(operation: Operation[..., Any], name: str) -> bool:
    return name in operation.references and operation.references[name].several


def condition_texts(value: Any) -> Any:
    """Conditions as a list of texts: also from an object, or from one text with "and" or a comma between."""
    match value:
        case str():
            whole = unpack_json_text(value, True)
            if whole != [value]:
                return condition_texts(whole)
            parts = [part for part in re.split(r"\s*[,;]\s*|\s+(?:and|AND|&&)\s+", value) if part.strip()]
            return parts if all(re.search("[=:<>]", part) for part in parts) else [value]
        case dict():
            pairs = cast("Json", value).items()
            return [
                f"{key}={one}"
                for key, said in pairs
                for one in (cast("list[Any]", said) if isinstance(said, list) else [said])
            ]
        case list():
            each = cast("list[Any]", value)
            return [one for part in each for one in (condition_texts(part) if isinstance(part, dict) else [part])]
        case _:
            return value


def id_of_row(row: Any) -> Any:
    """A row of an earlier answer stands for the thing it is about."""
    if not isinstance(row, dict):
        return row
    said = cast("Json", row)
    return next(
        (said[key] for key in ("id", "contact_id", "deal_id", "email", "contact") if said.get(key)), cast("Any", row)
    )


def is_assigned(operation: Operation[..., Any], name: str) -> bool:
    return name in operation.references and operation.references[name].assigned


def takes_several(operation: Operation[..., Any], name: str) -> bool:
    parameter = operation.signature.parameters.get(name)
    return parameter is not None and isinstance(find_mark(parameter.annotation, Wire), Multiple)


def assignment(one: Any) -> Any:
    """`{"field": "Plan", "value": "Pro"}`, as the API would have it, for `Plan=Pro`."""
    if not isinstance(one, dict) or cast("Json", one).keys() != {"field", "value"}:
        return cast("Any", one)
    text = field_text(one["value"])
    return f"{one['field']}={text}" if isinstance(text, str) else text


def field_text(value: Any) -> Any:
    """What a custom field can hold: text, a number, nothing, or several of them; anything else stays what it is."""
    match value:
        case bool() | dict():
            return cast("Any", value)
        case None:
            return ""
        case list():
            several = [field_text(one) for one in cast("list[Any]", value)]
            return "||".join(several) if all(isinstance(one, str) for one in several) else several
        case _:
            return str(value)


def unpack_json_text(text: str, whole: bool) -> Any:
    """What a JSON text holds; any other is `A, B` for two, or `whole`: the value of a field may hold commas."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list | dict):
        return cast("Any", value)
    return [text] if whole else [part.strip() for part in text.split(",") if part.strip()] or [text]
