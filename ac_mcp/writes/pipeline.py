"""What stands before the gateway for writes: the record of them, the wait for a yes, and the rehearsal."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from anyio import CancelScope

from ac_mcp.errors import NeedsYes, OutcomeUnknown, Trouble
from ac_mcp.gateway.call_client import Bound
from ac_mcp.messages import Json, Reply, Request, Sender, record, records
from ac_mcp.operations import STEPS
from ac_mcp.operations.automations import list_automations
from ac_mcp.operations.webhooks import list_webhooks
from ac_mcp.spec.operation import Operation
from ac_mcp.writes.audit_log import Change, Changes, State, Write
from ac_mcp.writes.before_images import Images
from ac_mcp.writes.confirmation import Consent


@dataclass(slots=True)
class Recording:
    """Each write is noted with what stood there before it is sent, and what came of it afterwards.

    Before the first one, `consent` says whether somebody has to say yes: all reading is done by then.
    """

    inner: Sender
    bound: Bound
    changes: Changes
    change: Change
    consent: Consent
    images: Images = field(default_factory=Images)
    begun: bool = False

    async def send(self, request: Request) -> Reply:
        """As the gateway does.

        Raises:
            NeedsYes: before anything was sent.
        """
        if request.method == "GET":
            reply = await self.inner.send(request)
            self.images.note(request, reply)
            return reply
        before = await self.images.before(self, request)
        taken_back = self.change.undoes and STEPS[request.step].options.get(
            "irreversible"
        )  # it was made by this server
        asked = not taken_back or self.consent.mode == "always"
        if not self.begun and asked and (reasons := self.consent.reasons(request, before)):
            raise NeedsYes(reasons)
        self.begun = True
        self.images.forget()
        return await self._noted(request, self.changes.noted(request, before))

    def undoes(self, change: int) -> None:
        """What is written from now on takes that change back."""
        self.change = replace(self.change, undoes=change)

    async def _noted(self, request: Request, write: Write) -> Reply:
        """Kept before it is sent and after it has ended, whatever happens to the call."""
        await self.changes.keep(self.change, write)
        sent = len(self.bound.caller.sent)
        ended = replace(write, state="unknown")
        try:
            reply = await self.inner.send(request)
            status = 0 if reply.repeated else reply.status
            ended = replace(write, state="done", status=status, request_id=reply.id, reply=reply.body)
            return reply
        except Trouble as trouble:
            state: State = "unknown" if isinstance(trouble, OutcomeUnknown) else "failed"
            told = {"status": getattr(trouble, "status", 0), "request_id": getattr(trouble, "request_id", "")}
            ended = replace(write, state=state, **told)
            raise
        except BaseException:  # cancelled: what had not left was not done, what had may have landed
            ended = replace(write, state="unknown" if len(self.bound.caller.sent) > sent else "failed")
            raise
        finally:
            with CancelScope(shield=True):
                self.bound.trail.change = await self.changes.keep(self.change, ended)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A write as it would be sent, and what stands where it would go."""

    request: Request
    before: Json


@dataclass(slots=True)
class Rehearsal:
    """Reads as the gateway does; writes are only noted, and answered as they probably would be."""

    inner: Bound
    images: Images = field(default_factory=lambda: Images(thorough=True))
    noted: list[Rehearsed] = field(default_factory=list[Rehearsed])

    async def send(self, request: Request) -> Reply:
        if request.method == "GET" and NEW in request.path.split("/"):
            return Reply(200, {})  # nothing hangs on what was not made
        if request.method == "GET":
            reply = await self.inner.send(request)
            self.images.note(request, reply)
            return reply
        before = await self.images.before(self, request)
        self.noted.append(Rehearsed(request, before))
        return pretended(request, before)

    async def surroundings(self, operation: Operation[..., Any]) -> Json:
        """What else of the account a write may set in motion: active automations, webhooks that report it."""
        found: Json = {}
        for key, lister, wanted in (
            ("automations", list_automations, bool(operation.options.get("starts"))),
            ("webhooks", list_webhooks, bool(operation.options.get("reports"))),
        ):
            with suppress(Trouble):
                found |= {key: records((await lister.run(self.inner, {})).get(key))} if wanted else {}
        return found


NEW = "new"
"""The id of what a rehearsal has made."""


def pretended(request: Request, before: Json) -> Reply:
    """What a write would be answered, as far as it is known before."""
    step = STEPS[request.step]
    resource, body = step.resource, request.body or {}
    if request.method == "DELETE":
        return Reply(200, {})
    if resource.plural in body:
        return Reply(201, {resource.plural: body[resource.plural]})
    stood = record(before.get(resource.singular))
    sent = record(body.get(resource.singular)) if resource.wrapped else body
    row: Mapping[str, Any] = {**stood, **sent, resource.id_key: stood.get(resource.id_key, NEW)}
    return Reply(200 if stood else 201, {resource.singular: dict(row)})
