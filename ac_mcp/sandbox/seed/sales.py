"""Seeding of pipelines, deals, notes, tasks, and custom fields of deals and accounts."""

from datetime import timedelta
from typing import Any

from ac_mcp.sandbox.rest.dates import iso, utc, utc_clock_as_local
from ac_mcp.sandbox.rest.store import Row, eq
from ac_mcp.sandbox.sales.custom_fields import ACCOUNT, DEAL, OwnerKind
from ac_mcp.sandbox.sales.pipelines import FIRST_STAGES

from . import company
from .company import STAGES, parse_rows, split_rows
from .seeder import Seeder


def pipelines(seeder: Seeder) -> None:
    groups = list(enumerate(STAGES.items(), 1))
    seeder.insert("dealGroups", [{"title": title, "autoassign": "1"} for _, (title, _) in groups])
    stages: list[Row] = [
        {"group": str(group), "title": title, "order": str(order), **_stage_dates(seeder, order)}
        for group, (_, titles) in groups
        for order, title in enumerate(titles.split(), 1)
    ]
    seeder.insert("dealStages", stages)


def _stage_dates(seeder: Seeder, order: int) -> Row:
    """Return the dates of a stage: the three that come with a pipeline have no date until they are renamed."""
    renamed = utc_clock_as_local(seeder.now - timedelta(days=250 - order))
    return {"cdate": None if order <= len(FIRST_STAGES) else renamed, "udate": renamed}


def deals(seeder: Seeder) -> None:
    rows = [_deal(seeder, *line) for line in split_rows(company.DEALS)]
    draw = seeder.random
    while len(rows) < 25:
        contact, stage = draw.randint(3, 60), draw.randint(1, 8)
        last = split_rows(company.CONTACTS)[contact - 1][1] or "Harbor Light"
        title = f"{last}: {draw.choice(company.WARES)}"
        cents = str(draw.randint(8, 900) * 1000)
        currency, status = draw.choice(("usd", "usd", "usd", "eur")), draw.choice(("0", "0", "1", "2"))
        rows.append(_deal(seeder, title, str(contact), str(stage), cents, currency, status))
    seeder.insert("deals", rows)


def _deal(seeder: Seeder, title: str, contact: str, stage: str, cents: str, currency: str, status: str) -> Row:
    working = {"Jane": "1", "Bob": "3", "Omar": "3"}
    first = split_rows(company.CONTACTS)[int(contact) - 1][0]
    created = seeder.random_past(200, 20)
    row: Row = {"title": title, "contact": contact, "stage": stage, "group": "1" if int(stage) < 6 else "2"}
    row |= {"value": cents, "currency": currency, "status": status, "account": working.get(first)}
    row |= {"owner": str(seeder.random.randint(1, 5)), "hash": f"{seeder.random.getrandbits(32):08x}"}
    return {**row, "cdate": created, "mdate": max(created, seeder.random_past(20))}


def notes(seeder: Seeder) -> None:
    rows = [{"reltype": kind, "relid": number, "note": text} for kind, number, text in split_rows(company.NOTES)]
    seeder.insert("notes", rows)


def tasks(seeder: Seeder) -> None:
    types = [{"title": row["title"], "cdate": None} for row in parse_rows(company.TASK_TYPES, "title")]
    seeder.insert("dealTasktypes", types)
    seeder.insert("taskOutcomes", list(parse_rows(company.OUTCOMES, "title", "sentiment")))
    names = ("reltype", "relid", "dealTasktype", "days", "status", "title", "note", "assignee")
    task_rows = [_task(seeder, row) for row in parse_rows(company.TASKS, *names)]
    seeder.insert("dealTasks", task_rows)
    waiting = [(row["duedate"], str(task), row) for task, row in enumerate(task_rows, 1) if row["status"] == "0"]
    # The task due first comes last, so that it is the one that stays.
    for due, number, row in sorted(waiting, key=lambda entry: entry[0], reverse=True):
        if row["reltype"] == "Deal":
            seeder.store.update("deals", row["relid"], {"nexttaskid": number, "nextdate": due})


def _task(seeder: Seeder, row: dict[str, str]) -> Row:
    due = seeder.now + timedelta(days=int(row["days"]))
    made = seeder.ago(max(1, -int(row["days"])) + 5)
    task: Row = {key: value for key, value in row.items() if key != "days"}
    task |= {"duedate": iso(due), "edate": iso(due + timedelta(minutes=15)), "cdate": made, "udate": made}
    return {**task, "donedate": iso(due) if row["status"] == "1" else None}


def custom_fields(seeder: Seeder) -> None:
    _fields(seeder, DEAL, company.DEAL_FIELDS, company.DEAL_VALUES)
    _fields(seeder, ACCOUNT, company.ACCOUNT_FIELDS, company.ACCOUNT_VALUES)


def _fields(seeder: Seeder, kind: OwnerKind, fields: str, values: str) -> None:
    moment = utc(seeder.now - timedelta(days=120))
    stamps = {"createdTimestamp": moment, "updatedTimestamp": moment}
    found = parse_rows(fields, "fieldLabel", "fieldType", "options")
    seeder.insert(kind.meta, [{**stamps, **_field(kind, position, row)} for position, row in enumerate(found, 1)])
    kinds = [row["fieldType"] for row in found]
    data = parse_rows(values, kind.column, "customFieldId", "value")
    seeder.insert(kind.data, [{**stamps, **_value(row, kinds[int(row["customFieldId"]) - 1])} for row in data])


def _field(kind: OwnerKind, position: int, row: dict[str, str]) -> Row:
    label = row["fieldLabel"].upper().replace(" ", "_")
    options = row.pop("options")
    listed = options.split(",") if options else None
    flags = {"isFormVisible": 1, "displayOrder": position, "personalization": f"{kind.tag_prefix}_{label}"}
    # Fields of accounts are known to ActiveCampaign by a number; the last option is the default.
    known_field, default = str(position) if kind is ACCOUNT else None, listed[-1] if listed else None
    return {**row, **flags, "fieldOptions": listed, "fieldDefault": default, "knownFieldId": known_field}


def _value(row: dict[str, str], kind: str) -> Row:
    value: Any = row.pop("value")
    return {**row, "fieldValue": value.split(",") if kind == "multiselect" else value}


def deal_history(seeder: Seeder) -> None:
    """Add the secondary contacts and the history of deals; each history starts with the creation."""
    seeder.insert("dealRoles", list(parse_rows(company.ROLES, "title")))
    seeder.insert("contactDeals", list(parse_rows(company.PEOPLE, "deal", "contact", "role")))
    deals = seeder.store.select("deals")
    added = [{"d_id": deal["id"], "cdate": deal["cdate"], "sortdate": deal["cdate"]} for deal in deals]
    seeder.insert("dealActivities", [*added, *(_change(seeder, row) for row in _changes())])
    for deal in deals:
        count = seeder.store.count("dealActivities", eq("d_id", deal["id"]))
        seeder.store.update("deals", deal["id"], {"activitycount": str(count)})


def _changes() -> list[dict[str, str]]:
    return parse_rows(company.CHANGES, "d_id", "dataType", "dataOldval", "dataId", "days")


def _change(seeder: Seeder, row: dict[str, str]) -> Row:
    moment = seeder.ago(int(row.pop("days")))
    stage = row["dataId"] if row["dataType"] == "d_stageid" else "0"
    return {**row, "d_stageid": stage, "dataAction": "update", "cdate": moment, "sortdate": moment}
