"""A key that was refused is not asked about again and again: each tool call finds out once whether it works by now."""

from dataclasses import dataclass, field
from typing import TypeAlias

from ac_mcp.errors import GatewayError, KeyRefused, NotConnected

LASTING = (401, 403)
"""A wrong key and a bare 403: neither gets better by asking again."""
MOST = 100
"""Calls that are remembered to know of a refusal."""
KeyError_: TypeAlias = KeyRefused | NotConnected


@dataclass(slots=True)
class Rejection:
    """What was answered last, and the calls that know."""

    error: KeyError_
    calls: list[str] = field(default_factory=list[str])


class RejectedKeys:
    """The last refusal of each key at each budget.

    Somebody who has just signed in again makes the same call again and is not to wait; whoever loops over a refused
    key sends one request a call.
    """

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], Rejection] = {}

    def check(self, budget: str, key: str, call: str) -> None:
        """Raises what was answered before to a call that knows it: its other requests are not sent."""
        refused = self._refused.get((budget, key))
        if refused is None or call not in refused.calls:
            return
        known = refused.error.copy()
        known.repeated = True
        raise known

    def note(self, budget: str, key: str, error: GatewayError, call: str) -> None:
        if isinstance(error, KeyRefused | NotConnected) and error.status in LASTING:
            known = self._refused.get((budget, key), Rejection(error)).calls
            # What the call had done is not others'.
            self._refused[budget, key] = Rejection(error.copy(), [*known[-MOST:], call])

    def clear(self, budget: str, key: str) -> None:
        """An answer came: the key is good again, wherever it was refused."""
        for place, refused in list(self._refused.items()):
            if place == (budget, key) or (place[1] == key and isinstance(refused.error, KeyRefused)):
                del self._refused[place]
