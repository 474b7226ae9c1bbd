"""Structured concurrency helpers: single flight and gather."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from math import inf
from typing import Generic, TypeVar, cast

from anyio import Event, create_task_group, fail_after

from ac_mcp.errors import ToolError

T = TypeVar("T")


class Flight(Generic[T]):
    """One run under way, and its outcome for all who wait for it.

    `results` and `failures` hold at most one item each; both stay empty if the run was cut short and must be repeated.
    """

    def __init__(self) -> None:
        self.ended, self.results, self.failures = Event(), list[T](), list[ToolError]()


class SingleFlight(Generic[T]):
    """Runs the same work once for all who ask at the same time.

    The first caller does the work. If it is cancelled or runs out of time, the next one takes over.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight[T]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]], within: float = inf) -> T:
        """Return the result of `work`, run now or already under way under this key.

        Raises:
            TimeoutError: if another caller's run takes longer than `within` seconds.
            ToolError: the error of `work`; a copy if another caller ran it.
        """
        with fail_after(within if within < inf else None):
            while flight := self._flights.get(key):
                await flight.ended.wait()
                if flight.results:
                    return flight.results[0]
                if flight.failures:
                    raise flight.failures[0].copy()
        flight = self._flights[key] = Flight[T]()
        try:
            result = await work()
            flight.results.append(result)
            return result
        except ToolError as error:
            if not error.late:
                flight.failures.append(error)
            raise
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
            flight.ended.set()

    def detach(self) -> None:
        """Keep later callers from joining the runs that are under way."""
        self._flights.clear()


async def gather(awaitables: Sequence[Awaitable[T]]) -> list[T]:
    """Await all at once and return their results in order.

    The first failure is raised itself, not as an exception group.
    """
    results: dict[int, T] = {}

    async def store(index: int, awaitable: Awaitable[T]) -> None:
        results[index] = await awaitable

    try:
        async with create_task_group() as group:
            for index, awaitable in enumerate(awaitables):
                group.start_soon(store, index, awaitable)
    except BaseExceptionGroup as failures:
        raise unwrap_group(failures) from None
    return [results[index] for index in range(len(awaitables))]


def unwrap_group(failure: BaseException) -> BaseException:
    """Return the first exception inside any number of nested exception groups."""
    if not isinstance(failure, BaseExceptionGroup):
        return failure
    return unwrap_group(cast("BaseExceptionGroup[BaseException]", failure).exceptions[0])
