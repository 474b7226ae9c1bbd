"""Did that write land? A create whose answer got lost is looked up before anybody sends it again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from typing import Any, Literal, TypeAlias, cast

from ac_mcp.errors import Duplicate, OutcomeUnknown, Trouble
from ac_mcp.gateway.call_client import Bound
from ac_mcp.messages import Json, Reply, Request, record, records, whole
from ac_mcp.operations import RESOURCES, STEPS
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.journal import Intent, Journal, Known
from ac_mcp.writes.at_most_once import Once, Unseen, latest
from ac_mcp.writes.comparison import alike, same

PAGE, PAGES = 100, 5
FRESH = 10.0
"""Seconds for which the newest row is believed to be the newest, but for what we make ourselves."""
FIRST_LOOK, LONGEST_WAIT = 1.0, 8.0
"""Seconds until the first second look, and between two later ones at most."""
TIME_TO_SEND = 3.0
"""Seconds a call must have left to look or send once more."""
MADE: Mapping[tuple[str, str], Resource] = {
    (o.resource.plane, o.path): o.resource
    for o in STEPS.values()
    if o.method == "POST" and not o.idempotent and o.resource.plane != "here"
}
"""What a create makes, by where it is sent."""
LISTED: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
WHOLE: Mapping[str, Resource] = {resource.lister.path: resource for resource in MADE.values() if not resource.beside}
PAGING = {"limit", "offset"}
"""What a query may hold that leaves nothing out but further pages."""
Found: TypeAlias = list[Json] | Literal["unsure"] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The highest id there is of a kind, and when that was so: what is made later is above it."""

    highest: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])

    def note(self, resource: Resource, rows: list[Json], now: float) -> None:
        """These are the newest rows, or one that was just made."""
        before, _ = self.highest.get(resource.plural, (0, 0.0))
        self.highest[resource.plural] = max([before, *(whole(row.get("id")) for row in rows)]), now

    def lately(self, resource: Resource, now: float) -> int | None:
        id, at = self.highest.get(resource.plural, (0, -inf))
        return id if now - at < FRESH else None


