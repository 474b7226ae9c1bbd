"""Maton's own routes: the connections of a key, and the page on which a pending one is confirmed."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ac_mcp.sandbox.http.bodies import Endpoint, answer, guarded, sent
from ac_mcp.sandbox.rest.columns import as_object
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.store import Row, Store
from ac_mcp.sandbox.seed.accounts import open_account

from .access import Doors
from .connect_page import page
from .connections import APP, Connections, shown


def control(store: Store, connections: Connections, doors: Doors, now: Callable[[], datetime]) -> list[Route]:
    plane = _Plane(store, connections, doors, now)
    return [
        Route("/connections", plane.keyed(plane.listed), methods=["GET"]),
        Route("/connections", plane.keyed(plane.created), methods=["POST"]),
        Route("/connections/{id}", plane.keyed(plane.got), methods=["GET"]),
        Route("/connections/{id}", plane.keyed(plane.deleted), methods=["DELETE"]),
        Route("/connect/{token}", plane.confirmed, methods=["GET", "POST"]),
    ]


class _Plane:
    """The control plane over the rows of Maton."""

    def __init__(self, store: Store, connections: Connections, doors: Doors, now: Callable[[], datetime]) -> None:
        self._store, self._connections, self._doors, self._now = store, connections, doors, now

    def keyed(self, handle: Callable[[Request, Row], Row]) -> Endpoint:
        """With the same key as the gateway, and counted with it."""

        async def work(request: Request) -> Response:
            raw = await request.body()
            with self._store.transaction():
                self._doors.maton(request)
                return answer(200, handle(request, as_object(sent(raw))))

        return guarded(work)

    def listed(self, request: Request, body: Row) -> Row:
        rows = self._connections.listed(request.query_params.get("app", ""), request.query_params.get("status", ""))
        return {"connections": [shown(row, _origin(request)) for row in rows]}

    def created(self, request: Request, body: Row) -> Row:
        if body.get("app") != APP:
            raise Refusal(400, {"error": f"The app must be {APP}"})
        return {"connection": shown(self._connections.create(self._now()), _origin(request))}

    def got(self, request: Request, body: Row) -> Row:
        return {"connection": shown(self._connections.get(request.path_params["id"]), _origin(request))}

    def deleted(self, request: Request, body: Row) -> Row:
        self._connections.delete(request.path_params["id"])
        return {}

    async def confirmed(self, request: Request) -> HTMLResponse:
        """The page itself; pressing its button opens an account."""
        with self._store.transaction():
            row = self._connections.by_token(request.path_params["token"])
            if row and row["status"] == "PENDING" and request.method == "POST":
                row = self._connections.activate(row, self._now())
                open_account(self._store.at(int(row["id"])))
        return page(row)


def _origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")
