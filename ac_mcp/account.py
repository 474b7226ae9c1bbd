"""What belongs to one caller, and the run of one call for it."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from ac_mcp.errors import Candidate, Duplicate, NoSuchName, OutcomeUnknown, SeveralNames, Trouble
from ac_mcp.gateway.client import Gateway
from ac_mcp.operation import Operation
from ac_mcp.operations import RESOURCES
from ac_mcp.operations.connections import connections
from ac_mcp.reading import read
from ac_mcp.references import References
from ac_mcp.request import Caller, Json, Progress, Reply, Request, Sender, record, silent
from ac_mcp.results.render import fitted
from ac_mcp.results.trim import Answered, shape, wanted
from ac_mcp.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """The gateway for one caller, and a trail of what this call has already written."""

    gateway: Gateway
    caller: Caller
    written: list[str]
    tried: list[str] = field(default_factory=list[str])
    """Every write that was begun, whatever became of it."""

    async def send(self, request: Request) -> Reply:
        if request.method != "GET":
            self.tried.append(request.path)
        reply = await self.gateway.send(request, self.caller)
        if request.method != "GET":
            id = next((one["id"] for value in reply.body.values() if "id" in (one := record(value))), "")
            self.written.append(f"{request.method} {request.path}" + (f" (id {id})" if id else ""))
        return reply


@dataclass(frozen=True)
class Account:
    """One key with its settings: where its requests go and what its things are called, by connection."""

    gateway: Gateway
    settings: Settings
    caller: Caller
    clock: Callable[[], float] = monotonic
    directories: dict[str, References] = field(default_factory=dict[str, References])

    @classmethod
    def of(cls, settings: Settings, gateway: Gateway) -> "Account":
        return cls(gateway, settings, Caller(settings.credential), gateway.clock)

    def references(self, connection: str) -> References:
        return self.directories.setdefault(connection, References(RESOURCES, self.clock))

    def sender(self, operation: Operation[..., Any], written: list[str]) -> Bound:
        seconds = self.settings.read_timeout if operation.read_only else self.settings.write_timeout
        return Bound(self.gateway, replace(self.caller, deadline=self.clock() + seconds), written)


async def run(
    account: Account,
    operation: Operation[..., Any],
    given: Json,
    progress: Progress = silent,
    written: list[str] | None = None,
) -> Json:
    """Arguments → ids → requests → what the model reads. `written` is filled with what the call writes, as it does.

    Raises:
        Trouble: with what this call had already written in `done`.
    """
    arguments = read(operation, given, account.settings.several_accounts)
    sender = account.sender(operation, written if written is not None else [])
    try:
        sender = await chosen(account, sender, operation, arguments)
        return await answered(account, sender, operation, arguments, progress)
    except Trouble as trouble:
        unsure = isinstance(trouble, OutcomeUnknown) and trouble.answered
        trouble.done = tuple(sender.written[: -1 if unsure else None])
        raise


async def chosen(account: Account, sender: Bound, operation: Operation[..., Any], arguments: Json) -> Bound:
    """The sender for the connection this call or the settings name; without either the gateway's default."""
    if operation.resource is connections:
        return sender
    name = arguments.pop("connection", None) or account.settings.connection
    if not name or account.settings.direct:
        return sender
    id = await account.references("").id(sender, "connection", "connections", name)
    return replace(sender, caller=replace(sender.caller, connection=id))


async def answered(
    account: Account, sender: Bound, operation: Operation[..., Any], arguments: Json, progress: Progress
) -> Json:
    references = account.references(sender.caller.connection)
    resolved = await references.resolve(sender, operation, arguments)
    before = await about_to_go(references, sender, operation, resolved)
    if operation.options.get("unique"):
        await refuse_second(references, sender, operation, resolved)
    try:
        payload = await operation.run(sender, resolved, progress)
    except Duplicate as duplicate:
        references.forget(operation.resource)
        with suppress(Trouble):
            duplicate.existing = await existing(references, sender, operation, resolved)
        raise
    finally:
        if sender.tried:
            references.forget(operation.resource)
        if sender.tried and operation.resource is connections:
            account.directories.clear()  # without a choice, the account behind the calls may be another one now
    references.learn(payload)
    answer = Answered(operation, resolved, payload)
    asked = {kind: ids - before.get(kind, {}).keys() for kind, ids in wanted(answer).items()}
    names = await named(references, sender, asked)
    for kind, id in answer.touched.items():
        if name := before.get(kind, {}).get(id) or references.name(kind, id):
            names = {**names, kind: {**names.get(kind, {}), id: name}}
    offset = int(resolved.get("offset") or 0)
    return fitted(shape(answer, names), offset, account.settings.answer_tokens)


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
    if found := await existing(references, sender, operation, resolved):
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
