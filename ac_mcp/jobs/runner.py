"""Running a job: its records are collected, looked at by the hundred, and worked on a few at a time.

Before records are handed to the workers it is kept that they are on their way, and what stood there; what came of them
is kept in small batches. A process that dies leaves some on their way: whoever goes on looks first what came of those.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from math import inf

from anyio import CancelScope, Event, Lock, create_memory_object_stream, create_task_group
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ac_mcp.concurrency import unwrap_group
from ac_mcp.errors import KeyRefused, NotConnected, OutcomeUnknown, ToolError, Unavailable
from ac_mcp.jobs.backoff import Backoff
from ac_mcp.jobs.model import Item, ItemState, Job, JobState
from ac_mcp.jobs.step import Done, Step
from ac_mcp.jobs.store import JobStore
from ac_mcp.jobs.throughput import Halt, Throughput, short_reason
from ac_mcp.messages import Json
from ac_mcp.storage.sqlite import Unusable

log = logging.getLogger(__name__)
WORKERS = 6
"""One more than a second has slots: somebody always waits for the next one."""
CHUNK, AHEAD = 100, 10
"""Records that are looked at together; and that are handed to the workers together."""
BATCH, EVERY = 20, 1.0
"""Outcomes, and seconds, after which they are kept."""
SIGN, PATIENT_WITH_FILE = 5.0, 60.0
"""Seconds between two signs of life; and for which the record may be away before the job is interrupted."""
STALE = 15.0
"""Seconds after which what was seen of a record is asked for anew before it is written to."""
FEW, SHARE = 10, 0.2
"""From so many failures on, and if they are this share of what was tried, a job stops."""
IN_A_ROW = 8
"""Records in a row without any answer after which a job is interrupted."""
TAKEN = "another process has taken it over"


@dataclass(slots=True)
class JobRun:
    """One job being run in this process."""

    jobs: JobStore
    job: Job
    steps: list[Step]
    collect: "Callable[[JobRun], Awaitable[None]]"
    """Finds what is to be done, and adds it."""
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    explain: Callable[[ToolError], str] = str
    ended: Event = field(default_factory=Event)
    counts: Counter[tuple[ItemState, str]] = field(default_factory=Counter[tuple[ItemState, str]])
    state: JobState = "running"
    note: str = ""
    throughput: Throughput = field(init=False)
    backoff: Backoff = field(init=False)
    scope: CancelScope = field(default_factory=CancelScope)
    _outcomes: list[Item] = field(default_factory=list[Item])
    _kept_at: float = 0.0
    _lock: Lock = field(default_factory=Lock)
    _silent: int = 0
    """Records in a row that had no answer."""
    _tried: int = 0
    _lost: int = 0
    """How many this run has tried, and how many of them failed."""
    _read_from: float = inf
    """When it began to collect: what is known of records then may be as old as that."""

    def __post_init__(self) -> None:
        self.throughput, self.backoff, self._kept_at = Throughput(self.clock), Backoff(self.sleep), self.clock()

    @property
    def finished(self) -> int:
        return sum(count for (state, _), count in self.counts.items() if state not in ("planned", "sent"))

    @property
    def progress_text(self) -> str:
        """How far it is, for whoever waits."""
        if not self.job.collected:
            return f"{self.job.total} found so far"
        rate, left = self.throughput.rate, self.job.total - self.finished
        speed = f", {rate:.1f} a second, about {left / rate:.0f} s left" if rate and left else ""
        failed = sum(count for (state, _), count in self.counts.items() if state == "failed")
        return f"{self.finished} of {self.job.total}{speed}{f'; {failed} failed' if failed else ''}"

    def stop(self, why: str = "stopped on request") -> None:
        """Nothing more is begun; what is under way is finished."""
        self.backoff.stop(why)
        if not self.job.collected:
            self.scope.cancel()

    async def run(self) -> None:
        """Until it has ended, in whatever way; nothing is raised but a cancellation from outside."""
        try:
            with self.scope:
                await self._collect_and_work()
            if self.backoff.reason and self.state == "running":
                whole = self.job.collected and self.finished >= self.job.total
                self.state, self.note = ("done", "") if whole else ("stopped", self.backoff.reason)
        except Halt as halt:
            self.state, self.note = halt.state, str(halt)
        except ToolError as trouble:
            self.state, self.note = "interrupted", self.explain(trouble)
        except Exception as error:
            self.state, self.note = "interrupted", f"a fault of this server ({type(error).__name__})"
            raise
        except BaseException:
            self.state, self.note = "interrupted", "the server was shut down"
            raise
        finally:
            with CancelScope(shield=True):
                await self._save_end()

    async def _save_end(self) -> None:
        try:
            await self._flush()
            await self.jobs.end(self.job, self.state, self.note)
        except (Halt, Unusable) as error:
            log.warning("How job %s ended could not be kept: %s", self.job.id, error)
        finally:
            self.jobs.release(self.job)
            self.ended.set()

    async def _collect_and_work(self) -> None:
        self.counts = Counter(await self.jobs.counts(self.job.id))
        try:
            async with create_task_group() as group:
                group.start_soon(self._heartbeat)
                if not self.job.collected:
                    anew = self.job.cursor == 0
                    self._read_from = self.clock()
                    await self.backoff.run(lambda: self.collect(self))
                    self.job = replace(self.job, fresh=self.job.cursor if anew else -1)
                    self.counts = Counter(await self.jobs.counts(self.job.id))
                await self.work()
                group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None
        if not self.backoff.reason:
            self.state = "done"

    async def add(self, items: list[Item], cursor: int, *, all: bool = False) -> None:
        """For `collect`: more of what is to be done."""
        if not await self.jobs.add(self.job, items, cursor, all=all):
            raise Halt("interrupted", TAKEN)
        self.job = replace(self.job, total=self.job.total + len(items), cursor=cursor, collected=all)

    async def _heartbeat(self) -> None:
        """A sign of life, and what has come of it so far."""
        while True:
            await self.sleep(SIGN)
            await self._flush()

    async def work(self) -> None:
        sending, receiving = create_memory_object_stream[tuple[Item, float]](AHEAD)
        try:
            async with create_task_group() as group:
                group.start_soon(self._look_ahead, sending)
                for _ in range(WORKERS):
                    group.start_soon(self._worker, receiving.clone())
                receiving.close()
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None

    async def _look_ahead(self, sending: MemoryObjectSendStream[tuple[Item, float]]) -> None:
        """What needs nothing is done with at once, the rest handed to the workers."""
        began, fresh = min(self._read_from, self.clock()), self.job.cursor == self.job.fresh
        after = -1
        async with sending:
            for item in await self.jobs.items(self.job.id, ("sent",), 1_000_000):
                await sending.send((item, -inf))
            while not self.backoff.reason and (items := await self.jobs.items(self.job.id, ("planned",), CHUNK, after)):
                after = items[-1].n
                for number, step in enumerate(self.steps):
                    mine = [item for item in items if item.step == number]
                    for item in mine:
                        if item.prior is not None:
                            step.prior[item.subject] = item.prior
                    known = bool(mine) and all(item.prior is not None for item in mine)
                    looked = (began if fresh else -inf) if known else self.clock()
                    subjects = [item.subject for item in mine]
                    idle = await self.backoff.run(lambda step=step, those=subjects: step.find_unaffected(those))
                    for item in mine:
                        if item.subject in idle:
                            await self.outcome(item, "idle", idle[item.subject])
                    todo = [item for item in mine if item.subject not in idle]
                    await self._hand_out(todo, step, looked, sending)

    async def _hand_out(
        self, items: list[Item], step: Step, looked: float, sending: MemoryObjectSendStream[tuple[Item, float]]
    ) -> None:
        """Kept as on their way before any of them is: what came of one can be found out if nobody heard its answer."""
        for place in range(0, len(items), AHEAD):
            if self.backoff.reason:
                return
            some = items[place : place + AHEAD]
            told = [step.recovery_data(item.subject) for item in some]
            await self.save_now(
                [replace(item, state="sent", prior=kept) for item, kept in zip(some, told, strict=True)]
            )
            for item in some:
                await sending.send((item, looked))

    async def _worker(self, receiving: MemoryObjectReceiveStream[tuple[Item, float]]) -> None:
        async with receiving:
            async for item, looked in receiving:
                if self.backoff.reason and item.state == "planned":
                    self._outcomes.append(item)  # it was not begun
                elif not self.backoff.reason:
                    await self._process(item, looked)

    async def _process(self, item: Item, looked: float) -> None:
        step, recovering = self.steps[item.step], item.state == "sent"

        async def attempt() -> Done:
            nonlocal looked, recovering
            if recovering and (done := await step.recover(item.subject, item.prior)):
                return done
            recovering = False
            if self.clock() - looked > STALE:
                word, looked = await step.recheck(item.subject), self.clock()
                if word:
                    return Done(word)
            return await step.apply(item.subject)

        try:
            if self.clock() - self._kept_at > SIGN:
                await self._flush()  # whoever slept for long may no longer be the one that runs it
            done = await self.backoff.run(attempt)
        except Halt:
            self._outcomes.append(item)  # it waited, and was not begun
            raise
        except (KeyRefused, NotConnected) as trouble:
            self._outcomes.append(item)  # as it was before
            raise Halt("interrupted", self.explain(trouble)) from trouble
        except (Unavailable, OutcomeUnknown) as trouble:
            self._silent += 1
            if self._silent >= IN_A_ROW:  # it is on its way still, and comes up again
                raise Halt("interrupted", f"ActiveCampaign does not answer: {trouble}") from trouble
            may = "; it may have been done" if isinstance(trouble, OutcomeUnknown) else ""
            await self.outcome(item, "failed", "", reason=f"no answer: {trouble}{may}")
        except ToolError as trouble:
            self._silent = 0
            await self.outcome(item, "failed", "", reason=short_reason(trouble))
        else:
            self._silent = 0
            await self.outcome(
                item, "done" if done.undo_data is not None else "idle", done.outcome, kept=done.undo_data
            )
        step.prior.pop(item.subject, None)

    async def outcome(
        self, item: Item, state: ItemState, word: str, *, reason: str = "", kept: Json | None = None
    ) -> None:
        self._outcomes.append(replace(item, state=state, outcome=word, reason=reason, prior=kept))
        self.counts[item.state, item.outcome] -= 1
        self.counts[state, word] += 1
        self.throughput.add()
        self._tried += 1
        self._lost += state == "failed"
        if len(self._outcomes) >= BATCH or self.clock() - self._kept_at >= EVERY:
            await self._flush()
        if state == "failed":
            self.stop_if_too_many_failed(self._tried, self._lost)

    def stop_if_too_many_failed(self, tried: int, failed: int) -> None:
        """Raises Halt where so many have failed that the rest would too."""
        if failed >= FEW and failed > SHARE * tried:
            raise Halt("stopped", f"{failed} of {tried} failed, which is too many")

    async def save_now(self, items: list[Item]) -> None:
        """Kept as they are now, before anything else happens."""
        self._outcomes += items
        await self._flush()

    async def _flush(self) -> None:
        """Raises Halt where the job is no longer this run's, or the record is away for long."""
        async with self._lock:
            kept, now, heard = self._outcomes, self.clock(), ""
            self._outcomes = []
            with CancelScope(shield=True):
                try:
                    heard = await self.jobs.save_items(self.job, kept, now - self._kept_at)
                except Unusable as error:
                    self._outcomes = kept + self._outcomes
                    if now - self._kept_at > PATIENT_WITH_FILE:
                        raise Halt("interrupted", f"the record cannot be kept ({error})") from error
                    return
            self._kept_at = now
        if heard == "lost":
            raise Halt("interrupted", TAKEN)
        if heard == "stop":
            self.stop()
