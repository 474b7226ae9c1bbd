"""The run of one call: arguments → ids → requests → what the model reads."""

import json
import logging
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from anyio import move_on_after

from ac_mcp.arguments.parsing import read
from ac_mcp.calls.account import GRACE, Account, chosen, overdue
from ac_mcp.calls.answer import Running, answered, named, refuse_second, there
from ac_mcp.calls.context import PLAINLY, Asked, many, recorded, shortened
from ac_mcp.calls.idempotency import keyed
from ac_mcp.calls.local_api import Here, previewable
from ac_mcp.catalogue.build import NO_UNDO
from ac_mcp.errors import (
    BadArguments,
    NeedsYes,
    NotConnected,
    OutcomeUnknown,
    Trouble,
)
from ac_mcp.gateway.call_client import Bound, Trail
from ac_mcp.jobs.approval import SEEN, as_agreed
from ac_mcp.messages import Json, Sender, silent
from ac_mcp.results.next_call import written as written_call
from ac_mcp.results.preview import kinds, previewed
from ac_mcp.results.shaping import View
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import RUNNERS, meant
from ac_mcp.writes.audit_log import Offer
from ac_mcp.writes.before_images import touched
from ac_mcp.writes.confirmation import Consent
from ac_mcp.writes.pipeline import Recording, Rehearsal
from ac_mcp.writes.reconcile import Settling

log = logging.getLogger(__name__)


def refuse_hidden(account: Account, operation: Operation[..., Any], arguments: Json) -> None:
    """Where free text is not to be shown, neither is what a call would give of it by another way.

    Raises:
        BadArguments: for such a call.
    """
    reveals = operation.options.get("reveals")
    if account.settings.hide_user_content and reveals and (what := reveals(arguments)):
        raise BadArguments(f"{what} are not shown by this server (AC_MCP_HIDE_USER_CONTENT): leave that out.")


async def run(
    account: Account,
    operation: Operation[..., Any],
    given: Json,
    asked: Asked = PLAINLY,
    trail: Trail | None = None,
) -> Json:
    """What a call answers. `trail` is filled with what it writes, as it does.

    The same write that is asked for again while it is under way is not made twice: both get its outcome. With a `key`
    of the client's that holds for ten minutes, also after it has ended.

    Raises:
        NeedsYes: with a preview and a token, if somebody has to agree first.
        Trouble: with what this call had already written in `done`.
    """
    if operation.name in RUNNERS:
        return await in_place_of(account, operation, given, asked, trail)
    arguments = read(operation, given, account.settings.several_accounts)
    views = {name: arguments.pop(name, None) for name in operation.views}
    view = View.of(views, account.settings.hide_user_content)
    refuse_hidden(account, operation, arguments)
    kept = trail or Trail()
    bound = account.bound(operation, kept)
    try:
        # Whatever waits without a deadline of its own, for another's look-up or a locked file, ends here.
        with move_on_after(bound.left + GRACE):
            bound = await chosen(account, bound, operation, arguments)
            if operation.read_only:
                return await answered(reading(account, bound, operation, arguments, asked, view), arguments)
            return await agreed(account, bound, operation, arguments, given, asked)
        raise overdue(kept)
    except Trouble as trouble:
        if isinstance(trouble, NotConnected):
            account.default.forget()
        unsure = isinstance(trouble, OutcomeUnknown) and trouble.answered
        trouble.done = tuple(kept.written[: -1 if unsure else None]) or trouble.done
        raise


async def in_place_of(
    account: Account, runner: Operation[..., Any], given: Json, asked: Asked, trail: Trail | None
) -> Json:
    """The operation that one of the two runners names, run as if it were a tool."""
    one, arguments = named_by(account, runner, given)
    with about(one, arguments):
        answer = await run(account, one, arguments, asked, trail)
    irreversible = one.options.get("irreversible") and answer.get("result") and "token" not in answer
    return answer | ({"note": NO_UNDO} if irreversible and "note" not in answer else {})


def meant_by(account: Account, operation: Operation[..., Any], given: Json) -> tuple[Operation[..., Any], Json]:
    """What a call runs: itself, or what a runner names."""
    return named_by(account, operation, given) if operation.name in RUNNERS else (operation, given)


def named_by(account: Account, runner: Operation[..., Any], given: Json) -> tuple[Operation[..., Any], Json]:
    arguments = read(runner, given, account.settings.several_accounts)
    one, own = meant(account.reach, runner, arguments)
    connection = {"connection": arguments["connection"]} if arguments.get("connection") else {}
    return one, own | connection


def reading(
    account: Account, bound: Bound, operation: Operation[..., Any], arguments: Json, asked: Asked, view: View
) -> Running:
    settling = account.settling(bound)
    here = operation.resource.plane == "here"
    sender = desk(account, bound, operation, settling, asked, arguments) if here else settling
    return Running(account, operation, bound, settling, sender, asked.progress, view)


async def agreed(
    account: Account, bound: Bound, operation: Operation[..., Any], arguments: Json, given: Json, asked: Asked
) -> Json:
    """A write, if nobody has to be asked or somebody has said yes to exactly what it would do now.

    Raises:
        NeedsYes: otherwise; its token confirms this very call.
    """
    rehearsed: tuple[Json, str] | None = None
    try:
        if asked.agreed:
            rehearsed = await rehearsal(account, bound, operation, arguments)
            if not as_agreed(rehearsed[1], asked.agreed):
                raise NeedsYes(["What it would do has changed since it was shown."])
        return await written(account, bound, operation, arguments, asked)
    except NeedsYes as needs:
        if needs.token:
            raise  # it is about the call that was confirmed
        needs.preview, needs.seen = rehearsed or await rehearsal(account, bound, operation, arguments)
        offer = Offer(operation.name, given, needs.seen)
        needs.token = await account.changes.offer(account.of_offers(bound.caller), offer)
        raise