@dataclass(frozen=True, slots=True)
class Settling:
    """Sends creates so that none of them is made twice and none is called failed that was made.

    What is meant to be made is journalled with the highest id there is. If no answer comes, the newest rows are looked
    through for one with the same attributes above that id; only when none is there and none can come any more
    (`settle` seconds after sending, or at once where the API refuses a second of the name) it is sent once more.
    """

    inner: Bound
    journal: Journal
    seen: Seen
    account: str
    """Whose account it is, as part of what makes two requests the same."""
    settle: float
    key: str = ""
    """The client's own idempotency key: under another key the same request is another one."""
    call: str = ""
    """The hash of the tool call."""
    agreed: bool = False
    """Somebody has said yes to this very call."""

    async def begun_before(self) -> bool:
        """Whether the same call has begun a create before, of which nobody was told."""
        return await self.journal.begun(self.call, keyed=bool(self.key))

    async def told(self) -> None:
        """The call has come to an answer or to an error that says what it did."""
        if self.inner.trail.tried:
            await self.journal.told(self.call)

    async def send(self, request: Request) -> Reply:
        if request.repeatable or request.method == "GET":
            now, reply = self.inner.gateway.clock(), await self.inner.send(request)
            self._whole(request, reply.body, now)
            return reply
        made = request.method == "POST" and not request.raw
        resource = MADE.get((request.plane, request.path)) if made else None
        kind = f"{self.account} {resource.plural if resource else request.path}"
        known = await self._known(resource) if resource else 0
        intent = Intent(
            self._fingerprint(request), self.call, kind, known, latest(self.inner, self.journal, self.settle)
        )
        if resource is None:
            keyed = bool(self.key)
            return await Unseen(self.inner, self.journal, request, intent, self.settle, self.agreed, keyed).done()
        return await Making(self.inner, self.journal, request, intent, self.settle, self, resource).done()

    def _whole(self, request: Request, body: Json, now: float) -> None:
        """A list that shows all there is shows what is the newest."""
        resource = WHOLE.get(request.path) if request.method == "GET" and request.query.keys() <= PAGING else None
        if resource and request.query.get("offset", "0") == "0":
            rows = records(body.get(resource.plural))
            if len(rows) == whole(record(body.get("meta")).get("total")):
                self.seen.note(resource, rows, now)

    def _fingerprint(self, request: Request) -> str:
        told = [request.query, request.body]
        body = json.dumps(spelt(told) if request.raw else told, sort_keys=True, default=str)
        parts = (self.account, self.key, request.method, request.path, body, str(request.nth or ""))
        return sha256("\n".join(parts).encode()).hexdigest()

    async def _known(self, resource: Resource) -> Known:
        """What there is before: the highest id, asked for unless it was of late; all ids where they are no numbers."""
        if resource.by_attributes:
            return 0
        if resource.plane == "control":
            return [str(row.get(resource.id_key)) for row in await self.newest(resource, PAGE)]
        if (known := self.seen.lately(resource, self.inner.gateway.clock())) is not None:
            return known
        now, rows = self.inner.gateway.clock(), await self.newest(resource, 2)
        self.seen.note(resource, rows, now)
        return self.seen.highest[resource.plural][0]

    async def newest(self, resource: Resource, limit: int) -> list[Json]:
        """The newest rows; from the end of the list where the API does not heed the order (reference 2.2)."""
        rows, total = await self._page(resource, {"orders[id]": "DESC", "limit": str(limit)})
        ids = [whole(row.get("id")) for row in rows]
        if total <= len(rows) or (len(ids) > 1 and ids == sorted(ids, reverse=True)):
            return rows
        last, _ = await self._page(resource, {"limit": str(limit), "offset": str(max(0, total - limit))})
        return [*rows, *last]

    async def named(self, resource: Resource, name: str) -> list[Json]:
        assert resource.find
        return (await self._page(resource, {**resource.find(name), "limit": str(PAGE)}))[0]

    async def _page(self, resource: Resource, query: Mapping[str, str | tuple[str, ...]]) -> tuple[list[Json], int]:
        listed = LISTED[resource.beside] if resource.beside else resource
        asked = {**listed.lister.options.get("query", {}), **query} if resource.plane == "api" else {}
        reply = await self.inner.send(
            Request("GET", listed.lister.path, asked, plane=resource.plane, repeatable=True, alone=True)
        )
        return records(reply.body.get(resource.plural)), whole(record(reply.body.get("meta")).get("total"))


def spelt(value: Any) -> Any:
    """The same however it was written: 1 is "1" and true."""
    match value:
        case dict():
            return {str(key): spelt(one) for key, one in cast("Json", value).items()}
        case list() | tuple():
            return [spelt(one) for one in cast("list[Any]", value)]
        case bool():
            return str(int(value))
        case _:
            return value if value is None else str(value)


