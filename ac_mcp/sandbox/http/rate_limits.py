"""Rate limits per account and per Maton key, by an exact log of the last second (reference 2.6, 1.4)."""

from collections import deque
from collections.abc import Callable

WINDOW = 1.0


class RateLimiter:
    """A limiter that admits at most `rate` requests per key within any second; None admits everything."""

    def __init__(self, rate: int | None, clock: Callable[[], float]) -> None:
        self.rate, self._clock = rate, clock
        self._log: dict[str, deque[float]] = {}

    def admit(self, key: str) -> bool:
        if self.rate is None:
            return True
        now, log = self._clock(), self._log.setdefault(key, deque())
        while log and log[0] <= now - WINDOW:
            log.popleft()
        if len(log) >= self.rate:
            return False
        log.append(now)
        return True

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1", "RateLimit-Limit": str(self.rate), "RateLimit-Remaining": "0"}
