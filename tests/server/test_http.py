"""MCP over HTTP: who is let in, and what becomes of everybody else."""

import json
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import anyio
import httpx2
import mcp_types as types
import pytest
from starlette.datastructures import Headers

from ac_mcp.cli.main import run as command
from ac_mcp.server.http import Gate, Tokens
from ac_mcp.server.http import HttpRefusal as TurnedAway
from ac_mcp.settings import BadSetting, Settings
from tests.server.processes import ALICE, BOB, TOKENS, Served, served

CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "list_tags", "arguments": {"limit": 1}},
}
HEADERS = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {ALICE}"}


@pytest.fixture(scope="module")
def server() -> Generator[Served]:
    with served("--sandbox", AC_MCP_HTTP_TOKEN=TOKENS, AC_MCP_HTTP_ORIGINS="https://app.example.com") as one:
        yield one


def text(result: Any) -> str:
    part = result.content[0]
    assert isinstance(part, types.TextContent)
    return part.text


async def ask(server: Served, headers: dict[str, str] | None = None, **options: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=30) as http:
        return await http.post(f"{server.url}/mcp", json=CALL, headers={**HEADERS, **(headers or {})}, **options)


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_both_eras_list_call_and_are_told_progress(server: Served, mode: Any) -> None:
    told: list[tuple[float, float | None]] = []

    async def heard(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async with server.client(mode=mode) as one:
        assert len((await one.list_tools()).tools) == 62
        found = await one.call_tool("get_contact", {"contact": "jane@acme.example"})
        assert json.loads(text(found))["contact"]["name"] == "Jane Reed"
        people = {"contacts": ["1", "2", "3"], "add_tag": f"Over {mode}"}
        await one.call_tool("create_tag", {"name": f"Over {mode}"})
        done = await one.call_tool("bulk_update_contacts", people, progress_callback=heard)
        assert json.loads(text(done))["result"] == "done"
        assert told


async def test_a_write_that_waits_for_a_yes_is_confirmed_by_who_made_it_only(server: Served) -> None:
    hook = {"name": "h", "url": "https://h.example/x", "events": ["subscribe"], "sources": ["public"]}
    async with server.client() as alice, server.client(BOB) as bob:
        token = json.loads(text(await alice.call_tool("create_webhook", hook)))["token"]
        refused = await bob.call_tool("confirm_change", {"token": token})
        assert text(refused).startswith("token: no call waits for it.")
        assert json.loads(text(await alice.call_tool("confirm_change", {"token": token})))["result"] == "created"
        assert json.loads(text(await bob.call_tool("list_changes", {})))["changes"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {ALICE}"}, 401),
        ({"Authorization": f"Bearer {ALICE}x"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Host": "localhost:80@evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"X-Maton-Api-Key": "somebodys-key"}, 400),
        ({"X-Maton-Connection": "9a0f"}, 400),
        ({"Content-Type": "text/plain"}, 400),
        ({"Host": "localhost:9000"}, 200),
        ({"Origin": "https://app.example.com"}, 200),
    ],
)
async def test_who_is_let_in(server: Served, headers: dict[str, str], status: int) -> None:
    answer = await ask(server, headers)
    assert answer.status_code == status
    assert ALICE not in answer.text
    assert status != 401 or answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_has_a_size_and_a_method(server: Served) -> None:
    async with httpx2.AsyncClient(timeout=30) as http:
        large = await http.post(f"{server.url}/mcp", content=b"x" * (5 * 1024 * 1024), headers=HEADERS)
        assert large.status_code == 413
        for method in ("GET", "DELETE", "PUT"):
            assert (await http.request(method, f"{server.url}/mcp", headers=HEADERS)).status_code == 405
        assert (await http.get(f"{server.url}/healthz")).text == "ok\n"
        assert (await http.get(f"{server.url}/readyz")).json() == {"ready": True, "troubles": []}
        assert (await http.get(f"{server.url}/nothing")).status_code == 404


