"""What this server answers itself: previews, confirmations, the record of changes, and undo."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from ac_mcp.catalogue.build import NO_UNDO
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.jobs.import_export import export_records, import_contacts
from ac_mcp.jobs.model import Job
from ac_mcp.jobs.service import JobService
from ac_mcp.messages import Json, Request, Response, Sender, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.operations.changes import changes, list_changes
from ac_mcp.results.next_call import checking_call, format_call
from ac_mcp.spec.operation import Operation
from ac_mcp.storage.redaction import REDACTED
from ac_mcp.tools.access import ToolAccess, search_operations
from ac_mcp.writes.audit_log import AuditLog, AuditScope, Change, PendingConfirmation
from ac_mcp.writes.confirmation import ConfirmationPolicy
from ac_mcp.writes.pipeline import DryRun, RecordedWrites
from ac_mcp.writes.undo import Undo, count_steps
from ac_mcp.writes.undo_requests import created_by

KIND_OF_ATTRIBUTE = {
    "contact": "contacts", "tag": "tags", "list": "lists", "field": "fields", "account": "accounts",
}  # fmt: skip
"""The attributes that hold an id, and of what."""
LOOK_AT_EACH = 10
"""Records an undo may write to while what stands there is still looked at one by one."""


@dataclass(frozen=True, slots=True)
class LocalApi:
    """Answers the requests of the local plane; what it takes to undo goes out through `sender`."""

    changes: AuditLog
    whose: AuditScope
    holder: str
    """Who may use a token."""
    reach: ToolAccess
    sender: Sender
    preview: Callable[[Operation[..., Any], Json], Awaitable[Json]]
    confirm: Callable[[Operation[..., Any], PendingConfirmation], Awaitable[Json]]
    called: Callable[[str, str], str]
    """What a thing of a kind is called, as far as it is known."""
    learn: Callable[[Mapping[str, set[str]]], Awaitable[None]]
    """Makes it known, by kind and id."""
    bulk: JobService
    """Work on many."""
    hidden: bool = False
    """Nothing that somebody has written freely is shown, not even what was given as an argument."""

    async def send(self, request: Request) -> Response:
        body = request.body or {}
        match request.method, request.path.split("/"):
            case _ if request.plane != "local":
                return await self.sender.send(request)
            case "GET", ["", "operations"]:
                return Response(
                    200, search_operations(self.reach, str(request.query["query"]), int(str(request.query["limit"])))
                )
            case "GET", ["", "exports", _]:
                return Response(200, await export_records(self.bulk, body))
            case "GET", _:
                return Response(
                    200, await self._page(int(str(request.query["limit"])), int(str(request.query["offset"])))
                )
            case _, ["", "imports"]:
                return Response(200, await import_contacts(self.bulk, body, self._consent))
            case _, ["", "jobs", "contacts" | "deals"]:
                return Response(200, await self._many(body["plan"]))
            case _, ["", "jobs", id]:
                return Response(200, await self.bulk.follow(int(id), str(body.get("action") or "watch")))
            case _, ["", "changes", id, "undo"]:
                return Response(200, await self._undo(id))
            case _, ["", "previews"]:
                return Response(200, await self.preview(self._writing(body["tool"]), dict(body["arguments"])))
            case _:
                return Response(200, await self._confirmed(body["token"]))

    async def _page(self, limit: int, offset: int) -> Json:
        found, total = await self.changes.load_page(self.whose, limit, offset)
        rows = [await self._about_job(self._row(one), one) for one in found]
        return {changes.plural: rows, "meta": {"total": total}}

    @property
    def _consent(self) -> ConfirmationPolicy | None:
        """None where it is only rehearsed."""
        return self.sender.policy if isinstance(self.sender, RecordedWrites) else None

    async def _many(self, plan: Json) -> Json:
        """With the names of what its steps are about."""
        named: dict[str, set[str]] = {}
        for step in plan["steps"]:
            for kind, id in named_in_step(step):
                named.setdefault(kind, set()).add(id)
        await self.learn(named)
        steps = [step | step_in_words(step, self.called) for step in plan["steps"]]
        return await self.bulk.start({**plan, "steps": steps}, self._consent)

    async def _undo(self, id: str) -> Json:
        change = await self.changes.find(self.whose, int(id)) if id.isdecimal() else None
        if change is None:
            raise see_changes(f"change: no change of this account has the id {id}; list_changes shows them.")
        if change.tool not in self.reach:
            raise BadArguments(f"{change.tool} is switched off in this server, and so is its undoing.")
        if job := await self.bulk.jobs.find(self.whose, change.id):
            return await self._undo_many(change, job)
        undoing = Undo(self.sender, self.reach, name_of=self.called, made_earlier=await self._made_by(change))
        if any(one.is_unclear(self.changes.journal.now) for one in await self.changes.load_undo_attempts(change.id)):
            raise see_changes(
                f"change: how an earlier undo of {id} ended is not known. Look whether it was done first."
            )
        await self.learn(named_in_change(change))
        count = count_steps(change)
        if isinstance(self.sender, RecordedWrites | DryRun):
            self.sender.images.light = count > LOOK_AT_EACH
        if isinstance(self.sender, RecordedWrites):
            self.sender.set_undone_change(change.id)
            if reasons := self.sender.policy.reasons_for_count(count, "It writes to"):
                raise ConfirmationRequired(reasons)
            async with self.changes.exclusively(f"undo {change.whose} {id}"):
                await undoing.run(change)
        else:
            await undoing.run(change, whole=True)
        whole = "partly undone" if undoing.lost else "undone"
        told: Json = {
            "result": whole if undoing.restored else "nothing undone",
            "change": id,
            "call": self._call(change),
        }
        told |= {"restored": undoing.restored} if undoing.restored else {}
        told |= {"not_restored": undoing.lost} if undoing.lost else {}
        if change.undone_by and not undoing.restored:
            return {**told, "note": f"It was undone before, by change {change.undone_by[-1]}."}
        return told if undoing.restored or undoing.lost else {**told, "note": "It had changed nothing."}

    async def _undo_many(self, change: Change, job: Job) -> Json:
        about = {"change": str(change.id), "call": self._call(change)}
        bulk = replace(self.bulk, change=replace(self.bulk.change, undoes=change.id))
        return about | await bulk.undo(job, self._consent)

    async def _made_by(self, change: Change) -> dict[str, list[Json]]:
        """What earlier tries to undo it have made already."""
        earlier = [await self.changes.find(self.whose, id) for id in change.undone_by]
        return created_by(write for one in earlier if one for write in one.writes)

    def _call(self, change: Change) -> str:
        return format_call(change.tool, dict.fromkeys(change.arguments, REDACTED) if self.hidden else change.arguments)

    def _row(self, change: Change) -> Json:
        """A change as a row; where it is not known how it went, with the call to look."""
        result = change.outcome(self.changes.journal.now)
        at = datetime.fromtimestamp(change.at).astimezone().strftime("%Y-%m-%d %H:%M")
        row: Json = {"id": str(change.id), "at": at, "call": self._call(change), "result": result}
        row |= {"wrote": describe_writes(change)}
        row |= {"undone_by": ", ".join(map(str, change.undone_by))} if change.undone_by else {}
        row |= {"undoes": str(change.undoes)} if change.undoes else {}
        row |= {"made_by": change.actor} if change.actor else {}
        row |= {"undo": NO_UNDO} if irreversible(change) else {}
        row |= {"in_account": change.account} if change.account else {}
        return row | ({"check": check_call(change)} if result == "unknown" else {})

    async def _about_job(self, row: Json, change: Change) -> Json:
        """Of work on many, how it goes and what came of how many."""
        job = None if change.writes else await self.bulk.jobs.find(self.whose, change.id)
        if job is None:
            return row
        told = await self.bulk.report(job)
        state = "undone" if change.undone_by and told["result"] == "done" else told["result"]
        wrote = [f"{word}: {count}" for word, count in told.get("counts", {}).items()]
        wrote += [f"rows in a file: {told['rows']}"] if "rows" in told else []
        wrote += [f"failed: {told['failed']}"] if "failed" in told else []
        return {key: value for key, value in row.items() if key != "check"} | {
            "result": state,
            "wrote": wrote,
            "job": str(job.id),
        }

    def _writing(self, tool: str) -> Operation[..., Any]:
        """The tool to preview, if it writes."""
        one = self.reach.operation(tool)
        if one is not None:
            return previewable(one)
        writing = [name for name, o in self.reach.tools.items() if not o.read_only and not o.options.get("verbatim")]
        near = get_close_matches(tool, writing, 1)
        others = f"did you mean {near[0]}?" if near else f"those that write are {', '.join(writing)}."
        raise BadArguments(f"tool: there is no {tool[:64]!r} here; {others}", {"tool": near[0]} if near else None)

    async def _confirmed(self, token: str) -> Json:
        offer = await self.changes.take_confirmation(self.holder, token)
        if offer is None or offer.tool not in self.reach:
            raise see_changes(
                "token: no call waits for it. It counts once, for ten minutes, for whoever made the call; list_changes "
                "shows if it was used."
            )
        return await self.confirm(STEPS[offer.tool], offer)


def previewable(one: Operation[..., Any]) -> Operation[..., Any]:
    """One that writes, and has not been shown before.

    Raises:
        BadArguments: for any other.
    """
    if one.read_only:
        raise BadArguments(f"{one.name} only reads: call it as it is, nothing is changed by it.")
    if one.name == "follow_job":
        raise BadArguments("It goes on with what was shown before it began: there is nothing to preview.")
    if one.name == "confirm_change":
        raise BadArguments("The preview of a call that waits for confirmation was shown with its token.")
    return one


ABOUT = {
    "tag": "tags", "untag": "tags", "subscribe": "lists", "unsubscribe": "lists", "enter": "automations",
    "leave": "automations", "stage": "dealStages", "pipeline": "dealGroups", "owner": "users",
}  # fmt: skip
"""Of which kind the thing is that a step, or an attribute of a deal, names."""


def named_in_step(step: Json) -> list[tuple[str, str]]:
    """What a step of a job names, by kind."""
    if step["do"] == "fields":
        return [("fields", id) for id in step["values"]]
    if step["do"] == "deal":
        return [(ABOUT[key], value) for key, value in step["changes"].items() if key in ABOUT]
    return [(ABOUT[step["do"]], step["id"])]


def step_in_words(step: Json, called: Callable[[str, str], str]) -> Json:
    """The same in people's words."""
    if step["do"] == "fields":
        return {"shown": [f"{called('fields', id) or id}={value}" for id, value in step["values"].items()]}
    if step["do"] == "deal":
        changes = step["changes"].items()
        return {
            "shown": [f"{key}={(called(ABOUT[key], value) if key in ABOUT else '') or value}" for key, value in changes]
        }
    return {"name": called(ABOUT[step["do"]], step["id"])}


