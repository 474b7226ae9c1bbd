"""From the arguments of a call to its answer: names become ids, the operation runs, its payload is shaped."""

import logging
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from ac_mcp.calls.account import Account
from ac_mcp.calls.tool_call import ToolCall
from ac_mcp.errors import Candidate, Duplicate, NoSuchName, NotFound, SeveralNames, ToolError
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import CallClock, Json, Request, Sender, as_object, as_objects
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations.connections import connections
from ac_mcp.operations.fields import field_values, fields
from ac_mcp.results.encoding import fit_to_budget
from ac_mcp.results.generic import NAMES, shape_generic
from ac_mcp.results.shaping import LONGEST_NAME, AnswerData, Names, ids_to_name, shape
from ac_mcp.spec.columns import OneValue, is_joined
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.values import MULTIPLE_CHOICE
from ac_mcp.text import truncate
from ac_mcp.writes.reconcile import Reconciler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CallRun:
    """One pass of a call: through which senders its requests are sent."""

    call: ToolCall
    reconciler: Reconciler
    sender: Sender

    @property
    def operation(self) -> Operation[..., Any]:
        return self.call.operation

    @property
    def account(self) -> Account:
        return self.call.account

    @property
    def client(self) -> CallClient:
        return self.call.client

    @property
    def clock(self) -> CallClock:
        """The clock of the call."""
        return CallClock(self.client.gateway.now, lambda: self.client.seconds_left)

    @property
    def directory(self) -> NameDirectory:
        """The names of the account that the call is for."""
        return self.account.directory(self.client.caller.connection)


async def answer(run: CallRun, resolved: Json | None = None) -> Json:
    """Run the operation of a call and return what the model reads. `resolved` are its arguments with ids for names.

    Raises:
        ToolError: if it fails.
    """
    operation, directory = run.operation, run.directory
    if operation.options.answer.cached and (stored := directory.answers.get(operation.name)):
        return stored
    writes = directory.answers.writes
    if resolved is None:
        resolved = await directory.resolve(run.sender, operation, run.call.arguments)
    deleted = await names_of_deleted(directory, run.sender, operation, resolved)
    if operation.options.effects.unique and not await run.reconciler.has_begun():
        await refuse_duplicate(run, resolved)
    payload = await run_operation(run, resolved)
    if operation.options.encoding.raw:
        content = await with_names(run, shape_generic(operation, resolved, payload, run.call.parsed.view), NAMES)
        return fit(run, resolved, content)
    if operation.options.answer.verbatim:
        return await verbatim_answer(run, payload)
    directory.learn(payload)
    data = AnswerData(operation, resolved, payload, run.call.parsed.view)
    names = await names_for(run, data, deleted)
    data = replace(data, payload=with_single_values(directory, payload))
    content = fit(run, resolved, shape(data, names))
    if operation.options.answer.cached and "not_available" not in content:
        directory.answers.put(operation.name, content, writes)
    return content


def with_single_values(directory: NameDirectory, payload: Json) -> Json:
    """Return a payload in which bars split no value of a contact's field that is known to hold only one."""

    def mark(row: Json) -> Json:
        entry, value = directory.entry(fields.plural, str(row.get("field"))), str(row.get("value") or "")
        is_single = is_joined(value) and entry is not None and entry.facts.get("type") not in MULTIPLE_CHOICE
        return row | {"value": OneValue(value)} if is_single else row

    marked = dict(payload)
    if field_values.plural in payload:
        marked[field_values.plural] = [mark(row) for row in as_objects(payload[field_values.plural])]
    if row := as_object(payload.get(field_values.singular)):
        marked[field_values.singular] = mark(row)
    return marked


async def run_operation(run: CallRun, resolved: Json) -> Json:
    """Run the operation and return its payload. What was known of its names is forgotten once it writes.

    Raises:
        Duplicate: with the record that exists, if it can be found.
        ToolError: if it fails.
    """
    operation, trail = run.operation, run.client.trail
    try:
        return await operation.run(run.sender, resolved, run.call.context.progress, run.clock)
    except Duplicate as duplicate:
        run.directory.forget(operation.resource)
        existing: Candidate | None = None
        with suppress(ToolError):
            existing = await find_existing(run, resolved)
        raise duplicate.but(existing=existing) from duplicate
    finally:
        if trail.attempted:
            run.directory.forget(operation.resource)
        if trail.attempted and operation.resource is connections:
            run.account.default.forget()
            run.account.directories.clear()  # the default connection may lead to another account now


def fit(run: CallRun, resolved: Json, content: Json) -> Json:
    """Return an answer without the rows that would break its token budget."""
    return fit_to_budget(content, int(resolved.get("offset") or 0), run.account.settings.answer_tokens)


async def names_for(run: CallRun, data: AnswerData, deleted: Names) -> Names:
    """Return the names for the ids in an answer, by kind and id; `deleted` are those of what the call deletes."""
    missing = {kind: ids - deleted.get(kind, {}).keys() for kind, ids in ids_to_name(data).items()}
    names = await fetch_names(run.directory, run.sender, missing)
    for kind, id in data.referenced.values():
        if name := deleted.get(kind, {}).get(id) or run.directory.name(kind, id):
            names = {**names, kind: {**names.get(kind, {}), id: name}}
    return names


