"""The report of a job: its state, its counts, its failures, and the call that comes next."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.exports import columns
from ac_mcp.jobs.model import STOP, Item, ItemState, Job, is_running
from ac_mcp.jobs.steps.registry import REWRITTEN
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Json
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations.changes import undo_change
from ac_mcp.operations.jobs import follow_job
from ac_mcp.results.next_call import format_call
from ac_mcp.spec.job_plan import kind_of_job

MAX_FAILURES = 20
"""Failures that an answer lists."""
LEFT_OUT = "left out"
"""The beginning of the outcome of a record that was left out on purpose."""
SCHEME = "activecampaign"
COUNTED: Mapping[ItemState, str] = {"planned": "left", "sent": "left", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class JobReport:
    """The facts of a job, from which its report is made."""

    job: Job
    counts: Mapping[tuple[ItemState, str], int]
    """How many items by state and outcome."""
    is_live: bool
    """Whether a living process runs it."""
    rate: float = 0.0
    """Records a second; 0 if it does not run in this process."""
    undone_by: int = 0
    """The change that takes it back; 0 if none."""
    is_lean: bool = False

    @property
    def by_state(self) -> Counter[str]:
        """How many items are left, failed, or ended well."""
        totals = Counter[str]()
        for (state, _), count in self.counts.items():
            totals[COUNTED.get(state, "well")] += count
        return totals

    @property
    def by_outcome(self) -> dict[str, int]:
        """How many items by their outcome, such as `{"tagged": 12}`, failures left out."""
        return {outcome: count for (state, outcome), count in self.counts.items() if state in ("done", "idle")}

    @property
    def state(self) -> str:
        """The state in words."""
        totals = self.by_state
        if self.job.state == "running" and not self.is_live:
            return "interrupted"
        if self.job.state == "done" and totals["failed"]:
            return "done, some failed" if totals["well"] else "failed"
        return self.job.state

    @property
    def has_failures_file(self) -> bool:
        """Whether more failed or was left out than the answer lists."""
        failed = self.by_state["failed"]
        is_import = kind_of_job(self.job.plan) == "import"
        left_out = any(outcome.startswith(LEFT_OUT) for outcome in self.by_outcome)
        return failed > MAX_FAILURES or bool(failed and is_import) or left_out

    @property
    def can_be_undone(self) -> bool:
        """Whether an undo would take something back."""
        changed = any(state == "done" and count for (state, _), count in self.counts.items())
        steps = self.job.plan["steps"]
        if not changed or not steps or "of" in self.job.plan or self.is_live or self.undone_by:
            return False
        return not (self.is_lean and any(step["do"] in REWRITTEN for step in steps))

    @property
    def next_step(self) -> str:
        """The call that waits for the job or goes on with it; "" if it has ended."""
        if self.job.state == "done" or self.undone_by:
            return ""
        arguments = {"job": str(self.job.id)} | ({} if self.is_live else {"action": "resume"})
        return f"{format_call(follow_job.name, arguments)} {'waits for it' if self.is_live else 'continues it'}"

    @property
    def reason(self) -> str:
        """Why the job stands as it does; "" if there is nothing to say."""
        if self.undone_by:
            return f"{format_call(follow_job.name, {'job': str(self.undone_by)})} tells how far it is taken back."
        return "" if self.job.note == STOP else self.job.note

    def as_json(self, failures: list[Json], note: str) -> Json:
        """Return the report as the model reads it; `note` wins over the job's own reason."""
        job, totals = self.job, self.by_state
        fields: dict[str, object] = {
            "result": self.state,
            "job": str(job.id),
            "total": job.total,
            "counts": self.by_outcome,
            "left": totals["left"] or None,
            "seconds": round(job.seconds) if job.seconds >= 1 else None,
            "rate": f"{self.rate:.1f} a second" if self.rate and self.is_live else None,
            "failed": totals["failed"] or None,
            "failures": failures if totals["failed"] else None,
            "failures_file": failures_uri(job.id) if self.has_failures_file else None,
            "note": note or self.reason or None,
            "undo": format_call(undo_change.name, {"change": str(job.id)}) if self.can_be_undone else None,
            "next": self.next_step or None,
        }
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class JobReporter:
    """Makes the report of a job from the job store."""

    jobs: JobStore
    names: NameDirectory
    files: AllowedFiles
    hidden: bool = False
    """Whether text that people wrote freely is left out (AC_MCP_HIDE_USER_CONTENT)."""

    async def build(self, job: Job, rate: float = 0.0, note: str = "") -> Json:
        """Return the report of a job; `rate` in records a second if it runs in this process."""
        report = JobReport(
            job,
            await self.jobs.counts(job.id),
            is_running(job, self.jobs.journal.now),
            rate,
            undone_by=await self.jobs.undone_by(job.id),
            is_lean=self.jobs.lean,
        )
        if kind_of_job(job.plan) == "export":
            return await self._build_for_export(report)
        items = await self.jobs.items(job.id, ("failed",), MAX_FAILURES) if report.by_state["failed"] else []
        return report.as_json([self._failure(item, job) for item in items], note)

    async def _build_for_export(self, report: JobReport) -> Json:
        """Return the report of an export: rows, file and columns instead of counts."""
        job, plan = report.job, report.job.plan
        pages = await self.jobs.items(job.id, ("done",), 1_000_000)
        fields: dict[str, object] = {
            "result": report.state,
            "job": str(job.id),
            "rows": sum(int((page.prior or {}).get("rows", 0)) for page in pages),
            "file": str(export_path(job, self.files)),
            "columns": columns(plan),
        }
        if report.state == "done":
            if "file" not in plan:
                fields["resource"] = f"{SCHEME}://exports/{job.id}.{plan.get('format')}"
            fields["as_of"] = datetime.fromtimestamp(job.heartbeat_at).astimezone().isoformat(" ", "minutes")
        else:
            if report.rate:
                fields["rate"] = f"{report.rate:.0f} rows a second"
            if job.note and job.note != STOP:
                fields["note"] = job.note
            if not plan.get("masked"):
                fields["next"] = f"{format_call(job.tool, {'job': str(job.id)})} goes on with it"
        if job.seconds >= 1:
            fields["seconds"] = round(job.seconds)
        return fields

    def _failure(self, item: Item, job: Job) -> Json:
        """Return a failure as `{"of": "Jane Reed (12)", "reason": "..."}`."""
        subject = item.subject if "@" not in item.subject or not self.hidden else "…"
        name = "" if kind_of_job(job.plan) == "import" else self.names.name(job.record_kind, item.subject)
        return {"of": f"{name} ({subject})" if name and not self.hidden else subject, "reason": item.reason}


def failures_uri(job: int) -> str:
    """Return the address of the table of what failed."""
    return f"{SCHEME}://jobs/{job}/failures.csv"


def export_path(job: Job, files: AllowedFiles) -> Path:
    """Return the file of an export. A file that the user did not name has a name that no other journal gives."""
    plan = job.plan
    return Path(plan.get("file") or files.exports / f"{job.id}-{plan.get('name')}.{plan.get('format')}")
