"""What the model reads of an error: its text, and the next call, ready to run."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeAlias, cast

from ac_mcp.arguments.parsing import normalize_arguments
from ac_mcp.errors import (
    BadArguments,
    Candidate,
    ConfirmationRequired,
    Duplicate,
    Forbidden,
    GatewayError,
    NoSuchName,
    NotConnected,
    NotFound,
    OutcomeUnknown,
    SeveralNames,
    Throttled,
    ToolError,
    Unavailable,
)
from ac_mcp.messages import Json
from ac_mcp.operations import STEPS
from ac_mcp.operations.changes import confirm_change, preview_change
from ac_mcp.operations.connections import list_connections
from ac_mcp.operations.overview import describe_account
from ac_mcp.operations.whole_api import find_operations
from ac_mcp.results.error_text import BY_KIND, describe_error
from ac_mcp.spec.annotations import Ref
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.text import visible
from ac_mcp.tools.access import ToolAccess

SuggestedCall: TypeAlias = tuple[str, Mapping[str, Any]]
"""A tool and its arguments."""
LONGEST = 1500
"""Characters of a suggested call; a longer one would only repeat the caller's own text."""


def explain(
    error: ToolError,
    operation: Operation[..., Any],
    arguments: Json,
    direct: bool = False,
    offered: Collection[str] | ToolAccess | None = None,
) -> str:
    """Return the text of an error, and the next call if one of the offered tools helps.

    `direct` is True where the server talks to ActiveCampaign without Maton. With `offered` None every tool counts.
    """
    is_preview = operation.name == preview_change.name
    operation, arguments = error.about or (operation, arguments)
    arguments = normalize_arguments(operation, arguments, "connection" in arguments)
    text = describe_error(error, operation, arguments, direct)
    if error.done:
        text += f" Done before that, and still so: {', '.join(error.done)}."
        if operation.options.effects.resumable:
            text += " The same call finishes the rest."
    if direct and isinstance(error, NotConnected):
        return visible(text)
    call = format_next_call(error, operation, arguments, is_preview, offered)
    return visible(f"{text}\nNext{next_call_note(error, operation, arguments, call)}: {call}" if call else text)


def next_call_note(error: ToolError, operation: Operation[..., Any], arguments: Json, call: str) -> str:
    """Return what the model must know before it runs the next call; empty where there is nothing."""
    if isinstance(error, ConfirmationRequired):
        return " (within ten minutes, and only if the user agrees)"
    has_examples = (
        isinstance(error, BadArguments)
        and error.example
        and not find_placeholder(operation, arguments, error.fixed or {})
    )
    return " (put the real values in)" if has_examples and "=" in call else ""


def format_next_call(
    error: ToolError,
    operation: Operation[..., Any],
    arguments: Json,
    is_preview: bool,
    offered: Collection[str] | ToolAccess | None,
) -> str:
    """Return the next call as text; empty where no call helps, or where this server cannot run it."""
    suggested = find_next_call(error, operation, arguments)
    if suggested and is_preview and not STEPS[suggested[0]].read_only:
        present = {key: value for key, value in suggested[1].items() if value is not None}
        text = json.dumps(visible_values(present), ensure_ascii=False, default=str)
        # The failed call was only a preview, so the next one is a preview too.
        suggested = preview_change.name, {"tool": suggested[0], "arguments": text}
    if suggested is not None and isinstance(offered, ToolAccess):
        suggested = offered.suggest_call(*suggested)
    elif suggested is not None and offered is not None and suggested[0] not in offered:
        suggested = None
    if suggested is None:
        return ""
    call = format_call(*suggested)
    return call if len(call) <= LONGEST else ""


def find_next_call(error: ToolError, operation: Operation[..., Any], arguments: Json) -> SuggestedCall | None:
    """Return the call that repairs, repeats or checks the failed one; None where no call helps."""
    if error.done and operation.options.effects.resumable:
        return (operation.name, arguments)
    if error.done and not operation.idempotent:
        return checking_call(operation, arguments)  # a repeated call could write the same a second time
    match error:
        case BadArguments():
            return call_after_bad_arguments(error, operation, arguments)
        case NoSuchName():
            return call_after_missing_name(error, operation, arguments)
        case SeveralNames():
            return listing_call(BY_KIND[error.kind], error.given)
        case ConfirmationRequired():
            return (confirm_change.name, {"token": error.token})
        case GatewayError():
            return call_after_failed_request(error, operation, arguments)
        case _:
            return None


def call_after_bad_arguments(
    error: BadArguments, operation: Operation[..., Any], arguments: Json
) -> SuggestedCall | None:
    """Return the call of a better tool, or the same call with the arguments corrected."""
    if error.replacement is not None:
        return error.replacement
    if not isinstance(error.fixed, dict):
        return None
    if error.example and (ref := find_placeholder(operation, arguments, error.fixed)):
        return listing_call(BY_KIND[ref.kind], "")  # an invented name would match the wrong thing or nothing
    return (operation.name, {key: value for key, value in error.fixed.items() if value is not None})


