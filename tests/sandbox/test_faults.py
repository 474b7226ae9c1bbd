"""Faults on demand: by header, beforehand, from the tester's desk; of status and body, and of a transport."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2
import pytest

from ac_mcp.sandbox import BadFault, Fault, Latency, Sandbox, parse
from ac_mcp.sandbox.http.faults import KINDS

NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
TOKEN = {"Api-Token": "sandbox"}


@asynccontextmanager
async def inside(*faults: str) -> AsyncGenerator[tuple[Sandbox, httpx2.AsyncClient]]:
    """A client in the process of a sandbox with these faults waiting."""
    sandbox = Sandbox(now=lambda: NOW, rate=None, faults=[parse(text) for text in faults])
    try:
        async with httpx2.AsyncClient(
            transport=sandbox.transport(), base_url="http://sandbox.invalid", headers=TOKEN
        ) as http:
            yield sandbox, http
    finally:
        sandbox.close()


@asynccontextmanager
async def over_http() -> AsyncGenerator[tuple[Sandbox, httpx2.AsyncClient]]:
    """A client on a loopback socket."""
    sandbox = Sandbox(now=lambda: NOW, rate=None)
    server = await sandbox.serve(0)
    host, port = server.sockets[0].getsockname()
    try:
        async with httpx2.AsyncClient(base_url=f"http://{host}:{port}", headers=TOKEN) as http:
            yield sandbox, http
    finally:
        server.close()
        sandbox.close()


async def tag_names(http: httpx2.AsyncClient) -> set[str]:
    return {row["tag"] for row in (await http.get("/api/3/tags?limit=100")).json()["tags"]}


NEW = {"tag": {"tag": "New", "tagType": "contact"}}


@pytest.mark.parametrize(
    ("fault", "status", "body", "content_type"),
    [
        ("500", 500, '{"message":"Internal Server Error"}', "application/json"),
        ("502-html", 502, "502 Error", "text/html; charset=UTF-8"),
        ("503-empty", 503, "", None),
        ("520-html", 520, "520 Error", "text/html; charset=UTF-8"),
        ("429", 429, "", "application/json"),
        ("403-empty", 403, "", None),
        ("412", 412, "Could not resolve", "application/json"),
        ("empty", 200, "", "application/json"),
        ("text", 200, '"tags":', "text/html; charset=UTF-8"),
    ],
)
async def test_a_header_makes_one_request_fail_as_told(
    fault: str, status: int, body: str, content_type: str | None
) -> None:
    async with inside() as (_, http):
        spoiled = await http.get("/api/3/tags", headers={"X-Sandbox-Fault": fault})
        assert (spoiled.status_code, spoiled.headers.get("content-type")) == (status, content_type)
        assert body in spoiled.text
        assert body or not spoiled.text
        assert (await http.get("/api/3/tags")).status_code == 200


async def test_a_truncated_body_is_half_of_the_true_one() -> None:
    async with inside() as (_, http):
        whole = (await http.get("/api/3/tags")).content
        half = await http.get("/api/3/tags", headers={"X-Sandbox-Fault": "truncated"})
        assert half.content == whole[: len(whole) // 2]


async def test_retry_after_comes_in_seconds_or_as_a_date() -> None:
    async with inside("429-seconds;seconds=30", "429-date;seconds=90", "503-seconds;seconds=2") as (_, http):
        first, then, last = [await http.get("/api/3/tags") for _ in range(3)]
        assert (first.status_code, first.headers["retry-after"]) == (429, "30")
        assert (parsedate_to_datetime(then.headers["retry-after"]) - NOW).total_seconds() == 90
        assert (last.status_code, last.headers["retry-after"]) == (503, "2")


async def test_a_fault_waits_for_its_method_and_path_so_many_times() -> None:
    async with inside("503;times=2;method=post;path=/tags") as (sandbox, http):
        assert (await http.get("/api/3/tags")).status_code == 200
        assert (await http.post("/api/3/notes", json={})).status_code != 503
        assert [(await http.post("/api/3/tags", json=NEW)).status_code for _ in range(3)] == [503, 503, 201]
        assert sandbox.faults.waiting == []


async def test_before_the_write_nothing_is_written_and_after_it_everything_is() -> None:
    async with inside() as (_, http):
        await http.post("/api/3/tags", json=NEW, headers={"X-Sandbox-Fault": "503"})
        assert "New" not in await tag_names(http)
        await http.post("/api/3/tags", json=NEW, headers={"X-Sandbox-Fault": "503;after"})
        assert "New" in await tag_names(http)


async def test_the_desk_orders_faults_shows_them_and_takes_them_back() -> None:
    async with inside() as (_, http):
        told = (await http.post("/sandbox/faults", content="429;times=5;path=/deals")).json()
        assert told["faults"][0]["kind"] == "429"
        assert told["kinds"] == list(KINDS)
        assert (await http.get("/api/3/deals")).status_code == 429
        assert (await http.delete("/sandbox/faults")).json()["faults"] == []
        assert (await http.get("/api/3/deals")).status_code == 200


async def test_the_desk_tells_what_was_asked() -> None:
    async with inside("500") as (_, http):
        await http.get("/api/3/tags?limit=1")
        (seen,) = (await http.get("/sandbox/requests")).json()["requests"][:1]
        assert (seen["method"], seen["path"], seen["query"], seen["status"]) == ("GET", "/api/3/tags", "limit=1", 500)
        await http.delete("/sandbox/requests")
        assert all(one["path"] != "/api/3/tags" for one in (await http.get("/sandbox/requests")).json()["requests"])


@pytest.mark.parametrize("text", ["", "nonsense", "503;colour=red", "503;times=often", "503;seconds=x"])
async def test_a_fault_nobody_knows_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(BadFault, match=r"There (is no fault|are)|A fault has no|numbers"):
        parse(text)
    async with inside() as (_, http):
        assert (await http.post("/sandbox/faults", content=text)).status_code == 400
        assert (await http.get("/api/3/tags", headers={"X-Sandbox-Fault": text})).status_code == 400


def test_a_fault_says_everything_in_one_line() -> None:
    assert parse("drop; after; times=3; method=post; path=/deals; seconds=0.5") == Fault(
        "drop", 3, "POST", "/deals", True, 0.5
    )


async def test_an_answer_takes_its_latency_and_some_jitter() -> None:
    slept: list[float] = []

    async def noted(seconds: float) -> None:
        slept.append(seconds)

    sandbox = Sandbox(rate=None, latency=Latency(0.1, 0.05), sleep=noted)
    async with httpx2.AsyncClient(
        transport=sandbox.transport(), base_url="http://sandbox.invalid", headers=TOKEN
    ) as http:
        for _ in range(20):
            await http.get("/api/3/users/me")
    sandbox.close()
    assert len(slept) == 20
    assert 0.1 <= min(slept) < max(slept) <= 0.15


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["drop", "reset"])
async def test_a_connection_breaks_before_or_after_the_write(kind: str, after: bool) -> None:
    async with over_http() as (_, http):
        fault = {"X-Sandbox-Fault": f"{kind};after" if after else kind}
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            await http.post("/api/3/tags", json=NEW, headers=fault)
        assert ("New" in await tag_names(http)) == after


async def test_an_answer_breaks_off_in_the_middle() -> None:
    async with over_http() as (_, http):
        with pytest.raises(httpx2.RemoteProtocolError):
            await http.get("/api/3/tags", headers={"X-Sandbox-Fault": "cut"})


async def test_a_server_that_hangs_never_answers() -> None:
    async with over_http() as (_, http):
        with pytest.raises(httpx2.ReadTimeout):
            await http.get("/api/3/tags", headers={"X-Sandbox-Fault": "hang"}, timeout=0.05)


async def test_an_answer_drips_byte_by_byte() -> None:
    async with over_http() as (_, http), http.stream("GET", "/api/3/tags", headers={"X-Sandbox-Fault": "drip"}) as slow:
        chunks = slow.aiter_raw()
        assert [len(await anext(chunks)) for _ in range(2)] == [1, 1]


async def test_a_connection_is_kept_for_many_requests_and_many_are_served_at_once() -> None:
    async with over_http() as (sandbox, http):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(http.get(f"/api/3/contacts/{number}")) for number in range(1, 31)]
        assert {task.result().json()["contact"]["id"] for task in tasks} == {str(number) for number in range(1, 31)}
        assert len(sandbox.requests) == 30


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"POST /api/3/tags HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{",
    ],
)
async def test_a_client_that_speaks_no_http_is_hung_up_on(raw: bytes) -> None:
    async with over_http() as (_, http):
        reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
        writer.write(raw)
        writer.write_eof()
        assert b"200" not in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert (await http.get("/api/3/users/me")).status_code == 200


async def test_a_medium_account_has_two_thousand_contacts_and_the_same_ones_each_time() -> None:
    async def page(number: int) -> list[str]:
        sandbox = Sandbox(now=lambda: NOW, rate=None, size="medium", number=number)
        async with httpx2.AsyncClient(
            transport=sandbox.transport(), base_url="http://x.invalid", headers=TOKEN
        ) as http:
            told = (await http.get("/api/3/contacts?limit=100&offset=1900&orders[id]=ASC")).json()
        sandbox.close()
        assert told["meta"]["total"] == "2000"
        return [row["email"] + row["firstName"] for row in told["contacts"]]

    assert await page(1) == await page(1) != await page(2)
