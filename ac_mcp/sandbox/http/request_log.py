"""The log of the requests that reached the sandbox."""

from collections import deque
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

VIA_KEY = "sandbox.via"


@dataclass(frozen=True)
class LoggedRequest:
    """One request that reached the sandbox; `via` is the connection's id, "direct", or "" for Maton's own routes."""

    method: str
    path: str
    query: str
    status: int
    size: int
    via: str


class Recorder:
    """ASGI middleware that logs each request with the status and size of its response."""

    def __init__(self, app: ASGIApp, log: deque[LoggedRequest]) -> None:
        self.app, self.log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, size = 0, 0

        async def sending(message: Message) -> None:
            nonlocal status, size
            status = message.get("status", status)
            size += len(message.get("body", b""))
            await send(message)

        method, path, query = scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        await self.app(scope, receive, sending)
        self.log.append(LoggedRequest(method, path, query, status=status, size=size, via=scope.get(VIA_KEY, "")))