def see_changes(text: str) -> BadArguments:
    """A refusal that sends to the list of changes."""
    refused = BadArguments(text)
    refused.replacement = (list_changes.name, {})
    return refused


def named_in_change(change: Change) -> dict[str, set[str]]:
    """The things a change speaks of, by kind."""
    found: dict[str, set[str]] = {}
    for write in change.writes:
        rows = [row for part in (write.body or {}, write.before or {}) for row in rows_of(part)]
        for row in rows:
            for word, kind in KIND_OF_ATTRIBUTE.items():
                if str(row.get(word) or "").isdecimal():
                    found.setdefault(kind, set()).add(str(row[word]))
    return found


def rows_of(part: Json) -> list[Json]:
    return [row for value in part.values() for row in (as_objects(value) or [as_object(value)])]


def describe_writes(change: Change) -> list[str]:
    """Each request and what came of it; equal ones are counted, and many of a kind."""
    few = len(change.writes) <= LOOK_AT_EACH
    places = [(one, one.path if few else one.path.rpartition("/")[0] or one.path) for one in change.writes]
    counts = Counter(f"{one.method} {path}: {one.state}" for one, path in places)
    return [f"{line} ({count})" if count > 1 else line for line, count in counts.items()]


def irreversible(change: Change) -> bool:
    """Whether nothing takes it back; an undo is none of those."""
    return not change.undoes and any(STEPS[one.step].options.get("irreversible") for one in change.writes)


def check_call(change: Change) -> str:
    """The call that shows whether an unknown write was done."""
    operation = STEPS[change.tool]
    reader = operation.resource.reader
    named = next((p for p in operation.references if operation.names_target(p)), None)
    if reader and named and reader.required == [named] and named in change.arguments:
        return format_call(reader.name, {named: change.arguments[named]})
    if operation.resource.link:
        return format_call("get_contact", {"contact": change.arguments.get("contact", "")})
    if operation.resource.plane == "local":
        return check_undo_call(change)
    return format_call(*checking_call(operation, change.arguments))


def check_undo_call(change: Change) -> str:
    """Where what an undo was to make would show."""
    unclear = next(one for one in change.writes if one.state in ("open", "unknown"))
    step = STEPS[unclear.step]
    row = as_object((unclear.body or {}).get(step.resource.singular))
    if step.resource.link:
        return format_call("get_contact", {"contact": str(row.get("contact") or "")})
    return format_call(*checking_call(step, row))
