"""The transport over stdin and stdout: what it answers itself, when it ends, and the process around it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage

from ac_mcp.messages import Json
from ac_mcp.sandbox import Sandbox, parse
from ac_mcp.server.stdio import GRACE, MAX_REQUESTS, Transport
from tests.product.test_stdio_faults import listening
from tests.support import clock, in_virtual_time

OPENING: Json = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}


def request(id: int, method: str = "ping", **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode() + b"\n"


@dataclass
class Host:
    """The other end: what it writes, what it has read, and whether it is there."""

    sent: MemoryObjectSendStream[bytes]
    unread: MemoryObjectReceiveStream[bytes]
    left: anyio.Event = field(default_factory=anyio.Event)
    reads: anyio.Event = field(default_factory=anyio.Event)
    lines: list[Json] = field(default_factory=list[Json])
    is_deaf: bool = False

    async def read(self) -> bytes:
        try:
            return await self.unread.receive()
        except anyio.EndOfStream:
            return b""

    async def write(self, line: bytes) -> None:
        if self.is_deaf:
            raise BrokenPipeError
        await self.reads.wait()
        self.lines.append(json.loads(line))

    async def hung_up(self) -> bool:
        await self.left.wait()
        return True


@dataclass
class Session:
    """A session without a server: the messages that arrive, and a way to answer them."""

    host: Host
    from_client: MemoryObjectReceiveStream[SessionMessage | Exception]
    to_client: MemoryObjectSendStream[SessionMessage]

    async def receive(self) -> SessionMessage:
        item = await self.from_client.receive()
        assert isinstance(item, SessionMessage)
        return item

    async def answer(self, id: types.RequestId | None) -> None:
        assert id is not None
        await self.to_client.send(SessionMessage(types.JSONRPCResponse(jsonrpc="2.0", id=id, result={})))
        await anyio.wait_all_tasks_blocked()


@asynccontextmanager
async def session() -> AsyncGenerator[Session]:
    sent, unread = anyio.create_memory_object_stream[bytes](1000)
    host = Host(sent, unread)
    host.reads.set()
    with anyio.fail_after(100):
        async with (
            sent,
            unread,
            Transport(host.read, host.write, host.hung_up).open() as (from_client, to_client),
            from_client,
            to_client,
        ):
            yield Session(host, from_client, to_client)


@in_virtual_time
async def test_a_line_that_is_no_message_is_answered_and_the_session_goes_on() -> None:
    async with session() as one:
        await one.host.sent.send(b"garbage\n" + request(1))
        assert isinstance((await one.receive()).message, types.JSONRPCRequest)
        await one.answer(1)
    assert [(line["id"], line.get("error", {}).get("code")) for line in one.host.lines] == [(None, -32700), (1, None)]


@in_virtual_time
async def test_requests_beyond_the_limit_are_refused_until_another_was_answered_or_cancelled() -> None:
    async with session() as one:
        received = SessionMessage(types.JSONRPCNotification(jsonrpc="2.0", method="none"))
        for id in range(MAX_REQUESTS):
            await one.host.sent.send(request(id))
            received = await one.receive()
        await one.host.sent.send(request(1000))
        await anyio.wait_all_tasks_blocked()
        assert [(line["id"], line["error"]["code"]) for line in one.host.lines] == [(1000, -32603)]
        await one.answer(0)
        assert isinstance(received.metadata, ServerMessageMetadata)
        assert received.metadata.on_request_unanswered
        await received.metadata.on_request_unanswered()
        for id in (1001, 1002):
            await one.host.sent.send(request(id))
            message = (await one.receive()).message
            assert isinstance(message, types.JSONRPCRequest)
            assert message.id == id
        await one.host.sent.send(b'{"jsonrpc":"2.0","method":"notifications/cancelled"}\n' + request(1003))
        assert isinstance((await one.receive()).message, types.JSONRPCNotification)
        await anyio.wait_all_tasks_blocked()
        assert [line["id"] for line in one.host.lines] == [1000, 0, 1003]


@in_virtual_time
async def test_requests_under_way_at_the_end_of_stdin_have_a_second() -> None:
    async with session() as one:
        await one.host.sent.send(request(1) + request(2).strip())
        one.host.sent.close()
        await one.receive()
        await one.receive()
        with anyio.move_on_after(GRACE / 2) as waiting:
            await one.receive()
        assert waiting.cancelled_caught
        await one.answer(1)
        with pytest.raises(anyio.EndOfStream):
            await one.receive()
        assert clock() == GRACE


@in_virtual_time
async def test_without_requests_under_way_the_end_of_stdin_is_the_end() -> None:
    async with session() as one:
        await one.host.sent.send(request(1))
        await one.receive()
        one.host.sent.close()
        await one.answer(1)
        with pytest.raises(anyio.EndOfStream):
            await one.receive()
        assert clock() < GRACE


@in_virtual_time
async def test_a_client_that_has_left_is_not_waited_for_though_it_reads_nothing_and_has_more_to_say() -> None:
    async with session() as one:
        one.host.reads = anyio.Event()
        for _ in range(10):
            await one.host.sent.send(b"garbage\n")
        one.host.left.set()
        with pytest.raises(anyio.EndOfStream):
            await one.receive()
        assert clock() == GRACE
        assert one.host.unread.statistics().current_buffer_used
    assert clock() < 2 * GRACE


@in_virtual_time
async def test_lines_that_nobody_reads_answers_to_are_not_read_ahead() -> None:
    async with session() as one:
        one.host.reads = anyio.Event()
        for _ in range(10):
            await one.host.sent.send(b"garbage\n")
        await anyio.wait_all_tasks_blocked()
        assert one.host.unread.statistics().current_buffer_used == 8  # one is being written, one waits


@in_virtual_time
async def test_the_session_of_a_client_that_cannot_be_written_to_ends() -> None:
    async with session() as one:
        one.host.is_deaf = True
        await one.host.sent.send(b"garbage\n")
        await anyio.sleep_forever()


@contextmanager
def process(*options: str, **environ: str) -> Generator[subprocess.Popen[bytes]]:
    """`ac-mcp` on stdio, which has answered its first request."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AC_", "MATON_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "ac_mcp", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**inherited, "AC_MCP_STATE_DIR": "memory", **environ},
    ) as started:
        try:
            say(started, json.dumps(OPENING).encode() + b"\n")
            assert started.stdout
            assert json.loads(started.stdout.readline())["id"] == 0
            yield started
        finally:
            started.kill()


