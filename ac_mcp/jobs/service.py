"""Work on many records as somebody asks for it: what it would reach, the yes it needs, the job, and how it goes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from anyio import CancelScope, get_cancelled_exc_class, move_on_after

from ac_mcp.errors import BadArguments, NeedsYes, Trouble
from ac_mcp.gateway.call_client import Bound
from ac_mcp.jobs.allowed_files import Files
from ac_mcp.jobs.approval import FOR_A_YES, SEEN, Reached, asleep, masked, reasons
from ac_mcp.jobs.exports import ExportRun
from ac_mcp.jobs.imports import ImportRun, Windows
from ac_mcp.jobs.model import Item, Job, held
from ac_mcp.jobs.pool import Running
from ac_mcp.jobs.report import IMPORT, Telling, path_of
from ac_mcp.jobs.runner import Run
from ac_mcp.jobs.sources import PAGE, Source, known, source_of
from ac_mcp.jobs.step_registry import REWRITTEN, described, requests, step_of
from ac_mcp.jobs.store import Jobs
from ac_mcp.jobs.throughput import Unhurried
from ac_mcp.messages import Json, Progress, Sender, Watch, records
from ac_mcp.naming.directory import References
from ac_mcp.operations.automations import list_automations
from ac_mcp.operations.webhooks import list_webhooks
from ac_mcp.results.preview import what_else
from ac_mcp.writes.audit_log import Change, Whose
from ac_mcp.writes.confirmation import Consent

RESERVE = 2.0
"""Seconds before its deadline at which a call that waits for a job answers how far it is."""
RATE = 5
"""Requests a second of an account (reference 2.6)."""
SAMPLES, MANY_MORE = 10, 1000


NO_FILES = Files()


@dataclass(frozen=True, slots=True)
class Bulk:
    """The desk for jobs of one call."""

    jobs: Jobs
    running: Running
    bound: Bound
    reading: Sender
    """What the call itself reads through."""
    whose: Whose
    change: Change
    """As which a job is recorded."""
    progress: Progress
    names: References
    explain: Callable[[Trouble], str]
    agreed: str = ""
    """The fingerprint of what somebody has said yes to."""
    hidden: bool = False
    lean: bool = False
    files: Files = NO_FILES
    """Where exports go, and what may be imported."""

    @property
    def watch(self) -> Watch:
        return Watch(self.bound.gateway.now, lambda: self.bound.left)

    async def begin(self, plan: Json, consent: Consent | None) -> Json:
        """Ask, if it is for many; then do it. Without `consent` only what it would do is told.

        Raises:
            NeedsYes: before anything is done.
        """
        reached = await self._reached(plan)
        if not reached.exact and not reached.count:
            raise BadArguments("Which those are takes longer to find than a call may last: narrow the conditions.")
        if consent is None:
            return await self._preview(plan, reached)
        if not reached.count:
            none = "It had changed nothing." if "of" in plan else f"No {plan['kind']} meet these conditions."
            return {"result": "nothing to do", "matched": 0, "note": none}
        if reasons := self._reasons(plan, reached, consent):
            raise NeedsYes(reasons)
        stored = masked(plan) if self.lean else plan
        job, new = await self.jobs.begin(self.change, stored, self._most(reached), self._items(plan, reached), all=True)
        return await self.run(job, plan) if new else await self.follow(job.id)

    def _items(self, plan: Json, reached: Reached) -> list[Item] | None:
        """What was just read is not read again, where it is all."""
        if not reached.all or "of" in plan or "given" in plan:
            return None
        deals, steps = plan["kind"] == "deals", range(len(plan["steps"]))
        rows = [(str(row["id"]), known(row) if deals else None) for row in reached.rows[: self._most(reached)]]
        pairs = [(step, id, kept) for id, kept in rows for step in steps]
        return [Item(n, step, id, kept=kept) for n, (step, id, kept) in enumerate(pairs)]

    def _reasons(self, plan: Json, reached: Reached, consent: Consent) -> list[str]:
        what = "deals" if plan["kind"] == "deals" else "contacts"
        return reasons(consent, reached.count, what, exact=reached.exact)

    def _most(self, reached: Reached) -> int:
        """No more than were counted; of what waited for a yes, no more than were shown. 0 where nobody counted all."""
        kind, _, rest = self.agreed.partition(":")
        shown = rest.rpartition(":")[2] if kind == FOR_A_YES else ""
        if shown.isdecimal():
            return min(int(shown), reached.count) if reached.exact else int(shown)
        return reached.count if reached.exact else 0

    async def _reached(self, plan: Json) -> Reached:
        count, rows, exact = await self._source(plan, self.reading).glance(self.watch, PAGE)
        return Reached(count, tuple(rows), exact)

    def _source(self, plan: Json, sender: Sender) -> Source:
        return source_of(plan, sender, self.jobs)

    async def _preview(self, plan: Json, reached: Reached) -> Json:
        steps = [step_of(self.reading, one, reached.count, self.bound.gateway.clock) for one in plan["steps"]]
        count = requests(steps, reached.count) + self._source(plan, self.reading).requests(reached.count)
        told: Json = {
            "matched": reached.count,
            "samples": [self._sample(row, plan["kind"]) for row in reached.rows[:SAMPLES]],
            "does": [described(one) for one in plan["steps"]],
            "takes": f"{count} requests, about {max(1, round(count / RATE))} s",
            SEEN: self.fingerprint(plan, reached.count),
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
        also = [line for step in steps for line in what_else(step.operation, [], surroundings)]
        also += asleep(plan, surroundings["automations"])
        if any(one["do"] == "subscribe" and not one.get("back") for one in plan["steps"]):
            also.append("Who has unsubscribed from that list, bounced or not confirmed is left out.")
        return told | ({"also": list(dict.fromkeys(also))} if also else {})

    async def _rows(self, lister: Any, key: str) -> list[Json]:
        try:
            return records((await lister.run(self.reading, {})).get(key))
        except Trouble:
            return []

    def _sample(self, row: Json, kind: str) -> Json:
        if kind == "deals":
            return {"id": str(row.get("id")), "title": str(row.get("title") or "")[:100]}
        name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
        told = {"id": str(row.get("id") or ""), "email": str(row.get("email") or ""), "name": name[:100]}
        return {key: value for key, value in told.items() if value}

    def fingerprint(self, plan: Json, count: int) -> str:
        told = json.dumps((self.whose, self.change.tool, plan), sort_keys=True, default=str)
        return f"{FOR_A_YES}:{sha256(told.encode()).hexdigest()}:{count}"

    async def follow(self, id: int, action: str = "watch") -> Json:
        """How a job goes, once it has ended or the time of the call is up; `resume` goes on with one that broke off."""
        job = await self._found(id)
        if run := self.running.runs.get(id):
            if action == "stop":
                run.stop()
            return await self._wait(run)
        if held(job, self.jobs.journal.now):
            if action == "stop":
                await self.jobs.ask_to_stop(id)
            return await self.told(job, note="Another process runs it.")
        if action == "stop" and job.state == "running":
            await self.jobs.end(job, "stopped", "stopped on request")
            return await self.told(await self._found(id))
        if action != "resume" or job.state == "done":
            return await self.told(job)
        return await self._resumed(job)

    async def _resumed(self, job: Job) -> Json:
        needs_all(job)
        if undone := await self.jobs.undone_by(job.id):
            raise BadArguments(f"Change {undone} has taken back what it had done: make the call itself again.")
        if taken := await self.jobs.take(job.id):
            return await self.run(taken, taken.plan)
        if run := self.running.runs.get(job.id):
            return await self._wait(run)
        return await self.told(await self._found(job.id), note="Another process runs it.")

    async def undo(self, job: Job, consent: Consent | None) -> Json:
        """Another job that takes back what this one has changed."""
        if job.plan["kind"] == IMPORT or "format" in job.plan:
            raise BadArguments(
                "An import or export is not taken back: contacts that it brought can be deleted one by one."
            )
        if any("back" in one for one in job.plan["steps"]):
            raise BadArguments("An undo of many is not undone itself: make the first call again.")
        if held(job, self.jobs.journal.now):
            raise BadArguments("It still runs: stop it first.")
        if (self.lean or job.plan.get("masked")) and any(one["do"] in REWRITTEN for one in job.plan["steps"]):
            raise BadArguments("What stood there was not kept (AC_MCP_JOURNAL=lean).")
        plan: Json = {
            "kind": job.subjects,
            "of": job.id,
            "steps": [{**one, "back": True} for one in job.plan["steps"]],
        }
        return await self.begin(plan, consent)

    async def _found(self, id: int) -> Job:
        job = await self.jobs.find(self.whose, id)
        if job is None:
            raise BadArguments(f"job: no job of this account has the id {id}; list_changes shows them.")
        return job

    async def run(self, job: Job, plan: Json, rows: Mapping[int, Json] | None = None) -> Json:
        """In the background as far as there is one; `rows` of an import that the record does not hold."""
        caller = replace(self.bound.caller, call=f"job {job.id} {uuid4().hex}")
        sender = Unhurried(self.bound.gateway, caller)
        clock, sleep = self.bound.gateway.clock, self.bound.gateway.sleep
        job = replace(job, plan={**job.plan, **plan})  # of which the record may hold less
        run: Run
        if plan["kind"] == IMPORT:
            windows = self.running.shared.setdefault(f"imports of {self.whose[0]}", Windows())
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
            run.path, run.files = path_of(job, self.files), self.files
        else:
            steps = [step_of(sender, one, job.total or job.most or MANY_MORE, clock) for one in plan["steps"]]
            collect = self._source(plan, sender).collect
            run = Run(self.jobs, job, steps, collect, clock, sleep, self.explain)
        await self.running.start(run)
        return await self._wait(run)

    async def _wait(self, run: Run) -> Json:
        """Until it has ended or the call has to answer; whoever gives up the call gives up the job."""
        try:
            while not run.ended.is_set() and self.bound.left > RESERVE:
                with move_on_after(min(1.0, self.bound.left - RESERVE)):
                    await run.ended.wait()
                await self.progress(run.finished, run.job.total if run.job.collected else None, run.told)
        except get_cancelled_exc_class():
            run.stop("the call was cancelled")
            with CancelScope(shield=True):
                await run.ended.wait()
            raise
        return await self.told(await self._found(run.job.id), run)

    async def told(self, job: Job, run: Run | None = None, note: str = "") -> Json:
        """How a job goes, or how it ended."""
        pace = run.pace.rate if run else 0.0
        return await Telling(self.jobs, self.names, self.files, self.hidden).told(job, pace, note)


def needs_all(job: Job) -> None:
    """Raises BadArguments where the record holds less than it takes to go on."""
    if job.plan.get("masked"):
        raise BadArguments(
            "It cannot be taken up: of personal data nothing is kept here (AC_MCP_JOURNAL=lean). Make the call "
            "again: what is done already is left as it is."
        )


async def nothing(run: Run) -> None:
    """What is to be done is known from the beginning, or is not written down."""
    await run.add([], run.job.cursor, all=True)
