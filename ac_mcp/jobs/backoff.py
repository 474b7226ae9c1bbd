"""How a job waits where it is told to, and leaves off waiting when it is to stop."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from anyio import Event, create_task_group

from ac_mcp.errors import Throttled
from ac_mcp.jobs.throughput import Halt

T = TypeVar("T")
PAUSE, LONGEST = 10.0, 1800.0
"""Seconds to wait after a refusal for being too fast that does not say how long; and at most."""


@dataclass(slots=True)
class Backoff:
    sleep: Callable[[float], Awaitable[None]]
    reason: str = ""
    """Why nothing more is begun."""
    stopping: Event = field(default_factory=Event)

    def stop(self, why: str) -> None:
        self.reason = self.reason or why
        self.stopping.set()

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Told to wait, it waits, and does it anew.

        Raises:
            Halt: where that would take too long, or it is to stop meanwhile.
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
        """Until then, or until it is to stop."""
        async with create_task_group() as group:

            async def woken() -> None:
                await self.stopping.wait()
                group.cancel_scope.cancel()

            group.start_soon(woken)
            await self.sleep(seconds)
            group.cancel_scope.cancel()
