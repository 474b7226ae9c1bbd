"""The gateway client: holds no credentials, sends one request for one caller."""

import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2

from ac_mcp.concurrency import Sharing
from ac_mcp.errors import (
    BadArguments,
    Busy,
    GatewayError,
    NotFound,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from ac_mcp.gateway.endpoints import Doors
from ac_mcp.gateway.fair_queue import MOST, Turn
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryStore, Store
from ac_mcp.gateway.rejected_keys import Refusals
from ac_mcp.gateway.responses import read
from ac_mcp.gateway.retry import Again, Allowance, decide, may_have_landed
from ac_mcp.gateway.tracing import answered, observed
from ac_mcp.messages import Caller, Reply, Request

log = logging.getLogger(__name__)
LARGEST = 8 * 1024 * 1024
"""Bytes of an answer; ActiveCampaign's own pages stay far below."""
LONGEST = 20.0
"""Seconds one attempt may take in all: the client's own limits are for each phase, and a dripping answer has many."""
TIMEOUT = httpx2.Timeout(connect=5, read=LONGEST, write=10, pool=5)
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
    """Sends requests; clocks and sleep are passed in so that tests need neither time nor patience."""

    doors: Doors
    http: httpx2.AsyncClient
    pacing: Pacing
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = field(default=random.random)
    now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())
    reads: Sharing[Reply] = field(default_factory=Sharing[Reply])
    allowances: dict[str, Allowance] = field(default_factory=dict[str, Allowance])
    refusals: Refusals = field(default_factory=Refusals)

    async def send(self, request: Request, caller: Caller) -> Reply:
        """One request, tried again where that is safe, never past the caller's deadline; equal reads are sent once.

        Raises:
            GatewayError: one of its kinds, and OutcomeUnknown where a write may have landed all the same.
        """
        if request.method != "GET":
            try:
                return await self._insist(request, caller)
            finally:
                self.reads.detach()
        if request.alone:
            return await self._insist(request, caller)
        same = (caller.key, caller.connection, caller.principal, request.plane, request.path, *request.query.items())
        try:
            return await self.reads.once(same, lambda: self._insist(request, caller), caller.deadline - self.clock())
        except TimeoutError:
            raise late(Unavailable("no answer came in time")) from None

    async def _insist(self, request: Request, caller: Caller) -> Reply:
        account, *_ = self.doors.budgets(caller, request)
        if len(self.allowances) > MOST:
            self.allowances.clear()
        allowance = self.allowances.setdefault(account[0], Allowance())
        self.refusals.check(account[0], caller.key, caller.call)
        attempt, began, unclear = 1, self.clock(), False
        while True:
            try:
                reply = await self._timed(request, caller, attempt)
            except GatewayError as error:
                if unclear and request.method == "DELETE" and isinstance(error, NotFound):
                    return Reply(404, {}, repeated=True)
                self.refusals.note(account[0], caller.key, error, caller.call)
                unclear = unclear or may_have_landed(request, error)
                elapsed, within = self.clock() - began, caller.deadline - began
                verdict = decide(
                    request,
                    error,
                    attempt,
                    elapsed,
                    within=within,
                    affordable=allowance.affordable,
                    chance=self.chance(),
                )
                await self._hold_back(account[0], error, verdict.wait if isinstance(verdict, Again) else 0.0)
                if not isinstance(verdict, Again):
                    raise (lost(error) if unclear else await self._told(error, account)) from error
            else:
                allowance.earn()
                self.refusals.passed(account[0], caller.key)
                return replace(reply, repeated=True) if unclear else reply
            allowance.spend()
            attempt += 1
            await self.sleep(verdict.wait)

    async def _hold_back(self, account: str, error: GatewayError, wait: float) -> None:
        """After a 429 nobody sends to that account before the other side allows it; a 503 may mean the same."""
        asked = error.retry_after if isinstance(error, Throttled | Unavailable) else None
        if isinstance(error, Throttled) and not isinstance(error, Busy) and error.status:
            await self.pacing.pause(account, asked if asked is not None else max(1.0, wait))
        elif isinstance(error, Unavailable) and asked:
            await self.pacing.pause(account, asked)

    async def _told(self, error: GatewayError, account: tuple[str, int]) -> GatewayError:
        """With what whoever has to wait wants to know: until when, and how the budget stands."""
        if isinstance(error, Throttled):
            error.late = True
            standing = await self.pacing.standing(*account)
            error.retry_after = max(error.retry_after or 0.0, standing.paused) or None
            if error.retry_after:
                error.until = self.now() + timedelta(seconds=error.retry_after)
            last = "" if standing.throttled is None else f", last 429 {standing.throttled:.0f} s ago"
            now = (
                f"paused for {standing.paused:.0f} s"
                if standing.paused
                else f"{standing.free} of {account[1]} free now"
            )
            error.standing, error.limit = f"{now}{last}", account[1]
        return error

    async def _timed(self, request: Request, caller: Caller, attempt: int) -> Reply:
        """Within what is left of the deadline, waiting for a turn included, and never longer than LONGEST."""
        url, headers = self.doors.url(request), dict(self.doors.headers(request, caller))
        rates = self.doors.budgets(caller, request)
        queued = self.clock()
        left = caller.deadline - queued
        turn: Turn | None = None
        with observed(request, urlsplit(url).hostname or "", attempt) as span:
            with anyio.move_on_after(left if left < inf else None):
                async with self.pacing.turn(
                    rates, call=caller.call, bulk=caller.bulk, within=left, whose=caller.principal
                ) as turn:
                    if request.method != "GET":
                        caller.sent.append(turn.sent)
                    with anyio.move_on_after(LONGEST):
                        reply = await self._once(request, caller, url, headers, turn)
                        answered(span, request, reply.status, turn.sent - queued, self.clock() - turn.sent)
                        return reply
            if turn is None:
                raise late(Busy("the queue was too long", waiting=self.pacing.waiting(rates)))
            raise late(Unavailable("no answer came in time"), turn)

    async def _once(self, request: Request, caller: Caller, url: str, headers: dict[str, str], turn: Turn) -> Reply:
        query = {name: list(value) if isinstance(value, tuple) else value for name, value in request.query.items()}
        try:
            async with self.http.stream(
                request.method,
                url,
                params=query,
                json=request.json,
                headers=headers,
                extensions={"trace": turn.trace(self.clock)},
            ) as response:
                turn.mark(self.clock())
                body = await capped(response)
            return read(response.status_code, response.headers, body, empty=request.empty, direct=self.doors.direct)
        except httpx2.InvalidURL as error:
            raise BadArguments("The arguments are too long for a request.") from error
        except NOT_SENT as error:
            raise Unavailable(f"it could not be reached ({type(error).__name__})", arrived=False) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise sent(Unavailable(f"the connection broke ({type(error).__name__})"), turn) from error
        except GatewayError as error:
            raise sent(without(error, caller.key), turn) from error.__cause__


