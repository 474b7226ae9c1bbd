"""The operations that this server answers itself: previews, confirmations, changes, undo, jobs, and the search."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from ac_mcp.calls.answer import fetch_names
from ac_mcp.calls.change_rows import (
    FEW,
    call_of,
    change_row,
    names_in_change,
    with_job,
)
from ac_mcp.calls.tool_call import ToolCall
from ac_mcp.errors import BadArguments, ToolError, Unconfirmed
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.import_export import export_records, import_contacts, preview_import
from ac_mcp.jobs.model import Job
from ac_mcp.jobs.preview import JobPreview
from ac_mcp.jobs.service import JobService
from ac_mcp.jobs.steps.registry import names_in_step, step_with_names
from ac_mcp.messages import Json, Request, Response, Sender
from ac_mcp.operations.changes import changes, list_changes
from ac_mcp.results.next_call import explain
from ac_mcp.spec.job_plan import JobPlan, StepPlan
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import search_operations
from ac_mcp.writes.audit_log import AuditScope, Change
from ac_mcp.writes.confirmation import ConfirmationPolicy
from ac_mcp.writes.dry_run import DryRun
from ac_mcp.writes.reconcile import Reconciler
from ac_mcp.writes.recorder import RecordedWrites
from ac_mcp.writes.undo import Undo, count_steps
from ac_mcp.writes.undo_requests import created_by

Mode: TypeAlias = Literal["read", "write", "dry run"]


@dataclass(frozen=True, slots=True)
class LocalApi:
    """Answers the requests of the local plane; other requests go on to `inner`.

    One of `recorder` and `dry_run` is set for a call that writes: it is the sender in `inner`.
    """

    call: ToolCall
    inner: Sender
    service: JobService
    recorder: RecordedWrites | None = None
    dry_run: DryRun | None = None

    async def send(self, request: Request) -> Response:
        """Answer a local request, or pass any other one on.

        Raises:
            ToolError: as the handler of the operation does.
        """
        if request.plane != "local":
            return await self.inner.send(request)
        return Response(200, await HANDLERS[request.operation](self, request))

    @property
    def scope(self) -> AuditScope:
        """Whose changes the caller sees."""
        return self.call.account.audit_scope(self.call.client.caller)

    @property
    def policy(self) -> ConfirmationPolicy:
        """The confirmation policy of this call; nothing waits where nothing is recorded."""
        return self.recorder.policy if self.recorder else ConfirmationPolicy("never")

    @property
    def hidden(self) -> bool:
        """Whether free text is left out, also as an argument of a call."""
        return self.call.account.settings.hide_user_content

    def name_of(self, kind: str, id: str) -> str:
        """Return the name of a thing as far as it is known."""
        return self.service.names.name(kind, id)

    async def learn_names(self, ids: Mapping[str, set[str]]) -> None:
        """Fetch the names of these things, by kind, as far as the account tells them."""
        await fetch_names(self.service.names, self.service.reader, ids)

    async def find_operations(self, request: Request) -> Json:
        """Return the operations that fit a wish in plain words."""
        query = request.query
        return search_operations(self.call.account.access, str(query["query"]), int(str(query["limit"])))

    async def list_changes(self, request: Request) -> Json:
        """Return a page of the audit log."""
        audit_log = self.call.account.audit_log
        limit, offset = (int(str(request.query[name])) for name in ("limit", "offset"))
        page, total = await audit_log.load_page(self.scope, limit, offset)
        rows = [await self._row(change, audit_log.journal.now) for change in page]
        return {changes.plural: rows, "meta": {"total": total}}

    async def _row(self, change: Change, now: float) -> Json:
        row = change_row(change, now, hidden=self.hidden)
        job = None if change.writes else await self.service.jobs.find(self.scope, change.id)
        return with_job(row, change, await self.service.report(job)) if job else row

    async def export_records(self, request: Request) -> Json:
        """Start an export, or resume one."""
        return await export_records(self.service, request.body or {})

    async def import_contacts(self, request: Request) -> Json:
        """Start an import, or return its preview."""
        if self.dry_run:
            return self._noted(self.dry_run, await preview_import(self.service, request.body or {}))
        return await import_contacts(self.service, request.body or {}, self.policy)

    async def start_job(self, request: Request) -> Json:
        """Start a bulk job, or return its preview."""
        plan: JobPlan = (request.body or {})["plan"]
        ids: dict[str, set[str]] = {}
        for kind, id in (pair for step in plan["steps"] for pair in names_in_step(step)):
            ids.setdefault(kind, set()).add(id)
        await self.learn_names(ids)
        steps: list[StepPlan] = [step_with_names(step, self.name_of) for step in plan["steps"]]
        return await self._start({**plan, "steps": steps}, self.service)

    async def _start(self, plan: JobPlan, service: JobService) -> Json:
        if self.dry_run:
            return self._noted(self.dry_run, await service.preview(plan))
        return await service.start(plan, self.policy)

    def _noted(self, dry_run: DryRun, preview: JobPreview) -> Json:
        dry_run.job_fingerprint = preview.fingerprint
        return preview.content

    async def follow_job(self, request: Request) -> Json:
        """Return the report of a job; stop or resume it."""
        action = str((request.body or {}).get("action") or "watch")
        return await self.service.follow(int(request.path.split("/")[2]), action)

    async def preview_change(self, request: Request) -> Json:
        """Return the preview of another call."""
        body = request.body or {}
        operation = self._require_writing(body["tool"])
        return await self.call.inner.preview(self.call, operation.name, dict(body["arguments"]))

    def _require_writing(self, tool: str) -> Operation[..., Any]:
        """Return a tool that can be previewed.

        Raises:
            BadArguments: for any other.
        """
        access = self.call.account.access
        if (operation := access.operation(tool)) is not None:
            return require_previewable(operation)
        writing = [
            name for name, tool in access.tools.items() if not tool.read_only and not tool.options.answer.verbatim
        ]
        near = get_close_matches(tool, writing, 1)
        others = f"did you mean {near[0]}?" if near else f"those that write are {', '.join(writing)}."
        raise BadArguments(f"tool: there is no {tool[:64]!r} here; {others}", {"tool": near[0]} if near else None)

    async def confirm_change(self, request: Request) -> Json:
        """Run the call that waits for a token."""
        account = self.call.account
        owner = account.token_owner(self.call.client.caller)
        pending = await account.audit_log.take_confirmation(owner, (request.body or {})["token"])
        if pending is None or pending.tool not in account.access:
            raise see_changes(
                "token: no call waits for it. It counts once, for ten minutes, for whoever made the call; list_changes "
                "shows if it was used."
            )
        return await self.call.inner.confirm(self.call, pending)

    async def undo_change(self, request: Request) -> Json:
        """Take a change back."""
        id = request.path.split("/")[2]
        audit_log = self.call.account.audit_log
        change = await audit_log.find(self.scope, int(id)) if id.isdecimal() else None
        if change is None:
            raise see_changes(f"change: no change of this account has the id {id}; list_changes shows them.")
        if change.tool not in self.call.account.access:
            raise BadArguments(f"{change.tool} is switched off in this server, and so is its undoing.")
        if job := await self.service.jobs.find(self.scope, change.id):
            return await self._undo_job(change, job)
        attempts = await audit_log.load_undo_attempts(change.id)
        if any(attempt.is_unclear(audit_log.journal.now) for attempt in attempts):
            raise see_changes(
                f"change: how an earlier undo of {id} ended is not known. Look whether it was done first."
            )
        await self.learn_names(names_in_change(change))
        even_if = tuple(str(word) for word in (request.body or {}).get("evenIf") or ())
        return self._undo_report(change, await self._undo(change, even_if))

    async def _undo(self, change: Change, even_if: tuple[str, ...] = ()) -> Undo:
        """Take the writes of a change back; in a dry run only plan it."""
        access = self.call.account.access
        undo = Undo(self.inner, access, name_of=self.name_of, made_earlier=await self._created_by_undos(change))
        undo.even_if = even_if
        count = count_steps(change)
        if self.recorder is None:
            assert self.dry_run
            self.dry_run.images.light = count > FEW
            await undo.run(change, whole=True)
            return undo
        self.recorder.images.light = count > FEW
        self.recorder.take_back(change)
        reasons = self.recorder.policy.reasons_for_count(count, "It writes to")
        if even_if and not self.recorder.policy.asks_nothing:
            reasons.append(f"It may delete {' and '.join(even_if)} with what the change made.")
        if reasons:
            raise Unconfirmed(reasons)
        async with self.call.account.audit_log.exclusively(f"undo {change.owner} {change.id}"):
            await undo.run(change)
        return undo

    def _undo_report(self, change: Change, undo: Undo) -> Json:
        """Return what an undo has done and what it could not do."""
        (undo.lost if change.undone_by else undo.restored).extend(undo.gone)
        complete = "partly undone" if undo.lost else "undone"
        report: Json = {
            "result": complete if undo.restored else "nothing undone",
            "change": str(change.id),
            "call": call_of(change, hidden=self.hidden),
        }
        if undo.restored:
            report["restored"] = undo.restored
        if undo.lost:
            report["not_restored"] = undo.lost
        if change.undone_by and not undo.restored:
            report["note"] = f"It was undone before, by change {change.undone_by[-1]}."
        elif not undo.restored and not undo.lost:
            report["note"] = "It had changed nothing."
        return report

    async def _undo_job(self, change: Change, job: Job) -> Json:
        head = {"change": str(change.id), "call": call_of(change, hidden=self.hidden)}
        service = replace(self.service, change=replace(self.service.change, undoes=change.id))
        return head | await self._start(service.undo_plan(job), service)

    async def _created_by_undos(self, change: Change) -> dict[str, list[Json]]:
        """Return what earlier undos of a change have created already."""
        attempts = [await self.call.account.audit_log.find(self.scope, id) for id in change.undone_by]
        return created_by(entry for attempt in attempts if attempt for entry in attempt.writes)


Handler: TypeAlias = Callable[[LocalApi, Request], Awaitable[Json]]
HANDLERS: Mapping[str, Handler] = {
    "find_operations": LocalApi.find_operations,
    "list_changes": LocalApi.list_changes,
    "export_contacts": LocalApi.export_records,
    "export_deals": LocalApi.export_records,
    "import_contacts": LocalApi.import_contacts,
    "bulk_update_contacts": LocalApi.start_job,
    "bulk_update_deals": LocalApi.start_job,
    "follow_job": LocalApi.follow_job,
    "preview_change": LocalApi.preview_change,
    "confirm_change": LocalApi.confirm_change,
    "undo_change": LocalApi.undo_change,
}
"""The handler of each operation of the local plane, by the operation's name."""


