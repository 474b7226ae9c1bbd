"""How a call was made, as what it is recorded, and the desk for work on many that it may ask for."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ac_mcp.calls.account import Account
from ac_mcp.errors import Trouble
from ac_mcp.gateway.call_client import Bound
from ac_mcp.jobs.allowed_files import Files
from ac_mcp.jobs.service import Bulk
from ac_mcp.messages import Json, Progress, silent
from ac_mcp.operations.connections import connections
from ac_mcp.results.next_call import explain
from ac_mcp.spec.operation import Operation
from ac_mcp.writes.audit_log import Change
from ac_mcp.writes.reconcile import Settling

LONGEST_SAID = 2_000
"""Characters of an argument that a record of its call holds."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How a call was made, beside its tool and arguments."""

    progress: Progress = silent
    key: str = ""
    """The client's own idempotency key."""
    actor: str = ""
    """Which program made it."""
    agreed: str = ""
    """The fingerprint of the preview somebody has said yes to."""


PLAINLY = Asked()


def recorded(account: Account, bound: Bound, operation: Operation[..., Any], arguments: Json, asked: Asked) -> Change:
    """As which change a call is recorded."""
    said = {name: shortened(value) for name, value in arguments.items() if value is not None}
    of_account, of_connections = account.whose_changes(bound.caller)
    whose = of_connections if operation.resource is connections else of_account
    return Change(whose, operation.name, said, asked.actor, account.label(bound.caller))


def shortened(value: Any) -> Any:
    """A whole table is no part of a record; its hash tells it from others."""
    if not isinstance(value, str) or len(value) <= LONGEST_SAID:
        return value
    return f"{len(value)} characters ({sha256(value.encode()).hexdigest()[:12]})"


def many(
    account: Account, bound: Bound, operation: Operation[..., Any], settling: Settling, asked: Asked, arguments: Json
) -> Bulk:
    """Work on many, as this call may ask for it."""

    def explained(trouble: Trouble) -> str:
        return explain(trouble, operation, {}, account.settings.direct, ())

    return Bulk(
        account.jobs,
        account.running,
        bound,
        settling,
        account.whose_changes(bound.caller),
        recorded(account, bound, operation, arguments, asked),
        asked.progress,
        account.references(bound.caller.connection),
        explained,
        asked.agreed,
        account.settings.hide_user_content,
        account.changes.lean,
        Files(account.settings.folders, account.folder),
    )
