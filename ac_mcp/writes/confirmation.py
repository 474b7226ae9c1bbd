"""Which writes wait for somebody's yes: what cannot be undone, and what reaches many."""

from dataclasses import dataclass

from ac_mcp.messages import Json, Request, as_object
from ac_mcp.operations import STEPS
from ac_mcp.writes.before_images import count_affected

CONFIRM_ABOVE = 25
"""Records one call may write to without a question."""


@dataclass(frozen=True, slots=True)
class ConfirmationPolicy:
    """`mode` is auto, deletes, always or never; with `given` somebody has said yes to this very call."""

    mode: str = "auto"
    confirmed: bool = False

    def reasons(self, request: Request, before: Json) -> tuple[str, ...]:
        """Why this write has to wait; nothing where it need not."""
        if self.confirmed or self.mode == "never":
            return ()
        asks = STEPS[request.operation].options.get("asks")
        own = asks(attributes_of(request), before) if asks else ""
        found = [one for one in (own, request.warning) if one]
        found += self.reasons_for_count(
            count_affected(before), "It moves" if "moved" in before else "It takes something away from"
        )
        if (
            self.mode == "deletes"
            and request.method == "DELETE"
            and not (found or STEPS[request.operation].resource.link)
        ):
            found = ["It deletes something."]
        if self.mode == "always" and not found:
            found = ["Every write waits for a yes here (AC_MCP_CONFIRM=always)."]
        return tuple(found)

    def reasons_for_count(self, count: int, does: str) -> list[str]:
        if self.confirmed or self.mode == "never" or count <= CONFIRM_ABOVE:
            return []
        return [f"{does} {count} records; above {CONFIRM_ABOVE} the user is asked."]


def attributes_of(request: Request) -> Json:
    """The attributes a request sends, out of their envelope."""
    body = request.body or {}
    return as_object(body.get(STEPS[request.operation].resource.singular)) or body
