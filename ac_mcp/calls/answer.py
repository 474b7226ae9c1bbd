"""From arguments to what the model reads: names become ids, the operation runs, its payload is trimmed."""

import logging
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from ac_mcp.calls.account import Account
from ac_mcp.errors import Candidate, Duplicate, NoSuchName, NotFound, SeveralNames, ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import CallClock, Json, Progress, Request, Sender
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations.connections import connections
from ac_mcp.results.encoding import fit_to_budget
from ac_mcp.results.generic import NAMES, shape_generic
from ac_mcp.results.shaping import LONGEST_NAME, SUMMARY, AnswerData, Names, View, ids_to_name, shape
from ac_mcp.spec.operation import Operation
from ac_mcp.text import truncate
from ac_mcp.writes.reconcile import Reconciler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallRun:
    """One call on its way, for whom and through what its requests go."""

    account: Account
    operation: Operation[..., Any]
    client: CallClient
    reconciler: Reconciler
    sender: Sender
    progress: Progress
    view: View = SUMMARY

    @property
    def clock(self) -> CallClock:
        return CallClock(self.client.gateway.now, lambda: self.client.seconds_left)

    @property
    def directory(self) -> NameDirectory:
        return self.account.directory(self.client.caller.connection)


async def answer(running: CallRun, arguments: Json) -> Json:
    operation, references, trail = running.operation, running.directory, running.client.trail
    if operation.options.get("kept") and (known := references.answers.get(operation.name)):
        return known
    writes = references.answers.writes
    resolved = await references.resolve(running.sender, operation, arguments)
    before = await names_of_deleted(references, running.sender, operation, resolved)
    if operation.options.get("unique") and not await running.reconciler.has_begun():
        await refuse_duplicate(running, resolved)
    try:
        payload = await operation.run(running.sender, resolved, running.progress, running.clock)
    except Duplicate as duplicate:
        references.forget(operation.resource)
        with suppress(ToolError):
            duplicate.existing = await find_existing(running, resolved)
        raise
    finally:
        if trail.attempted:
            references.forget(operation.resource)
        if trail.attempted and operation.resource is connections:
            running.account.default.forget()
            running.account.directories.clear()  # without a choice, the account behind may be another one now
    if operation.options.get("raw"):
        shown = await with_names(running, shape_generic(operation, resolved, payload, running.view), NAMES)
        return fit_to_budget(shown, int(resolved.get("offset") or 0), running.account.settings.answer_tokens)
    if operation.options.get("verbatim"):
        return await verbatim_answer(running, payload)
    references.learn(payload)
    answer = AnswerData(operation, resolved, payload, running.view)
    asked = {kind: ids - before.get(kind, {}).keys() for kind, ids in ids_to_name(answer).items()}
    names = await fetch_names(references, running.sender, asked)
    for kind, id in answer.referenced.values():
        if name := before.get(kind, {}).get(id) or references.name(kind, id):
            names = {**names, kind: {**names.get(kind, {}), id: name}}
    budget = running.account.settings.answer_tokens
    shown = fit_to_budget(shape(answer, names), int(resolved.get("offset") or 0), budget)
    if operation.options.get("kept") and "not_available" not in shown:
        references.answers.put(operation.name, shown, writes)
    return shown


async def fetch_names(
    references: NameDirectory, sender: Sender, wanted: Mapping[str, set[str]]
) -> Mapping[str, Mapping[str, str]]:
    """Names make an answer easier to read; where they cannot be had, it stays an answer."""
    names: dict[str, Mapping[str, str]] = {}
    for kind, ids in wanted.items():
        try:
            names |= await references.names(sender, {kind: ids})
        except ToolError as trouble:
            log.info("no names of %s: %s", kind, type(trouble).__name__)
    return names


async def names_of_deleted(
    references: NameDirectory, sender: Sender, operation: Operation[..., Any], resolved: Json
) -> Mapping[str, Mapping[str, str]]:
    """What a delete is about to take is named while it still can be."""
    if operation.method != "DELETE" and not operation.options.get("moves"):
        return {}
    gone: dict[str, set[str]] = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.is_single:
            gone.setdefault(ref.kind, set()).add(str(resolved[parameter]))
    return await fetch_names(references, sender, gone)


