"""Serve MCP over HTTP: check who calls and how much, then hand the request to the SDK's stateless transport.

Each request stands alone, so any replica can take it. A caller's bearer token identifies them to this server and is
never passed on.
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
from ac_mcp.server.json_lines import MAX_MESSAGE_BYTES, NotAMessage, encode_message, require_message
from ac_mcp.server.tenants import Principal, Tenants
from ac_mcp.server.tools import Context, build_server
from ac_mcp.settings import Settings
from ac_mcp.tools.toolsets import split_names

PATH = "/mcp"
BODY_TIMEOUT = 15.0
"""Seconds within which the whole body of a request has to arrive."""
MAX_REQUESTS = 200
"""Requests under way at the same time, of all callers; more are refused with 503."""
MAX_REQUESTS_PER_CALLER = 50
SINGLE_HEADERS = ("host", "origin", "authorization", "x-maton-api-key", "x-maton-connection")
"""Headers that may appear only once: with two values it would be unclear which one counts."""
LOCAL = ("127.0.0.1", "localhost", "[::1]")
FORWARDED = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]):[0-9]{1,5}")
"""This machine by any port, such as one a container or tunnel forwards; no DNS name can pose as one of these."""
CALLER = "ac_mcp.caller"
"""The key of the caller in the ASGI scope."""
KEY = re.compile(r"[\x21-\x7e]{8,512}")
CONNECTION = re.compile(r"[0-9A-Za-z][0-9A-Za-z ._-]{0,99}")


@dataclass(eq=False)
class HttpRefusal(Exception):
    """The HTTP answer to a request that is refused before MCP sees it."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def response(self) -> Response:
        return JSONResponse({"error": self.text}, self.status, dict(self.headers))


@dataclass(frozen=True, slots=True)
class Tokens:
    """The bearer tokens of those who may call."""

    principals: Mapping[str, str]
    """The name of each principal, by the SHA-256 of their token in hex."""

    @classmethod
    def of(cls, tokens: Mapping[str, str]) -> "Tokens":
        """Return the tokens of a setting: `{principal: token}`."""
        return cls({sha256(token.encode()).hexdigest(): name for name, token in tokens.items()})

    def principal(self, token: str) -> str | None:
        """Return the principal whose token this is.

        The token is compared with every one, each in constant time, so that the duration reveals nothing.
        """
        digest, found = sha256(token.encode()).hexdigest(), None
        for candidate, name in self.principals.items():
            found = name if hmac.compare_digest(candidate, digest) else found
        return found


