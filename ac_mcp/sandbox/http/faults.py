"""Faults on demand, for the next requests that match, and latency (reference 2.5 to 2.7)."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "x-sandbox-fault"
HTML = "<html><head><title>{0} Error</title></head><body><center><h1>{0} Error</h1></center></body></html>"


@dataclass(frozen=True)
class Spoiled:
    """How a fault changes the true response; None leaves that part as it is."""

    status: int | None = None
    body: str | None = None
    content_type: str | None = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    prefix: str = ""
    """Text before the body."""
    share: float = 1.0
    """Part of the body that is sent."""


def _server_errors(status: int) -> dict[str, Spoiled]:
    return {
        f"{status}": Spoiled(status, '{"message":"Internal Server Error"}'),
        f"{status}-html": Spoiled(status, HTML.format(status), "text/html; charset=UTF-8"),
        f"{status}-empty": Spoiled(status, "", None),
    }


SPOILED: Mapping[str, Spoiled] = {
    **_server_errors(500),
    **_server_errors(502),
    **_server_errors(503),
    **_server_errors(520),
    "429": Spoiled(429, ""),
    "429-seconds": Spoiled(429, "", headers={"Retry-After": "seconds"}),
    "429-date": Spoiled(429, "", headers={"Retry-After": "date"}),
    "503-seconds": Spoiled(503, "", headers={"Retry-After": "seconds"}),
    "403": Spoiled(403, '{"message":"Forbidden"}'),
    "403-empty": Spoiled(403, "", None),
    "401": Spoiled(401, '{"error":"Invalid API key"}'),
    "412": Spoiled(412, '{"detail":"Could not resolve a connection"}'),
    "oauth": Spoiled(500, '{"error":"Internal Server Error"}'),
    "empty": Spoiled(body=""),
    "truncated": Spoiled(share=0.5),
    "text": Spoiled(content_type="text/html; charset=UTF-8"),
    "nothing": Spoiled(200, "{}"),
    "refused-200": Spoiled(200, '{"errors":[{"title":"The request could not be processed."}]}'),
    "succeeded-0": Spoiled(200, '{"succeeded":0,"message":"Not permitted"}'),
    "result-0": Spoiled(200, '{"result_code":0,"result_message":"You are not authorized to access this file"}'),
    "bom": Spoiled(prefix="\ufeff"),
    "status-200": Spoiled(200),
    "status-201": Spoiled(201),
}
TRANSPORT = ("drop", "reset", "hang", "drip", "cut")
"""Faults of the transport: server.py carries them out."""
CARRIED_OUT = ("empty", "truncated", "text", "bom", "status-200", "status-201", "cut", "drip")
"""Faults of the response alone: the request is carried out first."""
REFUSALS = ("refused-200", "succeeded-0", "result-0")
"""Answers with status 200 that say that nothing was done."""
KINDS = (*SPOILED, *TRANSPORT)


class BadFault(ValueError):
    """A description that names no fault; the message lists the faults there are."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault for the next `times` requests that match; with `after`, the request is carried out first."""

    kind: str
    times: int = 1
    method: str = ""
    path: str = ""
    after: bool = False
    seconds: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("", method) and self.path in path

    @property
    def carried_out(self) -> bool:
        return self.after or self.kind in CARRIED_OUT


def parse(text: str) -> Fault:
    """Parse `503-html;times=3;method=POST;path=/deals;after`: the kind first, the rest in any order."""
    kind, *rest = [part.strip() for part in text.split(";") if part.strip()] or [""]
    if kind not in KINDS:
        raise BadFault(f"There is no fault {kind!r}. There are: {', '.join(KINDS)}.")
    pairs = {name: value for name, _, value in (part.partition("=") for part in rest)}
    if unknown := pairs.keys() - {"times", "method", "path", "after", "seconds"}:
        raise BadFault(f"A fault has no {', '.join(sorted(unknown))}: it has times, method, path, after, seconds.")
    try:
        times, seconds = int(pairs.get("times", "1")), float(pairs.get("seconds", "1"))
    except ValueError:
        raise BadFault("times and seconds are numbers.") from None
    return Fault(
        kind,
        times,
        pairs.get("method", "").upper(),
        path=pairs.get("path", ""),
        after="after" in pairs,
        seconds=seconds,
    )


class Faults:
    """The faults that are waiting for their requests."""

    def __init__(self, waiting: Iterable[Fault] = ()) -> None:
        self.waiting = list(waiting)

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, method: str, path: str, header: str | None, kinds: Iterable[str]) -> Fault | None:
        """Take the fault of a request: the one in its header, or else the first waiting one that matches."""
        if header is not None:
            fault = parse(header)
            return fault if fault.kind in kinds else None
        names = tuple(kinds)
        for index, fault in enumerate(self.waiting):
            if fault.kind in names and fault.matches(method, path):
                remaining = replace(fault, times=fault.times - 1)
                self.waiting[index : index + 1] = [remaining] if remaining.times else []
                return fault
        return None


def spoil(fault: Fault, response: tuple[int, Mapping[str, str], bytes], now: Callable[[], datetime]) -> Any:
    """Return status, headers and body of a response after the fault."""
    spoiled = SPOILED[fault.kind]
    status, _, body = response
    retry_after = {"seconds": f"{fault.seconds:g}", "date": format_datetime(now() + timedelta(seconds=fault.seconds))}
    headers = {} if spoiled.content_type is None else {"content-type": spoiled.content_type}
    headers |= {name: retry_after[value] for name, value in spoiled.headers.items()}
    content = spoiled.prefix.encode() + (body if spoiled.body is None else spoiled.body.encode())
    return spoiled.status or status, headers, content[: int(len(content) * spoiled.share)]


OWN_ROUTES = "/sandbox/"
"""Paths of the sandbox itself: no fault or latency applies to them."""


@dataclass(frozen=True)
class Latency:
    """Seconds a response takes: always `least`, and up to `jitter` more."""

    least: float = 0.0
    jitter: float = 0.0


INSTANT = Latency()


class ResponseCapture:
    """An ASGI `send` that captures the response."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, dict[str, str](), b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message.get("headers", ())}
        self.body += message.get("body", b"")

    @property
    def parts(self) -> tuple[int, dict[str, str], bytes]:
        return self.status, self.headers, self.body


class FaultMiddleware:
    """ASGI middleware that delays each response and applies the faults of status and body."""

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
        if scope["type"] != "http" or scope["path"].startswith(OWN_ROUTES):
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
            await self._send_spoiled(fault, scope, receive, send)

    async def _send_spoiled(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        response = ResponseCapture()
        if fault.carried_out:
            await self.app(scope, receive, response)
        status, headers, body = spoil(fault, response.parts, self._now)
        await Response(body, status, headers)(scope, receive, send)
