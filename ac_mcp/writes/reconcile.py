"""Reconciliation: a create whose answer got lost is looked up before anybody sends it again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import inf
from typing import Any, TypeAlias, cast

from anyio import CancelScope

from ac_mcp.errors import Duplicate, OutcomeUnknown, ToolError, Unconfirmed
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import Json, Request, Response, as_int, as_object, as_objects
from ac_mcp.operations import RESOURCES, STEPS
from ac_mcp.spec.paging import Page, paging_query
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.journal import HighWaterMark, Intent, Journal
from ac_mcp.writes.comparison import is_same, is_similar
from ac_mcp.writes.proof import ProvenWrites, nothing_shown, shows_nothing

PAGE = 100
BELIEVED_SECONDS = 10.0
"""Seconds for which the newest row is believed to be the newest, but for what we create ourselves."""
FIRST_LOOK, LONGEST_WAIT = 1.0, 8.0
"""Seconds until the first look for a lost create, and between two later looks at most."""
TIME_TO_SEND = 3.0
"""Seconds that a call must have left to look, or to send once more."""
CREATED_BY_PATH: Mapping[tuple[str, str], Resource] = {
    (o.resource.plane, o.path): o.resource
    for o in STEPS.values()
    if o.method == "POST" and not o.idempotent and o.resource.plane != "local"
}
"""The resource that a POST creates, by plane and path."""
BY_PLURAL: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
BY_LIST_PATH: Mapping[str, Resource] = {
    resource.lister.path: resource for resource in CREATED_BY_PATH.values() if not resource.api.beside
}
PAGING = {"limit", "offset"}
"""The query parameters with which a list still shows all there is."""
MAYBE_MADE = (
    "The same call was made a short while ago and its outcome is not known. "
    "Look whether it is there: yes makes it once more."
)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that a create has made."""

    rows: list[Json]


