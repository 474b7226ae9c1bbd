"""Work on many records as somebody asks for it: what it would reach, the yes it needs, the job, and how it goes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from anyio import CancelScope, get_cancelled_exc_class, move_on_after

from ac_mcp.errors import BadArguments, ConfirmationRequired, ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.approval import (
    BULK_PREFIX,
    FINGERPRINT,
    SelectionPreview,
    inactive_automations,
    reasons_for_bulk,
    without_personal_data,
)
from ac_mcp.jobs.exports import ExportRun
from ac_mcp.jobs.imports import ImportRateLimit, ImportRun
from ac_mcp.jobs.model import Item, Job, is_running
from ac_mcp.jobs.pool import JobPool
from ac_mcp.jobs.report import IMPORT, JobReporter, export_path
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.sources import PAGE, Source, deal_before, source_of
from ac_mcp.jobs.step_registry import REWRITTEN, count_requests, describe_step, step_of
from ac_mcp.jobs.store import JobStore
from ac_mcp.jobs.throughput import BackgroundClient
from ac_mcp.messages import CallClock, Json, Progress, Sender, as_objects
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations.automations import list_automations
from ac_mcp.operations.webhooks import list_webhooks
from ac_mcp.results.preview import side_effects
from ac_mcp.writes.audit_log import AuditScope, Change
from ac_mcp.writes.confirmation import ConfirmationPolicy

RESERVE = 2.0
"""Seconds before its deadline at which a call that waits for a job answers how far it is."""
RATE = 5
"""Requests a second of an account (reference 2.6)."""
SAMPLES, MANY_MORE = 10, 1000


NO_FILES = AllowedFiles()


@dataclass(frozen=True, slots=True)
class JobService:
    """The desk for jobs of one call."""

    jobs: JobStore
    running: JobPool
    bound: CallClient
    reading: Sender
    """What the call itself reads through."""
    whose: AuditScope
    change: Change
    """As which a job is recorded."""
    progress: Progress
    names: NameDirectory
    explain: Callable[[ToolError], str]
    confirmed_fingerprint: str = ""
    """The fingerprint of what somebody has said yes to."""
    hidden: bool = False
    lean: bool = False
    files: AllowedFiles = NO_FILES
    """Where exports go, and what may be imported."""

    @property
    def watch(self) -> CallClock:
        return CallClock(self.bound.gateway.now, lambda: self.bound.seconds_left)

    async def start(self, plan: Json, consent: ConfirmationPolicy | None) -> Json:
        """Ask, if it is for many; then do it. Without `consent` only what it would do is told.

        Raises:
            NeedsYes: before anything is done.
        """
        reached = await self._preview_selection(plan)
        if not reached.exact and not reached.count:
            raise BadArguments("Which those are takes longer to find than a call may last: narrow the conditions.")
        if consent is None:
            return await self._preview(plan, reached)
        if not reached.count:
            none = "It had changed nothing." if "of" in plan else f"No {plan['kind']} meet these conditions."
            return {"result": "nothing to do", "matched": 0, "note": none}
        if reasons := self._reasons(plan, reached, consent):
            raise ConfirmationRequired(reasons)
        stored = without_personal_data(plan) if self.lean else plan
        job, new = await self.jobs.begin(
            self.change, stored, self._record_limit(reached), self._items(plan, reached), all=True
        )
        return await self.run_job(job, plan) if new else await self.follow(job.id)

    def _items(self, plan: Json, reached: SelectionPreview) -> list[Item] | None:
        """What was just read is not read again, where it is all."""
        if not reached.is_complete or "of" in plan or "given" in plan:
            return None
        deals, steps = plan["kind"] == "deals", range(len(plan["steps"]))
        rows = [
            (str(row["id"]), deal_before(row) if deals else None) for row in reached.rows[: self._record_limit(reached)]
        ]
        pairs = [(step, id, kept) for id, kept in rows for step in steps]
        return [Item(n, step, id, prior=kept) for n, (step, id, kept) in enumerate(pairs)]

    def _reasons(self, plan: Json, reached: SelectionPreview, consent: ConfirmationPolicy) -> list[str]:
        what = "deals" if plan["kind"] == "deals" else "contacts"
        return reasons_for_bulk(consent, reached.count, what, exact=reached.exact)

    def _record_limit(self, reached: SelectionPreview) -> int:
        """No more than were counted; of what waited for a yes, no more than were shown. 0 where nobody counted all."""
        kind, _, rest = self.confirmed_fingerprint.partition(":")
        shown = rest.rpartition(":")[2] if kind == BULK_PREFIX else ""
        if shown.isdecimal():
            return min(int(shown), reached.count) if reached.exact else int(shown)
        return reached.count if reached.exact else 0

    async def _preview_selection(self, plan: Json) -> SelectionPreview:
        count, rows, exact = await self._source(plan, self.reading).preview(self.watch, PAGE)
        return SelectionPreview(count, tuple(rows), exact)

    def _source(self, plan: Json, sender: Sender) -> Source:
        return source_of(plan, sender, self.jobs)

    async def _preview(self, plan: Json, reached: SelectionPreview) -> Json:
        steps = [step_of(self.reading, one, reached.count, self.bound.gateway.clock) for one in plan["steps"]]
        count = count_requests(steps, reached.count) + self._source(plan, self.reading).requests(reached.count)
        told: Json = {
            "matched": reached.count,
            "samples": [self._sample(row, plan["kind"]) for row in reached.rows[:SAMPLES]],
            "does": [describe_step(one) for one in plan["steps"]],
            "takes": f"{count} requests, about {max(1, round(count / RATE))} s",
            FINGERPRINT: self.fingerprint(plan, reached.count),
        }
        told |= (
            {}
            if reached.exact
            else {"note": f"At least {reached.count}: the time of a call did not allow to look at all."}
        )
        surroundings: Json = {
            "automations": await self._rows(list_automations, "automations"),
            "webhooks": await self._rows(list_webhooks, "webhooks"),
        }
        also = [line for step in steps for line in side_effects(step.operation, [], surroundings)]
        also += inactive_automations(plan, surroundings["automations"])
        if any(one["do"] == "subscribe" and not one.get("back") for one in plan["steps"]):
            also.append("Who has unsubscribed from that list, bounced or not confirmed is left out.")
        return told | ({"also": list(dict.fromkeys(also))} if also else {})

    async def _rows(self, lister: Any, key: str) -> list[Json]:
        try:
            return as_objects((await lister.run(self.reading, {})).get(key))
        except ToolError:
            return []

    def _sample(self, row: Json, kind: str) -> Json:
        if kind == "deals":
            return {"id": str(row.get("id")), "title": str(row.get("title") or "")[:100]}
        name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
        told = {"id": str(row.get("id") or ""), "email": str(row.get("email") or ""), "name": name[:100]}
        return {key: value for key, value in told.items() if value}

    def fingerprint(self, plan: Json, count: int) -> str:
        told = json.dumps((self.whose, self.change.tool, plan), sort_keys=True, default=str)
        return f"{BULK_PREFIX}:{sha256(told.encode()).hexdigest()}:{count}"

    async def follow(self, id: int, action: str = "watch") -> Json:
        """How a job goes, once it has ended or the time of the call is up; `resume` goes on with one that broke off."""
        job = await self._require_job(id)
        if run := self.running.runs.get(id):
            if action == "stop":
                run.stop()
            return await self._wait(run)
        if is_running(job, self.jobs.journal.now):
            if action == "stop":
                await self.jobs.request_stop(id)
            return await self.report(job, note="Another process runs it.")
        if action == "stop" and job.state == "running":
            await self.jobs.end(job, "stopped", "stopped on request")
            return await self.report(await self._require_job(id))
        if action != "resume" or job.state == "done":
            return await self.report(job)
        return await self._resumed(job)

    async def _resumed(self, job: Job) -> Json:
        require_complete_record(job)
        if undone := await self.jobs.undone_by(job.id):
            raise BadArguments(f"Change {undone} has taken back what it had done: make the call itself again.")
        if taken := await self.jobs.take_over(job.id):
            return await self.run_job(taken, taken.plan)
        if run := self.running.runs.get(job.id):
            return await self._wait(run)
        return await self.report(await self._require_job(job.id), note="Another process runs it.")

    async def undo(self, job: Job, consent: ConfirmationPolicy | None) -> Json:
        """Another job that takes back what this one has changed."""
        if job.plan["kind"] == IMPORT or "format" in job.plan:
            raise BadArguments(
                "An import or export is not taken back: contacts that it brought can be deleted one by one."
            )
        if any("back" in one for one in job.plan["steps"]):
            raise BadArguments("An undo of many is not undone itself: make the first call again.")
        if is_running(job, self.jobs.journal.now):
            raise BadArguments("It still runs: stop it first.")
        if (self.lean or job.plan.get("masked")) and any(one["do"] in REWRITTEN for one in job.plan["steps"]):
            raise BadArguments("What stood there was not kept (AC_MCP_JOURNAL=lean).")
        plan: Json = {
            "kind": job.subjects,
            "of": job.id,
            "steps": [{**one, "back": True} for one in job.plan["steps"]],
        }
        return await self.start(plan, consent)

    async def _require_job(self, id: int) -> Job:
        job = await self.jobs.find(self.whose, id)
        if job is None:
            raise BadArguments(f"job: no job of this account has the id {id}; list_changes shows them.")
        return job

    async def run_job(self, job: Job, plan: Json, rows: Mapping[int, Json] | None = None) -> Json:
        """In the background as far as there is one; `rows` of an import that the record does not hold."""
        caller = replace(self.bound.caller, call=f"job {job.id} {uuid4().hex}")
        sender = BackgroundClient(self.bound.gateway, caller)
        clock, sleep = self.bound.gateway.clock, self.bound.gateway.sleep
        job = replace(job, plan={**job.plan, **plan})  # of which the record may hold less
        run: JobRun
        if plan["kind"] == IMPORT:
            windows = self.running.shared.setdefault(f"imports of {self.whose[0]}", ImportRateLimit())
            run = ImportRun(
                self.jobs,
                job,
                [],
                nothing,
                clock,
                sleep,
                self.explain,
                sender=sender,
                rows=dict(rows or {}),
                windows=windows,
            )
        elif "format" in plan:
            run = ExportRun(self.jobs, job, [], nothing, clock, sleep, self.explain, sender=sender, names=self.names)
            run.path, run.files = export_path(job, self.files), self.files
        else:
            steps = [step_of(sender, one, job.total or job.most or MANY_MORE, clock) for one in plan["steps"]]
            collect = self._source(plan, sender).collect
            run = JobRun(self.jobs, job, steps, collect, clock, sleep, self.explain)
        await self.running.start(run)
        return await self._wait(run)

    async def _wait(self, run: JobRun) -> Json:
        """Until it has ended or the call has to answer; whoever gives up the call gives up the job."""
        try:
            while not run.ended.is_set() and self.bound.seconds_left > RESERVE:
                with move_on_after(min(1.0, self.bound.seconds_left - RESERVE)):
                    await run.ended.wait()
                await self.progress(run.finished, run.job.total if run.job.collected else None, run.progress_text)
        except get_cancelled_exc_class():
            run.stop("the call was cancelled")
            with CancelScope(shield=True):
                await run.ended.wait()
            raise
        return await self.report(await self._require_job(run.job.id), run)

    async def report(self, job: Job, run: JobRun | None = None, note: str = "") -> Json:
        """How a job goes, or how it ended."""
        pace = run.throughput.rate if run else 0.0
        return await JobReporter(self.jobs, self.names, self.files, self.hidden).build(job, pace, note)


def require_complete_record(job: Job) -> None:
    """Raises BadArguments where the record holds less than it takes to go on."""
    if job.plan.get("masked"):
        raise BadArguments(
            "It cannot be taken up: of personal data nothing is kept here (AC_MCP_JOURNAL=lean). Make the call "
            "again: what is done already is left as it is."
        )


async def nothing(run: JobRun) -> None:
    """What is to be done is known from the beginning, or is not written down."""
    await run.add([], run.job.cursor, all=True)
