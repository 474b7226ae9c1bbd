"""What stands before the gateway for writes: the record of them, the wait for a yes, and the rehearsal."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from anyio import CancelScope

from ac_mcp.errors import ConfirmationRequired, OutcomeUnknown, ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import Json, Request, Response, Sender, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.operations.automations import list_automations
from ac_mcp.operations.webhooks import list_webhooks
from ac_mcp.spec.operation import Operation
from ac_mcp.writes.audit_log import AuditEntry, AuditLog, Change, State
from ac_mcp.writes.before_images import BeforeImages
from ac_mcp.writes.confirmation import ConfirmationPolicy


@dataclass(slots=True)
class RecordedWrites:
    """Each write is noted with what stood there before it is sent, and what came of it afterwards.

    Before the first one, `consent` says whether somebody has to say yes: all reading is done by then.
    """

    inner: Sender
    bound: CallClient
    audit_log: AuditLog
    change: Change
    policy: ConfirmationPolicy
    images: BeforeImages = field(default_factory=BeforeImages)
    confirmed: bool = False

    async def send(self, request: Request) -> Response:
        """As the gateway does.

        Raises:
            NeedsYes: before anything was sent.
        """
        if request.method == "GET":
            reply = await self.inner.send(request)
            self.images.remember(request, reply)
            return reply
        before = await self.images.fetch(self, request)
        taken_back = self.change.undoes and STEPS[request.operation].options.get(
            "irreversible"
        )  # it was made by this server
        asked = not taken_back or self.policy.mode == "always"
        if not self.confirmed and asked and (reasons := self.policy.reasons(request, before)):
            raise ConfirmationRequired(reasons)
        self.confirmed = True
        self.images.forget()
        return await self._noted(request, self.audit_log.new_entry(request, before))

    def set_undone_change(self, change: int) -> None:
        """What is written from now on takes that change back."""
        self.change = replace(self.change, undoes=change)

    async def _noted(self, request: Request, write: AuditEntry) -> Response:
        """Kept before it is sent and after it has ended, whatever happens to the call."""
        await self.audit_log.save(self.change, write)
        sent = len(self.bound.caller.sent)
        ended = replace(write, state="unknown")
        try:
            reply = await self.inner.send(request)
            status = 0 if reply.repeated else reply.status
            ended = replace(write, state="done", status=status, request_id=reply.id, reply=reply.body)
            return reply
        except ToolError as trouble:
            state: State = "unknown" if isinstance(trouble, OutcomeUnknown) else "failed"
            told = {"status": getattr(trouble, "status", 0), "request_id": getattr(trouble, "request_id", "")}
            ended = replace(write, state=state, **told)
            raise
        except BaseException:  # cancelled: what had not left was not done, what had may have landed
            ended = replace(write, state="unknown" if len(self.bound.caller.sent) > sent else "failed")
            raise
        finally:
            with CancelScope(shield=True):
                self.bound.trail.change_id = await self.audit_log.save(self.change, ended)


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """A write as it would be sent, and what stands where it would go."""

    request: Request
    before: Json


@dataclass(slots=True)
class DryRun:
    """Reads as the gateway does; writes are only noted, and answered as they probably would be."""

    inner: CallClient
    images: BeforeImages = field(default_factory=lambda: BeforeImages(thorough=True))
    planned: list[PlannedWrite] = field(default_factory=list[PlannedWrite])

    async def send(self, request: Request) -> Response:
        if request.method == "GET" and NEW_ID in request.path.split("/"):
            return Response(200, {})  # nothing hangs on what was not made
        if request.method == "GET":
            reply = await self.inner.send(request)
            self.images.remember(request, reply)
            return reply
        before = await self.images.fetch(self, request)
        self.planned.append(PlannedWrite(request, before))
        return simulated_response(request, before)

    async def fetch_side_effects(self, operation: Operation[..., Any]) -> Json:
        """What else of the account a write may set in motion: active automations, webhooks that report it."""
        found: Json = {}
        for key, lister, wanted in (
            ("automations", list_automations, bool(operation.options.get("starts"))),
            ("webhooks", list_webhooks, bool(operation.options.get("reports"))),
        ):
            with suppress(ToolError):
                found |= {key: as_objects((await lister.run(self.inner, {})).get(key))} if wanted else {}
        return found


NEW_ID = "new"
"""The id of what a rehearsal has made."""


def simulated_response(request: Request, before: Json) -> Response:
    """What a write would be answered, as far as it is known before."""
    step = STEPS[request.operation]
    resource, body = step.resource, request.body or {}
    if request.method == "DELETE":
        return Response(200, {})
    if resource.plural in body:
        return Response(201, {resource.plural: body[resource.plural]})
    stood = as_object(before.get(resource.singular))
    sent = as_object(body.get(resource.singular)) if resource.wrapped else body
    row: Mapping[str, Any] = {**stood, **sent, resource.id_key: stood.get(resource.id_key, NEW_ID)}
    return Response(200 if stood else 201, {resource.singular: dict(row)})
