"""How a job is told: what came of how many, what failed and why, and what to do next."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.exports import columns
from ac_mcp.jobs.model import STOP, Item, Job, is_running
from ac_mcp.jobs.step_registry import REWRITTEN
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Json
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations.changes import undo_change
from ac_mcp.operations.jobs import follow_job
from ac_mcp.results.next_call import format_call

SHOWN = 20
"""Failures an answer lists."""
LEFT_OUT = "left out"
"""How the outcome begins of what was not done on purpose."""
IMPORT = "import"
SCHEME = "activecampaign"


@dataclass(frozen=True, slots=True)
class JobReporter:
    jobs: JobStore
    names: NameDirectory
    files: AllowedFiles
    hidden: bool = False
    """Nothing that somebody has written freely is shown."""

    async def build(self, job: Job, pace: float = 0.0, note: str = "") -> Json:
        """`pace` in records a second, where it runs here."""
        counts = await self.jobs.counts(job.id)
        words = {word: count for (state, word), count in counts.items() if state in ("done", "idle")}
        failed = sum(count for (state, _), count in counts.items() if state == "failed")
        left = sum(count for (state, _), count in counts.items() if state in ("planned", "sent"))
        well = sum(words.values())
        left_out = any(word.startswith(LEFT_OUT) for word in words)
        live = is_running(job, self.jobs.journal.now)
        state = "interrupted" if job.state == "running" and not live else job.state
        if state == "done" and failed:
            state = "done, some failed" if well else "failed"
        if "format" in job.plan:
            return await self._exported(job, state, pace)
        told: Json = {"result": state, "job": str(job.id), "total": job.total, "counts": words}
        told |= {"left": left} if left else {}
        told |= {"seconds": round(job.seconds)} if job.seconds >= 1 else {}
        told |= {"rate": f"{pace:.1f} a second"} if pace and live else {}
        if failed:
            rows = await self.jobs.items(job.id, ("failed",), SHOWN)
            told |= {"failed": failed, "failures": [self._failure(item, job) for item in rows]}
        if failed > SHOWN or (failed and job.plan["kind"] == IMPORT) or left_out:
            told |= {"failures_file": failures_uri(job.id)}
        undone = await self.jobs.undone_by(job.id)
        why = note or (
            f"{format_call(follow_job.name, {'job': str(undone)})} tells how far it is taken back."
            if undone
            else job.note
        )
        told |= {"note": why} if why and why != STOP else {}
        undoable = any(state == "done" and count for (state, _), count in counts.items()) and job.plan.get("steps")
        undoable = undoable and "of" not in job.plan
        undoable = undoable and not (self.jobs.lean and any(one["do"] in REWRITTEN for one in job.plan["steps"]))
        told |= (
            {"undo": format_call(undo_change.name, {"change": str(job.id)})}
            if undoable and not live and not undone
            else {}
        )
        if job.state != "done" and not undone:
            more = {"job": str(job.id)} | ({} if live else {"action": "resume"})
            told |= {"next": f"{format_call(follow_job.name, more)} {'waits for it' if live else 'continues it'}"}
        return told

    async def _exported(self, job: Job, state: str, pace: float) -> Json:
        pages = await self.jobs.items(job.id, ("done",), 1_000_000)
        rows = sum(int((page.prior or {}).get("rows", 0)) for page in pages)
        path = str(export_path(job, self.files))
        told: Json = {"result": state, "job": str(job.id), "rows": rows, "file": path, "columns": columns(job.plan)}
        if state == "done":
            own = "file" not in job.plan
            told |= {"resource": f"{SCHEME}://exports/{job.id}.{job.plan['format']}"} if own else {}
            told |= {"as_of": datetime.fromtimestamp(job.heard).astimezone().isoformat(" ", "minutes")}
        else:
            told |= {"rate": f"{pace:.0f} rows a second"} if pace else {}
            told |= {"note": job.note} if job.note and job.note != STOP else {}
            if not job.plan.get("masked"):
                told |= {"next": f"{format_call(job.tool, {'job': str(job.id)})} goes on with it"}
        return told | ({"seconds": round(job.seconds)} if job.seconds >= 1 else {})

    def _failure(self, item: Item, job: Job) -> Json:
        subject = item.subject if "@" not in item.subject or not self.hidden else "…"
        name = self.names.name(job.subjects, item.subject) if job.subjects != IMPORT else ""
        return {"of": f"{name} ({subject})" if name and not self.hidden else subject, "reason": item.reason}


def failures_uri(job: int) -> str:
    """The address of what failed, as a table."""
    return f"{SCHEME}://jobs/{job}/failures.csv"


def export_path(job: Job, files: AllowedFiles) -> Path:
    """The file of an export; of one that was not named, in a name that no other journal gives."""
    return Path(job.plan.get("file") or files.exports / f"{job.id}-{job.plan['name']}.{job.plan['format']}")
