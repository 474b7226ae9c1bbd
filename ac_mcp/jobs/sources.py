"""The sources of a job's records: a list of records, conditions, or an earlier job."""

import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ac_mcp.concurrency import gather
from ac_mcp.errors import NotFound
from ac_mcp.filters.conditions import DEAL, Condition
from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.preview import SelectionPreview
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import NO_DEADLINE, CallClock, Json, Request, Sender, as_int, as_objects
from ac_mcp.spec.job_plan import JobPlan
from ac_mcp.spec.paging import PAGE, Page, ids_of, paging_query
from ac_mcp.storage.redaction import REDACTED

CONCURRENT_LOOKUPS = 5
"""E-mail addresses that are looked up at once."""
NO_CONTACT = "no contact has this e-mail address"
DEAL_STATE = ("stage", "group", "owner", "status", "title", "value", "currency")
"""The attributes of a deal that are stored as its prior state, by the names of the API."""


class Source(Protocol):
    """Counts and finds the records of a job."""

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        """Return how many records there are, and the first `most` of them."""
        ...

    def count_requests(self, count: int) -> int:
        """Return how many requests it takes to find so many records."""
        ...

    async def collect(self, run: JobRun) -> None:
        """Add an item for each record and step, after the cursor of the job."""
        ...


def source_of(plan: JobPlan, sender: Sender, jobs: JobStore) -> Source:
    """Return the source of a plan's records."""
    if "of" in plan:
        return ItemsOfJob(jobs, plan["of"])
    if records := plan.get("given"):
        return ExplicitRecords(sender, plan["kind"], records)
    conditions = [Condition.from_json(stored) for stored in plan.get("conditions", ())]
    return MatchingDeals(sender, conditions) if plan["kind"] == "deals" else MatchingContacts(sender, conditions)


def deal_state(deal: Json) -> Json:
    """Return the prior state of a deal that is about to be changed, from its row in a list."""
    return {key: deal.get(key) for key in DEAL_STATE}


def items_for(run: JobRun, records: Sequence[tuple[str, Json | None]]) -> list[Item]:
    """Return new items, one for each record and step; `records` are subjects with their prior states."""
    first, steps = run.job.total, range(len(run.steps))
    work = [(subject, prior, step) for subject, prior in records for step in steps]
    return [Item(first + n, step, subject, prior=prior) for n, (subject, prior, step) in enumerate(work)]


@dataclass(frozen=True, slots=True)
class ExplicitRecords:
    """A list of records that the call names."""

    sender: Sender
    kind: str
    """The kind of the records: "contacts" or "deals"."""
    records: Sequence[str]
    """Ids, and e-mail addresses of contacts, which are looked up when the job collects its records."""

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        first = list(self.records[:most])
        ids = [int(record) for record in first if record.isdecimal()]
        rows = await ContactQuery(self.sender, ()).find_matching({}, ids) if self.kind == "contacts" and ids else []
        by_id = {str(row.get("id")): row for row in rows}
        rows = [by_id.get(record) or ({"email": record} if "@" in record else {"id": record}) for record in first]
        return SelectionPreview(len(self.records), tuple(rows))

    def count_requests(self, count: int) -> int:
        return sum("@" in record for record in self.records)

    async def collect(self, run: JobRun) -> None:
        """Add the items; the cursor is the number of records that were looked up."""
        seen = await run.jobs.subjects(run.job.id)
        for offset in range(run.job.cursor, len(self.records), PAGE):
            batch = self.records[offset : offset + PAGE]
            ids: list[str] = []
            for start in range(0, len(batch), CONCURRENT_LOOKUPS):
                ids += await gather([self._find_id(record) for record in batch[start : start + CONCURRENT_LOOKUPS]])
            new = [id for id in dict.fromkeys(ids) if id and id not in seen]
            seen |= set(new)
            items = items_for(run, [(id, None) for id in new])
            missing = [REDACTED if run.jobs.lean else record for record, id in zip(batch, ids, strict=True) if not id]
            n = run.job.total + len(items)
            failed = [Item(n + i, 0, record, "failed", reason=NO_CONTACT) for i, record in enumerate(missing)]
            await run.add([*items, *failed], offset + len(batch))
        await run.add([], len(self.records), all=True)

    async def _find_id(self, record: str) -> str:
        """Return the id of a record; "" if no contact has this e-mail address."""
        if "@" not in record:
            return record
        try:
            response = await self.sender.send(Request("GET", "/contacts", {"email": record}, repeatable=True))
        except NotFound:
            return ""
        rows = as_objects(response.body.get("contacts"))
        return next(iter(ids_of([row for row in rows if str(row.get("email")).casefold() == record.casefold()])), "")


