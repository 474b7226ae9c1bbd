"""The single requests of an undo, and what came of them in words."""

from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.errors import Forbidden, NotFound, OutcomeUnknown, RequestRefused
from ac_mcp.messages import Json, Request, Response, Sender, as_object, as_objects
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.results.error_text import quote
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.text import fold
from ac_mcp.writes.audit_log import AuditEntry, to_json
from ac_mcp.writes.before_images import BY_KIND, SUBSCRIBED


@dataclass(slots=True)
class UndoRequests:
    """Sends the requests of an undo. `restored` and `lost` say what was taken back and what was not."""

    sender: Sender
    access: Container[str]
    """The tools of this server: a tool that is switched off is not run by an undo either."""
    even_if: tuple[str, ...] = ()
    """The dependents, in words, that need not be looked at before a record is deleted."""
    gone: list[str] = field(default_factory=list[str])
    """The associations that were untied by somebody else: the account is as it was before the change."""
    restored: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    name_of: Callable[[str, str], str] = lambda kind, id: ""
    """Returns the name of a record by kind and id; "" if it is not known."""
    sent: Counter[str] = field(default_factory=Counter[str])
    """How often each request was sent, by its fingerprint."""
    made_earlier: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """The answers of creates in earlier undos of the same change, by fingerprint: none is created a second time."""
    renewed: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """The new id of each record that was created again, by kind and old id."""

    def describe(self, plural: str, id: str, row: Json | None = None) -> str:
        """Return a record in words, such as `tag "VIP" (id 3)`."""
        resource = BY_KIND.get(plural)
        if resource is None:  # of the catalogue
            return f"{plural} {id}"
        name = next(iter(resource.lookup.called(row or {})), "") or self.name_of(plural, id)
        return f"{resource.word} {quote(name)} (id {id})" if name else f"{resource.word} {id}"

    async def read(self, path: str, **query: str | tuple[str, ...]) -> Json:
        """Return the body at a path."""
        return (await self.sender.send(Request("GET", path, query, repeatable=True))).body

    async def send(self, step: Operation[..., Any], path: str, attributes: Json | None = None) -> Response:
        """Send a request of the undo; a create only if no earlier undo has made the same.

        Raises:
            Forbidden: if the operation is switched off in this server.
            GatewayError: if the request failed.
        """
        resource = step.resource
        body = None if attributes is None else {resource.singular: attributes} if resource.api.wrapped else attributes
        repeatable = step.method != "POST" or step.idempotent
        may_be_empty = step.method == "DELETE" or (step.method == "PUT" and resource.api.quiet)
        if step.name in OPERATIONS and step.name not in self.access:
            raise Forbidden(f"{step.name} is switched off in this server")
        key = fingerprint(path, body)
        self.sent[key] += 1
        if step.method == "POST" and (rows := self.made_earlier.get(key)):
            reply = Response(200, rows.pop())
            if await self._still_there(resource, reply):
                return reply
            self.made_earlier.clear()  # gone again, and with it all that hung on it
        request = Request(
            step.method,
            path,
            {},
            body=body,
            plane=resource.plane,
            repeatable=repeatable,
            may_be_empty=may_be_empty,
            operation=step.name,
            occurrence=self.sent[key] - 1,
        )
        return await self.sender.send(request)

    async def associate(self, plural: str, body: Json) -> Response:
        """Create an association such as a contact's tag."""
        creator = next(o for o in BY_KIND[plural].operations if o.method == "POST")
        return await self.send(creator, creator.path, body)

    async def set_membership(self, contact: str, list: str, status: str) -> Response:
        """Subscribe a contact to a list, or unsubscribe it."""
        step = STEPS["subscribe_contact" if status == SUBSCRIBED else "unsubscribe_contact"]
        source = {"sourceid": 4} if status == SUBSCRIBED else {}
        return await self.send(step, step.path, {"list": list, "contact": contact, "status": status, **source})

    async def attempt(self, what: str, sending: Awaitable[Any]) -> None:
        """Wait for a request and note in `restored` or `lost` how it ended: a refusal must not stop the rest."""
        if await self.try_silently(sending):
            self.restored.append(what)
        else:
            self.lost.append(what)

    async def try_silently(self, sending: Awaitable[Any]) -> bool:
        """Wait for a request; return False if the API refused it."""
        try:
            await sending
        except OutcomeUnknown:
            raise
        except RequestRefused:
            return False
        return True

    async def _still_there(self, resource: Resource, reply: Response) -> bool:
        """Return whether a record that an earlier undo created still exists. Dependents are not looked up."""
        if not resource.lost_for_good:
            return True
        try:
            await self.read(f"{resource.lister.path}/{as_object(reply.body.get(resource.singular)).get('id')}")
        except NotFound:
            return False
        return True

    async def is_name_taken(self, resource: Resource, name: str, own: str = "") -> bool:
        """Return whether another record has this name by now, where the API would accept a second one."""
        if resource.lookup.find is None or not any(item.options.effects.unique for item in resource.operations):
            return False
        rows = as_objects((await self.read(resource.lister.path, **resource.lookup.find(name))).get(resource.plural))
        names = [(str(row.get("id")), fold(item)) for row in rows for item in resource.lookup.called(row)]
        return any(id != own and item == fold(name) for id, item in names)


def values_by_field(rows: Iterable[Json]) -> dict[str, str]:
    """Return custom field values by field id."""
    return {str(row.get("field")): str(row.get("value") or "") for row in rows}


def fingerprint(path: str, body: Json | None) -> str:
    """Return the text that tells one request of an undo from another."""
    return f"{path} {to_json(body or {})}"


def created_by(writes: Iterable[AuditEntry]) -> dict[str, list[Json]]:
    """Return the answers of those entries that created something, by the fingerprint of their request."""
    found: dict[str, list[Json]] = {}
    for entry in writes:
        if (entry.method, entry.state) == ("POST", "done"):
            found.setdefault(fingerprint(entry.path, entry.body), []).append(as_object(entry.reply))
    return found
