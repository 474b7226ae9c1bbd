"""Proof that a write was done: by its answer, else by a look at the record."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from ac_mcp.catalogue.entry import catalogue
from ac_mcp.errors import NotFound, OutcomeUnknown, ToolError, Unavailable
from ac_mcp.messages import Json, Request, Response, Sender, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.paging import PAGE
from ac_mcp.spec.resource import Resource
from ac_mcp.writes.comparison import comparable, is_same

SECOND_LOOK = 1.0
"""Seconds until a record is looked at again that should be gone: a read may lag behind a write."""
BELOW_CONTACT = ("contactTags", "contactLists", "fieldValues")
"""Kinds whose rows show in a list below their contact."""
DELETED_FLAGS = ("deleted", "isDeleted", "is_deleted", "deletestamp")
"""Attributes that say of a row which is still shown that it is deleted."""


@dataclass(frozen=True, slots=True)
class ProvenWrites:
    """Sends writes, and takes them for done only where the answer, or a look afterwards, shows it.

    A create is not its business: the reconciler looks for what it has made.
    """

    inner: Sender
    pause: Callable[[float], Awaitable[None]]

    async def send(self, request: Request) -> Response:
        """Send a request. One more reads a deleted record, or an updated one that the answer does not show.

        Raises:
            OutcomeUnknown: if a write was answered as done, and nothing shows it.
            GatewayError: if the request failed.
        """
        try:
            response = await self.inner.send(request)
        except OutcomeUnknown as unknown:
            is_create = not request.repeatable or request.method == "GET"
            if not unknown.answered or is_create or request.plane != "api":
                raise
            response = Response(unknown.status, {}, id=unknown.request_id)
        if request.method == "GET" or request.plane != "api":
            return response
        if request.method == "DELETE":
            return response if response.status == 404 else await self._prove_deletion(request, response)
        return await self._prove_change(request, response)

    async def _prove_deletion(self, request: Request, response: Response) -> Response:
        """Return the answer to a DELETE if the record is gone, or `unchecked` if nobody can look.

        Raises:
            OutcomeUnknown: if it is still there.
        """
        if ids := ids_in_query(request):
            return await self._prove_deletions(request, response, ids)
        request = replace(request, path=request.path.removesuffix("/delete"))
        happens_later = response.status == 202  # a record of a custom object is removed after a while (corrections)
        if happens_later or not (request.shown_at or is_readable(request.path)):
            return replace(response, unchecked=True)
        try:
            if await self._is_there(request):
                await self.pause(SECOND_LOOK)
                if await self._is_there(request):
                    raise still_there(response, "it is")
        except OutcomeUnknown:
            raise
        except ToolError:
            return replace(response, unchecked=True)
        return response

    async def _prove_deletions(self, request: Request, response: Response, ids: list[str]) -> Response:
        """Return the answer to a DELETE of many records, which are looked for a page of ids at a time."""
        collection = request.path.split("/")[1]
        for start in range(0, len(ids), PAGE):
            page = ids[start : start + PAGE]
            query = {"ids[]": tuple(page), "limit": str(PAGE)}
            look = Request("GET", f"/{collection}", query, repeatable=True, unshared=True)
            try:
                rows = as_objects((await self.inner.send(look)).body.get(collection))
            except ToolError:
                return replace(response, unchecked=True)
            found = {str(row.get("id")) for row in rows}
            if left := sorted(found & set(page)):
                raise still_there(response, f"{len(left)} of them (id {', '.join(left[:10])}) are")
            if found:  # it does not filter by ids, so an id that is missing proves nothing
                return replace(response, unchecked=True)
        return response

    async def _is_there(self, request: Request) -> bool:
        """Return whether the account still shows the record of a DELETE.

        Raises:
            Unavailable: if the answer shows neither the record nor that it is gone.
            GatewayError: if the account cannot be read.
        """
        id = request.path.rsplit("/", 1)[1]
        look = Request("GET", request.shown_at or request.path, repeatable=True, unshared=True)
        try:
            body = (await self.inner.send(look)).body
        except NotFound:
            if request.shown_at:
                raise
            return False
        if request.shown_at:  # a list below a contact, which the client reads whole
            rows = body.get(request.path.split("/")[1])
            if not isinstance(rows, list):
                raise Unavailable("its answer holds no list")
            return any(str(row.get("id")) == id for row in as_objects(cast("list[Any]", rows)))
        row = next((row for row in map(as_object, body.values()) if str(row.get("id")) == id), None)
        if row is None:
            raise Unavailable("its answer holds no record")
        has_left = request.path.startswith("/contactAutomations/") and str(row.get("status")) != "1"
        return not has_left and not any(is_set(row.get(flag)) for flag in DELETED_FLAGS)

    async def _prove_change(self, request: Request, response: Response) -> Response:
        """Return the answer to an update, with the row as it was read where the answer does not show it.

        Raises:
            OutcomeUnknown: if neither shows what was written.
        """
        operation = STEPS.get(request.operation)
        if operation is None or (request.method == "POST" and (request.raw or not request.repeatable)):
            return response
        if request.method == "POST":
            return await self._prove_upsert(request, operation, with_status_of_body(operation, response))
        if shows_record(request, operation, response):
            return response
        envelope = envelope_of(request) if request.raw else operation.resource.singular
        sent, row = as_object((request.body or {}).get(envelope)), await self._fetch_row(request, envelope)
        if not shows_all(sent, row):
            raise nothing_shown(response, "record" if request.raw else operation.resource.word)
        return replace(response, body={envelope: row})

    async def _prove_upsert(self, request: Request, operation: Operation[..., Any], response: Response) -> Response:
        """Return the answer to an upsert, with the row as it was read where the answer does not show it.

        Raises:
            OutcomeUnknown: if neither shows what was written.
        """
        resource = operation.resource
        if operation.options.answer.verbatim or shows_record(request, operation, response):
            return response
        sent = as_object((request.body or {}).get(resource.singular))
        found: list[Json] = []
        with suppress(ToolError):
            found = [row for row in await self._fetch_upserted(resource, sent) if shows_all(sent, row)]
        if not found:
            raise nothing_shown(response, resource.word)
        return replace(response, body={resource.singular: found[0]}, repeated=True)

    async def _fetch_upserted(self, resource: Resource, sent: Json) -> list[Json]:
        """Return the rows among which an upsert shows: those of its contact, or the contacts with its address."""
        if resource.plural in BELOW_CONTACT and sent.get("contact"):
            look = Request("GET", f"/contacts/{sent['contact']}/{resource.plural}", repeatable=True, unshared=True)
        elif resource.lookup.find and sent.get("email"):
            query = resource.lookup.find(str(sent["email"]))
            look = Request("GET", resource.lister.path, query, repeatable=True, unshared=True)
        else:
            return []
        return as_objects((await self.inner.send(look)).body.get(resource.plural))

    async def _fetch_row(self, request: Request, envelope: str) -> Json:
        """Return the row that an update should have changed; {} if it cannot be read."""
        if not is_readable(request.path):
            return {}
        look = Request("GET", request.path, repeatable=True, unshared=True)
        try:
            return as_object((await self.inner.send(look)).body.get(envelope))
        except ToolError:
            return {}


def shows_record(request: Request, operation: Operation[..., Any], response: Response) -> bool:
    """Return whether the answer to a write shows what was written; of a raw one, whether it shows anything."""
    if request.raw or operation.options.answer.verbatim:
        return not shows_nothing(response)
    try:
        return bool(operation.resource.require_rows(request.method, response))
    except OutcomeUnknown:
        return False


def shows_all(sent: Json, row: Json) -> bool:
    """Return whether a row shows every attribute that was sent, `sourceid` apart, which the API sets as it likes."""
    compared = {key: value for key, value in sent.items() if key != "sourceid"}
    return all(key in row and comparable(value) for key, value in compared.items()) and is_same(compared, row)


def shows_nothing(response: Response) -> bool:
    """Return whether an answer holds no value at all, beside `meta`; 204 says that it holds none on purpose."""
    values = [value for key, value in response.body.items() if key != "meta"]
    has_meta = bool(as_object(response.body.get("meta")))
    return response.status != 204 and not has_meta and all(value in (None, "", [], {}) for value in values)


def envelope_of(request: Request) -> str:
    """Return the key that wraps the attributes of a raw write; "" if none does."""
    body = request.body or {}
    return next((key for key, value in body.items() if len(body) == 1 and isinstance(value, dict)), "")


def ids_in_query(request: Request) -> list[str]:
    """Return the ids that a DELETE names in its query; [] if it names a record in its path."""
    value = request.query.get("ids[]", ())
    return [value] if isinstance(value, str) else list(value)


def is_set(flag: Any) -> bool:
    """Return whether an attribute says that a record is deleted: a flag, or the moment of its deletion."""
    return str(flag if flag is not None else "").lower() not in ("", "0", "false") and not str(flag).startswith("0000-")


def nothing_shown(response: Response, word: str) -> OutcomeUnknown:
    """Return the error for a write that was answered as done by an answer that shows nothing."""
    unknown = OutcomeUnknown(f"its answer shows no {word}", status=response.status, request_id=response.id)
    return unknown.but(answered=True)


def still_there(response: Response, subject: str) -> OutcomeUnknown:
    """Return the error for a record that was answered as deleted and is still shown."""
    text = f"the answer was {response.status}, and {subject} still there"
    unknown = OutcomeUnknown(text, status=response.status, request_id=response.id)
    return unknown.but(answered=True)


def with_status_of_body(operation: Operation[..., Any], response: Response) -> Response:
    """Return an answer to a POST with 201 if its body shows that the record is new, and 200 if it shows an old one."""
    read_newness = operation.resource.api.is_new
    is_new = read_newness(response.body) if read_newness else None
    if is_new is None:
        return response
    return replace(response, status=201 if is_new else 200, repeated=response.repeated and not is_new)


@cache
def readable_paths() -> tuple[re.Pattern[str], ...]:
    """Return the forms of all paths that a GET reads one record at."""
    paths = [entry.path for entry in catalogue().values() if entry.method == "GET"]
    paths += [operation.path for operation in STEPS.values() if operation.method == "GET"]
    return tuple(re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in dict.fromkeys(paths) if path.endswith("}"))


def is_readable(path: str) -> bool:
    """Return whether the API documents a GET of this path, which ends in an id: a word there names an action."""
    is_record = any(letter.isdigit() for letter in path.rpartition("/")[2])
    return is_record and any(form.fullmatch(path) for form in readable_paths())
