"""Where the records of a job come from: names that were given, conditions, or an earlier job."""

import sys
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ac_mcp.concurrency import side_by_side
from ac_mcp.errors import NotFound
from ac_mcp.filters.conditions import DEAL, Condition
from ac_mcp.filters.contact_query import Selection
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.runner import Run
from ac_mcp.jobs.store import Jobs
from ac_mcp.messages import ANYTIME, Json, Request, Sender, Watch, record, records, whole
from ac_mcp.storage.redaction import HIDDEN

PAGE = 100
AHEAD = 5
"""E-mail addresses that are looked up at once."""
NOBODY = "no contact has this e-mail address"
KEPT = ("stage", "group", "owner", "status", "title", "value", "currency")
"""What is kept of a deal from the list that showed it."""


class Source(Protocol):
    async def glance(self, watch: Watch, most: int) -> tuple[int, list[Json], bool]:
        """How many records there are, the first of them, and whether that is all."""
        ...

    def requests(self, count: int) -> int:
        """How many it takes to find them."""
        ...

    async def collect(self, run: Run) -> None: ...


def source_of(plan: Json, sender: Sender, jobs: Jobs) -> Source:
    if "of" in plan:
        return Earlier(jobs, int(plan["of"]))
    if plan.get("given"):
        return Given(sender, plan["kind"], plan["given"])
    conditions = [Condition(**one) for one in plan.get("conditions", ())]
    return OfDeals(sender, conditions) if plan["kind"] == "deals" else OfContacts(sender, conditions)


def known(deal: Json) -> Json:
    """What a list shows of a deal that is about to be changed."""
    return {key: deal.get(key) for key in KEPT}


def items(run: Run, subjects: Sequence[tuple[str, Json | None]]) -> list[Item]:
    """Each step for each record, after those there are."""
    place, steps = run.job.total, range(len(run.steps))
    pairs = [(subject, kept, step) for subject, kept in subjects for step in steps]
    return [Item(place + n, step, subject, kept=kept) for n, (subject, kept, step) in enumerate(pairs)]


@dataclass(frozen=True, slots=True)
class Given:
    """Ids, and e-mail addresses that are looked up when the job begins."""

    sender: Sender
    kind: str
    given: Sequence[str]

    async def glance(self, watch: Watch, most: int) -> tuple[int, list[Json], bool]:
        first = list(self.given[:most])
        ids = [int(one) for one in first if one.isdecimal()]
        rows = await Selection(self.sender, ()).among({}, ids) if self.kind == "contacts" and ids else []
        known = {str(row.get("id")): row for row in rows}
        shown = [known.get(one) or ({"email": one} if "@" in one else {"id": one}) for one in first]
        return len(self.given), shown, True

    def requests(self, count: int) -> int:
        return sum("@" in one for one in self.given)

    async def collect(self, run: Run) -> None:
        """The cursor is how many of those given are done with."""
        known = await run.jobs.subjects(run.job.id)
        for place in range(run.job.cursor, len(self.given), PAGE):
            some = self.given[place : place + PAGE]
            ids: list[str] = []
            for start in range(0, len(some), AHEAD):
                ids += await side_by_side([self._id(one) for one in some[start : start + AHEAD]])
            anew = [id for id in dict.fromkeys(ids) if id and id not in known]
            known |= set(anew)
            found = items(run, [(id, None) for id in anew])
            missing = [one for one, id in zip(some, ids, strict=True) if not id]
            next_n = run.job.total + len(found)
            told = [HIDDEN if run.jobs.lean else one for one in missing]
            lost = [Item(next_n + n, 0, one, "failed", reason=NOBODY) for n, one in enumerate(told)]
            await run.add([*found, *lost], place + len(some))
        await run.add([], len(self.given), all=True)

    async def _id(self, one: str) -> str:
        """The id; empty where there is none."""
        if "@" not in one:
            return one
        try:
            reply = await self.sender.send(Request("GET", "/contacts", {"email": one}, repeatable=True))
        except NotFound:
            return ""
        rows = records(reply.body.get("contacts"))
        mine = (row for row in rows if str(row.get("email") or "").casefold() == one.casefold() and row.get("id"))
        return str(record(next(mine, None)).get("id") or "")


