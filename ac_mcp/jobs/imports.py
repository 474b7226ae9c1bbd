"""Imports: contacts sent through the bulk import, 250 in a request, and each batch followed to its end.

The bulk import has rate limits of its own. It is an upsert: a batch that is sent twice leaves the account as one
would (reference 3.3).
"""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from anyio import create_task_group
from anyio.abc import TaskGroup

from ac_mcp.concurrency import unwrap_group
from ac_mcp.errors import RequestRefused, ToolError
from ac_mcp.jobs.backoff import Halt
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.runner import JobRun
from ac_mcp.messages import Json, Request, Response

BATCH_SIZE, MAX_BYTES = 250, 380_000
"""Most contacts, and most bytes, of one request; the API refuses 400 kB."""
PER_MINUTE, SINGLE_PER_MINUTE = 95, 18
"""Requests in a minute with several contacts, and with one. The API allows 100 and 20, also to other clients."""
MINUTE, MOST_REFUSALS = 60.0, 30
"""Seconds over which requests are counted, also the wait after a refusal for the rate; most refusals of one batch."""
FIRST_PAUSE, MAX_PAUSE, PATIENCE = 1.5, 20.0, 900.0
"""Seconds before the first look at a batch, most seconds between two later looks, and seconds until the last one."""
REJECTED = "ActiveCampaign rejected it and does not say why"
NO_WORD = "sent; ActiveCampaign has not said yet what came of it"
ALL = 1_000_000


@dataclass(slots=True)
class ImportRateLimit:
    """The rate limit of an account's imports: when requests were sent in the last minute."""

    several: deque[float] = field(default_factory=deque[float])
    """The requests with several contacts."""
    single: deque[float] = field(default_factory=deque[float])
    """The requests with one contact."""

    def wait(self, count: int, now: float) -> float:
        """Return the seconds until a request with so many contacts may be sent. If it is 0, the request counts."""
        times, limit = (self.several, PER_MINUTE) if count > 1 else (self.single, SINGLE_PER_MINUTE)
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if len(times) >= limit:
            return times[0] + MINUTE - now
        times.append(now)
        return 0.0


