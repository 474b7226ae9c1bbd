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
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import NO_DEADLINE, CallClock, Json, Request, Sender, as_int, as_object, as_objects
from ac_mcp.storage.redaction import REDACTED

PAGE = 100
AHEAD = 5
"""E-mail addresses that are looked up at once."""
NOBODY = "no contact has this e-mail address"
KEPT = ("stage", "group", "owner", "status", "title", "value", "currency")
"""What is kept of a deal from the list that showed it."""


class Source(Protocol):
    async def preview(self, watch: CallClock, most: int) -> tuple[int, list[Json], bool]:
        """How many records there are, the first of them, and whether that is all."""
        ...

    def requests(self, count: int) -> int:
        """How many it takes to find them."""
        ...

    async def collect(self, run: JobRun) -> None: ...


def source_of(plan: Json, sender: Sender, jobs: JobStore) -> Source:
    if "of" in plan:
        return ItemsOfJob(jobs, int(plan["of"]))
    if plan.get("given"):
        return ExplicitRecords(sender, plan["kind"], plan["given"])
    conditions = [Condition.from_json(one) for one in plan.get("conditions", ())]
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

    async def preview(self, watch: CallClock, most: int) -> tuple[int, list[Json], bool]:
        first = list(self.records[:most])
        ids = [int(one) for one in first if one.isdecimal()]
        rows = await ContactQuery(self.sender, ()).find_matching({}, ids) if self.kind == "contacts" and ids else []
        known = {str(row.get("id")): row for row in rows}
        shown = [known.get(one) or ({"email": one} if "@" in one else {"id": one}) for one in first]
        return len(self.records), shown, True

    def requests(self, count: int) -> int:
        return sum("@" in one for one in self.records)

    async def collect(self, run: JobRun) -> None:
        """The cursor is how many of those given are done with."""
        known = await run.jobs.subjects(run.job.id)
        for place in range(run.job.cursor, len(self.records), PAGE):
            some = self.records[place : place + PAGE]
            ids: list[str] = []
            for start in range(0, len(some), AHEAD):
                ids += await gather([self._id(one) for one in some[start : start + AHEAD]])
            anew = [id for id in dict.fromkeys(ids) if id and id not in known]
            known |= set(anew)
            found = items_for(run, [(id, None) for id in anew])
            missing = [one for one, id in zip(some, ids, strict=True) if not id]
            next_n = run.job.total + len(found)
            told = [REDACTED if run.jobs.lean else one for one in missing]
            lost = [Item(next_n + n, 0, one, "failed", reason=NOBODY) for n, one in enumerate(told)]
            await run.add([*found, *lost], place + len(some))
        await run.add([], len(self.records), all=True)

    async def _id(self, one: str) -> str:
        """The id; empty where there is none."""
        if "@" not in one:
            return one
        try:
            reply = await self.sender.send(Request("GET", "/contacts", {"email": one}, repeatable=True))
        except NotFound:
            return ""
        rows = as_objects(reply.body.get("contacts"))
        mine = (row for row in rows if str(row.get("email") or "").casefold() == one.casefold() and row.get("id"))
        return str(as_object(next(mine, None)).get("id") or "")


@dataclass(frozen=True, slots=True)
class MatchingContacts:
    sender: Sender
    conditions: Sequence[Condition]

    async def preview(self, watch: CallClock, most: int) -> tuple[int, list[Json], bool]:
        counted, rows = await ContactQuery(self.sender, self.conditions, watch).preview(most)
        return counted.number, rows, counted.exact

    def requests(self, count: int) -> int:
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

    async def preview(self, watch: CallClock, most: int) -> tuple[int, list[Json], bool]:
        rows, total = await self.page(0, most)
        return total, rows, True

    def requests(self, count: int) -> int:
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
            rows, total = await self.page(start, PAGE)
            ids = [as_int(row.get("id")) for row in rows]
            if last and start and (not ids or ids[0] > last):
                offset = max(0, start - PAGE // 2)  # it has moved up: further back
                continue
            fresh = [row for row in rows if as_int(row.get("id")) > last]
            if fresh:
                last = max(as_int(row.get("id")) for row in fresh)
                yield fresh
            offset = start + len(rows)
            if not rows or offset >= total:
                return

    async def page(self, offset: int, most: int) -> tuple[list[Json], int]:
        query = {DEAL[one.key].wire: one.value for one in self.conditions}
        query |= {"filters[search_field]": "all"} if "filters[search]" in query else {}
        asked = {**query, "orders[id]": "ASC", "limit": str(most), "offset": str(offset)}
        body = (await self.sender.send(Request("GET", "/deals", asked, repeatable=True))).body
        return as_objects(body.get("deals")), as_int(as_object(body.get("meta")).get("total"))


@dataclass(frozen=True, slots=True)
class ItemsOfJob:
    """What another job has changed."""

    jobs: JobStore
    of: int

    async def preview(self, watch: CallClock, most: int) -> tuple[int, list[Json], bool]:
        counts, gone = await self.jobs.counts(self.of), await self.jobs.load_reverted_items(self.of)
        first = [one for one in await self.jobs.items(self.of, ("done",), most + len(gone)) if one.n not in gone]
        count = sum(number for (state, _), number in counts.items() if state == "done") - len(gone)
        return count, [{"id": item.subject} for item in first[:most]], True

    def requests(self, count: int) -> int:
        return 0

    async def collect(self, run: JobRun) -> None:
        gone = await self.jobs.load_reverted_items(self.of)
        most = run.job.most or sys.maxsize
        while True:
            some = await self.jobs.items(self.of, ("done",), PAGE, run.job.cursor - 1)
            found = [Item(one.n, one.step, one.subject, prior=one.prior or {}) for one in some if one.n not in gone]
            found = found[: most - run.job.total]
            await run.add(found, (some[-1].n + 1) if some else run.job.cursor, all=not some)
            if not some:
                return
