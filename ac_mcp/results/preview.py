"""The preview of a write, for a person to confirm: requests, records before and after, and side effects."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from ac_mcp.errors import ConfirmationRequired
from ac_mcp.messages import Json, Request, as_int, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.operations.changes import confirm_change, undo_change
from ac_mcp.results.generic import trim
from ac_mcp.results.next_call import format_call
from ac_mcp.results.shaping import Names, View, id_with_name, reference_ids, summary
from ac_mcp.spec.columns import Column, Reference
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.redaction import REDACTED, redact

Writes = Sequence[tuple[Request, Json]]
"""Requests of a dry run, each with its before image."""
MOST = 6
"""Requests and records that are shown; the others are only counted."""
MOST_ATTRIBUTES = 8
"""Attributes that are shown of a row without columns."""
STAMPED = ("since", "updated")
"""Columns that the API sets itself at the time of the write."""
UNCOMPARED = ("fieldValues", "sourceid")
"""Keys of a request body that are no attributes of the row, so they cannot be compared with it."""
DEPENDENTS = {
    "contactTags": "tags",
    "contactLists": "lists",
    "fieldValues": "custom field values",
    "notes": "notes",
    "deals": "deals",
    "accountContacts": "companies",
    "contactAutomations": "automations it is in",
}
"""Keys of a before image that hold rows deleted with the record, and the words for them."""


def ids_to_name(operation: Operation[..., Any], resolved: Json, writes: Writes) -> dict[str, set[str]]:
    """Return the ids whose names the preview shows, by kind."""
    found: dict[str, set[str]] = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.is_single:
            found.setdefault(ref.kind, set()).add(str(resolved[parameter]))
    for request, before in writes[:MOST]:
        resource = STEPS[request.operation].resource
        old, new = old_row(resource, before), new_row(resource, request, before)
        changed = tuple(
            column for column in columns(resource) if not (old and new) or column.read(old) != column.read(new)
        )
        for kind, id in (*reference_ids(changed, old), *reference_ids(changed, new)):
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
    """Return the answer of preview_change.

    `resolved` are the arguments with ids in place of names, `names` is `{kind: {id: name}}`, `surroundings` holds the
    automations and webhooks of the account, and `payload` is the result of the dry run.
    """
    call = format_call(operation.name, redact(arguments, links=False))
    preview: Json = {"result": "preview: nothing was written", "call": call}
    named: Json = {}
    for parameter, ref in operation.references.items():
        if resolved.get(parameter) and ref.is_single:
            named |= id_with_name(parameter, str(resolved[parameter]), names.get(ref.kind, {}))
    if named:
        preview["named"] = named
    preview["requests"] = [describe_request(request, view) for request, _ in writes[:MOST]]
    preview["changes"] = [describe_change(request, before, names, view) for request, before in writes[:MOST]]
    if len(writes) > MOST:
        preview["further_requests"] = summarize_rest(writes[MOST:])
    changes_nothing = all(is_unchanged(request, before) for request, before in writes)
    if changes_nothing:
        preview["note"] = f"It would {'change' if writes else 'write'} nothing: it is so already."
    if operation is undo_change:
        preview["takes_back"] = payload["call"]
    if "not_restored" in payload:
        preview["not_restored"] = payload["not_restored"]
    effects = [] if changes_nothing else side_effects(operation, writes, surroundings)
    if effects:
        preview["also"] = effects
    return preview


def describe_request(request: Request, view: View) -> Json:
    """Return a request as the preview shows it; hidden views leave out the body, which may repeat free text."""
    described: Json = {"method": request.method, "path": request.path}
    if request.query:
        described["query"] = dict(request.query)
    if request.body is not None and not view.hidden:
        described["body"] = redact(request.json, links=False)
    return described


def waiting_answer(needs: ConfirmationRequired, offered: Collection[str]) -> Json:
    """Return the answer of a call that waits for confirmation, where the client cannot ask the user itself."""
    preview = {key: value for key, value in (needs.preview or {}).items() if key not in ("result", "asks")}
    if confirm_change.name in offered:
        confirmation = format_call(confirm_change.name, {"token": needs.token})
        next_step = f"{confirmation}, within ten minutes, only if the user agrees"
    else:
        next_step = "This server was started without confirm_change: it cannot be done from here. Tell the user."
    return {
        "result": "not done yet: the user has to agree first",
        "asks": list(needs.reasons),
        "preview": preview,
        "token": needs.token,
        "next": next_step,
    }


def summarize_rest(writes: Writes) -> list[str]:
    """Return the requests that are not shown, counted by method and path."""
    counts = Counter(f"{request.method} {request.path.rpartition('/')[0] or request.path}" for request, _ in writes)
    return [f"{path}: {count}" for path, count in counts.items()]


def is_unchanged(request: Request, before: Json) -> bool:
    """Return whether the record already has every value the request would set."""
    resource = STEPS[request.operation].resource
    row, sent = old_row(resource, before), as_object((request.body or {}).get(resource.singular))
    if request.method == "DELETE" or not row or (request.raw and not sent):
        return False
    stored = as_objects(before.get("fieldValues"))
    old_values = {str(item.get("field")): str(item.get("value") or "") for item in stored}
    same = all(str(row.get(key) or "") == str(value or "") for key, value in sent.items() if key not in UNCOMPARED)
    return same and all(old_values.get(id, "") == value for id, value in values(request).items())


def columns(resource: Resource) -> tuple[Column, ...]:
    """Return every column of the resource."""
    return resource.columns + resource.details


def old_row(resource: Resource, before: Json) -> Json:
    """Return the row as it is; empty where the before image holds none."""
    return as_object(before.get(resource.singular))


def new_row(resource: Resource, request: Request, before: Json) -> Json:
    """Return the row as it would be; empty after a deletion."""
    body = request.body or {}
    sent = as_object(body.get(resource.singular)) if resource.api.wrapped else body
    return {} if request.method == "DELETE" else {**old_row(resource, before), **sent}


def values(request: Request) -> dict[str, str]:
    """Return the custom field values sent with a contact, by field id."""
    sent = as_objects(as_object((request.body or {}).get("contact")).get("fieldValues"))
    return {str(row.get("field")): str(row.get("value")) for row in sent}


def describe_change(request: Request, before: Json, names: Names, view: View) -> Json:
    """Return one record before and after the write; an update shows only the differences."""
    resource = STEPS[request.operation].resource
    old, new = (
        summarize_row(resource, row, names, view)
        for row in (old_row(resource, before), new_row(resource, request, before))
    )
    if resource.link:
        return describe_association(resource, old, new)
    if request.method == "DELETE":
        return describe_deletion(request, before, old, view)
    old_values, new_values = field_values(request, before, names.get("fields", {}), view)
    if not old:
        return describe_new_record(request, new, new_values, view)
    if new_values != old_values or (view.hidden and new_values):
        old, new = {**old, "fields": old_values}, {**new, "fields": new_values}
    return {"changes": resource.word, **({"id": old["id"]} if "id" in old else {}), **compare(old, new)}


def describe_deletion(request: Request, before: Json, old: Json, view: View) -> Json:
    """Return a record that is deleted, and how many dependents are deleted with it; `old` is its summary."""
    resource = STEPS[request.operation].resource
    dependents = {word: len(rows) for key, word in DEPENDENTS.items() if (rows := as_objects(before.get(key)))}
    if before.get("holders_count"):
        dependents["contacts"] = as_int(before["holders_count"])
    if len(old) <= 1:
        old = old | brief_row(old_row(resource, before), view) | dict(request.query)
    return {"deletes": resource.word, "before": old, **({"with": dependents} if dependents else {})}


def describe_new_record(request: Request, new: Json, new_values: Json, view: View) -> Json:
    """Return a record of which there is no before image; `new` is its summary."""
    after = {key: value for key, value in new.items() if key != "id"}
    if new_values:
        after["fields"] = new_values
    verb = "creates" if request.method == "POST" else "changes"
    return {verb: STEPS[request.operation].resource.word, "after": after or describe_unknown(request, view)}


def compare(old: Json, new: Json) -> Json:
    """Return the differences of two summaries as `{"before": {...}, "after": {...}}`."""
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key) and key not in STAMPED]
    return {"before": {key: old.get(key) for key in keys}, "after": {key: new.get(key) for key in keys}}


def describe_association(resource: Resource, old: Json, new: Json) -> Json:
    """Return which two things are associated or separated, or what changes about their association."""
    row = new or old
    ends = {end.name: row.get(end.name) or row.get(f"{end.name}_id") for end in ends_of(resource)}
    own = {key: value for key, value in row.items() if key.removesuffix("_id") not in ends}
    if not new:
        return {"unties": resource.word, **ends}
    if not old:
        return {"ties": resource.word, **ends, **({"after": own} if own else {})}
    return {"changes": resource.word, **ends, **compare(old, new)}


def ends_of(resource: Resource) -> list[Reference]:
    """Return the columns that refer to the associated things."""
    return [column for column in resource.columns if isinstance(column, Reference)]


def field_values(request: Request, before: Json, fields: Mapping[str, str], view: View) -> tuple[Json, Json]:
    """Return the custom field values that are sent, by title: the old ones and the new ones."""
    stored = {str(row.get("field")): row.get("value") for row in as_objects(before.get("fieldValues"))}
    sent = values(request)
    old: Json = {fields.get(id, id): REDACTED if view.hidden else stored.get(id) for id in sent}
    return old, {fields.get(id, id): REDACTED if view.hidden else value for id, value in sent.items()}


def describe_unknown(request: Request, view: View) -> Json:
    """Return the body of a request without a summary: labels, a number of rows, or a few attributes."""
    body = request.body or {}
    listed = [rows for value in body.values() if (rows := as_objects(value))]
    if listed and all("label" in row for row in listed[0]):
        return {"labels": [str(row["label"]) for row in listed[0]]}
    if listed:
        return {"rows": len(listed[0])}
    return brief_row(as_object(next(iter(body.values()), None)) or body, view)


def brief_row(row: Json, view: View) -> Json:
    """Return the first texts and numbers of a row without columns."""
    trimmed = as_object(trim(redact(row, links=False), view, set(), ""))
    first = list(trimmed.items())[:MOST_ATTRIBUTES]
    return {key: value for key, value in first if key != "id" and not isinstance(value, dict)}


def summarize_row(resource: Resource, row: Json, names: Names, view: View) -> Json:
    """Return the summary of a row with all its columns; empty for an empty row."""
    return summary(resource, row, names, {}, columns(resource), view) if row else {}


def side_effects(operation: Operation[..., Any], writes: Writes, surroundings: Json) -> list[str]:
    """Return the automations, e-mails, webhooks and lasting losses the write may cause, as far as the account shows."""
    effects: list[str] = []
    if starts := operation.options.effects.starts:
        active = [
            str(row.get("name")) for row in as_objects(surroundings.get("automations")) if str(row.get("status")) == "1"
        ]
        listed = f" Active here: {', '.join(active[:10])}; what starts each the API does not tell." if active else ""
        effects.append(f"Automations that start {starts} run, and may send mail.{listed}")
    events = set(operation.options.effects.reports)
    effects += [
        f"The webhook {str(hook.get('name'))!r} reports it."
        for hook in as_objects(surroundings.get("webhooks"))
        if "api" in text_values(hook.get("sources")) and events & text_values(hook.get("events"))
    ]
    deleted = [STEPS[request.operation].resource for request, _ in writes if request.method == "DELETE"]
    effects += [
        f"undo_change does not bring it back: {resource.lost_for_good}."
        if resource.link
        else f"undo_change makes it again, but not {resource.lost_for_good}."
        for resource in dict.fromkeys(deleted)
        if resource.lost_for_good
    ]
    return effects


def text_values(value: Any) -> set[str]:
    """Return the items of a list as texts; empty for anything else."""
    return {str(item) for item in cast("list[Any]", value)} if isinstance(value, list) else set()
