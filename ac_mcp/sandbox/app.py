"""The ASGI application: the API through Maton and directly, Maton's control API, the sandbox's own routes."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from ac_mcp.sandbox.contacts.imports import IMPORT_PATH, unparsable_import
from ac_mcp.sandbox.http.bodies import Endpoint, answer_refusals, json_response, parse_body
from ac_mcp.sandbox.http.faults import FaultMiddleware, Faults, Latency
from ac_mcp.sandbox.http.request_log import LoggedRequest, Recorder
from ac_mcp.sandbox.http.routes import endpoints
from ac_mcp.sandbox.http.sandbox_routes import sandbox_routes
from ac_mcp.sandbox.maton.access import Access, Authorize
from ac_mcp.sandbox.maton.connections import APP, Connections
from ac_mcp.sandbox.maton.control_api import control_routes
from ac_mcp.sandbox.quirks import Quirks
from ac_mcp.sandbox.rest.crud import Handler
from ac_mcp.sandbox.rest.errors import Refusal, no_route
from ac_mcp.sandbox.rest.resource import Answer, Call
from ac_mcp.sandbox.rest.store import Store

from .catalog import RESOURCES

WRITE_METHODS = ("POST", "PUT", "PATCH")
SCOPE_KEY = "sandbox.api"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Parts:
    """What the application is made of."""

    store: Store
    connections: Connections
    access: Access
    quirks: Quirks
    now: Callable[[], datetime]
    log: deque[LoggedRequest]
    faults: Faults
    latency: Latency
    sleep: Callable[[float], Awaitable[None]]


def build_app(parts: Parts) -> Starlette:
    gateway = Mount(f"/{APP}/api/3", app=Api(parts, parts.access.authorize_gateway))
    direct = Mount("/api/3", app=Api(parts, parts.access.authorize_direct))
    routes = [gateway, direct, *control_routes(parts.store, parts.connections, parts.access, parts.now, parts.quirks)]
    routes += sandbox_routes(parts.faults, parts.log)
    faulty = Middleware(FaultMiddleware, faults=parts.faults, latency=parts.latency, now=parts.now, sleep=parts.sleep)
    recorder = Middleware(Recorder, log=parts.log)
    app = Starlette(routes=routes, middleware=[recorder, faulty], exception_handlers={404: _not_found})
    app.router.redirect_slashes = False
    return app


async def _not_found(request: Request, error: Exception) -> Response:
    refusal = no_route()
    return json_response(refusal.status, refusal.body)


@dataclass(frozen=True)
class Api:
    """The API behind one way in; all sandboxes share the router, so the request's scope carries this object."""

    parts: Parts
    authorize: Authorize

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_KEY] = self
        await _router()(scope, receive, send)


@cache
def _router() -> Router:
    """Return the router, whose patterns are compiled once per process."""
    routes = [Route(path, _endpoint(handler), methods=[method]) for method, path, handler in endpoints()]
    routes.append(Route("/{rest:path}", _endpoint(_unknown_route), methods=METHODS))
    return Router(routes=routes, redirect_slashes=False)


def _require_open(request: Request, quirks: Quirks) -> None:
    """Refuse what the plan does not include; the status is reported, the body is published nowhere."""
    name = request.url.path.partition("/api/3/")[2].partition("/")[0]
    if name in quirks.closed:
        raise Refusal(403, {"message": f"Your plan does not include {name}."})


def _heeded_query(request: Request, quirks: Quirks) -> list[tuple[str, str]]:
    """Return the query without the parameters that this account ignores."""
    collection, query = request.url.path.partition("/api/3/")[2], request.query_params.multi_items()
    if request.method != "GET" or not quirks.ignored:
        return query
    return [(name, value) for name, value in query if f"{collection} {name}" not in quirks.ignored]


def _parse(request: Request, raw: bytes) -> Any:
    if request.method not in WRITE_METHODS:
        return {}
    try:
        return parse_body(raw)
    except Refusal:
        if request.url.path.endswith(IMPORT_PATH):
            raise unparsable_import() from None
        raise


def _unknown_route(call: Call) -> Answer:
    raise no_route()


def _endpoint(handler: Handler) -> Endpoint:
    async def work(request: Request) -> Response:
        # Read the body first: nothing may wait between the start and the end of the transaction.
        raw = await request.body()
        api: Api = request.scope[SCOPE_KEY]
        parts = api.parts
        with parts.store.transaction():
            account = api.authorize(request)
            _require_open(request, parts.quirks)
            call = Call(
                store=parts.store.for_account(account),
                catalog=RESOURCES,
                path=request.path_params,
                query=_heeded_query(request, parts.quirks),
                body=_parse(request, raw),
                now=parts.now(),
                quirks=parts.quirks,
            )
            done = handler(call)
        return json_response(done.status, done.body, dict(done.headers))

    return answer_refusals(work)
