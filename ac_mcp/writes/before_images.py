"""Before images: the state that a write replaces."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.messages import Json, Plane, Request, Response, Sender, as_int, as_object, as_objects
from ac_mcp.operations import RESOURCES, STEPS
from ac_mcp.operations.lists import find_membership
from ac_mcp.spec.operation import ID, PATH_TEXT, Operation
from ac_mcp.spec.paging import Page, ids_of, matches, pages, paging_query
from ac_mcp.spec.resource import Resource
from ac_mcp.writes.dependents import count_listed

MAX_HOLDERS = 1000
"""Contacts of a tag or list whose ids are read before it is deleted: ten requests."""
BY_KIND: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
BESIDE = (
    "contactLists", "fieldValues", "accountContacts", "contactTags", "notes", "deals", "contactAutomations",
    "dealCustomFieldData", "accountCustomFieldData",
)  # fmt: skip
"""The collections that are part of the image of a contact, deal or account."""
HOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "tags": ("tagid", ("-1",)),
    "lists": ("listid", ("1", "2", "0", "3")),
}
"""The query parameter that finds the contacts of a tag or list, and the statuses to ask for (reference 3.2)."""
SUBSCRIBED, LEFT = "1", "2"


@dataclass(slots=True)
class BeforeImages:
    """Fetches before images, from what the call has read itself where that is enough.

    An image holds rows under the API's names, such as `{"contact": {...}, "notes": [...]}`, and our own counts:
    `holders` (ids by status) with `holders_count`, `moved` (ids) with `moved_count`, `hung` (numbers of dependents).
    """

    bodies: dict[str, Json] = field(default_factory=dict[str, Json])
    """The answers of this call's reads, by path."""
    rows: dict[tuple[str, str], Json] = field(default_factory=dict[tuple[str, str], Json])
    """Every row in those answers, by plural and id."""
    thorough: bool = False
    """Whether it also reads what the write's own answer would tell: whether a contact has a tag already."""
    light: bool = False
    """Whether it reads nothing about the tags and lists of a contact, since there are many of them."""

    def remember(self, request: Request, response: Response) -> None:
        """Remember what the call has read."""
        if request.plane == "api" and not request.query:
            self.bodies[request.path] = response.body
        for plural, value in response.body.items():
            self.rows |= {(plural, str(row["id"])): row for row in as_objects(value) if row.get("id")}

    def forget(self) -> None:
        """Forget what was read before a write: it may no longer be so."""
        self.bodies.clear()
        self.rows.clear()

    async def fetch(self, sender: Sender, request: Request) -> Json:
        """Return the before image of a write; {} if there is nothing yet where it writes.

        Raises:
            ToolError: if the account cannot be read.
        """
        operation = STEPS[request.operation]
        match operation.method, operation.resource.plural:
            case "POST", plural:
                return await self._fetch_for_create(sender, request, operation, plural)
            case _ if operation.options.effects.blind:
                return {}
            case "DELETE", plural:
                return await self._fetch_for_delete(sender, request, operation, plural)
            case "PUT", _ if parameter := operation.options.effects.moves:
                return await self._fetch_moved(sender, operation.resource, {parameter: request.path.split("/")[2]})
            case _:
                return await self._fetch_row(sender, operation, request)

    async def _fetch_for_create(
        self, sender: Sender, request: Request, operation: Operation[..., Any], plural: str
    ) -> Json:
        """Return the record that a POST may find instead of creating one."""
        attributes = as_object((request.body or {}).get(operation.resource.singular))
        match plural:
            case "contactTags" | "contactLists" if self.light:
                return {}
            case "contactLists":
                return await self._fetch_association(sender, "contactLists", "contactList", "list", attributes)
            case "contacts" if operation.idempotent:
                return await self._fetch_by_email(sender, str(attributes.get("email")))
            case "customObjects":
                return await self._fetch_replaced(sender, request)
            case "contactTags" if self.thorough:
                return await self._fetch_association(sender, "contactTags", "contactTag", "tag", attributes)
            case _:
                return {}

    async def _fetch_replaced(self, sender: Sender, request: Request) -> Json:
        """Return the custom object record that a POST replaces; {} if it names none, or one that does not exist."""
        record = as_object((request.body or {}).get("record"))
        id, own = str(record.get("id") or ""), str(record.get("externalId") or "")
        if id and ID.fullmatch(id):
            return await self._fetch_if_there(sender, f"{request.path}/{id}")
        if own and PATH_TEXT.fullmatch(own):
            return await self._fetch_if_there(sender, f"{request.path}/external/{own}")
        return {}

    async def _fetch_for_delete(
        self, sender: Sender, request: Request, operation: Operation[..., Any], plural: str
    ) -> Json:
        """Return the record that is deleted, with what is deleted with it."""
        match plural:
            case "contacts":
                return await self._fetch_with(sender, request.path, "contactTags", "notes")
            case "deals":
                return await self._fetch_with(sender, request.path, "notes", "dealCustomFieldData")
            case "accounts":
                return await self._fetch_with(sender, request.path, "accountContacts", "accountCustomFieldData")
            case "fields":
                body = await self._fetch_if_there(sender, request.path)
                parts = {key: value for key, value in body.items() if key in ("field", "fieldOptions", "fieldRels")}
                return parts | await self._count_dependents(sender, plural, id_of(request.path)) if body else {}
            case "dealGroups" | "dealStages":
                row = await self._fetch_row(sender, operation, request)
                return row | await self._count_dependents(sender, plural, id_of(request.path)) if row else {}
            case "tags" | "lists":
                row = await self._fetch_row(sender, operation, request)
                if not row:
                    return {}
                return row | await self._fetch_holders(sender, operation.resource, id_of(request.path))
            case _:
                return await self._fetch_row(sender, operation, request)

    async def _fetch_row(self, sender: Sender, operation: Operation[..., Any], request: Request) -> Json:
        """Return the record itself; without a request if the call has read a list that shows all of it."""
        resource = operation.resource
        row = None if resource.api.sparse else self.rows.get((resource.plural, id_of(request.path)))
        if row is not None:
            return {resource.singular: row}
        body = await self._fetch_if_there(sender, request.path, request.plane)
        parts = (resource.singular, *(BESIDE if resource.api.sparse else ()))
        return {key: value for key, value in body.items() if key in parts}

    async def _fetch_with(self, sender: Sender, path: str, *collections: str) -> Json:
        """Return a contact, deal or account with these collections of it."""
        body = await self._fetch_if_there(sender, path)
        for key in collections if body else ():
            rows = as_objects((await self._fetch_if_there(sender, f"{path}/{key}")).get(key))
            body = {**body, key: rows}
        return {key: value for key, value in body.items() if key in ("contact", "deal", "account", *BESIDE)}

    async def _count_dependents(self, sender: Sender, plural: str, id: str) -> Json:
        async def fetch(path: str, **query: Any) -> Json:
            return await self._fetch_list(sender, path, query)

        return {"hung": await count_listed(fetch, plural, id)}

    async def _fetch_list(self, sender: Sender, path: str, query: Mapping[str, Any]) -> Json:
        return (await sender.send(Request("GET", path, query, repeatable=True))).body

    async def _fetch_moved(self, sender: Sender, resource: Resource, query: Mapping[str, str]) -> Json:
        """Return the ids of the records that are moved, up to MAX_HOLDERS of them, and how many there are."""
        ids, count = await self._fetch_ids(sender, resource, query, MAX_HOLDERS)
        return {"moved": ids, "moved_count": count}

    async def _fetch_if_there(self, sender: Sender, path: str, plane: Plane = "api") -> Json:
        """Return the body at a path; {} if it is missing or may not be read: the write itself will be told so."""
        if (body := self.bodies.get(path)) is not None:
            return body
        with suppress(NotFound, Forbidden):
            return (await sender.send(Request("GET", path, plane=plane, repeatable=True))).body
        return {}

    async def _fetch_association(self, sender: Sender, plural: str, singular: str, end: str, attributes: Json) -> Json:
        """Return the row that associates a contact with this tag or list; {} if there is none."""
        body = await self._fetch_if_there(sender, f"/contacts/{attributes.get('contact')}/{plural}")
        rows = as_objects(body.get(plural))
        if plural == "contactLists":
            row = find_membership(rows, str(attributes.get(end)))
        else:
            row = next((row for row in rows if matches(row, **{end: attributes.get(end)})), Json())
        return {singular: row} if row else {}

    async def _fetch_by_email(self, sender: Sender, email: str) -> Json:
        """Return the contact that has an e-mail address; {} if there is none."""
        body = await self._fetch_list(sender, "/contacts", {"email": email})
        rows = [row for row in as_objects(body.get("contacts")) if str(row.get("email")).casefold() == email.casefold()]
        ids = ids_of(rows)
        return await self._fetch_with(sender, f"/contacts/{ids[0]}") if ids else {}

    async def _fetch_holders(self, sender: Sender, resource: Resource, id: str) -> Json:
        """Return the ids of the contacts of a tag or list by their status, and how many there are."""
        parameter, statuses = HOLDERS[resource.plural]
        holders: dict[str, list[str]] = {}
        count = 0
        for status in statuses:
            query = {parameter: id, "status": status}
            ids, total = await self._fetch_ids(sender, BY_KIND["contacts"], query, MAX_HOLDERS - count)
            holders[status] = ids
            count += total
        return {"holders": holders, "holders_count": count}

    async def _fetch_ids(
        self, sender: Sender, resource: Resource, query: Mapping[str, str], most: int
    ) -> tuple[list[str], int]:
        """Return the ids that a query finds, whole pages up to `most`, and how many there are in all."""

        async def fetch(offset: int) -> Page:
            body = await self._fetch_list(sender, resource.lister.path, {**query, **paging_query(offset)})
            return Page.of(body, resource.plural)

        ids: list[str] = []
        total = 0
        async for page in pages(fetch, most):
            ids += ids_of(page.rows)
            total = max(page.total, len(ids))
        return ids, total


def count_affected(before: Json) -> int:
    """Return how many records a write takes something away from, or moves, by its before image."""
    return as_int(before.get("holders_count")) or as_int(before.get("moved_count"))


def confirmed_part(request: Request, before: Json) -> Json:
    """Return the part of a before image that a confirmation covers.

    For an update these are the attributes that it changes; for a delete the name of the record, and the numbers of
    records that go with it. It is part of the preview's fingerprint.
    """
    resource = STEPS[request.operation].resource
    row, attributes = (as_object(body.get(resource.singular)) for body in (before, request.body or {}))
    if request.method != "DELETE":
        return {key: row.get(key) for key in attributes} | ({"moved": before["moved"]} if "moved" in before else {})
    counts = {key: len(as_objects(before.get(key))) for key in BESIDE}
    dependents = as_object(before.get("hung"))
    return {
        "called": resource.lookup.called(row) if row else (),
        "holders": count_affected(before),
        **counts,
        **dependents,
    }


def id_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]
