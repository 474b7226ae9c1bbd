"""The sender of a dry run: it reads the account, and plans writes instead of sending them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.errors import ToolError
from ac_mcp.messages import Json, Request, Response, Sender, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.operations.automations import list_automations
from ac_mcp.operations.webhooks import list_webhooks
from ac_mcp.spec.operation import Operation
from ac_mcp.writes.before_images import BeforeImages

NEW_ID = "new"
"""The id of what a dry run has created."""


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """A write as it would be sent, and its before image."""

    request: Request
    before: Json


@dataclass(slots=True)
class DryRun:
    """Sends reads; keeps writes in `planned` and answers them as the API probably would."""

    inner: Sender
    images: BeforeImages = field(default_factory=lambda: BeforeImages(thorough=True))
    planned: list[PlannedWrite] = field(default_factory=list[PlannedWrite])
    job_fingerprint: str = ""
    """The fingerprint of the job that the call would start; "" if it would start none."""

    async def send(self, request: Request) -> Response:
        """Answer a request without writing anything.

        Raises:
            ToolError: if the account cannot be read.
        """
        if request.method == "GET" and NEW_ID in request.path.split("/"):
            return Response(200, {})  # a record that was not created has no dependents
        if request.method == "GET":
            response = await self.inner.send(request)
            self.images.remember(request, response)
            return response
        before = await self.images.fetch(self, request)
        self.planned.append(PlannedWrite(request, before))
        return simulated_response(request, before)

    async def fetch_side_effects(self, operation: Operation[..., Any]) -> Json:
        """Return what else of the account a write may set off: `{"automations": [...], "webhooks": [...]}`.

        A key is missing if nothing of that kind starts on the operation, or if it cannot be read.
        """
        surroundings: Json = {}
        for key, lister, option in (
            ("automations", list_automations, operation.options.effects.starts),
            ("webhooks", list_webhooks, operation.options.effects.reports),
        ):
            if option:
                with suppress(ToolError):
                    surroundings[key] = as_objects((await lister.run(self.inner, {})).get(key))
        return surroundings


def simulated_response(request: Request, before: Json) -> Response:
    """Return the answer that the API would probably give to a write, by its before image."""
    resource, body = STEPS[request.operation].resource, request.body or {}
    if request.method == "DELETE":
        return Response(200, {})
    if resource.plural in body:
        return Response(201, {resource.plural: body[resource.plural]})
    current = as_object(before.get(resource.singular))
    attributes = as_object(body.get(resource.singular)) if resource.api.wrapped else body
    row: Mapping[str, Any] = {**current, **attributes, resource.api.id_key: current.get(resource.api.id_key, NEW_ID)}
    return Response(200 if current else 201, {resource.singular: dict(row)})
