"""The faults of status and body, and the time an answer takes: between the application and whoever asks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .faults import HEADER, SPOILED, BadFault, Fault, Faults, spoil

CONTROL = "/sandbox/"


@dataclass(frozen=True)
class Latency:
    """Seconds an answer takes: always `least`, and up to `jitter` more."""

    least: float = 0.0
    jitter: float = 0.0


INSTANT = Latency()


class Answered:
    """An ASGI `send` that keeps the answer instead of sending it."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, dict[str, str](), b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message.get("headers", ())}
        self.body += message.get("body", b"")

    @property
    def whole(self) -> tuple[int, dict[str, str], bytes]:
        return self.status, self.headers, self.body


class Faulty:
    """Delays each answer by its latency, and spoils those a fault waits for."""

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        latency: Latency,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.app, self._faults, self._latency, self._now, self._sleep = app, faults, latency, now, sleep
        self._chance = Random(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        if self._latency.least or self._latency.jitter:
            await self._sleep(self._latency.least + self._latency.jitter * self._chance.random())
        try:
            fault = self._faults.take(scope["method"], scope["path"], Headers(scope=scope).get(HEADER), SPOILED)
        except BadFault as error:
            await Response(str(error), 400, media_type="text/plain")(scope, receive, send)
            return
        if fault is None:
            await self.app(scope, receive, send)
        else:
            await self._spoiled(fault, scope, receive, send)

    async def _spoiled(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        true = Answered()
        if fault.carried_out:
            await self.app(scope, receive, true)
        status, headers, body = spoil(fault, true.whole, self._now)
        await Response(body, status, headers)(scope, receive, send)
