"""The ASGI application: both doors of the API beside Maton's own routes."""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

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
    gateway = Mount(f"/{APP}/api/3", routes=_api(parts, parts.doors.gateway))
    direct = Mount("/api/3", routes=_api(parts, parts.doors.direct))
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


def _api(parts: Parts, door: Door) -> list[BaseRoute]:
    routes = [Route(path, _served(parts, door, handler), methods=[method]) for method, path, handler in endpoints()]
    return [*routes, Route("/{rest:path}", _served(parts, door, _unknown), methods=METHODS)]


def _unknown(call: Call) -> Answer:
    raise no_route()


def _served(parts: Parts, door: Door, handler: Handler) -> Endpoint:
    async def work(request: Request) -> Response:
        # The body first: nothing may wait between the start and the end of the transaction.
        raw = await request.body()
        with parts.store.transaction():
            account = door(request)
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
