"""The run of one call: arguments → ids → requests → what the model reads."""

import json
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from anyio import move_on_after

from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.calls.account import GRACE, Account, deadline_error, select_connection
from ac_mcp.calls.answer import CallRun, answer, fetch_names, refuse_duplicate, require_existing
from ac_mcp.calls.context import NO_CONTEXT, CallContext, change_for, job_service, shorten
from ac_mcp.calls.idempotency import run_once_per_key
from ac_mcp.calls.local_api import LocalApi, previewable
from ac_mcp.catalogue.build import NO_UNDO
from ac_mcp.errors import (
    BadArguments,
    ConfirmationRequired,
    NotConnected,
    OutcomeUnknown,
    ToolError,
)
from ac_mcp.gateway.call_client import CallClient, Trail
from ac_mcp.jobs.approval import FINGERPRINT, covers
from ac_mcp.messages import Json, Sender, no_progress
from ac_mcp.results.next_call import format_call as written_call
from ac_mcp.results.preview import build_preview, ids_to_name
from ac_mcp.results.shaping import View
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import GENERIC_TOOLS, resolve_generic_call
from ac_mcp.writes.audit_log import PendingConfirmation
from ac_mcp.writes.before_images import confirmed_part
from ac_mcp.writes.confirmation import ConfirmationPolicy
from ac_mcp.writes.pipeline import DryRun, RecordedWrites
from ac_mcp.writes.reconcile import Reconciler

log = logging.getLogger(__name__)


def refuse_hidden(account: Account, operation: Operation[..., Any], arguments: Json) -> None:
    """Where free text is not to be shown, neither is what a call would give of it by another way.

    Raises:
        BadArguments: for such a call.
    """
    reveals = operation.options.get("reveals")
    if account.settings.hide_user_content and reveals and (what := reveals(arguments)):
        raise BadArguments(f"{what} are not shown by this server (AC_MCP_HIDE_USER_CONTENT): leave that out.")


async def execute(
    account: Account,
    operation: Operation[..., Any],
    given: Json,
    asked: CallContext = NO_CONTEXT,
    trail: Trail | None = None,
) -> Json:
    """What a call answers. `trail` is filled with what it writes, as it does.

    The same write that is asked for again while it is under way is not made twice: both get its outcome. With a `key`
    of the client's that holds for ten minutes, also after it has ended.

    Raises:
        NeedsYes: with a preview and a token, if somebody has to agree first.
        Trouble: with what this call had already written in `done`.
    """
    if operation.name in GENERIC_TOOLS:
        return await execute_generic(account, operation, given, asked, trail)
    arguments = parse_arguments(operation, given, account.settings.several_accounts)
    views = {name: arguments.pop(name, None) for name in operation.views}
    view = View.of(views, account.settings.hide_user_content)
    refuse_hidden(account, operation, arguments)
    kept = trail or Trail()
    bound = account.client_for(operation, kept)
    try:
        # Whatever waits without a deadline of its own, for another's look-up or a locked file, ends here.
        with move_on_after(bound.seconds_left + GRACE):
            bound = await select_connection(account, bound, operation, arguments)
            if operation.read_only:
                return await answer(read_run(account, bound, operation, arguments, asked, view), arguments)
            return await answer_write(account, bound, operation, arguments, given, asked)
        raise deadline_error(kept)
    except ToolError as trouble:
        if isinstance(trouble, NotConnected):
            account.default.forget()
        unsure = isinstance(trouble, OutcomeUnknown) and trouble.answered
        trouble.done = tuple(kept.written[: -1 if unsure else None]) or trouble.done
        raise


async def execute_generic(
    account: Account, runner: Operation[..., Any], given: Json, asked: CallContext, trail: Trail | None
) -> Json:
    """The operation that one of the two runners names, run as if it were a tool."""
    one, arguments = resolve_generic(account, runner, given)
    with attributed_to(one, arguments):
        answer = await execute(account, one, arguments, asked, trail)
    irreversible = one.options.get("irreversible") and answer.get("result") and "token" not in answer
    return answer | ({"note": NO_UNDO} if irreversible and "note" not in answer else {})


