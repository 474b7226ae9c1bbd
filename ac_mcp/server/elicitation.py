"""Ask the user to confirm a write, through a client that can ask (elicitation)."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
from anyio import CancelScope, Event, get_cancelled_exc_class, move_on_after
from mcp import MCPError
from mcp.server import ServerRequestContext
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import resolve_call
from ac_mcp.calls.local_api import see_changes
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.messages import Json, as_object
from ac_mcp.results.encoding import render
from ac_mcp.spec.operation import Operation
from ac_mcp.text import truncate
from ac_mcp.writes.audit_log import CONFIRMATION_TTL, PendingConfirmation

Context = ServerRequestContext[Any]
Retry = Callable[[PendingConfirmation], Awaitable[Json]]
"""A function that makes the call again, with its confirmation."""
Result = types.CallToolResult | types.InputRequiredResult
Settle = Callable[[Callable[[], Awaitable[Json]]], Awaitable[Result]]
"""A function that makes a call, and returns its answer or its error as the result for the client."""
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
USED = "No call waits for this yes any more; list_changes shows if it was used before."
MAX_LATE_ANSWERS = 100
"""Answers of calls that were confirmed late, beyond which the oldest are dropped."""


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


@dataclass(eq=False)
class Form:
    """A question to the user. Its call waits for the decision until a deadline; after that it still counts."""

    context: Context
    account: Account
    needs: ConfirmationRequired
    retry: Retry
    arrived: Event = field(default_factory=Event)
    decision: types.ElicitResult | None = None
    """None if the client could not ask, or has not answered."""
    is_late: bool = False
    """Whether the call was answered with the token before the decision came."""
    scope: CancelScope = field(default_factory=CancelScope)

    async def ask(self) -> None:
        """Wait for the decision, as long as the token counts."""
        try:
            with self.scope, move_on_after(CONFIRMATION_TTL):
                message, id = question(self.needs), self.context.request_id
                self.decision = await self.context.session.elicit_form(message, SCHEMA, related_request_id=id)
        except (MCPError, ValidationError):
            pass  # some clients declare the capability and refuse the request, or answer something else
        finally:
            self.arrived.set()

    async def find_decision(self, seconds: float) -> types.ElicitResult | None:
        """Return the decision if it comes within these seconds. If the call is cancelled, so is the question."""
        try:
            with move_on_after(seconds):
                await self.arrived.wait()
        except get_cancelled_exc_class():
            self.scope.cancel()
            raise
        self.is_late = not self.arrived.is_set()
        return self.decision

    @property
    def key(self) -> tuple[str, str]:
        """The owner of the token, and the token."""
        return self.account.token_owner(self.account.caller), self.needs.token

    @property
    def is_decided_late(self) -> bool:
        """Whether the user has decided after the call was answered. One who closes the form has not decided."""
        return self.is_late and self.decision is not None and self.decision.action != "cancel"

    async def apply(self) -> Json:
        """Make the call if the user has agreed to it.

        Raises:
            BadArguments: if the user has not, or the token was used already.
        """
        stored = await self.account.audit_log.take_confirmation(*self.key)
        if stored is None:
            raise see_changes(USED)
        if not is_yes(self.decision):
            raise BadArguments(DECLINED)
        return await self.retry(stored)


@dataclass(eq=False)
class LateAnswer:
    """What a call answered that was confirmed late; None before it has ended."""

    ended: Event = field(default_factory=Event)
    result: Result | None = None


@dataclass(eq=False)
class Forms:
    """The questions of a server to its users, and the answers of the calls that were confirmed late."""

    late_answers: dict[tuple[str, str], LateAnswer] = field(default_factory=dict[tuple[str, str], LateAnswer])
    """By owner and token."""

    async def ask(self, form: Form, seconds: float, settle: Settle) -> Json | None:
        """Ask the user and make the call; None if they have not decided within these seconds.

        A later decision counts as long as the token does, which the client has got meanwhile.

        Raises:
            BadArguments: if the user declines.
        """
        if group := form.account.job_pool.group:
            group.start_soon(self._wait, form, settle)
            decision = await form.find_decision(seconds)
        else:
            with move_on_after(seconds):
                await form.ask()
            decision = form.decision
        return await form.apply() if decision else None

    async def _wait(self, form: Form, settle: Settle) -> None:
        """Wait for the decision, and make the call if it was answered before."""
        await form.ask()
        if not form.is_decided_late:
            return
        answer = self.late_answers[form.key] = LateAnswer()
        while len(self.late_answers) > MAX_LATE_ANSWERS:
            del self.late_answers[next(iter(self.late_answers))]
        try:
            answer.result = await settle(form.apply)
        finally:
            answer.ended.set()

    async def find_late_answer(self, account: Account, token: object) -> Result | None:
        """Return the answer of the call that a token stood for; None if it was not confirmed late."""
        if not (answer := self.late_answers.get((account.token_owner(account.caller), str(token)))):
            return None
        with move_on_after(account.settings.write_timeout):
            await answer.ended.wait()
        return answer.result


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
    if not is_yes(decision):
        raise BadArguments(DECLINED)
    if stored is None or (stored.tool, stored.arguments) != (pending.tool, pending.arguments):
        return None
    return await retry(stored)


def is_yes(decision: Any) -> bool:
    """Return whether the user has agreed in a form: not if it was only sent."""
    content = as_object(getattr(decision, "content", None))
    return getattr(decision, "action", "") == "accept" and content.get(QUESTION) is True