@dataclass(slots=True)
class Making(Once):
    """One create under way."""

    by: Settling
    resource: Resource

    async def done(self) -> Reply:
        """Sent; or what came of an earlier one that this one stands for."""
        self.intent, earlier = await self.by.journal.begin(self.intent, keyed=bool(self.by.key))
        try:
            if earlier:
                raise OutcomeUnknown("the same call was made before and its outcome is not known")
            return await self.sent()
        except OutcomeUnknown as unknown:
            return await self.settled(unknown, earlier)

    def check(self, reply: Reply) -> None:
        self.resource.held("POST", reply)
        self._seen(reply.body)

    def ids(self, reply: Reply) -> list[str]:
        return self._ids(reply.body)

    def _seen(self, body: Json) -> None:
        """What was made is the newest there is, if it was known what was the newest before."""
        now = self.by.inner.gateway.clock()
        if self.by.seen.lately(self.resource, now) is not None:
            self.by.seen.note(self.resource, [record(body.get(self.resource.singular))], now)

    def _ids(self, body: Json) -> list[str]:
        rows = records(body.get(self.resource.plural)) or [record(body.get(self.resource.singular))]
        return [str(row[self.resource.id_key]) for row in rows if row.get(self.resource.id_key)]

    async def settled(self, unknown: OutcomeUnknown, joined: bool) -> Reply:
        """Looked for until it is there, or surely is not and was sent once more, or the time is up."""
        wait = FIRST_LOOK
        while True:
            if joined and await self.by.journal.has_failed(self.intent):
                return await self.done()
            now = self.by.journal.now
            try:
                found = await self._look()
            except Trouble:
                found = "unsure"
            if isinstance(found, list) and (reply := await self._found(found, unknown)):
                return reply
            over = now >= self.intent.lands_by
            safe = found is None and (over or self.resource.refuses_second)
            if safe and (claimed := await self.by.journal.claim(self.intent, self.latest())):
                self.intent = claimed
                return await self._once_more(unknown, over)
            pause = min(wait, max(self.intent.lands_by - now, FIRST_LOOK))
            if self.by.inner.left < pause + TIME_TO_SEND:
                raise await self._watched(unknown)
            await self.by.inner.gateway.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _once_more(self, unknown: OutcomeUnknown, over: bool) -> Reply:
        """What is refused as a second of its name was made by the first try after all."""
        try:
            return await self.sent()
        except OutcomeUnknown as again:
            found = await self._look_again()
            if found and (reply := await self._found(found, again)):
                return reply
            raise await self._watched(again) from None
        except Trouble as trouble:
            found = await self._look_again() if isinstance(trouble, Duplicate) else None
            if found and (reply := await self._found(found, unknown)):
                return reply
            if over or isinstance(trouble, Duplicate):
                raise
            self.intent = await self.by.journal.end(self.intent, "unknown")
            raise await self._watched(unknown) from trouble

    async def _watched(self, unknown: OutcomeUnknown) -> OutcomeUnknown:
        await self.by.journal.heard(self.intent)
        unknown.watched = True
        return unknown

    async def _look_again(self) -> list[Json] | None:
        try:
            await self.by.inner.gateway.sleep(min(FIRST_LOOK, max(0.0, self.by.inner.left - TIME_TO_SEND)))
            found = await self._look()
        except Trouble:
            return None
        return found if isinstance(found, list) else None

    async def _found(self, rows: list[Json], unknown: OutcomeUnknown) -> Reply | None:
        """What is there as the answer; None if another call has been told meanwhile that it is its own."""
        several = self.resource.plural in (self.request.body or {})
        body: Json = {self.resource.plural: rows} if several else {self.resource.singular: rows[0]}
        if not await self.by.journal.made(self.intent, self._ids(body), surely=self.resource.by_attributes):
            return None
        self._seen(body)
        if not unknown.answered:
            id = "" if several else f" (id {rows[0].get(self.resource.id_key)})"
            self.by.inner.trail.written.append(f"POST {self.request.path}{id}")
        return Reply(201, body, found=True)

    async def _look(self) -> Found:
        """The rows this create has made; "unsure" where one might be it, or where there are too many to say."""
        body = self.request.body or {}
        wanted = records(body.get(self.resource.plural)) or [record(body.get(self.resource.singular)) or body]
        name = str(wanted[0].get("email") or "")
        listed = self.by.named(self.resource, name) if name else self.by.newest(self.resource, PAGE)
        others = set[str]() if self.resource.by_attributes else await self.by.journal.others(self.intent)
        fresh = [row for row in await listed if self._is_new(row) and str(row.get(self.resource.id_key)) not in others]
        matches = [next((row for row in fresh if same(one, row)), None) for one in wanted]
        if all(matches):
            return [row for row in matches if row]
        if any(map(bool, matches)) or any(alike(one, row) for one in wanted for row in fresh):
            return "unsure"
        return "unsure" if len(fresh) >= PAGE else None

    def _is_new(self, row: Json) -> bool:
        id, known = row.get(self.resource.id_key), self.intent.known
        return str(id) not in known if isinstance(known, list) else whole(id) > known
