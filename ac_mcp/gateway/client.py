"""The gateway client: it holds no credentials and sends one request for one caller."""

import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from urllib.parse import urlsplit

import anyio
import httpx2
from anyio import Lock

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
from ac_mcp.gateway.endpoints import APP, Endpoints
from ac_mcp.gateway.fair_queue import MAX_WAITERS, Turn
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryRateStore, RateStore
from ac_mcp.gateway.rejected_keys import RejectedKeys
from ac_mcp.gateway.responses import Exchange, parse_response
from ac_mcp.gateway.retry import RetryBudget, RetryIn, decide, may_have_landed
from ac_mcp.gateway.tracing import record_answer, start_span
from ac_mcp.messages import Caller, Request, Response
from ac_mcp.storage.redaction import without_key

log = logging.getLogger(__name__)
MAX_BODY = 8 * 1024 * 1024
"""Bytes of an answer; ActiveCampaign's own pages stay far below."""
ATTEMPT_SECONDS = 20.0
"""Seconds one attempt may take in all: the HTTP client's limits are for one phase, and a dripping answer has many."""
TIMEOUT = httpx2.Timeout(connect=5, read=ATTEMPT_SECONDS, write=10, pool=5)
LIMITS = httpx2.Limits(max_connections=10, max_keepalive_connections=5, keepalive_expiry=20)
NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)
"""Exceptions that mean that nothing reached the other side (measured for each of them)."""
ANY_CONNECTION = Request("GET", "/connections", {"app": APP}, plane="control", repeatable=True, unshared=True)
"""A read that every key may make."""
NoteSending = Callable[[float], None]
"""Is called with the time when a write leaves, on the gateway's clock: also a cancelled caller knows of it then."""


def ignore_sending(sent_at: float) -> None:
    """Note nothing."""


