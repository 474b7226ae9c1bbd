"""Did that write land? A create whose answer got lost is looked up before anybody sends it again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from typing import Any, Literal, TypeAlias, cast

from ac_mcp.errors import Duplicate, OutcomeUnknown, ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import Json, Request, Response, as_int, as_object, as_objects
from ac_mcp.operations import RESOURCES, STEPS
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.journal import HighWaterMark, Intent, Journal
from ac_mcp.writes.at_most_once import BlindWrite, JournaledWrite, latest_landing
from ac_mcp.writes.comparison import is_same, is_similar

PAGE, PAGES = 100, 5
FRESH = 10.0
"""Seconds for which the newest row is believed to be the newest, but for what we make ourselves."""
FIRST_LOOK, LONGEST_WAIT = 1.0, 8.0
"""Seconds until the first second look, and between two later ones at most."""
TIME_TO_SEND = 3.0
"""Seconds a call must have left to look or send once more."""
CREATED_BY_PATH: Mapping[tuple[str, str], Resource] = {
    (o.resource.plane, o.path): o.resource
    for o in STEPS.values()
    if o.method == "POST" and not o.idempotent and o.resource.plane != "local"
}
"""What a create makes, by where it is sent."""
BY_PLURAL: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
BY_LIST_PATH: Mapping[str, Resource] = {
    resource.lister.path: resource for resource in CREATED_BY_PATH.values() if not resource.beside
}
PAGING = {"limit", "offset"}
"""What a query may hold that leaves nothing out but further pages."""
Found: TypeAlias = list[Json] | Literal["unsure"] | None


@dataclass(frozen=True, slots=True)
class NewestIds:
    """The highest id there is of a kind, and when that was so: what is made later is above it."""

    highest: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])

    def note(self, resource: Resource, rows: list[Json], now: float) -> None:
        """These are the newest rows, or one that was just made."""
        before, _ = self.highest.get(resource.plural, (0, 0.0))
        self.highest[resource.plural] = max([before, *(as_int(row.get("id")) for row in rows)]), now

    def find_recent(self, resource: Resource, now: float) -> int | None:
        id, at = self.highest.get(resource.plural, (0, -inf))
        return id if now - at < FRESH else None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Sends creates so that none of them is made twice and none is called failed that was made.

    What is meant to be made is journalled with the highest id there is. If no answer comes, the newest rows are looked
    through for one with the same attributes above that id; only when none is there and none can come any more
    (`settle` seconds after sending, or at once where the API refuses a second of the name) it is sent once more.
    """

    inner: CallClient
    journal: Journal
    newest_ids: NewestIds
    account: str
    """Whose account it is, as part of what makes two requests the same."""
    settle_seconds: float
    key: str = ""
    """The client's own idempotency key: under another key the same request is another one."""
    call: str = ""
    """The hash of the tool call."""
    agreed: bool = False
    """Somebody has said yes to this very call."""

    async def has_begun(self) -> bool:
        """Whether the same call has begun a create before, of which nobody was told."""
        return await self.journal.has_begun(self.call, keyed=bool(self.key))

    async def mark_reported(self) -> None:
        """The call has come to an answer or to an error that says what it did."""
        if self.inner.trail.attempted:
            await self.journal.mark_reported(self.call)

    async def send(self, request: Request) -> Response:
        if request.repeatable or request.method == "GET":
            now, reply = self.inner.gateway.clock(), await self.inner.send(request)
            self._note_whole_list(request, reply.body, now)
            return reply
        made = request.method == "POST" and not request.raw
        resource = CREATED_BY_PATH.get((request.plane, request.path)) if made else None
        kind = f"{self.account} {resource.plural if resource else request.path}"
        known = await self._fetch_high_water_mark(resource) if resource else 0
        intent = Intent(
            self._fingerprint(request),
            self.call,
            kind,
            known,
            latest_landing(self.inner, self.journal, self.settle_seconds),
        )
        if resource is None:
            keyed = bool(self.key)
            return await BlindWrite(
                self.inner, self.journal, request, intent, self.settle_seconds, self.agreed, keyed
            ).run()
        return await PendingCreate(self.inner, self.journal, request, intent, self.settle_seconds, self, resource).run()

    def _note_whole_list(self, request: Request, body: Json, now: float) -> None:
        """A list that shows all there is shows what is the newest."""
        resource = (
            BY_LIST_PATH.get(request.path) if request.method == "GET" and request.query.keys() <= PAGING else None
        )
        if resource and request.query.get("offset", "0") == "0":
            rows = as_objects(body.get(resource.plural))
            if len(rows) == as_int(as_object(body.get("meta")).get("total")):
                self.newest_ids.note(resource, rows, now)

    def _fingerprint(self, request: Request) -> str:
        told = [request.query, request.body]
        body = json.dumps(normalized(told) if request.raw else told, sort_keys=True, default=str)
        parts = (self.account, self.key, request.method, request.path, body, str(request.occurrence or ""))
        return sha256("\n".join(parts).encode()).hexdigest()

    async def _fetch_high_water_mark(self, resource: Resource) -> HighWaterMark:
        """What there is before: the highest id, asked for unless it was of late; all ids where they are no numbers."""
        if resource.by_attributes:
            return 0
        if resource.plane == "control":
            return [str(row.get(resource.id_key)) for row in await self.fetch_newest(resource, PAGE)]
        if (known := self.newest_ids.find_recent(resource, self.inner.gateway.clock())) is not None:
            return known
        now, rows = self.inner.gateway.clock(), await self.fetch_newest(resource, 2)
        self.newest_ids.note(resource, rows, now)
        return self.newest_ids.highest[resource.plural][0]

    async def fetch_newest(self, resource: Resource, limit: int) -> list[Json]:
        """The newest rows; from the end of the list where the API does not heed the order (reference 2.2)."""
        rows, total = await self._page(resource, {"orders[id]": "DESC", "limit": str(limit)})
        ids = [as_int(row.get("id")) for row in rows]
        if total <= len(rows) or (len(ids) > 1 and ids == sorted(ids, reverse=True)):
            return rows
        last, _ = await self._page(resource, {"limit": str(limit), "offset": str(max(0, total - limit))})
        return [*rows, *last]

    async def fetch_named(self, resource: Resource, name: str) -> list[Json]:
        assert resource.find
        return (await self._page(resource, {**resource.find(name), "limit": str(PAGE)}))[0]

    async def _page(self, resource: Resource, query: Mapping[str, str | tuple[str, ...]]) -> tuple[list[Json], int]:
        listed = BY_PLURAL[resource.beside] if resource.beside else resource
        asked = {**listed.lister.options.get("query", {}), **query} if resource.plane == "api" else {}
        reply = await self.inner.send(
            Request("GET", listed.lister.path, asked, plane=resource.plane, repeatable=True, unshared=True)
        )
        return as_objects(reply.body.get(resource.plural)), as_int(as_object(reply.body.get("meta")).get("total"))


