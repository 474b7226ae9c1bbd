"""A key that was refused is not asked about again and again: each tool call finds out once whether it works by now."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ac_mcp.errors import GatewayError, KeyRefused, NotConnected

CHECK = 10.0
"""Seconds after which a check that was cancelled or hangs no longer stands in the way of another."""
LASTING = (401, 403)
"""A wrong key and a bare 403: neither gets better by asking again."""
Refusal: TypeAlias = KeyRefused | NotConnected


@dataclass(slots=True)
class Refused:
    """What was answered, the last call that found out, and the one that is finding out now."""

    error: Refusal
    knows: str
    at: float
    checking: str | None = None


class Refusals:
    """The last refusal of each key at each budget.

    Somebody who has just signed in again makes the same call again and is not to wait; whoever loops over a refused
    key sends one request a call.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused: dict[tuple[str, str], Refused] = {}

    def check(self, budget: str, key: str, call: str) -> None:
        """Raises what was answered before to a call that knows it, and to others while one finds out."""
        refused = self._refused.get((budget, key))
        if refused is None or refused.checking == call:
            return
        busy = refused.checking is not None and self._clock() - refused.at < CHECK
        if call != refused.knows and not busy:
            refused.checking, refused.at = call, self._clock()
            return
        known = refused.error.again()
        known.known = True
        raise known

    def note(self, budget: str, key: str, error: GatewayError, call: str) -> None:
        """Only a lasting refusal is remembered; what ends otherwise leaves the next call to find out."""
        if isinstance(error, KeyRefused | NotConnected) and error.status in LASTING:
            # What the call had done is not others'.
            self._refused[budget, key] = Refused(error.again(), call, self._clock())
        else:
            self.left(budget, key, call)

    def left(self, budget: str, key: str, call: str) -> None:
        """The call that was finding out has not: the next one may."""
        if (refused := self._refused.get((budget, key))) and refused.checking == call:
            refused.checking = None

    def passed(self, budget: str, key: str) -> None:
        """An answer came: the key is good again, wherever it was refused."""
        for place, refused in list(self._refused.items()):
            if place == (budget, key) or (place[1] == key and isinstance(refused.error, KeyRefused)):
                del self._refused[place]
