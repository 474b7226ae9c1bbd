"""The contacts that meet a set of conditions: counted with as few requests as possible, or read page by page by id.

The conditions that the API can combine go into one query (reference 3.2). It cannot combine two tags, negations or
custom fields: those are queried for each page of a hundred contacts (`ids[]`), or read as a whole where that is less.
"""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations
from typing import TypeAlias

from anyio import sleep

from ac_mcp.concurrency import gather
from ac_mcp.errors import BadArguments, Unavailable
from ac_mcp.filters.conditions import CONTACT, FIELD, INACTIVE, Condition
from ac_mcp.messages import NO_DEADLINE, CallClock, Json, Request, Sender, as_int, as_object, as_objects
from ac_mcp.spec.paging import PAGE, Page, batches, credible_total, total_of
from ac_mcp.spec.values import is_same_moment

CONCURRENT_PAGES = 4
"""Pages of custom field values that are read at once."""
MOST_SUBTRACTED = 3
"""Most negated conditions that are counted by subtraction: each doubles the number of counts."""
SEGMENT_PAUSES = (0.0, 0.0, 2.0, 4.0, 8.0)
"""Seconds before each query for the members of a segment, until it returns any."""
SPARE = 4.0
"""Seconds that reading leaves to the rest of the call."""
OPENED, CLICKED = "last_open_date", "last_click_date"
"""The attributes of a contact with its last open and last click."""
Query: TypeAlias = dict[str, str]


