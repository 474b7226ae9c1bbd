"""The plan of a job: what it does, and with which records. It is stored as JSON under these keys."""

from typing import Literal, Required, TypeAlias, TypedDict, cast

from ac_mcp.messages import Json

JobKind: TypeAlias = Literal["bulk", "undo", "import", "export"]


class StepPlan(TypedDict, total=False):
    """One step: `do` names it, `id` and `name` are the tag, list or automation that it is about."""

    do: Required[str]
    id: str
    name: str
    values: dict[str, str]
    """For `fields`: the new values by field id."""
    changes: dict[str, str]
    """For `deal`: the new attributes by our names."""
    shown: list[str]
    """The new values in words, such as "Plan=Pro"."""
    back: bool
    """Whether it takes the step of an earlier job back."""


class JobPlan(TypedDict, total=False):
    """What a job does. The records are named by `given`, found by `conditions`, or those of an earlier job, `of`."""

    kind: Required[str]
    """The records: contacts or deals; `import` for an import."""
    steps: Required[list[StepPlan]]
    given: list[str]
    """Ids, or e-mail addresses of contacts."""
    conditions: list[Json]
    """See Condition.to_json."""
    of: int
    """The id of the job that is taken back."""
    format: str
    """For an export: "csv" or "jsonl"."""
    name: str
    """For an export: a part of its file's name."""
    file: str
    """For an export: the path that the user named."""
    fields: list[Json]
    """For an export: the custom fields as `{"id": ..., "title": ...}`."""
    options: Json
    """For an import: what is sent beside the contacts."""
    titles: dict[str, str]
    """For an import: the titles of custom fields by id."""
    masked: bool
    """Whether personal data was left out of the stored plan: no other process can take the job over then."""
    call: str
    """The hash of the call's arguments: two calls with the same one are the same."""


def kind_of_job(plan: JobPlan) -> JobKind:
    """Return what kind of job a plan is for."""
    if plan["kind"] == "import":
        return "import"
    if "format" in plan:
        return "export"
    return "undo" if "of" in plan or any(step.get("back") for step in plan["steps"]) else "bulk"


def as_plan(stored: Json) -> JobPlan:
    """Return a plan that was stored as JSON."""
    return cast("JobPlan", stored)
