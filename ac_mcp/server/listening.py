"""The HTTP server itself: uvicorn, with an end to those who never get to the end of their request."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM
from typing import Any

import uvicorn
from anyio import create_task_group, open_signal_receiver
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
"""Seconds in which the head of a request has to have come in."""
LARGEST_HEAD = 32 * 1024
KEPT_OPEN = 15
"""Seconds a connection may be idle."""
FINISHING = 60
"""Seconds that calls may still take once the server is asked to stop: more than any write may last."""
CONNECTIONS = 1_000


class Impatient(H11Protocol):
    """Uvicorn waits for a head as long as it takes: whoever sends it byte by byte would hold a connection for ever."""

    _late: asyncio.TimerHandle | None = None
    _begun: Any = None
    """The last request whose head was there."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not self._begun:
            self._begun = self.cycle
            self._arrived()  # a whole head: the body has a time of its own
        elif self._begun is None or self._begun.response_complete:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._late is None:
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Server(uvicorn.Server):
    """Stopped by us: uvicorn would raise the signal once more at its end, and cut off what has to be closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def stop_when_asked(self) -> None:
        with suppress(NotImplementedError), open_signal_receiver(SIGTERM, SIGINT) as signals:  # Windows has none
            async for _ in signals:
                self.should_exit = True


async def listen(app: Any, bound: socket.socket) -> None:
    """Serve until the process is asked to stop; then no new calls are taken, and those under way are finished."""
    config = uvicorn.Config(
        app,
        http=Impatient,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEPT_OPEN,
        timeout_graceful_shutdown=FINISHING,
    )
    server = Server(config)
    async with create_task_group() as group:
        group.start_soon(server.stop_when_asked)
        await server.serve([bound])
        group.cancel_scope.cancel()
