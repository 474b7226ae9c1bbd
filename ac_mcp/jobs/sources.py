"""Where the records of a job come from: names that were given, conditions, or an earlier job."""

import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ac_mcp.concurrency import gather
from ac_mcp.errors import NotFound
from ac_mcp.filters.conditions import DEAL, Condition
from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.plan import SelectionPreview
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import NO_DEADLINE, CallClock, Json, Request, Sender, as_int, as_objects
from ac_mcp.spec.job_plan import JobPlan
from ac_mcp.spec.paging import PAGE, Page, ids_of, paging_query
from ac_mcp.storage.redaction import REDACTED

AHEAD = 5
"""E-mail addresses that are looked up at once."""
NOBODY = "no contact has this e-mail address"
KEPT = ("stage", "group", "owner", "status", "title", "value", "currency")
"""What is kept of a deal from the list that showed it."""


class Source(Protocol):
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
    if "of" in plan:
        return ItemsOfJob(jobs, plan["of"])
    if records := plan.get("given"):
        return ExplicitRecords(sender, plan["kind"], records)
    conditions = [Condition.from_json(stored) for stored in plan.get("conditions", ())]
    return MatchingDeals(sender, conditions) if plan["kind"] == "deals" else MatchingContacts(sender, conditions)


def deal_before(deal: Json) -> Json:
    """What a list shows of a deal that is about to be changed."""
    return {key: deal.get(key) for key in KEPT}


def items_for(run: JobRun, subjects: Sequence[tuple[str, Json | None]]) -> list[Item]:
    """Each step for each record, after those there are."""
    place, steps = run.job.total, range(len(run.steps))
    pairs = [(subject, kept, step) for subject, kept in subjects for step in steps]
    return [Item(place + n, step, subject, prior=kept) for n, (subject, kept, step) in enumerate(pairs)]


@dataclass(frozen=True, slots=True)
class ExplicitRecords:
    """Ids, and e-mail addresses that are looked up when the job begins."""

    sender: Sender
    kind: str
    records: Sequence[str]

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
        """The cursor is how many of those given are done with."""
        seen = await run.jobs.subjects(run.job.id)
        for place in range(run.job.cursor, len(self.records), PAGE):
            batch = self.records[place : place + PAGE]
            ids: list[str] = []
            for start in range(0, len(batch), AHEAD):
                ids += await gather([self._find_id(record) for record in batch[start : start + AHEAD]])
            new = [id for id in dict.fromkeys(ids) if id and id not in seen]
            seen |= set(new)
            items = items_for(run, [(id, None) for id in new])
            missing = [REDACTED if run.jobs.lean else record for record, id in zip(batch, ids, strict=True) if not id]
            n = run.job.total + len(items)
            failed = [Item(n + i, 0, record, "failed", reason=NOBODY) for i, record in enumerate(missing)]
            await run.add([*items, *failed], place + len(batch))
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
    sender: Sender
    conditions: Sequence[Condition]

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        counted, rows = await ContactQuery(self.sender, self.conditions, clock).preview(most)
        return SelectionPreview(counted.number, tuple(rows), counted.exact)

    def count_requests(self, count: int) -> int:
        return -(-count // PAGE)

    async def collect(self, run: JobRun) -> None:
        """In the order of ids, so that whoever joins or leaves meanwhile shifts nobody."""
        left = run.job.most * len(run.steps) - run.job.total if run.job.most else None
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
    sender: Sender
    conditions: Sequence[Condition]

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        page = await self.page(0, most)
        return SelectionPreview(page.total, tuple(page.rows))

    def count_requests(self, count: int) -> int:
        return -(-count // PAGE)

    async def collect(self, run: JobRun) -> None:
        """The cursor is the id of the last one."""
        most = run.job.most or sys.maxsize
        async for rows in self.pages(run.job.total, run.job.cursor):
            found = [(str(row["id"]), deal_before(row)) for row in rows[: most - run.job.total]]
            await run.add(items_for(run, found), max(as_int(row["id"]) for row in rows))
            if run.job.total >= most:
                break
        await run.add([], run.job.cursor, all=True)

    async def pages(self, offset: int = 0, last: int = 0) -> AsyncGenerator[list[Json]]:
        """In the order of ids, from the first above `last`; `offset` is about where that stands.

        Deals cannot be asked for by id: where some before it are gone or no longer meet the conditions, what follows
        has moved up, so that each page begins with the last one that was seen.
        """
        while True:
            start = max(0, offset - 1)
            page = await self.page(start, PAGE)
            ids = [as_int(row.get("id")) for row in page.rows]
            if last and start and (not ids or ids[0] > last):
                offset = max(0, start - PAGE // 2)  # it has moved up: further back
                continue
            fresh = [row for row in page.rows if as_int(row.get("id")) > last]
            if fresh:
                last = max(as_int(row.get("id")) for row in fresh)
                yield fresh
            offset = start + len(page.rows)
            if not page.rows or offset >= page.total:
                return

    async def page(self, offset: int, most: int) -> Page:
        """Return a page of the deals that meet the conditions, in the order of their ids."""
        query = {DEAL[condition.key].wire: condition.value for condition in self.conditions}
        if "filters[search]" in query:
            query["filters[search_field]"] = "all"
        query |= {"orders[id]": "ASC", **paging_query(offset, most)}
        response = await self.sender.send(Request("GET", "/deals", query, repeatable=True))
        return Page.of(response.body, "deals")


@dataclass(frozen=True, slots=True)
class ItemsOfJob:
    """What another job has changed."""

    jobs: JobStore
    of: int

    async def preview(self, clock: CallClock, most: int) -> SelectionPreview:
        counts, gone = await self.jobs.counts(self.of), await self.jobs.load_reverted_items(self.of)
        done = await self.jobs.items(self.of, ("done",), most + len(gone))
        items = [item for item in done if item.n not in gone]
        count = sum(number for (state, _), number in counts.items() if state == "done") - len(gone)
        return SelectionPreview(count, tuple({"id": item.subject} for item in items[:most]))

    def count_requests(self, count: int) -> int:
        return 0

    async def collect(self, run: JobRun) -> None:
        gone = await self.jobs.load_reverted_items(self.of)
        most = run.job.most or sys.maxsize
        while True:
            done = await self.jobs.items(self.of, ("done",), PAGE, run.job.cursor - 1)
            items = [Item(i.n, i.step, i.subject, prior=i.prior or {}) for i in done if i.n not in gone]
            items = items[: most - run.job.total]
            await run.add(items, (done[-1].n + 1) if done else run.job.cursor, all=not done)
            if not done:
                return