async def capped(response: httpx2.Response) -> bytes:
    """The body, as long as it is of a size an honest answer can have."""
    body = bytearray()
    async for chunk in response.aiter_bytes(chunk_size=65536):
        body += chunk
        if len(body) > LARGEST:
            large = Unavailable("the answer is too large", status=response.status_code)
            large.lasting = True
            raise large
    return bytes(body)


def sent(error: GatewayError, turn: Turn) -> GatewayError:
    error.sent_at = turn.left_at
    return error


def without(error: GatewayError, key: str) -> GatewayError:
    """The same with the key out of every text, also as PHP writes it in JSON."""
    forms = (key, key.replace("/", "\\/"))

    def clean(value: Any) -> Any:
        for form in forms if isinstance(value, str) else ():
            value = value.replace(form, "***")
        return value

    error.args = tuple(map(clean, error.args))
    for name, value in vars(error).items():
        setattr(error, name, clean(value))
    return error


def late(error: GatewayError, turn: Turn | None = None) -> GatewayError:
    error.late = True
    return sent(error, turn) if turn else error


def lost(error: GatewayError) -> OutcomeUnknown:
    """After a write that may have landed, whatever came later says nothing about it."""
    unknown = OutcomeUnknown(str(error), status=error.status, request_id=error.request_id)
    unknown.sent_at = error.sent_at
    return unknown


class Later(httpx2.AsyncBaseTransport):
    """A transport that is made when the first request needs it."""

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        self._make = make
        self._made: httpx2.AsyncBaseTransport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._made = self._made or self._make()
        return await self._made.handle_async_request(request)

    async def aclose(self) -> None:
        if self._made:
            await self._made.aclose()


@asynccontextmanager
async def opened(
    doors: Doors,
    transport: httpx2.AsyncBaseTransport | None = None,
    *,
    proxy: str | None = None,
    store: Store | None = None,
    strict: bool = False,
) -> AsyncGenerator[Gateway]:
    """A gateway over the network, or over `transport`: the sandbox's door, or a test's. It paces over `store`."""
    kept = store or MemoryStore()
    async with httpx2.AsyncClient(
        transport=transport,
        timeout=TIMEOUT,
        limits=LIMITS,
        follow_redirects=False,
        trust_env=False,
        proxy=proxy if transport is None else None,
    ) as http:
        try:
            yield Gateway(doors, http, Pacing(kept, monotonic, anyio.sleep, strict))
        finally:
            kept.close()
