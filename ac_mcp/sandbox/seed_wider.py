"""The company's messages, tasks, custom fields and traces: after the rest, so that nothing else is drawn anew."""

from datetime import UTC, timedelta
from typing import Any

from . import wider
from .custom_fields import ACCOUNT, DEAL, Side
from .dates import clock, iso, utc
from .planting import Planter
from .store import Clause, Row, eq
from .wider import rows

_EXCLUSION = ("matchPhrase", "matchType", "channel", "lists")
FIRST_MESSAGE, FIRST_TEMPLATE = 91, 100_002


def writing(planter: Planter) -> None:
    """A message for every campaign, under the number the campaign names."""
    found = list(enumerate(rows(wider.MESSAGES, "subject", "preheader_text", "text")))
    house = {"fromname": "Northwind Coffee", "fromemail": "hello@northwind.example", "reply2": "dana@northwind.example"}
    stamps = {"cdate": planter.ago(320), "mdate": planter.ago(310)}
    planter.store.insert_many(
        "messages", ({**house, **stamps, **_message(row), "id": FIRST_MESSAGE + index} for index, row in found)
    )
    pairs = [(str(index + 1), str(FIRST_MESSAGE + index)) for index, _ in found]
    planter.plant("campaignMessages", [{"campaignid": campaign, "messageid": number} for campaign, number in pairs])
    lists = wider.SENT_TO.split()
    planter.plant("campaignLists", [{"campaignid": str(at), "listid": number} for at, number in enumerate(lists, 1)])


def _message(row: dict[str, str]) -> Row:
    text = f"Hello %FIRSTNAME%,\n{row['text']}\n\nNorthwind Coffee, 12 Roaster Lane, Evanston"
    body = "".join(f"<p>{line}</p>" for line in text.split("\n") if line)
    html = f'<!DOCTYPE html><html><head><title>{row["subject"]}</title></head><body class="letter">{body}</body></html>'
    return {**row, "name": row["subject"], "text": text, "html": html}


def kept(planter: Planter) -> None:
    """Templates, answers at hand, addresses, forms, segments, exclusions."""
    templates = rows(wider.TEMPLATES, "name", "categoryid", "used")
    html = "<!DOCTYPE html><html><body><h1>{name}</h1><p>%FIRSTNAME%, ...</p></body></html>"
    filled = [{**row, "content": html.format(**row), "mdate": planter.ago(200)} for row in templates]
    numbered = ({**row, "id": FIRST_TEMPLATE + index} for index, row in enumerate(filled))
    planter.store.insert_many("templates", numbered)
    planter.plant("savedResponses", list(rows(wider.RESPONSES, "title", "subject", "body")))
    stamps = dict.fromkeys(("created_timestamp", "updated_timestamp"), clock(planter.ago(250)))
    names = ("companyName", "address1", "city", "state", "zip", "country", "isDefault")
    planter.plant("addresses", [{**stamps, **row} for row in rows(wider.ADDRESSES, *names)])
    planter.plant("segments", [{**stamps, **row} for row in rows(wider.SEGMENTS, "name", "tag")])
    planter.plant("exclusions", [{**row, "lists": row["lists"].split()} for row in rows(wider.EXCLUSIONS, *_EXCLUSION)])
    planter.plant("forms", [_form(row) for row in rows(wider.FORMS, "name", "list", "header")])


def _form(row: dict[str, str]) -> Row:
    action = {"type": "subscribe-to-list", "email": "dana@northwind.example", "list": row["list"]}
    return {
        "name": row["name"],
        "actiondata": {"actions": [action]},
        "submitdata": {"url": ""},
        "thanks": "Thank you, we will be in touch.",
        "style": {"background": "FFFFFF", "dark": True, "width": 500, "ac_branding": True},
        "options": {"blanks_overwrite": True, "confaction": "show-message"},
        "cfields": [{"type": "header", "header": row["header"]}, {"type": "email", "header": "Email"}],
    }


