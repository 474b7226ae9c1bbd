"""Seeding of automations, campaigns, messages, forms, segments, webhooks and the shop."""

from datetime import UTC, timedelta

from ac_mcp.sandbox.rest.dates import clock
from ac_mcp.sandbox.rest.store import Row

from . import company
from .company import parse_rows, split_rows
from .seeder import Seeder

SENT = """send_amt total_amt opens uniqueopens linkclicks uniquelinkclicks subscriberclicks hardbounces softbounces
unsubscribes verified_opens verified_unique_opens"""


def automations(seeder: Seeder) -> None:
    rows = [
        {
            "name": name,
            "status": status,
            "multientry": multientry,
            "start": start,
            "startid": str(20 + number),
            "entered": entered,
            "exited": exited,
        }
        for number, (name, status, multientry, start, entered, exited) in enumerate(split_rows(company.AUTOMATIONS))
    ]
    seeder.insert("automations", rows)


def entries(seeder: Seeder) -> None:
    """Jane has been through the welcome series; others are under way."""
    begun, ended = seeder.ago(90), seeder.ago(83)
    done: Row = {"contact": "1", "seriesid": "1", "status": "2", "adddate": begun, "remdate": ended, "lastdate": ended}
    done |= {
        "timespan": "604800",
        "lastblock": "6",
        "completedElements": "6",
        "completed": "1",
        "completeValue": "100",
    }
    waiting = {"completedElements": "2", "completeValue": "33"}
    running: list[Row] = [
        # Each is at the third of the six blocks that each automation has.
        {**waiting, "contact": str(contact), "seriesid": str(1 + contact % 4), "lastblock": str(contact % 4 * 6 + 3)}
        for contact in seeder.random.sample(range(4, 61), 15)
    ]
    seeder.insert("contactAutomations", [done, *running])


def campaigns(seeder: Seeder) -> None:
    lines = split_rows(company.CAMPAIGNS)
    rows = [_campaign(seeder, number, *line) for number, line in enumerate(lines, 1)]
    seeder.insert("campaigns", rows)
    links: list[Row] = []
    for row in rows:
        ids = {"campaignid": row["sendid"], "messageid": row["message_id"]}
        moment = clock(row.get("cdate") or seeder.ago(3))
        ids |= {"created_timestamp": moment, "updated_timestamp": clock(row.get("ldate")) or moment}
        links.append({**ids, "link": "open", "name": "Read Tracker"})
        links += [{**ids, **_clicks(row, page), "link": f"https://northwind.example/{page}"} for page in PAGES]
    seeder.insert("links", links)


PAGES = ("shop", "stories")