async def refuse_duplicate(running: CallRun, resolved: Json, *, foreseen: bool = False) -> None:
    """Names stand for things here: two of one name could no longer be told apart.

    With `foreseen` also what the API itself would refuse.
    """
    operation = running.operation
    upsert = operation.method == "POST" and operation.idempotent
    refused = foreseen and operation.resource.refuses_second and not upsert and operation.method != "DELETE"
    if not (operation.options.get("unique") or refused) or not operation.name_argument(resolved)[1]:
        return
    found = await find_existing(running, resolved)
    if found and found.id not in [resolved.get(p) for p in operation.references if operation.names_target(p)]:
        duplicate = Duplicate("exists already", status=422)
        duplicate.existing = found
        raise duplicate


async def find_existing(running: CallRun, resolved: Json) -> Candidate | None:
    """The thing that is in the way of a create: found by the name it was to get."""
    operation, references = running.operation, running.directory
    resource = operation.resource
    _, name = operation.name_argument(resolved)
    within = next((str(resolved[p]) for p, ref in operation.references.items() if ref.kind == resource.inside), "")
    try:
        id = await references.id(running.sender, "", resource.plural, f"name:{name}", within, main=True)
    except SeveralNames as several:
        return several.matches[0]
    except NoSuchName:
        return None
    return Candidate(id, references.name(resource.plural, id))


async def verbatim_answer(running: CallRun, payload: Json) -> Json:
    """An answer as the operation words it, with names before the ids in it; free text marked, or left out."""
    quoted = running.operation.options.get("quotes", ())
    hidden = running.view.hidden
    without = set(quoted) if hidden else set[str]()
    answer = await with_names(running, payload, running.operation.options.get("names", {}), without)
    free = [key for key in quoted if hidden or any(key == one for one, _ in text_leaves(payload))]
    return answer | ({"hidden_here" if hidden else "from_account": free} if free else {})


async def with_names(
    running: CallRun, payload: Json, kinds: Mapping[str, str], without: Set[str] = frozenset()
) -> Json:
    """With names before the ids of these keys."""
    wanted: dict[str, set[str]] = {}
    for key, id in text_leaves(payload):
        if key in kinds and id:
            wanted.setdefault(kinds[key], set()).add(id)
    names: Names = await fetch_names(running.directory, running.sender, wanted) if wanted else {}
    return insert_names(payload, kinds, names, without)


def text_leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Every key that holds a text."""
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from text_leaves(one)
    elif isinstance(value, dict):
        for key, one in cast("Json", value).items():
            if isinstance(one, str):
                yield key, one
            else:
                yield from text_leaves(one)


def insert_names(value: Any, kinds: Mapping[str, str], names: Names, without: Set[str]) -> Any:
    if isinstance(value, list):
        return [insert_names(one, kinds, names, without) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    said: Json = {}
    for key, one in cast("Json", value).items():
        if key in without:
            continue
        if key in kinds and (name := names.get(kinds[key], {}).get(str(one))):
            said[key.removesuffix("_id")] = truncate(name, LONGEST_NAME)
        said[key] = insert_names(one, kinds, names, without)
    return said


async def require_existing(operation: Operation[..., Any], resolved: Json, stage: Sender, names: Names) -> None:
    """A rehearsal sends nothing that would be refused: of what has no name it has to be seen that it exists.

    Raises:
        NoSuchName: for an id that nothing answers to.
    """
    for parameter, ref in operation.references.items():
        id = str(resolved.get(parameter) or "")
        if id and ref.kind in ("contacts", "deals") and id not in names.get(ref.kind, {}):
            try:
                await stage.send(Request("GET", f"/{ref.kind}/{id}", repeatable=True))
            except NotFound:
                raise NoSuchName(parameter, ref.kind, id) from None
