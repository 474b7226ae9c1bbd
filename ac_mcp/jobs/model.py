"""A job and its items, and who runs it."""

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
"""Seconds after which a process that says nothing no longer runs its job."""
STOP = "is to stop"
CALL_FINGERPRINT = "call"
"""Under which a plan holds what tells its call from others."""
ADDRESS = re.compile(r"\S+@\S+")
JobState: TypeAlias = Literal["running", "done", "stopped", "interrupted"]
ItemState: TypeAlias = Literal["planned", "sent", "done", "idle", "failed"]
"""`sent` is on its way, `done` changed something, `idle` had nothing to change or was left out on purpose."""


@dataclass(frozen=True, slots=True)
class Job:
    """`total` items are known so far; all of them once it is `collected`. At most `most` records, 0 for no limit."""

    id: int
    plan: JobPlan
    state: JobState
    note: str
    total: int
    most: int
    collected: bool
    cursor: int
    """The highest id that was collected."""
    runner: str
    heard: float
    """When its process last said that it runs, on the wall clock."""
    seconds: float
    """For how long it has run."""
    fresh: int = -1
    """The cursor up to which what is kept of planned records was seen just now."""
    tool: str = ""
    arguments: Json | None = None

    @property
    def subjects(self) -> str:
        """The kind of records it is about."""
        return str(self.plan["kind"])


@dataclass(frozen=True, slots=True)
class Item:
    """`kept` is what it takes to undo it, and before that what was known of the record when it was chosen."""

    n: int
    step: int
    subject: str
    """An id; of a contact also an e-mail address."""
    state: ItemState = "planned"
    outcome: str = ""
    """What came of it."""
    reason: str = ""
    """Why it failed."""
    prior: Json | None = None


def new_runner() -> str:
    """What a run is known by: the machine, the process, and which of its runs."""
    return f"{machine_name()}:{os.getpid()}:{uuid4().hex}"


@cache
def machine_name() -> str:
    """Where a number of a process means that process: containers may share a host name and each have a process 1."""
    try:
        space = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:
        space = ""
    return f"{socket.gethostname()}{'/' if space else ''}{space}"


LIVE: set[str] = set()
"""The runs of this process."""


def fingerprint(arguments: Json) -> str:
    return sha256(str(to_json(arguments)).encode()).hexdigest()


def holds_no_personal_data(kept: Json | None) -> bool:
    """Whether it tells nothing of a person: ids, a status, how long a file is."""
    return all(
        key in ("id", "size", "rows", "ino") or (key in ("was", "prior") and isinstance(value, str))
        for key, value in (kept or {}).items()
    )


def is_running(job: Job, now: float) -> bool:
    """Whether a living process runs it."""
    host, pid, _ = job.runner.split(":") if job.runner.count(":") == 2 else ("", "0", "")
    if job.state != "running" or not host:
        return False
    if host == machine_name() and int(pid) == os.getpid():
        return job.runner in LIVE
    return abs(now - job.heard) < HEARTBEAT_TIMEOUT and (host != machine_name() or is_process_alive(int(pid)))


def is_process_alive(pid: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 is none there; its silence will tell
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
