"""Whether to send a request again: a pure decision. Nothing is repeated that could happen twice."""

from ac_mcp.errors import GatewayError, Throttled, Unavailable
from ac_mcp.request import Request

ATTEMPTS = {True: 4, False: 3}
"""How often a read, a write is tried at most."""
FIRST, CAP = 0.5, 8.0


def wait_before_retry(request: Request, error: GatewayError, attempt: int, chance: float) -> float | None:
    """Seconds to wait before the next try; None to stop.

    `attempt` counts from 1, `chance` is a random number from 0 to 1 that spreads the waits.
    A 429 and a connection that was never made surely did nothing, so any request may follow them; after anything
    else only a request that leaves the account the same when it is sent twice.
    """
    if attempt >= ATTEMPTS[request.method == "GET"] or not may_repeat(request, error):
        return None
    if isinstance(error, Throttled) and error.retry_after is not None:
        return error.retry_after
    return chance * min(CAP, FIRST * 2**attempt)


def may_repeat(request: Request, error: GatewayError) -> bool:
    match error:
        case Throttled():
            return True
        case Unavailable(arrived=False):
            return True
        case Unavailable():
            return request.repeatable
        case _:
            return False
