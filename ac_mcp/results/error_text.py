"""From an error to a sentence: the cause, the argument, what is legal, and whether to try again."""

import json
import re
from collections.abc import Sequence
from typing import Any

from ac_mcp.errors import (
    BadArguments,
    Busy,
    Candidate,
    ConfirmationRequired,
    Duplicate,
    Forbidden,
    KeyRefused,
    NoSuchName,
    NotConnected,
    NotFound,
    OutcomeUnknown,
    RequestRefused,
    SeveralAccounts,
    SeveralNames,
    Throttled,
    ToolError,
    Unavailable,
)
from ac_mcp.messages import Json
from ac_mcp.operations import RESOURCES
from ac_mcp.results.encoding import render
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource

BY_KIND: dict[str, Resource] = {resource.plural: resource for resource in RESOURCES}
SAFE = "Nothing was changed."
ACCOUNT_RATE = 5
NO_RETRY = "A retry of the same call will not help."
KEY_STEPS = (
    "Check: 1. Is MATON_API_KEY set where this server starts, complete and not expired (maton.ai/settings)? "
    "2. Does list_connections() answer? Then the key is right and the connection is not. "
    "3. Is the host right? Maton now also uses https://api.maton.ai (MATON_API_BASE_URL). "
    "`ac-mcp doctor` goes through these."
)
DIRECT_STEPS = (
    "Check AC_API_URL and AC_API_TOKEN: both are in ActiveCampaign, Settings > Developer. `ac-mcp doctor` tests them."
)
NO_KEY = (
    "No key is set, so no account can be reached. Set MATON_API_KEY (from maton.ai/settings) in the configuration of "
    "this server, or start it with --sandbox to try everything on a built-in account."
)
NEW_CONNECTION = 'manage_connection(action="create")'


def describe_error(error: ToolError, operation: Operation[..., Any], given: Json, direct: bool) -> str:
    """What went wrong, for the model; where a write was surely not made, it says so."""
    untouched = "" if operation.read_only or error.done else f" {SAFE}"
    match error:
        case BadArguments():
            return f"{error}{untouched}"
        case NoSuchName():
            return f"{' '.join(describe_missing(one, operation) for one in (error, *error.also))}{untouched}"
        case SeveralNames():
            return f"{describe_ambiguity(error)}{untouched}"
        case SeveralAccounts():
            return f"{describe_several_accounts(error, operation)}{untouched}"
        case ConfirmationRequired():
            return f"{describe_confirmation(error)}\n{render(error.preview or {})}"
        case KeyRefused():
            return f"{describe_key_refused(error, direct)}{untouched if error.status else ''}"
        case NotConnected():
            return f"{describe_not_connected(error)}{untouched}"
        case Duplicate():
            return f"{describe_duplicate(error, operation, given)}{untouched}"
        case NotFound():
            return f"{describe_not_found(error, operation, given)}{untouched}"
        case RequestRefused():
            return f"{describe_refusal(error, operation)}{untouched}"
        case OutcomeUnknown():
            return describe_unknown_outcome(error, operation)
        case Throttled():
            return f"{describe_throttling(error)}{untouched} {describe_wait(error)}"
        case Unavailable():
            return f"{describe_unavailable(error, direct)}{untouched}"
        case _:
            return str(error)


def describe_throttling(error: Throttled) -> str:
    """Whose limit it is, or whose queue, and how it stands."""
    stands = f" ({error.budget_state})" if error.budget_state else ""
    id = f" (request {error.request_id})" if error.request_id else ""
    whose = "account" if error.limit == ACCOUNT_RATE else "Maton key"
    if isinstance(error, Busy):
        waiting = f": {error.waiting} requests are waiting here" if error.waiting else ""
        told = f"The queue for the rate limit ({error.limit} a second per {whose}) is too long for this call"
        return f"{told}{waiting}{stands}."
    return f"The rate limit ({error.limit} requests a second per {whose}) was reached{id}{stands}."


def describe_wait(error: Throttled) -> str:
    """How long to wait, and until when."""
    if not error.retry_after:
        return "Wait ten seconds, then repeat."
    until = f" (until {error.until:%H:%M:%S %Z})" if error.until else ""
    seconds = max(1, round(error.retry_after))
    return f"Wait {seconds} second{'s' if seconds > 1 else ''}{until}, then repeat."


def describe_missing(error: NoSuchName, operation: Operation[..., Any]) -> str:
    resource = BY_KIND[error.kind]
    what = f"has the id {error.given}" if error.given.isdecimal() else f"is called {quote(error.given)}"
    where = f" in {quote(error.within)}" if error.within else ""
    new = "" if operation.names_target(error.parameter) else how_to_create(error, resource)
    near = f"; closest: {list_candidates(error.closest)}" if error.closest else ""
    if (
        error.kind == "contacts"
        and operation.names_target(error.parameter)
        and any(c.detail.casefold() == error.given.casefold() for c in error.closest)
    ):
        return f"{error.parameter}: to change or delete somebody takes e-mail or id, since names are not unique{near}."
    there = " One of another pipeline needs that pipeline too." if error.within and error.closest else ""
    return f"{error.parameter}: no {resource.word}{where} {what} (not found){near}.{there}{new}"


def how_to_create(error: NoSuchName, resource: Resource) -> str:
    """How to make what is not there, where a name is all that takes."""
    makers = (o for o in resource.operations if o.name == f"create_{resource.word}" and o.required == ["name"])
    maker = None if error.given.isdecimal() or error.surely else next(makers, None)
    return f" If it is new: {maker.name}(name={quote(error.given)})." if maker else ""


