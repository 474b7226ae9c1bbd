"""From an error to what the model reads: the sentence, and the next call as it can be run."""

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

Suggested: TypeAlias = tuple[str, Mapping[str, Any]]
"""A tool and its arguments."""
LONGEST = 1500
"""A suggested call that is longer than this repeats somebody's text rather than help."""


def explain(
    error: ToolError,
    operation: Operation[..., Any],
    given: Json,
    direct: bool = False,
    offered: Collection[str] | ToolAccess | None = None,
) -> str:
    """The sentence, and the next call where there is one among the tools that are offered."""
    previewing = operation.name == preview_change.name
    operation, given = error.about or (operation, given)
    given = normalize_arguments(operation, given, "connection" in given)
    said = describe_error(error, operation, given, direct)
    done = f" Done before that, and still so: {', '.join(error.done)}." if error.done else ""
    done += " The same call finishes the rest." if error.done and operation.options.get("resumable") else ""
    following = (
        format_next_call(error, operation, given, previewing, offered)
        if not (direct and isinstance(error, NotConnected))
        else ""
    )
    made_up = (
        isinstance(error, BadArguments) and error.example and not find_placeholder(operation, given, error.fixed or {})
    )
    filled = " (put the real values in)" if made_up and "=" in following else ""
    filled = " (within ten minutes, and only if the user agrees)" if isinstance(error, ConfirmationRequired) else filled
    return visible(said + done + (f"\nNext{filled}: {following}" if following else ""))


def format_next_call(
    error: ToolError,
    operation: Operation[..., Any],
    given: Json,
    previewing: bool,
    offered: Collection[str] | ToolAccess | None,
) -> str:
    """The next call as it can be run; empty where there is none, or none that this server has."""
    suggested = find_next_call(error, operation, given)
    if suggested and previewing and not STEPS[suggested[0]].read_only:
        wanted = {key: value for key, value in suggested[1].items() if value is not None}
        text = json.dumps(visible_values(wanted), ensure_ascii=False, default=str)
        suggested = preview_change.name, {"tool": suggested[0], "arguments": text}  # it was no more than that
    if suggested is not None and isinstance(offered, ToolAccess):
        suggested = offered.suggest_call(*suggested)
    elif suggested is not None and offered is not None and suggested[0] not in offered:
        suggested = None
    if suggested is None:
        return ""
    call = format_call(*suggested)
    return call if len(call) <= LONGEST else ""


def find_next_call(error: ToolError, operation: Operation[..., Any], given: Json) -> Suggested | None:
    if error.done and operation.options.get("resumable"):
        return (operation.name, given)
    if error.done and not operation.idempotent:
        return checking_call(operation, given)  # the same call again might do the same again
    known = operation.references
    match error:
        case BadArguments(replacement=(tool, arguments)):
            return (tool, arguments)
        case BadArguments(example=True, fixed=dict() as fixed) if unknown := find_placeholder(operation, given, fixed):
            return listing_call(BY_KIND[unknown.kind], "")  # a made-up name would be somebody else's or nobody's
        case BadArguments(fixed=dict() as fixed):
            return (operation.name, {key: value for key, value in fixed.items() if value is not None})
        case NoSuchName(surely=Candidate() as best) if operation.method != "DELETE" and error.parameter in known:
            right = {error.parameter: replace_name(operation, given, error, best)}
            right |= {
                one.parameter: replace_name(operation, given, one, one.surely) for one in error.also if one.surely
            }
            return (operation.name, given | right)
        case NoSuchName():
            alike = any(error.given.casefold() in one.name.casefold() for one in error.closest)
            narrow = alike or not BY_KIND[error.kind].directory
            return listing_call(BY_KIND[error.kind], error.given if narrow else "", error.within)
        case SeveralNames():
            return listing_call(BY_KIND[error.kind], error.given)
        case Forbidden() if operation is not describe_account:
            return (describe_account.name, {})
        case Duplicate(existing=Candidate() as found):
            return call_for_existing(operation, given, found)
        case NotFound() if named := [ref for name, ref in operation.references.items() if name in given]:
            return listing_call(BY_KIND[named[0].kind], "")
        case ConfirmationRequired():
            return (confirm_change.name, {"token": error.token})
        case NotConnected():
            return (list_connections.name, {})
        case Unavailable(status=501):
            return None
        case Throttled() | Unavailable():
            return (operation.name, given)
        case OutcomeUnknown():
            return (operation.name, given) if operation.idempotent else checking_call(operation, given)
        case _:
            return None


