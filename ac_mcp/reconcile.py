"""Did that write land? A create whose answer got lost is looked up before anybody sends it again."""

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from hashlib import sha256
from typing import Any, Literal, TypeAlias, cast

from ac_mcp.errors import Duplicate, OutcomeUnknown, Trouble
from ac_mcp.journal import Intent, Journal, Known
from ac_mcp.operations import RESOURCES, STEPS
from ac_mcp.request import Json, Reply, Request, record, records, whole
from ac_mcp.resource import Resource
from ac_mcp.senders import Bound

PAGE, PAGES = 100, 5
FIRST_LOOK, LONGEST_WAIT = 1.0, 8.0
"""Seconds until the first second look, and between two later ones at most."""
TIME_TO_SEND = 3.0
"""Seconds a call must have left to look or send once more."""
ALIKE = 0.8
MADE: Mapping[tuple[str, str], Resource] = {
    (o.resource.plane, o.path): o.resource for o in STEPS.values() if o.method == "POST" and not o.idempotent
}
"""What a create makes, by where it is sent."""
LISTED: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
Found: TypeAlias = list[Json] | Literal["unsure"] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The highest id of each kind that any answer has shown: what comes later is above it."""

    highest: dict[str, int] = field(default_factory=dict[str, int])

    def note(self, body: Json) -> None:
        for resource in LISTED.values():
            for row in [*records(body.get(resource.plural)), record(body.get(resource.singular))]:
                if id := whole(row.get(resource.id_key)):
                    self.highest[resource.plural] = max(id, self.highest.get(resource.plural, 0))


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

    async def send(self, request: Request) -> Reply:
        resource = MADE.get((request.plane, request.path)) if request.method == "POST" else None
        if request.repeatable or resource is None:
            reply = await self.inner.send(request)
            self.seen.note(reply.body)
            return reply
        known = await self._known(resource)
        intent, earlier = await self.journal.begin(self._fingerprint(request), known, self.latest())
        making = Making(self, request, resource, intent)
        if earlier:
            return await making.settled(OutcomeUnknown("the same call was made before and its outcome is not known"))
        return await making.first()

    def _fingerprint(self, request: Request) -> str:
        body = json.dumps(request.body, sort_keys=True, default=str)
        return sha256("\n".join((self.account, self.key, request.path, body)).encode()).hexdigest()

    def latest(self) -> float:
        """When a request that this call may still send has landed, on the wall clock."""
        return self.journal.now + self.inner.left + self.settle

    def on_wall(self, moment: float) -> float:
        """A moment of the gateway's clock on that of the journal."""
        return self.journal.now + moment - self.inner.gateway.clock()

    async def _known(self, resource: Resource) -> Known:
        """What there is before: the highest id seen, asked for where none was; all ids where they are no numbers."""
        if resource.by_attributes:
            return 0
        if resource.plane == "control":
            return [str(row.get(resource.id_key)) for row in await self.newest(resource, PAGE)]
        if resource.plural not in self.seen.highest:
            rows = await self.newest(resource, 2)
            self.seen.highest.setdefault(resource.plural, max((whole(row.get("id")) for row in rows), default=0))
        return self.seen.highest[resource.plural]

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
        reply = await self.inner.send(Request("GET", listed.lister.path, asked, plane=resource.plane, repeatable=True))
        self.seen.note(reply.body)
        return records(reply.body.get(resource.plural)), whole(record(reply.body.get("meta")).get("total"))


