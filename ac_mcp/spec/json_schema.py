"""What an operation takes: as a pydantic model for us, as a lean JSON Schema for the model at the other end."""

from collections.abc import Mapping
from functools import cache
from inspect import Parameter
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import NullableSchema, WithDefaultSchema

from ac_mcp.messages import Json
from ac_mcp.spec.annotations import About, Ref, Unlisted, find_mark
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.parameters import ConnectionRef

STRICT = ConfigDict(
    extra="forbid",
    coerce_numbers_to_str=True,
    str_strip_whitespace=True,
    str_max_length=100_000,
    allow_inf_nan=False,
    regex_engine="python-re",
)
LARGE = STRICT | ConfigDict(str_max_length=1_000_000)
"""For what takes a whole table."""
LONGEST_NAME = 500
"""Characters of a name or a search: they become part of an address."""
CONNECTION = Annotated[
    ConnectionRef, About("Account to use: connection id, see list_connections", "9a0f…", show_example=False)
]

VIEWS: dict[str, Any] = {
    "detail": Annotated[Literal["summary", "full"], About("How much to show")],
    "fields": Annotated[list[str], About("Columns to show", ["id"], show_example=False)],
}
"""How much is shown: every reading tool takes them, few list them."""

# Each costs tokens on every tool; what they say is checked here anyway, with a sentence that helps more.
NOISE_KEYS = (
    "$ref", "$defs", "additionalProperties", "default", "maximum", "minimum", "maxLength", "minLength", "minItems",
    "pattern",
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


def takes_connection(operation: Operation[..., Any]) -> bool:
    """Whether a call can choose its connection: those of the control plane are about all of them.

    A preview has the arguments of its call, and a token stands for a call that has chosen; a runner has what it runs.
    """
    return operation.resource.plane == "api" or operation.path.startswith(("/changes", "/operations/"))


@cache
def argument_model(operation: Operation[..., Any], accounts: bool = False) -> type[BaseModel]:
    """What the operation takes, as a pydantic model; with `accounts` also which account it is for."""
    fields: dict[str, Any] = {p.name: field_of(p) for p in operation.signature.parameters.values()}
    for name in operation.views:
        fields[name] = (Annotated[VIEWS[name] | None, Field(description=description_of(VIEWS[name]).description)], None)
    if accounts and takes_connection(operation):
        fields["connection"] = (
            Annotated[CONNECTION | None, Field(description=description_of(CONNECTION).description)],
            None,
        )
    return create_model(operation.name, __config__=LARGE if operation.options.get("large") else STRICT, **fields)


def field_of(parameter: Parameter) -> tuple[Any, Any]:
    ref = find_mark(parameter.annotation, Ref)
    short = parameter.name == "search" or (ref is not None and ref.is_single)
    limit = Field(
        max_length=LONGEST_NAME if short else None, description=description_of(parameter.annotation).description
    )
    return Annotated[parameter.annotation, limit], ... if parameter.default is Parameter.empty else parameter.default


def description_of(annotation: Any) -> About:
    return find_mark(annotation, About) or About("")


@cache
def input_schema(operation: Operation[..., Any], accounts: bool = False) -> Json:
    whole = argument_model(operation, accounts).model_json_schema(schema_generator=Lean)
    return inlined(whole, whole.get("$defs", {}))


@cache
def listed_schema(operation: Operation[..., Any], accounts: bool = False) -> Json:
    """The schema a model reads: `schema` without what is taken but hardly ever needed.

    Read off the annotations: pydantic's way builds a model for each tool, a tenth of the time a server takes to start.
    """
    parameters = {
        p.name: p.annotation for p in operation.signature.parameters.values() if not find_mark(p.annotation, Unlisted)
    }
    parameters |= {name: VIEWS[name] for name in operation.views if name in operation.options.get("listed", ())}
    if accounts and takes_connection(operation):
        parameters["connection"] = CONNECTION
    told: Json = {"properties": {name: property_of(annotation) for name, annotation in parameters.items()}}
    return told | ({"required": list(operation.required)} if operation.required else {}) | {"type": "object"}


def property_of(annotation: Any) -> Json:
    text = description_of(annotation).description
    said = type_schema(annotation)
    return dict(sorted({**said, **({"description": text} if text else {})}.items()))


TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}


def type_schema(annotation: Any) -> Json:
    """The kind of value a parameter takes, as far as a model is told; anything where it is told nothing.

    Raises:
        TypeError: for a kind of annotation that no operation has had so far.
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        given = next((one for one in reversed(inner[1:]) if isinstance(one, WithJsonSchema)), None)
        return dict(given.json_schema or {}) if given else type_schema(inner[0])
    if origin in (Union, UnionType):
        (one,) = (each for each in inner if each is not NoneType)
        return type_schema(one)
    if origin is Literal:
        return {"enum": list(inner), "type": "string"}
    if origin is list:
        return {"items": type_schema(inner[0]), "type": "array"}
    if annotation is Any:
        return {}
    if (kind := TYPES.get(origin or annotation)) is None:
        raise TypeError(f"no schema is known for {annotation!r}")
    return {"type": kind}


def inlined(part: Any, defs: Json) -> Any:
    """A schema that says everything in place: not every host follows `$ref`."""
    if isinstance(part, list):
        return [inlined(one, defs) for one in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    said = cast("Json", part)
    told = defs[said["$ref"].rpartition("/")[2]] | said if "$ref" in said else said
    return {key: inlined(value, defs) for key, value in told.items() if not is_noise(key, value)}


def is_noise(key: str, value: Any) -> bool:
    """What costs tokens and tells a model nothing: followed references, made-up names, our own safety limits."""
    return key in NOISE_KEYS or (key == "title" and isinstance(value, str))


def options(operation: Operation[..., Any], name: str, accounts: bool) -> list[str]:
    said = input_schema(operation, accounts)["properties"][name]
    return said.get("enum") or said.get("items", {}).get("enum") or choices(operation, name)


def choices(operation: Operation[..., Any], name: str) -> list[str]:
    """The words an argument takes whose schema does not list them."""
    parameter = operation.signature.parameters.get(name)
    return literals(parameter.annotation) if parameter else []


def literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    return next((found for part in get_args(annotation) if (found := literals(part))), list[str]())
