"""Arguments: a lean JSON Schema for the model, a lenient reading of what hosts really send."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from inspect import Parameter
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from ac_mcp.errors import BadArguments
from ac_mcp.marks import About, camel, mark
from ac_mcp.operation import Operation
from ac_mcp.parameters import ConnectionRef
from ac_mcp.request import Json

STRICT = ConfigDict(
    extra="forbid",
    coerce_numbers_to_str=True,
    str_strip_whitespace=True,
    str_max_length=100_000,
    allow_inf_nan=False,
    regex_engine="python-re",
)
CONNECTION = Annotated[
    ConnectionRef, About("Account to use: connection id, see list_connections", "9a0f…", shown=False)
]


# Each costs tokens on every tool; what they say is checked here anyway, with a sentence that helps more.
NOISE = (
    "$ref", "$defs", "additionalProperties", "default", "maximum", "minimum", "maxLength", "minLength", "pattern",
)  # fmt: skip


class Lean(GenerateJsonSchema):
    """No titles; an absent argument stands for null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        said = schema.get("default") is not None
        return super().default_schema(schema) if said else self.generate_inner(schema["schema"])


def multiple_accounts(operation: Operation[..., Any]) -> bool:
    """Whether a call can choose its connection: those of the control plane are about all of them."""
    return operation.resource.plane == "api"


@cache
def model(operation: Operation[..., Any], accounts: bool = False) -> type[BaseModel]:
    """What the operation takes, as a pydantic model; with `accounts` also which account it is for."""
    fields: dict[str, Any] = {p.name: field_of(p) for p in operation.signature.parameters.values()}
    if accounts and multiple_accounts(operation):
        fields["connection"] = (Annotated[CONNECTION | None, Field(description=about(CONNECTION).description)], None)
    return create_model(operation.name, __config__=STRICT, **fields)


def field_of(parameter: Parameter) -> tuple[Any, Any]:
    described = Annotated[parameter.annotation, Field(description=about(parameter.annotation).description)]
    return described, ... if parameter.default is Parameter.empty else parameter.default


def about(annotation: Any) -> About:
    return mark(annotation, About) or About("")


@cache
def schema(operation: Operation[..., Any], accounts: bool = False) -> Json:
    whole = model(operation, accounts).model_json_schema(schema_generator=Lean)
    return inlined(whole, whole.get("$defs", {}))


