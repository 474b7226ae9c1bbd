"""How fast requests may leave: a slot is free again one second after the answer to the request that held it.

Counting from the answer, not from the sending, is what keeps to the limit when the network delays some requests more
than others. This is the store for one process; the interface is all the gateway knows.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from anyio import Event, Lock

PERIOD = 1.0


class Pacing(Protocol):
    def turn(self, budgets: tuple[tuple[str, int], ...]) -> AbstractAsyncContextManager[None]:
        """Wait until a request may be sent against each of these (name, requests per second); hold that place."""
        ...

    def pause(self, name: str, seconds: float) -> None:
        """Nobody sends against this budget for so long."""
        ...

    def paused(self, name: str) -> float:
        """How long nobody sends against it yet, in seconds."""
        ...


@dataclass(slots=True)
class Budget:
    """Slots by the moment they are free again; one in use is free at no known time."""

    free_at: list[float]
    paused_until: float = -inf
    turn: Lock = field(default_factory=Lock)
    released: Event = field(default_factory=Event)


class ProcessPacing:
    """Budgets of this process, first come first served."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._clock, self._sleep = clock, sleep
        self._budgets: dict[str, Budget] = {}

    @asynccontextmanager
    async def turn(self, budgets: tuple[tuple[str, int], ...]) -> AsyncGenerator[None]:
        async with AsyncExitStack() as held:
            for name, rate in budgets:
                await held.enter_async_context(self._slot(self._budgets.setdefault(name, Budget([-inf] * rate))))
            yield

    def pause(self, name: str, seconds: float) -> None:
        if budget := self._budgets.get(name):
            budget.paused_until = max(budget.paused_until, self._clock() + seconds)

    def paused(self, name: str) -> float:
        budget = self._budgets.get(name)
        return max(0.0, budget.paused_until - self._clock()) if budget else 0.0

    @asynccontextmanager
    async def _slot(self, budget: Budget) -> AsyncGenerator[None]:
        async with budget.turn:
            place = await self._free(budget)
            budget.free_at[place] = inf
        try:
            yield
        finally:
            budget.free_at[place] = self._clock() + PERIOD
            budget.released.set()
            budget.released = Event()

    async def _free(self, budget: Budget) -> int:
        """The slot that is free first, once it is."""
        while True:
            soonest = max(min(budget.free_at), budget.paused_until)
            wait = soonest - self._clock()
            if wait <= 0:
                return budget.free_at.index(min(budget.free_at))
            await (budget.released.wait() if wait == inf else self._sleep(wait))
