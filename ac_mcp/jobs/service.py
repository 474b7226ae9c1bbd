"""The job service of one call: previews, starts, follows, stops and takes back jobs on many records."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from anyio import CancelScope, get_cancelled_exc_class, move_on_after

from ac_mcp.errors import BadArguments, ToolError, Unconfirmed
from ac_mcp.gateway.call_client import BackgroundClient, CallClient
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.exports import ExportRun
from ac_mcp.jobs.imports import ImportRateLimit, ImportRun
from ac_mcp.jobs.model import Item, Job, is_running
from ac_mcp.jobs.pool import JobPool
from ac_mcp.jobs.preview import (
    BULK_PREFIX,
    JobPreview,
    SelectionPreview,
    confirmed_count,
    inactive_automations,
    without_personal_data,
)
from ac_mcp.jobs.report import JobReporter, export_path
from ac_mcp.jobs.runner import JobRun, RunContext
from ac_mcp.jobs.sources import PAGE, Source, deal_state, source_of
from ac_mcp.jobs.steps.registry import REWRITTEN, count_requests, describe_step, step_of
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import CallClock, Json, Progress, Sender, as_objects
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations.automations import list_automations
from ac_mcp.operations.webhooks import list_webhooks
from ac_mcp.results.preview import side_effects
from ac_mcp.spec.job_plan import JobPlan, StepPlan, kind_of_job
from ac_mcp.writes.audit_log import AuditScope, Change
from ac_mcp.writes.confirmation import ConfirmationPolicy
from ac_mcp.writes.proof import ProvenWrites

RESERVE = 2.0
"""Seconds before its deadline at which a call that waits for a job answers how far it is."""
RATE = 5
"""Requests a second of an account (reference 2.6)."""
SAMPLES = 10
"""Records that a preview shows."""
MANY = 1000
"""The number of records that is assumed where it is not known."""
NO_FILES = AllowedFiles()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobService:
    """Starts and follows jobs for one call."""

    jobs: JobStore
    pool: JobPool
    client: CallClient
    reader: Sender
    """The sender for the reads of the call itself."""
    scope: AuditScope
    change: Change
    """The change as which a new job is recorded."""
    progress: Progress
    names: NameDirectory
    explain: Callable[[ToolError], str]
    confirmed_fingerprint: str = ""
    """The fingerprint that was confirmed; "" if the call was not."""
    hidden: bool = False
    lean: bool = False
    files: AllowedFiles = NO_FILES
    """The files that exports may write and imports may read."""

    @property
    def clock(self) -> CallClock:
        """The clock of the call."""
        return CallClock(self.client.gateway.now, lambda: self.client.seconds_left)

    async def start(self, plan: JobPlan, policy: ConfirmationPolicy) -> Json:
        """Start a job, or join the one that does the same, and return its report.

        Raises:
            Unconfirmed: if it is for many records and the policy wants a confirmation. Nothing was done.
            BadArguments: if the records cannot be found within the time of the call.
        """
        selection = await self.preview_selection(plan)
        if not selection.count:
            nothing = "It had changed nothing." if "of" in plan else f"No {plan['kind']} meet these conditions."
            return {"result": "nothing to do", "matched": 0, "note": nothing}
        noun = "deals" if plan["kind"] == "deals" else "contacts"
        if reasons := policy.reasons_for_bulk(selection.count, noun, exact=selection.exact):
            raise Unconfirmed(reasons)
        stored = without_personal_data(plan) if self.lean else plan
        limit = self._record_limit(selection)
        job, is_new = await self.jobs.begin(self.change, stored, limit, self._items(plan, selection), all=True)
        return await self.run_job(job, plan) if is_new else await self.follow(job.id)

    async def preview(self, plan: JobPlan) -> JobPreview:
        """Return what a job would do. Nothing is written.

        Raises:
            BadArguments: if the records cannot be found within the time of the call.
        """
        selection = await self.preview_selection(plan)
        steps = [step_of(self.reader, step, selection.count, self.client.gateway.clock) for step in plan["steps"]]
        requests = count_requests(steps, selection.count)
        requests += self._source(plan, self.reader).count_requests(selection.count)
        content: Json = {
            "matched": selection.count,
            "samples": [sample(row, plan["kind"]) for row in selection.rows[:SAMPLES]],
            "does": [describe_step(step) for step in plan["steps"]],
            "takes": f"{requests} requests, about {max(1, round(requests / RATE))} s",
        }
        if not selection.exact:
            content["note"] = f"At least {selection.count}: the time of a call did not allow to look at all."
        surroundings: Json = {
            "automations": await self._fetch_rows(list_automations, "automations"),
            "webhooks": await self._fetch_rows(list_webhooks, "webhooks"),
        }
        also = [line for step in steps for line in side_effects(step.operation, [], surroundings)]
        also += inactive_automations(plan, surroundings["automations"])
        if any(step["do"] == "subscribe" and not step.get("back") for step in plan["steps"]):
            also.append("Who has unsubscribed from that list, bounced or not confirmed is left out.")
        if also:
            content["also"] = list(dict.fromkeys(also))
        return JobPreview(content, self.fingerprint(plan, selection.count))

    async def preview_selection(self, plan: JobPlan) -> SelectionPreview:
        """Return the records that a job would reach.

        Raises:
            BadArguments: if not one of them is found within the time of the call.
        """
        selection = await self._source(plan, self.reader).preview(self.clock, PAGE)
        if not selection.exact and not selection.count:
            raise BadArguments("Which those are takes longer to find than a call may last: narrow the conditions.")
        return selection

    def _items(self, plan: JobPlan, selection: SelectionPreview) -> list[Item] | None:
        """Return the items of a job whose records were all read just now; None if they have to be collected."""
        if not selection.is_complete or "of" in plan or "given" in plan:
            return None
        rows = selection.rows[: self._record_limit(selection)]
        images = [(str(row["id"]), deal_state(row) if plan["kind"] == "deals" else None) for row in rows]
        pairs = [(step, id, image) for id, image in images for step in range(len(plan["steps"]))]
        return [Item(n, step, id, prior=image) for n, (step, id, image) in enumerate(pairs)]

    def _record_limit(self, selection: SelectionPreview) -> int:
        """Return how many records the job may reach: no more than were counted, nor than were shown; 0 for no limit."""
        confirmed = confirmed_count(self.confirmed_fingerprint)
        if confirmed is not None:
            return min(confirmed, selection.count) if selection.exact else confirmed
        return selection.count if selection.exact else 0

    def _source(self, plan: JobPlan, sender: Sender) -> Source:
        return source_of(plan, sender, self.jobs)

    async def _fetch_rows(self, lister: Any, key: str) -> list[Json]:
        try:
            return as_objects((await lister.run(self.reader, {})).get(key))
        except ToolError:
            return []

    def fingerprint(self, plan: Mapping[str, Any], count: int) -> str:
        """Return the fingerprint of a job on so many records."""
        text = json.dumps((self.scope, self.change.tool, plan), sort_keys=True, default=str)
        return f"{BULK_PREFIX}:{sha256(text.encode()).hexdigest()}:{count}"

    async def follow(self, id: int, action: str = "watch") -> Json:
        """Return the report of a job once it has ended, or once the time of the call is up.

        `action` is "watch", "stop", or "resume" for one that broke off.

        Raises:
            BadArguments: if there is no such job, or it cannot be resumed.
        """
        job = await self.require_job(id)
        if run := self.pool.runs.get(id):
            if action == "stop":
                run.stop()
            return await self._wait_for(run)
        if is_running(job, self.jobs.journal.now):
            if action == "stop":
                await self.jobs.request_stop(id)
            return await self.report(job, note="Another process runs it.")
        if action == "stop" and job.state == "running":
            await self.jobs.end(job, "stopped", "stopped on request")
            return await self.report(await self.require_job(id))
        if action != "resume" or job.state == "done":
            return await self.report(job)
        return await self._resume(job)

    async def _resume(self, job: Job) -> Json:
        require_complete_record(job)
        if undo := await self.jobs.undone_by(job.id):
            raise BadArguments(f"Change {undo} has taken back what it had done: make the call itself again.")
        if own_job := await self.jobs.take_over(job.id):
            return await self.run_job(own_job, own_job.plan)
        if run := self.pool.runs.get(job.id):
            return await self._wait_for(run)
        return await self.report(await self.require_job(job.id), note="Another process runs it.")

    def undo_plan(self, job: Job) -> JobPlan:
        """Return the plan of the job that takes back what a job has changed.

        Raises:
            BadArguments: if it cannot be taken back.
        """
        kind = kind_of_job(job.plan)
        if kind in ("import", "export"):
            raise BadArguments(
                "An import or export is not taken back: contacts that it brought can be deleted one by one."
            )
        if kind == "undo":
            raise BadArguments("An undo of many is not undone itself: make the first call again.")
        if is_running(job, self.jobs.journal.now):
            raise BadArguments("It still runs: stop it first.")
        steps = job.plan["steps"]
        if (self.lean or job.plan.get("masked")) and any(step["do"] in REWRITTEN for step in steps):
            raise BadArguments("What stood there was not kept (AC_MCP_JOURNAL=lean).")
        reverted: list[StepPlan] = [{**step, "back": True} for step in steps]
        return {"kind": job.record_kind, "of": job.id, "steps": reverted}

    async def require_job(self, id: int) -> Job:
        """Return a job of this scope.

        Raises:
            BadArguments: if there is none of this id.
        """
        job = await self.jobs.find(self.scope, id)
        if job is None:
            raise BadArguments(f"job: no job of this account has the id {id}; list_changes shows them.")
        return job

    async def run_job(self, job: Job, plan: JobPlan, rows: Mapping[int, Json] | None = None) -> Json:
        """Run a job in the background, if there is one, and return its report; `rows` of an import by item, if the
        journal does not hold them.
        """
        caller = replace(self.client.caller, call=f"job {job.id} {uuid4().hex}")
        sender = ProvenWrites(BackgroundClient(self.client.gateway, caller), self.client.gateway.sleep)
        run = self._run_of(replace(job, plan={**job.plan, **plan}), sender, rows or {})
        await self.pool.start(run)
        return await self._wait_for(run)

    def _run_of(self, job: Job, sender: Sender, rows: Mapping[int, Json]) -> JobRun:
        gateway, plan = self.client.gateway, job.plan
        context = RunContext(self.jobs, sender, gateway.clock, gateway.sleep, self.explain)
        match kind_of_job(plan):
            case "import":
                limit = self.pool.shared.setdefault(f"imports of {self.scope[0]}", ImportRateLimit())
                return ImportRun(context, job, rows=dict(rows), rate_limit=limit)
            case "export":
                path = export_path(job, self.files)
                return ExportRun(context, job, names=self.names, path=path, files=self.files)
            case _:
                count = job.total or job.limit or MANY
                steps = [step_of(sender, step, count, gateway.clock) for step in plan["steps"]]
                return JobRun(context, job, steps=steps, collect=self._source(plan, sender).collect)

    async def _wait_for(self, run: JobRun) -> Json:
        """Return the report once a job has ended or the call has to answer. A cancelled call stops its job."""
        try:
            while not run.ended.is_set() and self.client.seconds_left > RESERVE:
                with move_on_after(min(1.0, self.client.seconds_left - RESERVE)):
                    await run.ended.wait()
                await self.progress(run.finished, run.job.total if run.job.collected else None, run.progress_text)
        except get_cancelled_exc_class():
            run.stop("the call was cancelled")
            with CancelScope(shield=True):
                await run.ended.wait()
            raise
        return await self.report(await self.require_job(run.job.id), run)

    async def report(self, job: Job, run: JobRun | None = None, note: str = "") -> Json:
        """Return the report of a job; with its speed if `run` runs it in this process."""
        rate = run.throughput.rate if run else 0.0
        return await JobReporter(self.jobs, self.names, self.files, self.hidden).build(job, rate, note)


def sample(row: Json, kind: str) -> Json:
    """Return the few attributes by which a person knows a contact or a deal."""
    if kind == "deals":
        return {"id": str(row.get("id")), "title": str(row.get("title") or "")[:100]}
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
    attributes = {"id": str(row.get("id") or ""), "email": str(row.get("email") or ""), "name": name[:100]}
    return {key: value for key, value in attributes.items() if value}


def require_complete_record(job: Job) -> None:
    """Raise BadArguments for a job whose plan was stored without its personal data: it cannot be resumed."""
    if job.plan.get("masked"):
        raise BadArguments(
            "It cannot be taken up: of personal data nothing is kept here (AC_MCP_JOURNAL=lean). Make the call "
            "again: what is done already is left as it is."
        )
