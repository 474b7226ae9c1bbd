"""Somebody's yes: asked for through the client where it can ask (elicitation), else with a token that confirms."""

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
"""Makes the call again, with its confirmation."""
IN_ROUNDS = "2026-07-28"
"""Since this version the client is asked by an answer, and makes the call again with what was said."""
QUESTION = "confirm"
SCHEMA: Json = {
    "type": "object",
    "properties": {QUESTION: {"type": "boolean", "title": "Do it", "description": "Yes, make this change"}},
    "required": [QUESTION],
}
LONGEST = 3000
VERBS = {
    "creates": "new",
    "changes": "changes",
    "deletes": "deletes the",
    "ties": "adds the",
    "unties": "takes away the",
}
"""How a person is told what a preview says."""
DECLINED = "The user was asked and did not agree: do not try it another way."
OUTDATED = "What was confirmed is not known here, or was confirmed before. Nothing was changed: make the call again."


def can_ask(context: Context) -> bool:
    capabilities = context.session.client_capabilities
    return capabilities is not None and capabilities.elicitation is not None


def question(needs: ConfirmationRequired) -> str:
    """What a person is asked: why, which call, and what would be different."""
    preview = json.loads(render(needs.preview or {}))
    lines = [*needs.reasons]
    lines += [f"In the account: {preview['in_account']}"] if preview.get("in_account") else []
    lines += ["", truncate(preview.get("call", ""), 500)]
    lines += [f"takes back: {preview['takes_back']}"] if "takes_back" in preview else []
    lines += [*map(change_line, preview.get("changes", ())), *preview.get("further_requests", ())]
    lines += [f"not restored: {one}" for one in preview.get("not_restored", ())]
    lines += [f"also: {one}" for one in preview.get("also", ())]
    return truncate("\n".join(lines), LONGEST)


def change_line(change: Json) -> str:
    """One record that would change, in a line: what is new, what goes, and of a change both values."""
    verb, word = next((key, change[key]) for key in VERBS if key in change)
    parts = [f"{key} {value}" for key, value in change.items() if key not in (verb, "before", "after", "with")]
    was, will = change.get("before", {}), change.get("after", {})
    if verb == "changes":
        parts += [f"{key}: {shown_value(was.get(key))} \u2192 {shown_value(value)}" for key, value in will.items()]
    else:
        parts += [f"{key} {shown_value(value)}" for key, value in (will or was).items()]
    parts += [f"with {number} {name}" for name, number in change.get("with", {}).items()]
    return f"{VERBS[verb]} {word}: {', '.join(parts)}"


def shown_value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "nothing" if value is None else truncate(text, 200)


def input_required(needs: ConfirmationRequired) -> types.InputRequiredResult:
    """The answer that asks; what comes back with it is the token, of which the model sees nothing."""
    form = types.ElicitRequestFormParams(message=question(needs), requested_schema=SCHEMA)
    return types.InputRequiredResult(
        input_requests={QUESTION: types.ElicitRequest(params=form)}, request_state=needs.token
    )


async def ask_client(
    context: Context, account: Account, needs: ConfirmationRequired, offer: PendingConfirmation, again: Retry
) -> Json | None:
    """The answer of the call once the client has asked; None if it could not.

    Raises:
        BadArguments: if somebody has said no.
    """
    said: Any = None
    with move_on_after(CONFIRMATION_TTL):
        try:
            said = await context.session.elicit_form(question(needs), SCHEMA, related_request_id=context.request_id)
        except MCPError:
            return None  # it says that it can ask, and cannot
    return await apply_decision(account, said, needs.token, offer, again) if said else None


async def resume(
    account: Account, operation: Operation[..., Any], params: types.CallToolRequestParams, again: Retry
) -> Json | None:
    """The answer of a call that is made again with what was said; None if it is not one, or does not say it.

    Raises:
        MCPError: for a state that was not given, or was used before (SEP-2322: it must be refused).
        BadArguments: if somebody has said no.
    """
    if params.request_state is None or QUESTION not in (params.input_responses or {}):
        return None
    said = (params.input_responses or {})[QUESTION]
    one, given = resolve_call(account, operation, params.arguments or {})
    answer = await apply_decision(account, said, params.request_state, PendingConfirmation(one.name, given, ""), again)
    if answer is None:
        raise MCPError(types.INVALID_PARAMS, OUTDATED)
    return answer


async def apply_decision(
    account: Account, said: Any, token: str, offer: PendingConfirmation, again: Retry
) -> Json | None:
    """The answer of the call; None if the token is not that of this very call.

    Raises:
        BadArguments: if somebody has said no.
    """
    kept = await account.audit_log.take_confirmation(account.token_owner(account.caller), token)
    if getattr(said, "action", "") != "accept" or as_object(getattr(said, "content", None)).get(QUESTION) is not True:
        raise BadArguments(DECLINED)
    if kept is None or (kept.tool, kept.arguments) != (offer.tool, offer.arguments):
        return None
    return await again(kept)


def confirms_by_rounds(context: Context) -> bool:
    return is_version_at_least(context.protocol_version, IN_ROUNDS)
