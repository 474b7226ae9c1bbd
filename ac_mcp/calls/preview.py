"""The dry run of a call, and the preview that it gives."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from ac_mcp.calls.answer import CallRun, fetch_names, refuse_duplicate, require_existing
from ac_mcp.calls.senders import SenderStack, sender_stack, shorten
from ac_mcp.calls.tool_call import ReadLog, ToolCall
from ac_mcp.jobs.preview import covers
from ac_mcp.messages import Json
from ac_mcp.results.next_call import format_call
from ac_mcp.results.preview import build_preview, ids_to_name
from ac_mcp.results.shaping import View
from ac_mcp.writes.audit_log import PendingConfirmation
from ac_mcp.writes.before_images import confirmed_part
from ac_mcp.writes.confirmation import ConfirmationPolicy
from ac_mcp.writes.dry_run import DryRun, PlannedWrite


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call would do.

    `content` is the answer of preview_change, `fingerprint` the hash of the part that a confirmation covers, and
    `resolved` are the arguments with ids for names.
    """

    content: Json
    fingerprint: str
    resolved: Json


async def dry_run(call: ToolCall, reads: ReadLog | None = None) -> Preview:
    """Run a call without writing anything, and return its preview. `reads` are the answers of an earlier pass.

    Raises:
        ToolError: if the call would be refused, or if the account cannot be read.
    """
    stack = sender_stack(call, "dry run", reads)
    planner = required(stack.dry_run)
    run = run_of(call, stack)
    resolved = await run.directory.resolve(planner, call.operation, call.arguments)
    if not call.operation.options.effects.resumable:  # the same call finishes what broke off
        await refuse_duplicate(run, resolved, foreseen=True)
    payload = await call.operation.run(stack.outermost, resolved, watch=run.clock)
    if planner.job_fingerprint:
        content = job_preview(call, payload)
        return Preview(call.parsed.with_note(content | call.label_fields), planner.job_fingerprint, resolved)
    writes = [(write.request, write.before) for write in planner.planned]
    names = await fetch_names(run.directory, planner, ids_to_name(call.operation, resolved, writes))
    await require_existing(call.operation, resolved, planner, names)
    surroundings = await planner.fetch_side_effects(call.operation)
    view = View(hidden=call.account.settings.hide_user_content)
    content = build_preview(call.operation, call.arguments, resolved, writes, names, surroundings, payload, view)
    policy = ConfirmationPolicy(call.account.settings.confirm)
    if asks := [reason for write in planner.planned for reason in policy.reasons(write.request, write.before)]:
        content["asks"] = list(dict.fromkeys(asks))
    content = call.parsed.with_note(content | call.label_fields)
    return Preview(content, fingerprint_of(call, planner.planned), resolved)


async def recheck(call: ToolCall, confirmed: PendingConfirmation) -> Json | None:
    """Return the resolved arguments of a confirmed call if it still would do what was shown; None if it would not.

    Only what the confirmation covers is read: where the resolved arguments were stored, no name is looked up, and a
    tag that the contact did not have needs no second look, since adding it twice changes nothing.

    Raises:
        ToolError: if the account cannot be read.
    """
    stack = sender_stack(call, "dry run")
    planner = required(stack.dry_run)
    planner.images.thorough = False
    run = run_of(call, stack)
    resolved = confirmed.resolved
    if resolved is None:
        resolved = await run.directory.resolve(planner, call.operation, call.arguments)
    await call.operation.run(stack.outermost, resolved, watch=run.clock)
    now = planner.job_fingerprint or fingerprint_of(call, planner.planned)
    if covers(confirmed.fingerprint, now):
        return resolved
    if planner.job_fingerprint:
        return None
    planner.images.thorough = True
    planned = [
        write if write.before else replace(write, before=await planner.images.fetch(stack.outermost, write.request))
        for write in planner.planned
    ]
    return resolved if covers(confirmed.fingerprint, fingerprint_of(call, planned)) else None


def required(planner: DryRun | None) -> DryRun:
    assert planner
    return planner


def run_of(call: ToolCall, stack: SenderStack) -> CallRun:
    return CallRun(call, stack.reconciler, stack.outermost)


def job_preview(call: ToolCall, payload: Json) -> Json:
    """Return the preview of a call that would start a job."""
    arguments = {name: shorten(value) for name, value in call.arguments.items()}
    head = {"result": "preview: nothing was written", "call": format_call(call.operation.name, arguments)}
    return head | payload


def fingerprint_of(call: ToolCall, planned: Sequence[PlannedWrite]) -> str:
    """Return the hash of the planned writes, of what they replace, and of the account that they are for."""
    writes: list[Any] = [
        (
            write.request.method,
            write.request.path,
            write.request.query,
            write.request.body,
            confirmed_part(write.request, write.before),
        )
        for write in planned
    ]
    scope = call.account.audit_scope(call.client.caller)
    return sha256(json.dumps((scope, writes), default=str).encode()).hexdigest()
