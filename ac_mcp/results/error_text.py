"""The text of an error: the cause, the argument, the legal values, and whether a retry helps."""

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
    GatewayError,
    KeyRefused,
    NoSuchName,
    NotConnected,
    NotFound,
    NotTheApi,
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
"""The resources by kind, which is their plural in the API."""
NOTHING_CHANGED = "Nothing was changed."
ACCOUNT_RATE = 5
"""Requests per second an ActiveCampaign account allows; any other limit is that of the Maton key."""
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
NEW_KEY = "Make a key with that scope at maton.ai/settings."
NEW_CONNECTION = 'manage_connection(action="create")'
"""The call that makes a new connection."""


def describe_error(error: ToolError, operation: Operation[..., Any], arguments: Json, direct: bool) -> str:
    """Return the error text for the model; it says so where a write surely did not happen.

    `direct` is True where the server talks to ActiveCampaign without Maton.
    """
    untouched = "" if operation.read_only or error.done else f" {NOTHING_CHANGED}"
    match error:
        case BadArguments():
            return f"{error}{untouched}"
        case NoSuchName():
            return (
                f"{' '.join(describe_missing(name_error, operation) for name_error in (error, *error.also))}{untouched}"
            )
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
        case NotTheApi():
            return f"{describe_wrong_address(error, direct)}{untouched}"
        case Duplicate():
            return f"{describe_duplicate(error, operation, arguments)}{untouched}"
        case NotFound():
            return f"{describe_not_found(error, operation, arguments)}{untouched}"
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
    """Return which limit or queue stopped the call, and the state of the budget."""
    budget_state = f" ({error.budget_state})" if error.budget_state else ""
    id = f" (request {error.request_id})" if error.request_id else ""
    limit_owner = "account" if error.limit == ACCOUNT_RATE else "Maton key"
    if isinstance(error, Busy):
        waiting = f": {error.waiting} requests are waiting here" if error.waiting else ""
        text = f"The queue for the rate limit ({error.limit} a second per {limit_owner}) is too long for this call"
        return f"{text}{waiting}{budget_state}."
    return f"The rate limit ({error.limit} requests a second per {limit_owner}) was reached{id}{budget_state}."


def describe_wait(error: Throttled) -> str:
    """Return how long to wait, and until when."""
    if not error.retry_after:
        return "Wait ten seconds, then repeat."
    until = f" (until {error.until:%H:%M:%S %Z})" if error.until else ""
    seconds = max(1, round(error.retry_after))
    return f"Wait {seconds} second{'s' if seconds > 1 else ''}{until}, then repeat."


def describe_missing(error: NoSuchName, operation: Operation[..., Any]) -> str:
    """Return that nothing has this name or id, with the closest names and how to create it."""
    resource = BY_KIND[error.kind]
    predicate = f"has the id {error.given}" if error.given.isdecimal() else f"is called {quote(error.given)}"
    parent = f" in {quote(error.within)}" if error.within else ""
    creation = "" if operation.names_target(error.parameter) else how_to_create(error, resource)
    closest = f"; closest: {list_candidates(error.closest)}" if error.closest else ""
    if (
        error.kind == "contacts"
        and operation.names_target(error.parameter)
        and any(candidate.detail.casefold() == error.given.casefold() for candidate in error.closest)
    ):
        return (
            f"{error.parameter}: to change or delete somebody takes e-mail or id, since names are not unique{closest}."
        )
    parent_hint = " One of another pipeline needs that pipeline too." if error.within and error.closest else ""
    return f"{error.parameter}: no {resource.word}{parent} {predicate} (not found){closest}.{parent_hint}{creation}"


def how_to_create(error: NoSuchName, resource: Resource) -> str:
    """Return how to create the missing thing; empty where that takes more than a name."""
    creators = (o for o in resource.operations if o.name == f"create_{resource.word}" and o.required == ["name"])
    creator = None if error.given.isdecimal() or error.surely else next(creators, None)
    return f" If it is new: {creator.name}(name={quote(error.given)})." if creator else ""


