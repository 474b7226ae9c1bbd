"""Ask the user to confirm a write, through a client that can ask (elicitation)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types as types
from anyio import move_on_after
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types.version import is_version_at_least

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import resolve_call
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.messages import Json, as_object
from ac_mcp.results.encoding import render
from ac_mcp.spec.operation import Operation
from ac_mcp.text import truncate
from ac_mcp.writes.audit_log import CONFIRMATION_TTL, PendingConfirmation

Context = ServerRequestContext[Any]
Retry = Callable[[PendingConfirmation], Awaitable[Json]]
"""A function that makes the call again, with its confirmation."""
MULTI_ROUND_SINCE = "2026-07-28"
"""From this protocol version on, an answer asks the client, and the client repeats the call with the user's answer."""
QUESTION = "confirm"
"""The name of the form's only field."""
SCHEMA: Json = {
    "type": "object",
    "properties": {QUESTION: {"type": "boolean", "title": "Do it", "description": "Yes, make this change"}},
    "required": [QUESTION],
}
"""The form the client shows."""
MAX_QUESTION = 3000
"""Characters of a question."""
VERBS = {
    "creates": "new",
    "changes": "changes",
    "deletes": "deletes the",
    "ties": "adds the",
    "unties": "takes away the",
}
"""The words for a person, by the words of a preview."""
DECLINED = "The user was asked and did not agree: do not try it another way."
OUTDATED = "What was confirmed is not known here, or was confirmed before. Nothing was changed: make the call again."


def can_ask(context: Context) -> bool:
    """Return whether the client can ask its user (elicitation)."""
    capabilities = context.session.client_capabilities
    return capabilities is not None and capabilities.elicitation is not None


def is_multi_round(context: Context) -> bool:
    """Return whether the client is asked by an answer, and repeats the call (SEP-2322)."""
    return is_version_at_least(context.protocol_version, MULTI_ROUND_SINCE)


def question(needs: ConfirmationRequired) -> str:
    """Return the question for the user: why it is asked, the call, and what the call would change."""
    preview = json.loads(render(needs.preview or {}))
    lines = [*needs.reasons]
    if preview.get("in_account"):
        lines.append(f"In the account: {preview['in_account']}")
    lines += ["", truncate(preview.get("call", ""), 500)]
    if "takes_back" in preview:
        lines.append(f"takes back: {preview['takes_back']}")
    lines += [*map(change_line, preview.get("changes", ())), *preview.get("further_requests", ())]
    lines += [f"not restored: {item}" for item in preview.get("not_restored", ())]
    lines += [f"also: {item}" for item in preview.get("also", ())]
    return truncate("\n".join(lines), MAX_QUESTION)


def change_line(change: Json) -> str:
    """Return one line about a record that would change: its new values, those it loses, or both for an update."""
    verb, word = next((key, change[key]) for key in VERBS if key in change)
    parts = [f"{key} {value}" for key, value in change.items() if key not in (verb, "before", "after", "with")]
    before, after = change.get("before", {}), change.get("after", {})
    if verb == "changes":
        parts += [
            f"{key}: {format_value(before.get(key))} \u2192 {format_value(value)}" for key, value in after.items()
        ]
    else:
        parts += [f"{key} {format_value(value)}" for key, value in (after or before).items()]
    parts += [f"with {number} {name}" for name, number in change.get("with", {}).items()]
    return f"{VERBS[verb]} {word}: {', '.join(parts)}"


def format_value(value: Any) -> str:
    """Return a value as text for a person, at most 200 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "nothing" if value is None else truncate(text, 200)


def input_required(needs: ConfirmationRequired) -> types.InputRequiredResult:
    """Return the answer that asks the user; the client sends the token back with theirs, unseen by the model."""
    form = types.ElicitRequestFormParams(message=question(needs), requested_schema=SCHEMA)
    return types.InputRequiredResult(
        input_requests={QUESTION: types.ElicitRequest(params=form)}, request_state=needs.token
    )


async def ask_client(
    context: Context, account: Account, needs: ConfirmationRequired, pending: PendingConfirmation, retry: Retry
) -> Json | None:
    """Ask the user and make the call; None if the client could not ask or the token is no longer valid.

    Raises:
        BadArguments: if the user declines.
    """
    decision: Any = None
    with move_on_after(CONFIRMATION_TTL):
        try:
            decision = await context.session.elicit_form(question(needs), SCHEMA, related_request_id=context.request_id)
        except MCPError:
            return None  # some clients declare the capability and refuse the request
    return await apply_decision(account, decision, needs.token, pending, retry) if decision else None


async def resume(
    account: Account, operation: Operation[..., Any], params: types.CallToolRequestParams, retry: Retry
) -> Json | None:
    """Make a call that the client repeats with the user's decision; None if the call carries no decision.

    Raises:
        MCPError: if the state is unknown or was used before (SEP-2322: it must be refused).
        BadArguments: if the user declined.
    """
    if params.request_state is None or QUESTION not in (params.input_responses or {}):
        return None
    decision = (params.input_responses or {})[QUESTION]
    target, arguments = resolve_call(account, operation, params.arguments or {})
    pending = PendingConfirmation(target.name, arguments, "")
    answer = await apply_decision(account, decision, params.request_state, pending, retry)
    if answer is None:
        raise MCPError(types.INVALID_PARAMS, OUTDATED)
    return answer


async def apply_decision(
    account: Account, decision: Any, token: str, pending: PendingConfirmation, retry: Retry
) -> Json | None:
    """Make the call if the user has confirmed it; None if the token belongs to no call or to another one.

    Either way the token is used up.

    Raises:
        BadArguments: if the user has not confirmed it.
    """
    stored = await account.audit_log.take_confirmation(account.token_owner(account.caller), token)
    content = as_object(getattr(decision, "content", None))
    if getattr(decision, "action", "") != "accept" or content.get(QUESTION) is not True:
        raise BadArguments(DECLINED)
    if stored is None or (stored.tool, stored.arguments) != (pending.tool, pending.arguments):
        return None
    return await retry(stored)
