"""Answers that are believed for a while, as long as nothing is written from here."""

from collections.abc import Callable
from math import inf

from ac_mcp.messages import Json


class AnswerCache:
    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._answers: dict[str, tuple[float, Json]] = {}
        self.writes = 0
        """How often something was written."""

    def get(self, name: str) -> Json | None:
        """What this tool answered a short while ago, if nothing was written since."""
        at, answer = self._answers.get(name, (-inf, None))
        return answer if self._clock() - at < self._seconds else None

    def put(self, name: str, answer: Json, writes: int) -> None:
        """Unless something was written since `writes`, while it was being read."""
        if writes == self.writes:
            self._answers[name] = (self._clock(), answer)

    def clear(self) -> None:
        self._answers.clear()
        self.writes += 1