@dataclass(slots=True)
class ImportRun(JobRun):
    """An import that runs in this process. Its items are rows; `prior` holds the contact as the API takes it.

    While an item is sent, its outcome is the id of its batch.
    """

    rows: dict[int, Json] = field(default_factory=dict[int, Json], kw_only=True)
    """The contacts by item, if the journal does not hold them."""
    rate_limit: ImportRateLimit = field(default_factory=ImportRateLimit, kw_only=True)

    def stop_if_too_many_failed(self, tried: int, failed: int) -> None:
        """Never stop for this: each row has its own faults, and a fault of a whole batch ends the job anyway."""

    def contact_of(self, item: Item) -> Json:
        """Return the contact of an item as it is sent."""
        return item.prior or self.rows.get(item.n) or {}

    def storable(self, item: Item) -> Json | None:
        """Return the contact of an item if it may be stored; None in a lean journal."""
        return None if self.jobs.lean else item.prior

    async def work(self) -> None:
        """Send every planned row, and wait until the outcome of every sent one is known.

        Raises:
            Halt: if the job cannot go on.
        """
        try:
            async with create_task_group() as group:
                await self._follow_earlier_batches(group)
                after = -1
                states = ("planned",)
                while not self.backoff.reason and (
                    items := await self.jobs.items(self.job.id, states, BATCH_SIZE + 2, after)
                ):
                    batch = next_batch([replace(item, prior=self.contact_of(item)) for item in items])
                    after = batch[-1].n
                    await self._send(batch, group)
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None

    async def _follow_earlier_batches(self, group: TaskGroup) -> None:
        """Follow the batches that an earlier process has sent; they are not sent anew."""
        batches: dict[str, list[Item]] = {}
        for item in await self.jobs.items(self.job.id, ("sent",), ALL):
            batches.setdefault(item.outcome, []).append(item)
        for batch_id, items in batches.items():
            group.start_soon(self._follow, batch_id, items)

    async def _send(self, batch: list[Item], group: TaskGroup) -> None:
        """Send a batch, without the rows that the API refuses, and follow it in the background.

        Raises:
            Halt: if the API cannot be used, or refuses the batch for its rate too often.
        """
        refusals = 0
        while batch:
            await self._wait_for_turn(len(batch))
            if self.backoff.reason:
                return
            body = {"contacts": [item.prior for item in batch], **self.job.plan.get("options", {})}
            try:
                response = await self.backoff.run(lambda body=body: self._post(body))
            except RequestRefused as refused:
                refusals += 1
                if not is_rate_refusal(refused):
                    batch = await self._fail_refused(batch, refused)
                elif refusals > MOST_REFUSALS:
                    raise Halt("interrupted", self.context.explain(refused)) from refused
                else:
                    await self.backoff.rest(MINUTE)
                continue
            except ToolError as error:
                raise Halt("interrupted", self.context.explain(error)) from error
            batch_id = str(response.body.get("batchId") or "")
            if not batch_id:
                raise Halt("interrupted", "the answer to an import names no batch")
            await self.save_now(
                [replace(item, state="sent", outcome=batch_id, prior=self.storable(item)) for item in batch]
            )
            group.start_soon(self._follow, batch_id, batch)
            return

    async def _fail_refused(self, batch: list[Item], refused: RequestRefused) -> list[Item]:
        """Note the rows that the API refuses as failed, all of them if it names none, and return the others."""
        reasons = {index: reason for index, reason in refused.rows.items() if 0 <= index < len(batch)}
        reasons = reasons or {index: str(refused)[:200] for index in range(len(batch))}
        for index, reason in reasons.items():
            await self.outcome(batch[index], "failed", "", reason=reason, prior=self.storable(batch[index]))
        return [item for index, item in enumerate(batch) if index not in reasons]

    async def _post(self, body: Json) -> Response:
        return await self.context.sender.send(Request("POST", "/import/bulk_import", {}, body, repeatable=True))

    async def _wait_for_turn(self, count: int) -> None:
        """Wait until the import's rate limit allows a request with so many contacts, or the job is to stop."""
        while not self.backoff.reason and (wait := self.rate_limit.wait(count, self.clock())):
            await self.backoff.rest(wait)

    async def _follow(self, batch_id: str, items: Sequence[Item]) -> None:
        """Wait until the batch has ended, and note the outcome of each contact."""
        request, pause, waited = Request("GET", "/import/info", {"batchId": batch_id}), FIRST_PAUSE, 0.0
        while waited < PATIENCE:
            await self.context.sleep(pause)
            waited += pause
            pause = min(pause * 1.6, MAX_PAUSE)
            try:
                body = (await self.backoff.run(lambda: self._fetch(request))).body
            except ToolError:
                continue  # ActiveCampaign works on the contacts whether this look succeeds or not
            if body.get("status") and has_ended(body, len(items)):
                await self._note_outcomes(items, body)
                return
        for item in items:
            await self.outcome(item, "done", NO_WORD)

    async def _note_outcomes(self, items: Sequence[Item], body: Json) -> None:
        """Note the outcome of each contact of a batch that has ended; `body` is the answer about the batch."""
        rejected = {address.casefold() for address in addresses_in(body, "failure")}
        confirmed = count_confirmed(body)
        outcome = "imported" if confirmed >= len(items) else f"sent; only {confirmed} of {len(items)} are confirmed"
        for item in items:
            if str(self.contact_of(item).get("email") or item.subject).casefold() in rejected:
                await self.outcome(item, "failed", "", reason=REJECTED, prior=self.storable(item))
            else:
                await self.outcome(item, "done", outcome)

    async def _fetch(self, request: Request) -> Response:
        return await self.context.sender.send(replace(request, repeatable=True, unshared=True))


def is_rate_refusal(refused: RequestRefused) -> bool:
    """Return whether the API refused an import because there were too many in a minute."""
    text = str(refused).lower()
    return "per minute" in text or "rate limit" in text


def has_ended(body: Json, count: int) -> bool:
    """Return whether the answer about a batch accounts for all of its contacts."""
    return str(body["status"]).lower() in ("completed", "complete", "done") or count_confirmed(body) >= count


def count_confirmed(body: Json) -> int:
    """Return how many contacts the answer about a batch lists as imported or rejected."""
    return len(addresses_in(body, "success")) + len(addresses_in(body, "failure"))


def addresses_in(body: Json, key: str) -> list[str]:
    """Return the e-mail addresses under a key of the answer about a batch."""
    addresses = body.get(key)
    return [str(address) for address in cast("list[Any]", addresses)] if isinstance(addresses, list) else []


def next_batch(items: list[Item]) -> list[Item]:
    """Return the first items, as many as one request takes.

    No single item is left over, because the rate limit for requests with one contact is lower.
    """
    size, count = 200, 0
    for item in items[:BATCH_SIZE]:
        size += len(json.dumps(item.prior, ensure_ascii=False).encode()) + 1
        if size > MAX_BYTES and count:
            break
        count += 1
    return items[: count - 1] if count == BATCH_SIZE and len(items) == BATCH_SIZE + 1 else items[:count]


def count_requests(rows: int) -> int:
    """Return how many batches so many rows take."""
    return -(-rows // BATCH_SIZE)