def call_after_missing_name(error: NoSuchName, operation: Operation[..., Any], arguments: Json) -> SuggestedCall:
    """Return the same call with the right names where they are certain, else the call that lists the candidates."""
    if error.surely is not None and operation.method != "DELETE" and error.parameter in operation.references:
        corrected = {
            wrong.parameter: replace_name(operation, arguments, wrong, wrong.surely)
            for wrong in (error, *error.also)
            if wrong.surely
        }
        return (operation.name, arguments | corrected)
    resource = BY_KIND[error.kind]
    is_alike = any(error.given.casefold() in candidate.name.casefold() for candidate in error.closest)
    return listing_call(resource, error.given if is_alike or not resource.lookup.directory else "", error.within)


def call_after_failed_request(
    error: GatewayError, operation: Operation[..., Any], arguments: Json
) -> SuggestedCall | None:
    """Return the call that helps after a request failed; None where none does."""
    match error:
        case Forbidden() if operation is not describe_account and error.answered_by != "Maton":
            return (describe_account.name, {})
        case Duplicate(existing=Candidate() as existing):
            return call_for_existing(operation, arguments, existing)
        case NotFound() if refs := [ref for name, ref in operation.references.items() if name in arguments]:
            return listing_call(BY_KIND[refs[0].kind], "")
        case NotConnected():
            return (list_connections.name, {})
        case Unavailable(status=501):
            return None
        case Throttled() | Unavailable():
            return (operation.name, arguments)
        case OutcomeUnknown():
            return (operation.name, arguments) if operation.idempotent else checking_call(operation, arguments)
        case _:
            return None


def find_placeholder(operation: Operation[..., Any], arguments: Json, fixed: Mapping[str, Any]) -> Ref | None:
    """Return the reference behind the first made-up argument that names a thing; None where there is none."""
    made_up = [name for name, value in fixed.items() if value is not None and name not in arguments]
    return next((ref for name in made_up if (ref := operation.references.get(name)) and ref.is_single), None)


def replace_name(operation: Operation[..., Any], arguments: Json, error: NoSuchName, best: Candidate) -> Any:
    """Return the argument with the wrong name replaced by the best candidate's; other items of a list stay."""
    name, value = reference_text(best.name or best.id), arguments.get(error.parameter)
    ref = operation.references.get(error.parameter)
    if isinstance(value, list) and ref and not ref.assigned:
        texts = cast("list[str]", value)
        return [text.removesuffix(error.given) + name if text.endswith(error.given) else text for text in texts]
    if isinstance(value, list):
        prefix = f"{error.given}="
        return [
            f"{name}={text[len(prefix) :]}" if text.startswith(prefix) else text for text in cast("list[str]", value)
        ]
    return name


def reference_text(name: str) -> str:
    """Return a name as a reference takes it: `name:42` for one that would read as an id."""
    return f"name:{name}" if name.isdecimal() else name


def listing_call(resource: Resource, name: str, within: str = "") -> SuggestedCall:
    """Return the call that lists the resource, narrowed by the parent (`within`) or the name where it can be."""
    if not resource.lister.options.offered.as_tool:
        return (describe_account.name, {})
    parameters = resource.lister.signature.parameters
    parent = next((p for p, ref in resource.lister.references.items() if ref.kind == resource.lookup.inside), "")
    if within and parent:
        return (resource.lister.name, {parent: reference_text(within)})
    word = re.split(r"[@\s]", name.removeprefix("name:").strip())[0]
    return (
        resource.lister.name,
        {"search": word} if word and not word.isdecimal() and "search" in parameters else {},
    )


def call_for_existing(operation: Operation[..., Any], arguments: Json, existing: Candidate) -> SuggestedCall:
    """Return the call for a thing that exists: the one its `duplicate` option names, else the one that reads it."""
    resource = operation.resource
    other = operation.options.effects.duplicate or resource.reader
    if other is None or other.name == operation.name:
        return listing_call(resource, existing.name)
    target = next(p for p, ref in other.references.items() if ref.kind == resource.plural)
    accepted = {
        p: value
        for p, value in arguments.items()
        if p in other.signature.parameters and value not in (existing.name, None)
    }
    changes = {} if other.read_only else {p: value for p, value in accepted.items() if p != "email"}
    if other.method == "PUT" and not changes:
        return ((resource.reader or other).name, {target: reference_text(existing.name)})
    return (other.name, {target: reference_text(existing.name), **changes})


def checking_call(operation: Operation[..., Any], arguments: Json) -> SuggestedCall:
    """Return the call that shows whether a create happened: a list by its name, else by what it belongs to."""
    if operation.options.encoding.raw:
        lists = [o for o in operation.resource.operations if o.method == "GET" and "{" not in o.path]
        return (lists[0].name, {}) if lists else (find_operations.name, {"query": operation.name.replace(".", " ")})
    lister = operation.resource.lister
    if "search" in lister.signature.parameters:
        return listing_call(operation.resource, operation.name_argument(arguments)[1])
    shared = lister.references.keys() & operation.references.keys() & arguments.keys()
    return (lister.name, {name: value for name, value in arguments.items() if name in shared})


def visible_values(value: Any) -> Any:
    """Return the value with every text in it reduced to its visible characters."""
    match value:
        case str():
            return visible(value)
        case dict():
            return {key: visible_values(item) for key, item in cast("Json", value).items()}
        case list():
            return [visible_values(item) for item in cast("list[Any]", value)]
        case _:
            return value


def format_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as text, ready to run; arguments that are None are left out."""
    texts = (
        f"{key}={json.dumps(visible_values(value), ensure_ascii=False, default=str)}"
        for key, value in arguments.items()
        if value is not None
    )
    return f"{name}({', '.join(texts)})"