def scores(planter: Planter) -> None:
    planter.plant("scores", list(rows(wider.SCORES, "name", "reltype", "descript")))
    for row in rows(wider.SCORE_VALUES, "score", "contact", "deal", "scoreValue"):
        stamps = {"cdate": planter.ago(90), "mdate": planter.ago(3)}
        planter.store.insert("scoreValues", {**stamps, **{key: value or None for key, value in row.items()}})


def staff(planter: Planter) -> None:
    """Dana administers, the others sell; both groups see every list, and every contact field is shown."""
    planter.plant("userGroups", [{"userid": str(user), "groupid": "1" if user == 1 else "2"} for user in range(1, 6)])
    pairs = [(str(number), group) for number in range(1, 9) for group in ("1", "2")]
    planter.plant("listGroups", [{"list": number, "group": group} for number, group in pairs])
    shown = [{"group_id": "1", "rel_id": str(field), "ordernum": str(field)} for field in range(1, 7)]
    planter.plant("groupMembers", shown)


def tasks(planter: Planter) -> None:
    types = [{"title": row["title"], "cdate": None} for row in rows(wider.TASK_TYPES, "title")]
    planter.plant("dealTasktypes", types)
    planter.plant("taskOutcomes", list(rows(wider.OUTCOMES, "title", "sentiment")))
    names = ("reltype", "relid", "dealTasktype", "days", "status", "title", "note", "assignee")
    planted = [_task(planter, row) for row in rows(wider.TASKS, *names)]
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
    _fields(planter, DEAL, wider.DEAL_FIELDS, wider.DEAL_VALUES)
    _fields(planter, ACCOUNT, wider.ACCOUNT_FIELDS, wider.ACCOUNT_VALUES)


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
    planter.plant("dealRoles", list(rows(wider.ROLES, "title")))
    planter.plant("contactDeals", list(rows(wider.PEOPLE, "deal", "contact", "role")))
    deals = planter.store.select("deals")
    added = [{"d_id": deal["id"], "cdate": deal["cdate"], "sortdate": deal["cdate"]} for deal in deals]
    planter.plant("dealActivities", [*added, *(_change(planter, row) for row in _changes())])
    for deal in deals:
        count = planter.store.count("dealActivities", eq("d_id", deal["id"]))
        planter.store.update("deals", deal["id"], {"activitycount": str(count)})


def _changes() -> list[dict[str, str]]:
    return rows(wider.CHANGES, "d_id", "dataType", "dataOldval", "dataId", "days")


def _change(planter: Planter, row: dict[str, str]) -> Row:
    moment = planter.ago(int(row.pop("days")))
    stage = row["dataId"] if row["dataType"] == "d_stageid" else "0"
    return {**row, "d_stageid": stage, "dataAction": "update", "cdate": moment, "sortdate": moment}


def talk(planter: Planter) -> None:
    """E-mails to contacts, each with its entry in the contact's feed."""
    house = {"from_name": "Dana Reyes", "fromAddress": "dana@northwind.example"}
    found = rows(wider.EMAILS, "subscriberid", "toAddress", "d_id", "days", "subject", "message")
    mails: list[Row] = [
        {**house, **row, "relid": str(at), "tstamp": planter.ago(int(row["days"]))} for at, row in enumerate(found, 1)
    ]
    planter.plant("emailActivities", [{**mail, "messageHtml": f"<p>{mail['message']}</p>"} for mail in mails])
    feed = [{"subscriberid": mail["subscriberid"], "reference_id": mail["relid"]} for mail in mails]
    entries = [
        {**entry, "tstamp": mail["tstamp"], "recipients": [mail["relid"]]}
        for entry, mail in zip(feed, mails, strict=True)
    ]
    planter.plant("activities", entries)


