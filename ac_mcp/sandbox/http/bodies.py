"""JSON bodies, parsed with distrust and written as PHP writes them, and refusals as responses."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from starlette.requests import Request
from starlette.responses import Response

from ac_mcp.sandbox.rest.columns import as_array, as_object
from ac_mcp.sandbox.rest.errors import Refusal

MAX_DEPTH = 512

Endpoint = Callable[[Request], Awaitable[Response]]


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    """Return JSON with escaped slashes (reference 2.3); without a body there is no Content-Type either."""
    if body is None:
        return Response(status_code=status, headers=headers)
    text = json.dumps(body, separators=(",", ":")).replace("/", "\\/")
    return Response(text, status, headers, "application/json")


def parse_body(raw: bytes) -> Any:
    """Parse a JSON body: {} for an empty one; characters that SQLite cannot store are replaced."""
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw, parse_constant=_reject, parse_float=_parse_finite)
        if not _is_shallow(body):
            _reject("depth")
        return json.loads(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise Refusal(400, {"message": "The request body is not valid JSON."}) from None


def _is_shallow(value: Any) -> bool:
    """Whether the value is nested no deeper than PHP reads JSON."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for item in level for inner in (*as_object(item).values(), *as_array(item))]
        if not level:
            return True
    return False


def _reject(name: str) -> NoReturn:
    raise ValueError(name)


def _parse_finite(text: str) -> float:
    value = float(text)
    return value if abs(value) < float("inf") else _reject(text)


def answer_refusals(work: Endpoint) -> Endpoint:
    """Wrap an endpoint so that a refusal becomes its response."""

    async def endpoint(request: Request) -> Response:
        try:
            return await work(request)
        except Refusal as refusal:
            return json_response(refusal.status, refusal.body, refusal.headers)

    return endpoint