def normalized(value: Any) -> Any:
    """The same however it was written: 1 is "1" and true."""
    match value:
        case dict():
            return {str(key): normalized(one) for key, one in cast("Json", value).items()}
        case list() | tuple():
            return [normalized(one) for one in cast("list[Any]", value)]
        case bool():
            return str(int(value))
        case _:
            return value if value is None else str(value)


@dataclass(slots=True)
class PendingCreate(JournaledWrite):
    """One create under way."""

    reconciler: Reconciler
    resource: Resource

    async def run(self) -> Response:
        """Sent; or what came of an earlier one that this one stands for."""
        self.intent, earlier = await self.reconciler.journal.begin_intent(self.intent, keyed=bool(self.reconciler.key))
        try:
            if earlier:
                raise OutcomeUnknown("the same call was made before and its outcome is not known")
            return await self.send()
        except OutcomeUnknown as unknown:
            return await self.look_up(unknown, earlier)

    def check(self, reply: Response) -> None:
        self.resource.require_rows("POST", reply)
        self._note_newest(reply.body)

    def created_ids(self, reply: Response) -> list[str]:
        return self._ids(reply.body)

    def _note_newest(self, body: Json) -> None:
        """What was made is the newest there is, if it was known what was the newest before."""
        now = self.reconciler.inner.gateway.clock()
        if self.reconciler.newest_ids.find_recent(self.resource, now) is not None:
            self.reconciler.newest_ids.note(self.resource, [as_object(body.get(self.resource.singular))], now)

    def _ids(self, body: Json) -> list[str]:
        rows = as_objects(body.get(self.resource.plural)) or [as_object(body.get(self.resource.singular))]
        return [str(row[self.resource.id_key]) for row in rows if row.get(self.resource.id_key)]

    async def look_up(self, unknown: OutcomeUnknown, joined: bool) -> Response:
        """Looked for until it is there, or surely is not and was sent once more, or the time is up."""
        wait = FIRST_LOOK
        while True:
            if joined and await self.reconciler.journal.has_failed(self.intent):
                return await self.run()
            now = self.reconciler.journal.now
            try:
                found = await self._look_up_once()
            except ToolError:
                found = "unsure"
            if isinstance(found, list) and (reply := await self._accept(found, unknown)):
                return reply
            over = now >= self.intent.lands_by
            safe = found is None and (over or self.resource.refuses_second)
            if safe and (claimed := await self.reconciler.journal.claim_resend(self.intent, self.latest_landing())):
                self.intent = claimed
                return await self._send_once_more(unknown, over)
            pause = min(wait, max(self.intent.lands_by - now, FIRST_LOOK))
            if self.reconciler.inner.seconds_left < pause + TIME_TO_SEND:
                raise await self._watched(unknown)
            await self.reconciler.inner.gateway.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _send_once_more(self, unknown: OutcomeUnknown, over: bool) -> Response:
        """What is refused as a second of its name was made by the first try after all."""
        try:
            return await self.send()
        except OutcomeUnknown as again:
            found = await self._look_again()
            if found and (reply := await self._accept(found, again)):
                return reply
            raise await self._watched(again) from None
        except ToolError as trouble:
            found = await self._look_again() if isinstance(trouble, Duplicate) else None
            if found and (reply := await self._accept(found, unknown)):
                return reply
            if over or isinstance(trouble, Duplicate):
                raise
            self.intent = await self.reconciler.journal.end_intent(self.intent, "unknown")
            raise await self._watched(unknown) from trouble

    async def _watched(self, unknown: OutcomeUnknown) -> OutcomeUnknown:
        await self.reconciler.journal.touch_intent(self.intent)
        unknown.watched = True
        return unknown

    async def _look_again(self) -> list[Json] | None:
        try:
            await self.reconciler.inner.gateway.sleep(
                min(FIRST_LOOK, max(0.0, self.reconciler.inner.seconds_left - TIME_TO_SEND))
            )
            found = await self._look_up_once()
        except ToolError:
            return None
        return found if isinstance(found, list) else None

    async def _accept(self, rows: list[Json], unknown: OutcomeUnknown) -> Response | None:
        """What is there as the answer; None if another call has been told meanwhile that it is its own."""
        several = self.resource.plural in (self.request.body or {})
        body: Json = {self.resource.plural: rows} if several else {self.resource.singular: rows[0]}
        if not await self.reconciler.journal.mark_made(
            self.intent, self._ids(body), surely=self.resource.by_attributes
        ):
            return None
        self._note_newest(body)
        if not unknown.answered:
            id = "" if several else f" (id {rows[0].get(self.resource.id_key)})"
            self.reconciler.inner.trail.written.append(f"POST {self.request.path}{id}")
        return Response(201, body, reconciled=True)

    async def _look_up_once(self) -> Found:
        """The rows this create has made; "unsure" where one might be it, or where there are too many to say."""
        body = self.request.body or {}
        wanted = as_objects(body.get(self.resource.plural)) or [as_object(body.get(self.resource.singular)) or body]
        name = str(wanted[0].get("email") or "")
        listed = (
            self.reconciler.fetch_named(self.resource, name)
            if name
            else self.reconciler.fetch_newest(self.resource, PAGE)
        )
        others = (
            set[str]() if self.resource.by_attributes else await self.reconciler.journal.find_ids_of_others(self.intent)
        )
        fresh = [row for row in await listed if self._is_new(row) and str(row.get(self.resource.id_key)) not in others]
        matches = [next((row for row in fresh if is_same(one, row)), None) for one in wanted]
        if all(matches):
            return [row for row in matches if row]
        if any(map(bool, matches)) or any(is_similar(one, row) for one in wanted for row in fresh):
            return "unsure"
        return "unsure" if len(fresh) >= PAGE else None

    def _is_new(self, row: Json) -> bool:
        id, known = row.get(self.resource.id_key), self.intent.high_water_mark
        return str(id) not in known if isinstance(known, list) else as_int(id) > known
