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

from ac_mcp.concurrency import SingleFlight
from ac_mcp.errors import (
    BadArguments,
    Busy,
    GatewayError,
    NotFound,
    OutcomeUnknown,
    Throttled,
    Unavailable,
)
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.fair_queue import MAX_WAITERS, Turn
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryRateStore, RateStore
from ac_mcp.gateway.rejected_keys import RejectedKeys
from ac_mcp.gateway.responses import parse_response
from ac_mcp.gateway.retry import RetryBudget, RetryIn, decide, may_have_landed
from ac_mcp.gateway.tracing import record_answer, start_span
from ac_mcp.messages import Caller, Request, Response

log = logging.getLogger(__name__)
MAX_BODY = 8 * 1024 * 1024
"""Bytes of an answer; ActiveCampaign's own pages stay far below."""
ATTEMPT_SECONDS = 20.0
"""Seconds one attempt may take in all: the client's own limits are for each phase, and a dripping answer has many."""
TIMEOUT = httpx2.Timeout(connect=5, read=ATTEMPT_SECONDS, write=10, pool=5)
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

    endpoints: Endpoints
    http: httpx2.AsyncClient
    pacing: Pacing
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = field(default=random.random)
    now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())
    reads: SingleFlight[Response] = field(default_factory=SingleFlight[Response])
    retry_budgets: dict[str, RetryBudget] = field(default_factory=dict[str, RetryBudget])
    rejected_keys: RejectedKeys = field(default_factory=RejectedKeys)

    async def send(self, request: Request, caller: Caller) -> Response:
        """One request, tried again where that is safe, never past the caller's deadline; equal reads are sent once.

        Raises:
            GatewayError: one of its kinds, and OutcomeUnknown where a write may have landed all the same.
        """
        if request.method != "GET":
            try:
                return await self._send_with_retries(request, caller)
            finally:
                self.reads.detach()
        if request.unshared:
            return await self._send_with_retries(request, caller)
        same = (caller.key, caller.connection, caller.principal, request.plane, request.path, *request.query.items())
        try:
            return await self.reads.run(
                same, lambda: self._send_with_retries(request, caller), caller.deadline - self.clock()
            )
        except TimeoutError:
            raise late(Unavailable("no answer came in time")) from None

    async def _send_with_retries(self, request: Request, caller: Caller) -> Response:
        account, *_ = self.endpoints.budgets(caller, request)
        if len(self.retry_budgets) > MAX_WAITERS:
            self.retry_budgets.clear()
        allowance = self.retry_budgets.setdefault(account[0], RetryBudget())
        self.rejected_keys.check(account[0], caller.key, caller.call)
        attempt, began, unclear = 1, self.clock(), False
        while True:
            try:
                reply = await self._send_within_deadline(request, caller, attempt)
            except GatewayError as error:
                if unclear and request.method == "DELETE" and isinstance(error, NotFound):
                    return Response(404, {}, repeated=True)
                self.rejected_keys.note(account[0], caller.key, error, caller.call)
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
                await self._pause_account(account[0], error, verdict.wait if isinstance(verdict, RetryIn) else 0.0)
                if not isinstance(verdict, RetryIn):
                    raise (lost(error) if unclear else await self._told(error, account)) from error
            else:
                allowance.earn()
                self.rejected_keys.clear(account[0], caller.key)
                return replace(reply, repeated=True) if unclear else reply
            allowance.spend()
            attempt += 1
            await self.sleep(verdict.wait)

    async def _pause_account(self, account: str, error: GatewayError, wait: float) -> None:
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
            standing = await self.pacing.state_of(*account)
            error.retry_after = max(error.retry_after or 0.0, standing.paused) or None
            if error.retry_after:
                error.until = self.now() + timedelta(seconds=error.retry_after)
            last = "" if standing.throttled is None else f", last 429 {standing.throttled:.0f} s ago"
            now = (
                f"paused for {standing.paused:.0f} s"
                if standing.paused
                else f"{standing.free} of {account[1]} free now"
            )
            error.budget_state, error.limit = f"{now}{last}", account[1]
        return error

    async def _send_within_deadline(self, request: Request, caller: Caller, attempt: int) -> Response:
        """Within what is left of the deadline, waiting for a turn included, and never longer than LONGEST."""
        url, headers = self.endpoints.url(request), dict(self.endpoints.headers(request, caller))
        rates = self.endpoints.budgets(caller, request)
        queued = self.clock()
        left = caller.deadline - queued
        turn: Turn | None = None
        with start_span(request, urlsplit(url).hostname or "", attempt) as span:
            with anyio.move_on_after(left if left < inf else None):
                async with self.pacing.turn(
                    rates, call=caller.call, bulk=caller.bulk, within=left, principal=caller.principal
                ) as turn:
                    if request.method != "GET":
                        caller.sent.append(turn.sent)
                    with anyio.move_on_after(ATTEMPT_SECONDS):
                        reply = await self._exchange(request, caller, url, headers, turn)
                        record_answer(span, request, reply.status, turn.sent - queued, self.clock() - turn.sent)
                        return reply
            if turn is None:
                raise late(Busy("the queue was too long", waiting=self.pacing.waiting(rates)))
            raise late(Unavailable("no answer came in time"), turn)

    async def _exchange(
        self, request: Request, caller: Caller, url: str, headers: dict[str, str], turn: Turn
    ) -> Response:
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
                turn.mark_answered(self.clock())
                body = await read_capped(response)
            return parse_response(
                response.status_code, response.headers, body, empty=request.may_be_empty, direct=self.endpoints.direct
            )
        except httpx2.InvalidURL as error:
            raise BadArguments("The arguments are too long for a request.") from error
        except NOT_SENT as error:
            raise Unavailable(f"it could not be reached ({type(error).__name__})", arrived=False) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            raise sent(Unavailable(f"the connection broke ({type(error).__name__})"), turn) from error
        except GatewayError as error:
            raise sent(without_key(error, caller.key), turn) from error.__cause__


async def read_capped(response: httpx2.Response) -> bytes:
    """The body, as long as it is of a size an honest answer can have."""
    body = bytearray()
    async for chunk in response.aiter_bytes(chunk_size=65536):
        body += chunk
        if len(body) > MAX_BODY:
            large = Unavailable("the answer is too large", status=response.status_code)
            large.lasting = True
            raise large
    return bytes(body)


def sent(error: GatewayError, turn: Turn) -> GatewayError:
    error.sent_at = turn.left_at
    return error


def without_key(error: GatewayError, key: str) -> GatewayError:
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


class LazyTransport(httpx2.AsyncBaseTransport):
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
async def open_gateway(
    doors: Endpoints,
    transport: httpx2.AsyncBaseTransport | None = None,
    *,
    proxy: str | None = None,
    store: RateStore | None = None,
    strict: bool = False,
) -> AsyncGenerator[Gateway]:
    """A gateway over the network, or over `transport`: the sandbox's door, or a test's. It paces over `store`."""
    kept = store or MemoryRateStore()
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