@dataclass(frozen=True, slots=True)
class OfContacts:
    sender: Sender
    conditions: Sequence[Condition]

    async def glance(self, watch: Watch, most: int) -> tuple[int, list[Json], bool]:
        counted, rows = await Selection(self.sender, self.conditions, watch).glance(most)
        return counted.number, rows, counted.exact

    def requests(self, count: int) -> int:
        return -(-count // PAGE)

    async def collect(self, run: Run) -> None:
        """In the order of ids, so that whoever joins or leaves meanwhile shifts nobody."""
        left = run.job.most * len(run.steps) - run.job.total if run.job.most else None
        async for rows in Selection(self.sender, self.conditions, ANYTIME).pages(run.job.cursor):
            ids = [str(row.get("id")) for row in rows if row.get("id")]
            if left is not None:
                ids = ids[: left // len(run.steps)]
                left -= len(ids) * len(run.steps)
            if ids:
                await run.add(items(run, [(id, None) for id in ids]), int(ids[-1]))
            if left == 0:
                break
        await run.add([], run.job.cursor, all=True)


@dataclass(frozen=True, slots=True)
class OfDeals:
    sender: Sender
    conditions: Sequence[Condition]

    async def glance(self, watch: Watch, most: int) -> tuple[int, list[Json], bool]:
        rows, total = await self.page(0, most)
        return total, rows, True

    def requests(self, count: int) -> int:
        return -(-count // PAGE)

    async def collect(self, run: Run) -> None:
        """The cursor is the id of the last one."""
        most = run.job.most or sys.maxsize
        async for rows in self.pages(run.job.total, run.job.cursor):
            found = [(str(row["id"]), known(row)) for row in rows[: most - run.job.total]]
            await run.add(items(run, found), max(whole(row["id"]) for row in rows))
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
            ids = [whole(row.get("id")) for row in rows]
            if last and start and (not ids or ids[0] > last):
                offset = max(0, start - PAGE // 2)  # it has moved up: further back
                continue
            fresh = [row for row in rows if whole(row.get("id")) > last]
            if fresh:
                last = max(whole(row.get("id")) for row in fresh)
                yield fresh
            offset = start + len(rows)
            if not rows or offset >= total:
                return

    async def page(self, offset: int, most: int) -> tuple[list[Json], int]:
        query = {DEAL[one.key].wire: one.value for one in self.conditions}
        query |= {"filters[search_field]": "all"} if "filters[search]" in query else {}
        asked = {**query, "orders[id]": "ASC", "limit": str(most), "offset": str(offset)}
        body = (await self.sender.send(Request("GET", "/deals", asked, repeatable=True))).body
        return records(body.get("deals")), whole(record(body.get("meta")).get("total"))


@dataclass(frozen=True, slots=True)
class Earlier:
    """What another job has changed."""

    jobs: Jobs
    of: int

    async def glance(self, watch: Watch, most: int) -> tuple[int, list[Json], bool]:
        counts, gone = await self.jobs.counts(self.of), await self.jobs.taken_back(self.of)
        first = [one for one in await self.jobs.items(self.of, ("done",), most + len(gone)) if one.n not in gone]
        count = sum(number for (state, _), number in counts.items() if state == "done") - len(gone)
        return count, [{"id": item.subject} for item in first[:most]], True

    def requests(self, count: int) -> int:
        return 0

    async def collect(self, run: Run) -> None:
        gone = await self.jobs.taken_back(self.of)
        most = run.job.most or sys.maxsize
        while True:
            some = await self.jobs.items(self.of, ("done",), PAGE, run.job.cursor - 1)
            found = [Item(one.n, one.step, one.subject, kept=one.kept or {}) for one in some if one.n not in gone]
            found = found[: most - run.job.total]
            await run.add(found, (some[-1].n + 1) if some else run.job.cursor, all=not some)
            if not some:
                return