def resolve_call(account: Account, operation: Operation[..., Any], given: Json) -> tuple[Operation[..., Any], Json]:
    """What a call runs: itself, or what a runner names."""
    return resolve_generic(account, operation, given) if operation.name in GENERIC_TOOLS else (operation, given)


def resolve_generic(account: Account, runner: Operation[..., Any], given: Json) -> tuple[Operation[..., Any], Json]:
    arguments = parse_arguments(runner, given, account.settings.several_accounts)
    one, own = resolve_generic_call(account.access, runner, arguments)
    connection = {"connection": arguments["connection"]} if arguments.get("connection") else {}
    return one, own | connection


def read_run(
    account: Account, bound: CallClient, operation: Operation[..., Any], arguments: Json, asked: CallContext, view: View
) -> CallRun:
    settling = account.reconciler(bound)
    here = operation.resource.plane == "local"
    sender = local_api(account, bound, operation, settling, asked, arguments) if here else settling
    return CallRun(account, operation, bound, settling, sender, asked.progress, view)


async def answer_write(
    account: Account,
    bound: CallClient,
    operation: Operation[..., Any],
    arguments: Json,
    given: Json,
    asked: CallContext,
) -> Json:
    """A write, if nobody has to be asked or somebody has said yes to exactly what it would do now.

    Raises:
        NeedsYes: otherwise; its token confirms this very call.
    """
    rehearsed: tuple[Json, str] | None = None
    try:
        if asked.confirmed:
            rehearsed = await dry_run(account, bound, operation, arguments)
            if not covers(rehearsed[1], asked.confirmed):
                raise ConfirmationRequired(["What it would do has changed since it was shown."])
        return await write_once(account, bound, operation, arguments, asked)
    except ConfirmationRequired as needs:
        if needs.token:
            raise  # it is about the call that was confirmed
        needs.preview, needs.fingerprint = rehearsed or await dry_run(account, bound, operation, arguments)
        offer = PendingConfirmation(operation.name, given, needs.fingerprint)
        needs.token = await account.audit_log.save_confirmation(account.token_owner(bound.caller), offer)
        raise


async def write_once(
    account: Account, bound: CallClient, operation: Operation[..., Any], arguments: Json, asked: CallContext
) -> Json:
    """A write, once: whoever asks for the same while it runs waits for it."""
    call = f"{operation.name} {json.dumps(arguments, sort_keys=True, default=str)}"
    same = (account.account_id(bound.caller), asked.key, call, asked.confirmed)

    async def work() -> Json:
        settling = account.reconciler(bound, asked.key, call, bool(asked.confirmed))
        sender = recorded_sender(account, bound, operation, arguments, settling, asked)
        view = View(hidden=account.settings.hide_user_content)
        running = CallRun(account, operation, bound, settling, sender, asked.progress, view)
        try:
            result = await answer(running, arguments)
        except ToolError:
            await settling.mark_reported()
            raise
        await settling.mark_reported()
        if not bound.trail.written:
            return result
        number = {"change": str(bound.trail.change_id)} if bound.trail.change_id and "change" not in result else {}
        return result | number | account.label_fields(bound.caller, operation)

    async def under_key() -> Json:
        return await run_once_per_key(account, f"{same[0]} {asked.key}", sha256(call.encode()).hexdigest(), work)

    try:
        return await account.writes.run(same, under_key if asked.key else work, bound.seconds_left)
    except TimeoutError:
        unknown = OutcomeUnknown("the same call, made before, is still under way")
        unknown.watched = True
        raise unknown from None


