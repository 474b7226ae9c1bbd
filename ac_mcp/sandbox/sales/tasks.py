"""Tasks on deals and contacts, the types of tasks and how they can end (reference 5.4)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import change
from ac_mcp.sandbox.rest.dates import iso, parse
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import contains, dated, equals, starting
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Filter, Resource, View, belonging
from ac_mcp.sandbox.rest.store import Clause, Row, Where, eq

from .activities import noted

KINDS = {"deal": "Deal", "contact": "Subscriber"}
PLACES = {"Deal": "deals", "Subscriber": "contacts"}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    merged = {**(row or {"reltype": "Deal"}), **sent}
    kind = KINDS.get(str(merged.get("ownerType")), str(merged["reltype"]))
    if kind not in PLACES:
        raise invalid("The task reltype is not valid.", "field_invalid", "reltype")
    ids = {name: _number(call, merged, name, plural) for name, plural in _parents(kind).items()}
    values = {key: value for key, value in sent.items() if key not in ("ownerType", "triggerAutomationOnCreate")}
    return {**values, **ids, "reltype": kind, **_dates(sent, row), **_progress(call, merged, row)}


def _parents(kind: str) -> dict[str, str]:
    return {"relid": PLACES[kind], "dealTasktype": "dealTasktypes"}


def _number(call: Call, merged: Row, name: str, plural: str) -> str:
    row = call.store.get(plural, merged[name])
    if row is None:
        raise invalid(f"The task {name} does not exist.", "related_missing", name)
    return row["id"]


def _dates(sent: Row, row: Row | None) -> Row:
    """As the account writes them; a task without an end takes a quarter of an hour."""
    given = {name: _date(sent[name], name) for name in ("duedate", "edate") if sent.get(name)}
    if row is None and "edate" not in given:
        given["edate"] = iso(datetime.fromisoformat(given["duedate"]) + timedelta(minutes=15))
    return given


def _date(value: Any, name: str) -> str:
    moment = parse(str(value))
    if moment is None:
        raise invalid(f"The task {name} is not a date.", "field_invalid", name)
    return moment


def _progress(call: Call, merged: Row, row: Row | None) -> Row:
    """When it was done, and no longer when it is open again."""
    done = str(merged.get("status")) in ("1", "True")
    was = row is not None and row["status"] == "1"
    return {} if done == was else {"donedate": call.stamp if done else None}


def _stored(call: Call, row: Row, before: Row | None) -> None:
    for task in (before, row):
        if task and task["reltype"] == "Deal":
            follow(call, task["relid"])
    if before is None and row["reltype"] == "Deal":
        noted(call, row["relid"], "task", "add", number=row["id"])


def _removed(call: Call, row: Row) -> None:
    call.store.update("dealTasks", row["id"], {"status": "1"})
    if row["reltype"] == "Deal":
        follow(call, row["relid"])


def follow(call: Call, deal: str) -> None:
    """A deal's next action is its open task that is due first."""
    if call.store.get("deals", deal) is None:
        return
    open_ones = (eq("reltype", "Deal"), eq("relid", deal), eq("status", "0"))
    found = call.store.select("dealTasks", *open_ones, order="{duedate}", limit=1)
    following = {"nexttaskid": found[0]["id"], "nextdate": found[0]["duedate"]} if found else {}
    call.store.update("deals", deal, {"nexttaskid": "0", "nextdate": None, **following})


def _finish(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    kinds = {kind: name for name, kind in KINDS.items()}
    for row, out in zip(rows, shown, strict=True):
        out["owner"] = {"type": kinds[row["reltype"]], "id": row["relid"]}


def _due(call: Call, value: str) -> Where | None:
    """A word, or two days with a plus (read as a space) between them."""
    first, _, last = value.replace("+", " ").partition(" ")
    soon, start, end = iso(call.now + timedelta(hours=24)), parse(first), parse(f"{last}T23:59:59")
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
    "filters[duedate]": starting("duedate"),
    "filters[due_after]": dated("duedate", ">"),
    "filters[due_before]": dated("duedate", "<"),
    "filters[duedate_range]": _due,
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
    moves="udate",
    indexes="relid",
    required={name: f"The task {name} was not provided." for name in ("relid", "duedate", "dealTasktype")},
    filters=FILTERS,
    orders={name: f"{{{name}}}" for name in ("duedate", "cdate", "title", "status")},
    children=(Child("notes", "relid", (eq("reltype", "DealTask"),)),),
    prepare=_prepare,
    stored=_stored,
    finish=_finish,
    removed=_removed,
)


def move_tasks(call: Call) -> Answer:
    """All tasks of one type become tasks of another."""
    old = call.fetch("dealTasktypes", call.path["id"])
    new = call.store.get("dealTasktypes", call.wrapped("dealTask").get("dealTasktype"))
    if new is None:
        raise invalid("The task type does not exist.", "related_missing", "dealTasktype")
    found = belonging(call, "dealTasks", "dealTasktype", old["id"])
    moved = [change(call, DEAL_TASKS, row, {"dealTasktype": new["id"]}) for row in found]
    deals = dict.fromkeys(row["relid"] for row in moved if row["reltype"] == "Deal")
    sides = [shown for number in deals for shown in call.side("deals", number)]
    return Answer(200, {"dealTasks": call.show("dealTasks", moved), "deals": sides})


# The same names are clock stamps elsewhere and ISO here (reference 2.4).
DEAL_TASKTYPES = Resource(
    "dealTasktypes",
    "dealTasktype",
    "DealTasktype",
    columns("""defduration=0 status=0 title= cdate=@now udate=@now created_by=1 updated_by=1 created_utc_timestamp=@now
    updated_utc_timestamp=@now display_order=0 outcomes=[] links=@links id=@id"""),
    links="dealTasks tasktypeOutcomeRels",
    writes="title status defduration display_order",
    slim="title cdate udate created_by links id",
    moves="udate updated_utc_timestamp",
    required={"title": "The task type title was not provided."},
)

SENTIMENTS = ("NEGATIVE", "NEUTRAL", "POSITIVE")


def _sentiment(call: Call, value: str) -> Where | None:
    """1 is negative, 2 neutral, 3 positive."""
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
    created=200,
    required={name: f"The taskOutcome {name} was not provided." for name in ("title", "sentiment")},
    filters=_OUTCOME_FILTERS,
    prepare=_prepare_outcome,
)
