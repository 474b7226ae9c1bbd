"""The sandbox as a server on this machine: HTTP by h11 over raw sockets, so that it can fail as a transport does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import h11
from starlette.types import ASGIApp, Message

from .faults import CONTROL, HEADER, TRANSPORT, Answered, BadFault, Fault, Faults

LARGEST = 16 * 1024 * 1024
DRIP = 0.2
"""Seconds between two bytes of a dripping answer."""


class Front:
    """Serves an ASGI application to each connection, one request after the other."""

    def __init__(self, app: ASGIApp, faults: Faults, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._app, self._faults, self._sleep = app, faults, sleep

    async def listen(self, port: int) -> asyncio.Server:
        """Loopback only; port 0 lets the system choose one."""
        return await asyncio.start_server(self._connected, "127.0.0.1", port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer)
        try:
            while await self._answered(talk):
                talk.http.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _answered(self, talk: "Talk") -> bool:
        """Whether another request may follow."""
        request = await talk.request()
        if request is None:
            return False
        head, body = request
        headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        path = head.target.decode("latin-1")
        own = path.startswith(CONTROL)
        try:
            fault = (
                None
                if own
                else self._faults.take(head.method.decode(), path.partition("?")[0], headers.get(HEADER), TRANSPORT)
            )
        except BadFault:
            fault = None  # the application tells what is wrong with it
        if fault is None:
            await talk.send(*await self._run(head, path, body))
            return talk.http.our_state is h11.DONE
        await self._fail(fault, talk, head, path, body)
        return False

    async def _fail(self, fault: Fault, talk: "Talk", head: h11.Request, path: str, body: bytes) -> None:
        status, headers, whole = await self._run(head, path, body) if fault.carried_out else (200, {}, b"")
        match fault.kind:
            case "reset":
                talk.writer.transport.abort()
            case "hang":
                await talk.silence()
            case "drip":
                await talk.send(status, headers, whole, lambda: self._sleep(DRIP))
            case "cut":
                await talk.send_half(status, headers, whole)
            case _:
                pass

    async def _run(self, head: h11.Request, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The application's answer to one request."""
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
        answer = Answered()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive, answer)
        return answer.whole


class Talk:
    """One connection: requests read, answers written."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.http = reader, writer, h11.Connection(h11.SERVER)

    async def request(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body, None when the other side is gone."""
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
                if len(body) > LARGEST:
                    return None
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return head, bytes(body)
            else:
                return None

    async def send(
        self, status: int, headers: dict[str, str], body: bytes, wait: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """The answer; with `wait` a byte at a time."""
        await self._head(status, headers, len(body))
        for piece in (body[place : place + 1] for place in range(len(body))) if wait else (body,):
            await self._write(h11.Data(data=piece))
            if wait:
                await wait()
        await self._write(h11.EndOfMessage())

    async def send_half(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Promises the whole body and breaks off in the middle."""
        await self._head(status, headers, len(body))
        await self._write(h11.Data(data=body[: len(body) // 2]))

    async def silence(self) -> None:
        """Say nothing until the other side gives up."""
        while await self.reader.read(65536):
            pass

    async def _head(self, status: int, headers: dict[str, str], length: int) -> None:
        told = [(name, value) for name, value in headers.items() if name.lower() != "content-length"]
        await self._write(h11.Response(status_code=status, headers=[*told, ("content-length", str(length))]))

    async def _write(self, event: h11.Event) -> None:
        self.writer.write(self.http.send(event) or b"")
        await self.writer.drain()