@dataclass(frozen=True)
class Gateway:
    """Sends requests. Clocks and sleep are passed in, so that tests need no time."""

    endpoints: Endpoints
    http: httpx2.AsyncClient
    pacing: Pacing
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep
    chance: Callable[[], float] = field(default=random.random)
    now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())
    reads: SingleFlight[Response] = field(default_factory=SingleFlight[Response])
    retry_budgets: dict[str, RetryBudget] = field(default_factory=dict[str, RetryBudget])
    """By the name of the account's rate budget."""
    rejected_keys: RejectedKeys = field(default_factory=RejectedKeys)
    moving: Lock = field(default_factory=Lock)
    """Is held while the other host is tried."""

    async def send(self, request: Request, caller: Caller, note_sending: NoteSending = ignore_sending) -> Response:
        """Send one request and return its 2xx answer.

        It is tried once more where that is safe, and never runs past the caller's deadline. Equal reads that are under
        way at the same time are sent once.

        Raises:
            GatewayError: one of its kinds; OutcomeUnknown if a write may have landed all the same.
        """
        if request.method != "GET":
            try:
                return await self._send_with_retries(request, caller, note_sending)
            finally:
                self.reads.detach()
        if request.unshared:
            return await self._send_with_retries(request, caller, note_sending)
        same = (caller.key, caller.connection, caller.principal, request.plane, request.path, *request.query.items())
        try:
            return await self.reads.run(
                same,
                lambda: self._send_with_retries(request, caller, note_sending),
                caller.deadline - self.clock(),
            )
        except TimeoutError:
            raise Unavailable("no answer came in time").but(late=True) from None

    async def _send_with_retries(self, request: Request, caller: Caller, note_sending: NoteSending) -> Response:
        account, *_ = self.endpoints.budgets(caller, request)
        retry_budget = self._retry_budget(account[0])
        self.rejected_keys.check(account[0], caller.key, caller.call)
        attempt, began, unclear = 1, self.clock(), False
        while True:
            try:
                response = await self._send_within_deadline(request, caller, attempt, note_sending)
            except GatewayError as failure:
                error = self.rejected_keys.judge(account[0], caller.key, failure, self.clock())
                if unclear and request.method == "DELETE" and isinstance(error, NotFound):
                    return Response(404, {}, repeated=True)
                if request.method == "GET" and await self._moved_to_other_host(error, caller):
                    continue
                self.rejected_keys.note(account[0], caller.key, error, caller.call)
                unclear = unclear or may_have_landed(request, error)
                verdict = decide(
                    request,
                    error,
                    attempt,
                    self.clock() - began,
                    within=caller.deadline - began,
                    affordable=retry_budget.affordable,
                    chance=self.chance(),
                )
                wait = verdict.wait if isinstance(verdict, RetryIn) else 0.0
                await self._pause_account(account[0], error, wait)
                if not isinstance(verdict, RetryIn):
                    raise (outcome_unknown(error) if unclear else await self._with_budget(error, account)) from failure
            else:
                retry_budget.earn()
                self.rejected_keys.clear(account[0], caller.key, self.clock())
                return replace(response, repeated=True) if unclear else response
            retry_budget.spend()
            attempt += 1
            await self.sleep(verdict.wait)

    def _retry_budget(self, account: str) -> RetryBudget:
        if len(self.retry_budgets) > MAX_WAITERS:
            self.retry_budgets.clear()
        return self.retry_budgets.setdefault(account, RetryBudget())

    async def _pause_account(self, account: str, error: GatewayError, wait: float) -> None:
        """Stop all sending to an account after a 429, until the other side allows it; a 503 may mean the same."""
        retry_after = error.retry_after if isinstance(error, Throttled | Unavailable) else None
        if isinstance(error, Throttled) and not isinstance(error, Busy) and error.status:
            await self.pacing.pause(account, retry_after if retry_after is not None else max(1.0, wait))
        elif isinstance(error, Unavailable) and retry_after:
            await self.pacing.pause(account, retry_after)

    async def _with_budget(self, error: GatewayError, account: tuple[str, int]) -> GatewayError:
        """Return a Throttled error with the time until which to wait and the state of the budget."""
        if not isinstance(error, Throttled):
            return error
        state = await self.pacing.state_of(*account)
        seconds = max(error.retry_after or 0.0, state.paused) or None
        free = f"{state.free} of {account[1]} free now"
        last = "" if state.throttled is None else f", last 429 {state.throttled:.0f} s ago"
        return error.but(
            late=True,
            retry_after=seconds,
            until=self.now() + timedelta(seconds=seconds) if seconds else None,
            budget_state=f"{f'paused for {state.paused:.0f} s' if state.paused else free}{last}",
            limit=account[1],
        )

    async def _moved_to_other_host(self, error: GatewayError, caller: Caller) -> bool:
        """Return whether requests now go to the other host: if this one has never answered, and that one does.

        The choice is made once, by a read, before anything was sent.
        """
        endpoints = self.endpoints
        is_unreachable = isinstance(error, Unavailable) and not error.arrived
        if not (is_unreachable and endpoints.other and not endpoints.has_answered):
            return False
        async with self.moving:
            if endpoints.has_answered:
                return True
            usual, other, endpoints.other = (endpoints.api, endpoints.control), endpoints.other, ""
            endpoints.use(other, other)
            with suppress(GatewayError):
                await self._send_within_deadline(ANY_CONNECTION, caller, 1, ignore_sending)
            if not endpoints.has_answered:
                endpoints.use(*usual)
                endpoints.other = other
            endpoints.has_moved = endpoints.has_answered
            return endpoints.has_moved

    async def _send_within_deadline(
        self, request: Request, caller: Caller, attempt: int, note_sending: NoteSending
    ) -> Response:
        """Wait for a turn and make one attempt; both end at the deadline, the attempt after ATTEMPT_SECONDS at most."""
        url, headers = self.endpoints.url(request), dict(self.endpoints.headers(request, caller))
        rates = self.endpoints.budgets(caller, request)
        queued_at = self.clock()
        seconds_left = caller.deadline - queued_at
        turn: Turn | None = None
        with start_span(request, urlsplit(url).hostname or "", attempt) as span:
            with anyio.move_on_after(seconds_left if seconds_left < inf else None):
                async with self.pacing.turn(
                    rates, call=caller.call, bulk=caller.bulk, within=seconds_left, principal=caller.principal
                ) as turn:
                    if request.method != "GET":
                        note_sending(turn.sent)
                    with anyio.move_on_after(ATTEMPT_SECONDS):
                        response = await self._exchange(request, caller, url, headers, turn)
                        record_answer(span, request, response.status, turn.sent - queued_at, self.clock() - turn.sent)
                        return response
            if turn is None:
                raise Busy("the queue was too long", waiting=self.pacing.waiting(rates)).but(late=True)
            raise Unavailable("no answer came in time").but(late=True, sent_at=turn.left_at)

    async def _exchange(
        self, request: Request, caller: Caller, url: str, headers: dict[str, str], turn: Turn
    ) -> Response:
        """Send the request over HTTP and read the answer."""
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
                self.endpoints.has_answered = True
                body = await read_capped(response)
            if response.status_code >= 300 and caller.key:
                body = body.replace(caller.key.encode(), b"***")  # before any text of it is cut
            return parse_response(
                response.status_code,
                response.headers,
                body,
                Exchange(request.method != "GET", request.may_be_empty, request.plane, self.endpoints.direct),
            )
        except httpx2.InvalidURL as error:
            raise BadArguments("The arguments are too long for a request.") from error
        except NOT_SENT as error:
            unreachable = Unavailable(f"it could not be reached ({type(error).__name__})", arrived=False)
            raise unreachable.but(host=urlsplit(url).netloc) from error
        except (httpx2.HTTPError, httpx2.StreamError) as error:
            broken = Unavailable(f"the connection broke ({type(error).__name__})")
            raise broken.but(sent_at=turn.left_at) from error
        except GatewayError as error:
            raise without_key(error, caller.key).but(sent_at=turn.left_at) from error.__cause__


async def read_capped(response: httpx2.Response) -> bytes:
    """Return the body of an answer.

    Raises:
        Unavailable: if it is larger than any honest answer.
    """
    body = bytearray()
    async for chunk in response.aiter_bytes(chunk_size=65536):
        body += chunk
        if len(body) > MAX_BODY:
            raise Unavailable("the answer is too large", status=response.status_code).but(lasting=True)
    return bytes(body)


def outcome_unknown(error: GatewayError) -> OutcomeUnknown:
    """Return the error for a write that may have landed: whatever a later try was told says nothing about it."""
    unknown = OutcomeUnknown(str(error), status=error.status, request_id=error.request_id)
    return unknown.but(sent_at=error.sent_at, is_quoted=error.is_quoted)


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
    endpoints: Endpoints,
    transport: httpx2.AsyncBaseTransport | None = None,
    *,
    proxy: str | None = None,
    store: RateStore | None = None,
    strict: bool = False,
) -> AsyncGenerator[Gateway]:
    """Open a gateway over the network, or over `transport` (the sandbox's, or a test's), paced by `store`."""
    rate_store = store or MemoryRateStore()
    async with httpx2.AsyncClient(
        transport=transport,
        timeout=TIMEOUT,
        limits=LIMITS,
        follow_redirects=False,
        trust_env=False,
        proxy=proxy if transport is None else None,
    ) as http:
        try:
            yield Gateway(endpoints, http, Pacing(rate_store, monotonic, anyio.sleep, strict))
        finally:
            rate_store.close()
