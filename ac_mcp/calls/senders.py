"""The senders that a request of a call passes, in their order."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from ac_mcp.calls.local_api import LocalApi, Mode, job_service
from ac_mcp.calls.tool_call import LoggedReads, ReadLog, ToolCall
from ac_mcp.messages import Json, Sender
from ac_mcp.operations.connections import connections
from ac_mcp.writes.audit_log import Change
from ac_mcp.writes.confirmation import ConfirmationPolicy
from ac_mcp.writes.dry_run import DryRun
from ac_mcp.writes.reconcile import Reconciler
from ac_mcp.writes.recorder import RecordedWrites

MAX_ARGUMENT = 2_000
"""Characters of an argument that a change stores."""


@dataclass(slots=True)
class SenderStack:
    """The senders of one pass of a call, built from the client outwards. `outermost` is where a request enters."""

    outermost: Sender
    reconciler: Reconciler
    """Makes each create once. In a dry run only the job service reads through it."""
    recorder: RecordedWrites | None = None
    dry_run: DryRun | None = None


Layer: TypeAlias = Callable[[ToolCall, SenderStack, ReadLog], None]


def sender_stack(call: ToolCall, mode: Mode, reads: ReadLog | None = None) -> SenderStack:
    """Return the senders for a pass of a call. `reads` are the answers of an earlier pass."""
    stack = SenderStack(call.client, reconciler_for(call, mode))
    for layer in LAYERS[mode]:
        layer(call, stack, reads or ReadLog())
    return stack


def reconciler_for(call: ToolCall, mode: Mode) -> Reconciler:
    """Return the reconciler of a pass; that of a write knows which call its creates are for."""
    if mode != "write":
        return call.account.reconciler(call.client)
    return call.account.reconciler(
        call.client, call.context.key, call_identity(call), call.context.confirmed is not None
    )


def add_reconciler(call: ToolCall, stack: SenderStack, reads: ReadLog) -> None:
    """Make each create once, and learn from lists which rows are the newest."""
    stack.outermost = stack.reconciler


def add_read_log(call: ToolCall, stack: SenderStack, reads: ReadLog) -> None:
    """Begin with the answers of an earlier pass, and note those of this one."""
    stack.outermost = LoggedReads(stack.outermost, call.reads, reads)


def add_recorder(call: ToolCall, stack: SenderStack, reads: ReadLog) -> None:
    """Record writes in the audit log, and stop those that wait for a confirmation."""
    policy = ConfirmationPolicy(call.account.settings.confirm, call.context.confirmed is not None)
    stack.recorder = RecordedWrites(
        stack.outermost, call.client.trail, call.account.audit_log, change_of_call(call), policy
    )
    stack.outermost = stack.recorder


def add_dry_run(call: ToolCall, stack: SenderStack, reads: ReadLog) -> None:
    """Plan writes instead of sending them."""
    stack.dry_run = DryRun(stack.outermost)
    stack.outermost = stack.dry_run


def add_local_api(call: ToolCall, stack: SenderStack, reads: ReadLog) -> None:
    """Answer the operations of this server itself."""
    if call.is_local:
        service = job_service(call, stack.reconciler, change_of_call(call))
        stack.outermost = LocalApi(call, stack.outermost, service, stack.recorder, stack.dry_run)


LAYERS: Mapping[Mode, tuple[Layer, ...]] = {
    "read": (add_reconciler, add_local_api),
    "write": (add_reconciler, add_read_log, add_recorder, add_local_api),
    "dry run": (add_read_log, add_dry_run, add_local_api),
}
"""The senders before the call client, from the inside outwards: a request passes the last one first."""


def call_identity(call: ToolCall) -> str:
    """Return the text that makes two calls the same."""
    return f"{call.operation.name} {canonical(call.arguments)}"


def canonical(arguments: Json) -> str:
    """Return arguments as JSON with sorted keys."""
    return json.dumps(arguments, sort_keys=True, default=str)


def change_of_call(call: ToolCall) -> Change:
    """Return the change as which a call is recorded."""
    arguments = {name: shorten(value) for name, value in call.arguments.items() if value is not None}
    of_account, of_connections = call.account.audit_scope(call.client.caller)
    owner = of_connections if call.operation.resource is connections else of_account
    label = call.account.label(call.client.caller)
    return Change(owner, call.operation.name, arguments, call.context.actor, label)


def shorten(value: Any) -> Any:
    """Return an argument as a change stores it: a whole table as its length and its hash."""
    if not isinstance(value, str) or len(value) <= MAX_ARGUMENT:
        return value
    return f"{len(value)} characters ({sha256(value.encode()).hexdigest()[:12]})"
