"""The sandbox: the class that puts state, application, transport and request log together."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path

import httpx2

from ac_mcp.sandbox.http.faults import INSTANT, Fault, Faults, Latency
from ac_mcp.sandbox.http.request_log import LoggedRequest
from ac_mcp.sandbox.http.server import Server
from ac_mcp.sandbox.maton.access import Access
from ac_mcp.sandbox.maton.connections import CONNECTIONS, Connections
from ac_mcp.sandbox.quirks import Quirks
from ac_mcp.sandbox.rest.store import Store
from ac_mcp.sandbox.seed.accounts import COMPANY, Size, seed

from .app import Parts, build_app
from .catalog import RESOURCES

LOG_SIZE = 10_000
"""Requests in the log."""


def _local_now() -> datetime:
    return datetime.now().astimezone()


class Sandbox:
    """An ActiveCampaign account behind a Maton gateway, inside the process."""

    key = "sandbox"

    def __init__(
        self,
        state: Path | None = None,
        *,
        number: int = 1,
        now: Callable[[], datetime] = _local_now,
        clock: Callable[[], float] = time.monotonic,
        rate: int | None = 5,
        size: Size = "small",
        faults: Iterable[Fault] = (),
        latency: Latency = INSTANT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        like: "Sandbox | None" = None,
        quirks: Quirks | None = None,
    ) -> None:
        """`like` is a sandbox whose accounts are copied as they are now, which is faster than seeding."""
        tables = [CONNECTIONS, *(resource.table for resource in RESOURCES.values())]
        self._store = Store.open(state, tables, like and like._store)
        self.requests: deque[LoggedRequest] = deque(maxlen=LOG_SIZE)
        self.quirks = quirks or Quirks()
        connections = Connections(self._store, self.quirks)
        self._seed(connections, number, now(), size)
        access = Access(self.key, connections, rate, clock, self.quirks)
        self.faults = Faults(faults)
        self.app = build_app(
            Parts(
                self._store,
                connections,
                access,
                quirks=self.quirks,
                now=now,
                log=self.requests,
                faults=self.faults,
                latency=latency,
                sleep=sleep,
            )
        )

    def _seed(self, connections: Connections, number: int, moment: datetime, size: Size) -> None:
        """Plant the company, if the store holds none yet."""
        with self._store.transaction():
            connections.migrate()
            if not self._store.for_account(COMPANY).count("users"):
                seed(self._store.for_account(COMPANY), number, moment, size)
                connections.seed(moment)

    async def serve(self, port: int) -> asyncio.Server:
        """Serve over HTTP on this machine, where the faults of the transport work too."""
        return await Server(self.app, self.faults).listen(port)

    def transport(self) -> httpx2.ASGITransport:
        return httpx2.ASGITransport(self.app)

    def close(self) -> None:
        self._store.close()
