"""What somebody agrees to where work on many is to be done: how many it reaches, and for what a yes counts."""

from dataclasses import dataclass

from ac_mcp.messages import Json
from ac_mcp.writes.confirmation import CONFIRM_ABOVE, ConfirmationPolicy

BULK_PREFIX = "bulk"
FINGERPRINT = "seen"
"""Where a preview holds its fingerprint."""


@dataclass(frozen=True, slots=True)
class SelectionPreview:
    """What a job would reach: how many records, the first hundred of them, and whether the number is sure."""

    count: int
    rows: tuple[Json, ...]
    exact: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether these rows are all there are."""
        return self.exact and self.count <= len(self.rows) and all(row.get("id") for row in self.rows)


def reasons_for_bulk(consent: ConfirmationPolicy, count: int, what: str, *, exact: bool = True) -> list[str]:
    """Why work on so many has to wait."""
    if consent.confirmed or consent.mode == "never":
        return []
    if count > CONFIRM_ABOVE or not exact:
        most = "" if exact else "at least "
        return [f"It writes to {most}{count} {what}; above {CONFIRM_ABOVE} the user is asked."]
    always = consent.mode == "always"
    return ["Every write waits for a yes here (AC_MCP_CONFIRM=always)."] if always else []


def inactive_automations(plan: Json, automations: list[Json]) -> list[str]:
    """Automations that somebody is put into and that do not run."""
    off = {str(row.get("id")): str(row.get("name")) for row in automations if str(row.get("status")) != "1"}
    entered = [one["id"] for one in plan["steps"] if one["do"] == "enter" and not one.get("back")]
    return [f"The automation {off[id]!r} is not active: nobody moves on in it." for id in entered if id in off]


def covers(now: str, agreed: str) -> bool:
    """Whether a yes counts for this: of work on many also if they have become more, since no more are reached."""
    if not now.startswith(f"{BULK_PREFIX}:"):
        return now == agreed
    return now.rpartition(":")[0] == agreed.rpartition(":")[0]


def without_personal_data(plan: Json) -> Json:
    """The same without what could be about a person: it cannot be taken up by another process then."""
    personal = [one for one in plan.get("conditions", ()) if one["key"] in ("search", "email", "field")]
    values = any(one["do"] == "fields" for one in plan["steps"])
    addresses = any("@" in one for one in plan.get("given", ()))
    if not (personal or values or addresses):
        return plan
    steps = [{k: v for k, v in one.items() if k not in ("values", "shown")} for one in plan["steps"]]
    return {key: value for key, value in plan.items() if key not in ("conditions", "given")} | {
        "steps": steps,
        "masked": True,
    }
