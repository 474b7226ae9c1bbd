"""The jobs a process runs in the background, as long as it lives."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from anyio import create_task_group
from anyio.abc import TaskGroup

from ac_mcp.concurrency import unwrap_group
from ac_mcp.jobs.runner import JobRun

log = logging.getLogger(__name__)


@dataclass(slots=True)
class JobPool:
    """The jobs this process runs, as long as `group` lives."""

    group: TaskGroup | None = None
    runs: dict[int, JobRun] = field(default_factory=dict[int, JobRun])
    shared: dict[str, Any] = field(default_factory=dict[str, Any])
    """What jobs of an account have to know of each other, by what it is."""
    told: Callable[[int], None] | None = None
    """Hears the number of each job as it begins."""
    last: int = 0
    """The job that began last."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Jobs run in the background meanwhile; what still runs at the end is broken off and can be taken up again."""
        try:
            async with create_task_group() as self.group:
                yield
                self.group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None
        finally:
            self.group = None

    async def start(self, run: JobRun) -> None:
        """In the background; where there is none, before this returns."""
        self.runs[run.job.id], self.last = run, run.job.id
        if self.told:
            self.told(run.job.id)
        if self.group is None:
            await self._until_ended(run)
        else:
            self.group.start_soon(self._until_ended, run)

    async def _until_ended(self, run: JobRun) -> None:
        try:
            await run.run()
        except Exception as error:
            log.error("job %s crashed: %s", run.job.id, type(error).__name__)
        finally:
            self.runs.pop(run.job.id, None)
