"""The run of a bulk import by itself."""

import anyio
import pytest

from ac_mcp.errors import RequestRefused
from ac_mcp.jobs.imports import MINUTE, MOST_REFUSALS, ImportRun
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.runner import RunContext
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Request, Response
from ac_mcp.storage.journal import Journal
from ac_mcp.writes.audit_log import Change
from tests.support import clock, in_virtual_time


class TooFast:
    """A bulk import that refuses so many requests for being too many a minute."""

    def __init__(self, times: int) -> None:
        self.times, self.sent = times, list[float]()

    async def send(self, request: Request, /) -> Response:
        if request.method == "GET":
            return Response(200, {"status": "completed", "success": ["ann@x.example"], "failure": []})
        self.sent.append(clock())
        if len(self.sent) <= self.times:
            raise RequestRefused("Only 100 imports per minute are allowed", status=400)
        return Response(200, {"batchId": "b1"})


async def import_of(sender: TooFast) -> ImportRun:
    """An import of one contact, run to its end."""
    jobs = JobStore(Journal.in_memory(lambda: 0.0))
    row = Item(n=0, subject="ann@x.example", step=0, prior={"email": "ann@x.example"})
    job, _ = await jobs.begin(
        Change("mine", "import_contacts", {}, "", ""), {"kind": "import", "steps": []}, 0, [row], all=True
    )
    run = ImportRun(RunContext(jobs, sender, clock, anyio.sleep), job)
    await run.run()
    jobs.journal.close()
    return run


@pytest.mark.parametrize(
    ("refusals", "state", "requests"),
    [
        (0, "done", 1),
        (1, "done", 2),
        (2, "done", 3),
        (MOST_REFUSALS, "done", MOST_REFUSALS + 1),
        (MOST_REFUSALS + 1, "interrupted", MOST_REFUSALS + 1),
    ],
)
@in_virtual_time
async def test_an_import_refused_for_its_pace_waits_a_minute_thirty_times_at_most(
    refusals: int, state: str, requests: int
) -> None:
    sender = TooFast(refusals)
    run = await import_of(sender)
    assert (run.state, len(sender.sent)) == (state, requests)
    assert all(later - earlier >= MINUTE for earlier, later in zip(sender.sent, sender.sent[1:], strict=False))