def traces(planter: Planter) -> None:
    """More of what tracking knows; the first visit and the first bounce are older."""
    for row in rows(wider.VISITS, "subscriberid", "type", "value"):
        planter.store.insert("trackingLogs", {**row, "hash": "1c7a95d0e2b64f38", "tstamp": planter.ago(11)})
    log = {"campaignid": "2", "messageid": "92", "type": "sent", "tstamp": planter.ago(270)}
    planter.plant("contactLogs", [{**log, "subscriberid": str(contact)} for contact in range(1, 6)])
    bounce: Row = {
        "subscriberid": "9",
        "campaignid": "3",
        "messageid": "93",
        "codeid": "48",
        "tstamp": planter.ago(239),
    }
    planter.store.insert("bounceLogs", {**bounce, "email": "info@harborlight.example", "source": "Return-Path: <> ..."})


def imported(planter: Planter) -> None:
    """The last people came in by an import, three days ago."""
    asked = (planter.now - timedelta(days=3)).timestamp()
    newest = [row["id"] for row in planter.store.select("contacts", Clause("{id} BETWEEN 52 AND 60"))]
    batch: Row = {"batchId": "5e0c2d9a-4b71-4f86-9a3e-2f1d6c8b7a90", "asked": asked, "size": len(newest) + 1}
    batch |= {"state": "done", "success": newest, "failure": ["fair-visitor@nowhere"]}
    planter.plant("imports", [batch])


def shop(planter: Planter) -> None:
    """A shop with its customers, one of them with orders, and what is tracked on its pages."""
    planter.plant("connections", [{**wider.SHOP, "cdate": planter.ago(180), "udate": planter.ago(180)}])
    buyers = list(rows(wider.BUYERS, "connectionid", "externalid", "email", "acceptsMarketing"))
    orders = rows(wider.ORDERS, "customerid", "externalid", "externalcheckoutid", "state", "totalPrice", "days")
    bought = [_order(planter, row, buyers[int(row["customerid"]) - 1]) for row in orders]
    planter.plant("ecomOrders", bought)
    planter.plant("ecomCustomers", [_buyer(row, str(at), bought) for at, row in enumerate(buyers, 1)])
    planter.plant("trackingSwitches", [{"name": name, "enabled": "1"} for name in ("eventTracking", "siteTracking")])
    planter.plant("eventTrackingEvents", [{"name": name} for name in wider.EVENTS])
    moment = f"{(planter.now - timedelta(days=90)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    schema = {**wider.SCHEMA, **dict.fromkeys(("createdTimestamp", "updatedTimestamp"), moment)}
    planter.plant("customObjectSchemas", [{"uuid": schema["id"], "schema": {key: schema[key] for key in wider.SCHEMA}}])


def _order(planter: Planter, row: dict[str, str], buyer: Row) -> Row:
    moment = planter.ago(int(row["days"]))
    dates = dict.fromkeys(
        ("externalCreatedDate", "externalUpdatedDate", "createdDate", "updatedDate", "orderDate", "tstamp"), moment
    )
    left = {"abandonedDate": moment} if row["state"] == "2" else {}
    told = {key: value or None for key, value in row.items() if key != "days"}
    return {
        **told,
        **dates,
        **left,
        "connectionid": "1",
        "email": buyer["email"],
        "currency": "usd",
        "source": "1",
        **wider.SHIPPED,
    }


def _buyer(row: Row, number: str, orders: list[Row]) -> Row:
    """Carts that were left are no revenue."""
    prices = [int(one["totalPrice"]) for one in orders if one["customerid"] == number and one["state"] != "2"]
    average = sum(prices) // len(prices) if prices else 0
    sums = {"totalRevenue": sum(prices), "totalOrders": len(prices), "avgRevenuePerOrder": average}
    return {**row, **{key: str(value) for key, value in sums.items()}}


WIDER = (writing, kept, scores, staff, tasks, custom, around_deals, talk, traces, imported, shop)


def plant_wider(planter: Planter) -> None:
    for step in WIDER:
        step(planter)
