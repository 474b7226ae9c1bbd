"""The steps of a job as its plan describes them, also those that take an earlier job back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ac_mcp.errors import NotFound
from ac_mcp.filters.contact_query import PAGE
from ac_mcp.jobs.association_steps import Enter, Leave, Subscribe, Tag, Unsubscribe, Untag
from ac_mcp.jobs.step import CHANGED, NOT_KEPT, Done, Step
from ac_mcp.jobs.value_steps import Deal, Fields
from ac_mcp.messages import Json, Sender


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


def step_of(sender: Sender, said: Json, many: int, clock: Callable[[], float]) -> Step:
    """The step a plan describes."""
    own = {key: value for key, value in said.items() if key not in ("do", "back", "shown")}
    own |= {"clock": clock} if said["do"] == "fields" else {}
    step = KINDS[said["do"]](sender, many=many, **own)
    return (
        RevertStep(sender, step.id, step.name, tool=INVERSE.get(step.tool, step.tool), of=step)
        if said.get("back")
        else step
    )


def count_requests(steps: Sequence[Step], many: int) -> int:
    """About how many it takes."""
    looks = -(-many // PAGE) * len(steps)
    return round(sum(step.cost for step in steps) * many) + looks


def describe_step(said: Json) -> str:
    """A step in words."""
    if said.get("back"):
        return f"take back: {describe_step({**said, 'back': False})}"
    name = said.get("name") or said.get("id") or ""
    match said["do"]:
        case "fields":
            return f"set {', '.join(said.get('shown', ()))}"
        case "deal":
            return f"set {', '.join(said.get('shown', ()))}"
        case "enter":
            return f"add to automation {name}"
        case "leave":
            return f"take out of automation {name}"
        case word:
            return f"{word} {name}"
