"""What taking a write back is made of: single requests, and what came of them in words."""

from collections import Counter
from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.errors import Forbidden, NotFound, OutcomeUnknown, RequestRefused
from ac_mcp.messages import Json, Request, Response, Sender, as_object, as_objects
from ac_mcp.naming.matching import normalize_name
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.results.error_text import quote
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.writes.audit_log import AuditEntry, to_json
from ac_mcp.writes.before_images import BY_KIND, SUBSCRIBED


@dataclass(slots=True)
class UndoRequests:
    """What is restored and what is not is noted as it goes."""

    sender: Sender
    access: Container[str]
    """The tools there are: what is switched off is not done by another way either."""
    restored: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    name_of: Callable[[str, str], str] = lambda kind, id: ""
    """What a thing of that kind is called, as far as it is known."""
    sent: Counter[str] = field(default_factory=Counter[str])
    made_earlier: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    """What an earlier try has made, with the ids it got: it is not made a second time."""
    renewed: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """The new id of what was made again, by kind and old id."""

    def describe(self, plural: str, id: str, row: Json | None = None) -> str:
        """A thing by name and id."""
        resource = BY_KIND.get(plural)
        if resource is None:  # of the catalogue
            return f"{plural} {id}"
        name = next(iter(resource.called(row or {})), "") or self.name_of(plural, id)
        return f"{resource.word} {quote(name)} (id {id})" if name else f"{resource.word} {id}"

    async def read(self, path: str, **query: str | tuple[str, ...]) -> Json:
        return (await self.sender.send(Request("GET", path, query, repeatable=True))).body

    async def send(self, step: Operation[..., Any], path: str, attributes: Json | None = None) -> Response:
        resource = step.resource
        body = None if attributes is None else {resource.singular: attributes} if resource.wrapped else attributes
        once = step.method != "POST" or step.idempotent
        empty = step.method == "DELETE" or (step.method == "PUT" and resource.quiet)
        if step.name in OPERATIONS and step.name not in self.access:
            raise Forbidden(f"{step.name} is switched off in this server")
        same = fingerprint(path, body)
        self.sent[same] += 1
        if step.method == "POST" and (made := self.made_earlier.get(same)):
            reply = Response(200, made.pop())
            if await self._still_there(resource, reply):
                return reply
            self.made_earlier.clear()  # gone again, and with it all that hung on it
        request = Request(
            step.method,
            path,
            {},
            body,
            resource.plane,
            once,
            empty,
            operation=step.name,
            occurrence=self.sent[same] - 1,
        )
        return await self.sender.send(request)

    async def associate(self, plural: str, body: Json) -> Response:
        creator = next(o for o in BY_KIND[plural].operations if o.method == "POST")
        return await self.send(creator, creator.path, body)

    async def set_membership(self, contact: str, list: str, status: str) -> Response:
        step = STEPS["subscribe_contact" if status == SUBSCRIBED else "unsubscribe_contact"]
        source = {"sourceid": 4} if status == SUBSCRIBED else {}
        return await self.send(step, step.path, {"list": list, "contact": contact, "status": status, **source})

    async def attempt(self, what: str, sending: Awaitable[Any]) -> None:
        """What may be gone or refused by now must not keep the rest from coming back."""
        if await self.try_silently(sending):
            self.restored.append(what)
        else:
            self.lost.append(what)

    async def try_silently(self, sending: Awaitable[Any]) -> bool:
        try:
            await sending
        except OutcomeUnknown:
            raise
        except RequestRefused:
            return False
        return True

    async def _still_there(self, resource: Resource, reply: Response) -> bool:
        """Whether what an earlier try made again is still there; of what hangs on it that is not asked."""
        if not resource.lost:
            return True
        try:
            await self.read(f"{resource.lister.path}/{as_object(reply.body.get(resource.singular)).get('id')}")
        except NotFound:
            return False
        return True

    async def is_name_taken(self, resource: Resource, name: str, own: str = "") -> bool:
        """Whether another one is called so by now, where the API would take a second one."""
        if resource.find is None or not any(one.options.get("unique") for one in resource.operations):
            return False
        rows = as_objects((await self.read(resource.lister.path, **resource.find(name))).get(resource.plural))
        called = [(str(row.get("id")), normalize_name(one)) for row in rows for one in resource.called(row)]
        return any(id != own and one == normalize_name(name) for id, one in called)


def values_by_field(rows: Iterable[Json]) -> dict[str, str]:
    """Custom field values by field id."""
    return {str(row.get("field")): str(row.get("value") or "") for row in rows}


def fingerprint(path: str, body: Json | None) -> str:
    return f"{path} {to_json(body or {})}"


def created_by(writes: Iterable[AuditEntry]) -> dict[str, list[Json]]:
    """What these have made, by what was sent."""
    found: dict[str, list[Json]] = {}
    for one in writes:
        if (one.method, one.state) == ("POST", "done"):
            found.setdefault(fingerprint(one.path, one.body), []).append(as_object(one.reply))
    return found
