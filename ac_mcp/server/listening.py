"""Run the HTTP server: uvicorn, with a time limit for the head of each request."""

import asyncio
import socket
from collections.abc import Generator
from contextlib import contextmanager, suppress
from signal import SIGINT, SIGTERM
from typing import Any

import uvicorn
from anyio import create_task_group, open_signal_receiver
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT = 10.0
"""Seconds within which the head of a request has to arrive."""
MAX_HEAD_BYTES = 32 * 1024
KEEP_ALIVE = 15
"""Seconds for which a connection may be idle."""
SHUTDOWN_TIMEOUT = 60
"""Seconds that calls may still take once the server is asked to stop; longer than any write may last."""
MAX_CONNECTIONS = 1_000


class HeadTimeoutProtocol(H11Protocol):
    """An HTTP/1.1 protocol that closes a connection whose request head takes too long.

    Uvicorn itself waits without limit, so a client that sends byte by byte would hold a connection for ever.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _last_cycle: Any = None
    """Uvicorn's cycle of the last request whose head has arrived."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not self._last_cycle:
            self._last_cycle = self.cycle
            self._stop_timer()  # the head is complete; the body has its own time limit
        elif self._last_cycle is None or self._last_cycle.response_complete:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to `stop_on_signal`.

    Uvicorn raises a captured signal once more at its end, which would cut off what has to be closed.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    async def stop_on_signal(self) -> None:
        """Wait for SIGTERM or SIGINT, then let the server finish."""
        with (
            suppress(NotImplementedError),
            open_signal_receiver(SIGTERM, SIGINT) as signals,
        ):  # Windows has no such signals
            async for _ in signals:
                self.should_exit = True


async def listen(app: Any, bound: socket.socket) -> None:
    """Serve until the process is asked to stop; then finish the calls under way and take no new ones."""
    config = uvicorn.Config(
        app,
        http=HeadTimeoutProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT,
    )
    server = Server(config)
    async with create_task_group() as group:
        group.start_soon(server.stop_on_signal)
        await server.serve([bound])
        group.cancel_scope.cancel()