def describe_ambiguity(error: SeveralNames) -> str:
    """Return that several things have this name, with their ids."""
    resource = BY_KIND[error.kind]
    narrow = " or the pipeline" if resource.lookup.within else ""
    found = list_candidates(error.matches)
    if error.given.isdecimal() and any(candidate.id == error.given for candidate in error.matches):
        return (
            f"{error.parameter}: several {resource.words} may be meant by {quote(error.given)}, as an id or a name: "
            f'{found}. Say which: "id:{error.given}" or "name:{error.given}".'
        )
    return f"{error.parameter}: several {resource.words} are called {quote(error.given)}: {found}. Give the id{narrow}."


def list_candidates(candidates: Sequence[Candidate]) -> str:
    """Return the first five candidates as data: each name quoted and cut, with its id."""
    return ", ".join(
        f"{quote(c.name)} (id {c.id}{f', {c.detail[:80]}' if c.detail else ''})" if c.name else f"id {c.id}"
        for c in candidates[:5]
    )


def quote(text: str, limit: int = 80) -> str:
    """Return the text as a JSON string, cut to `limit` characters."""
    return json.dumps(text if len(text) <= limit else text[:limit] + "…", ensure_ascii=False)


def describe_several_accounts(error: SeveralAccounts, operation: Operation[..., Any]) -> str:
    """Return which accounts are connected, and how to choose one."""
    found = ", ".join(
        f"{quote(connection.name)} ({connection.id})" if connection.name else connection.id
        for connection in error.connections[:10]
    )
    return (
        f"Several ActiveCampaign accounts are connected, and {operation.name} could change the wrong one: {found}. Ask "
        "the user which it is to be. It is chosen with connection=... where tools take that (--multi-account), else "
        "with MATON_CONNECTION in this server's settings; --allow-default-connection writes to the oldest."
    )


def describe_confirmation(error: ConfirmationRequired) -> str:
    """Return why the call needs the user's confirmation."""
    return f"Not done yet, nothing was changed: the user has to agree first. {' '.join(error.reasons)} Show them this:"


def describe_key_refused(error: KeyRefused, direct: bool) -> str:
    """Return that the key is missing (status 0) or was refused, and what to check."""
    if error.status == 0:
        return NO_KEY
    return f"The key was refused ({error.status}){repeated_note(error)}. {DIRECT_STEPS if direct else KEY_STEPS}"


def repeated_note(error: KeyRefused | NotConnected) -> str:
    """Return a note where the refusal is an earlier answer and no request was sent this time."""
    return ", as a moment ago" if error.repeated else ""


def describe_not_connected(error: NotConnected) -> str:
    """Return that the key has no usable connection, and how to make one."""
    if error.status == 403:
        return (
            f"ActiveCampaign refused the connection's sign-in (403){repeated_note(error)}; it has probably expired, or "
            "its user was removed. "
            f"Make a new one with {NEW_CONNECTION}, sign in, then delete the old one."
        )
    return (
        f"No usable ActiveCampaign connection for this key ({error.status}). If list_connections shows one that is "
        f"PENDING, its sign_in_url has to be opened; if it shows none, {NEW_CONNECTION} makes one. "
        "If one was chosen (MATON_CONNECTION, ac-mcp connect) it may be gone. A key made at api.maton.ai may need MATON_API_BASE_URL=https://api.maton.ai."
    )


def describe_wrong_address(error: NotTheApi, direct: bool) -> str:
    """Return that the address is wrong or the account has ended, and what to check."""
    leads_to = f", which leads to {error.leads_to}" if error.leads_to else ""
    where = "the address in AC_API_URL" if direct else "the address of Maton's gateway"
    steps = DIRECT_STEPS if direct else "`ac-mcp doctor` goes through the steps."
    return (
        f"A web page came in place of an answer ({error.status}{leads_to}): {where} is wrong, or the ActiveCampaign "
        f"account behind it has ended, or a firewall or maintenance stands before it. {steps}"
    )


