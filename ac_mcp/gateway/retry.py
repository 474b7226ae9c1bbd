"""The decision to send a request again, as a pure function. No request is repeated that could take effect twice."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ac_mcp.errors import Busy, GatewayError, NotTheApi, Throttled, Unavailable
from ac_mcp.messages import Request

READ_ATTEMPTS, WRITE_ATTEMPTS = 4, 3
"""How often a read, and a write, is sent at most."""
BACKOFF_BASE, BACKOFF_CAP = 0.5, 8.0
"""Seconds: the backoff is the base, doubled for each attempt so far, up to the cap."""
NEVER_SERVED = (501, 505)
"""Statuses that say the request itself will never be served."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """The verdict to send the request again after `wait` seconds."""

    wait: float


Verdict: TypeAlias = RetryIn | Literal["stop", "reconcile"]
"""`reconcile`: the write may have landed, and must not be repeated until a reconciliation has looked for it."""


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
    """Return what follows when this attempt, counted from 1, has failed after `elapsed` of `within` seconds in all.

    After a 429, or if no connection was made, the request surely did nothing, so any request may be repeated. After
    any other error, only a request may be repeated that leaves the account the same when it is sent twice. The wait is
    never shorter than the API demands, and a wait that does not fit into the time left is not begun. `affordable` says
    whether the retry budget allows one more attempt; `chance`, from 0 to 1, spreads the waits.
    """
    if may_have_landed(request, error) and not request.repeatable:
        return "reconcile"
    max_attempts = READ_ATTEMPTS if request.method == "GET" else WRITE_ATTEMPTS
    if not affordable or attempt >= max_attempts or not may_repeat(error):
        return "stop"
    demanded = error.retry_after if isinstance(error, Throttled | Unavailable) else None
    wait = demanded if demanded is not None else chance * min(BACKOFF_CAP, BACKOFF_BASE * 2**attempt)
    return RetryIn(wait) if elapsed + wait < within else "stop"


def may_repeat(error: GatewayError) -> bool:
    """Return whether another attempt may succeed after this error."""
    match error:
        case Busy():
            return False
        case Throttled():
            return True
        case Unavailable():
            return error.status not in NEVER_SERVED and not error.lasting
        case _:
            return False


def may_have_landed(request: Request, error: GatewayError) -> bool:
    """Return whether a write may have taken effect in spite of this error."""
    if request.method == "GET" or error.status in NEVER_SERVED:
        return False
    is_redirect = isinstance(error, NotTheApi) and error.status < 400
    return is_redirect or (isinstance(error, Unavailable) and error.arrived)


@dataclass(slots=True)
class RetryBudget:
    """The retries an account may have: ten at first, and one more for every ten successes.

    The limit keeps an outage from being met with ever more requests.
    """

    left: float = 10.0

    def earn(self) -> None:
        """Add a tenth of a retry for a success, up to ten retries."""
        self.left = min(10.0, self.left + 0.1)

    def spend(self) -> None:
        """Subtract one retry."""
        self.left -= 1.0

    @property
    def affordable(self) -> bool:
        """Whether one more retry is allowed."""
        return self.left >= 1.0
