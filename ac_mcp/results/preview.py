"""What a write would do, for a person to agree to: the requests, the record before and after, what else may happen."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from ac_mcp.errors import NeedsYes
from ac_mcp.messages import Json, Request, record, records, whole
from ac_mcp.operations import STEPS
from ac_mcp.operations.changes import confirm_change, undo_change
from ac_mcp.results.generic import trimmed
from ac_mcp.results.next_call import written
from ac_mcp.results.shaping import Names, View, ids, named, summary
from ac_mcp.spec.columns import Column, Reference
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.redaction import unsecret

Writes = Sequence[tuple[Request, Json]]
HIDDEN = "…"
MOST = 6
"""Requests and records that are shown; the rest is counted."""
MOST_TOLD = 8
"""Attributes that are shown of a thing the product does not know."""
STAMPED = ("since", "updated")
"""What the API sets itself, at the moment of the write."""
UNTOLD = ("fieldValues", "sourceid")
"""What no row shows."""
BESIDE = {
    "contactTags": "tags",
    "contactLists": "lists",
    "fieldValues": "custom field values",
    "notes": "notes",
    "deals": "deals",
    "accountContacts": "companies",
    "contactAutomations": "automations it is in",
}


def kinds(operation: Operation[..., Any], resolved: Json, writes: Writes) -> dict[str, set[str]]:
    """The ids a preview wants names for."""
    found: dict[str, set[str]] = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.plain:
            found.setdefault(ref.kind, set()).add(str(resolved[parameter]))
    for request, before in writes[:MOST]:
        resource = STEPS[request.step].resource
        was, will = old(resource, before), new(resource, request, before)
        shown = tuple(one for one in columns(resource) if not (was and will) or one.read(was) != one.read(will))
        for kind, id in (*ids(shown, was), *ids(shown, will)):
            found.setdefault(kind, set()).add(id)
        if values(request):
            found.setdefault("fields", set()).update(values(request))
    return found


def previewed(
    operation: Operation[..., Any],
    arguments: Json,
    resolved: Json,
    writes: Writes,
    names: Names,
    surroundings: Json,
    payload: Json,
    view: View,
) -> Json:
    """The answer of preview_change. Nothing in it was done."""
    call = written(operation.name, unsecret(arguments, links=False))
    told: Json = {"result": "preview: nothing was written", "call": call}
    about: Json = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.plain:
            about |= named(parameter, str(resolved[parameter]), names.get(ref.kind, {}))
    told |= {"named": about} if about else {}
    told["requests"] = [sent(request, view) for request, _ in writes[:MOST]]
    told["changes"] = [changed(request, before, names, view) for request, before in writes[:MOST]]
    told |= {"further_requests": further(writes[MOST:])} if len(writes) > MOST else {}
    if all(idle(request, before) for request, before in writes):
        told["note"] = f"It would {'change' if writes else 'write'} nothing: it is so already."
    idly = "note" in told
    told |= {"takes_back": payload["call"]} if operation is undo_change else {}
    told |= {key: payload[key] for key in ("not_restored",) if key in payload}
    effects = [] if idly else what_else(operation, writes, surroundings)
    return told | ({"also": effects} if effects else {})


def sent(request: Request, view: View) -> Json:
    """A request; its body may hold free text that stands there already."""
    said: Json = {"method": request.method, "path": request.path}
    said |= {"query": dict(request.query)} if request.query else {}
    return said if request.body is None or view.hidden else {**said, "body": unsecret(request.json, links=False)}


def pending(needs: NeedsYes, offered: Collection[str]) -> Json:
    """The answer of a call that waits for a yes, where the client cannot ask for it."""
    shown = {key: value for key, value in (needs.preview or {}).items() if key not in ("result", "asks")}
    return {
        "result": "not done yet: the user has to agree first",
        "asks": list(needs.reasons),
        "preview": shown,
        "token": needs.token,
        "next": f"{written(confirm_change.name, {'token': needs.token})}, within ten minutes, only if the user agrees"
        if confirm_change.name in offered
        else "This server was started without confirm_change: it cannot be done from here. Tell the user.",
    }


def further(writes: Writes) -> list[str]:
    """The requests that are not shown, counted by where they go."""
    counts = Counter(f"{request.method} {request.path.rpartition('/')[0] or request.path}" for request, _ in writes)
    return [f"{path}: {count}" for path, count in counts.items()]


def idle(request: Request, before: Json) -> bool:
    """Everything is already as it would be."""
    resource = STEPS[request.step].resource
    row, sent = old(resource, before), record((request.body or {}).get(resource.singular))
    if request.method == "DELETE" or not row or (request.raw and not sent):
        return False
    stood = {str(one.get("field")): str(one.get("value") or "") for one in records(before.get("fieldValues"))}
    same = all(str(row.get(key) or "") == str(value or "") for key, value in sent.items() if key not in UNTOLD)
    return same and all(stood.get(id, "") == value for id, value in values(request).items())


def columns(resource: Resource) -> tuple[Column, ...]:
    return resource.columns + resource.more


def old(resource: Resource, before: Json) -> Json:
    return record(before.get(resource.singular))


def new(resource: Resource, request: Request, before: Json) -> Json:
    """The row as it would be."""
    body = request.body or {}
    sent = record(body.get(resource.singular)) if resource.wrapped else body
    return {} if request.method == "DELETE" else {**old(resource, before), **sent}


def values(request: Request) -> dict[str, str]:
    """Custom field values that go with a contact."""
    sent = records(record((request.body or {}).get("contact")).get("fieldValues"))
    return {str(one.get("field")): str(one.get("value")) for one in sent}


def changed(request: Request, before: Json, names: Names, view: View) -> Json:
    """One record, before and after; of an update only what would be different."""
    resource = STEPS[request.step].resource
    was, will = (shown(resource, row, names, view) for row in (old(resource, before), new(resource, request, before)))
    if resource.link:
        return tied(resource, was, will)
    if request.method == "DELETE":
        gone = {word: len(rows) for key, word in BESIDE.items() if (rows := records(before.get(key)))}
        holders = {"contacts": whole(before["holders_count"])} if before.get("holders_count") else {}
        was = was if len(was) > 1 else was | plain(old(resource, before), view) | dict(request.query)
        return {"deletes": resource.word, "before": was, **({"with": gone | holders} if gone or holders else {})}
    then, now = field_values(request, before, names.get("fields", {}), view)
    if not was:
        made = {key: value for key, value in will.items() if key != "id"} | ({"fields": now} if now else {})
        verb = "creates" if request.method == "POST" else "changes"
        return {verb: resource.word, "after": made or plainly(request, view)}
    if now != then or (view.hidden and now):
        was, will = {**was, "fields": then}, {**will, "fields": now}
    return {"changes": resource.word, **({"id": was["id"]} if "id" in was else {}), **differences(was, will)}


def differences(was: Json, will: Json) -> Json:
    keys = [key for key in {**was, **will} if was.get(key) != will.get(key) and key not in STAMPED]
    return {"before": {key: was.get(key) for key in keys}, "after": {key: will.get(key) for key in keys}}


def tied(resource: Resource, was: Json, will: Json) -> Json:
    """What two things are tied or untied, or what of their tie changes."""
    row = will or was
    ends = {one.name: row.get(one.name) or row.get(f"{one.name}_id") for one in ends_of(resource)}
    own = {key: value for key, value in row.items() if key.removesuffix("_id") not in ends}
    if not will:
        return {"unties": resource.word, **ends}
    if not was:
        return {"ties": resource.word, **ends, **({"after": own} if own else {})}
    return {"changes": resource.word, **ends, **differences(was, will)}


def ends_of(resource: Resource) -> list[Reference]:
    return [one for one in resource.columns if isinstance(one, Reference)]


def field_values(request: Request, before: Json, fields: Mapping[str, str], view: View) -> tuple[Json, Json]:
    """Custom field values by title, as they are and as they would be."""
    stood = {str(one.get("field")): one.get("value") for one in records(before.get("fieldValues"))}
    sent = values(request)
    then: Json = {fields.get(id, id): HIDDEN if view.hidden else stood.get(id) for id in sent}
    return then, {fields.get(id, id): HIDDEN if view.hidden else value for id, value in sent.items()}


def plainly(request: Request, view: View) -> Json:
    """What is sent, of things that have no summary; of many how many."""
    body = request.body or {}
    listed = [rows for value in body.values() if (rows := records(value))]
    if listed and all("label" in row for row in listed[0]):
        return {"labels": [str(row["label"]) for row in listed[0]]}
    if listed:
        return {"rows": len(listed[0])}
    return plain(record(next(iter(body.values()), None)) or body, view)


def plain(row: Json, view: View) -> Json:
    """What a thing that the product does not know is like: its texts and numbers, a few of them."""
    told = record(trimmed(unsecret(row, links=False), view, set(), ""))
    return {key: value for key, value in list(told.items())[:MOST_TOLD] if key != "id" and not isinstance(value, dict)}


def shown(resource: Resource, row: Json, names: Names, view: View) -> Json:
    return summary(resource, row, names, {}, columns(resource), view) if row else {}


def what_else(operation: Operation[..., Any], writes: Writes, surroundings: Json) -> list[str]:
    """Automations, e-mails and webhooks, as far as the account can tell."""
    told: list[str] = []
    if starts := operation.options.get("starts"):
        active = [
            str(one.get("name")) for one in records(surroundings.get("automations")) if str(one.get("status")) == "1"
        ]
        listed = f" Active here: {', '.join(active[:10])}; what starts each the API does not tell." if active else ""
        told.append(f"Automations that start {starts} run, and may send mail.{listed}")
    events = set(operation.options.get("reports", ()))
    for hook in records(surroundings.get("webhooks")):
        if "api" in texts(hook.get("sources")) and events & texts(hook.get("events")):
            told += [f"The webhook {str(hook.get('name'))!r} reports it."]
    gone = [STEPS[request.step].resource for request, _ in writes if request.method == "DELETE"]
    told += [
        f"undo_change does not bring it back: {one.lost}."
        if one.link
        else f"undo_change makes it again, but not {one.lost}."
        for one in dict.fromkeys(gone)
        if one.lost
    ]
    return told


def texts(value: Any) -> set[str]:
    return {str(one) for one in cast("list[Any]", value)} if isinstance(value, list) else set()
