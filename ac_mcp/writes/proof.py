"""Proof that a write was done: by its answer, else by a look at the record."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ac_mcp.catalogue.entry import catalogue
from ac_mcp.errors import NotFound, OutcomeUnknown, ToolError
from ac_mcp.messages import Json, Request, Response, Sender, as_int, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.paging import PAGE
from ac_mcp.writes.comparison import is_same

SECOND_LOOK = 1.0
"""Seconds until a record is looked at again that should be gone: a read may lag behind a write."""
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
        response = await self.inner.send(request)
        if request.method == "GET" or request.plane != "api":
            return response
        if request.method == "DELETE":
            return response if response.status == 404 else await self._prove_deletion(request, response)
        return response if request.raw else await self._prove_change(request, response)

    async def _prove_deletion(self, request: Request, response: Response) -> Response:
        """Return the answer to a DELETE if the record is gone, or `unchecked` if nobody can look.

        Raises:
            OutcomeUnknown: if it is still there.
        """
        if ids := ids_in_query(request):
            return await self._prove_deletions(request, response, ids)
        request = replace(request, path=request.path.removesuffix("/delete"))
        if not (request.shown_at or is_readable(request.path)):
            return replace(response, unchecked=True)
        try:
            if await self._is_there(request):
                await self.pause(SECOND_LOOK)
                if await self._is_there(request):
                    raise still_there(response, "is")
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
        """Return whether the account still shows the record of a DELETE."""
        id = request.path.rsplit("/", 1)[1]
        if request.shown_at:
            rows = await self._fetch_list(request.shown_at, request.path.split("/")[1])
            return any(str(row.get("id")) == id for row in rows)
        look = Request("GET", request.path, repeatable=True, unshared=True)
        try:
            body = (await self.inner.send(look)).body
        except NotFound:
            return False
        row = next((row for row in map(as_object, body.values()) if str(row.get("id")) == id), Json())
        has_left = request.path.startswith("/contactAutomations/") and str(row.get("status")) != "1"
        return bool(row) and not has_left and not any(as_int(row.get(flag)) for flag in DELETED_FLAGS)

    async def _fetch_list(self, path: str, plural: str) -> list[Json]:
        rows: list[Json] = []
        while True:
            query = {"limit": str(PAGE), "offset": str(len(rows))} if rows else {"limit": str(PAGE)}
            response = await self.inner.send(Request("GET", path, query, repeatable=True, unshared=True))
            page = as_objects(response.body.get(plural))
            seen = {row.get("id") for row in rows}
            rows += (new := [row for row in page if row.get("id") not in seen])
            if len(page) < PAGE or not new:
                return rows

    async def _prove_change(self, request: Request, response: Response) -> Response:
        """Return the answer to an update, with the row as it was read where the answer does not show it."""
        operation = STEPS.get(request.operation)
        if operation is None or operation.options.answer.verbatim:
            return response
        if request.method == "POST":
            return with_status_of_body(operation, response)
        try:
            operation.resource.require_rows(request.method, response)
            shows = bool(response.body)
        except OutcomeUnknown:
            shows = False
        if shows:
            return response
        row = await self._fetch_row(request, operation)
        if not is_same(as_object((request.body or {}).get(operation.resource.singular)), row):
            unknown = OutcomeUnknown(f"its answer shows no {operation.resource.word}", status=response.status)
            raise unknown.but(answered=True, request_id=response.id)
        return replace(response, body={operation.resource.singular: row})

    async def _fetch_row(self, request: Request, operation: Operation[..., Any]) -> Json:
        """Return the row that an update should have changed; {} if it cannot be read."""
        if not is_readable(request.path):
            return {}
        look = Request("GET", request.path, repeatable=True, unshared=True)
        try:
            return as_object((await self.inner.send(look)).body.get(operation.resource.singular))
        except ToolError:
            return {}


def ids_in_query(request: Request) -> list[str]:
    """Return the ids that a DELETE names in its query; [] if it names a record in its path."""
    value = request.query.get("ids[]", ())
    return [value] if isinstance(value, str) else list(value)


def still_there(response: Response, subject: str) -> OutcomeUnknown:
    """Return the error for a record that was answered as deleted and is still shown."""
    text = f"it was answered as deleted ({response.status}), but {subject} still there"
    unknown = OutcomeUnknown(text, status=response.status, request_id=response.id)
    return unknown.but(answered=True)


def with_status_of_body(operation: Operation[..., Any], response: Response) -> Response:
    """Return an answer to a POST with 201 if its body shows that the record is new, and 200 if it shows an old one."""
    is_new = operation.resource.api.is_new(response.body) if operation.resource.api.is_new else None
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
