"""The confirmation policy: which writes wait for a person, and why."""

from dataclasses import dataclass

from ac_mcp.messages import Json, Request, as_object
from ac_mcp.operations import STEPS
from ac_mcp.writes.before_images import count_affected

CONFIRM_ABOVE = 25
"""Records that one call may write to without a question."""
ALWAYS = "Every write waits for a yes here (AC_MCP_CONFIRM=always)."


@dataclass(frozen=True, slots=True)
class ConfirmationPolicy:
    """`mode` is AC_MCP_CONFIRM: auto, deletes, always or never. `confirmed` if this very call has been confirmed."""

    mode: str = "auto"
    confirmed: bool = False

    @property
    def asks_nothing(self) -> bool:
        """Whether nothing waits: the call was confirmed, or nothing ever is."""
        return self.confirmed or self.mode == "never"

    def reasons(self, request: Request, before: Json) -> tuple[str, ...]:
        """Return why a write has to wait, a sentence each; empty if it need not. `before` is its before image."""
        if self.asks_nothing:
            return ()
        operation = STEPS[request.operation]
        ask = operation.options.effects.asks
        own = ask(attributes_of(request), before) if ask else ""
        reasons = [reason for reason in (own, request.warning) if reason]
        verb = "It moves" if "moved" in before else "It takes something away from"
        reasons += self.reasons_for_count(count_affected(before), verb)
        if self.mode == "deletes" and request.method == "DELETE" and not (reasons or operation.resource.link):
            reasons = ["It deletes something."]
        return tuple(reasons or self.reasons_for_any())

    def reasons_for_count(self, count: int, verb: str, noun: str = "records", *, exact: bool = True) -> list[str]:
        """Return why a write to so many records has to wait. Without `exact` there may be more of them."""
        if self.asks_nothing or (count <= CONFIRM_ABOVE and exact):
            return []
        return [f"{verb} {'' if exact else 'at least '}{count} {noun}; above {CONFIRM_ABOVE} the user is asked."]

    def reasons_for_bulk(self, count: int, noun: str, *, exact: bool = True) -> list[str]:
        """Return why a job on so many records has to wait."""
        return self.reasons_for_count(count, "It writes to", noun, exact=exact) or self.reasons_for_any()

    def reasons_for_any(self) -> list[str]:
        """Return why a write that nothing else stops has to wait: in the mode `always`."""
        return [ALWAYS] if self.mode == "always" and not self.confirmed else []


def attributes_of(request: Request) -> Json:
    """Return the attributes that a request sends, without their envelope."""
    body = request.body or {}
    return as_object(body.get(STEPS[request.operation].resource.singular)) or body
