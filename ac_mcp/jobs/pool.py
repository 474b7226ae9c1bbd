"""The jobs that this process runs in the background."""

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
    """Runs jobs in the background while it is open, else one after another in the call that starts them."""

    group: TaskGroup | None = None
    """The background; None while the pool is not open."""
    runs: dict[int, JobRun] = field(default_factory=dict[int, JobRun])
    """The runs that have not ended, by job id."""
    shared: dict[str, Any] = field(default_factory=dict[str, Any])
    """State that the jobs of an account share, such as a rate limit, by name."""
    on_start: Callable[[int], None] | None = None
    """Called with the id of each job that starts."""
    last_started: int = 0
    """The id of the job that started last; 0 for none."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Run jobs in the background until the context ends; jobs that still run then can be resumed later."""
        try:
            async with create_task_group() as self.group:
                yield
                self.group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None
        finally:
            self.group = None

    async def start(self, run: JobRun) -> None:
        """Start a job in the background. Without a background, run it to its end before this returns."""
        self.runs[run.job.id], self.last_started = run, run.job.id
        if self.on_start:
            self.on_start(run.job.id)
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
