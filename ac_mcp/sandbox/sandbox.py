"""The sandbox itself: state, application, transport, and the log of requests."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path

import httpx2

from ac_mcp.sandbox.http.faults import INSTANT, Fault, Faults, Latency
from ac_mcp.sandbox.http.request_log import Seen
from ac_mcp.sandbox.http.server import Front
from ac_mcp.sandbox.maton.access import Doors
from ac_mcp.sandbox.maton.connections import CONNECTIONS, Connections
from ac_mcp.sandbox.rest.resource import Quirks
from ac_mcp.sandbox.rest.store import Store
from ac_mcp.sandbox.seed.accounts import COMPANY, Size, seed

from .app import Parts, build
from .catalog import RESOURCES

KEPT = 10_000


def _local() -> datetime:
    return datetime.now().astimezone()


class Sandbox:
    """An ActiveCampaign account behind a Maton gateway, inside the process."""

    key = "sandbox"

    def __init__(
        self,
        state: Path | None = None,
        *,
        number: int = 1,
        now: Callable[[], datetime] = _local,
        clock: Callable[[], float] = time.monotonic,
        rate: int | None = 5,
        size: Size = "small",
        faults: Iterable[Fault] = (),
        latency: Latency = INSTANT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        like: "Sandbox | None" = None,
    ) -> None:
        """`like` is one whose accounts are copied as they are now: quicker than planting them again."""
        tables = [CONNECTIONS, *(resource.table for resource in RESOURCES.values())]
        self._store = Store.open(state, tables)
        if like is not None:
            like._store.copy(self._store)
        self.requests: deque[Seen] = deque(maxlen=KEPT)
        self.quirks = Quirks()
        connections = Connections(self._store)
        with self._store.transaction():
            connections.adopt()
            if not self._store.at(COMPANY).count("users"):
                moment = now()
                seed(self._store.at(COMPANY), number, moment, size)
                connections.seed(moment)
        doors = Doors(self.key, connections, rate, clock)
        self.faults = Faults(faults)
        self.app = build(
            Parts(self._store, connections, doors, self.quirks, now, self.requests, self.faults, latency, sleep)
        )

    async def serve(self, port: int) -> asyncio.Server:
        """Over HTTP on this machine; there the faults of a transport work too."""
        return await Front(self.app, self.faults).listen(port)

    def transport(self) -> httpx2.ASGITransport:
        return httpx2.ASGITransport(self.app)

    def close(self) -> None:
        self._store.close()
