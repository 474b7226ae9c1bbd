"""Maton's control API: the routes for the connections of a key, and for the connect page."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ac_mcp.sandbox.http.bodies import Endpoint, answer_refusals, json_response, parse_body
from ac_mcp.sandbox.quirks import Quirks
from ac_mcp.sandbox.rest.columns import as_object
from ac_mcp.sandbox.rest.queries import parse_number
from ac_mcp.sandbox.rest.store import Row, Store
from ac_mcp.sandbox.seed.accounts import open_account

from .access import Access
from .connect_page import connect_page
from .connections import APP, Connections, render_connection
from .errors import maton_refusal


def control_routes(
    store: Store, connections: Connections, access: Access, now: Callable[[], datetime], quirks: Quirks
) -> list[Route]:
    api = _ControlApi(store, connections, access, now, quirks)
    return [
        Route("/connections", api.with_key(api.list_connections), methods=["GET"]),
        Route("/connections", api.with_key(api.create_connection), methods=["POST"]),
        Route("/connections/{id}", api.with_key(api.get_connection), methods=["GET"]),
        Route("/connections/{id}", api.with_key(api.delete_connection), methods=["DELETE"]),
        Route("/connect/{token}", api.connect, methods=["GET", "POST"]),
    ]


class _ControlApi:
    """The handlers of the control API."""

    def __init__(
        self, store: Store, connections: Connections, access: Access, now: Callable[[], datetime], quirks: Quirks
    ) -> None:
        self._store, self._connections, self._access = store, connections, access
        self._now, self._quirks = now, quirks

    def with_key(self, handle: Callable[[Request, Row], Row]) -> Endpoint:
        """Return an endpoint that requires the key of the gateway and counts towards its rate limit."""

        async def work(request: Request) -> Response:
            raw = await request.body()
            with self._store.transaction():
                self._access.require_key(request)
                return json_response(200, handle(request, as_object(parse_body(raw))))

        return answer_refusals(work)

    def list_connections(self, request: Request, body: Row) -> Row:
        query = request.query_params
        wanted = {name: query.get(name, "") for name in ("app", "status", "method")}
        rows = self._connections.select(wanted, parse_number(query.get("limit", "")) or -1)
        return {"connections": [render_connection(row, _origin(request)) for row in rows]}

    def create_connection(self, request: Request, body: Row) -> Row:
        """Create a PENDING connection; its link comes with the GET that follows."""
        if body.get("app") != APP:
            raise maton_refusal(self._quirks, 400, f"The app must be {APP}")
        row = self._connections.create(self._now())
        shapes: Row = {
            "flat": {"connection_id": row["connection_id"]},
            "flat_capital": {"connection_Id": row["connection_id"]},
            "nested": {"connection": render_connection(row, _origin(request))},
        }
        return shapes[self._quirks.created_connection]

    def get_connection(self, request: Request, body: Row) -> Row:
        return {"connection": render_connection(self._connections.require(request.path_params["id"]), _origin(request))}

    def delete_connection(self, request: Request, body: Row) -> Row:
        self._connections.delete(request.path_params["id"])
        return {}

    async def connect(self, request: Request) -> HTMLResponse:
        """Answer the connect page; a POST from its button activates the connection and opens an account."""
        with self._store.transaction():
            row = self._connections.find_by_token(request.path_params["token"])
            if row and row["status"] == "PENDING" and request.method == "POST":
                row = self._connections.activate(row, self._now())
                open_account(self._store.for_account(int(row["id"])))
        return connect_page(row)


def _origin(request: Request) -> str:
    return str(request.base_url).rstrip("/")
