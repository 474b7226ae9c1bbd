"""Imports: contacts sent through the bulk import, 250 in a request, and each batch followed to its end.

The bulk import has rate limits of its own. It is an upsert: a batch that is sent twice leaves the account as one
would (reference 3.3).
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from anyio import create_task_group
from anyio.abc import TaskGroup

from ac_mcp.concurrency import unwrap_group
from ac_mcp.errors import Forbidden, RequestRefused, ToolError
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
BROKEN_OFF = ("failed", "interrupted")
"""Status words of an import that ended without being complete."""
MOST_IN_A_ROW = 12
"""Refusals without an acceptance after which the refusal is not about the rows: a batch is halved eight times."""
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
    _places_from: int | None = field(default=None, init=False)
    """The number of the first place in refusals; None while it is not known."""
    _refused_in_a_row: int = field(default=0, init=False)

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
            Halt: if the API cannot be used, or refuses everything.
        """
        waits = 0
        while batch:
            await self._wait_for_turn(len(batch))
            if self.backoff.reason:
                return
            body = {"contacts": [item.prior for item in batch], **self.job.plan.get("options", {})}
            try:
                response = await self.backoff.run(lambda body=body: self._post(body))
            except RequestRefused as refused:
                waits += 1
                if is_rate_refusal(refused) and waits <= MOST_REFUSALS:
                    await self.backoff.rest(MINUTE)
                    continue
                self._require_sense(refused)
                batch = await self._without_refused(batch, refused, group)
                continue
            except ToolError as error:
                raise Halt("interrupted", self.context.explain(error)) from error
            await self._follow_sent(batch, response, group)
            return

    async def _follow_sent(self, batch: list[Item], response: Response, group: TaskGroup) -> None:
        """Save that a batch is on its way, and follow it in the background."""
        batch_id = str(response.body.get("batchId") or "")
        if not batch_id:
            raise Halt("interrupted", "the answer to an import names no batch")
        self._refused_in_a_row = 0
        await self.save_now(
            [replace(item, state="sent", outcome=batch_id, prior=self.storable(item)) for item in batch]
        )
        group.start_soon(self._follow, batch_id, batch)

    def _require_sense(self, refused: RequestRefused) -> None:
        """Raise Halt for a refusal that is not about rows."""
        self._refused_in_a_row += 1
        lasts = self._refused_in_a_row > MOST_IN_A_ROW and not refused.rows
        if isinstance(refused, Forbidden) or is_rate_refusal(refused) or lasts:
            raise Halt("interrupted", self.context.explain(refused)) from refused

    async def _without_refused(self, batch: list[Item], refused: RequestRefused, group: TaskGroup) -> list[Item]:
        """Note the rows that the API refuses as failed and return those that are still to be sent.

        A batch of which it names no row is sent in halves, so that no good row is blamed.
        """
        rows = {place: reason for place, reason in refused.rows.items() if 0 <= place <= len(batch)}
        if not rows:
            if len(batch) == 1:
                await self._fail(batch[0], str(refused)[:200])
                return []
            middle = len(batch) // 2
            await self._send(batch[:middle], group)
            return batch[middle:]
        if self._places_from is None:
            self._places_from = first_place(rows, len(batch))
        if self._places_from is None:
            return await self._learn_first_place(batch, min(rows), group)
        wrong = {place - self._places_from: reason for place, reason in rows.items()}
        named = {index: reason for index, reason in wrong.items() if 0 <= index < len(batch)}
        if not named:
            return await self._without_refused(batch, refused.but(rows={}), group)
        for index, reason in named.items():
            await self._fail(batch[index], reason)
        return [item for index, item in enumerate(batch) if index not in named]

    async def _learn_first_place(self, batch: list[Item], place: int, group: TaskGroup) -> list[Item]:
        """Find out whether places count from 0 or 1, by sending the row alone that `place` names if they count from 1.

        If it is refused, its place says how they count. If not, they count from 0. Return the rows still to be sent.
        """
        suspect = batch[place - 1]
        await self._send([suspect], group)
        if self._places_from is None:
            self._places_from = 1 if self._refused_in_a_row else 0
        return [item for item in batch if item is not suspect]

    async def _fail(self, item: Item, reason: str) -> None:
        await self.outcome(item, "failed", "", reason=reason, prior=self.storable(item))

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
        emails = {item.n: str(self.contact_of(item).get("email") or item.subject).casefold() for item in items}
        failures = list(dict.fromkeys(address.casefold() for address in addresses_in(body, "failure")))
        unmatched = [address for address in failures if address not in emails.values()]
        left = [item for item in items if emails[item.n] not in failures]
        confirmed = min(len(set(addresses_in(body, "success"))), max(0, len(items) - len(failures)))
        for item in items:
            if item not in left:
                await self._fail(item, REJECTED)
        status = str(body["status"]).lower()
        for item in left:
            if status in BROKEN_OFF and not confirmed:
                await self._fail(item, f'ActiveCampaign says of the import: "{status}"')
            else:
                await self.outcome(item, "done", describe_outcome(status, confirmed, len(left), unmatched))

    async def _fetch(self, request: Request) -> Response:
        return await self.context.sender.send(replace(request, repeatable=True, unshared=True))


def is_rate_refusal(refused: RequestRefused) -> bool:
    """Return whether the API refused an import because there were too many in a minute."""
    text = str(refused).lower()
    return "per minute" in text or "rate limit" in text


def first_place(rows: Mapping[int, str], count: int) -> int | None:
    """Return whether the places of refused rows count from 0 or from 1; None if they do not show it."""
    if 0 in rows:
        return 0
    return 1 if count in rows else None


def describe_outcome(status: str, confirmed: int, count: int, unmatched: Sequence[str]) -> str:
    """Return the outcome of rows that were not rejected by name, `confirmed` of which the API counts as imported."""
    if confirmed >= count and not unmatched:
        return "imported"
    broken_off = f'; ActiveCampaign says of the import: "{status}"' if status in BROKEN_OFF else ""
    others = ", ".join(json.dumps(address[:60], ensure_ascii=False) for address in unmatched[:3])
    rejected = f"; it rejected {others}, which is none of the rows" if unmatched else ""
    return f"sent; only {confirmed} of {count} are confirmed{broken_off}{rejected}"


def has_ended(body: Json, count: int) -> bool:
    """Return whether the answer about a batch accounts for all of its contacts, or says that nothing more will come."""
    is_over = str(body["status"]).lower() in ("completed", "complete", "done", *BROKEN_OFF)
    return is_over or count_confirmed(body) >= count


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