def describe_ambiguity(error: SeveralNames) -> str:
    resource = BY_KIND[error.kind]
    narrow = " or the pipeline" if resource.within else ""
    found = list_candidates(error.matches)
    return f"{error.parameter}: several {resource.words} are called {quote(error.given)}: {found}. Give the id{narrow}."


def list_candidates(candidates: Sequence[Candidate]) -> str:
    """Names as data: quoted, cut short, with their ids."""
    return ", ".join(
        f"{quote(c.name)} (id {c.id}{f', {c.detail[:80]}' if c.detail else ''})" if c.name else f"id {c.id}"
        for c in candidates[:5]
    )


def quote(text: str, most: int = 80) -> str:
    return json.dumps(text if len(text) <= most else text[:most] + "…", ensure_ascii=False)


def describe_several_accounts(error: SeveralAccounts, operation: Operation[..., Any]) -> str:
    """Which there are, and how to choose one."""
    found = ", ".join(f"{quote(one.name)} ({one.id})" if one.name else one.id for one in error.connections[:10])
    return (
        f"Several ActiveCampaign accounts are connected, and {operation.name} could change the wrong one: {found}. Ask "
        "the user which it is to be. It is chosen with connection=... where tools take that (--multi-account), else "
        "with MATON_CONNECTION in this server's settings; --allow-default-connection writes to the oldest."
    )


def describe_confirmation(error: ConfirmationRequired) -> str:
    """Why somebody has to say yes."""
    return f"Not done yet, nothing was changed: the user has to agree first. {' '.join(error.reasons)} Show them this:"


def describe_key_refused(error: KeyRefused, direct: bool) -> str:
    if error.status == 0:
        return NO_KEY
    return f"The key was refused ({error.status}){repeated_note(error)}. {DIRECT_STEPS if direct else KEY_STEPS}"


def repeated_note(error: KeyRefused | NotConnected) -> str:
    """That it is what was answered a moment ago."""
    return ", as a moment ago" if error.repeated else ""


def describe_not_connected(error: NotConnected) -> str:
    if error.status == 403:
        return (
            f"ActiveCampaign refused the connection's sign-in (403){repeated_note(error)}; it has probably expired. Make a new "
            f"one with {NEW_CONNECTION}, sign in, then delete the old one."
        )
    return (
        f"No usable ActiveCampaign connection for this key ({error.status}). If list_connections shows one that is "
        f"PENDING, its sign_in_url has to be opened; if it shows none, {NEW_CONNECTION} makes one. "
        "If one was chosen (MATON_CONNECTION, ac-mcp connect) it may be gone. A key made at api.maton.ai may need MATON_API_BASE_URL=https://api.maton.ai."
    )


def describe_duplicate(error: Duplicate, operation: Operation[..., Any], given: Json) -> str:
    about, _ = operation.name_argument(given)
    which = f": {list_candidates([error.existing])}" if error.existing else ""
    word, update = operation.resource.word, operation.options.get("duplicate")
    said = f"{about}: {'an' if word[0] in 'aeiou' else 'a'} {word} with this {about} exists already (duplicate){which}."
    upserts = [o.name for o in operation.resource.operations if o.method == "POST" and o.idempotent]
    return f"{said} To change it: {' or '.join([update.name, *upserts])}." if update else said


def describe_not_found(error: NotFound, operation: Operation[..., Any], given: Json) -> str:
    number = re.search(r"with id (\d+)", str(error))
    told = {p for p in operation.references if number and str(given.get(p)) == number[1]}
    in_path = next((p for p in operation.references if f"{{{p}}}" in operation.path or p in told), None)
    if in_path is None:
        return f"ActiveCampaign found nothing there ({quote(str(error), 200)})."
    word = BY_KIND[operation.references[in_path].kind].word
    return f"{in_path}: no {word} has the id {number[1] if number else 'given'} (not found)."


def describe_refusal(error: RequestRefused, operation: Operation[..., Any]) -> str:
    said = quote(str(error), 200)
    if isinstance(error, Forbidden):
        who = "the user behind the connection lacks the permission, or the account's plan the feature"
        return f"ActiveCampaign does not allow this ({said}): {who}. {NO_RETRY}"
    argument = f" Argument: {operation.parameter(error.field)}." if error.field else ""
    id = f", request {error.request_id}" if error.request_id else ""
    return f"ActiveCampaign refused it ({error.status}{id}): {said}.{argument} {NO_RETRY}"


def describe_unknown_outcome(error: OutcomeUnknown, operation: Operation[..., Any]) -> str:
    id = f", request {error.request_id}" if error.request_id else ""
    told = f"The outcome is unknown ({error}{id}): it may have been done."
    if operation.idempotent:
        return f"{told} Repeating the same call is safe."
    if error.watched:
        return f"{told} The same call again within 10 minutes is safe: it first looks whether it was done. Or look now."
    return f"{told} Do not simply repeat it, or there may be two: look first whether it is there."


def describe_unavailable(error: Unavailable, direct: bool) -> str:
    id = f" (request {error.request_id})" if error.request_id else ""
    if error.is_ours:
        return f"This server cannot do it now: {error}. Nothing was sent; try again in a minute."
    if error.status == 501:
        return f"Not served here: {str(error).rstrip('.')}{id}. A retry will not help: tell the user."
    told = f"ActiveCampaign has a problem: {error}{id}. It is probably temporary: try again in a minute."
    if error.status != 500 or direct:
        return told
    return f"{told} If it stays, the connection's sign-in may have expired: {NEW_CONNECTION} makes a new one."
