"""Report progress at intervals while a call takes long, since hosts give up on a silent one."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from anyio import create_task_group
from mcp import MCPError

from ac_mcp.gateway.client import Gateway
from ac_mcp.messages import Progress

INTERVAL = 5.0
"""Seconds between two heartbeats."""
STEP = 0.001
"""What a heartbeat adds to the progress: it has to increase with each message (MCP), even if nothing more is done."""


class ReportingProgress:
    """A progress callback that passes progress on to the client and remembers the last values."""

    def __init__(self, report: Progress) -> None:
        self._report = report
        self._done, self._total = 0.0, None

    async def __call__(self, done: float, total: float | None = None, message: str | None = None, /) -> None:
        self._done, self._total = max(done, self._done + STEP), total
        await self._report(self._done, total, message)

    async def send_heartbeat(self, message: str) -> None:
        """Report the smallest possible progress, with a message."""
        await self(self._done + STEP, self._total, message)


@asynccontextmanager
async def with_heartbeat(report: Progress, gateway: Gateway) -> AsyncGenerator[ReportingProgress]:
    """Yield the progress of a call; every `INTERVAL` seconds it reports what the call waits for."""
    progress = ReportingProgress(report)

    async def send_heartbeats() -> None:
        began = gateway.clock()
        while True:
            await gateway.sleep(INTERVAL)
            queued = gateway.pacing.waiting_in_all
            waiting = f"{queued} requests wait for the rate limit" if queued else "waiting for ActiveCampaign"
            await progress.send_heartbeat(f"{gateway.clock() - began:.0f} s: {waiting}")

    failure: MCPError | None = None
    async with create_task_group() as group:
        group.start_soon(send_heartbeats)
        try:
            yield progress
        except MCPError as error:  # the task group would wrap it in an exception group
            failure = error
        group.cancel_scope.cancel()
    if failure:
        raise failure
