"""Bringing many contacts in through the bulk import: 250 a request, under its own limits, each batch to its end.

An import is an upsert: a batch that is sent twice leaves the account as one would (reference 3.3).
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

BATCH_SIZE, BYTES = 250, 380_000
"""Contacts, and bytes, of one request; 400 kB would be refused."""
PER_MINUTE, SINGLE_PER_MINUTE = 95, 18
"""Requests in a minute: 100 are allowed of several contacts, 20 of a single one, and somebody else may import too."""
MINUTE, MOST_REFUSALS = 60.0, 30
FIRST_LOOK, LONGEST_PAUSE, PATIENCE = 1.5, 20.0, 900.0
"""Seconds until the first look at a batch, between two later ones at most, and until nothing more is expected."""
REJECTED = "ActiveCampaign rejected it and does not say why"
NO_WORD = "sent; ActiveCampaign has not said yet what came of it"
ALL = 1_000_000


@dataclass(slots=True)
class ImportRateLimit:
    """When imports of an account were sent in the last minute: of several contacts, and of a single one."""

    several: deque[float] = field(default_factory=deque[float])
    single: deque[float] = field(default_factory=deque[float])

    def wait(self, many: int, now: float) -> float:
        """Seconds until one more may be sent; what may is noted."""
        times, most = (self.several, PER_MINUTE) if many > 1 else (self.single, SINGLE_PER_MINUTE)
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if len(times) >= most:
            return times[0] + MINUTE - now
        times.append(now)
        return 0.0


@dataclass(slots=True)
class ImportRun(JobRun):
    """Items are rows; what is kept of one is the contact as the API takes it."""

    rows: dict[int, Json] = field(default_factory=dict[int, Json], kw_only=True)
    """The contacts by item, if the journal does not hold them."""
    rate_limit: ImportRateLimit = field(default_factory=ImportRateLimit, kw_only=True)

    def stop_if_too_many_failed(self, tried: int, failed: int) -> None:
        """Rows are wrong one by one; what is wrong with a whole batch tells itself."""

    def of(self, item: Item) -> Json:
        """The contact of an item, as it is sent."""
        return item.prior or self.rows.get(item.n) or {}

    def storable(self, item: Item) -> Json | None:
        """What may be kept of it."""
        return None if self.jobs.lean else item.prior

    async def work(self) -> None:
        try:
            async with create_task_group() as group:
                await self._taken_up(group)
                after = -1
                states = ("planned",)
                while not self.backoff.reason and (
                    items := await self.jobs.items(self.job.id, states, BATCH_SIZE + 2, after)
                ):
                    batch = next_batch([replace(item, prior=self.of(item)) for item in items])
                    after = batch[-1].n
                    await self._send(batch, group)
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None

    async def _taken_up(self, group: TaskGroup) -> None:
        """What was sent before a break is only looked at."""
        batches: dict[str, list[Item]] = {}
        for item in await self.jobs.items(self.job.id, ("sent",), ALL):
            batches.setdefault(item.outcome, []).append(item)
        for batch, items in batches.items():
            group.start_soon(self._follow, batch, items)

    async def _send(self, batch: list[Item], group: TaskGroup) -> None:
        refusals = 0
        while batch:
            await self._turn(len(batch))
            if self.backoff.reason:
                return
            body = {"contacts": [item.prior for item in batch], **self.job.plan.get("options", {})}
            try:
                reply = await self.backoff.run(lambda body=body: self._posted(body))
            except RequestRefused as refused:
                refusals += 1
                if "per minute" in str(refused).lower() or "rate limit" in str(refused).lower():
                    if refusals > MOST_REFUSALS:
                        raise Halt("interrupted", self.context.explain(refused)) from refused
                    await self.backoff.rest(MINUTE)
                    continue
                reasons = {place: reason for place, reason in refused.rows.items() if 0 <= place < len(batch)}
                reasons = reasons or {place: str(refused)[:200] for place in range(len(batch))}
                for place, reason in reasons.items():
                    await self.outcome(batch[place], "failed", "", reason=reason, prior=self.storable(batch[place]))
                batch = [item for place, item in enumerate(batch) if place not in reasons]
                continue
            except ToolError as trouble:
                raise Halt("interrupted", self.context.explain(trouble)) from trouble
            number = str(reply.body.get("batchId") or "")
            if not number:
                raise Halt("interrupted", "the answer to an import names no batch")
            await self.save_now(
                [replace(item, state="sent", outcome=number, prior=self.storable(item)) for item in batch]
            )
            group.start_soon(self._follow, number, batch)
            return

    async def _posted(self, body: Json) -> Response:
        return await self.context.sender.send(Request("POST", "/import/bulk_import", {}, body, repeatable=True))

    async def _turn(self, many: int) -> None:
        """The import has limits of its own beside that of the account."""
        while not self.backoff.reason and (wait := self.rate_limit.wait(many, self.clock())):
            await self.backoff.rest(wait)

    async def _follow(self, batch: str, items: Sequence[Item]) -> None:
        """Until it is known what came of each contact."""
        asked, pause, waited = Request("GET", "/import/info", {"batchId": batch}), FIRST_LOOK, 0.0
        while waited < PATIENCE:
            await self.context.sleep(pause)
            waited += pause
            pause = min(pause * 1.6, LONGEST_PAUSE)
            try:
                body = (await self.backoff.run(lambda: self._asked(asked))).body
            except ToolError:
                continue  # the contacts are on their way whether we can look or not
            if body.get("status") and has_ended(body, len(items)):
                await self._ended(items, body)
                return
        for item in items:
            await self.outcome(item, "done", NO_WORD)

    async def _ended(self, items: Sequence[Item], body: Json) -> None:
        lost = {one.casefold() for one in addresses_in(body, "failure")}
        told = len(addresses_in(body, "success")) + len(addresses_in(body, "failure"))
        word = "imported" if told >= len(items) else f"sent; only {told} of {len(items)} are confirmed"
        for item in items:
            if str(self.of(item).get("email") or item.subject).casefold() in lost:
                await self.outcome(item, "failed", "", reason=REJECTED, prior=self.storable(item))
            else:
                await self.outcome(item, "done", word)

    async def _asked(self, request: Request) -> Response:
        return await self.context.sender.send(replace(request, repeatable=True, unshared=True))


def has_ended(body: Json, many: int) -> bool:
    """Whether all contacts of a batch are accounted for."""
    known = len(addresses_in(body, "success")) + len(addresses_in(body, "failure"))
    return str(body["status"]).lower() in ("completed", "complete", "done") or known >= many


def addresses_in(body: Json, key: str) -> list[str]:
    found = body.get(key)
    return [str(one) for one in cast("list[Any]", found)] if isinstance(found, list) else []


def next_batch(items: list[Item]) -> list[Item]:
    """As many as one request takes; no single one is left for the next, for which a narrower limit holds."""
    size, count = 200, 0
    for item in items[:BATCH_SIZE]:
        size += len(json.dumps(item.prior, ensure_ascii=False).encode()) + 1
        if size > BYTES and count:
            break
        count += 1
    return items[: count - 1] if count == BATCH_SIZE and len(items) == BATCH_SIZE + 1 else items[:count]


def count_requests(rows: int) -> int:
    return -(-rows // BATCH_SIZE)