@pytest.mark.parametrize("name", ["Authorization", "Origin", "X-Maton-Api-Key"])
async def test_two_answers_to_one_question_are_none(server: Served, name: str) -> None:
    both = [(key, value) for key, value in HEADERS.items() if key != name] + [(name, "a"), (name, "b")]
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{server.url}/mcp", json=CALL, headers=both)
    assert answer.status_code == 400
    assert "several" in answer.text


def hung_up(port: int, head: bytes, drip: bytes = b"") -> float:
    """Seconds until the server hangs up on who sends that, and then a byte now and then."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.settimeout(0.5)
        one.sendall(head)
        while time.monotonic() - began < 40:
            try:
                if drip:
                    one.sendall(drip)
                while got := one.recv(4096):
                    assert got
                break
            except TimeoutError:
                continue
            except OSError:
                break
    return time.monotonic() - began


UNENDING: list[tuple[bytes, bytes]] = [
    (b"", b""),
    (b"POST /mcp HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n"),
    (b"POST /mcp HTTP/1.1\r\nX: " + b"a" * 40_000, b"a"),
    (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAuthorization: Bearer {ALICE}\r\nContent-Length: 99\r\n"
        "Content-Type: application/json\r\n\r\n".encode(),
        b" ",
    ),
]
"""Heads and bodies that begin, and what then comes of them byte by byte."""


async def test_who_never_gets_to_the_end_is_hung_up_on(server: Served) -> None:
    async def one(head: bytes, drip: bytes) -> None:
        ready = head.replace(b"PORT", str(server.port).encode())
        assert await anyio.to_thread.run_sync(hung_up, server.port, ready, drip) < 40

    async with anyio.create_task_group() as group:
        for head, drip in UNENDING:
            group.start_soon(one, head, drip)
    assert (await ask(server)).status_code == 200


async def test_a_stopping_server_finishes_what_it_has_begun() -> None:
    with served("--sandbox", AC_MCP_HTTP_TOKEN=TOKENS) as one:
        async with one.client() as client:

            async def under_way(progress: float, total: float | None, message: str | None) -> None:
                if one.process.poll() is None:
                    one.process.send_signal(signal.SIGTERM)

            people = {"contacts": ["1", "2", "3"], "add_tag": "VIP"}
            made = await client.call_tool("bulk_update_contacts", people, progress_callback=under_way)
            assert json.loads(text(made))["result"] == "done"
        assert await anyio.to_thread.run_sync(one.process.wait, 30) == 0


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"AC_MCP_HTTP_TOKEN": "short"}, "at least 16"),
        ({"AC_MCP_HTTP_TOKEN": f"{ALICE},{ALICE}"}, "twice"),
        ({"AC_MCP_HTTP_TOKEN": f"a={ALICE},a={BOB}"}, "twice"),
        ({"AC_MCP_ACCEPT_CALLER_KEYS": "1"}, "needs AC_MCP_HTTP_TOKEN"),
        ({"AC_MCP_HTTP_HOSTS": "mcp.example.com"}, "has to say whom"),
        ({"AC_MCP_HTTP_TOKEN": ","}, "has to say whom"),
        ({"AC_MCP_REDIS_URL": "http://127.0.0.1"}, "redis://"),
    ],
)
def test_what_would_leave_it_open_is_refused(environ: dict[str, str], said: str) -> None:
    with pytest.raises(BadSetting, match=said):
        Settings.from_env(environ)


def test_tokens_have_names_and_may_be_base64() -> None:
    plain = "YWJjZGVmZ2hpamts=="
    told = Settings.from_env({"AC_MCP_HTTP_TOKEN": f"alice={plain}, ,bob={BOB},{ALICE}="})
    assert told.http_tokens == {"alice": plain, "bob": BOB, "caller-3": f"{ALICE}="}


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "my-host:0", "8765", "127.0.0.1:x", "127.0.0.1:99999"])
def test_an_address_others_can_reach_needs_a_token(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AC_MCP_HTTP_TOKEN", raising=False)
    assert command(["--sandbox", "--http", address]) == 2
    assert "--http" in capsys.readouterr().err


async def nobody(*_: Any) -> None: ...


def let_in(under_way: int) -> int:
    """The status a caller gets who has so many requests under way; 0 where the request is let in."""
    served: Callable[..., Awaitable[None]] = nobody
    gate = Gate(Settings(sandbox=True), Tokens({}), frozenset({"localhost"}), frozenset(), served)
    gate.under_way["local"] = under_way
    try:
        gate.caller("POST", Headers({"host": "localhost"}))
    except TurnedAway as refused:
        return refused.status
    return 0


@pytest.mark.parametrize(("under_way", "status"), [(0, 0), (49, 0), (50, 503)])
def test_a_caller_has_50_requests_at_once_and_no_51st(under_way: int, status: int) -> None:
    assert let_in(under_way) == status


ODD_BODIES: dict[str, tuple[bytes, int | None]] = {
    "half an emoji": (rb'{"name":"list_tags","arguments":{"search":"cut \ud83d","limit":1}}', None),
    "half an emoji in a name": (rb'{"name":"list_tags","arguments":{"\ude00":1}}', None),
    "bytes that are no UTF-8": (b'{"name":"list_tags","arguments":{"search":"\xff\xfe"}}', None),
    "an escaped control character": (rb'{"name":"list_tags","arguments":{"search":"\u0000"}}', None),
    "a raw control character": (b'{"name":"list_tags","arguments":{"search":"\x01"}}', -32700),
    "3,000 levels": (b'{"name":"list_tags","arguments":{"search":' + b"[" * 3000 + b"]" * 3000 + b"}}", -32700),
    "a list": (b"[1]", -32600),
}
ENVELOPE = (
    b'"odd":"\\ud83d","io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{}'
)
ERA_HEADERS = {
    "2025-11-25": HEADERS,
    "2026-07-28": HEADERS | {"Mcp-Method": "tools/call", "Mcp-Name": "list_tags"},
}


async def post(server: Served, era: str, body: bytes) -> tuple[int, Any]:
    """The status and the message that a body is answered with."""
    headers = {**ERA_HEADERS[era], "Content-Type": "application/json", "MCP-Protocol-Version": era}
    async with httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{server.url}/mcp", content=body, headers=headers)
    return answer.status_code, json.loads(answer.text.removeprefix("event: message\r\ndata: "))


@pytest.mark.parametrize("case", ODD_BODIES)
@pytest.mark.parametrize("era", ERA_HEADERS)
async def test_odd_characters_are_answered_for_the_id_of_the_request(server: Served, case: str, era: str) -> None:
    params, code = ODD_BODIES[case]
    with_meta = params[:-1] + b',"_meta":{' + ENVELOPE + b"}}" if params.startswith(b"{") else params
    body = b'\xef\xbb\xbf{"jsonrpc":"2.0","id":7,"method":"tools/call","params":' + with_meta + b"}"
    status, message = await post(server, era, body if era == "2026-07-28" else body.replace(ENVELOPE, b""))
    assert (status, message["id"], message.get("error", {}).get("code")) == (400 if code else 200, 7, code)
    assert code or message["result"]["content"]


@pytest.mark.parametrize("era", ERA_HEADERS)
@pytest.mark.parametrize(
    ("body", "code", "id"),
    [
        (b"garbage", -32700, None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":', -32700, 1),
        (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
    ],
)
async def test_a_body_that_is_no_message_is_refused(
    server: Served, era: str, body: bytes, code: int, id: int | None
) -> None:
    status, message = await post(server, era, body)
    assert (status, message["error"]["code"], message["id"]) == (400, code, id)
