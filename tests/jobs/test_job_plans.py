"""What kind of job a plan is for, and how old the state may be that a step believes of a record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from ac_mcp.jobs.model import Item
from ac_mcp.jobs.runner import STALE, JobRun, RunContext
from ac_mcp.jobs.steps.base import Done, Step
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Request, Response
from ac_mcp.spec.job_plan import JobPlan, kind_of_job
from ac_mcp.storage.journal import Journal
from ac_mcp.writes.audit_log import Change
from tests.support import clock, in_virtual_time, trial

TAG: JobPlan = {"kind": "contacts", "steps": [{"do": "tag", "id": "1"}]}


@pytest.mark.parametrize(
    ("plan", "kind"),
    [
        (TAG, "bulk"),
        ({**TAG, "kind": "deals"}, "bulk"),
        ({**TAG, "of": 7}, "undo"),
        ({**TAG, "steps": [{"do": "tag", "id": "1", "back": True}]}, "undo"),
        ({**TAG, "steps": [{"do": "tag", "id": "1", "back": False}]}, "bulk"),
        ({"kind": "contacts", "steps": [], "format": "csv"}, "export"),
        ({"kind": "import", "steps": []}, "import"),
    ],
)
def test_a_plan_says_what_kind_of_job_it_is_for(plan: JobPlan, kind: str) -> None:
    assert kind_of_job(plan) == kind


@in_virtual_time
async def test_the_undo_of_a_job_is_not_undone_itself() -> None:
    async with trial() as one:
        job = await one.answer("bulk_update_contacts", contacts=["2", "3"], add_tag="VIP")
        undo = await one.answer("undo_change", change=job["job"])
        text = await one.refusal("undo_change", change=undo["job"])
        assert text.startswith("An undo of many is not undone itself")


class Nowhere:
    async def send(self, request: Request, /) -> Response:
        raise AssertionError(request)


@dataclass(slots=True)
class Watched(Step):
    """A step that notes what it is asked."""

    calls: list[str] = field(default_factory=list[str])

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, str]:
        self.calls.append(f"look at {', '.join(subjects)}")
        return {}

    async def recheck(self, subject: str) -> str:
        self.calls.append(f"recheck {subject}")
        return ""

    async def apply(self, subject: str) -> Done:
        self.calls.append(f"apply {subject}")
        return Done("done", {})


async def calls_of(*, resumed: bool, waits: float = 0.0) -> list[str]:
    """What a step is asked in a run of a job whose record was read before it began."""
    jobs = JobStore(Journal.in_memory(clock))
    job, _ = await jobs.begin(Change("mine", "t", {}, "", ""), TAG, 0, [Item(0, 0, "9", prior={"a": 1})], all=True)
    if resumed:
        await jobs.end(job, "interrupted")
        taken = await jobs.take_over(job.id)
        assert taken
        job = taken
    context: Any = RunContext(jobs, Nowhere(), clock, anyio.sleep)
    step = Watched(Nowhere())
    run = JobRun(context, job, steps=[step])
    await anyio.sleep(waits)
    await run.run()
    jobs.journal.close()
    assert run.state == "done"
    return step.calls


@in_virtual_time
async def test_a_record_that_was_read_just_now_is_not_read_again() -> None:
    assert await calls_of(resumed=False) == ["look at 9", "apply 9"]
    assert await calls_of(resumed=False, waits=STALE * 2) == ["look at 9", "apply 9"]


@in_virtual_time
async def test_a_record_that_an_earlier_process_has_read_is_read_again() -> None:
    assert await calls_of(resumed=True) == ["look at 9", "recheck 9", "apply 9"]
