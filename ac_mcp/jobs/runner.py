"""The job runner: it collects records, looks at them by the hundred, and works on a few at a time.

Before records are handed to the workers it is saved that they are on their way, with their prior state; the outcomes
are saved in small batches. A process that dies leaves some records on their way: whoever resumes the job first finds
out what came of those.
"""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from anyio import CancelScope, Event, Lock, create_memory_object_stream, create_task_group
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ac_mcp.concurrency import unwrap_group
from ac_mcp.errors import KeyRefused, NotConnected, OutcomeUnknown, ToolError, Unavailable
from ac_mcp.jobs.backoff import Backoff, Halt, Throughput, describe_unanswered, short_reason
from ac_mcp.jobs.model import Item, ItemState, Job, JobState
from ac_mcp.jobs.steps.base import Done, Step
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Json, Sender
from ac_mcp.storage.sqlite import Unusable

log = logging.getLogger(__name__)
WORKERS = 6
"""One more than a second has slots, so that a worker always waits for the next slot."""
CHUNK, AHEAD = 100, 10
"""Records that are looked at together, and records that are handed to the workers together."""
BATCH, SAVE_EVERY = 20, 1.0
"""Outcomes, and seconds, after which outcomes are saved."""
HEARTBEAT, JOURNAL_PATIENCE = 5.0, 60.0
"""Seconds between two heartbeats, and seconds the journal may be away before the job is interrupted."""
STALE = 15.0
"""Seconds after which the prior state of a record is fetched anew before it is written to."""
MIN_FAILURES, MAX_FAILED_SHARE = 10, 0.2
"""A job stops from so many failures on, if they are more than this share of the records it tried."""
MAX_UNANSWERED = 8
"""Records in a row without an answer after which a job is interrupted."""
ALL = 1_000_000
NOT_REMOVED = "it was answered as done, but is still there"
TAKEN_OVER = "another process has taken it over"


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every run needs: the job store, a sender, a clock, a sleep, and the words for an error."""

    jobs: JobStore
    sender: Sender
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    explain: Callable[[ToolError], str] = str


async def collect_nothing(run: "JobRun") -> None:
    """Add no items: they are known from the beginning, or are not stored."""
    await run.add([], run.job.cursor, all=True)


@dataclass(slots=True)
class JobRun:
    """One job that runs in this process."""

    context: RunContext
    job: Job
    steps: list[Step] = field(default_factory=list[Step], kw_only=True)
    collect: Callable[["JobRun"], Awaitable[None]] = field(default=collect_nothing, kw_only=True)
    """Finds the records and adds an item for each of them."""
    ended: Event = field(default_factory=Event, kw_only=True)
    counts: Counter[tuple[ItemState, str]] = field(default_factory=Counter[tuple[ItemState, str]], kw_only=True)
    """How many items by state and outcome."""
    state: JobState = field(default="running", kw_only=True)
    note: str = field(default="", kw_only=True)
    throughput: Throughput = field(init=False)
    backoff: Backoff = field(init=False)
    scope: CancelScope = field(default_factory=CancelScope, kw_only=True)
    _outcomes: list[Item] = field(default_factory=list[Item], init=False)
    """Items that are not saved yet."""
    _saved_at: float = field(init=False)
    _save_lock: Lock = field(default_factory=Lock, init=False)
    _unanswered: int = field(default=0, init=False)
    """Records in a row that had no answer."""
    _tried: int = field(default=0, init=False)
    _failed: int = field(default=0, init=False)
    """How many records this run has tried, and how many of them failed."""
    _prior_as_of: float = field(default=inf, init=False)
    """When the collecting began, or else the work: the prior state of a new item may be as old as that."""

    def __post_init__(self) -> None:
        self.throughput, self.backoff = Throughput(self.clock), Backoff(self.context.sleep)
        self._saved_at = self.clock()

    @property
    def jobs(self) -> JobStore:
        return self.context.jobs

    @property
    def clock(self) -> Callable[[], float]:
        return self.context.clock

    @property
    def finished(self) -> int:
        """How many items have an outcome."""
        return sum(count for (state, _), count in self.counts.items() if state not in ("planned", "sent"))

    @property
    def progress_text(self) -> str:
        """How far the job is, in words."""
        if not self.job.collected:
            return f"{self.job.total} found so far"
        rate, left = self.throughput.rate, self.job.total - self.finished
        speed = f", {rate:.1f} a second, about {left / rate:.0f} s left" if rate and left else ""
        failed = sum(count for (state, _), count in self.counts.items() if state == "failed")
        return f"{self.finished} of {self.job.total}{speed}{f'; {failed} failed' if failed else ''}"

    def stop(self, reason: str = "stopped on request") -> None:
        """Begin nothing more; finish the records that are on their way."""
        self.backoff.stop(reason)
        if not self.job.collected:
            self.scope.cancel()

    async def run(self) -> None:
        """Run the job to its end and save its final state and note.

        Errors of the API end the job. Crashes and cancellation are saved, and raised again.
        """
        try:
            with self.scope:
                await self._collect_and_work()
            if self.backoff.reason and self.state == "running":
                is_complete = self.job.collected and self.finished >= self.job.total
                self.state, self.note = ("done", "") if is_complete else ("stopped", self.backoff.reason)
        except Halt as halt:
            self.state, self.note = halt.state, str(halt)
        except ToolError as error:
            self.state, self.note = "interrupted", self.context.explain(error)
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
                    is_first_run = self.job.cursor == 0
                    self._prior_as_of = self.clock()
                    await self.backoff.run(lambda: self.collect(self))
                    self.job = replace(self.job, fresh_cursor=self.job.cursor if is_first_run else -1)
                    self.counts = Counter(await self.jobs.counts(self.job.id))
                await self.work()
                if not self.backoff.reason:
                    await self._check_removals()
                group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            raise unwrap_group(failures) from None
        if not self.backoff.reason:
            self.state = "done"

    async def add(self, items: list[Item], cursor: int, *, all: bool = False) -> None:
        """Add items that `collect` has found; `all` says that there are no more.

        Raises:
            Halt: if another process has taken the job over.
        """
        if not await self.jobs.add(self.job, items, cursor, all=all):
            raise Halt("interrupted", TAKEN_OVER)
        self.job = replace(self.job, total=self.job.total + len(items), cursor=cursor, collected=all)

    async def _heartbeat(self) -> None:
        """Save outcomes regularly, which also says that this process is alive."""
        while True:
            await self.context.sleep(HEARTBEAT)
            await self._flush()

    async def work(self) -> None:
        """Give every planned item an outcome, or end early when the job is to stop."""
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
        """Settle the records that need no request, and hand the others to the workers."""
        self._prior_as_of = min(self._prior_as_of, self.clock())
        async with sending:
            for item in await self.jobs.items(self.job.id, ("sent",), ALL):
                await sending.send((item, -inf))
            after = -1
            while not self.backoff.reason and (items := await self.jobs.items(self.job.id, ("planned",), CHUNK, after)):
                after = items[-1].n
                for number, step in enumerate(self.steps):
                    await self._look_at([item for item in items if item.step == number], step, sending)

    async def _look_at(
        self, items: list[Item], step: Step, sending: MemoryObjectSendStream[tuple[Item, float]]
    ) -> None:
        """Find out which records a step leaves as they are, and hand the others out with the time of this look."""
        for item in items:
            if item.prior is not None:
                step.prior[item.subject] = item.prior
        looked_at = self.clock()
        if items and all(item.prior is not None for item in items):
            is_fresh = self.job.cursor == self.job.fresh_cursor
            looked_at = self._prior_as_of if is_fresh else -inf
        subjects = [item.subject for item in items]
        unaffected = await self.backoff.run(lambda: step.find_unaffected(subjects))
        for item in items:
            if item.subject in unaffected:
                await self.outcome(item, "idle", unaffected[item.subject])
        await self._hand_out([item for item in items if item.subject not in unaffected], step, looked_at, sending)

    async def _hand_out(
        self, items: list[Item], step: Step, looked_at: float, sending: MemoryObjectSendStream[tuple[Item, float]]
    ) -> None:
        """Save that items are on their way before any of them is, then hand them to the workers."""
        for place in range(0, len(items), AHEAD):
            if self.backoff.reason:
                return
            batch = items[place : place + AHEAD]
            await self.save_now([replace(item, state="sent", prior=step.recovery_data(item.subject)) for item in batch])
            for item in batch:
                await sending.send((item, looked_at))

    async def _worker(self, receiving: MemoryObjectReceiveStream[tuple[Item, float]]) -> None:
        async with receiving:
            async for item, looked_at in receiving:
                if self.backoff.reason and item.state == "planned":
                    self._outcomes.append(item)  # it was not begun
                elif not self.backoff.reason:
                    await self._process(item, looked_at)

    async def _process(self, item: Item, looked_at: float) -> None:
        """Apply a step to one record and note its outcome.

        Raises:
            Halt: if the job cannot go on.
        """
        step = self.steps[item.step]
        try:
            if self.clock() - self._saved_at > HEARTBEAT:
                await self._flush()  # after a long sleep another process may run the job
            done = await self._apply(item, step, looked_at)
        except Halt:
            self._outcomes.append(item)  # it waited, and was not begun
            raise
        except (KeyRefused, NotConnected) as error:
            self._outcomes.append(item)
            raise Halt("interrupted", self.context.explain(error)) from error
        except (Unavailable, OutcomeUnknown) as error:
            self._unanswered += 1
            if self._unanswered >= MAX_UNANSWERED:  # it stays on its way, and is recovered later
                raise Halt("interrupted", f"ActiveCampaign does not answer: {error}") from error
            await self.outcome(item, "failed", "", reason=describe_unanswered(error))
        except ToolError as error:
            self._unanswered = 0
            await self.outcome(item, "failed", "", reason=short_reason(error))
        else:
            self._unanswered = 0
            state: ItemState = "done" if done.undo_data is not None else "idle"
            await self.outcome(item, state, done.outcome, prior=done.undo_data)
        step.prior.pop(item.subject, None)

    async def _apply(self, item: Item, step: Step, looked_at: float) -> Done:
        """Recover what an earlier process has begun, or look once more where the look is old, then apply the step."""
        is_recovering = item.state == "sent"

        async def attempt() -> Done:
            nonlocal looked_at, is_recovering
            if is_recovering and (done := await step.recover(item.subject, item.prior)):
                return done
            is_recovering = False
            if self.clock() - looked_at > STALE:
                unaffected, looked_at = await step.recheck(item.subject), self.clock()
                if unaffected:
                    return Done(unaffected)
            return await step.apply(item.subject)

        return await self.backoff.run(attempt)

    async def _check_removals(self) -> None:
        """Look once more at the records that something was removed from; what is still there has failed."""
        after = -1
        while items := await self.jobs.items(self.job.id, ("done",), CHUNK, after):
            after = items[-1].n
            for number, step in enumerate(self.steps):
                done = [item for item in items if item.step == number and item.outcome == step.done_outcome]
                if done and type(step).find_unproven is not Step.find_unproven:
                    unproven = await self.backoff.run(lambda s=step, d=done: s.find_unproven([i.subject for i in d]))
                    for item in done:
                        if item.subject in unproven:
                            self._outcomes.append(replace(item, state="failed", outcome="", reason=NOT_REMOVED))
                            self.counts["done", item.outcome] -= 1
                            self.counts["failed", ""] += 1
            await self._flush()

    async def outcome(
        self, item: Item, state: ItemState, outcome: str, *, reason: str = "", prior: Json | None = None
    ) -> None:
        """Note the outcome of an item, to be saved soon.

        Raises:
            Halt: if too many have failed.
        """
        self._outcomes.append(replace(item, state=state, outcome=outcome, reason=reason, prior=prior))
        self.counts[item.state, item.outcome] -= 1
        self.counts[state, outcome] += 1
        self.throughput.add()
        self._tried += 1
        self._failed += state == "failed"
        if len(self._outcomes) >= BATCH or self.clock() - self._saved_at >= SAVE_EVERY:
            await self._flush()
        if state == "failed":
            self.stop_if_too_many_failed(self._tried, self._failed)

    def stop_if_too_many_failed(self, tried: int, failed: int) -> None:
        """Raise Halt if so many records have failed that the rest would too."""
        if failed >= MIN_FAILURES and failed > MAX_FAILED_SHARE * tried:
            raise Halt("stopped", f"{failed} of {tried} failed, which is too many")

    async def save_now(self, items: Sequence[Item]) -> None:
        """Save items as they are now, before anything else happens."""
        self._outcomes += items
        await self._flush()

    async def _flush(self) -> None:
        """Save the outcomes so far.

        Raises:
            Halt: if another process has taken the job over, or the journal is away for long.
        """
        async with self._save_lock:
            outcomes, now, signal = self._outcomes, self.clock(), ""
            self._outcomes = []
            with CancelScope(shield=True):
                try:
                    signal = await self.jobs.save_items(self.job, outcomes, now - self._saved_at)
                except Unusable as error:
                    self._outcomes = outcomes + self._outcomes
                    if now - self._saved_at > JOURNAL_PATIENCE:
                        raise Halt("interrupted", f"the record cannot be kept ({error})") from error
                    return
            self._saved_at = now
        if signal == "lost":
            raise Halt("interrupted", TAKEN_OVER)
        if signal == "stop":
            self.stop()
