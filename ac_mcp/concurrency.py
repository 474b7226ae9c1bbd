"""Work that several ask for at the same time is done once."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from math import inf
from typing import Generic, TypeVar, cast

from anyio import Event, create_task_group, fail_after

from ac_mcp.errors import ToolError

T = TypeVar("T")


class Flight(Generic[T]):
    """Somebody is at it; how it ended is for all who wait."""

    def __init__(self) -> None:
        self.ended, self.results, self.failure = Event(), list[T](), list[ToolError]()


class SingleFlight(Generic[T]):
    """Whoever asks first does the work. If that one is cancelled or runs out of time, the next one takes it over."""

    def __init__(self) -> None:
        self._running: dict[Hashable, Flight[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]], within: float = inf) -> T:
        """What `work` returns or raises, done now or already under way under this key.

        Raises:
            TimeoutError: if another's work takes longer than `within` seconds.
        """
        with fail_after(within if within < inf else None):
            while running := self._running.get(key):
                await running.ended.wait()
                if running.results:
                    return running.results[0]
                if running.failure:
                    raise running.failure[0].copy()
        running = self._running[key] = Flight[T]()
        try:
            result = await work()
            running.results.append(result)
            return result
        except ToolError as trouble:
            if not trouble.late:
                running.failure.append(trouble)
            raise
        finally:
            if self._running.get(key) is running:
                del self._running[key]
            running.ended.set()

    def detach(self) -> None:
        """Whoever comes from now on does not join what began before."""
        self._running.clear()


async def gather(works: Sequence[Awaitable[T]]) -> list[T]:
    """Several at once, their results in order; the first failure is raised as it is."""
    done: dict[int, T] = {}

    async def note(place: int, work: Awaitable[T]) -> None:
        done[place] = await work

    try:
        async with create_task_group() as group:
            for place, work in enumerate(works):
                group.start_soon(note, place, work)
    except BaseExceptionGroup as failures:
        raise unwrap_group(failures) from None
    return [done[place] for place in range(len(works))]


def unwrap_group(failure: BaseException) -> BaseException:
    """What went wrong first, out of however many task groups it went through."""
    if not isinstance(failure, BaseExceptionGroup):
        return failure
    return unwrap_group(cast("BaseExceptionGroup[BaseException]", failure).exceptions[0])
