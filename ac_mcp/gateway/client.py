"""The gateway client: holds no credentials, sends one request for one caller."""

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic

import anyio
import httpx2

from ac_mcp.errors import BadArguments, GatewayError, NotFound, OutcomeUnknown, Throttled, Unavailable
from ac_mcp.gateway.answers import read
from ac_mcp.gateway.auth import Doors
from ac_mcp.gateway.pacing import Pacing, ProcessPacing
from ac_mcp.gateway.retry import wait_before_retry
from ac_mcp.request import Caller, Reply, Request

LARGEST = 8 * 1024 * 1024
"""Bytes of an answer; ActiveCampaign's own pages stay far below."""
LONGEST_PAUSE = 120.0
"""Seconds that a 429 holds an account back at most, whatever it says."""
TIMEOUT = httpx2.Timeout(connect=5, read=20, write=10, pool=5)
LIMITS = httpx2.Limits(max_connections=10, max_keepalive_connections=5, keepalive_expiry=20)
NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)
"""What surely failed before the other side had anything (measured for each exception)."""


@dataclass(frozen=True)
class Gateway:
    """Sends requests; `clock` and `sleep` are passed in so that tests need neither time nor patience."""

    doors: Doors
    http: httpx2.AsyncClient
    pacing: Pacing
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = field(default=random.random)

    async def send(self, request: Request, caller: Caller) -> Reply:
        """One request, tried again where that is safe, never past the caller's deadline.

        Raises:
            GatewayError: one of its kinds, and OutcomeUnknown where a write may have landed all the same.
        """
        attempt, unclear = 1, False
        while True:
            try:
                reply = await self._timed(request, caller)
                return replace(reply, repeated=True) if unclear else reply
            except GatewayError as error:
                if unclear and request.method == "DELETE" and isinstance(error, NotFound):
                    return Reply(404, {}, repeated=True)
                unclear = unclear or may_have_landed(request, error)
                wait = wait_before_retry(request, error, attempt, self.chance())
                self._hold_back(request, caller, error, wait)
                if wait is None or self.clock() + wait > caller.deadline:
                    raise (lost(error) if unclear else error) from error
            attempt += 1
            await self.sleep(wait)

    def _hold_back(self, request: Request, caller: Caller, error: GatewayError, wait: float | None) -> None:
        """After a 429 nobody sends to that account before the other side allows it."""
        if isinstance(error, Throttled):
            account, *_ = self.doors.budgets(caller, request)
            self.pacing.pause(account[0], min(error.retry_after or wait or 1.0, LONGEST_PAUSE))

    async def _timed(self, request: Request, caller: Caller) -> Reply:
        """Within what is left of the deadline, waiting for a turn included."""
        url, headers = self.doors.url(request), self.doors.headers(request, caller)
        left = caller.deadline - self.clock()
        budgets = self.doors.budgets(caller, request)
        if (paused := self.pacing.paused(budgets[0][0])) > left:
            raise Throttled("the account is paused", retry_after=paused)
        sent = False
        with anyio.move_on_after(left if left < inf else None):
            async with self.pacing.turn(budgets):
                sent = True
                return await self._once(request, caller, url, dict(headers))
        late = "no answer came in time" if sent else "the queue for the rate limit is too long for this call"
        raise Unavailable(late, arrived=sent)

    async def _once(self, request: Request, caller: Caller, url: str, headers: dict[str, str]) -> Reply:
        query = {name: list(value) if isinstance(value, tuple) else value for name, value in request.query.items()}
        try:
            async with self.http.stream(
                request.method, url, params=query, json=request.body, headers=headers
            ) as response:
                body = await capped(response)
        except httpx2.InvalidURL as error:
            raise BadArguments("The arguments are too long for a request.") from error
        except NOT_SENT as error:
            raise Unavailable(f"it could not be reached ({type(error).__name__})", arrived=False) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise Unavailable(f"the connection broke ({type(error).__name__})") from error
        told = body.replace(caller.key.encode(), b"***") if response.status_code >= 400 else body
        return read(response.status_code, response.headers, told, empty=request.empty, direct=self.doors.direct)


async def capped(response: httpx2.Response) -> bytes:
    """The body, as long as it is of a size an honest answer can have."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LARGEST:
            raise Unavailable("the answer is too large", status=response.status_code)
    return bytes(body)


def may_have_landed(request: Request, error: GatewayError) -> bool:
    return request.method != "GET" and isinstance(error, Unavailable) and error.arrived


def lost(error: GatewayError) -> OutcomeUnknown:
    """After a write that may have landed, whatever came later says nothing about it."""
    return OutcomeUnknown(str(error), status=error.status, request_id=error.request_id)


@asynccontextmanager
async def opened(
    doors: Doors, transport: httpx2.AsyncBaseTransport | None = None, proxy: str | None = None
) -> AsyncGenerator[Gateway]:
    """A gateway over the network, or over `transport`: the sandbox's door, or a test's."""
    async with httpx2.AsyncClient(
        transport=transport,
        timeout=TIMEOUT,
        limits=LIMITS,
        follow_redirects=False,
        trust_env=False,
        proxy=proxy if transport is None else None,
    ) as http:
        yield Gateway(doors, http, ProcessPacing(monotonic, anyio.sleep))
