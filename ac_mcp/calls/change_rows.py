"""The rows of list_changes, and what else is said of a change in words."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from ac_mcp.catalogue.build import NO_UNDO
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.results.next_call import checking_call, format_call
from ac_mcp.storage.redaction import REDACTED
from ac_mcp.writes.audit_log import Change

KIND_OF_ATTRIBUTE = {
    "contact": "contacts", "tag": "tags", "list": "lists", "field": "fields", "account": "accounts",
}  # fmt: skip
"""The kind of thing whose id an attribute holds."""
FEW = 10
"""Writes of a change that are listed one by one; an undo of so many also looks at each record before it writes."""


def change_row(change: Change, now: float, *, hidden: bool) -> Json:
    """Return a change as a row of list_changes; with the call to look if its outcome is unknown."""
    outcome = change.outcome(now)
    row: Json = {
        "id": str(change.id),
        "at": datetime.fromtimestamp(change.at).astimezone().strftime("%Y-%m-%d %H:%M"),
        "call": call_of(change, hidden=hidden),
        "result": outcome,
        "wrote": describe_writes(change),
    }
    if change.undone_by:
        row["undone_by"] = ", ".join(map(str, change.undone_by))
    if change.undoes:
        row["undoes"] = str(change.undoes)
    if change.actor:
        row["made_by"] = change.actor
    if is_irreversible(change):
        row["undo"] = NO_UNDO
    if change.account:
        row["in_account"] = change.account
    if outcome == "unknown":
        row["check"] = check_call(change)
    return row


def with_job(row: Json, change: Change, report: Mapping[str, object]) -> Json:
    """Return the row of a change that is a job, by the job's report."""
    counts = as_object(report.get("counts"))
    wrote = [f"{outcome}: {count}" for outcome, count in counts.items()]
    wrote += [f"rows in a file: {report['rows']}"] if "rows" in report else []
    wrote += [f"failed: {report['failed']}"] if "failed" in report else []
    result = "undone" if change.undone_by and report["result"] == "done" else report["result"]
    rest = {key: value for key, value in row.items() if key != "check"}
    return rest | {"result": result, "wrote": wrote, "job": str(report["job"])}


def call_of(change: Change, *, hidden: bool) -> str:
    """Return the call of a change as text; without its values if free text is hidden."""
    return format_call(change.tool, dict.fromkeys(change.arguments, REDACTED) if hidden else change.arguments)


def describe_writes(change: Change) -> list[str]:
    """Return each request and its outcome, such as "POST /tags: done"; equal ones are counted."""
    few = len(change.writes) <= FEW
    paths = [(entry, entry.path if few else entry.path.rpartition("/")[0] or entry.path) for entry in change.writes]
    counts = Counter(f"{entry.method} {path}: {entry.state}" for entry, path in paths)
    return [f"{line} ({count})" if count > 1 else line for line, count in counts.items()]


def is_irreversible(change: Change) -> bool:
    """Return whether no undo can be derived for a change. An undo itself is not irreversible."""
    return not change.undoes and any(STEPS[entry.step].options.effects.irreversible for entry in change.writes)


def names_in_change(change: Change) -> dict[str, set[str]]:
    """Return the ids that the bodies and before images of a change hold, by kind."""
    ids: dict[str, set[str]] = {}
    for entry in change.writes:
        for row in (*rows_in(entry.body or {}), *rows_in(entry.before or {})):
            for attribute, kind in KIND_OF_ATTRIBUTE.items():
                if str(row.get(attribute) or "").isdecimal():
                    ids.setdefault(kind, set()).add(str(row[attribute]))
    return ids


def rows_in(body: Json) -> list[Json]:
    """Return all rows in a body."""
    return [row for value in body.values() for row in (as_objects(value) or [as_object(value)])]


def check_call(change: Change) -> str:
    """Return the call that shows whether a write with an unknown outcome was made."""
    operation = STEPS[change.tool]
    reader = operation.resource.reader
    target = next((name for name in operation.references if operation.names_target(name)), None)
    if reader and target and reader.required == [target] and target in change.arguments:
        return format_call(reader.name, {target: change.arguments[target]})
    if operation.resource.link:
        return format_call("get_contact", {"contact": change.arguments.get("contact", "")})
    if operation.resource.plane == "local":
        return check_undo_call(change)
    return format_call(*checking_call(operation, change.arguments))


def check_undo_call(change: Change) -> str:
    """Return the call that shows what an undo with an unknown outcome has made."""
    unclear = next(entry for entry in change.writes if entry.state in ("open", "unknown"))
    operation = STEPS[unclear.step]
    row = as_object((unclear.body or {}).get(operation.resource.singular))
    if operation.resource.link:
        return format_call("get_contact", {"contact": str(row.get("contact") or "")})
    return format_call(*checking_call(operation, row))