async def fetch_names(directory: NameDirectory, sender: Sender, ids: Mapping[str, Set[str]]) -> Names:
    """Return the names of these ids, by kind and id. A kind that cannot be read is left out: it stays an answer."""
    names: dict[str, Mapping[str, str]] = {}
    for kind, of_kind in ids.items():
        try:
            names |= await directory.names(sender, {kind: set(of_kind)})
        except ToolError as error:
            log.info("no names of %s: %s", kind, type(error).__name__)
    return names


async def names_of_deleted(
    directory: NameDirectory, sender: Sender, operation: Operation[..., Any], resolved: Json
) -> Names:
    """Return the names of what a delete is about to take, while they can be read."""
    if operation.method != "DELETE" and not operation.options.effects.moves:
        return {}
    ids: dict[str, set[str]] = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.is_single:
            ids.setdefault(ref.kind, set()).add(str(resolved[parameter]))
    return await fetch_names(directory, sender, ids)


async def refuse_duplicate(run: CallRun, resolved: Json, *, foreseen: bool = False) -> None:
    """Refuse to give a thing a name that another one has: the two could no longer be told apart.

    With `foreseen` also what the API itself would refuse.

    Raises:
        Duplicate: with the record that has the name.
    """
    operation = run.operation
    is_upsert = operation.method == "POST" and operation.idempotent
    api_refuses = operation.resource.api.refuses_second and not is_upsert and operation.method != "DELETE"
    if not (operation.options.effects.unique or (foreseen and api_refuses)):
        return
    if not operation.name_argument(resolved)[1]:
        return
    existing = await find_existing(run, resolved)
    targets = [resolved.get(name) for name in operation.references if operation.names_target(name)]
    if existing and existing.id not in targets:
        raise Duplicate("exists already", status=422).but(existing=existing)


async def find_existing(run: CallRun, resolved: Json) -> Candidate | None:
    """Return the record that has the name which a create would give; None if there is none."""
    operation, directory = run.operation, run.directory
    resource = operation.resource
    _, name = operation.name_argument(resolved)
    within = next(
        (str(resolved[p]) for p, ref in operation.references.items() if ref.kind == resource.lookup.inside), ""
    )
    try:
        id = await directory.id(run.sender, "", resource.plural, f"name:{name}", within, target="POST")
    except SeveralNames as several:
        return several.matches[0]
    except NoSuchName:
        return None
    return Candidate(id, directory.name(resource.plural, id))


async def verbatim_answer(run: CallRun, payload: Json) -> Json:
    """Return an answer in the operation's own words, with names before its ids.

    `from_account` lists the keys of free text; where free text is hidden, `hidden_here` lists the keys left out.
    """
    quoted = run.operation.options.answer.quotes
    hidden = run.call.parsed.view.hidden
    without = set(quoted) if hidden else set[str]()
    content = await with_names(run, payload, run.operation.options.answer.names, without)
    keys = {key for key, _ in text_leaves(payload)}
    free_text = [key for key in quoted if hidden or key in keys]
    return content | ({"hidden_here" if hidden else "from_account": free_text} if free_text else {})


async def with_names(run: CallRun, payload: Json, kinds: Mapping[str, str], without: Set[str] = frozenset()) -> Json:
    """Return a payload with the name before each id. `kinds` says which keys hold ids, and of what kind."""
    ids: dict[str, set[str]] = {}
    for key, id in text_leaves(payload):
        if key in kinds and id:
            ids.setdefault(kinds[key], set()).add(id)
    names: Names = await fetch_names(run.directory, run.sender, ids) if ids else {}
    return insert_names(payload, kinds, names, without)


def text_leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every key that holds a text, with the text."""
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from text_leaves(item)
    elif isinstance(value, dict):
        for key, inner in cast("Json", value).items():
            if isinstance(inner, str):
                yield key, inner
            else:
                yield from text_leaves(inner)


def insert_names(value: Any, kinds: Mapping[str, str], names: Names, without: Set[str]) -> Any:
    """Return a JSON value with a name before each id, and without some keys."""
    if isinstance(value, list):
        return [insert_names(item, kinds, names, without) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    row: Json = {}
    for key, inner in cast("Json", value).items():
        if key in without:
            continue
        if key in kinds and (name := names.get(kinds[key], {}).get(str(inner))):
            row[key.removesuffix("_id")] = truncate(name, LONGEST_NAME)
        row[key] = insert_names(inner, kinds, names, without)
    return row


async def require_existing(operation: Operation[..., Any], resolved: Json, sender: Sender, names: Names) -> None:
    """Make sure that the contacts and deals of a dry run exist: it sends nothing that would be refused.

    Raises:
        NoSuchName: for an id that matches nothing.
    """
    for parameter, ref in operation.references.items():
        id = str(resolved.get(parameter) or "")
        if id and ref.kind in ("contacts", "deals") and id not in names.get(ref.kind, {}):
            try:
                await sender.send(Request("GET", f"/{ref.kind}/{id}", repeatable=True))
            except NotFound:
                raise NoSuchName(parameter, ref.kind, id) from None
