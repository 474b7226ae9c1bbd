"""What observers see: spans and log lines without keys, queries or bodies; signs of life; how the budget stands."""

import logging
from collections.abc import Iterator
from itertools import pairwise

import anyio
import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ac_mcp.errors import ToolError
from ac_mcp.gateway import tracing
from ac_mcp.messages import Request
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.next_call import explain
from tests.support import KEY, connected, in_virtual_time, trial


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


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@in_virtual_time
async def test_a_call_that_takes_long_gives_a_sign_every_five_seconds(mode: str) -> None:
    seen = list[tuple[float, str | None]]()

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, message))

    async with trial() as one, connected(one, mode=mode) as client:  # pyright: ignore[reportArgumentType]
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(17)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        await client.call_tool("list_users", {}, progress_callback=noted)
    assert [message for _, message in seen] == [f"{n} s: waiting for ActiveCampaign" for n in (5, 10, 15)]
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


@in_virtual_time
async def test_progress_increases_whatever_is_reported() -> None:
    seen = list[float]()

    async def noted(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    async with trial() as one, connected(one) as client:
        for number in range(250):
            await one.answer("create_note", text=f"Note {number}", contact="2")
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(7)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        await client.call_tool("list_notes", {"deal": "1"}, progress_callback=noted)
    assert len(seen) >= 3
    assert all(one < two for one, two in pairwise(seen))


@in_virtual_time
async def test_a_call_that_is_cancelled_stops_its_work_and_frees_its_slots() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def hanging(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep_forever()
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(hanging)
        with anyio.move_on_after(3):
            await one.answer("get_contact", contact="1")
        one.wire.inner = inner
        await anyio.sleep(1.1)
        rates = one.account.gateway.endpoints.budgets(one.account.caller, Request("GET", ""))
        assert (await one.account.gateway.pacing.state_of(*rates[0])).free == 5
        assert one.account.gateway.pacing.waiting_in_all == 0


@in_virtual_time
async def test_who_has_to_wait_is_told_until_when_and_how_the_budget_stands() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(
            429, headers={"retry-after": "Mon, 23 Nov 2099 15:01:30 GMT", "x-request-id": "r-7"}
        )
        text = await one.refusal("list_tags")
        assert "(request r-7)" in text
        assert "(paused for 86400 s, last 429 0 s ago)" in text
        one.wire.answer = lambda request: None
        one.forget_requests()
        assert "Wait" in await one.refusal("list_lists")
        assert one.requests == [], "nobody asks before the time"


@in_virtual_time
async def test_a_queue_that_is_too_long_is_told_at_once() -> None:
    async with trial(rate=5) as one:
        texts, refused = list[str](), 0

        async def ask(number: int) -> None:
            try:
                await one.answer("list_contacts", search=f"x{number}")
            except ToolError as trouble:
                texts.append(explain(trouble, OPERATIONS["list_contacts"], {}))

        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(ask, number)
            await anyio.sleep(0.01)
            refused = len(texts)
        assert refused > 60
        assert texts[0].startswith("The queue for the rate limit (5 a second per account) is too long for this call: 1")
        assert "Wait 25 seconds" in texts[0] or "Wait 26 seconds" in texts[0]
