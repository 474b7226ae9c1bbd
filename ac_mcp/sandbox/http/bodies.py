"""JSON bodies: read with distrust, written as PHP writes them; refusals as responses."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from ac_mcp.sandbox.rest.columns import as_array, as_object
from ac_mcp.sandbox.rest.errors import Refusal

DEPTH = 512

Endpoint = Callable[[Request], Awaitable[Response]]


def answer(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """JSON with escaped slashes (reference 2.3); without a body there is no Content-Type either."""
    if body is None:
        return Response(status_code=status, headers=headers)
    text = json.dumps(body, separators=(",", ":")).replace("/", "\\/")
    return Response(text, status, headers, "application/json")


def sent(raw: bytes) -> Any:
    """The JSON body, an empty object for none; text that SQLite could not hold is mended."""
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, parse_constant=_refuse, parse_float=_finite)
        if not _shallow(body):
            _refuse("depth")
        return json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Refusal(400, {"message": "The request body is not valid JSON."}) from None


def _shallow(value: Any) -> bool:
    """No deeper than PHP reads JSON."""
    level: list[Any] = [value]
    for _ in range(DEPTH):
        level = [inner for each in level for inner in (*as_object(each).values(), *as_array(each))]
        if not level:
            return True
    return False


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    return value if abs(value) < float("inf") else _refuse(text)


def guarded(work: Endpoint) -> Endpoint:
    """Turn a refusal into its answer."""

    async def endpoint(request: Request) -> Response:
        try:
            return await work(request)
        except Refusal as refusal:
            return answer(refusal.status, refusal.body, refusal.headers)

    return endpoint
