"""Every writing tool under every fault, in virtual time: what the account holds afterwards against what was said."""

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

import anyio
import httpx2

from ac_mcp.calls.execute import execute
from ac_mcp.errors import OutcomeUnknown, ToolError
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.next_call import explain
from ac_mcp.sandbox.catalog import RESOURCES
from ac_mcp.sandbox.http.faults import REFUSALS, SPOILED, TRANSPORT, Fault, spoil
from tests.examples import CALLS
from tests.support import NOW, Trial, clock, in_virtual_time, trial

WRITES = [
    name for name, operation in OPERATIONS.items() if not operation.read_only and operation.resource.plane != "local"
]
VOLATILE = re.compile(
    r"date|time|stamp|created|updated|token|connection_id|count|subscribers|hash|uuid|originalValue", re.I
)
T = TypeVar("T")
Said = Literal["done", "undone", "unknown"]
State = dict[str, list[Json]]
FAULTS = tuple(
    Fault(kind, times, after=after)
    for kind in (*SPOILED, *TRANSPORT)
    for after in (False, True)
    for times in (1, 4)
    if not (after and (Fault(kind).carried_out or kind.startswith("4") or kind in REFUSALS))
)
"""Each before and after the request is carried out, hitting one request or four.

A 4xx says that nothing was carried out, and so does a 200 that refuses. One that comes after it was would be a lie,
which nobody could see through.
"""


class Dripping(httpx2.AsyncByteStream):
    """A byte in a while, so that no phase of it is ever late."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for place in range(len(self._body)):
            await anyio.sleep(0.2)
            yield self._body[place : place + 1]


class Cut(httpx2.AsyncByteStream):
    """Half a body, and then nobody there."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body[: len(self._body) // 2]
        raise httpx2.RemoteProtocolError("peer closed connection without sending complete message body")


@dataclass
class Faulted:
    """The next `fault.times` writing requests suffer the fault."""

    inner: httpx2.AsyncBaseTransport
    fault: Fault
    left: int

    async def carry(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET" or not self.left:
            return await self.inner.handle_async_request(request)
        self.left -= 1
        true = (200, dict[str, str](), b"")
        if self.fault.carried_out:
            response = await self.inner.handle_async_request(request)
            true = (response.status_code, dict(response.headers), await response.aread())
        return await self._failed(true)

    async def _failed(self, true: tuple[int, Any, bytes]) -> httpx2.Response:
        match self.fault.kind:
            case "reset":
                raise httpx2.ReadError("reset")
            case "drop":
                raise httpx2.RemoteProtocolError("dropped")
            case "hang":
                await anyio.sleep(20)
                raise httpx2.ReadTimeout("no answer")
            case "drip":
                return httpx2.Response(true[0], stream=Dripping(true[2]))
            case "cut":
                return httpx2.Response(true[0], stream=Cut(true[2]))
            case _:
                status, headers, body = spoil(self.fault, true, lambda: NOW)
                return httpx2.Response(status, headers=headers, content=body)


@dataclass(frozen=True)
class Case:
    """What was said, what is true, and how long it took."""

    tool: str
    fault: Fault
    said: Said
    text: str
    state: State
    seconds: float


@cache
def is_kept(key: str) -> bool:
    return not VOLATILE.search(key)


def state(one: Trial) -> State:
    """All that the account holds, without what depends on when or how often somebody asked."""
    store = one.sandbox._store  # pyright: ignore[reportPrivateUsage]
    tables = {name: store.for_account(1).select(name) for name in RESOURCES}
    tables["connections"] = store.for_account(0).select("connections")
    return {
        name: sorted(({key: value for key, value in row.items() if is_kept(key)} for row in rows), key=repr)
        for name, rows in tables.items()
        if name not in ("activities", "dealActivities", "logs")
    }


def result(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What the work comes to, begun at the beginning of time: the made-up company is as old in every case."""
    got = list[T]()

    @in_virtual_time
    async def shown() -> None:
        got.append(await work())

    shown()
    return got[0]


async def untouched() -> State:
    async with trial() as one:
        return state(one)


async def carried(tool: str, fault: Fault | None = None) -> Case:
    """One tool, called once on a fresh account."""
    async with trial() as one:
        if fault:
            one.wire.inner = httpx2.MockTransport(Faulted(one.wire.inner, fault, fault.times).carry)
        began, text = clock(), ""
        try:
            await execute(one.account, OPERATIONS[tool], CALLS[tool])
            said: Said = "done"
        except ToolError as trouble:
            text = explain(trouble, OPERATIONS[tool], CALLS[tool])
            said = "unknown" if isinstance(trouble, OutcomeUnknown) or trouble.done else "undone"
        return Case(tool, fault or Fault("503"), said, text, state(one), clock() - began)


def wrong(case: Case, before: State, after: State) -> str:
    """What the case got wrong; nothing if it told the truth in time and nothing is there twice."""
    if case.seconds > 45.1:
        return f"took {case.seconds:.1f} s"
    more = [name for name, rows in case.state.items() if len(rows) > max(len(after[name]), len(before[name]))]
    if more:
        return f"too many {', '.join(more)}"
    if case.said == "done" and case.state != after:
        return "said done, and is not"
    if case.said == "undone" and case.state != before:
        return f"said undone, and something was: {case.text[:90]}"
    return ""