@dataclass(frozen=True, slots=True)
class MatchingContacts:
    """The contacts that meet conditions."""

    sender: Sender
    conditions: Sequence[Condition]

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        count, rows = await ContactQuery(self.sender, self.conditions, clock).preview(most)
        return SelectionPreview(count.number, tuple(rows), count.exact)

    def count_requests(self, count: int) -> int:
        return -(-count // PAGE)

    async def collect(self, run: JobRun) -> None:
        """Add the items by contact id, so that new or deleted contacts shift no page; the cursor is the last id."""
        left = run.job.limit * len(run.steps) - run.job.total if run.job.limit else None
        async for rows in ContactQuery(self.sender, self.conditions, NO_DEADLINE).pages(run.job.cursor):
            ids = [str(row.get("id")) for row in rows if row.get("id")]
            if left is not None:
                ids = ids[: left // len(run.steps)]
                left -= len(ids) * len(run.steps)
            if ids:
                await run.add(items_for(run, [(id, None) for id in ids]), int(ids[-1]))
            if left == 0:
                break
        await run.add([], run.job.cursor, all=True)


@dataclass(frozen=True, slots=True)
class MatchingDeals:
    """The deals that meet conditions."""

    sender: Sender
    conditions: Sequence[Condition]

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        page = await self.page(0, most)
        return SelectionPreview(page.total, tuple(page.rows))

    def count_requests(self, count: int) -> int:
        return -(-count // PAGE)

    async def collect(self, run: JobRun) -> None:
        """Add the items; the cursor is the id of the last deal."""
        limit = run.job.limit or sys.maxsize
        async for rows in self.pages(run.job.total, run.job.cursor):
            records = [(str(row["id"]), deal_state(row)) for row in rows[: limit - run.job.total]]
            await run.add(items_for(run, records), max(as_int(row["id"]) for row in rows))
            if run.job.total >= limit:
                break
        await run.add([], run.job.cursor, all=True)

    async def pages(self, offset: int = 0, last: int = 0) -> AsyncGenerator[list[Json]]:
        """Yield the deals above the id `last` page by page, by id; `offset` is about the position of the first one.

        The API cannot filter deals by id. If deals before the offset are deleted or no longer meet the conditions, the
        later ones move up. Each page therefore begins with the last deal of the page before.
        """
        while True:
            start = max(0, offset - 1)
            page = await self.page(start, PAGE)
            ids = [as_int(row.get("id")) for row in page.rows]
            if last and start and (not ids or ids[0] > last):
                offset = max(0, start - PAGE // 2)  # the deals have moved up: read further back
                continue
            rows = [row for row in page.rows if as_int(row.get("id")) > last]
            if rows:
                last = max(as_int(row.get("id")) for row in rows)
                yield rows
            offset = start + len(page.rows)
            if not page.rows or offset >= page.total:
                return

    async def page(self, offset: int, most: int) -> Page:
        """Return a page of the deals that meet the conditions, by id."""
        query = {DEAL[condition.key].wire: condition.value for condition in self.conditions}
        if "filters[search]" in query:
            query["filters[search_field]"] = "all"
        query |= {"orders[id]": "ASC", **paging_query(offset, most)}
        response = await self.sender.send(Request("GET", "/deals", query, repeatable=True))
        return Page.of(response.body, "deals")


@dataclass(frozen=True, slots=True)
class ItemsOfJob:
    """The records that an earlier job has changed and that no undo has restored."""

    jobs: JobStore
    of: int
    """The id of the earlier job."""

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        counts, reverted = await self.jobs.counts(self.of), await self.jobs.load_reverted_items(self.of)
        done = await self.jobs.items(self.of, ("done",), most + len(reverted))
        items = [item for item in done if item.n not in reverted]
        count = sum(number for (state, _), number in counts.items() if state == "done") - len(reverted)
        return SelectionPreview(count, tuple({"id": item.subject} for item in items[:most]))

    def count_requests(self, count: int) -> int:
        return 0

    async def collect(self, run: JobRun) -> None:
        """Add the items under their numbers in the earlier job; the cursor is the last number plus one."""
        reverted = await self.jobs.load_reverted_items(self.of)
        limit = run.job.limit or sys.maxsize
        while True:
            done = await self.jobs.items(self.of, ("done",), PAGE, run.job.cursor - 1)
            items = [Item(i.n, i.step, i.subject, prior=i.prior or {}) for i in done if i.n not in reverted]
            items = items[: limit - run.job.total]
            await run.add(items, (done[-1].n + 1) if done else run.job.cursor, all=not done)
            if not done:
                return
