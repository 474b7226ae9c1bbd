"""What observers see of a request: an OpenTelemetry span and a log line, never a key, a query or a body."""

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, get_tracer

from ac_mcp.errors import GatewayError
from ac_mcp.messages import Request

log = logging.getLogger(__name__)
tracer = get_tracer("ac-mcp")


def template(path: str) -> str:
    """The route without the ids in it."""
    return re.sub(r"/(?=[^/]*\d)[0-9A-Za-z_-]+(?=/|$)", "/{id}", path)


@contextmanager
def start_span(request: Request, host: str, attempt: int) -> Generator[Span]:
    """A span of one attempt; no-op until the process has an exporter."""
    route = template(request.path)
    told = {"http.request.method": request.method, "url.template": route, "server.address": host}
    with tracer.start_as_current_span(
        f"{request.method} {route}",
        kind=SpanKind.CLIENT,
        attributes=told if attempt == 1 else {**told, "http.request.resend_count": attempt - 1},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except GatewayError as error:
            kind = type(error).__name__
            span.set_status(Status(StatusCode.ERROR, kind))
            span.set_attribute("error.type", str(error.status or kind))
            log.info("%s %s failed at try %d: %s %s", request.method, route, attempt, kind, error.status or "")
            raise


def record_answer(span: Span, request: Request, status: int, waited: float, took: float) -> None:
    """Seconds in the queue, and from sending to answer."""
    span.set_attributes({"http.response.status_code": status, "ac_mcp.queue.seconds": round(waited, 4)})
    log.debug(
        "%s %s %d in %.3f s after %.3f s of waiting", request.method, template(request.path), status, took, waited
    )