def inlined(part: Any, defs: Json) -> Any:
    """A schema that says everything in place: not every host follows `$ref`."""
    if isinstance(part, list):
        return [inlined(one, defs) for one in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    said = cast("Json", part)
    told = defs[said["$ref"].rpartition("/")[2]] | said if "$ref" in said else said
    return {key: inlined(value, defs) for key, value in told.items() if not noise(key, value)}


def noise(key: str, value: Any) -> bool:
    """What costs tokens and tells a model nothing: followed references, made-up names, our own safety limits."""
    return key in NOISE or (key == "title" and isinstance(value, str))


def read(operation: Operation[..., Any], arguments: Mapping[str, Any], accounts: bool = False) -> Json:
    """Validated arguments, or a refusal that says what to change.

    Raises:
        BadArguments: with arguments that would do, where they follow from what was given.
    """
    given = lenient(operation, arguments, accounts)
    try:
        checked = dict(model(operation, accounts).model_validate(given))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        said = " ".join(dict.fromkeys(complaint(operation, problem, accounts) for problem in problems))
        fixed, example = mended(operation, given, problems, accounts)
        raise BadArguments(said, fixed, example=example) from None
    return unchanged(operation, checked)


def unchanged(operation: Operation[..., Any], checked: Json) -> Json:
    """An update that changes nothing is a mistake: PUT with no more than the thing itself."""
    changes = [name for name in operation.signature.parameters if f"{{{name}}}" not in operation.path]
    if operation.method == "PUT" and changes and all(checked[name] is None for name in changes):
        name = next(n for n in changes if n not in operation.references)
        example = about(operation.signature.parameters[name].annotation).example
        said = f"Nothing to change was given: at least one of {', '.join(changes)} is required."
        raise BadArguments(said, {**checked, name: example}, example=True)
    return checked


def lenient(operation: Operation[..., Any], arguments: Mapping[str, Any], accounts: bool) -> Json:
    """Null or "" for nothing, JSON text for a list, one for several, a mapping for name=value: hosts send them all."""
    whole = schema(operation, accounts)
    known: Json = whole["properties"]
    optional = known.keys() - set(whole.get("required", ()))
    given = {k: v for k, v in arguments.items() if v is not None and not (v in ("", [], {}) and k in optional)}
    return {k: fitted(v, known.get(k, {}).get("type"), operation, k) for k, v in given.items()}


def fitted(value: Any, wanted: Any, operation: Operation[..., Any], name: str) -> Any:
    match value:
        case bool() if wanted in ("integer", "number"):
            return str(value)
        case str() if wanted == "array":
            return fitted(unpacked(value), wanted, operation, name)
        case dict() if wanted == "array" and is_assigned(operation, name):
            return [f"{key}={text}" for key, text in cast("Json", value).items()]
        case list() if is_assigned(operation, name):
            return [assignment(one) for one in cast("list[Any]", value)]
        case _:
            return value


def is_assigned(operation: Operation[..., Any], name: str) -> bool:
    return name in operation.references and operation.references[name].assigned


def assignment(one: Any) -> Any:
    """`{"field": "Plan", "value": "Pro"}`, as the API would have it, for `Plan=Pro`."""
    if isinstance(one, dict) and {"field", "value"} == cast("Json", one).keys():
        return f"{one['field']}={one['value']}"
    return cast("Any", one)


def unpacked(text: str) -> Any:
    """What a JSON text holds; any other text is the one element of a list."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    return cast("Any", value) if isinstance(value, list | dict) else [text]


def complaint(operation: Operation[..., Any], problem: ErrorDetails, accounts: bool) -> str:
    where, known = str(problem["loc"][0])[:64], list(schema(operation, accounts)["properties"])
    match problem["type"]:
        case "extra_forbidden":
            close = meant(where, known)
            return f"Unknown argument {where}: " + (
                f"did you mean {close}?" if close else f"there is {', '.join(known)}."
            )
        case "missing":
            return f"{where} is required."
        case "literal_error":
            return f"{where}: {shortened(problem['input'])} is not one of {literals(operation, where, accounts)}."
        case "value_error":
            return f"{where}: {problem['msg'].removeprefix('Value error, ')}."
        case _:
            return f"{where}: {problem['msg']}."


def shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:80] + "…"


def meant(name: str, known: list[str]) -> str | None:
    """The argument a misspelt one stands for: camelCase, a typo, a part of the name."""
    spelt = {camel(k).casefold(): k for k in known} | {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), spelt, 1, cutoff=0.7)
    part = [k for k in known if k in name.casefold().split("_") or name.casefold() in k.split("_")]
    return spelt[close[0]] if close else part[0] if len(part) == 1 else None


def literals(operation: Operation[..., Any], name: str, accounts: bool) -> str:
    return ", ".join(options(operation, name, accounts))


def options(operation: Operation[..., Any], name: str, accounts: bool) -> list[str]:
    said = schema(operation, accounts)["properties"][name]
    return said.get("enum") or said.get("items", {}).get("enum", [])


def mended(
    operation: Operation[..., Any], given: Json, problems: list[ErrorDetails], accounts: bool
) -> tuple[Json | None, bool]:
    """The same call made right, and whether an example had to stand in for something unknown."""
    fixed, example = dict(given), False
    for problem in sorted(problems, key=lambda one: one["type"] != "extra_forbidden"):
        name = str(problem["loc"][0])
        invented = repair(operation, fixed, problem, name, accounts)
        example = example or invented
    try:
        model(operation, accounts).model_validate(fixed)
    except ValidationError:
        return None, False
    return fixed, example


def repair(operation: Operation[..., Any], fixed: Json, problem: ErrorDetails, name: str, accounts: bool) -> bool:
    """Mend one problem in place; True where the new value is only an example."""
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            close, value = meant(name, list(schema(operation, accounts)["properties"])), fixed.pop(name)
            if close and close not in fixed:
                fixed[close] = value
            return False
        case "literal_error":
            close = get_close_matches(str(problem["input"]), options(operation, name, accounts), 1, cutoff=0.4)
            right = close[0] if close else options(operation, name, accounts)[0]
            fixed[name] = right if len(problem["loc"]) == 1 else [right]
            return not close
        case "greater_than_equal":
            fixed[name] = context["ge"]
            return False
        case "less_than_equal":
            fixed[name] = context["le"]
            return False
        case "missing" if name in fixed:
            return False
        case _:
            fixed[name] = about(operation.signature.parameters[name].annotation).example
            return True