def find_placeholder(operation: Operation[..., Any], given: Json, fixed: Mapping[str, Any]) -> Ref | None:
    """What the first made-up argument that names a thing refers to."""
    made_up = [name for name, value in fixed.items() if value is not None and name not in given]
    return next((ref for name in made_up if (ref := operation.references.get(name)) and ref.is_single), None)


def replace_name(operation: Operation[..., Any], given: Json, error: NoSuchName, best: Candidate) -> Any:
    """The argument with the name that was probably meant; one of several is replaced among them."""
    spoken, value = reference_text(best.name or best.id), given.get(error.parameter)
    ref = operation.references.get(error.parameter)
    if isinstance(value, list) and ref and not ref.assigned:
        texts = cast("list[str]", value)
        return [one.replace(error.given, spoken) if one.endswith(error.given) else one for one in texts]
    if isinstance(value, list):
        wrong = f"{error.given}="
        return [f"{spoken}={one[len(wrong) :]}" if one.startswith(wrong) else one for one in cast("list[str]", value)]
    return spoken


def reference_text(name: str) -> str:
    """A name the way a reference takes it."""
    return f"name:{name}" if name.isdecimal() else name


def listing_call(resource: Resource, name: str, within: str = "") -> Suggested:
    """The call that lists what there is, narrowed by the name or by where it is where it can be."""
    if not resource.lister.options.get("tool", True):
        return (describe_account.name, {})
    parameters = resource.lister.signature.parameters
    place = next((p for p, ref in resource.lister.references.items() if ref.kind == resource.inside), "")
    if within and place:
        return (resource.lister.name, {place: reference_text(within)})
    word = re.split(r"[@\s]", name.removeprefix("name:").strip())[0]
    return (
        resource.lister.name,
        {"search": word} if word and not word.isdecimal() and "search" in parameters else {},
    )


def call_for_existing(operation: Operation[..., Any], given: Json, found: Candidate) -> Suggested:
    """The call for a thing that exists already: the one the block declares, else the one that reads it."""
    resource = operation.resource
    other = operation.options.get("duplicate") or resource.reader
    if other is None or other.name == operation.name:
        return listing_call(resource, found.name)
    target = next(p for p, ref in other.references.items() if ref.kind == resource.plural)
    same = {p: v for p, v in given.items() if p in other.signature.parameters and v not in (found.name, None)}
    carried = {} if other.read_only else {p: v for p, v in same.items() if p != "email"}
    if other.method == "PUT" and not carried:
        return ((resource.reader or other).name, {target: reference_text(found.name)})
    return (other.name, {target: reference_text(found.name), **carried})


def checking_call(operation: Operation[..., Any], given: Json) -> Suggested:
    """Where a create whose answer got lost would show: by its name, else on what it was to belong to."""
    if operation.options.get("raw"):
        lists = [o for o in operation.resource.operations if o.method == "GET" and "{" not in o.path]
        return (lists[0].name, {}) if lists else (find_operations.name, {"query": operation.name.replace(".", " ")})
    lister = operation.resource.lister
    if "search" in lister.signature.parameters:
        return listing_call(operation.resource, operation.name_argument(given)[1])
    known = lister.references.keys() & operation.references.keys() & given.keys()
    return (lister.name, {name: given[name] for name in given if name in known})


def visible_values(value: Any) -> Any:
    """The same with every text in it as a person would see it."""
    match value:
        case str():
            return visible(value)
        case dict():
            return {key: visible_values(one) for key, one in cast("Json", value).items()}
        case list():
            return [visible_values(one) for one in cast("list[Any]", value)]
        case _:
            return value


def format_call(name: str, arguments: Mapping[str, Any]) -> str:
    """A call as it can be run; what is null goes without saying."""
    given = {key: value for key, value in arguments.items() if value is not None}
    said = ", ".join(
        f"{key}={json.dumps(visible_values(value), ensure_ascii=False, default=str)}" for key, value in given.items()
    )
    return f"{name}({said})"