@dataclass(frozen=True, slots=True)
class NotThere:
    """The create has made nothing so far."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """A row may be the one, or there are too many new rows to say."""


LookupResult: TypeAlias = Found | NotThere | Unclear


@dataclass(frozen=True, slots=True)
class NewestIds:
    """The highest id of each kind, and when it was the highest: what is created later has a higher one."""

    highest: dict[str, tuple[int, float]] = field(default_factory=dict[str, tuple[int, float]])
    """The id and the time on the gateway's clock, by plural."""

    def note(self, resource: Resource, rows: list[Json], now: float) -> None:
        """Note the newest rows of a kind, or one that was just created."""
        before, _ = self.highest.get(resource.plural, (0, 0.0))
        self.highest[resource.plural] = max([before, *(as_int(row.get("id")) for row in rows)]), now

    def find_recent(self, resource: Resource, now: float) -> int | None:
        """Return the highest id of a kind; None if it was not looked at in the last BELIEVED_SECONDS."""
        id, at = self.highest.get(resource.plural, (0, -inf))
        return id if now - at < BELIEVED_SECONDS else None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Sends creates so that none is made twice, and none is called failed that was made.

    An intent is journalled with the highest id there is. If no answer comes, the newest rows are searched for one with
    the same attributes and a higher id. Only when there is none and none can come any more (`settle_seconds` after
    sending, or at once where the API refuses a second one of the name) the create is sent once more.
    """

    inner: CallClient
    journal: Journal
    newest_ids: NewestIds
    account: str
    """The account and the principal: they are part of what makes two requests the same."""
    settle_seconds: float
    key: str = ""
    """The client's idempotency key: under another key the same request is another one."""
    call: str = ""
    """The hash of the tool call."""
    confirmed: bool = False
    """Whether this very call has been confirmed."""

    async def has_begun(self) -> bool:
        """Return whether the same call has begun a create before whose outcome nobody was told."""
        return await self.journal.has_begun(self.call, keyed=bool(self.key))

    async def mark_reported(self) -> None:
        """Note that the caller gets an answer, or an error that says what the call did."""
        if self.inner.trail.attempted:
            await self.journal.mark_reported(self.call)

    async def send(self, request: Request) -> Response:
        """Send a request; a create at most once.

        Raises:
            OutcomeUnknown: if a write may or may not have landed.
            Unconfirmed: for a write that may have landed before and that cannot be looked up.
            GatewayError: if it failed.
        """
        if request.repeatable or request.method == "GET":
            now, proven = self.inner.gateway.clock(), ProvenWrites(self.inner, self.inner.gateway.sleep)
            response = await proven.send(request)
            self._note_whole_list(request, response.body, now)
            return response
        is_create = request.method == "POST" and not request.raw
        resource = CREATED_BY_PATH.get((request.plane, request.path)) if is_create else None
        intent = Intent(
            self._fingerprint(request),
            self.call,
            f"{self.account} {resource.plural if resource else request.path}",
            await self._fetch_high_water_mark(resource) if resource else 0,
            latest_landing(self),
        )
        if resource is None:
            return await BlindWrite(self, request, intent).run()
        return await PendingCreate(self, request, intent, resource).run()

    def _note_whole_list(self, request: Request, body: Json, now: float) -> None:
        """Note the newest row of a list that shows all there is."""
        resource = (
            BY_LIST_PATH.get(request.path) if request.method == "GET" and request.query.keys() <= PAGING else None
        )
        if resource and request.query.get("offset", "0") == "0":
            page = Page.of(body, resource.plural)
            if len(page.rows) == page.total:
                self.newest_ids.note(resource, page.rows, now)

    def _fingerprint(self, request: Request) -> str:
        parts = [request.query, request.body]
        body = json.dumps(normalized(parts) if request.raw else parts, sort_keys=True, default=str)
        lines = (self.account, self.key, request.method, request.path, body, str(request.occurrence or ""))
        return sha256("\n".join(lines).encode()).hexdigest()

    async def _fetch_high_water_mark(self, resource: Resource) -> HighWaterMark:
        """Return the highest id before a create, asked for unless it was lately; all ids where they are no numbers."""
        if resource.api.by_attributes:
            return 0
        if resource.plane == "control":
            return [str(row.get(resource.api.id_key)) for row in await self.fetch_newest(resource, PAGE)]
        if (highest := self.newest_ids.find_recent(resource, self.inner.gateway.clock())) is not None:
            return highest
        now, rows = self.inner.gateway.clock(), await self.fetch_newest(resource, 2)
        self.newest_ids.note(resource, rows, now)
        return self.newest_ids.highest[resource.plural][0]

    async def fetch_newest(self, resource: Resource, limit: int) -> list[Json]:
        """Return the newest rows; also from the end of the list where the API ignores the order (reference 2.2)."""
        page = await self._fetch_page(resource, {"orders[id]": "DESC", "limit": str(limit)})
        ids = [as_int(row.get("id")) for row in page.rows]
        if page.total <= len(page.rows) or (len(ids) > 1 and ids == sorted(ids, reverse=True)):
            return page.rows
        last = await self._fetch_page(resource, paging_query(max(0, page.total - limit), limit))
        return [*page.rows, *last.rows]

    async def fetch_named(self, resource: Resource, name: str) -> list[Json]:
        """Return the rows that the API finds by a name or an e-mail address."""
        assert resource.lookup.find
        return (await self._fetch_page(resource, {**resource.lookup.find(name), "limit": str(PAGE)})).rows

    async def _fetch_page(self, resource: Resource, query: Mapping[str, str | tuple[str, ...]]) -> Page:
        listed = BY_PLURAL[resource.api.beside] if resource.api.beside else resource
        whole_query = {**listed.lister.options.encoding.query, **query} if resource.plane == "api" else {}
        response = await self.inner.send(
            Request("GET", listed.lister.path, whole_query, plane=resource.plane, repeatable=True, unshared=True)
        )
        return Page.of(response.body, resource.plural)


def latest_landing(reconciler: Reconciler) -> float:
    """Return when a request that this call may still send has landed, on the wall clock."""
    return reconciler.journal.now + reconciler.inner.seconds_left + reconciler.settle_seconds


def normalized(value: Any) -> Any:
    """Return a JSON value in one spelling: 1, "1" and true are the same."""
    match value:
        case dict():
            return {str(key): normalized(inner) for key, inner in cast("Json", value).items()}
        case list() | tuple():
            return [normalized(inner) for inner in cast("list[Any]", value)]
        case bool():
            return str(int(value))
        case _:
            return value if value is None else str(value)


