"""The sender that records writes in the audit log and stops those that wait for a confirmation."""

from dataclasses import dataclass, field, replace

from anyio import CancelScope

from ac_mcp.errors import GatewayError, OutcomeUnknown, ToolError, Unconfirmed
from ac_mcp.gateway.call_client import Trail
from ac_mcp.messages import Json, Request, Response, Sender
from ac_mcp.operations import STEPS
from ac_mcp.writes.audit_log import AuditEntry, AuditLog, Change
from ac_mcp.writes.before_images import BeforeImages
from ac_mcp.writes.confirmation import ConfirmationPolicy


@dataclass(slots=True)
class RecordedWrites:
    """Sends reads as they are; saves each write with its before image, before it is sent and with its outcome.

    The policy is asked once, at the first write of the call: all reading is done by then.
    """

    inner: Sender
    trail: Trail
    audit_log: AuditLog
    change: Change
    policy: ConfirmationPolicy
    images: BeforeImages = field(default_factory=BeforeImages)
    change_id: int = 0
    """The id of the change in the audit log; 0 before its first write, and while the journal is away."""
    _may_write: bool = False

    async def send(self, request: Request) -> Response:
        """Send a request, recorded if it writes.

        Raises:
            Unconfirmed: before the first write, if the policy wants a confirmation. Nothing was sent.
            OutcomeUnknown: if the write may or may not have landed.
            ToolError: if the request failed; its outcome is in the audit log.
        """
        if request.method == "GET":
            response = await self.inner.send(request)
            self.images.remember(request, response)
            return response
        before = await self.images.fetch(self, request)
        self._require_confirmation(request, before)
        self.images.forget()
        return await self._send_recorded(request, self.audit_log.new_entry(request, before))

    def take_back(self, change: Change) -> None:
        """Record what is written from now on as the undo of this change."""
        self.change = replace(self.change, undoes=change.id)

    def _require_confirmation(self, request: Request, before: Json) -> None:
        """Raise Unconfirmed if the policy stops the first write of this call."""
        if self._may_write:
            return
        undoes_own_write = self.change.undoes and STEPS[request.operation].options.effects.irreversible
        may_stop = not undoes_own_write or self.policy.mode == "always"
        if may_stop and (reasons := self.policy.reasons(request, before)):
            raise Unconfirmed(reasons)
        self._may_write = True

    async def _send_recorded(self, request: Request, entry: AuditEntry) -> Response:
        """Save the entry, send the request, and save the outcome, whatever happens to the call."""
        await self.audit_log.save(self.change, entry)
        sent_before = len(self.trail.sent_at)
        outcome = replace(entry, state="unknown")
        try:
            response = await self.inner.send(request)
            outcome = entry_of_success(entry, response)
            return response
        except ToolError as error:
            outcome = entry_of_failure(entry, error)
            raise
        except BaseException:  # cancelled: what has not left is not done, what has may land
            has_left = len(self.trail.sent_at) > sent_before
            outcome = replace(entry, state="unknown" if has_left else "failed")
            raise
        finally:
            with CancelScope(shield=True):
                self.change_id = await self.audit_log.save(self.change, outcome)


def entry_of_success(entry: AuditEntry, response: Response) -> AuditEntry:
    """Return the entry of a write that was answered. A repeated write's status tells nothing, so it is left out."""
    status = 0 if response.repeated else response.status
    return replace(entry, state="done", status=status, request_id=response.id, reply=response.body)


def entry_of_failure(entry: AuditEntry, error: ToolError) -> AuditEntry:
    """Return the entry of a write that failed, or whose outcome is unknown."""
    state = "unknown" if isinstance(error, OutcomeUnknown) else "failed"
    if isinstance(error, GatewayError):
        return replace(entry, state=state, status=error.status, request_id=error.request_id)
    return replace(entry, state=state)
