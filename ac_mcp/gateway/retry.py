"""Whether to send a request again: a pure decision. Nothing is repeated that could happen twice."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ac_mcp.errors import Busy, GatewayError, Throttled, Unavailable
from ac_mcp.messages import Request

ATTEMPTS = {True: 4, False: 3}
"""How often a read, a write is tried at most."""
FIRST, CAP = 0.5, 8.0
NEVER = (501, 505)
"""Failures that say the request itself will never be served."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Send it once more, after so many seconds."""

    wait: float


Verdict: TypeAlias = RetryIn | Literal["stop", "reconcile"]
"""`reconcile`: it may have landed and must not be repeated before somebody has looked."""


def decide(
    request: Request,
    error: GatewayError,
    attempt: int,
    elapsed: float,
    *,
    within: float,
    affordable: bool = True,
    chance: float = 1.0,
) -> Verdict:
    """What follows when this attempt, counted from 1, has failed after `elapsed` of `within` seconds in all.

    A 429 and a connection that was never made surely did nothing, so any request may follow them; after anything
    else only a request that leaves the account the same when it is sent twice. A wait the other side asks for is never
    undercut; one that does not fit is not begun. `affordable` says whether the retry budget allows one more, `chance`
    from 0 to 1 spreads the waits.
    """
    if may_have_landed(request, error) and not request.repeatable:
        return "reconcile"
    if not affordable or attempt >= ATTEMPTS[request.method == "GET"] or not may_repeat(error):
        return "stop"
    asked = error.retry_after if isinstance(error, Throttled | Unavailable) else None
    wait = asked if asked is not None else chance * min(CAP, FIRST * 2**attempt)
    return RetryIn(wait) if elapsed + wait < within else "stop"


def may_repeat(error: GatewayError) -> bool:
    match error:
        case Busy():
            return False
        case Throttled():
            return True
        case Unavailable():
            return error.status not in NEVER and not error.lasting
        case _:
            return False


def may_have_landed(request: Request, error: GatewayError) -> bool:
    refused = error.status in NEVER
    return request.method != "GET" and isinstance(error, Unavailable) and error.arrived and not refused


@dataclass(slots=True)
class RetryBudget:
    """The retry budget: a tenth of what succeeds, and ten to begin with, so that trouble is not answered with more."""

    left: float = 10.0

    def earn(self) -> None:
        self.left = min(10.0, self.left + 0.1)

    def spend(self) -> None:
        self.left -= 1.0

    @property
    def affordable(self) -> bool:
        return self.left >= 1.0
