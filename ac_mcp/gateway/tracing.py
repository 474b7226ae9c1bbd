"""Observation of requests: an OpenTelemetry span and a log line each, never with a key, a query or a body."""

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
    """Return the path with `{id}` in place of each id: `/contacts/{id}/contactTags`."""
    return re.sub(r"/(?=[^/]*\d)[0-9A-Za-z_-]+(?=/|$)", "/{id}", path)


@contextmanager
def start_span(request: Request, host: str, attempt: int) -> Generator[Span]:
    """Hold a span open for one attempt, counted from 1. It does nothing until the process has an exporter."""
    route = template(request.path)
    attributes: dict[str, str | int] = {
        "http.request.method": request.method,
        "url.template": route,
        "server.address": host,
    }
    if attempt > 1:
        attributes["http.request.resend_count"] = attempt - 1
    with tracer.start_as_current_span(
        f"{request.method} {route}",
        kind=SpanKind.CLIENT,
        attributes=attributes,
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
    """Record an answer in the span and the log: the seconds in the queue, and those from sending to the answer."""
    span.set_attributes({"http.response.status_code": status, "ac_mcp.queue.seconds": round(waited, 4)})
    log.debug(
        "%s %s %d in %.3f s after %.3f s of waiting", request.method, template(request.path), status, took, waited
    )