def require_previewable(operation: Operation[..., Any]) -> Operation[..., Any]:
    """Return an operation that writes and was not previewed before.

    Raises:
        BadArguments: for any other.
    """
    if operation.read_only:
        raise BadArguments(f"{operation.name} only reads: call it as it is, nothing is changed by it.")
    if operation.name == "follow_job":
        raise BadArguments("It goes on with what was shown before it began: there is nothing to preview.")
    if operation.name == "confirm_change":
        raise BadArguments("The preview of a call that waits for confirmation was shown with its token.")
    return operation


def see_changes(text: str) -> BadArguments:
    """Return a refusal that suggests list_changes as the next call."""
    return BadArguments(text, replacement=(list_changes.name, {}))


def job_service(call: ToolCall, reconciler: Reconciler, change: Change) -> JobService:
    """Return the job service for a call."""
    account, caller = call.account, call.client.caller
    settings = account.settings

    def explain_failure(error: ToolError) -> str:
        return explain(error, call.operation, {}, settings.direct, ())

    return JobService(
        jobs=account.job_store,
        pool=account.job_pool,
        client=call.client,
        reader=reconciler,
        scope=account.audit_scope(caller),
        change=change,
        progress=call.context.progress,
        names=account.directory(caller.connection),
        explain=explain_failure,
        confirmed_fingerprint=call.context.confirmed.fingerprint if call.context.confirmed else "",
        hidden=settings.hide_user_content,
        lean=account.audit_log.lean,
        files=AllowedFiles(settings.folders, account.folder),
    )
