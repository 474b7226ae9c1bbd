"""Rows below a contact, read whole: whether the API gives them in pages is not known (corrections, "Reads")."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ac_mcp.messages import Json, Request, Response, as_int, as_object, as_objects

BELOW_CONTACT = re.compile(r"/contacts/\d+/(?P<plural>\w+)", re.ASCII)
PAGE = 100
MOST_ROWS = 5_000
"""Rows below one contact that are read at most."""
Send = Callable[[Request], Awaitable[Response]]


async def send_whole(send: Send, request: Request) -> Response:
    """Send a request; for a list below a contact, ask for full pages and go on until one is not full.

    A request that names its own page is sent as it is. A list that ignores `limit` or `offset` costs one request more.

    Raises:
        GatewayError: if one of the pages cannot be read.
    """
    found = BELOW_CONTACT.fullmatch(request.path) if request.method == "GET" and request.plane == "api" else None
    if found is None or {"limit", "offset"} & request.query.keys():
        return await send(request)
    plural = found["plural"]
    first = await send(replace(request, query={**request.query, "limit": str(PAGE)}))
    if not isinstance(first.body.get(plural), list):
        return first
    rows = page = as_objects(first.body[plural])
    total = as_int(as_object(first.body.get("meta")).get("total"))
    while (len(page) >= PAGE or (page and len(rows) < total)) and len(rows) < MOST_ROWS:
        query = {**request.query, "limit": str(PAGE), "offset": str(len(rows))}
        response = await send(replace(request, query=query))
        page = new_rows(rows, as_objects(response.body.get(plural)))
        rows = [*rows, *page]
    return (
        replace(first, body=first.body | {plural: rows}) if len(rows) > len(as_objects(first.body[plural])) else first
    )


def new_rows(rows: list[Json], page: list[Json]) -> list[Json]:
    """Return the rows of a page that were not read before."""
    seen = {str(row.get("id")) for row in rows}
    return [row for row in page if str(row.get("id")) not in seen]