@dataclass(slots=True)
class Gate:
    """The ASGI application that checks every request before MCP sees it."""

    settings: Settings
    tokens: Tokens
    hosts: frozenset[str]
    """Accepted values of the Host header, in lower case."""
    origins: frozenset[str]
    """Accepted values of the Origin header, in lower case."""
    inner: Callable[[Scope, Receive, Send], Awaitable[None]]
    under_way: Counter[str] = field(default_factory=Counter[str])
    """Number of requests under way, by principal."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = scope[CALLER] = self.caller(scope["method"], Headers(scope=scope))
            self.under_way[caller.principal] += 1
            try:
                body = require_message(await read_body(receive))
                await self.inner(scope, replay_body(body, receive), send)
            finally:
                self.under_way[caller.principal] -= 1
        except HttpRefusal as refusal:
            await refusal.response(scope, receive, send)
        except NotAMessage as refusal:
            await Response(encode_message(refusal.answer), 400, media_type="application/json")(scope, receive, send)

    def caller(self, method: str, headers: Headers) -> Principal:
        """Return who calls.

        Raises:
            HttpRefusal: if the host, origin or method is not accepted, a needed token is missing or unknown, there are
                too many requests, or the caller sends a key that this server does not take: the server's own key would
                reach another account than the caller means.
        """
        if repeated := next((name for name in SINGLE_HEADERS if len(headers.getlist(name)) > 1), ""):
            raise HttpRefusal(400, f"There are several {repeated} headers.")
        host = headers.get("host", "").lower()
        if host not in self.hosts and not FORWARDED.fullmatch(host):
            raise HttpRefusal(421, "This is not the host that was asked for (AC_MCP_HTTP_HOSTS names those it has).")
        if (origin := headers.get("origin")) and origin.lower() not in self.origins:
            raise HttpRefusal(403, "Pages of this origin may not call (AC_MCP_HTTP_ORIGINS names those that may).")
        principal = self.principal(headers.get("authorization", ""))
        if method != "POST":
            raise HttpRefusal(405, "Requests are posted: this server is stateless.", {"Allow": "POST"})
        if self.under_way.total() >= MAX_REQUESTS or self.under_way[principal] >= MAX_REQUESTS_PER_CALLER:
            raise HttpRefusal(503, "Too many requests at once: come back in a second.", {"Retry-After": "1"})
        return self.parse_caller(principal, headers)

    def principal(self, authorization: str) -> str:
        """Return the principal of an Authorization header; "local" if the server has no tokens.

        Raises:
            HttpRefusal: if the header holds no valid bearer token.
        """
        if not self.tokens.principals:
            return "local"
        scheme, _, token = authorization.partition(" ")
        principal = self.tokens.principal(token.strip()) if scheme.lower() == "bearer" else None
        if principal is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="ac-mcp"'}
            raise HttpRefusal(401, "A valid bearer token is needed: Authorization: Bearer TOKEN.", challenge)
        return principal

    def parse_caller(self, principal: str, headers: Headers) -> Principal:
        """Return the caller with the key and connection from their X-Maton-… headers.

        Raises:
            HttpRefusal: if this server does not take them, one is malformed, or there is no key at all.
        """
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
    """Return the whole body.

    Raises:
        HttpRefusal: if the body is too large, does not arrive within `BODY_TIMEOUT`, or breaks off.
    """
    body = b""
    try:
        with fail_after(BODY_TIMEOUT):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise HttpRefusal(400, "The request broke off.")
                body += message.get("body", b"")
                if len(body) > MAX_MESSAGE_BYTES:
                    raise HttpRefusal(413, f"A request can have {MAX_MESSAGE_BYTES} bytes.", {"Connection": "close"})
                if not message.get("more_body"):
                    return body
    except TimeoutError:
        raise HttpRefusal(
            408, f"The request has to come in within {BODY_TIMEOUT:.0f} s.", {"Connection": "close"}
        ) from None


def replay_body(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that yields a body that was read already, then what follows it, such as the disconnect."""
    unread = [body]

    async def receive_replayed() -> Message:
        return {"type": "http.request", "body": unread.pop(), "more_body": False} if unread else await receive()

    return receive_replayed


def application(settings: Settings, tenants: Tenants, host: str, port: int) -> Starlette:
    """Return the ASGI application: MCP at /mcp, liveness at /healthz, readiness at /readyz."""

    def account_of(context: Context) -> Account:
        assert context.request is not None  # HTTP always has one
        return tenants.account(context.request.scope[CALLER])

    manager = StreamableHTTPSessionManager(build_server(settings, account_of), stateless=True)
    names = {*LOCAL, host.lower(), *split_names(settings.http_hosts)}
    hosts = frozenset({*names, *(f"{name}:{port}" for name in names)})
    own_origins = {f"http://{name}:{port}" for name in (*LOCAL, host.lower())}
    origins = frozenset({*own_origins, *split_names(settings.http_origins)})
    gate = Gate(settings, Tokens.of(settings.http_tokens), hosts, origins, manager.handle_request)

    async def healthz(request: Any) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Any) -> Response:
        problems = await tenants.find_problems()
        return JSONResponse({"ready": not problems, "troubles": problems}, 503 if problems else 200)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with tenants.running(), manager.run():
            yield

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route(PATH, gate), Mount(PATH + "/", gate)],
        lifespan=lifespan,
    )
