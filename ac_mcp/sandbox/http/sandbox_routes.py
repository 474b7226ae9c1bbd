"""The sandbox's own routes, for tests, which ActiveCampaign and Maton lack: order faults, read the request log."""

from collections import deque
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .faults import KINDS, BadFault, Faults, parse
from .request_log import LoggedRequest


def sandbox_routes(faults: Faults, log: deque[LoggedRequest]) -> list[Route]:
    """Return the routes: GET, POST and DELETE /sandbox/faults; GET and DELETE /sandbox/requests."""

    async def waiting(request: Request) -> Response:
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            try:
                faults.add(parse((await request.body()).decode("utf-8", "replace")))
            except BadFault as error:
                return JSONResponse({"message": str(error)}, 400)
        return JSONResponse({"faults": [asdict(fault) for fault in faults.waiting], "kinds": KINDS})

    async def requests(request: Request) -> Response:
        if request.method == "DELETE":
            log.clear()
        return JSONResponse({"requests": [asdict(entry) for entry in log]})

    return [
        Route("/sandbox/faults", waiting, methods=["GET", "POST", "DELETE"]),
        Route("/sandbox/requests", requests, methods=["GET", "DELETE"]),
    ]
