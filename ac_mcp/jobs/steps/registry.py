"""Builds the steps that a plan describes, and those that take an earlier job back."""

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
    """Takes a step of an earlier job back. Its `prior` holds the undo data of that job by subject."""

    reverted: Step | None = None
    """The step that is taken back; always set."""

    async def recheck(self, subject: str) -> str:
        return ""  # `revert` looks itself

    def recovery_data(self, subject: str) -> Json | None:
        return self.prior.get(subject)  # the undo data stays stored as it is

    async def recover(self, subject: str, saved: Json | None) -> Done | None:
        if saved is not None:
            self.prior[subject] = saved
        return None

    async def apply(self, subject: str) -> Done:
        assert self.reverted
        try:
            if subject not in self.prior:
                return Done(NOT_KEPT)
            outcome = await self.reverted.revert(subject, self.prior[subject])
            return Done(outcome, None if outcome in (NOT_KEPT, CHANGED) else {})
        except NotFound:
            return Done("was gone already", {})


KINDS: Mapping[str, Callable[..., Step]] = {
    "tag": Tag, "untag": Untag, "subscribe": Subscribe, "unsubscribe": Unsubscribe, "fields": Fields, "enter": Enter,
    "leave": Leave, "deal": Deal,
}  # fmt: skip
"""The class of each step, by its name in a plan."""
REWRITTEN = ("fields", "deal")
"""The steps that replace values: they can be taken back only with the prior values."""
INVERSE = {
    "tag_contact": "untag_contact", "untag_contact": "tag_contact", "subscribe_contact": "unsubscribe_contact",
    "unsubscribe_contact": "subscribe_contact", "add_to_automation": "remove_from_automation",
}  # fmt: skip
"""The operation that reverts another one, by that one's name."""


KIND_OF_STEP = {
    "tag": "tags", "untag": "tags", "subscribe": "lists", "unsubscribe": "lists", "enter": "automations",
    "leave": "automations", "stage": "dealStages", "pipeline": "dealGroups", "owner": "users",
}  # fmt: skip
"""The kind of thing that a bulk step, or an attribute of a deal, names."""
NameOf = Callable[[str, str], str]
"""Returns the name of a thing by kind and id; "" if it is not known."""


def step_of(sender: Sender, plan: StepPlan, record_count: int, clock: Callable[[], float]) -> Step:
    """Return the step that a plan describes, for a job on about so many records."""
    parameters: dict[str, object] = {key: value for key, value in plan.items() if key not in ("do", "back", "shown")}
    if plan["do"] == "fields":
        parameters["clock"] = clock
    step = KINDS[plan["do"]](sender, record_count=record_count, **parameters)
    if plan.get("back"):
        return RevertStep(sender, step.id, step.name, tool=INVERSE.get(step.tool, step.tool), reverted=step)
    return step


def count_requests(steps: Sequence[Step], record_count: int) -> int:
    """Return about how many requests the steps take for so many records."""
    looks = -(-record_count // PAGE) * len(steps)
    return round(sum(step.cost for step in steps) * record_count) + looks


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


def names_in_step(step: StepPlan) -> list[tuple[str, str]]:
    """Return the things that a bulk step names, as kind and id."""
    if step["do"] == "fields":
        return [("fields", id) for id in step.get("values", {})]
    if step["do"] == "deal":
        return [(KIND_OF_STEP[key], value) for key, value in step.get("changes", {}).items() if key in KIND_OF_STEP]
    return [(KIND_OF_STEP[step["do"]], step.get("id", ""))]


def step_with_names(step: StepPlan, name_of: NameOf) -> StepPlan:
    """Return a bulk step with the names of the things that it is about."""
    if step["do"] == "fields":
        texts = [f"{name_of('fields', id) or id}={value}" for id, value in step.get("values", {}).items()]
        return {**step, "shown": texts}
    if step["do"] == "deal":
        changes = step.get("changes", {}).items()
        names = [
            (key, name_of(KIND_OF_STEP[key], value) if key in KIND_OF_STEP else "", value) for key, value in changes
        ]
        return {**step, "shown": [f"{key}={name or value}" for key, name, value in names]}
    return {**step, "name": name_of(KIND_OF_STEP[step["do"]], step.get("id", ""))}
