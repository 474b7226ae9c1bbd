"""Seeding of the collections that only a Singer tap is known to read, and of custom object records and products."""

import json
import uuid
from datetime import UTC, timedelta
from random import Random

from ac_mcp.sandbox.account.shops import activity_of
from ac_mcp.sandbox.rest.store import Row

from . import company
from .company import parse_rows
from .seeder import Seeder


def automation_parts(seeder: Seeder) -> None:
    """Add the blocks of every automation, and the goals, text messages and site messages that stand in them."""
    made = {"cdate": seeder.ago(260), "mdate": seeder.ago(200)}
    blocks: list[Row] = [
        {**row, **made, "params": json.loads(row["params"]), "parent": str(number), "ordernum": str(number % 6)}
        for number, row in enumerate(parse_rows(company.BLOCKS, "automation", "type", "params"))
    ]
    for block in blocks[::6]:
        block["parent"] = "0"
    seeder.insert("automationBlocks", blocks)
    goals = [(str(place), block) for place, block in enumerate(blocks, 1) if block["type"] == "goal"]
    seeder.insert(
        "goals",
        [
            {"blockid": place, "seriesid": block["automation"], "name": block["params"]["name"], "cdate": made["cdate"]}
            for place, block in goals
        ],
    )
    text = {"seriesid": "2", "msg": "Your trial has begun. Reply STOP to leave.", "sent": "71", "failed": "2"}
    seeder.insert("sms", [{**text, "tstamp": made["cdate"], "sdate": made["mdate"], "ldate": seeder.ago(4)}])
    message = {"name": "Trial tips", "automation": "2", "ldate": seeder.ago(6)}
    template = {"initial": {"title": "New here?"}, "detailed": {"body": "Three cups to begin with."}}
    seeder.insert("siteMessages", [{**message, "template": template}])


def conversions(seeder: Seeder) -> None:
    rows = parse_rows(company.CONVERSIONS, "name", "value", "days")
    seeder.insert("conversions", [_dated(seeder, row, "cdate", "udate") for row in rows])
    triggers = parse_rows(
        company.CONVERSION_TRIGGERS, "conversion", "triggerType", "modifier", "value", "automationBlock"
    )
    moment = seeder.ago(150)
    seeder.insert(
        "conversionTriggers",
        [
            {**row, "automationBlock": row["automationBlock"] or None, "cdate": moment, "udate": moment}
            for row in triggers
        ],
    )
    names = ("contact", "conversion", "conversion_trigger", "convertedByType", "convertedById", "value", "days")
    converted = [_dated(seeder, row, "cdate") for row in parse_rows(company.CONVERTED, *names)]
    for row in converted:
        trigger = triggers[int(row["conversion_trigger"]) - 1]
        row |= {"triggerType": trigger["triggerType"], "modifier": trigger["modifier"]}
    seeder.insert("contactConversions", converted)


def _dated(seeder: Seeder, row: dict[str, str], *names: str) -> Row:
    """Return the row with its `days` as the date under each name."""
    return {
        **{key: value for key, value in row.items() if key != "days"},
        **dict.fromkeys(names, seeder.ago(int(row["days"]))),
    }


def preferences(seeder: Seeder) -> None:
    rows = parse_rows(company.CONFIGS, "section", "item", "userid", "val")
    seeder.insert("configs", [{**row, "keyname": f"{row['section']}_{row['item']}"} for row in rows])
    seeder.insert("brandings", [{"siteName": "Northwind Coffee", "siteLogo": "https://northwind.example/logo.png"}])
    feed = {"title": "Tastings and calls", "type": "Deals", "token": "5540950ac4ed4f11591db934b701aff8"}
    seeder.insert("calendars", [feed])
    sellers = {"1": range(1, 6), "2": (1, 5)}
    seeder.insert(
        "dealGroupUsers",
        [{"dealGroup": group, "user": str(user)} for group, users in sellers.items() for user in users],
    )


def contact_emails(seeder: Seeder) -> None:
    """Add the e-mails that the activity feed refers to, under the ids it has for them."""
    mails = seeder.store.select("emailActivities")
    rows = [
        {
            "id": mail["relid"],
            "subscriberid": mail["subscriberid"],
            "d_id": mail["d_id"],
            "sdate": mail["tstamp"],
            "messageheader": f"<{mail['relid']}@northwind.example>",
            "source": mail["message"],
        }
        for mail in mails
    ]
    seeder.store.insert_many("contactEmails", rows)


def orders(seeder: Seeder) -> None:
    """Add the products of every order, the numbers of products, and an activity for each order."""
    names = ("orderid", "externalid", "name", "category", "price", "quantity")
    products = parse_rows(company.PRODUCTS, *names)
    shop = seeder.store.select("connections")[0]
    bought = dict.fromkeys([row["id"] for row in seeder.store.select("ecomCustomers")], 0)
    activities: list[Row] = []
    for order in seeder.store.select("ecomOrders"):
        number = sum(int(row["quantity"]) for row in products if row["orderid"] == order["id"])
        order = seeder.store.update("ecomOrders", order["id"], {"totalProducts": str(number)})
        bought[order["customerid"]] += number if order["state"] != "2" else 0
        dates = {name: order[name] for name in ("createdDate", "updatedDate", "tstamp")}
        rows = [{**row, **dates} for row in products if row["orderid"] == order["id"]]
        seeder.insert("ecomOrderProducts", [{**row, "connectionid": "1", "sku": row["externalid"]} for row in rows])
        activities.append(activity_of(order, shop))
    for customer, number in bought.items():
        seeder.store.update("ecomCustomers", customer, {"totalProducts": str(number)})
    seeder.insert("ecomOrderActivities", activities)


def records(seeder: Seeder) -> None:
    """Add the machines of three contacts; their ids do not depend on the other random values."""
    moment = f"{(seeder.now - timedelta(days=60)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
    draw = Random(company.SCHEMA["id"])
    stamps = {"schemaId": company.SCHEMA["id"], "createdTimestamp": moment, "updatedTimestamp": moment}
    rows: list[Row] = []
    for row in parse_rows(company.MACHINES, "externalId", "serial", "model", "serviced", "contact"):
        values = {"serial": int(row["serial"]), "model": row["model"], "serviced": row["serviced"]}
        fields = [{"id": name, "value": value} for name, value in values.items() if value]
        number = str(uuid.UUID(int=draw.getrandbits(128), version=4))
        related = {"primary-contact": [row["contact"]]}
        rows.append(
            {"uuid": number, "externalId": row["externalId"], **stamps, "fields": fields, "relationships": related}
        )
    seeder.insert("customObjectRecords", rows)
