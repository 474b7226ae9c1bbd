"""Which contacts meet some conditions: counted with as few requests as possible, or read page by page by id.

What the API can ask at once goes into one query (reference 3.2). A second tag, what is *not* so, and custom fields it
cannot: those are asked for each page of a hundred contacts (`ids[]`), or read as a whole where that is less.
"""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import TypeAlias

from anyio import sleep

from ac_mcp.concurrency import gather
from ac_mcp.errors import BadArguments
from ac_mcp.filters.conditions import CONTACT, FIELD, INACTIVE, Condition
from ac_mcp.messages import NO_DEADLINE, CallClock, Json, Request, Sender, as_int, as_object, as_objects

PAGE = 100
AHEAD = 4
"""Pages of values that are asked for at once."""
MOST_NEGATIVE = 3
"""Conditions the other way round up to which counts are subtracted: each doubles the counts."""
SEARCHING = (0.0, 0.0, 2.0, 4.0, 8.0)
"""Seconds before each question who is in a segment, until somebody is."""
SPARE = 4.0
"""Seconds of its own a call keeps for what comes after reading."""
OPENED, CLICKED = "last_open_date", "last_click_date"
Query: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class ContactCount:
    """`exact` is False where the time of the call did not allow to look at all of them: then it is the least."""

    number: int
    exact: bool = True
    read: int = 0
    """Contacts that were looked at one by one."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """Conditions by how they are asked."""

    base: Query
    """All in one query."""
    further: tuple[Query, ...] = ()
    """What has to hold beside it."""
    without: tuple[Query, ...] = ()
    """What must not hold."""
    fields: tuple[Condition, ...] = ()
    inactive: int = 0
    """Days without an open or click."""

    @property
    def alone(self) -> bool:
        """Whether counts of single queries are enough."""
        apart = all(a.keys().isdisjoint(b) for a, b in combinations((self.base, *self.without), 2))
        few = len(self.without) <= MOST_NEGATIVE
        return not (self.further or self.fields or self.inactive) and apart and few


def plan_query(conditions: Iterable[Condition]) -> QueryPlan:
    known = list(conditions)
    status = next((one.value for one in known if one.key == "status"), "")
    lists = any(one.key == "list" and not one.negative for one in known)
    base: Query = {"status": status} if status and not lists else {}
    further: list[Query] = []
    without: list[Query] = []
    for one in known:
        if one.key in ("status", FIELD, INACTIVE):
            continue
        query = query_for(one, status)
        if one.negative:
            without.append(query)
        elif base.keys().isdisjoint(query):
            base |= query
        else:
            further.append(query)
    inactive = next((int(float(one.value)) for one in known if one.key == INACTIVE), 0)
    fields = tuple(one for one in known if one.key == FIELD)
    return QueryPlan(base, tuple(further), tuple(without), fields, inactive)


def query_for(one: Condition, status: str = "") -> Query:
    """On a list is who has that status there: active, unless another one is asked for."""
    wire = CONTACT[one.key].wire
    if one.key == "email" and "@" not in one.value.strip("@"):
        return {"email_like": one.value}
    return {wire: one.value} | ({"status": "1" if one.negative else status or "1"} if one.key == "list" else {})


@dataclass(slots=True)
class ContactQuery:
    """Those contacts, for whoever `sender` reads."""

    sender: Sender
    conditions: Sequence[Condition]
    watch: CallClock = NO_DEADLINE
    complete: bool = True
    """False once the time was up before all were read."""
    read: int = 0
    last: int = 0
    """The highest id that was read."""
    ended: bool = False
    """Whether the page that was read last was the last one."""
    searched: set[str] = field(default_factory=set[str])
    """Segments whose members are known by now."""
    plan: QueryPlan = field(init=False)
    holders: set[int] | None = None
    """Who meets the conditions on fields; None without such."""
    others: set[int] = field(default_factory=set[int])
    """Who does not."""

    def __post_init__(self) -> None:
        self.plan = plan_query(self.conditions)

    async def count(self) -> ContactCount:
        if self.plan.alone:
            return ContactCount(await self._subtracted())
        if self.plan.base or self.plan.further or self.plan.without or self.plan.inactive:
            number = 0
            async for rows in self.pages():
                number += len(rows)
            return ContactCount(number, self.complete, self.read)
        await self._fields()
        if not self.complete:
            return ContactCount(0, False)
        if self.holders is not None:
            return ContactCount(len(self.holders - self.others))
        return ContactCount(max(0, await self.total({}) - len(self.others)))

    async def preview(self, most: int) -> tuple[ContactCount, list[Json]]:
        """How many there are, and the first few of them: all where they are on the first page."""
        plan = self.plan
        if not (plan.further or plan.without or plan.fields or plan.inactive):
            body = await self._contacts({**plan.base, "orders[id]": "ASC", "limit": str(most)})
            return ContactCount(as_int(as_object(body.get("meta")).get("total"))), as_objects(body.get("contacts"))
        few, number = list[Json](), 0
        async for rows in self.pages():
            few += rows[: most - len(few)]
            number += len(rows)
            if plan.alone and not self.ended:
                return ContactCount(await self._subtracted()), few
        return ContactCount(number, self.complete, self.read), few

    async def _subtracted(self) -> int:
        """Those of the base, less those with one of the others, plus those with two of them, and so on."""
        subsets = [some for size in range(len(self.plan.without) + 1) for some in combinations(self.plan.without, size)]
        queries = [
            {key: value for query in (self.plan.base, *some) for key, value in query.items()} for some in subsets
        ]
        totals = await gather([self.total(query) for query in queries])
        signed = (-total if len(some) % 2 else total for some, total in zip(subsets, totals, strict=True))
        return max(0, sum(signed))

    async def total(self, query: Mapping[str, str]) -> int:
        body = await self._contacts({**query, "limit": "1"})
        return as_int(as_object(body.get("meta")).get("total"))

    async def pages(self, after: int = 0) -> AsyncGenerator[list[Json]]:
        """The rows, in the order of their ids, a list for each page that was read; ends early where time is up."""
        await self._fields()
        if not self.complete:
            return
        chosen = None if self.holders is None else sorted(id for id in self.holders - self.others if id > after)
        if chosen is not None and len(chosen) <= await self.total(self.plan.base):
            for place in range(0, len(chosen), PAGE):
                if not self.has_time:
                    return
                ids = chosen[place : place + PAGE]
                self.ended, self.last = place + PAGE >= len(chosen), ids[-1]
                yield await self._kept(await self.find_matching(self.plan.base, ids))
            return
        last = after
        while self.has_time:
            query = {**self.plan.base, "orders[id]": "ASC", "id_greater": str(last), "limit": str(PAGE)}
            rows = as_objects((await self._contacts(query)).get("contacts"))
            if not rows:
                return
            self.last = last = max(as_int(row.get("id")) for row in rows)
            self.ended = len(rows) < PAGE
            yield await self._kept(rows)
            if self.ended:
                return

    @property
    def has_time(self) -> bool:
        if self.watch.seconds_left() <= SPARE:
            self.complete = False
        return self.complete

    async def _kept(self, rows: list[Json]) -> list[Json]:
        """Of these rows those that meet what the query could not ask."""
        self.read += len(rows)
        ids = {as_int(row.get("id")) for row in rows}
        if self.holders is not None:
            ids &= self.holders
        ids -= self.others
        checks = [(query, True) for query in self.plan.further] + [(query, False) for query in self.plan.without]
        found = await gather([self.find_matching(query, sorted(ids)) for query, _ in checks]) if ids else []
        for (_, wanted), those in zip(checks, found, strict=False):
            there = {as_int(row.get("id")) for row in those}
            ids = ids & there if wanted else ids - there
        quiet = self.plan.inactive
        return [
            r for r in rows if as_int(r.get("id")) in ids and (not quiet or is_inactive(r, self.watch.now(), quiet))
        ]

    async def find_matching(self, query: Mapping[str, str], ids: Sequence[int]) -> list[Json]:
        """Those of these ids that a query finds; where it ignores the ids, what it finds else is left out."""
        if not ids:
            return []
        of: dict[str, str | tuple[str, ...]] = {**query, "ids[]": tuple(map(str, ids)), "limit": str(PAGE)}
        rows = as_objects((await self._contacts(of)).get("contacts"))
        return sorted((r for r in rows if as_int(r.get("id")) in set(ids)), key=lambda r: as_int(r.get("id")))

    async def _contacts(self, query: Mapping[str, str | tuple[str, ...]]) -> Json:
        """The first question about a segment only starts its search (reference 2.8): it is asked a few times."""
        request = Request("GET", "/contacts", query, repeatable=True, unshared="segmentid" in query)
        id = str(query.get("segmentid") or "")
        if id and id not in self.searched:
            await self._search(id)
        return (await self.sender.send(request)).body

    async def _search(self, id: str) -> None:
        """Until its members are known; raises BadArguments where none would make everybody one who is not in it."""
        request = Request("GET", "/contacts", {"segmentid": id, "limit": "1"}, repeatable=True, unshared=True)
        for pause in SEARCHING:
            if pause and self.watch.seconds_left() > SPARE + pause:
                await sleep(pause)
            body = (await self.sender.send(request)).body
            if as_int(as_object(body.get("meta")).get("total")):
                self.searched.add(id)
                return
        if any(query.get("segmentid") == id for query in self.plan.without):
            raise BadArguments(
                f"where: ActiveCampaign still works out who is in segment {id}, or nobody is: ask again in a minute."
            )
        self.searched.add(id)

    async def _fields(self) -> None:
        """Who meets the conditions on custom fields, and who must not be among them."""
        if self.holders is not None or self.others or not self.plan.fields:
            return
        for one in self.plan.fields:
            filled = not one.value  # `Plan=` asks for those without a value, `Plan!=` for those with one
            having = await self._having(one)
            if one.negative != filled:
                self.others |= having
            else:
                self.holders = having if self.holders is None else self.holders & having

    async def _having(self, one: Condition) -> set[int]:
        """The contacts with this value in a field, or with any."""
        query = {"filters[fieldid]": one.field} | ({"filters[val]": one.value} if one.value and not one.among else {})
        return {as_int(r.get("contact")) for r in await self.values(query) if has_value(r, one)}

    async def count_values(self, query: Mapping[str, str]) -> int:
        """How many values of a custom field there are."""
        return (await self._values({**query, "limit": "1"}, 0))[1]

    async def values(self, query: Mapping[str, str]) -> list[Json]:
        """Values of a custom field, all pages."""
        first, total = await self._values(query, 0)
        rows = list(first)
        for start in range(PAGE, total, PAGE * AHEAD):
            if not self.has_time:
                break
            places = range(start, min(start + PAGE * AHEAD, total), PAGE)
            rows += [row for page, _ in await gather([self._values(query, p) for p in places]) for row in page]
        return [row for row in rows if str(row.get("field")) == query["filters[fieldid]"]]

    async def _values(self, query: Mapping[str, str], offset: int) -> tuple[list[Json], int]:
        paged = {"limit": str(PAGE), **query, "orders[id]": "ASC", "offset": str(offset)}
        body = (await self.sender.send(Request("GET", "/fieldValues", paged, repeatable=True))).body
        return as_objects(body.get("fieldValues")), as_int(as_object(body.get("meta")).get("total"))


def has_value(row: Json, one: Condition) -> bool:
    """Whether a value is the one that is asked for: the filter may only look for what holds it."""
    stored = str(row.get("value") or "")
    if not one.value:
        return bool(stored.strip("|"))
    parts = stored.strip("|").split("||") if one.among else [stored]
    return one.value.casefold() in {part.strip().casefold() for part in parts}


def is_inactive(row: Json, now: datetime, days: int) -> bool:
    """Known for that long, and since then neither opened nor clicked anything."""
    since = (now - timedelta(days=days)).strftime("%Y-%m-%d")
    seen = [str(row.get(key) or "")[:10] for key in (OPENED, CLICKED)]
    return str(row.get("cdate") or "")[:10] < since and all(day < since for day in seen)


def describe_conditions(conditions: Collection[Condition]) -> list[str]:
    return [one.text for one in conditions]
