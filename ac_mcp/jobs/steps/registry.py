"""The steps of a job as its plan describes them, also those that take an earlier job back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ac_mcp.errors import NotFound
from ac_mcp.filters.contact_query import PAGE
from ac_mcp.jobs.steps.associations import Enter, Leave, Subscribe, Tag, Unsubscribe, Untag
from ac_mcp.jobs.steps.base import CHANGED, NOT_KEPT, Done, Step
from ac_mcp.jobs.steps.values import Deal, Fields
from ac_mcp.messages import Json, Sender
from ac_mcp.spec.job_plan import StepPlan


@dataclass(slots=True)
class RevertStep(Step):
    """Takes a step of an earlier job back."""

    of: Step | None = None

    async def recheck(self, subject: str) -> str:
        return ""  # taking back looks first

    def recovery_data(self, subject: str) -> Json | None:
        return self.prior.get(subject)  # as it is kept already

    async def recover(self, subject: str, kept: Json | None) -> Done | None:
        if kept is not None:
            self.prior[subject] = kept
        return None

    async def apply(self, subject: str) -> Done:
        assert self.of
        try:
            if subject not in self.prior:
                return Done(NOT_KEPT)
            word = await self.of.revert(subject, self.prior[subject])
            return Done(word, None if word in (NOT_KEPT, CHANGED) else {})
        except NotFound:
            return Done("was gone already", {})


KINDS: Mapping[str, Callable[..., Step]] = {
    "tag": Tag, "untag": Untag, "subscribe": Subscribe, "unsubscribe": Unsubscribe, "fields": Fields, "enter": Enter,
    "leave": Leave, "deal": Deal,
}  # fmt: skip


REWRITTEN = ("fields", "deal")
"""Steps that replace what stood there: without that there is no way back."""
INVERSE = {
    "tag_contact": "untag_contact", "untag_contact": "tag_contact", "subscribe_contact": "unsubscribe_contact",
    "unsubscribe_contact": "subscribe_contact", "add_to_automation": "remove_from_automation",
}  # fmt: skip
"""The tool that does what taking back amounts to."""


def step_of(sender: Sender, plan: StepPlan, many: int, clock: Callable[[], float]) -> Step:
    """Return the step that a plan describes, for about so many records."""
    parameters: dict[str, object] = {key: value for key, value in plan.items() if key not in ("do", "back", "shown")}
    if plan["do"] == "fields":
        parameters["clock"] = clock
    step = KINDS[plan["do"]](sender, many=many, **parameters)
    if plan.get("back"):
        return RevertStep(sender, step.id, step.name, tool=INVERSE.get(step.tool, step.tool), of=step)
    return step


def count_requests(steps: Sequence[Step], many: int) -> int:
    """Return about how many requests the steps take for so many records."""
    looks = -(-many // PAGE) * len(steps)
    return round(sum(step.cost for step in steps) * many) + looks


def describe_step(plan: StepPlan) -> str:
    """Return a step in words, such as "tag VIP"."""
    if plan.get("back"):
        return f"take back: {describe_step({**plan, 'back': False})}"
    name = plan.get("name") or plan.get("id") or ""
    match plan["do"]:
        case "fields" | "deal":
            return f"set {', '.join(plan.get('shown', ()))}"
        case "enter":
            return f"add to automation {name}"
        case "leave":
            return f"take out of automation {name}"
        case verb:
            return f"{verb} {name}"
