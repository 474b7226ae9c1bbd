"""A key that was refused is not tried again and again: one request in a while finds out whether it works by now."""

from collections.abc import Callable
from typing import TypeAlias

from ac_mcp.errors import GatewayError, KeyRefused, NotConnected

CHECK = 30.0
"""Seconds until a refused key is tried once more."""
LASTING = (401, 403)
"""A wrong key and a bare 403: neither gets better by asking again."""
Refusal: TypeAlias = KeyRefused | NotConnected


class Refusals:
    """The last refusal of each key at each budget, and when it was."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused: dict[tuple[str, str], tuple[Refusal, float]] = {}

    def check(self, budget: str, key: str) -> None:
        """Raises what was answered before, unless it is time for one request to find out."""
        error, since = self._refused.get((budget, key), (None, 0.0))
        if error is None:
            return
        left = since + CHECK - self._clock()
        if left <= 0:
            self._refused[budget, key] = error, self._clock()
            return
        known = error.again()
        known.again_in = left
        raise known

    def note(self, budget: str, key: str, error: GatewayError) -> None:
        if isinstance(error, KeyRefused | NotConnected) and error.status in LASTING:
            self._refused[budget, key] = error.again(), self._clock()  # what the call had done is not others'

    def passed(self, budget: str, key: str) -> None:
        """An answer came: the key is good again, wherever it was refused."""
        for place, (error, _) in list(self._refused.items()):
            if place == (budget, key) or (place[1] == key and isinstance(error, KeyRefused)):
                del self._refused[place]
