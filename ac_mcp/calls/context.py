"""How a call was made, beside its tool and its arguments."""

from dataclasses import dataclass

from ac_mcp.messages import Progress, no_progress
from ac_mcp.writes.audit_log import PendingConfirmation


@dataclass(frozen=True, slots=True)
class CallContext:
    """How a call was made."""

    progress: Progress = no_progress
    key: str = ""
    """The client's idempotency key; "" if it gave none."""
    actor: str = ""
    """The program that made it."""
    confirmed: PendingConfirmation | None = None
    """The confirmation of this very call."""


NO_CONTEXT = CallContext()
