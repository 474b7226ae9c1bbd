"""The model of a job: its state, its items, and the process that runs it."""

import os
import re
import socket
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Literal, TypeAlias
from uuid import uuid4

from ac_mcp.messages import Json
from ac_mcp.spec.job_plan import JobPlan
from ac_mcp.writes.audit_log import to_json

HEARTBEAT_TIMEOUT = 30.0
"""Seconds without a heartbeat after which a process no longer counts as running its job."""
STOP = "is to stop"
"""The note by which another process asks the runner of a job to stop."""
CALL_FINGERPRINT = "call"
"""The key under which a stored plan holds the fingerprint of its call."""
ADDRESS = re.compile(r"\S+@\S+")
JobState: TypeAlias = Literal["running", "done", "stopped", "interrupted"]
ItemState: TypeAlias = Literal["planned", "sent", "done", "idle", "failed"]
"""`sent` is on its way, `done` changed something, and `idle` needed no change or was left out on purpose."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the store holds it."""

    id: int
    plan: JobPlan
    state: JobState
    note: str
    total: int
    """The number of items so far; the final number once `collected` is True."""
    limit: int
    """The most records that the job may reach; 0 for no limit."""
    collected: bool
    """Whether all items are stored."""
    cursor: int
    """How far the records are collected: the last id, or the position in the source."""
    runner: str
    """The run that has the job, see `new_runner`; "" once the job has ended."""
    heartbeat_at: float
    """The time of the last heartbeat, in seconds on the wall clock."""
    seconds: float
    """Seconds for which the job has run, over all its runs."""
    fresh_cursor: int = -1
    """The cursor at which all stored prior states were read in this run; -1 if some may be older."""
    tool: str = ""
    arguments: Json | None = None

    @property
    def record_kind(self) -> str:
        """The kind of the job's records: "contacts", "deals" or "import"."""
        return str(self.plan["kind"])


@dataclass(frozen=True, slots=True)
class Item:
    """One step for one record, or one row of an import, or one page of an export."""

    n: int
    """The number of the item in its job, from 0."""
    step: int
    """The position of the step in the plan."""
    subject: str
    """The id of a record, or the e-mail address of a contact."""
    state: ItemState = "planned"
    outcome: str = ""
    """The outcome in words, such as "tagged"."""
    reason: str = ""
    """Why the item failed."""
    prior: Json | None = None
    """The prior state of the record while the item is planned or sent; then the data that an undo needs."""


def new_runner() -> str:
    """Return a new name for a run, `machine:process:random`."""
    return f"{machine_name()}:{os.getpid()}:{uuid4().hex}"


@cache
def machine_name() -> str:
    """Return the name of the space in which process ids are unique: the host and the process namespace.

    Containers may share a host name, and each has a process 1.
    """
    try:
        namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:
        namespace = ""
    return f"{socket.gethostname()}{'/' if namespace else ''}{namespace}"


LIVE: set[str] = set()
"""The runs of this process that have not ended."""


def fingerprint(arguments: Json) -> str:
    """Return the hash of the arguments of a call."""
    return sha256(str(to_json(arguments)).encode()).hexdigest()


def holds_no_personal_data(prior: Json | None) -> bool:
    """Return whether the data of an item is only ids, a status or the size of a file."""
    return all(
        key in ("id", "size", "rows", "ino") or (key in ("was", "prior") and isinstance(value, str))
        for key, value in (prior or {}).items()
    )


def is_running(job: Job, now: float) -> bool:
    """Return whether a living process runs a job; `now` in seconds on the wall clock."""
    host, pid, _ = job.runner.split(":") if job.runner.count(":") == 2 else ("", "0", "")
    if job.state != "running" or not host:
        return False
    if host == machine_name() and int(pid) == os.getpid():
        return job.runner in LIVE
    return abs(now - job.heartbeat_at) < HEARTBEAT_TIMEOUT and (host != machine_name() or is_process_alive(int(pid)))


def is_process_alive(pid: int) -> bool:
    """Return whether a process of this machine lives; True if the system cannot say."""
    if os.name == "nt":
        return True  # Windows has no signal 0: a missing heartbeat shows that the process died
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
