"""The run of one tool call: arguments → ids → requests → answer."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from anyio import move_on_after

from ac_mcp.calls.account import GRACE, Account, deadline_error, select_connection
from ac_mcp.calls.answer import answer
from ac_mcp.calls.context import NO_CONTEXT, CallContext
from ac_mcp.calls.local_api import require_previewable
from ac_mcp.calls.preview import Preview, dry_run, recheck, run_of
from ac_mcp.calls.senders import call_identity, sender_stack
from ac_mcp.calls.tool_call import InnerCalls, ToolCall, parse_call
from ac_mcp.catalogue.build import NO_UNDO
from ac_mcp.errors import (
    ConfirmationRequired,
    NotConnected,
    OutcomeUnknown,
    ToolError,
    Unconfirmed,
)
from ac_mcp.gateway.call_client import Trail
from ac_mcp.messages import Json
from ac_mcp.operations import STEPS
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import GENERIC_TOOLS, resolve_generic_call
from ac_mcp.writes.audit_log import PendingConfirmation
from ac_mcp.writes.idempotency import run_once_per_key

CHANGED = "What it would do has changed since it was shown."


async def execute(
    account: Account,
    operation: Operation[..., Any],
    arguments: Json,
    context: CallContext = NO_CONTEXT,
    trail: Trail | None = None,
) -> Json:
    """Run a tool call and return its answer. `trail` is filled with its writes as it makes them.

    Equal writes that are under way at the same time are made once. With an idempotency key that holds for ten minutes,
    also after the first has ended.

    Raises:
        ConfirmationRequired: if a person has to confirm the call first. Nothing was written.
        ToolError: with what the call had written before in `done`.
    """
    if operation.name in GENERIC_TOOLS:
        return await execute_generic(account, operation, arguments, context, trail)
    parsed = parse_call(account, operation, arguments)
    trail = trail if trail is not None else Trail()
    client = account.client_for(operation, trail)
    try:
        # A hard stop, also for what waits without a deadline of its own: another call's look-up, or a locked file.
        with move_on_after(client.seconds_left + GRACE):
            client = await select_connection(account, client, operation, parsed.connection)
            call = ToolCall(account, operation, arguments, parsed, client, context=context, inner=INNER)
            result = await (answer_read(call) if operation.read_only else answer_write(call))
            return parsed.with_note(result)
        raise deadline_error(trail)
    except ToolError as error:
        if isinstance(error, NotConnected):
            account.default.forget()
        if done := surely_done(trail, error):
            raise error.but(done=done) from error
        raise


def surely_done(trail: Trail, error: ToolError) -> tuple[str, ...]:
    """Return the writes of a failed call that were surely made: not the last one if its answer shows nothing."""
    is_last_unclear = isinstance(error, OutcomeUnknown) and error.answered
    return tuple(trail.written[:-1] if is_last_unclear else trail.written)


async def execute_generic(
    account: Account, generic: Operation[..., Any], arguments: Json, context: CallContext, trail: Trail | None
) -> Json:
    """Run the operation that a generic tool names, as if it were a tool of its own."""
    operation, own_arguments = resolve_generic(account, generic, arguments)
    with attributed_to(operation, own_arguments):
        result = await execute(account, operation, own_arguments, context, trail)
    is_irreversible = operation.options.effects.irreversible and result.get("result") and "token" not in result
    return result | ({"note": NO_UNDO} if is_irreversible and "note" not in result else {})


def resolve_call(account: Account, operation: Operation[..., Any], arguments: Json) -> tuple[Operation[..., Any], Json]:
    """Return the operation that a call runs, and its arguments: its own, or those that a generic tool names."""
    if operation.name in GENERIC_TOOLS:
        return resolve_generic(account, operation, arguments)
    return operation, arguments


def resolve_generic(
    account: Account, generic: Operation[..., Any], arguments: Json
) -> tuple[Operation[..., Any], Json]:
    """Return the operation that a generic tool names, and its arguments.

    Raises:
        BadArguments: if there is none, or it may not be run that way.
    """
    parsed = parse_call(account, generic, arguments)
    operation, own_arguments = resolve_generic_call(account.access, generic, parsed.arguments)
    return operation, own_arguments | ({"connection": parsed.connection} if parsed.connection else {})


async def answer_read(call: ToolCall) -> Json:
    """Run a call that reads, and return its answer."""
    return await answer(run_of(call, sender_stack(call, "read")))


async def answer_write(call: ToolCall) -> Json:
    """Run a call that writes, if it needs no confirmation, or was confirmed and still would do what was shown.

    Raises:
        ConfirmationRequired: otherwise; its token confirms this very call.
        ToolError: if it fails.
    """
    resolved: Json | None = None
    try:
        if confirmed := call.context.confirmed:
            resolved = await recheck(call, confirmed)
            if resolved is None:
                raise Unconfirmed([CHANGED])
        return await write_once(call, resolved)
    except Unconfirmed as unconfirmed:
        preview = await dry_run(call, call.reads.hand_over())
        token = await save_pending(call, preview)
        raise ConfirmationRequired(unconfirmed.reasons, preview.content, preview.fingerprint, token) from None


async def save_pending(call: ToolCall, preview: Preview) -> str:
    """Store a call that waits for a confirmation and return its token."""
    # An operation of the catalogue may show nothing of the records behind its ids: there the names count.
    is_fixed = is_plain(preview.resolved) and not call.operation.options.encoding.raw
    resolved = preview.resolved if is_fixed else None
    pending = PendingConfirmation(call.operation.name, call.sent, preview.fingerprint, resolved)
    return await call.account.audit_log.save_confirmation(call.account.token_owner(call.client.caller), pending)


def is_plain(arguments: Json) -> bool:
    """Return whether arguments are the same after they were stored as JSON."""
    try:
        return json.loads(json.dumps(arguments)) == arguments
    except (TypeError, ValueError):
        return False


async def write_once(call: ToolCall, resolved: Json | None = None) -> Json:
    """Run a write and return its answer; join an equal one that is under way.

    Raises:
        Unconfirmed: if the policy wants a confirmation. Nothing was written.
        OutcomeUnknown: if an equal write is under way for longer than this call may take.
        ToolError: if it fails.
    """
    account, client, context = call.account, call.client, call.context
    owner, identity = account.account_id(client.caller), call_identity(call)
    fingerprint = context.confirmed.fingerprint if context.confirmed else ""

    async def work() -> Json:
        return await write(call, resolved)

    async def work_under_key() -> Json:
        key, hashed = f"{owner} {context.key}", sha256(identity.encode()).hexdigest()
        on_disk = account.settings.journal != "lean"
        return await run_once_per_key(account.journal, key, hashed, work, on_disk=on_disk)

    same = (owner, context.key, identity, fingerprint)
    try:
        return await account.writes.run(same, work_under_key if context.key else work, client.seconds_left)
    except TimeoutError:
        raise OutcomeUnknown("the same call, made before, is still under way").but(watched=True) from None


async def write(call: ToolCall, resolved: Json | None) -> Json:
    """Run a write with all senders before it, and return its answer with the account and the id of its change."""
    stack = sender_stack(call, "write", call.reads.hand_over())
    try:
        result = await answer(run_of(call, stack), resolved)
    except Unconfirmed:
        raise
    except ToolError:
        await stack.reconciler.mark_reported()
        raise
    await stack.reconciler.mark_reported()
    if not call.client.trail.written:
        return result
    change_id = stack.recorder.change_id if stack.recorder else 0
    change = {"change": str(change_id)} if change_id and "change" not in result else {}
    return result | change | call.label_fields


@contextmanager
def attributed_to(operation: Operation[..., Any], arguments: Json) -> Generator[None]:
    """Raise the errors of an inner call as being about that call."""
    try:
        yield
    except ToolError as error:
        if error.about:
            raise
        raise error.but(about=(operation, arguments)) from error


async def confirm_call(outer: ToolCall, pending: PendingConfirmation) -> Json:
    """Run the call that was confirmed, with the trail of the call that confirms it."""
    operation = STEPS[pending.tool]
    context = replace(outer.context, confirmed=pending, key="")
    with attributed_to(operation, pending.arguments):
        return await execute(outer.account, operation, pending.arguments, context, outer.client.trail)


async def preview_call(outer: ToolCall, tool: str, arguments: Json) -> Json:
    """Return the preview of another call."""
    account, operation = outer.account, STEPS[tool]
    with attributed_to(operation, arguments):
        operation, arguments = resolve_call(account, operation, arguments)
    with attributed_to(operation, arguments):
        parsed = parse_call(account, require_previewable(operation), arguments)
        client = await select_connection(account, outer.client, operation, parsed.connection)
        return (await dry_run(ToolCall(account, operation, arguments, parsed, client, inner=INNER))).content


INNER = InnerCalls(confirm_call, preview_call)