def recorded_sender(
    account: Account,
    bound: CallClient,
    operation: Operation[..., Any],
    arguments: Json,
    settling: Reconciler,
    asked: CallContext,
) -> Sender:
    """What a writing call sends through: every write is noted before and after."""
    change = change_for(account, bound, operation, arguments, asked)
    consent = ConfirmationPolicy(account.settings.confirm, bool(asked.confirmed))
    sender = RecordedWrites(settling, bound, account.audit_log, change, consent)
    if operation.resource.plane != "local":
        return sender
    return replace(local_api(account, bound, operation, settling, asked, arguments), sender=sender)


def local_api(
    account: Account,
    bound: CallClient,
    operation: Operation[..., Any],
    settling: Reconciler,
    asked: CallContext,
    arguments: Json | None = None,
) -> LocalApi:
    """What this server answers itself."""

    async def preview(one: Operation[..., Any], given: Json) -> Json:
        with attributed_to(one, given):
            one, given = resolve_call(account, one, given)
        with attributed_to(one, given):
            arguments = parse_arguments(previewable(one), given, account.settings.several_accounts)
            there = await select_connection(account, bound, one, arguments)
            return (await dry_run(account, there, one, arguments))[0]

    async def confirm(one: Operation[..., Any], offer: PendingConfirmation) -> Json:
        with attributed_to(one, offer.arguments):
            return await execute(
                account, one, offer.arguments, replace(asked, confirmed=offer.fingerprint, key=""), bound.trail
            )

    references = account.directory(bound.caller.connection)

    async def learn(wanted: Mapping[str, set[str]]) -> None:
        await fetch_names(references, settling, wanted)

    bulk = job_service(account, bound, operation, settling, asked, arguments or {})
    return LocalApi(
        account.audit_log, account.audit_scope(bound.caller), account.token_owner(bound.caller), account.access, settling,
        preview, confirm, references.name, learn, bulk, account.settings.hide_user_content,
    )  # fmt: skip


@contextmanager
def attributed_to(operation: Operation[..., Any], given: Json) -> Generator[None]:
    """What goes wrong in a call inside another is told as what it is."""
    try:
        yield
    except ToolError as trouble:
        trouble.about = trouble.about or (operation, given)
        raise


async def dry_run(
    account: Account, bound: CallClient, operation: Operation[..., Any], arguments: Json
) -> tuple[Json, str]:
    """What a write would do, and its fingerprint. Reads are made; nothing is written."""
    stage = DryRun(bound)
    settling = account.reconciler(bound)
    sender: Sender = stage
    if operation.resource.plane == "local":
        sender = replace(local_api(account, bound, operation, settling, NO_CONTEXT, arguments), sender=stage)
    running = CallRun(account, operation, bound, settling, sender, no_progress)
    resolved = await running.directory.resolve(stage, operation, arguments)
    if not operation.options.get("resumable"):  # what broke off is no second one
        await refuse_duplicate(running, resolved, foreseen=True)
    payload = await operation.run(sender, resolved, watch=running.clock)
    if seen := payload.pop(FINGERPRINT, None):
        said = {name: shorten(value) for name, value in arguments.items()}
        told = {"result": "preview: nothing was written", "call": written_call(operation.name, said)}
        return told | payload | account.label_fields(bound.caller, operation), seen
    writes = [(one.request, one.before) for one in stage.planned]
    view = View(hidden=account.settings.hide_user_content)
    names = await fetch_names(running.directory, stage, ids_to_name(operation, resolved, writes))
    await require_existing(operation, resolved, stage, names)
    consent = ConfirmationPolicy(account.settings.confirm)
    surroundings = await stage.fetch_side_effects(operation)
    preview = build_preview(operation, arguments, resolved, writes, names, surroundings, payload, view)
    asks = [reason for one in stage.planned for reason in consent.reasons(one.request, one.before)]
    preview |= {"asks": list(dict.fromkeys(asks))} if asks else {}
    seen = [(one.method, one.path, one.query, one.body, confirmed_part(one, before)) for one, before in writes]
    told = (account.audit_scope(bound.caller), seen)
    return preview | account.label_fields(bound.caller, operation), sha256(
        json.dumps(told, default=str).encode()
    ).hexdigest()
