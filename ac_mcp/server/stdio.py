"""Serve MCP over stdin and stdout: every line is answered, and the process ends when its client or a signal says so.

The threads that read and write are daemons, so that the process can end while they wait for a client that neither
writes nor reads.
"""

import os
import select
import sys
from asyncio import wrap_future
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from signal import SIGINT, SIGTERM, Signals
from threading import Thread
from typing import Any, TypeAlias, TypeVar

import mcp_types as types
from anyio import (
    TASK_STATUS_IGNORED,
    BrokenResourceError,
    CancelScope,
    Event,
    create_memory_object_stream,
    create_task_group,
    move_on_after,
    open_signal_receiver,
    sleep,
)
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import ServerMessageMetadata, SessionMessage

from ac_mcp.server.json_lines import LineSplitter, NotAMessage, TooLong, encode_message, parse_message

T = TypeVar("T")
CHUNK_BYTES = 64 * 1024
MAX_REQUESTS = 200
"""Requests under way at the same time; more are refused."""
GRACE = 1.0
"""Seconds that requests under way still have once stdin has closed; hosts kill a server after two."""
DRAIN_TIMEOUT = 0.5
"""Seconds that the last message has to be written."""
TOO_MANY = f"There are {MAX_REQUESTS} requests under way: repeat this one when another was answered."
FromClient: TypeAlias = MemoryObjectReceiveStream[SessionMessage | Exception]
ToClient: TypeAlias = MemoryObjectSendStream[SessionMessage]


class DaemonThread:
    """A thread that runs blocking functions one after another. Who is cancelled does not wait for it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        Thread(target=self._work, daemon=True).start()

    async def run(self, function: Callable[[], T]) -> T:
        """Return the result of a function. Raises OSError as it does."""
        future: Future[T] = Future()
        self._calls.put((future, function))
        return await wrap_future(future)

    def _work(self) -> None:
        while True:
            future, function = self._calls.get()
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function())
                except OSError as error:
                    future.set_exception(error)


@dataclass
class Transport:
    """Messages over two blocking ends, which are passed in as functions."""

    read: Callable[[], Awaitable[bytes]]
    """Returns what has arrived; nothing at the end."""
    write: Callable[[bytes], Awaitable[None]]
    """Raises OSError if nobody reads any more."""
    hung_up: Callable[[], Awaitable[bool]]
    """Waits until the client has closed its end, though something is unread; false if that cannot be found out."""
    under_way: set[types.RequestId] = field(default_factory=set[types.RequestId])
    """The ids of the requests that are not answered yet."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[tuple[FromClient, ToClient]]:
        """Yield the streams of a session. Reading ends when stdin has, and for whoever leaves this context."""
        self.reading, self.settled, self.sent = CancelScope(), Event(), Event()
        to_server, from_client = create_memory_object_stream[SessionMessage | Exception](0)
        to_client, from_server = create_memory_object_stream[SessionMessage](0)
        async with create_task_group() as group:
            group.start_soon(self._receive, to_server, to_client.clone())
            group.start_soon(self._send, from_server, group.cancel_scope)
            group.start_soon(self._watch)
            yield from_client, to_client
            self.reading.cancel()
            with move_on_after(DRAIN_TIMEOUT):
                await self.sent.wait()
            group.cancel_scope.cancel()

    async def _receive(self, to_server: MemoryObjectSendStream[SessionMessage | Exception], answers: ToClient) -> None:
        """Pass messages on until stdin ends, and answer the lines that are none."""
        lines = LineSplitter()
        async with to_server, answers:
            with self.reading, suppress(BrokenResourceError, OSError):
                while chunk := await self.read():
                    for line in lines.feed(chunk):
                        await self._receive_line(line, to_server, answers)
                for line in lines.take_rest():
                    await self._receive_line(line, to_server, answers)
                with move_on_after(GRACE):
                    while self.under_way:
                        await self.settled.wait()

    async def _receive_line(
        self,
        line: bytes | TooLong,
        to_server: MemoryObjectSendStream[SessionMessage | Exception],
        answers: ToClient,
    ) -> None:
        try:
            message = parse_message(line)
            metadata = self._begin(message.id) if isinstance(message, types.JSONRPCRequest) else None
        except NotAMessage as refusal:
            await answers.send(SessionMessage(refusal.answer))
        else:
            await to_server.send(SessionMessage(message, metadata))

    def _begin(self, id: types.RequestId) -> ServerMessageMetadata:
        """Note that a request is under way. Raises NotAMessage if too many are."""
        if len(self.under_way) >= MAX_REQUESTS:
            raise NotAMessage(types.INTERNAL_ERROR, TOO_MANY, id)
        self.under_way.add(id)

        async def settle() -> None:
            self._settle(id)

        return ServerMessageMetadata(on_request_unanswered=settle)

    def _settle(self, id: types.RequestId | None) -> None:
        """Note that a request was answered, or was cancelled and will not be."""
        if id is not None:
            self.under_way.discard(id)
        self.settled.set()
        self.settled = Event()

    async def _send(self, from_server: MemoryObjectReceiveStream[SessionMessage], session: CancelScope) -> None:
        """Write the messages of the server; end the session if nobody reads them."""
        try:
            async with from_server:
                async for item in from_server:
                    await self.write(encode_message(item.message))
                    if isinstance(item.message, types.JSONRPCResponse | types.JSONRPCError):
                        self._settle(item.message.id)
        except OSError:
            session.cancel()
        finally:
            self.sent.set()

    async def _watch(self) -> None:
        """End the session of a client that has left, though what it wrote cannot be read to its end."""
        if await self.hung_up():
            await sleep(GRACE)
            self.reading.cancel()


