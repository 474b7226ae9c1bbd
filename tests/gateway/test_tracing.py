"""What observers see: spans and log lines without keys, queries or bodies."""

import logging
from collections.abc import Iterator

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ac_mcp.gateway import tracing
from tests.support import KEY, in_virtual_time, trial


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def shown(span: ReadableSpan) -> str:
    return f"{span.name} {dict(span.attributes or {})} {span.status.description} {span.events}"


def test_a_request_is_a_span_that_tells_route_status_and_tries(spans: InMemorySpanExporter) -> None:
    @in_virtual_time
    async def shown_here() -> None:
        async with trial() as one:
            answers = [httpx2.Response(503), httpx2.Response(429, headers={"retry-after": "2"})]
            one.wire.answer = lambda request: answers.pop() if answers else None
            await one.answer("get_contact", contact="jane@acme.example")

    spans.clear()
    shown_here()
    finished = spans.get_finished_spans()
    assert {"GET /contacts", "GET /contacts/{id}", "GET /contacts/{id}/contactTags"} <= {span.name for span in finished}
    failed = [span for span in finished if not span.status.is_ok]
    assert [dict(span.attributes or {}).get("error.type") for span in failed] == ["429", "503"]
    again = [dict(span.attributes or {}).get("http.request.resend_count") for span in finished]
    assert 2 in again
    assert not [span for span in finished if "jane" in shown(span) or KEY in shown(span).replace("sandbox.invalid", "")]


def test_log_lines_hold_neither_query_nor_key(caplog: pytest.LogCaptureFixture) -> None:
    @in_virtual_time
    async def shown_here() -> None:
        async with trial() as one:
            await one.answer("get_contact", contact="jane@acme.example")
            one.wire.answer = lambda request: httpx2.Response(500, json={"message": "secret body"})
            await one.refusal("list_contacts", email="jane@acme.example")

    with caplog.at_level(logging.DEBUG, logger="ac_mcp"):
        shown_here()
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ac_mcp")]
    assert any(line.startswith("GET /contacts/{id} 200 in ") for line in lines)
    assert any("GET /contacts failed at try 4: Unavailable 500" in line for line in lines)
    assert not [line for line in lines if "jane" in line or KEY in line or "secret" in line]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/contacts", "/contacts"),
        ("/contacts/12/contactTags", "/contacts/{id}/contactTags"),
        ("/connections/8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4", "/connections/{id}"),
        ("/contact/sync", "/contact/sync"),
    ],
)
def test_ids_are_left_out_of_routes(path: str, route: str) -> None:
    assert tracing.template(path) == route
