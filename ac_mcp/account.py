"""What belongs to one caller, and the run of one call for it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from time import monotonic, time
from typing import Any
from uuid import uuid4

from anyio import move_on_after

from ac_mcp.default_connection import DefaultConnection
from ac_mcp.errors import (
    BadArguments,
    Candidate,
    Duplicate,
    GatewayError,
    NoSuchName,
    NotConnected,
    OutcomeUnknown,
    SeveralNames,
    Trouble,
    Unavailable,
)
from ac_mcp.gateway.client import Gateway
from ac_mcp.journal import Journal
from ac_mcp.operation import Operation
from ac_mcp.operations import RESOURCES
from ac_mcp.operations.connections import connections
from ac_mcp.reading import read
from ac_mcp.reconcile import Seen, Settling
from ac_mcp.references import References
from ac_mcp.request import Caller, Json, Progress, Request, Sender, silent
from ac_mcp.results.render import fitted, render
from ac_mcp.results.trim import SUMMARY, Answered, View, shape, wanted
from ac_mcp.senders import Bound, Trail
from ac_mcp.settings import Settings
from ac_mcp.sharing import Sharing

log = logging.getLogger(__name__)
GRACE = 0.25
"""Seconds past its deadline after which a call is ended whatever it waits for."""


@dataclass(frozen=True)
class Account:
    """One key with its settings: where its requests go and what its things are called, by connection."""

    gateway: Gateway
    settings: Settings
    caller: Caller
    clock: Callable[[], float] = monotonic
    directories: dict[str, References] = field(default_factory=dict[str, References])
    default: DefaultConnection = field(default_factory=DefaultConnection)
    journal: Journal = field(default_factory=lambda: Journal.in_memory(time))
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])
    writes: Sharing[Json] = field(default_factory=Sharing[Json])

    @classmethod
    def of(cls, settings: Settings, gateway: Gateway, journal: Journal | None = None) -> "Account":
        kept = journal or Journal.in_memory(lambda: gateway.now().timestamp())
        return cls(gateway, settings, Caller(settings.credential), gateway.clock, journal=kept)

    def references(self, connection: str) -> References:
        return self.directories.setdefault(connection, References(RESOURCES, self.clock))

    def bound(self, operation: Operation[..., Any], trail: Trail) -> Bound:
        seconds = self.settings.read_timeout if operation.read_only else self.settings.write_timeout
        caller = replace(self.caller, deadline=self.clock() + seconds, call=uuid4().hex)
        return Bound(self.gateway, caller, trail)

    def whose(self, caller: Caller) -> str:
        """Which account a caller means, and who of those who share it: the same before and after it could be looked up.

        A default connection stays the default of its key here, whether its id is known or not.
        """
        meant = caller if caller.named else replace(caller, connection="")
        (name, _), *_ = self.gateway.doors.budgets(meant, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def settling(self, bound: Bound, key: str = "", call: str = "") -> Settling:
        whose = self.whose(bound.caller)
        seen = self.seen.setdefault(bound.caller.connection, Seen())
        hashed = sha256(f"{whose}\n{key}\n{call}".encode()).hexdigest()
        return Settling(bound, self.journal, seen, whose, self.settings.settle, key, hashed)


async def run(
    account: Account,
    operation: Operation[..., Any],
    given: Json,
    progress: Progress = silent,
    trail: Trail | None = None,
    key: str = "",
) -> Json:
    """Arguments → ids → requests → what the model reads. `trail` is filled with what the call writes, as it does.

    The same write that is asked for again while it is under way is not made twice: both get its outcome. With a `key`
    of the client's that holds for ten minutes, also after it has ended.

    Raises:
        Trouble: with what this call had already written in `done`.
    """
    arguments = read(operation, given, account.settings.several_accounts)
    view = View.of({name: arguments.pop(name, None) for name in operation.views})
    kept = trail or Trail()
    bound = account.bound(operation, kept)
    try:
        # Whatever waits without a deadline of its own, for another's look-up or a locked file, ends here.
        with move_on_after(bound.left + GRACE):
            bound = await chosen(account, bound, operation, arguments)
            if operation.read_only:
                return await answered(account, account.settling(bound), operation, arguments, progress, view)
            return await written(account, bound, operation, arguments, progress, key)
        raise overdue(kept)
    except Trouble as trouble:
        if isinstance(trouble, NotConnected):
            account.default.forget()
        unsure = isinstance(trouble, OutcomeUnknown) and trouble.answered
        trouble.done = tuple(kept.written[: -1 if unsure else None]) or trouble.done
        raise


def overdue(trail: Trail) -> GatewayError:
    if not trail.tried:
        return Unavailable("no answer came in time", arrived=False)
    unknown = OutcomeUnknown("no answer came in time")
    unknown.watched = True
    return unknown


async def written(
    account: Account, bound: Bound, operation: Operation[..., Any], arguments: Json, progress: Progress, key: str
) -> Json:
    """A write, once: whoever asks for the same while it runs waits for it."""
    call = f"{operation.name} {render(dict(sorted(arguments.items())))}"
    same = (account.whose(bound.caller), key, call)

    async def work() -> Json:
        sender = account.settling(bound, key, call)
        try:
            answer = await answered(account, sender, operation, arguments, progress)
        except Trouble:
            await sender.told()
            raise
        await sender.told()
        return answer

    async def under_key() -> Json:
        return await keyed(account.journal, f"{same[0]} {key}", sha256(call.encode()).hexdigest(), work)

    try:
        return await account.writes.once(same, under_key if key else work, bound.left)
    except TimeoutError:
        unknown = OutcomeUnknown("the same call, made before, is still under way")
        unknown.watched = True
        raise unknown from None


async def keyed(journal: Journal, key: str, call: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """What this key has brought before, or brings now."""
    if noted := await journal.keyed(key, call):
        if noted.call != call:
            raise BadArguments("This idempotency key was given to another call in the last 10 minutes: take a new one.")
        if noted.answer is not None:
            return noted.answer
    try:
        answer = await work()
    except OutcomeUnknown:
        raise
    except Trouble as trouble:
        if not trouble.done:
            await journal.forget(key)
        raise
    await journal.answered(key, render(answer))
    return answer


async def chosen(account: Account, sender: Bound, operation: Operation[..., Any], arguments: Json) -> Bound:
    """The sender for the connection this call or the settings name; without either the default one."""
    if operation.resource is connections or account.settings.direct:
        return sender
    if name := arguments.pop("connection", None) or account.settings.connection:
        id = await account.references("").id(sender, "connection", "connections", name)
    else:
        id = await account.default.find(sender)
    return replace(sender, caller=replace(sender.caller, connection=id, named=bool(name)))


async def suggestions(account: Account, kind: str, begun: str) -> list[str]:
    """What things of a kind are called that somebody may be typing the name of.

    Raises:
        Trouble: where the account cannot be asked.
    """
    lister = next(one for one in RESOURCES if one.plural == kind).lister
    bound = account.bound(lister, Trail())
    with move_on_after(bound.left + GRACE):
        bound = await chosen(account, bound, lister, {})
        return await account.references(bound.caller.connection).suggested(bound, kind, begun)
    raise overdue(bound.trail)


async def answered(
    account: Account,
    sender: Settling,
    operation: Operation[..., Any],
    arguments: Json,
    progress: Progress,
    view: View = SUMMARY,
) -> Json:
    references, trail = account.references(sender.inner.caller.connection), sender.inner.trail
    if operation.options.get("kept") and (known := references.answers.answer(operation.name)):
        return known
    writes = references.answers.writes
    resolved = await references.resolve(sender, operation, arguments)
    before = await about_to_go(references, sender, operation, resolved)
    if operation.options.get("unique") and not await sender.begun_before():
        await refuse_second(references, sender, operation, resolved)
    try:
        payload = await operation.run(sender, resolved, progress)
    except Duplicate as duplicate:
        references.forget(operation.resource)
        with suppress(Trouble):
            duplicate.existing = await existing(references, sender, operation, resolved)
        raise
    finally:
        if trail.tried:
            references.forget(operation.resource)
        if trail.tried and operation.resource is connections:
            account.default.forget()
            account.directories.clear()  # without a choice, the account behind the calls may be another one now
    references.learn(payload)
    answer = Answered(operation, resolved, payload, view)
    asked = {kind: ids - before.get(kind, {}).keys() for kind, ids in wanted(answer).items()}
    names = await named(references, sender, asked)
    for kind, id in answer.touched.items():
        if name := before.get(kind, {}).get(id) or references.name(kind, id):
            names = {**names, kind: {**names.get(kind, {}), id: name}}
    shown = fitted(shape(answer, names), int(resolved.get("offset") or 0), account.settings.answer_tokens)
    if operation.options.get("kept") and "not_available" not in shown:
        references.answers.keep(operation.name, shown, writes)
    return shown


async def named(
    references: References, sender: Sender, wanted: Mapping[str, set[str]]
) -> Mapping[str, Mapping[str, str]]:
    """Names make an answer easier to read; where they cannot be had, it stays an answer."""
    names: dict[str, Mapping[str, str]] = {}
    for kind, ids in wanted.items():
        try:
            names |= await references.names(sender, {kind: ids})
        except Trouble as trouble:
            log.info("no names of %s: %s", kind, type(trouble).__name__)
    return names


async def about_to_go(
    references: References, sender: Sender, operation: Operation[..., Any], resolved: Json
) -> Mapping[str, Mapping[str, str]]:
    """What a delete is about to take is named while it still can be."""
    if operation.method != "DELETE":
        return {}
    gone = {ref.kind: {str(resolved[p])} for p, ref in operation.references.items() if resolved.get(p)}
    return await named(references, sender, gone)


async def refuse_second(references: References, sender: Sender, operation: Operation[..., Any], resolved: Json) -> None:
    """Names stand for things here: two of one name could no longer be told apart."""
    if not operation.naming(resolved)[1]:
        return
    found = await existing(references, sender, operation, resolved)
    if found and found.id not in [resolved.get(p) for p in operation.references if operation.replaces(p)]:
        duplicate = Duplicate("exists already", status=422)
        duplicate.existing = found
        raise duplicate


async def existing(
    references: References, sender: Sender, operation: Operation[..., Any], resolved: Json
) -> Candidate | None:
    """The thing that is in the way of a create: found by the name it was to get."""
    resource = operation.resource
    _, name = operation.naming(resolved)
    within = next((str(resolved[p]) for p, ref in operation.references.items() if ref.kind == resource.inside), "")
    try:
        id = await references.id(sender, "", resource.plural, f"name:{name}", within, main=True)
    except SeveralNames as several:
        return several.matches[0]
    except NoSuchName:
        return None
    return Candidate(id, references.name(resource.plural, id))
