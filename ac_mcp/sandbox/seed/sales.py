"""What the company sells: pipelines, deals, notes, tasks and custom fields."""

from datetime import timedelta
from typing import Any

from ac_mcp.sandbox.rest.dates import iso, utc
from ac_mcp.sandbox.rest.store import Row, eq
from ac_mcp.sandbox.sales.custom_fields import ACCOUNT, DEAL, Side

from . import company
from .company import STAGES, rows, table
from .planter import Planter


def pipelines(planter: Planter) -> None:
    groups = list(enumerate(STAGES.items(), 1))
    planter.plant("dealGroups", [{"title": title, "autoassign": "1"} for _, (title, _) in groups])
    stages: list[Row] = [
        {"group": str(group), "title": title, "order": str(order), "cdate": None, "udate": None}
        for group, (_, titles) in groups
        for order, title in enumerate(titles.split(), 1)
    ]
    planter.plant("dealStages", stages)


def deals(planter: Planter) -> None:
    rows = [_deal(planter, *line) for line in table(company.DEALS)]
    draw = planter.random
    while len(rows) < 25:
        contact, stage = draw.randint(3, 60), draw.randint(1, 8)
        last = table(company.CONTACTS)[contact - 1][1] or "Harbor Light"
        title = f"{last}: {draw.choice(company.WARES)}"
        cents = str(draw.randint(8, 900) * 1000)
        currency, status = draw.choice(("usd", "usd", "usd", "eur")), draw.choice(("0", "0", "1", "2"))
        rows.append(_deal(planter, title, str(contact), str(stage), cents, currency, status))
    planter.plant("deals", rows)


def _deal(planter: Planter, title: str, contact: str, stage: str, cents: str, currency: str, status: str) -> Row:
    working = {"Jane": "1", "Bob": "3", "Omar": "3"}
    first = table(company.CONTACTS)[int(contact) - 1][0]
    created = planter.past(200, 20)
    row: Row = {"title": title, "contact": contact, "stage": stage, "group": "1" if int(stage) < 6 else "2"}
    row |= {"value": cents, "currency": currency, "status": status, "account": working.get(first)}
    row |= {"owner": str(planter.random.randint(1, 5)), "hash": f"{planter.random.getrandbits(32):08x}"}
    return {**row, "cdate": created, "mdate": max(created, planter.past(20))}


def notes(planter: Planter) -> None:
    rows = [{"reltype": kind, "relid": number, "note": text} for kind, number, text in table(company.NOTES)]
    planter.plant("notes", rows)


def tasks(planter: Planter) -> None:
    types = [{"title": row["title"], "cdate": None} for row in rows(company.TASK_TYPES, "title")]
    planter.plant("dealTasktypes", types)
    planter.plant("taskOutcomes", list(rows(company.OUTCOMES, "title", "sentiment")))
    names = ("reltype", "relid", "dealTasktype", "days", "status", "title", "note", "assignee")
    planted = [_task(planter, row) for row in rows(company.TASKS, *names)]
    planter.plant("dealTasks", planted)
    waiting = [(row["duedate"], str(at), row) for at, row in enumerate(planted, 1) if row["status"] == "0"]
    # The latest first, so that the one due first is what stays.
    for due, number, row in sorted(waiting, key=lambda each: each[0], reverse=True):
        if row["reltype"] == "Deal":
            planter.store.update("deals", row["relid"], {"nexttaskid": number, "nextdate": due})


def _task(planter: Planter, row: dict[str, str]) -> Row:
    due = planter.now + timedelta(days=int(row["days"]))
    made = planter.ago(max(1, -int(row["days"])) + 5)
    task: Row = {key: value for key, value in row.items() if key != "days"}
    task |= {"duedate": iso(due), "edate": iso(due + timedelta(minutes=15)), "cdate": made, "udate": made}
    return {**task, "donedate": iso(due) if row["status"] == "1" else None}


def custom(planter: Planter) -> None:
    _fields(planter, DEAL, company.DEAL_FIELDS, company.DEAL_VALUES)
    _fields(planter, ACCOUNT, company.ACCOUNT_FIELDS, company.ACCOUNT_VALUES)


def _fields(planter: Planter, side: Side, fields: str, values: str) -> None:
    moment = utc(planter.now - timedelta(days=120))
    stamps = {"createdTimestamp": moment, "updatedTimestamp": moment}
    found = rows(fields, "fieldLabel", "fieldType", "options")
    planter.plant(side.meta, [{**stamps, **_field(side, at, row)} for at, row in enumerate(found, 1)])
    kinds = [row["fieldType"] for row in found]
    data = rows(values, side.column, "customFieldId", "value")
    planter.plant(side.data, [{**stamps, **_value(row, kinds[int(row["customFieldId"]) - 1])} for row in data])


def _field(side: Side, at: int, row: dict[str, str]) -> Row:
    label = row["fieldLabel"].upper().replace(" ", "_")
    options = row.pop("options")
    listed = options.split(",") if options else None
    flags = {"isFormVisible": 1, "displayOrder": at, "personalization": f"{side.mark}_{label}"}
    # The account's own fields, which ActiveCampaign knows, have a number for that; the last option is the default.
    known, default = str(at) if side is ACCOUNT else None, listed[-1] if listed else None
    return {**row, **flags, "fieldOptions": listed, "fieldDefault": default, "knownFieldId": known}


def _value(row: dict[str, str], kind: str) -> Row:
    value: Any = row.pop("value")
    return {**row, "fieldValue": value.split(",") if kind == "multiselect" else value}


def around_deals(planter: Planter) -> None:
    """Who else is involved, and what happened: every deal was added once."""
    planter.plant("dealRoles", list(rows(company.ROLES, "title")))
    planter.plant("contactDeals", list(rows(company.PEOPLE, "deal", "contact", "role")))
    deals = planter.store.select("deals")
    added = [{"d_id": deal["id"], "cdate": deal["cdate"], "sortdate": deal["cdate"]} for deal in deals]
    planter.plant("dealActivities", [*added, *(_change(planter, row) for row in _changes())])
    for deal in deals:
        count = planter.store.count("dealActivities", eq("d_id", deal["id"]))
        planter.store.update("deals", deal["id"], {"activitycount": str(count)})


def _changes() -> list[dict[str, str]]:
    return rows(company.CHANGES, "d_id", "dataType", "dataOldval", "dataId", "days")


def _change(planter: Planter, row: dict[str, str]) -> Row:
    moment = planter.ago(int(row.pop("days")))
    stage = row["dataId"] if row["dataType"] == "d_stageid" else "0"
    return {**row, "d_stageid": stage, "dataAction": "update", "cdate": moment, "sortdate": moment}
