"""The arguments of an operation: as a pydantic model that checks them, and as a lean JSON Schema for the model."""

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
"""The configuration of operations whose arguments may hold a whole table."""
LONGEST_NAME = 500
"""Most characters of a name or a search: both become part of a URL."""
CONNECTION = Annotated[
    ConnectionRef, About("Account to use: connection id, see list_connections", "9a0f…", show_example=False)
]

VIEWS: dict[str, Any] = {
    "detail": Annotated[Literal["summary", "full"], About("How much to show")],
    "fields": Annotated[list[str], About("Columns to show", ["id"], show_example=False)],
}
"""The arguments that choose how much an answer shows: every reading tool takes them, few list them."""

# Each costs tokens on every tool; the limits are checked here anyway, and an error explains them better.
NOISE_KEYS = (
    "$ref", "$defs", "additionalProperties", "default", "maximum", "minimum", "maxLength", "minLength", "minItems",
    "pattern",
)  # fmt: skip


class Lean(GenerateJsonSchema):
    """A schema generator without titles, nulls and null defaults: an absent argument stands for null."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        has_default = schema.get("default") is not None
        return super().default_schema(schema) if has_default else self.generate_inner(schema["schema"])


def takes_connection(operation: Operation[..., Any]) -> bool:
    """Return whether a call may choose its connection; an operation of the control plane concerns all of them.

    A preview takes it inside the arguments of its call. A confirmation needs none: its token stands for a call that
    has already chosen. The generic tools take it for the operation they run.
    """
    return operation.resource.plane == "api" or operation.path.startswith(("/changes", "/operations/"))


@cache
def argument_model(operation: Operation[..., Any], accounts: bool = False) -> type[BaseModel]:
    """Return the pydantic model of the arguments; `accounts` adds `connection`, where the operation takes it."""
    fields: dict[str, Any] = {p.name: model_field(p) for p in operation.signature.parameters.values()}
    for name in operation.views:
        fields[name] = (Annotated[VIEWS[name] | None, Field(description=description_of(VIEWS[name]).description)], None)
    if accounts and takes_connection(operation):
        fields["connection"] = (
            Annotated[CONNECTION | None, Field(description=description_of(CONNECTION).description)],
            None,
        )
    return create_model(
        operation.name, __config__=LARGE if operation.options.offered.takes_tables else STRICT, **fields
    )


def model_field(parameter: Parameter) -> tuple[Any, Any]:
    """Return the annotation and the default of a parameter, as `create_model` takes them."""
    ref = find_mark(parameter.annotation, Ref)
    short = parameter.name == "search" or (ref is not None and ref.is_single)
    limit = Field(
        max_length=LONGEST_NAME if short else None, description=description_of(parameter.annotation).description
    )
    return Annotated[parameter.annotation, limit], ... if parameter.default is Parameter.empty else parameter.default


def description_of(annotation: Any) -> About:
    """Return the description mark of an annotation, an empty one if it has none."""
    return find_mark(annotation, About) or About("")


@cache
def input_schema(operation: Operation[..., Any], accounts: bool = False) -> Json:
    """Return the JSON Schema of all arguments; `accounts` adds `connection`, where the operation takes it."""
    schema = argument_model(operation, accounts).model_json_schema(schema_generator=Lean)
    return inline_refs(schema, schema.get("$defs", {}))


@cache
def listed_schema(operation: Operation[..., Any], accounts: bool = False) -> Json:
    """Return the schema the model reads: `input_schema` without the parameters that are rarely needed.

    It is read off the annotations: pydantic would build a model for each tool, a tenth of the server's start time.
    """
    parameters = {
        p.name: p.annotation for p in operation.signature.parameters.values() if not find_mark(p.annotation, Unlisted)
    }
    parameters |= {name: VIEWS[name] for name in operation.views if name in operation.options.offered.lists_views}
    if accounts and takes_connection(operation):
        parameters["connection"] = CONNECTION
    schema: Json = {"properties": {name: property_schema(annotation) for name, annotation in parameters.items()}}
    if operation.required:
        schema["required"] = list(operation.required)
    schema["type"] = "object"
    return schema


def property_schema(annotation: Any) -> Json:
    """Return the schema of one parameter, keys in alphabetical order."""
    schema = type_schema(annotation)
    if text := description_of(annotation).description:
        schema["description"] = text
    return dict(sorted(schema.items()))


TYPES: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object"}


def type_schema(annotation: Any) -> Json:
    """Return the schema of a parameter's type, as far as the model reads it; {} for any value.

    Raises:
        TypeError: for a form of annotation that no operation uses yet.
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        override = next((mark for mark in reversed(inner[1:]) if isinstance(mark, WithJsonSchema)), None)
        return dict(override.json_schema or {}) if override else type_schema(inner[0])
    if origin in (Union, UnionType):
        (member,) = (part for part in inner if part is not NoneType)
        return type_schema(member)
    if origin is Literal:
        return {"enum": list(inner), "type": "string"}
    if origin is list:
        return {"items": type_schema(inner[0]), "type": "array"}
    if annotation is Any:
        return {}
    if (kind := TYPES.get(origin or annotation)) is None:
        raise TypeError(f"no schema is known for {annotation!r}")
    return {"type": kind}


def inline_refs(part: Any, defs: Json) -> Any:
    """Return a part of a schema with every `$ref` replaced by its definition: not every host follows `$ref`."""
    if isinstance(part, list):
        return [inline_refs(item, defs) for item in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    schema = cast("Json", part)
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]] | schema
    return {key: inline_refs(value, defs) for key, value in schema.items() if not is_noise(key, value)}


def is_noise(key: str, value: Any) -> bool:
    """Return whether an entry costs tokens and tells the model nothing: a reference, a generated title, a limit."""
    return key in NOISE_KEYS or (key == "title" and isinstance(value, str))


def allowed_values(operation: Operation[..., Any], name: str, accounts: bool) -> list[str]:
    """Return the words an argument takes, or an item of it where it is a list."""
    schema = input_schema(operation, accounts)["properties"][name]
    return schema.get("enum") or schema.get("items", {}).get("enum") or choices(operation, name)


def choices(operation: Operation[..., Any], name: str) -> list[str]:
    """Return the words of an argument's annotation: a schema may leave them out."""
    parameter = operation.signature.parameters.get(name)
    return literals(parameter.annotation) if parameter else []


def literals(annotation: Any) -> list[str]:
    """Return the values of the first `Literal` in an annotation; [] if there is none."""
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    return next((found for part in get_args(annotation) if (found := literals(part))), list[str]())
