"""Signs of life while a call takes long: hosts give up on what says nothing, and people wonder."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from anyio import create_task_group
from mcp import MCPError

from ac_mcp.gateway.client import Gateway
from ac_mcp.messages import Progress

EVERY = 5.0
"""Seconds between two signs."""
STEP = 0.001
"""Progress has to increase with each message, also where nothing is known to be done."""


class ReportingProgress:
    """Passes progress on, and remembers how far it was."""

    def __init__(self, report: Progress) -> None:
        self._report = report
        self._done, self._total = 0.0, None

    async def __call__(self, done: float, total: float | None = None, message: str | None = None, /) -> None:
        self._done, self._total = max(done, self._done + STEP), total
        await self._report(self._done, total, message)

    async def sign(self, message: str) -> None:
        await self(self._done + STEP, self._total, message)


@asynccontextmanager
async def with_heartbeat(report: Progress, gateway: Gateway) -> AsyncGenerator[ReportingProgress]:
    """What the call reports with; every five seconds it says that it still waits, and for what."""
    told = ReportingProgress(report)

    async def signs() -> None:
        began = gateway.clock()
        while True:
            await gateway.sleep(EVERY)
            queued = gateway.pacing.waiting_in_all
            waiting = f"{queued} requests wait for the rate limit" if queued else "waiting for ActiveCampaign"
            await told.sign(f"{gateway.clock() - began:.0f} s: {waiting}")

    refused: MCPError | None = None
    async with create_task_group() as group:
        group.start_soon(signs)
        try:
            yield told
        except MCPError as error:  # out of here it would come in a group of exceptions
            refused = error
        group.cancel_scope.cancel()
    if refused:
        raise refused
