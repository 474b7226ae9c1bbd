"""The ASGI application: both doors of the API beside Maton's own routes."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.types import Receive, Scope, Send

from ac_mcp.sandbox.http.bodies import Endpoint, answer, guarded, sent
from ac_mcp.sandbox.http.faults import Faults, Faulty, Latency
from ac_mcp.sandbox.http.request_log import Recorder, Seen
from ac_mcp.sandbox.http.routes import endpoints
from ac_mcp.sandbox.http.sandbox_routes import desk
from ac_mcp.sandbox.maton.access import Door, Doors
from ac_mcp.sandbox.maton.connections import APP, Connections
from ac_mcp.sandbox.maton.control_api import control
from ac_mcp.sandbox.rest.crud import Handler
from ac_mcp.sandbox.rest.errors import no_route
from ac_mcp.sandbox.rest.resource import Answer, Call, Quirks
from ac_mcp.sandbox.rest.store import Store

from .catalog import RESOURCES

WRITING = ("POST", "PUT", "PATCH")
ASKED = "sandbox.api"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Parts:
    """What the application is made of."""

    store: Store
    connections: Connections
    doors: Doors
    quirks: Quirks
    now: Callable[[], datetime]
    log: deque[Seen]
    faults: Faults
    latency: Latency
    sleep: Callable[[float], Awaitable[None]]


def build(parts: Parts) -> Starlette:
    gateway = Mount(f"/{APP}/api/3", app=Api(parts, parts.doors.gateway))
    direct = Mount("/api/3", app=Api(parts, parts.doors.direct))
    routes = [gateway, direct, *control(parts.store, parts.connections, parts.doors, parts.now)]
    routes += desk(parts.faults, parts.log)
    faulty = Middleware(Faulty, faults=parts.faults, latency=parts.latency, now=parts.now, sleep=parts.sleep)
    recorder = Middleware(Recorder, log=parts.log)
    app = Starlette(routes=routes, middleware=[recorder, faulty], exception_handlers={404: _lost})
    app.router.redirect_slashes = False
    return app


async def _lost(request: Request, error: Exception) -> Response:
    refusal = no_route()
    return answer(refusal.status, refusal.body)


@dataclass(frozen=True)
class Api:
    """One door to the API. Its routes are those of every sandbox, so whose request it is travels with the request."""

    parts: Parts
    door: Door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[ASKED] = self
        await _router()(scope, receive, send)


@cache
def _router() -> Router:
    """Its patterns are compiled once in a process."""
    routes = [Route(path, _served(handler), methods=[method]) for method, path, handler in endpoints()]
    routes.append(Route("/{rest:path}", _served(_unknown), methods=METHODS))
    return Router(routes=routes, redirect_slashes=False)


def _unknown(call: Call) -> Answer:
    raise no_route()


def _served(handler: Handler) -> Endpoint:
    async def work(request: Request) -> Response:
        # The body first: nothing may wait between the start and the end of the transaction.
        raw = await request.body()
        api: Api = request.scope[ASKED]
        parts = api.parts
        with parts.store.transaction():
            account = api.door(request)
            call = Call(
                store=parts.store.at(account),
                catalog=RESOURCES,
                path=request.path_params,
                query=request.query_params.multi_items(),
                body=sent(raw) if request.method in WRITING else {},
                now=parts.now(),
                quirks=parts.quirks,
            )
            done = handler(call)
        return answer(done.status, done.body, dict(done.headers))

    return guarded(work)