async def written(
    account: Account, bound: Bound, operation: Operation[..., Any], arguments: Json, asked: Asked
) -> Json:
    """A write, once: whoever asks for the same while it runs waits for it."""
    call = f"{operation.name} {json.dumps(arguments, sort_keys=True, default=str)}"
    same = (account.whose(bound.caller), asked.key, call, asked.agreed)

    async def work() -> Json:
        settling = account.settling(bound, asked.key, call, bool(asked.agreed))
        sender = recording(account, bound, operation, arguments, settling, asked)
        view = View(hidden=account.settings.hide_user_content)
        running = Running(account, operation, bound, settling, sender, asked.progress, view)
        try:
            answer = await answered(running, arguments)
        except Trouble:
            await settling.told()
            raise
        await settling.told()
        if not bound.trail.written:
            return answer
        number = {"change": str(bound.trail.change)} if bound.trail.change and "change" not in answer else {}
        return answer | number | account.said(bound.caller, operation)

    async def under_key() -> Json:
        return await keyed(account, f"{same[0]} {asked.key}", sha256(call.encode()).hexdigest(), work)

    try:
        return await account.writes.once(same, under_key if asked.key else work, bound.left)
    except TimeoutError:
        unknown = OutcomeUnknown("the same call, made before, is still under way")
        unknown.watched = True
        raise unknown from None


def recording(
    account: Account,
    bound: Bound,
    operation: Operation[..., Any],
    arguments: Json,
    settling: Settling,
    asked: Asked,
) -> Sender:
    """What a writing call sends through: every write is noted before and after."""
    change = recorded(account, bound, operation, arguments, asked)
    consent = Consent(account.settings.confirm, bool(asked.agreed))
    sender = Recording(settling, bound, account.changes, change, consent)
    if operation.resource.plane != "here":
        return sender
    return replace(desk(account, bound, operation, settling, asked, arguments), sender=sender)


def desk(
    account: Account,
    bound: Bound,
    operation: Operation[..., Any],
    settling: Settling,
    asked: Asked,
    arguments: Json | None = None,
) -> Here:
    """What this server answers itself."""

    async def preview(one: Operation[..., Any], given: Json) -> Json:
        with about(one, given):
            one, given = meant_by(account, one, given)
        with about(one, given):
            arguments = read(previewable(one), given, account.settings.several_accounts)
            there = await chosen(account, bound, one, arguments)
            return (await rehearsal(account, there, one, arguments))[0]

    async def confirm(one: Operation[..., Any], offer: Offer) -> Json:
        with about(one, offer.arguments):
            return await run(account, one, offer.arguments, replace(asked, agreed=offer.seen, key=""), bound.trail)

    references = account.references(bound.caller.connection)

    async def learn(wanted: Mapping[str, set[str]]) -> None:
        await named(references, settling, wanted)

    bulk = many(account, bound, operation, settling, asked, arguments or {})
    return Here(
        account.changes, account.whose_changes(bound.caller), account.of_offers(bound.caller), account.reach, settling,
        preview, confirm, references.name, learn, bulk, account.settings.hide_user_content,
    )  # fmt: skip


@contextmanager
def about(operation: Operation[..., Any], given: Json) -> Generator[None]:
    """What goes wrong in a call inside another is told as what it is."""
    try:
        yield
    except Trouble as trouble:
        trouble.about = trouble.about or (operation, given)
        raise


async def rehearsal(
    account: Account, bound: Bound, operation: Operation[..., Any], arguments: Json
) -> tuple[Json, str]:
    """What a write would do, and its fingerprint. Reads are made; nothing is written."""
    stage = Rehearsal(bound)
    settling = account.settling(bound)
    sender: Sender = stage
    if operation.resource.plane == "here":
        sender = replace(desk(account, bound, operation, settling, PLAINLY, arguments), sender=stage)
    running = Running(account, operation, bound, settling, sender, silent)
    resolved = await running.references.resolve(stage, operation, arguments)
    if not operation.options.get("resumable"):  # what broke off is no second one
        await refuse_second(running, resolved, foreseen=True)
    payload = await operation.run(sender, resolved, watch=running.watch)
    if seen := payload.pop(SEEN, None):
        said = {name: shortened(value) for name, value in arguments.items()}
        told = {"result": "preview: nothing was written", "call": written_call(operation.name, said)}
        return told | payload | account.said(bound.caller, operation), seen
    writes = [(one.request, one.before) for one in stage.noted]
    view = View(hidden=account.settings.hide_user_content)
    names = await named(running.references, stage, kinds(operation, resolved, writes))
    await there(operation, resolved, stage, names)
    consent = Consent(account.settings.confirm)
    surroundings = await stage.surroundings(operation)
    preview = previewed(operation, arguments, resolved, writes, names, surroundings, payload, view)
    asks = [reason for one in stage.noted for reason in consent.reasons(one.request, one.before)]
    preview |= {"asks": list(dict.fromkeys(asks))} if asks else {}
    seen = [(one.method, one.path, one.query, one.body, touched(one, before)) for one, before in writes]
    told = (account.whose_changes(bound.caller), seen)
    return preview | account.said(bound.caller, operation), sha256(json.dumps(told, default=str).encode()).hexdigest()