@dataclass(slots=True)
class JournaledWrite:
    """One write that must not be made twice; its intent is in the journal until its end is known."""

    reconciler: Reconciler
    request: Request
    intent: Intent

    @property
    def client(self) -> CallClient:
        return self.reconciler.inner

    @property
    def journal(self) -> Journal:
        return self.reconciler.journal

    async def begin(self) -> bool:
        """Journal the intent; return whether an earlier call has begun the same and nobody knows how it ended."""
        self.intent, earlier = await self.journal.begin_intent(self.intent, keyed=bool(self.reconciler.key))
        return earlier

    async def send(self) -> Response:
        """Send the write and journal how it ended.

        Raises:
            OutcomeUnknown: if there was no answer, or one that shows nothing.
            GatewayError: if it failed.
        """
        sent_before = len(self.client.trail.sent_at)
        try:
            response = await self.client.send(self.request)
            self.check(response)
        except OutcomeUnknown as unknown:
            sent_at = unknown.sent_at if unknown.sent_at is not None else self.client.gateway.clock()
            self.intent = await self.journal.end_intent(self.intent, "unknown", self.landing_time(sent_at))
            raise
        except ToolError:
            self.intent = await self.journal.end_intent(self.intent, "failed")
            raise
        except BaseException:  # cancelled: what has not left is over, what has may land
            with CancelScope(shield=True):
                sent_at = self.client.trail.sent_at[sent_before:]
                state, lands_by = ("unknown", self.landing_time(sent_at[-1])) if sent_at else ("failed", None)
                self.intent = await self.journal.end_intent(self.intent, state, lands_by)
            raise
        await self.journal.mark_made(self.intent, self.created_ids(response), surely=True)
        return response

    def landing_time(self, sent_at: float) -> float:
        """Return when a write that left at `sent_at` of the gateway's clock has landed, on the wall clock."""
        return self.journal.now + sent_at - self.client.gateway.clock() + self.reconciler.settle_seconds

    def check(self, response: Response) -> None:
        """Raise OutcomeUnknown for an answer that does not show what was made."""
        if shows_nothing(response):
            raise nothing_shown(response, "record")

    def created_ids(self, response: Response) -> list[str]:
        """Return the ids of what was created."""
        return []


@dataclass(slots=True)
class BlindWrite(JournaledWrite):
    """A write that cannot be looked up. After a lost answer it is sent again only with a confirmation."""

    async def run(self) -> Response:
        """Send the write; a second time only once the first can land no more, and with a confirmation.

        Raises:
            OutcomeUnknown: if an earlier one may still land.
            Unconfirmed: if an earlier one may have landed.
        """
        if not await self.begin():
            return await self.send()
        seconds = self.intent.lands_by - self.journal.now
        if seconds > 0:
            raise OutcomeUnknown(f"the same call was made before and may still come in within {seconds:.0f} s")
        if not self.reconciler.confirmed:
            raise Unconfirmed([MAYBE_MADE])
        if not (claimed := await self.journal.claim_resend(self.intent, latest_landing(self.reconciler))):
            raise Unconfirmed([MAYBE_MADE])
        self.intent = claimed
        return await self.send()


