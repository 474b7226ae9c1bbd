"""How a call was made, as what it is recorded, and the desk for work on many that it may ask for."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ac_mcp.calls.account import Account
from ac_mcp.errors import ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.service import JobService
from ac_mcp.messages import Json, Progress, no_progress
from ac_mcp.operations.connections import connections
from ac_mcp.results.next_call import explain
from ac_mcp.spec.operation import Operation
from ac_mcp.writes.audit_log import Change
from ac_mcp.writes.reconcile import Reconciler

LONGEST_SAID = 2_000
"""Characters of an argument that a record of its call holds."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """How a call was made, beside its tool and arguments."""

    progress: Progress = no_progress
    key: str = ""
    """The client's own idempotency key."""
    actor: str = ""
    """Which program made it."""
    confirmed: str = ""
    """The fingerprint of the preview somebody has said yes to."""


NO_CONTEXT = CallContext()


def change_for(
    account: Account, bound: CallClient, operation: Operation[..., Any], arguments: Json, asked: CallContext
) -> Change:
    """As which change a call is recorded."""
    said = {name: shorten(value) for name, value in arguments.items() if value is not None}
    of_account, of_connections = account.audit_scope(bound.caller)
    whose = of_connections if operation.resource is connections else of_account
    return Change(whose, operation.name, said, asked.actor, account.label(bound.caller))


def shorten(value: Any) -> Any:
    """A whole table is no part of a record; its hash tells it from others."""
    if not isinstance(value, str) or len(value) <= LONGEST_SAID:
        return value
    return f"{len(value)} characters ({sha256(value.encode()).hexdigest()[:12]})"


def job_service(
    account: Account,
    bound: CallClient,
    operation: Operation[..., Any],
    settling: Reconciler,
    asked: CallContext,
    arguments: Json,
) -> JobService:
    """Work on many, as this call may ask for it."""

    def explained(trouble: ToolError) -> str:
        return explain(trouble, operation, {}, account.settings.direct, ())

    return JobService(
        account.job_store,
        account.job_pool,
        bound,
        settling,
        account.audit_scope(bound.caller),
        change_for(account, bound, operation, arguments, asked),
        asked.progress,
        account.directory(bound.caller.connection),
        explained,
        asked.confirmed,
        account.settings.hide_user_content,
        account.audit_log.lean,
        AllowedFiles(account.settings.folders, account.folder),
    )
