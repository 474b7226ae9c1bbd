"""Memory of rejected keys: each tool call tries a rejected key once, and its other requests are not sent."""

from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

from ac_mcp.errors import Forbidden, GatewayError, KeyRefused, NotConnected

LASTING_STATUSES = (401, 403)
"""A wrong key and a bare 403: neither gets better by asking again."""
MAX_CALLS = 100
"""Earlier calls that are remembered with a rejection."""
WORKING_SECONDS = 60.0
"""Seconds after an answer for which a key counts as working: a bare 403 is then about what was asked for."""
RejectionError: TypeAlias = KeyRefused | NotConnected


@dataclass(slots=True)
class Rejection:
    """The last rejection of a key at a budget."""

    error: RejectionError
    calls: list[str] = field(default_factory=list[str])
    """The calls that have received it."""


class RejectedKeys:
    """The last rejection of each key at each budget.

    A user who has just signed in again makes a new call, which need not wait. A client that loops over a rejected key
    sends one request a call.
    """

    def __init__(self) -> None:
        self._rejections: dict[tuple[str, str], Rejection] = {}
        self._answered_at: dict[tuple[str, str], float] = {}

    def judge(self, budget: str, key: str, error: GatewayError, now: float) -> GatewayError:
        """Return Forbidden for a bare 403 to a key that was answered a moment ago; any other error as it is."""
        is_working = now - self._answered_at.get((budget, key), -inf) < WORKING_SECONDS
        if is_working and isinstance(error, KeyRefused | NotConnected) and error.status == 403:
            return Forbidden("Forbidden", status=403, request_id=error.request_id).but(answered_by=error.answered_by)
        return error

    def check(self, budget: str, key: str, call: str) -> None:
        """Raise the last rejection of this key at this budget if the call has already received it.

        Raises:
            KeyRefused: the rejection, marked as `repeated`.
            NotConnected: likewise.
        """
        rejection = self._rejections.get((budget, key))
        if rejection is None or call not in rejection.calls:
            return
        error = rejection.error.copy()
        error.repeated = True
        raise error

    def note(self, budget: str, key: str, error: GatewayError, call: str) -> None:
        """Remember an error that a call has received, if it rejects the key."""
        if isinstance(error, KeyRefused | NotConnected) and error.status in LASTING_STATUSES:
            calls = self._rejections.get((budget, key), Rejection(error)).calls
            # A copy, because what this call had written before does not concern the others.
            self._rejections[budget, key] = Rejection(error.copy(), [*calls[-MAX_CALLS:], call])

    def clear(self, budget: str, key: str, now: float) -> None:
        """Forget the rejections of a key after an answer: a refused key is good again at every budget."""
        if len(self._answered_at) > MAX_CALLS:
            self._answered_at.clear()
        self._answered_at[budget, key] = now
        for entry, rejection in list(self._rejections.items()):
            if entry == (budget, key) or (entry[1] == key and isinstance(rejection.error, KeyRefused)):
                del self._rejections[entry]