@dataclass(slots=True)
class PendingCreate(JournaledWrite):
    """One create, from its intent to the row that it made."""

    resource: Resource

    async def run(self) -> Response:
        """Send the create, or return what an equal earlier one has made.

        Raises:
            OutcomeUnknown: if the time of the call is up before that is known.
            GatewayError: if it failed.
        """
        earlier = await self.begin()
        try:
            if earlier:
                raise OutcomeUnknown("the same call was made before and its outcome is not known")
            return await self.send()
        except OutcomeUnknown as unknown:
            return await self.look_up(unknown, earlier)

    def check(self, response: Response) -> None:
        """Check that an answer shows a new row, and note its id.

        Raises:
            OutcomeUnknown: if it shows no row.
            Duplicate: if the row was there before: its id is not above the highest one from before the create.
        """
        self.resource.require_rows("POST", response)
        ids, mark = [as_int(id) for id in self._ids_in(response.body)], self.intent.high_water_mark
        if self.resource.api.refuses_second and isinstance(mark, int) and ids and max(ids) <= mark:
            self.client.trail.written.pop()
            raise Duplicate("exists already", status=response.status, request_id=response.id, code="duplicate")
        self._note_newest(response.body)

    def created_ids(self, response: Response) -> list[str]:
        """Return the ids of what was created."""
        return self._ids_in(response.body)

    def _note_newest(self, body: Json) -> None:
        """Note the new row as the newest, if it is known which was the newest before it."""
        now = self.client.gateway.clock()
        if self.reconciler.newest_ids.find_recent(self.resource, now) is not None:
            self.reconciler.newest_ids.note(self.resource, [as_object(body.get(self.resource.singular))], now)

    def _ids_in(self, body: Json) -> list[str]:
        rows = as_objects(body.get(self.resource.plural)) or [as_object(body.get(self.resource.singular))]
        return [str(row[self.resource.api.id_key]) for row in rows if row.get(self.resource.api.id_key)]

    async def look_up(self, unknown: OutcomeUnknown, joined: bool) -> Response:
        """Look for the record until it is there, or surely is not and was sent once more.

        `joined` means that an earlier call sent it.

        Raises:
            OutcomeUnknown: if the time of the call is up before that is known.
        """
        wait = FIRST_LOOK
        while True:
            if joined and await self.journal.has_failed(self.intent):
                return await self.run()
            now = self.journal.now
            try:
                result = await self._look_once()
            except ToolError:
                result = Unclear()
            if isinstance(result, Found) and (response := await self._accept(result.rows, unknown)):
                return response
            can_land_no_more = now >= self.intent.lands_by
            can_be_sent = not unknown.answered and (can_land_no_more or self.resource.api.refuses_second)
            may_send = isinstance(result, NotThere) and can_be_sent
            if may_send and (claimed := await self.journal.claim_resend(self.intent, latest_landing(self.reconciler))):
                self.intent = claimed
                return await self._send_once_more(unknown, can_land_no_more)
            pause = min(wait, max(self.intent.lands_by - now, FIRST_LOOK))
            if self.client.seconds_left < pause + TIME_TO_SEND:
                raise await self._watched(unknown)
            await self.client.gateway.sleep(pause)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _send_once_more(self, unknown: OutcomeUnknown, can_land_no_more: bool) -> Response:
        """Send the create a second time. If it is refused as a duplicate, the first one has made it after all."""
        try:
            return await self.send()
        except OutcomeUnknown as second:
            if response := await self._accept_after_pause(second):
                return response
            raise await self._watched(second) from None
        except ToolError as error:
            is_duplicate = isinstance(error, Duplicate)
            if is_duplicate and (response := await self._accept_after_pause(unknown)):
                return response
            if can_land_no_more or is_duplicate:
                raise
            self.intent = await self.journal.end_intent(self.intent, "unknown")
            raise await self._watched(unknown) from error

    async def _watched(self, unknown: OutcomeUnknown) -> OutcomeUnknown:
        """Return the error that says that the same call, made again, goes on looking."""
        await self.journal.touch_intent(self.intent)
        return unknown.but(watched=True)

    async def _accept_after_pause(self, unknown: OutcomeUnknown) -> Response | None:
        """Look once more after a short pause; None if the record is not found."""
        try:
            await self.client.gateway.sleep(min(FIRST_LOOK, max(0.0, self.client.seconds_left - TIME_TO_SEND)))
            result = await self._look_once()
        except ToolError:
            return None
        return await self._accept(result.rows, unknown) if isinstance(result, Found) else None

    async def _accept(self, rows: list[Json], unknown: OutcomeUnknown) -> Response | None:
        """Return the rows as the answer; None if another call has been told meanwhile that they are its own."""
        several = self.resource.plural in (self.request.body or {})
        body: Json = {self.resource.plural: rows} if several else {self.resource.singular: rows[0]}
        if not await self.journal.mark_made(self.intent, self._ids_in(body), surely=self.resource.api.by_attributes):
            return None
        self._note_newest(body)
        if not unknown.answered:
            id = "" if several else f" (id {rows[0].get(self.resource.api.id_key)})"
            self.client.trail.written.append(f"POST {self.request.path}{id}")
        return Response(201, body, reconciled=True)

    async def _look_once(self) -> LookupResult:
        """Search the newest rows for those that this create has made.

        Raises:
            ToolError: if the account cannot be read.
        """
        body = self.request.body or {}
        created = as_objects(body.get(self.resource.plural)) or [as_object(body.get(self.resource.singular)) or body]
        rows = await self._new_rows(str(created[0].get("email") or ""))
        matches = [next((row for row in rows if is_same(attributes, row)), None) for attributes in created]
        if all(matches):
            return Found([row for row in matches if row])
        if any(matches) or any(is_similar(attributes, row) for attributes in created for row in rows):
            return Unclear()
        return Unclear() if len(rows) >= PAGE else NotThere()

    async def _new_rows(self, email: str) -> list[Json]:
        """Return the rows that are newer than the intent and that no other intent has made."""
        if email:
            rows = await self.reconciler.fetch_named(self.resource, email)
        else:
            rows = await self.reconciler.fetch_newest(self.resource, PAGE)
        new = [row for row in rows if self._is_new(row)]
        if self.resource.api.by_attributes:
            return new
        others = await self.journal.find_ids_of_others(self.intent)
        return [row for row in new if str(row.get(self.resource.api.id_key)) not in others]

    def _is_new(self, row: Json) -> bool:
        id, mark = row.get(self.resource.api.id_key), self.intent.high_water_mark
        return str(id) not in mark if isinstance(mark, list) else as_int(id) > mark
