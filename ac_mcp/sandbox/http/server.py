"""An HTTP server on this machine, by h11 over raw sockets, so that faults of the transport are possible."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import h11
from starlette.types import ASGIApp, Message

from .faults import HEADER, OWN_ROUTES, TRANSPORT, BadFault, Fault, Faults, ResponseCapture

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a request body."""
DRIP_DELAY = 0.2
"""Seconds between two bytes of a dripping response."""


class Server:
    """A server that runs an ASGI application for each connection, one request after the other."""

    def __init__(self, app: ASGIApp, faults: Faults, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._app, self._faults, self._sleep = app, faults, sleep

    async def listen(self, port: int) -> asyncio.Server:
        """Listen on loopback only; port 0 lets the system choose one."""
        return await asyncio.start_server(self._serve_client, "127.0.0.1", port)

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(reader, writer)
        try:
            while await self._answer_next(client):
                client.http.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer_next(self, client: "Client") -> bool:
        """Answer the next request; return whether another may follow."""
        request = await client.read_request()
        if request is None:
            return False
        head, body = request
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        path = head.target.decode("latin-1")
        is_own_route = path.startswith(OWN_ROUTES)
        try:
            fault = (
                None
                if is_own_route
                else self._faults.take(head.method.decode(), path.partition("?")[0], headers.get(HEADER), TRANSPORT)
            )
        except BadFault:
            fault = None  # the application answers what is wrong with it
        if fault is None:
            await client.send(*await self._run_app(head, path, body))
            return client.http.our_state is h11.DONE
        await self._fail(fault, client, head, path, body)
        return False

    async def _fail(self, fault: Fault, client: "Client", head: h11.Request, path: str, body: bytes) -> None:
        status, headers, content = await self._run_app(head, path, body) if fault.carried_out else (200, {}, b"")
        match fault.kind:
            case "reset":
                client.writer.transport.abort()
            case "hang":
                await client.wait_for_close()
            case "drip":
                await client.send(status, headers, content, lambda: self._sleep(DRIP_DELAY))
            case "cut":
                await client.send_half(status, headers, content)
            case _:
                pass

    async def _run_app(self, head: h11.Request, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Run the application for one request; return status, headers and body."""
        route, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": head.method.decode(),
            "scheme": "http",
            "path": route,
            "raw_path": route.encode("latin-1"),
            "root_path": "",
            "query_string": query.encode("latin-1"),
            "headers": [(name, value) for name, value in head.headers],
            "client": None,
            "server": ("127.0.0.1", None),
        }
        answer = ResponseCapture()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive, answer)
        return answer.parts


class Client:
    """One client connection: reads requests, writes responses."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.http = reader, writer, h11.Connection(h11.SERVER)

    async def read_request(self) -> tuple[h11.Request, bytes] | None:
        """Return the next request with its body; None when the client is gone or the body too large."""
        head: h11.Request | None = None
        body = bytearray()
        while True:
            event = self.http.next_event()
            if event is h11.NEED_DATA:
                if self.http.they_are_waiting_for_100_continue:
                    await self._write(h11.InformationalResponse(status_code=100, headers=[]))
                self.http.receive_data(await self.reader.read(65536))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    return None
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, bytes(body)
            else:
                return None

    async def send(
        self, status: int, headers: dict[str, str], body: bytes, wait: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Send a response; with `wait`, byte by byte with a wait after each."""
        await self._send_head(status, headers, len(body))
        for piece in (body[index : index + 1] for index in range(len(body))) if wait else (body,):
            await self._write(h11.Data(data=piece))
            if wait:
                await wait()
        await self._write(h11.EndOfMessage())

    async def send_half(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Announce the whole body, and send half of it."""
        await self._send_head(status, headers, len(body))
        await self._write(h11.Data(data=body[: len(body) // 2]))

    async def wait_for_close(self) -> None:
        """Send nothing until the client closes the connection."""
        while await self.reader.read(65536):
            pass

    async def _send_head(self, status: int, headers: dict[str, str], length: int) -> None:
        fields = [(name, value) for name, value in headers.items() if name.lower() != "content-length"]
        await self._write(h11.Response(status_code=status, headers=[*fields, ("content-length", str(length))]))

    async def _write(self, event: h11.Event) -> None:
        self.writer.write(self.http.send(event) or b"")
        await self.writer.drain()
