"""What tests stand on: an account on a sandbox in virtual time, a client in memory, and the wire in writing."""

import asyncio
import atexit
import functools
import json
import selectors
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, ParamSpec
from urllib.parse import parse_qsl, urlsplit

import anyio
import httpx2
from jsonschema import Draft202012Validator
from mcp import Client

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired, ToolError
from ac_mcp.gateway.call_client import Trail
from ac_mcp.gateway.client import Gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryRateStore
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.encoding import render
from ac_mcp.results.next_call import explain
from ac_mcp.results.output_schema import output_schema
from ac_mcp.sandbox import Sandbox
from ac_mcp.server.tools import build_server
from ac_mcp.settings import Settings
from tests.examples import CALLS

P = ParamSpec("P")
NOW = datetime(2026, 11, 23, 9, 0, 0, tzinfo=timezone(timedelta(hours=-6)))
KEY = "sk-canary-5f2d91"
"""The key of every account in these tests; tests/conftest.py looks for it in everything that is written."""
NOWHERE = "http://sandbox.invalid"
FOLDER = Path(mkdtemp(prefix="ac-mcp-tests-"))
"""Where exports go."""
atexit.register(rmtree, FOLDER, ignore_errors=True)
DOORS = Endpoints(NOWHERE, NOWHERE)


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the clock on to it."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(timeout and 0)
        self.now += timeout if timeout and not events else 0
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time: no test waits."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a virtual clock."""

    @functools.wraps(test)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return wrapped


def clock() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Wire:
    """A transport that writes down what goes over it, and may answer in the other side's place."""

    inner: httpx2.AsyncBaseTransport
    sent: list[Json] = field(default_factory=list[Json])
    received: int = 0
    answer: Callable[[httpx2.Request], httpx2.Response | None] = lambda request: None

    async def carry(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(written(request))
        if (response := self.answer(request)) is not None:
            return response
        response = await self.inner.handle_async_request(request)
        self.received += len(await response.aread())
        return response


def written(request: httpx2.Request) -> Json:
    """Method, path below the API, query, body and the headers that are ours."""
    address = urlsplit(str(request.url))
    path = address.path.removeprefix("/active-campaign/api/3").removeprefix("/api/3")
    said: Json = {"method": request.method, "path": path if path != address.path else f"/{path}"}
    if query := parse_qsl(address.query, keep_blank_values=True):
        said["query"] = [f"{name}={value}" for name, value in query]
    if request.content:
        said["body"] = json.loads(request.content)
    if chosen := request.headers.get("maton-connection"):
        said["connection"] = chosen
    return said


@functools.cache
def checked_by(tool: str) -> Any:
    return Draft202012Validator(output_schema(OPERATIONS[tool]))


def conforms(tool: str, answer: Json) -> None:
    """Raises ValidationError where an answer is not as its outline says."""
    checked_by(tool).validate(answer)


@dataclass
class Trial:
    """An account on a sandbox, and everything a test wants to know of it."""

    account: Account
    sandbox: Sandbox
    wire: Wire

    async def answer(self, tool: str, /, **arguments: Any) -> Json:
        """The answer as a model would read it, which is as its outline says; but for the account it is about."""
        said = render(await execute(self.account, OPERATIONS[tool], arguments))
        assert KEY not in said
        answer = json.loads(said)
        conforms(tool, answer)
        for word in () if tool == "undo_change" else ("in_account", "change"):  # in every answer of a write
            answer.pop(word, None)
        return answer

    async def prepared(self, tool: str) -> Json:
        """Arguments of a good call; what has to be there first is done."""
        if tool == "undo_change":
            await self.answer("tag_contact", **CALLS["tag_contact"])
        if tool == "follow_job":
            await self.answer("bulk_update_contacts", contacts=["2", "3"], add_tag="VIP")
        if tool == "confirm_change":
            waiting = replace(self.account, settings=replace(self.account.settings, confirm="auto"))
            try:
                await execute(waiting, OPERATIONS["create_webhook"], CALLS["create_webhook"])
            except ConfirmationRequired as needs:
                return {"token": needs.token}
        return CALLS[tool]

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        """The text of the error; an answer fails the test."""
        try:
            answer = await execute(self.account, OPERATIONS[tool], arguments)
        except ToolError as trouble:
            said = explain(trouble, OPERATIONS[tool], arguments, self.account.settings.direct, self.account.access)
            assert KEY not in said
            return said
        raise AssertionError(f"{tool} answered {answer}")

    @property
    def requests(self) -> list[str]:
        """What was sent, a line each."""
        return [f"{sent['method']} {sent['path']}" for sent in self.wire.sent]

    async def settle_in(self) -> None:
        """As after the first call: which connection is the default is known, and nothing else."""
        if not self.account.settings.direct:
            await self.account.default.find(self.account.client_for(OPERATIONS["list_users"], Trail()))
        self.forget_requests()
        self.wire.received = 0

    def forget_requests(self) -> None:
        self.wire.sent.clear()


class Guarded(Sandbox):
    key = KEY


@functools.cache
def planted() -> Sandbox:
    """The company as every test finds it."""
    return Sandbox(now=lambda: NOW)


@asynccontextmanager
async def trial(environ: Mapping[str, str] | None = None, rate: int | None = None) -> AsyncGenerator[Trial]:
    """An account on a fresh sandbox whose clock is the loop's. Unless told otherwise, no write waits for a yes."""
    settings = Settings.from_env(
        {"MATON_API_KEY": KEY, "AC_MCP_CONFIRM": "never", "AC_MCP_TOOLSETS": "all", **(environ or {})}
    )
    sandbox = Guarded(now=lambda: NOW + timedelta(seconds=clock()), clock=clock, rate=rate, like=planted())
    wire = Wire(sandbox.transport())
    doors = Endpoints(NOWHERE, NOWHERE, settings.direct)
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(wire.carry)) as http:
        pacing = Pacing(MemoryRateStore(clock, clock), clock, anyio.sleep)
        now = lambda: NOW + timedelta(seconds=clock())  # noqa: E731
        gateway = Gateway(doors, http, pacing, clock, anyio.sleep, lambda: 1.0, now)
        one = Trial(Account.of(settings, gateway, folder=FOLDER), sandbox, wire)
        try:
            await one.settle_in()
            async with one.account.job_pool.open():
                yield one
        finally:
            one.account.journal.close()
            sandbox.close()


@asynccontextmanager
async def connected(one: Trial, **options: Any) -> AsyncGenerator[Client]:
    """An MCP client in memory; opened inside the test, since a fixture would close it in another task."""
    async with Client(build_server(one.account.settings, lambda _: one.account), **options) as client:
        yield client


Answer = Callable[[httpx2.Request], httpx2.Response | None]


def failing(method: str, path: str, *answers: httpx2.Response | Exception) -> Answer:
    """These answers in turn for this request, the last of them for ever; the truth for all others."""
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if request.method != method or not request.url.path.endswith(path):
            return None
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return httpx2.Response(one.status_code, content=one.content, headers=one.headers)

    return answer


def status(code: int, body: object = None, **headers: str) -> httpx2.Response:
    return httpx2.Response(code, content=json.dumps(body), headers=headers)


async def behind(one: Trial, method: str, path: str, body: Json | None = None, account: str = "") -> Json:
    """What somebody else does in the account meanwhile."""
    headers = {"authorization": f"Bearer {KEY}"} | ({"maton-connection": account} if account else {})
    url = f"{NOWHERE}/active-campaign/api/3{path}"
    return (await one.account.gateway.http.request(method, url, json=body, headers=headers)).json()