def describe_duplicate(error: Duplicate, operation: Operation[..., Any], arguments: Json) -> str:
    """Return that a thing of this name exists already, and which tools change it."""
    argument, _ = operation.name_argument(arguments)
    which = f": {list_candidates([error.existing])}" if error.existing else ""
    word, update = operation.resource.word, operation.options.effects.duplicate
    article = "an" if word[0] in "aeiou" else "a"
    text = f"{argument}: {article} {word} with this {argument} exists already (duplicate){which}."
    upserts = [o.name for o in operation.resource.operations if o.method == "POST" and o.idempotent]
    return f"{text} To change it: {' or '.join([update.name, *upserts])}." if update else text


def describe_not_found(error: NotFound, operation: Operation[..., Any], arguments: Json) -> str:
    """Return that the id of an argument does not exist: the one in the path, or the one the API's message repeats."""
    number = re.search(r"with id (\d+)", str(error))
    named = {p for p in operation.references if number and str(arguments.get(p)) == number[1]}
    parameter = next((p for p in operation.references if f"{{{p}}}" in operation.path or p in named), None)
    if parameter is None or error.answered_by == "Maton":
        return f"{error.answered_by} found nothing there ({quote(str(error), 200)})."
    word = BY_KIND[operation.references[parameter].kind].word
    return f"{parameter}: no {word} has the id {number[1] if number else 'given'} (not found)."


def describe_refusal(error: RequestRefused, operation: Operation[..., Any]) -> str:
    """Return ActiveCampaign's reason for the refusal, and the argument it is about."""
    reason = quote(str(error), 200)
    if isinstance(error, Forbidden) and error.answered_by == "Maton":
        return f"Maton does not allow this ({reason}): the scope of the key does not cover it. {NEW_KEY} {NO_RETRY}"
    if isinstance(error, Forbidden):
        cause = "the user behind the connection lacks the permission, or the account's plan the feature"
        return f"ActiveCampaign does not allow this ({reason}): {cause}. {NO_RETRY}"
    argument = f" Argument: {operation.parameter(error.field)}." if error.field else ""
    id = f", request {error.request_id}" if error.request_id else ""
    although = ", although the status is a success" if error.status < 300 else ""
    return f"{error.answered_by} refused it ({error.status}{id}){although}: {reason}.{argument} {NO_RETRY}"


def describe_unknown_outcome(error: OutcomeUnknown, operation: Operation[..., Any]) -> str:
    """Return that a write may have happened, and whether the same call is safe to repeat."""
    id = f", request {error.request_id}" if error.request_id else ""
    text = f"The outcome is unknown ({words_of(error)}{id}): it may have been done."
    if operation.idempotent:
        return f"{text} Repeating the same call is safe."
    if error.watched:
        return f"{text} The same call again within 10 minutes is safe: it first looks whether it was done. Or look now."
    return f"{text} Do not simply repeat it, or there may be two: look first whether it is there."


def words_of(error: GatewayError) -> str:
    """Return the text of an error; one that came from outside as a JSON string, so that it never stands as ours."""
    return quote(str(error), 200) if error.is_quoted else str(error)


def describe_unavailable(error: Unavailable, direct: bool) -> str:
    """Return what failed, and whether it is temporary."""
    id = f" (request {error.request_id})" if error.request_id else ""
    if error.is_ours:
        return f"This server cannot do it now: {error}. Nothing was sent; try again in a minute."
    if error.status == 501:
        return f"Not served here: {words_of(error).rstrip('.')}{id}. A retry will not help: tell the user."
    if error.host and not error.arrived:
        cause = str(error).removeprefix("it could not be reached ")
        return (
            f"This machine cannot reach {error.host} {cause}. Check the network, a proxy or firewall, and the address; "
            "`ac-mcp doctor` looks at each."
        )
    answered_by = "ActiveCampaign" if direct else error.answered_by
    verb = "have" if " or " in answered_by else "has"
    text = f"{answered_by} {verb} a problem: {words_of(error)}{id}. It is probably temporary: try again in a minute."
    if error.status != 500 or direct:
        return text
    return f"{text} If it stays, the connection's sign-in may have expired: {NEW_CONNECTION} makes a new one."