@dataclass(frozen=True, slots=True)
class ContactCount:
    """A number of contacts."""

    number: int
    exact: bool = True
    """False if the call ran out of time before all contacts were read: there are at least `number`."""
    read: int = 0
    """The contacts that were read one by one."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """Conditions by the way they are queried: a contact has to meet all of them."""

    base: Query
    """The conditions that one query combines."""
    required: tuple[Query, ...] = ()
    """Further queries that have to find the contact."""
    excluded: tuple[Query, ...] = ()
    """Queries that must not find the contact."""
    fields: tuple[Condition, ...] = ()
    """The conditions on custom fields."""
    inactive: int = 0
    """Days without an open or click; 0 for any."""

    @property
    def needs_only_totals(self) -> bool:
        """Whether the totals of queries give the count, without reading contacts."""
        disjoint = all(a.keys().isdisjoint(b) for a, b in combinations((self.base, *self.excluded), 2))
        few = len(self.excluded) <= MOST_SUBTRACTED
        return not (self.required or self.fields or self.inactive) and disjoint and few


def plan_query(conditions: Iterable[Condition]) -> QueryPlan:
    """Return the plan for these conditions."""
    conditions = list(conditions)
    status = next((condition.value for condition in conditions if condition.key == "status"), "")
    on_list = any(condition.key == "list" and not condition.negative for condition in conditions)
    base: Query = {"status": status} if status and not on_list else {}
    required: list[Query] = []
    excluded: list[Query] = []
    for condition in conditions:
        if condition.key in ("status", FIELD, INACTIVE):
            continue
        query = query_for(condition, status)
        if condition.negative:
            excluded.append(query)
        elif base.keys().isdisjoint(query):
            base |= query
        else:
            required.append(query)
    inactive = next((int(float(condition.value)) for condition in conditions if condition.key == INACTIVE), 0)
    fields = tuple(condition for condition in conditions if condition.key == FIELD)
    return QueryPlan(base, tuple(required), tuple(excluded), fields, inactive)


def query_for(condition: Condition, status: str = "") -> Query:
    """Return the query for one condition; `status` is the status on a list, active if it is not stated."""
    if condition.key == "email" and "@" not in condition.value.strip("@"):
        return {"email_like": condition.value}
    query = {CONTACT[condition.key].wire: condition.value}
    if condition.key == "list":
        query["status"] = "1" if condition.negative else status or "1"
    return query


@dataclass(slots=True)
class ContactQuery:
    """The contacts that meet the conditions, read through `sender`."""

    sender: Sender
    conditions: Sequence[Condition]
    watch: CallClock = NO_DEADLINE
    complete: bool = True
    """False once the call has run out of time before all contacts were read."""
    read: int = 0
    """The contacts that were read one by one."""
    last: int = 0
    """The highest id read so far."""
    ended: bool = False
    """Whether the last page has been read."""
    searched: set[str] = field(default_factory=set[str])
    """The ids of segments whose search has ended."""
    plan: QueryPlan = field(init=False)
    field_matches: set[int] | None = None
    """The ids of the contacts whose custom fields hold what the conditions require; None if they require nothing."""
    field_mismatches: set[int] = field(default_factory=set[int])
    """The ids of the contacts whose custom fields hold what the conditions exclude."""

    def __post_init__(self) -> None:
        self.plan = plan_query(self.conditions)

    async def count(self) -> ContactCount:
        """Count the contacts."""
        plan = self.plan
        if plan.needs_only_totals:
            return ContactCount(await self._count_by_totals())
        if plan.base or plan.required or plan.excluded or plan.inactive:
            number = 0
            async for rows in self.pages():
                number += len(rows)
            return ContactCount(number, self.complete, self.read)
        await self._read_fields()
        if not self.complete:
            return ContactCount(0, False)
        if self.field_matches is not None:
            return ContactCount(len(self.field_matches - self.field_mismatches))
        return ContactCount(max(0, await self.total({}) - len(self.field_mismatches)))

    async def preview(self, most: int) -> tuple[ContactCount, list[Json]]:
        """Count the contacts, and return the first `most` of them, in the order of their ids."""
        plan = self.plan
        if not (plan.required or plan.excluded or plan.fields or plan.inactive):
            body = await self._fetch_contacts({**plan.base, "orders[id]": "ASC", "limit": str(most)})
            return ContactCount(require_total(body, most)), as_objects(body.get("contacts"))
        few, number = list[Json](), 0
        async for rows in self.pages():
            few += rows[: most - len(few)]
            number += len(rows)
            if plan.needs_only_totals and not self.ended:
                return ContactCount(await self._count_by_totals()), few
        return ContactCount(number, self.complete, self.read), few

    async def _count_by_totals(self) -> int:
        """Count by inclusion and exclusion: those of the base, less those of one exclusion, plus those of two, …"""
        base, excluded = self.plan.base, self.plan.excluded
        subsets = [subset for size in range(len(excluded) + 1) for subset in combinations(excluded, size)]
        queries = [{key: value for query in (base, *subset) for key, value in query.items()} for subset in subsets]
        totals = await gather([self.total(query) for query in queries])
        signed = (-total if len(subset) % 2 else total for subset, total in zip(subsets, totals, strict=True))
        return max(0, sum(signed))

    async def total(self, query: Mapping[str, str]) -> int:
        """Return the number of contacts that a query finds."""
        body = await self._fetch_contacts({**query, "limit": "1"})
        return require_total(body, 1)

    async def pages(self, after: int = 0) -> AsyncGenerator[list[Json]]:
        """Yield the rows of the contacts with an id above `after`, ordered by id, a list for each page read.

        It ends early if the call runs out of time: `complete` is False then.
        """
        await self._read_fields()
        if not self.complete:
            return
        chosen: list[int] | None = None
        if self.field_matches is not None:
            chosen = sorted(id for id in self.field_matches - self.field_mismatches if id > after)
        if chosen is not None and len(chosen) <= await self.total(self.plan.base):
            for start in range(0, len(chosen), PAGE):
                if not self.has_time:
                    return
                ids = chosen[start : start + PAGE]
                self.ended, self.last = start + PAGE >= len(chosen), ids[-1]
                yield await self._filter_rows(await self.find_matching(self.plan.base, ids))
            return
        last = after
        while self.has_time:
            query = {**self.plan.base, "orders[id]": "ASC", "id_greater": str(last), "limit": str(PAGE)}
            rows = as_objects((await self._fetch_contacts(query)).get("contacts"))
            if not rows:
                return
            self.last = last = max(as_int(row.get("id")) for row in rows)
            self.ended = len(rows) < PAGE
            yield await self._filter_rows(rows)
            if self.ended:
                return

    @property
    def has_time(self) -> bool:
        """Whether the call has time to read on; if not, `complete` becomes False."""
        if self.watch.seconds_left() <= SPARE:
            self.complete = False
        return self.complete

    async def _filter_rows(self, rows: list[Json]) -> list[Json]:
        """Return the rows that also meet the conditions outside the base query."""
        self.read += len(rows)
        ids = {as_int(row.get("id")) for row in rows}
        if self.field_matches is not None:
            ids &= self.field_matches
        ids -= self.field_mismatches
        checks = [(query, True) for query in self.plan.required] + [(query, False) for query in self.plan.excluded]
        matches = await gather([self.find_matching(query, sorted(ids)) for query, _ in checks]) if ids else []
        for (_, required), matching in zip(checks, matches, strict=False):
            found = {as_int(row.get("id")) for row in matching}
            ids = ids & found if required else ids - found
        days = self.plan.inactive
        return [
            row
            for row in rows
            if as_int(row.get("id")) in ids and (not days or is_inactive(row, self.watch.now(), days))
        ]

    async def find_matching(self, query: Mapping[str, str], ids: Sequence[int]) -> list[Json]:
        """Return the rows of those of these contacts, at most `PAGE`, that a query finds, ordered by id.

        Rows of other contacts are dropped: the API may ignore the ids.
        """
        if not ids:
            return []
        paged: dict[str, str | tuple[str, ...]] = {**query, "ids[]": tuple(map(str, ids)), "limit": str(PAGE)}
        rows = as_objects((await self._fetch_contacts(paged)).get("contacts"))
        matching = (row for row in rows if as_int(row.get("id")) in set(ids))
        return sorted(matching, key=lambda row: as_int(row.get("id")))

    async def _fetch_contacts(self, query: Mapping[str, str | tuple[str, ...]]) -> Json:
        request = Request("GET", "/contacts", query, repeatable=True, unshared="segmentid" in query)
        id = str(query.get("segmentid") or "")
        if id and id not in self.searched:
            await self._await_segment(id)
        return (await self.sender.send(request)).body

    async def _await_segment(self, id: str) -> None:
        """Wait until the search for the members of a segment has ended: the first query only starts it (reference 2.8).

        Raises:
            BadArguments: if none were found and the segment is excluded: every contact would count as outside it.
        """
        request = Request("GET", "/contacts", {"segmentid": id, "limit": "1"}, repeatable=True, unshared=True)
        for pause in SEGMENT_PAUSES:
            if pause and self.watch.seconds_left() > SPARE + pause:
                await sleep(pause)
            body = (await self.sender.send(request)).body
            if as_int(as_object(body.get("meta")).get("total")):
                self.searched.add(id)
                return
        if any(query.get("segmentid") == id for query in self.plan.excluded):
            raise BadArguments(
                f"where: ActiveCampaign still works out who is in segment {id}, or nobody is: ask again in a minute."
            )
        self.searched.add(id)

    async def _read_fields(self) -> None:
        """Read which contacts meet the conditions on custom fields, once."""
        if self.field_matches is not None or self.field_mismatches or not self.plan.fields:
            return
        for condition in self.plan.fields:
            holders = await self._holders(condition)
            is_empty = not condition.value  # `Plan=` means contacts without a value, `Plan!=` those with one
            if condition.negative != is_empty:
                self.field_mismatches |= holders
            else:
                self.field_matches = holders if self.field_matches is None else self.field_matches & holders

    async def _holders(self, condition: Condition) -> set[int]:
        """Return the ids of the contacts whose custom field holds the value, or any value if the condition has none."""
        query = {"filters[fieldid]": condition.field}
        if condition.value and not condition.among and condition.compare in ("", "exact"):
            query["filters[val]"] = condition.value
        return {as_int(row.get("contact")) for row in await self.values(query) if has_value(row, condition)}

    async def count_values(self, query: Mapping[str, str]) -> int:
        """Return the number of custom field values that a query finds."""
        return (await self._fetch_values({**query, "limit": "1"}, 0)).total

    async def values(self, query: Mapping[str, str]) -> list[Json]:
        """Return the values of the custom field `filters[fieldid]`, all pages unless the call runs out of time."""

        async def fetch(offset: int) -> Page:
            return await self._fetch_values(query, offset)

        rows: list[Json] = []
        async for batch in batches(fetch, at_once=CONCURRENT_PAGES, has_time=lambda: self.has_time):
            rows += [row for page in batch for row in page.rows]
        return [row for row in rows if str(row.get("field")) == query["filters[fieldid]"]]

    async def _fetch_values(self, query: Mapping[str, str], offset: int) -> Page:
        """Return a page of values."""
        paged = {"limit": str(PAGE), **query, "orders[id]": "ASC", "offset": str(offset)}
        body = (await self.sender.send(Request("GET", "/fieldValues", paged, repeatable=True))).body
        return Page.of(body, "fieldValues")


def has_value(row: Json, condition: Condition) -> bool:
    """Return whether a stored value is the one in the condition: the API's filter may also match a part of it."""
    stored = str(row.get("value") or "")
    parts = stored.strip("|").split("||") if condition.among else [stored]
    match condition.compare:
        case _ if not condition.value:
            return any(parts)
        case "moment":
            return is_same_moment(stored, condition.value)
        case "day":
            return stored[:10] == condition.value
        case "exact":
            return condition.value in parts
        case _:
            return condition.value.casefold() in {part.strip().casefold() for part in parts}


def is_inactive(row: Json, now: datetime, days: int) -> bool:
    """Return whether a contact was created before that many days, and has neither opened nor clicked since."""
    since = (now - timedelta(days=days)).strftime("%Y-%m-%d")
    last_days = [str(row.get(key) or "")[:10] for key in (OPENED, CLICKED)]
    return str(row.get("cdate") or "")[:10] < since and all(day < since for day in last_days)


def describe_conditions(conditions: Collection[Condition]) -> list[str]:
    """Return the conditions as people read them."""
    return [condition.text for condition in conditions]


def require_total(body: Json, limit: int) -> int:
    """Return how many contacts a query finds, from a page of `limit` rows at most.

    Raises:
        Unavailable: if the rows contradict the total that the page states.
    """
    total = credible_total(total_of(body), len(as_objects(body.get("contacts"))), 0, limit)
    if total is None:
        raise Unavailable("its list of contacts states a total that its rows contradict, so nothing can be counted")
    return total
