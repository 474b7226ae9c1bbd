"""What a write would do, for a person to agree to: the requests, the record before and after, what else may happen."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from ac_mcp.errors import ConfirmationRequired
from ac_mcp.messages import Json, Request, as_int, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.operations.changes import confirm_change, undo_change
from ac_mcp.results.generic import trim
from ac_mcp.results.next_call import format_call
from ac_mcp.results.shaping import Names, View, id_with_name, ids, summary
from ac_mcp.spec.columns import Column, Reference
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.redaction import REDACTED, redact

Writes = Sequence[tuple[Request, Json]]
MOST = 6
"""Requests and records that are shown; the rest is counted."""
MOST_TOLD = 8
"""Attributes that are shown of a thing the product does not know."""
STAMPED = ("since", "updated")
"""What the API sets itself, at the moment of the write."""
UNCOMPARED = ("fieldValues", "sourceid")
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


def ids_to_name(operation: Operation[..., Any], resolved: Json, writes: Writes) -> dict[str, set[str]]:
    """The ids a preview wants names for."""
    found: dict[str, set[str]] = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.is_single:
            found.setdefault(ref.kind, set()).add(str(resolved[parameter]))
    for request, before in writes[:MOST]:
        resource = STEPS[request.operation].resource
        was, will = old_row(resource, before), new_row(resource, request, before)
        shown = tuple(one for one in columns(resource) if not (was and will) or one.read(was) != one.read(will))
        for kind, id in (*ids(shown, was), *ids(shown, will)):
            found.setdefault(kind, set()).add(id)
        if values(request):
            found.setdefault("fields", set()).update(values(request))
    return found


def build_preview(
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
    call = format_call(operation.name, redact(arguments, links=False))
    told: Json = {"result": "preview: nothing was written", "call": call}
    about: Json = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.is_single:
            about |= id_with_name(parameter, str(resolved[parameter]), names.get(ref.kind, {}))
    told |= {"named": about} if about else {}
    told["requests"] = [describe_request(request, view) for request, _ in writes[:MOST]]
    told["changes"] = [describe_change(request, before, names, view) for request, before in writes[:MOST]]
    told |= {"further_requests": summarize_rest(writes[MOST:])} if len(writes) > MOST else {}
    if all(is_unchanged(request, before) for request, before in writes):
        told["note"] = f"It would {'change' if writes else 'write'} nothing: it is so already."
    idly = "note" in told
    told |= {"takes_back": payload["call"]} if operation is undo_change else {}
    told |= {key: payload[key] for key in ("not_restored",) if key in payload}
    effects = [] if idly else side_effects(operation, writes, surroundings)
    return told | ({"also": effects} if effects else {})


def describe_request(request: Request, view: View) -> Json:
    """A request; its body may hold free text that stands there already."""
    said: Json = {"method": request.method, "path": request.path}
    said |= {"query": dict(request.query)} if request.query else {}
    return said if request.body is None or view.hidden else {**said, "body": redact(request.json, links=False)}


def waiting_answer(needs: ConfirmationRequired, offered: Collection[str]) -> Json:
    """The answer of a call that waits for a yes, where the client cannot ask for it."""
    shown = {key: value for key, value in (needs.preview or {}).items() if key not in ("result", "asks")}
    return {
        "result": "not done yet: the user has to agree first",
        "asks": list(needs.reasons),
        "preview": shown,
        "token": needs.token,
        "next": f"{format_call(confirm_change.name, {'token': needs.token})}, within ten minutes, only if the user agrees"
        if confirm_change.name in offered
        else "This server was started without confirm_change: it cannot be done from here. Tell the user.",
    }


def summarize_rest(writes: Writes) -> list[str]:
    """The requests that are not shown, counted by where they go."""
    counts = Counter(f"{request.method} {request.path.rpartition('/')[0] or request.path}" for request, _ in writes)
    return [f"{path}: {count}" for path, count in counts.items()]


def is_unchanged(request: Request, before: Json) -> bool:
    """Everything is already as it would be."""
    resource = STEPS[request.operation].resource
    row, sent = old_row(resource, before), as_object((request.body or {}).get(resource.singular))
    if request.method == "DELETE" or not row or (request.raw and not sent):
        return False
    stood = {str(one.get("field")): str(one.get("value") or "") for one in as_objects(before.get("fieldValues"))}
    same = all(str(row.get(key) or "") == str(value or "") for key, value in sent.items() if key not in UNCOMPARED)
    return same and all(stood.get(id, "") == value for id, value in values(request).items())


def columns(resource: Resource) -> tuple[Column, ...]:
    return resource.columns + resource.more


def old_row(resource: Resource, before: Json) -> Json:
    return as_object(before.get(resource.singular))


def new_row(resource: Resource, request: Request, before: Json) -> Json:
    """The row as it would be."""
    body = request.body or {}
    sent = as_object(body.get(resource.singular)) if resource.wrapped else body
    return {} if request.method == "DELETE" else {**old_row(resource, before), **sent}


def values(request: Request) -> dict[str, str]:
    """Custom field values that go with a contact."""
    sent = as_objects(as_object((request.body or {}).get("contact")).get("fieldValues"))
    return {str(one.get("field")): str(one.get("value")) for one in sent}


def describe_change(request: Request, before: Json, names: Names, view: View) -> Json:
    """One record, before and after; of an update only what would be different."""
    resource = STEPS[request.operation].resource
    was, will = (
        summarize_row(resource, row, names, view)
        for row in (old_row(resource, before), new_row(resource, request, before))
    )
    if resource.link:
        return describe_association(resource, was, will)
    if request.method == "DELETE":
        gone = {word: len(rows) for key, word in BESIDE.items() if (rows := as_objects(before.get(key)))}
        holders = {"contacts": as_int(before["holders_count"])} if before.get("holders_count") else {}
        was = was if len(was) > 1 else was | brief_row(old_row(resource, before), view) | dict(request.query)
        return {"deletes": resource.word, "before": was, **({"with": gone | holders} if gone or holders else {})}
    then, now = field_values(request, before, names.get("fields", {}), view)
    if not was:
        made = {key: value for key, value in will.items() if key != "id"} | ({"fields": now} if now else {})
        verb = "creates" if request.method == "POST" else "changes"
        return {verb: resource.word, "after": made or describe_unknown(request, view)}
    if now != then or (view.hidden and now):
        was, will = {**was, "fields": then}, {**will, "fields": now}
    return {"changes": resource.word, **({"id": was["id"]} if "id" in was else {}), **compare(was, will)}


def compare(was: Json, will: Json) -> Json:
    keys = [key for key in {**was, **will} if was.get(key) != will.get(key) and key not in STAMPED]
    return {"before": {key: was.get(key) for key in keys}, "after": {key: will.get(key) for key in keys}}


def describe_association(resource: Resource, was: Json, will: Json) -> Json:
    """What two things are tied or untied, or what of their tie changes."""
    row = will or was
    ends = {one.name: row.get(one.name) or row.get(f"{one.name}_id") for one in ends_of(resource)}
    own = {key: value for key, value in row.items() if key.removesuffix("_id") not in ends}
    if not will:
        return {"unties": resource.word, **ends}
    if not was:
        return {"ties": resource.word, **ends, **({"after": own} if own else {})}
    return {"changes": resource.word, **ends, **compare(was, will)}


def ends_of(resource: Resource) -> list[Reference]:
    return [one for one in resource.columns if isinstance(one, Reference)]


def field_values(request: Request, before: Json, fields: Mapping[str, str], view: View) -> tuple[Json, Json]:
    """Custom field values by title, as they are and as they would be."""
    stood = {str(one.get("field")): one.get("value") for one in as_objects(before.get("fieldValues"))}
    sent = values(request)
    then: Json = {fields.get(id, id): REDACTED if view.hidden else stood.get(id) for id in sent}
    return then, {fields.get(id, id): REDACTED if view.hidden else value for id, value in sent.items()}


def describe_unknown(request: Request, view: View) -> Json:
    """What is sent, of things that have no summary; of many how many."""
    body = request.body or {}
    listed = [rows for value in body.values() if (rows := as_objects(value))]
    if listed and all("label" in row for row in listed[0]):
        return {"labels": [str(row["label"]) for row in listed[0]]}
    if listed:
        return {"rows": len(listed[0])}
    return brief_row(as_object(next(iter(body.values()), None)) or body, view)


def brief_row(row: Json, view: View) -> Json:
    """What a thing that the product does not know is like: its texts and numbers, a few of them."""
    told = as_object(trim(redact(row, links=False), view, set(), ""))
    return {key: value for key, value in list(told.items())[:MOST_TOLD] if key != "id" and not isinstance(value, dict)}


def summarize_row(resource: Resource, row: Json, names: Names, view: View) -> Json:
    return summary(resource, row, names, {}, columns(resource), view) if row else {}


def side_effects(operation: Operation[..., Any], writes: Writes, surroundings: Json) -> list[str]:
    """Automations, e-mails and webhooks, as far as the account can tell."""
    told: list[str] = []
    if starts := operation.options.get("starts"):
        active = [
            str(one.get("name")) for one in as_objects(surroundings.get("automations")) if str(one.get("status")) == "1"
        ]
        listed = f" Active here: {', '.join(active[:10])}; what starts each the API does not tell." if active else ""
        told.append(f"Automations that start {starts} run, and may send mail.{listed}")
    events = set(operation.options.get("reports", ()))
    for hook in as_objects(surroundings.get("webhooks")):
        if "api" in text_values(hook.get("sources")) and events & text_values(hook.get("events")):
            told += [f"The webhook {str(hook.get('name'))!r} reports it."]
    gone = [STEPS[request.operation].resource for request, _ in writes if request.method == "DELETE"]
    told += [
        f"undo_change does not bring it back: {one.lost}."
        if one.link
        else f"undo_change makes it again, but not {one.lost}."
        for one in dict.fromkeys(gone)
        if one.lost
    ]
    return told


def text_values(value: Any) -> set[str]:
    return {str(one) for one in cast("list[Any]", value)} if isinstance(value, list) else set()