@asynccontextmanager
async def open_stdio() -> AsyncGenerator[tuple[FromClient, ToClient]]:
    """Open a session over stdin and stdout; meanwhile nothing else in this process can read or write them."""
    with private_descriptors() as (stdin, stdout):
        reader, writer, watcher = DaemonThread(), DaemonThread(), DaemonThread()
        transport = Transport(
            lambda: reader.run(partial(os.read, stdin, CHUNK_BYTES)),
            lambda line: writer.run(partial(write_all, stdout, line)),
            lambda: watcher.run(partial(wait_for_hang_up, stdin)),
        )
        async with transport.open() as streams:
            yield streams


@contextmanager
def private_descriptors() -> Generator[tuple[int, int]]:
    """Yield descriptors of stdin and stdout; meanwhile 0 is empty and what is written to 1 goes to stderr.

    They stay open afterwards: a thread may still wait at one, and must not find another file there.
    """
    stdin, stdout = duplicate(0), duplicate(1)
    with open(os.devnull, "r+b") as null:
        os.dup2(null.fileno(), 0)
        try:
            os.dup2(2, 1)
        except OSError:
            os.dup2(null.fileno(), 1)
    try:
        yield stdin, stdout
    finally:
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)


def duplicate(descriptor: int) -> int:
    """Return another descriptor of the same file, above those of the standard streams."""
    if sys.platform == "win32":
        return os.dup(descriptor)
    import fcntl

    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises OSError if nobody reads."""
    unwritten = memoryview(data)
    while unwritten:
        unwritten = unwritten[os.write(descriptor, unwritten) :]


def wait_for_hang_up(descriptor: int) -> bool:
    """Wait until the other end of a pipe is closed; return false if the system does not say."""
    if not hasattr(select, "poll"):
        return False
    closed_by_peer = getattr(select, "POLLRDHUP", 0)
    poll = select.poll()
    poll.register(descriptor, closed_by_peer)
    return any(event & (select.POLLHUP | closed_by_peer) for _, event in poll.poll())


async def until_signal(work: Callable[[], Awaitable[None]]) -> Signals | None:
    """Run until the work has ended, or is cancelled by SIGINT or SIGTERM; return that signal."""
    received: Signals | None = None
    async with create_task_group() as group:

        async def receive(*, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
            nonlocal received
            with open_signal_receiver(SIGINT, SIGTERM) as signals:
                task_status.started()
                received = await anext(signals)
                group.cancel_scope.cancel()

        with suppress(NotImplementedError):  # Windows has no such signals: there Ctrl-C raises KeyboardInterrupt
            await group.start(receive)
        await work()
        group.cancel_scope.cancel()
    return received
