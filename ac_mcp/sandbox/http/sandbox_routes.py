"""The tester's desk: order faults, read what was asked. No part of ActiveCampaign or Maton."""

from collections import deque
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .faults import KINDS, BadFault, Faults, parse
from .request_log import Seen


def desk(faults: Faults, log: deque[Seen]) -> list[Route]:
    """GET, POST and DELETE /sandbox/faults; GET and DELETE /sandbox/requests."""

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
        return JSONResponse({"requests": [asdict(seen) for seen in log]})

    return [
        Route("/sandbox/faults", waiting, methods=["GET", "POST", "DELETE"]),
        Route("/sandbox/requests", requests, methods=["GET", "DELETE"]),
    ]
