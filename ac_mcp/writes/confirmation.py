"""Which writes wait for somebody's yes: what cannot be undone, and what reaches many."""

from dataclasses import dataclass

from ac_mcp.messages import Json, Request, record
from ac_mcp.operations import STEPS
from ac_mcp.writes.before_images import reached

MANY = 25
"""Records one call may write to without a question."""


@dataclass(frozen=True, slots=True)
class Consent:
    """`mode` is auto, deletes, always or never; with `given` somebody has said yes to this very call."""

    mode: str = "auto"
    given: bool = False

    def reasons(self, request: Request, before: Json) -> tuple[str, ...]:
        """Why this write has to wait; nothing where it need not."""
        if self.given or self.mode == "never":
            return ()
        asks = STEPS[request.step].options.get("asks")
        own = asks(record_of(request), before) if asks else ""
        found = [one for one in (own, request.warning) if one]
        found += self.many(reached(before), "It moves" if "moved" in before else "It takes something away from")
        if self.mode == "deletes" and request.method == "DELETE" and not (found or STEPS[request.step].resource.link):
            found = ["It deletes something."]
        if self.mode == "always" and not found:
            found = ["Every write waits for a yes here (AC_MCP_CONFIRM=always)."]
        return tuple(found)

    def many(self, count: int, does: str) -> list[str]:
        if self.given or self.mode == "never" or count <= MANY:
            return []
        return [f"{does} {count} records; above {MANY} the user is asked."]


def record_of(request: Request) -> Json:
    """The attributes a request sends, out of their envelope."""
    body = request.body or {}
    return record(body.get(STEPS[request.step].resource.singular)) or body
