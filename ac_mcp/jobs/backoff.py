"""How a job waits after a 429, how fast it gets on, and what ends it."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import Event, create_task_group

from ac_mcp.errors import Forbidden, NotFound, OutcomeUnknown, RequestRefused, Throttled, ToolError, Unavailable
from ac_mcp.jobs.model import JobState

T = TypeVar("T")
PAUSE, LONGEST = 10.0, 1800.0
"""Seconds to wait after a 429 that does not say how long, and at most in all."""
RECENT = 30.0
"""Seconds over which the throughput is measured."""


class Halt(Exception):
    """Ends a job; `state` says whether it was stopped or interrupted."""

    def __init__(self, state: JobState, reason: str) -> None:
        super().__init__(reason)
        self.state: JobState = state


@dataclass(slots=True)
class Backoff:
    """Waits where the API says so, and leaves off when the job is to stop."""

    sleep: Callable[[float], Awaitable[None]]
    reason: str = ""
    """Why nothing more is begun; "" while the job goes on."""
    stopping: Event = field(default_factory=Event)

    def stop(self, reason: str) -> None:
        """Begin nothing more. The first reason stays."""
        self.reason = self.reason or reason
        self.stopping.set()

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work`, and do it anew after each 429.

        Raises:
            Halt: if that would take too long, or if the job is stopped meanwhile.
        """
        waited = 0.0
        while True:
            try:
                return await work()
            except Throttled as throttled:
                wait = min(throttled.retry_after or PAUSE, LONGEST)
                if waited + wait > LONGEST:
                    raise Halt("interrupted", f"the rate limit was reached for {waited:.0f} s") from throttled
                waited += wait
                await self.rest(wait)
                if self.reason:
                    raise Halt("stopped", self.reason) from throttled

    async def rest(self, seconds: float) -> None:
        """Wait for so many seconds, or until the job is to stop."""
        async with create_task_group() as group:

            async def wake_when_stopped() -> None:
                await self.stopping.wait()
                group.cancel_scope.cancel()

            group.start_soon(wake_when_stopped)
            await self.sleep(seconds)
            group.cancel_scope.cancel()


@dataclass(slots=True)
class Throughput:
    """Counts the records of a job, and how fast they came of late."""

    clock: Callable[[], float]
    done: int = 0
    times: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    """When how many were done, in the last RECENT seconds."""

    def add(self, count: int = 1) -> None:
        """Count records that were just done."""
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


def describe_unanswered(error: Unavailable | OutcomeUnknown) -> str:
    """Return why it is not known what became of a record, or why nothing was done with it."""
    if isinstance(error, OutcomeUnknown):
        return f"{'unclear' if error.answered else 'no answer'}: {error}; it may have been done"
    return f"no answer: {error}"


def short_reason(error: ToolError) -> str:
    """Return why a record failed in a few words, for a list of many."""
    if isinstance(error, NotFound):
        return "not there (any more)"
    if isinstance(error, Forbidden):
        return f"not allowed: {error}"[:200]
    return (f"refused: {error}" if isinstance(error, RequestRefused) else str(error))[:200]
