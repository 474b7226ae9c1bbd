"""MCP over HTTP: who may ask, how much, and for whom; then the SDK's own stateless transport.

Each request stands alone: any replica can take it. A caller's bearer token says who they are here and goes no further.
"""

import hmac
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from anyio import fail_after
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from ac_mcp.calls.account import Account
from ac_mcp.server.tenants import Principal, Tenants
from ac_mcp.server.tools import Context, build_server
from ac_mcp.settings import Settings
from ac_mcp.tools.toolsets import split_names

PATH = "/mcp"
LARGEST_BODY = 4 * 1024 * 1024
BODY_SECONDS = 15.0
"""Seconds in which a request has to have come in whole."""
MOST_AT_ONCE, OF_ONE = 200, 50
"""Requests that are taken at the same time, of all and of one caller; more are told to come back."""
ONCE = ("host", "origin", "authorization", "x-maton-api-key", "x-maton-connection")
"""Headers of which another one would be another answer to the same question."""
LOCAL = ("127.0.0.1", "localhost", "[::1]")
FORWARDED = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}")
"""This machine by a port that is forwarded here, as by a container or a tunnel: no other name can be pointed at it."""
CALLER = "ac_mcp.caller"
KEY = re.compile(r"[\x21-\x7e]{8,512}")
CONNECTION = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._-]{0,99}")


@dataclass(eq=False)
class HttpRefusal(Exception):
    """What a request is answered instead of being taken."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def response(self) -> Response:
        return JSONResponse({"error": self.text}, self.status, dict(self.headers))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Who may call, by the hash of their token."""

    principals: Mapping[str, str]

    @classmethod
    def of(cls, listed: Mapping[str, str]) -> "Tokens":
        return cls({sha256(token.encode()).hexdigest(): name for name, token in listed.items()})

    def principal(self, token: str) -> str | None:
        """Whose token that is. All are compared, each in constant time: how long it takes tells nothing."""
        given, found = sha256(token.encode()).hexdigest(), None
        for known, name in self.principals.items():
            found = name if hmac.compare_digest(known, given) else found
        return found


@dataclass(slots=True)
class Gate:
    """What every request passes before MCP sees anything of it."""

    settings: Settings
    tokens: Tokens
    hosts: frozenset[str]
    origins: frozenset[str]
    inner: Callable[[Scope, Receive, Send], Awaitable[None]]
    under_way: Counter[str] = field(default_factory=Counter[str])
    """By principal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            who = scope[CALLER] = self.caller(scope["method"], Headers(scope=scope))
            self.under_way[who.principal] += 1
            try:
                body = await read_body(receive)
                await self.inner(scope, replay_body(body, receive), send)
            finally:
                self.under_way[who.principal] -= 1
        except HttpRefusal as refused:
            await refused.response(scope, receive, send)

    def caller(self, method: str, headers: Headers) -> Principal:
        """Who asks.

        Raises:
            Refused: for another host or origin than ours, without a token where one is wanted, and for a key of the
                caller's own where none is taken: it must not be answered for another account than was meant.
        """
        if twice := next((name for name in ONCE if len(headers.getlist(name)) > 1), ""):
            raise HttpRefusal(400, f"There are several {twice} headers.")
        host = headers.get("host", "").lower()
        if host not in self.hosts and not FORWARDED.fullmatch(host):
            raise HttpRefusal(421, "This is not the host that was asked for (AC_MCP_HTTP_HOSTS names those it has).")
        if (origin := headers.get("origin")) and origin.lower() not in self.origins:
            raise HttpRefusal(403, "Pages of this origin may not call (AC_MCP_HTTP_ORIGINS names those that may).")
        principal = self.principal(headers.get("authorization", ""))
        if method != "POST":
            raise HttpRefusal(405, "Requests are posted: this server is stateless.", {"Allow": "POST"})
        if self.under_way.total() >= MOST_AT_ONCE or self.under_way[principal] >= OF_ONE:
            raise HttpRefusal(503, "Too many requests at once: come back in a second.", {"Retry-After": "1"})
        return self.brought(principal, headers)

    def principal(self, authorization: str) -> str:
        if not self.tokens.principals:
            return "local"
        scheme, _, token = authorization.partition(" ")
        known = self.tokens.principal(token.strip()) if scheme.lower() == "bearer" else None
        if known is None:
            wanted = {"WWW-Authenticate": 'Bearer realm="ac-mcp"'}
            raise HttpRefusal(401, "A valid bearer token is needed: Authorization: Bearer TOKEN.", wanted)
        return known

    def brought(self, principal: str, headers: Headers) -> Principal:
        """With the caller's own key and connection, where those are taken."""
        key, connection = headers.get("x-maton-api-key", ""), headers.get("x-maton-connection", "")
        if (key or connection) and not self.settings.accept_caller_keys:
            raise HttpRefusal(400, "This server takes no X-Maton-… headers (--accept-caller-keys was not given).")
        if connection and not key:
            raise HttpRefusal(400, "X-Maton-Connection goes with X-Maton-Api-Key.")
        if key and not KEY.fullmatch(key):
            raise HttpRefusal(400, "X-Maton-Api-Key is not a key.")
        if connection and not CONNECTION.fullmatch(connection):
            raise HttpRefusal(400, "X-Maton-Connection is not the id or name of a connection.")
        if not key and not self.settings.credential and not self.settings.sandbox:
            raise HttpRefusal(401, "This server has no key of its own: send yours as X-Maton-Api-Key.")
        return Principal(principal, key, connection)


async def read_body(receive: Receive) -> bytes:
    """The body, in one piece.

    Raises:
        Refused: if it is too large, or does not come in within its time.
    """
    body = b""
    try:
        with fail_after(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise HttpRefusal(400, "The request broke off.")
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    raise HttpRefusal(413, f"A request can have {LARGEST_BODY} bytes.", {"Connection": "close"})
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise HttpRefusal(
            408, f"The request has to come in within {BODY_SECONDS:.0f} s.", {"Connection": "close"}
        ) from None


def replay_body(body: bytes, receive: Receive) -> Receive:
    """A body that was read already, to be read once more; then whatever comes after it, such as the hanging up."""
    left = [body]

    async def given() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return given


def application(settings: Settings, callers: Tenants, host: str, port: int) -> Starlette:
    """The whole of it: MCP at /mcp, and whether it is alive and ready."""

    def account_of(context: Context) -> Account:
        assert context.request is not None  # HTTP always has one
        return callers.account(context.request.scope[CALLER])

    manager = StreamableHTTPSessionManager(build_server(settings, account_of), stateless=True)
    own = {*LOCAL, host.lower(), *split_names(settings.http_hosts)}
    hosts = frozenset({*own, *(f"{one}:{port}" for one in own)})
    here = {f"http://{one}:{port}" for one in (*LOCAL, host.lower())}
    origins = frozenset({*here, *split_names(settings.http_origins)})
    gate = Gate(settings, Tokens.of(settings.http_tokens), hosts, origins, manager.handle_request)

    async def healthz(request: Any) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Any) -> Response:
        troubles = await callers.find_problems()
        return JSONResponse({"ready": not troubles, "troubles": troubles}, 503 if troubles else 200)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with callers.attached(), manager.run():
            yield

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route(PATH, gate), Mount(PATH + "/", gate)],
        lifespan=lifespan,
    )
