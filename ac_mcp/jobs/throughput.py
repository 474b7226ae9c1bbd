"""How a job's requests go out, how fast it gets on, and what makes it stop."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ac_mcp.errors import Forbidden, NotFound, RequestRefused, ToolError
from ac_mcp.gateway.client import Gateway
from ac_mcp.jobs.model import JobState
from ac_mcp.messages import Caller, Request, Response

ONE = 90.0
"""Seconds one request of a job may take, its turn for the rate limit included."""
RECENT = 30.0
"""Seconds over which the pace is measured."""


@dataclass(frozen=True, slots=True)
class BackgroundClient:
    """The gateway for a job: behind interactive calls, and each request with a deadline of its own."""

    gateway: Gateway
    caller: Caller

    async def send(self, request: Request) -> Response:
        until = self.gateway.clock() + ONE
        return await self.gateway.send(request, replace(self.caller, bulk=True, deadline=until, sent=[]))


@dataclass(slots=True)
class Throughput:
    """What was done, and how fast of late."""

    clock: Callable[[], float]
    done: int = 0
    times: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def add(self, count: int = 1) -> None:
        now = self.clock()
        self.done += count
        self.times.append((now, count))
        while self.times and self.times[0][0] < now - RECENT:
            self.times.popleft()

    @property
    def rate(self) -> float:
        """Records a second; 0 while it is not known."""
        if not self.times or (since := self.clock() - self.times[0][0]) < 1.0:
            return 0.0
        return sum(count for _, count in self.times) / since


class Halt(Exception):
    """The job cannot go on; `state` says whether it was stopped or interrupted."""

    def __init__(self, state: JobState, reason: str) -> None:
        super().__init__(reason)
        self.state: JobState = state


def short_reason(trouble: ToolError) -> str:
    """A failure in a few words, for a list of many."""
    if isinstance(trouble, NotFound):
        return "not there (any more)"
    if isinstance(trouble, Forbidden):
        return f"not allowed: {trouble}"[:200]
    return (f"refused: {trouble}" if isinstance(trouble, RequestRefused) else str(trouble))[:200]
