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

from .catalog import RESOURCES, endpoints
from .connections import APP, Connections
from .control import control
from .desk import desk
from .doors import Door, Doors
from .faults import Faults
from .faulty import Faulty, Latency
from .generic import Handler
from .refusal import no_route
from .resource import Answer, Call, Quirks
from .store import Store
from .wire import Endpoint, Recorder, Seen, answer, guarded, sent

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
