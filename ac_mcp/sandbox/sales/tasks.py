"""Tasks on deals and contacts, their types and outcomes (reference 5.4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import change_row
from ac_mcp.sandbox.rest.dates import iso, parse_date
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import compares_date, contains, equals, starts_with
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Filter, Resource, View, select_belonging
from ac_mcp.sandbox.rest.store import Clause, Row, Where, eq

from .activities import log_activity

KINDS = {"deal": "Deal", "contact": "Subscriber"}
COLLECTIONS = {"Deal": "deals", "Subscriber": "contacts"}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    merged = {**(row or {"reltype": "Deal"}), **sent}
    kind = KINDS.get(str(merged.get("ownerType")), str(merged["reltype"]))
    if kind not in COLLECTIONS:
        raise invalid("The task reltype is not valid.", "field_invalid", "reltype")
    ids = {name: _require_id(call, merged, name, plural) for name, plural in _parents(kind).items()}
    values = {key: value for key, value in sent.items() if key not in ("ownerType", "triggerAutomationOnCreate")}
    return {**values, **ids, "reltype": kind, **_dates(sent, row), **_progress(call, merged, row)}


def _parents(kind: str) -> dict[str, str]:
    return {"relid": COLLECTIONS[kind], "dealTasktype": "dealTasktypes"}


def _require_id(call: Call, merged: Row, name: str, plural: str) -> str:
    row = call.store.get(plural, merged[name])
    if row is None:
        raise invalid(f"The task {name} does not exist.", "related_missing", name)
    return row["id"]


def _dates(sent: Row, row: Row | None) -> Row:
    """Return the sent dates as the account writes them; a new task without an end takes 15 minutes."""
    dates = {name: _date(sent[name], name) for name in ("duedate", "edate") if sent.get(name)}
    if row is None and "edate" not in dates:
        dates["edate"] = iso(datetime.fromisoformat(dates["duedate"]) + timedelta(minutes=15))
    return dates


def _date(value: Any, name: str) -> str:
    moment = parse_date(str(value))
    if moment is None:
        raise invalid(f"The task {name} is not a date.", "field_invalid", name)
    return moment


def _progress(call: Call, merged: Row, row: Row | None) -> Row:
    """Return the time a task was done; None for one that is open again."""
    done = str(merged.get("status")) in ("1", "True")
    was = row is not None and row["status"] == "1"
    return {} if done == was else {"donedate": call.stamp if done else None}


def _after_write(call: Call, row: Row, before: Row | None) -> None:
    for task in (before, row):
        if task and task["reltype"] == "Deal":
            update_next_task(call, task["relid"])
    if before is None and row["reltype"] == "Deal":
        log_activity(call, row["relid"], "task", "add", number=row["id"])


def _before_delete(call: Call, row: Row) -> None:
    call.store.update("dealTasks", row["id"], {"status": "1"})
    if row["reltype"] == "Deal":
        update_next_task(call, row["relid"])


def update_next_task(call: Call, deal: str) -> None:
    """Set the deal's next action: its open task that is due first."""
    if call.store.get("deals", deal) is None:
        return
    open_tasks = (eq("reltype", "Deal"), eq("relid", deal), eq("status", "0"))
    found = call.store.select("dealTasks", *open_tasks, order="{duedate}", limit=1)
    following = {"nexttaskid": found[0]["id"], "nextdate": found[0]["duedate"]} if found else {}
    call.store.update("deals", deal, {"nexttaskid": "0", "nextdate": None, **following})


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    kinds = {kind: name for name, kind in KINDS.items()}
    for row, out in zip(rows, rendered, strict=True):
        out["owner"] = {"type": kinds[row["reltype"]], "id": row["relid"]}


def _by_due_date(call: Call, value: str) -> Where | None:
    """Filter by a word, or by two days with a plus (read as a space) between them."""
    first, _, last = value.replace("+", " ").partition(" ")
    soon, start, end = iso(call.now + timedelta(hours=24)), parse_date(first), parse_date(f"{last}T23:59:59")
    ranges = {
        "upcoming": Clause("{duedate} BETWEEN ? AND ?", (call.stamp, soon)),
        "scheduled": Clause("{duedate} > ?", (soon,)),
        "overdue": Clause("{duedate} < ? AND {status} = '0'", (call.stamp,)),
    }
    return Clause("{duedate} BETWEEN ? AND ?", (start, end)) if start and end else ranges.get(value)


FILTERS: dict[str, Filter] = {
    "filters[title]": contains("title"),
    "filters[note]": contains("note"),
    **{f"filters[{name}]": equals(name) for name in ("reltype", "relid", "status")},
    "filters[d_tasktypeid]": equals("dealTasktype"),
    "filters[userid]": equals("user"),
    "filters[assignee_userid]": equals("assignee"),
    "filters[outcome_id]": equals("outcomeId"),
    "filters[duedate]": starts_with("duedate"),
    "filters[due_after]": compares_date("duedate", ">"),
    "filters[due_before]": compares_date("duedate", "<"),
    "filters[duedate_range]": _by_due_date,
}