def say(started: subprocess.Popen[bytes], lines: bytes) -> None:
    assert started.stdin
    started.stdin.write(lines)
    started.stdin.flush()


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_first_signal_ends_the_process_without_a_word(how: signal.Signals, code: int) -> None:
    with process("--sandbox") as started:
        started.send_signal(how)
        assert started.wait(30) == code
        assert started.communicate() == (b"", b"")


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (None, 0)])
async def test_a_call_under_way_does_not_hold_the_process(how: signal.Signals | None, code: int) -> None:
    async with listening() as (sandbox, address):
        sandbox.faults.add(parse("hang;method=GET;path=/tags"))
        with process(MATON_API_BASE_URL=address, MATON_API_KEY=Sandbox.key) as started:
            say(started, request(1, "tools/call", name="list_tags", arguments={}))
            while sandbox.faults.waiting:  # noqa: ASYNC110
                await anyio.sleep(0.01)
            if how:
                started.send_signal(how)
            else:
                assert started.stdin
                started.stdin.close()
                started.stdin = None
            assert await anyio.to_thread.run_sync(started.wait, 30) == code
            rest, noise = started.communicate()
            assert [json.loads(line)["id"] for line in rest.splitlines()] == [1]
            assert noise == b""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say that a pipe was closed")
def test_answers_that_nobody_reads_do_not_hold_the_process() -> None:
    with process("--sandbox") as started:
        say(started, b"".join(request(id, "tools/list") for id in range(1, 800)))
        assert started.stdin
        started.stdin.close()
        assert started.wait(30) == 0
        assert started.stderr
        assert started.stderr.read() == b""


def test_what_is_sent_in_one_go_is_answered_before_the_process_ends() -> None:
    with process("--sandbox") as started:
        out, noise = started.communicate(request(1) + request(2, "tools/list") + b"garbage", timeout=30)
    assert sorted(str(json.loads(line)["id"]) for line in out.splitlines()) == ["1", "2", "None"]
    assert (noise, started.returncode) == (b"", 0)
