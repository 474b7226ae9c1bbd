"""A job before it begins: what it would reach, its preview, and what a confirmation of it covers."""

from dataclasses import dataclass
from typing import Any, cast

from ac_mcp.messages import Json
from ac_mcp.spec.job_plan import JobPlan, StepPlan

BULK_PREFIX = "bulk"
"""The beginning of a job's fingerprint, which ends in the number of records."""


@dataclass(frozen=True, slots=True)
class SelectionPreview:
    """The records that a job would reach: how many, the first hundred of them, and whether the number is exact."""

    count: int
    rows: tuple[Json, ...]
    exact: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether `rows` are all records."""
        return self.exact and self.count <= len(self.rows) and all(row.get("id") for row in self.rows)


@dataclass(frozen=True, slots=True)
class JobPreview:
    """What a job would do, as the model reads it, and the fingerprint that a confirmation covers."""

    content: Json
    fingerprint: str


def inactive_automations(plan: JobPlan, automations: list[Json]) -> list[str]:
    """Return a sentence for each automation that contacts would enter and that does not run."""
    inactive = {str(row.get("id")): str(row.get("name")) for row in automations if str(row.get("status")) != "1"}
    entered = [step.get("id", "") for step in plan["steps"] if step["do"] == "enter" and not step.get("back")]
    return [
        f"The automation {inactive[id]!r} is not active: nobody moves on in it." for id in entered if id in inactive
    ]


def covers(confirmed: str, now: str) -> bool:
    """Return whether a confirmed fingerprint still covers what the call would do now.

    The number of records of a job may differ: a confirmed job never reaches more records than were shown.
    """
    if not now.startswith(f"{BULK_PREFIX}:"):
        return now == confirmed
    return now.rpartition(":")[0] == confirmed.rpartition(":")[0]


def confirmed_count(fingerprint: str) -> int | None:
    """Return how many records were shown when a job was confirmed; None for any other fingerprint."""
    prefix, _, rest = fingerprint.partition(":")
    count = rest.rpartition(":")[2] if prefix == BULK_PREFIX else ""
    return int(count) if count.isdecimal() else None


def without_personal_data(plan: JobPlan) -> JobPlan:
    """Return a plan as it may be stored with AC_MCP_JOURNAL=lean. Without personal data it is stored as it is."""
    personal = [condition for condition in plan.get("conditions", ()) if condition["key"] in PERSONAL_CONDITIONS]
    values = any(step["do"] == "fields" for step in plan["steps"])
    addresses = any("@" in record for record in plan.get("given", ()))
    if not (personal or values or addresses):
        return plan
    stored: dict[str, Any] = {key: value for key, value in plan.items() if key not in ("conditions", "given")}
    steps = [{key: value for key, value in step.items() if key not in ("values", "shown")} for step in plan["steps"]]
    return cast("JobPlan", stored | {"steps": cast("list[StepPlan]", steps), "masked": True})


PERSONAL_CONDITIONS = ("search", "email", "field")
"""Conditions whose value may be personal data."""