DEAL_TASKS = Resource(
    "dealTasks",
    "dealTask",
    "DealTask",
    columns("""relid=~ reltype=Deal dealTasktype=~ user=1 assignee=1 automation=~ cdate=@now duedate=~ edate=~
    duration=0 status=0 title=~ note= donedate=~ doneAutomation=~ udate=@now owner=~ id=@id outcomeId=~ outcomeInfo=~
    links=@links"""),
    links="activities automation dealTasktype doneAutomation notes owner taskNotifications user assignee",
    writes="""relid reltype ownerType dealTasktype duedate edate title note status assignee outcomeId outcomeInfo
    doneAutomation triggerAutomationOnCreate""",
    slim="""id duedate edate status=#0 title note relid reltype dealTasktype cdate udate automation doneAutomation user
    assignee owner outcomeId outcomeInfo links""",
    stamped_on_update="udate",
    indexes="relid",
    required={name: f"The task {name} was not provided." for name in ("relid", "duedate", "dealTasktype")},
    filters=FILTERS,
    orders={name: f"{{{name}}}" for name in ("duedate", "cdate", "title", "status")},
    children=(Child("notes", "relid", (eq("reltype", "DealTask"),)),),
    prepare=_prepare,
    after_write=_after_write,
    finish=_finish,
    before_delete=_before_delete,
)


def move_tasks(call: Call) -> Answer:
    """Change the type of all tasks of a type."""
    old = call.require_row("dealTasktypes", call.path["id"])
    new = call.store.get("dealTasktypes", call.unwrapped("dealTask").get("dealTasktype"))
    if new is None:
        raise invalid("The task type does not exist.", "related_missing", "dealTasktype")
    found = select_belonging(call, "dealTasks", "dealTasktype", old["id"])
    moved = [change_row(call, DEAL_TASKS, row, {"dealTasktype": new["id"]}) for row in found]
    deals = dict.fromkeys(row["relid"] for row in moved if row["reltype"] == "Deal")
    sides = [deal for number in deals for deal in call.sideload("deals", number)]
    return Answer(200, {"dealTasks": call.render("dealTasks", moved), "deals": sides})


# Keys with these names hold clock times elsewhere, and ISO dates here (reference 2.4).
DEAL_TASKTYPES = Resource(
    "dealTasktypes",
    "dealTasktype",
    "DealTasktype",
    columns("""defduration=0 status=0 title= cdate=@now udate=@now created_by=1 updated_by=1 created_utc_timestamp=@now
    updated_utc_timestamp=@now display_order=0 outcomes=[] links=@links id=@id"""),
    links="dealTasks tasktypeOutcomeRels",
    writes="title status defduration display_order",
    slim="title cdate udate created_by links id",
    stamped_on_update="udate updated_utc_timestamp",
    required={"title": "The task type title was not provided."},
)

SENTIMENTS = ("NEGATIVE", "NEUTRAL", "POSITIVE")


def _sentiment(call: Call, value: str) -> Where | None:
    """Filter by sentiment: 1 is negative, 2 neutral, 3 positive."""
    return eq("sentiment", SENTIMENTS[int(value) - 1]) if value in ("1", "2", "3") else None


def _prepare_outcome(call: Call, sent: Row, row: Row | None) -> Row:
    if call.store.find("taskOutcomes", eq("title", str(sent["title"]))):
        raise invalid("A task outcome with the same title already exists.", "field_invalid", "title")
    sentiment = str(sent["sentiment"]).upper()
    if sentiment not in SENTIMENTS:
        raise invalid("Sentiment value must be one of Positive, Neutral, or Negative.", "field_invalid", "sentiment")
    return {**sent, "sentiment": sentiment}


_OUTCOME_FILTERS: dict[str, Filter] = {"filters[sentiment]": _sentiment}

TASK_OUTCOMES = Resource(
    "taskOutcomes",
    "taskOutcome",
    "TaskOutcome",
    columns("""title= sentiment= disabled=0 created_by=1 updated_by=1 created_utc_timestamp=@now
    updated_utc_timestamp=@now dealTasktype_ids=[] links=@links id=@id"""),
    links="tasktypeOutcomeRels dealTasks",
    verbs="list get create",
    writes="title sentiment",
    slim="title sentiment created_by disabled= links id",
    echo=False,
    create_status=200,
    required={name: f"The taskOutcome {name} was not provided." for name in ("title", "sentiment")},
    filters=_OUTCOME_FILTERS,
    prepare=_prepare_outcome,
)