def _clicks(campaign: Row, page: str) -> Row:
    """Return the page's part of a campaign's clicks: two thirds go to the shop."""
    totals = {key: int(campaign[key]) for key in ("linkclicks", "uniquelinkclicks")}
    return {key: str(total // 3 if page == "stories" else total - total // 3) for key, total in totals.items()}


def _campaign(seeder: Seeder, number: int, name: str, days: str, status: str, word: str, *figures: str) -> Row:
    sent, opens, unique, clicks, clickers, unsubscribed = (int(figure) for figure in figures)
    verified = (int(opens * 0.8), int(unique * 0.85))
    counts = (
        sent,
        sent,
        opens,
        unique,
        clicks,
        clickers,
        int(clickers * 0.9),
        sent // 300,
        sent // 150,
        unsubscribed,
        *verified,
    )
    row: Row = dict(zip(SENT.split(), map(str, counts), strict=True))
    row |= {"name": name, "status": status, "statusString": word, "sendid": str(number), "message_id": str(90 + number)}
    row |= {"campaign_message_id": str(70 + number), "laststep": "result" if sent else "designer"}
    if word == "Automation":
        return {**row, "seriesid": "1", "typeText": "Automation", "type": "responder"}
    if not days:
        return row
    moment = seeder.ago(int(days))
    created = seeder.ago(int(days) + 2) if sent else seeder.ago(3)
    done = {"ldate": moment} if sent else {"schedule": "1", "scheduleddate": moment}
    return {**row, "sdate": moment, "cdate": created, "mdate": created, **done}


def webhooks(seeder: Seeder) -> None:
    mirror: Row = {"name": "CRM mirror", "url": "https://hooks.northwind.example/contacts"}
    mirror |= {"events": ["subscribe", "unsubscribe", "update"], "sources": ["public", "admin", "api", "system"]}
    feed: Row = {"name": "Deal feed", "url": "https://hooks.northwind.example/deals"}
    feed |= {"events": ["deal_add", "deal_update"], "sources": ["admin", "api"]}
    seeder.insert("webhooks", [mirror, feed])


_EXCLUSION = ("matchPhrase", "matchType", "channel", "lists")
FIRST_MESSAGE, FIRST_TEMPLATE = 91, 100_002


def messages(seeder: Seeder) -> None:
    """Add a message for every campaign, under the id the campaign names."""
    found = list(enumerate(parse_rows(company.MESSAGES, "subject", "preheader_text", "text")))
    house = {"fromname": "Northwind Coffee", "fromemail": "hello@northwind.example", "reply2": "dana@northwind.example"}
    stamps = {"cdate": seeder.ago(320), "mdate": seeder.ago(310)}
    seeder.store.insert_many(
        "messages", ({**house, **stamps, **_message(row), "id": FIRST_MESSAGE + index} for index, row in found)
    )
    pairs = [(str(index + 1), str(FIRST_MESSAGE + index)) for index, _ in found]
    seeder.insert("campaignMessages", [{"campaignid": campaign, "messageid": number} for campaign, number in pairs])
    lists = company.SENT_TO.split()
    seeder.insert(
        "campaignLists", [{"campaignid": str(campaign), "listid": number} for campaign, number in enumerate(lists, 1)]
    )


def _message(row: dict[str, str]) -> Row:
    text = f"Hello %FIRSTNAME%,\n{row['text']}\n\nNorthwind Coffee, 12 Roaster Lane, Evanston"
    body = "".join(f"<p>{line}</p>" for line in text.split("\n") if line)
    html = f'<!DOCTYPE html><html><head><title>{row["subject"]}</title></head><body class="letter">{body}</body></html>'
    return {**row, "name": row["subject"], "text": text, "html": html}


def assets(seeder: Seeder) -> None:
    """Add templates, saved responses, addresses, forms, segments, exclusions."""
    templates = parse_rows(company.TEMPLATES, "name", "categoryid", "used")
    html = "<!DOCTYPE html><html><body><h1>{name}</h1><p>%FIRSTNAME%, ...</p></body></html>"
    filled = [{**row, "content": html.format(**row), "mdate": seeder.ago(200)} for row in templates]
    numbered = ({**row, "id": FIRST_TEMPLATE + index} for index, row in enumerate(filled))
    seeder.store.insert_many("templates", numbered)
    seeder.insert("savedResponses", list(parse_rows(company.RESPONSES, "title", "subject", "body")))
    stamps = dict.fromkeys(("created_timestamp", "updated_timestamp"), clock(seeder.ago(250)))
    names = ("companyName", "address1", "city", "state", "zip", "country", "isDefault")
    seeder.insert("addresses", [{**stamps, **row} for row in parse_rows(company.ADDRESSES, *names)])
    seeder.insert("segments", [{**stamps, **row} for row in parse_rows(company.SEGMENTS, "name", "tag")])
    seeder.insert(
        "exclusions", [{**row, "lists": row["lists"].split()} for row in parse_rows(company.EXCLUSIONS, *_EXCLUSION)]
    )
    seeder.insert("forms", [_form(row) for row in parse_rows(company.FORMS, "name", "list", "header")])


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


def shop(seeder: Seeder) -> None:
    """A shop with its customers, one of them with orders, and what is tracked on its pages."""
    seeder.insert("connections", [{**company.SHOP, "cdate": seeder.ago(180), "udate": seeder.ago(180)}])
    buyers = list(parse_rows(company.BUYERS, "connectionid", "externalid", "email", "acceptsMarketing"))
    orders = parse_rows(company.ORDERS, "customerid", "externalid", "externalcheckoutid", "state", "totalPrice", "days")
    bought = [_order(seeder, row, buyers[int(row["customerid"]) - 1]) for row in orders]
    seeder.insert("ecomOrders", bought)
    seeder.insert("ecomCustomers", [_buyer(row, str(number), bought) for number, row in enumerate(buyers, 1)])
    seeder.insert("trackingSwitches", [{"name": name, "enabled": "1"} for name in ("eventTracking", "siteTracking")])
    seeder.insert("eventTrackingEvents", [{"name": name} for name in company.EVENTS])
    moment = f"{(seeder.now - timedelta(days=90)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    schema = {**company.SCHEMA, **dict.fromkeys(("createdTimestamp", "updatedTimestamp"), moment)}
    seeder.insert(
        "customObjectSchemas", [{"uuid": schema["id"], "schema": {key: schema[key] for key in company.SCHEMA}}]
    )


def _order(seeder: Seeder, row: dict[str, str], buyer: Row) -> Row:
    moment = seeder.ago(int(row["days"]))
    dates = dict.fromkeys(
        ("externalCreatedDate", "externalUpdatedDate", "createdDate", "updatedDate", "orderDate", "tstamp"), moment
    )
    abandoned = {"abandonedDate": moment} if row["state"] == "2" else {}
    values = {key: value or None for key, value in row.items() if key != "days"}
    return {
        **values,
        **dates,
        **abandoned,
        "connectionid": "1",
        "email": buyer["email"],
        "currency": "usd",
        "source": "1",
        **company.SHIPPED,
    }


def _buyer(row: Row, number: str, orders: list[Row]) -> Row:
    """Add a customer's sums; abandoned carts are no revenue."""
    prices = [int(order["totalPrice"]) for order in orders if order["customerid"] == number and order["state"] != "2"]
    average = sum(prices) // len(prices) if prices else 0
    sums = {"totalRevenue": sum(prices), "totalOrders": len(prices), "avgRevenuePerOrder": average}
    return {**row, **{key: str(value) for key, value in sums.items()}}