@dataclass(slots=True)
class Making:
    """One create under way."""

    by: Settling
    request: Request
    resource: Resource
    intent: Intent

    async def first(self) -> Reply:
        try:
            return await self._sent()
        except OutcomeUnknown as unknown:
            return await self.settled(unknown)

    async def _sent(self) -> Reply:
        """Sent, and the journal told how it ended.

        Raises:
            OutcomeUnknown: whether there was no answer or one that shows nothing.
        """
        try:
            reply = await self.by.inner.send(self.request)
            self.resource.held("POST", reply)
        except OutcomeUnknown as unknown:
            now = self.by.inner.gateway.clock()
            sent_at = self.by.on_wall(unknown.sent_at if unknown.sent_at is not None else now)
            self.intent = await self.by.journal.end(self.intent, "unknown", sent_at + self.by.settle)
            raise
        except Trouble:
            self.intent = await self.by.journal.end(self.intent, "failed")
            raise
        self.by.seen.note(reply.body)
        self.intent = await self.by.journal.end(self.intent, "done")
        return reply

    async def settled(self, unknown: OutcomeUnknown) -> Reply:
        """Looked for until it is there, or surely is not and was sent once more, or the time is up."""
        wait = FIRST_LOOK
        while True:
            now = self.by.journal.now
            try:
                found = await self._look()
            except Trouble:
                found = "unsure"
            if isinstance(found, list):
                return await self._found(found, unknown)
            over = now >= self.intent.lands_by
            safe = found is None and (over or self.resource.refuses_second)
            if safe and (claimed := await self.by.journal.claim(self.intent, self.by.latest())):
                self.intent = claimed
                return await self._once_more(unknown, over)
            pause = min(wait, max(self.intent.lands_by - now, FIRST_LOOK))
            if self.by.inner.left < pause + TIME_TO_SEND:
                unknown.watched = True
                raise unknown
            await self.by.inner.gateway.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _once_more(self, unknown: OutcomeUnknown, over: bool) -> Reply:
        """What is refused as a second of its name was made by the first try after all."""
        try:
            return await self._sent()
        except OutcomeUnknown as again:
            found = await self._look_again()
            if found:
                return await self._found(found, again)
            again.watched = True
            raise again from None
        except Trouble as trouble:
            found = await self._look_again() if isinstance(trouble, Duplicate) else None
            if found:
                return await self._found(found, unknown)
            if over or isinstance(trouble, Duplicate):
                raise
            self.intent = await self.by.journal.end(self.intent, "unknown")
            unknown.watched = True
            raise unknown from trouble

    async def _look_again(self) -> list[Json] | None:
        try:
            await self.by.inner.gateway.sleep(min(FIRST_LOOK, max(0.0, self.by.inner.left - TIME_TO_SEND)))
            found = await self._look()
        except Trouble:
            return None
        return found if isinstance(found, list) else None

    async def _found(self, rows: list[Json], unknown: OutcomeUnknown) -> Reply:
        await self.by.journal.end(self.intent, "done")
        several = self.resource.plural in (self.request.body or {})
        body: Json = {self.resource.plural: rows} if several else {self.resource.singular: rows[0]}
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
        fresh = [row for row in await listed if self._is_new(row)]
        matches = [next((row for row in fresh if same(one, row)), None) for one in wanted]
        if all(matches):
            return [row for row in matches if row]
        if any(map(bool, matches)) or any(alike(one, row) for one in wanted for row in fresh):
            return "unsure"
        return "unsure" if len(fresh) >= PAGE else None

    def _is_new(self, row: Json) -> bool:
        id, known = row.get(self.resource.id_key), self.intent.known
        return str(id) not in known if isinstance(known, list) else whole(id) > known


def same(sent: Json, row: Json) -> bool:
    """Every attribute that was sent and that the row shows is the same."""
    compared = [one == other for one, other in pairs(sent, row)]
    return bool(compared) and all(compared)


def alike(sent: Json, row: Json) -> bool:
    """All but a text are the same, and that looks as if the other side had changed it on the way."""
    found = list(pairs(sent, row))
    different = [(one, other) for one, other in found if one != other]
    return 0 < len(different) < len(found) and all(
        figures(one) == figures(other) and SequenceMatcher(None, one, other).ratio() >= ALIKE
        for one, other in different
    )


def figures(text: str) -> list[str]:
    """The numbers in a text: nobody changes those on the way."""
    return re.findall(r"\d+", text)


def pairs(sent: Json, row: Json) -> Iterable[tuple[str, str]]:
    """What was sent beside what the row says, where both say something comparable."""
    for key, value in sent.items():
        if key in row and value is not None and comparable(value) and comparable(row[key]):
            yield plain(value), plain(row[key])


def comparable(value: Any) -> bool:
    return not isinstance(value, dict) and not (
        isinstance(value, list) and any(isinstance(one, dict | list) for one in cast("list[Any]", value))
    )


def plain(value: Any) -> str:
    """However a text is encoded, escaped, spaced or cased, and whether an id is a number or a text."""
    if isinstance(value, list):
        return "\n".join(sorted(plain(one) for one in cast("list[Any]", value)))
    text = html.unescape(str("" if value is None else value))
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
