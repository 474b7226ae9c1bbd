"""How the company reaches people: automations, campaigns, messages, forms, webhooks, its shop."""

from datetime import UTC, timedelta

from ac_mcp.sandbox.rest.dates import clock
from ac_mcp.sandbox.rest.store import Row

from . import company
from .company import rows, table
from .planter import Planter

SENT = """send_amt total_amt opens uniqueopens linkclicks uniquelinkclicks subscriberclicks hardbounces softbounces
unsubscribes verified_opens verified_unique_opens"""


def automations(planter: Planter) -> None:
    rows = [
        {
            "name": name,
            "status": status,
            "multientry": again,
            "start": start,
            "startid": str(20 + number),
            "entered": entered,
            "exited": exited,
        }
        for number, (name, status, again, start, entered, exited) in enumerate(table(company.AUTOMATIONS))
    ]
    planter.plant("automations", rows)


def entries(planter: Planter) -> None:
    """Jane has been through the welcome series; others are under way."""
    begun, ended = planter.ago(90), planter.ago(83)
    done: Row = {"contact": "1", "seriesid": "1", "status": "2", "adddate": begun, "remdate": ended, "lastdate": ended}
    done |= {
        "timespan": "604800",
        "lastblock": "11",
        "completedElements": "6",
        "completed": "1",
        "completeValue": "100",
    }
    running: list[Row] = [
        {"contact": str(contact), "seriesid": str(1 + contact % 4), "completedElements": "2", "completeValue": "33"}
        for contact in planter.random.sample(range(4, 61), 15)
    ]
    planter.plant("contactAutomations", [done, *running])


def campaigns(planter: Planter) -> None:
    lines = table(company.CAMPAIGNS)
    rows = [_campaign(planter, number, *line) for number, line in enumerate(lines, 1)]
    planter.plant("campaigns", rows)
    links: list[Row] = []
    for row in rows:
        of = {"campaignid": row["sendid"], "messageid": row["message_id"]}
        links.append({**of, "link": "open", "name": "Read Tracker"})
        links += [{**of, "link": f"https://northwind.example/{page}"} for page in ("shop", "stories")]
    planter.plant("links", links)


def _campaign(planter: Planter, number: int, name: str, days: str, status: str, word: str, *figures: str) -> Row:
    sent, opens, unique, clicks, clickers, left = (int(figure) for figure in figures)
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
        left,
        *verified,
    )
    row: Row = dict(zip(SENT.split(), map(str, counts), strict=True))
    row |= {"name": name, "status": status, "statusString": word, "sendid": str(number), "message_id": str(90 + number)}
    row |= {"campaign_message_id": str(70 + number), "laststep": "result" if sent else "designer"}
    if word == "Automation":
        return {**row, "seriesid": "1", "typeText": "Automation", "type": "responder"}
    if not days:
        return row
    moment = planter.ago(int(days))
    created = planter.ago(int(days) + 2) if sent else planter.ago(3)
    done = {"ldate": moment} if sent else {"schedule": "1", "scheduleddate": moment}
    return {**row, "sdate": moment, "cdate": created, "mdate": created, **done}


def webhooks(planter: Planter) -> None:
    mirror: Row = {"name": "CRM mirror", "url": "https://hooks.northwind.example/contacts"}
    mirror |= {"events": ["subscribe", "unsubscribe", "update"], "sources": ["public", "admin", "api", "system"]}
    feed: Row = {"name": "Deal feed", "url": "https://hooks.northwind.example/deals"}
    feed |= {"events": ["deal_add", "deal_update"], "sources": ["admin", "api"]}
    planter.plant("webhooks", [mirror, feed])


_EXCLUSION = ("matchPhrase", "matchType", "channel", "lists")
FIRST_MESSAGE, FIRST_TEMPLATE = 91, 100_002


def writing(planter: Planter) -> None:
    """A message for every campaign, under the number the campaign names."""
    found = list(enumerate(rows(company.MESSAGES, "subject", "preheader_text", "text")))
    house = {"fromname": "Northwind Coffee", "fromemail": "hello@northwind.example", "reply2": "dana@northwind.example"}
    stamps = {"cdate": planter.ago(320), "mdate": planter.ago(310)}
    planter.store.insert_many(
        "messages", ({**house, **stamps, **_message(row), "id": FIRST_MESSAGE + index} for index, row in found)
    )
    pairs = [(str(index + 1), str(FIRST_MESSAGE + index)) for index, _ in found]
    planter.plant("campaignMessages", [{"campaignid": campaign, "messageid": number} for campaign, number in pairs])
    lists = company.SENT_TO.split()
    planter.plant("campaignLists", [{"campaignid": str(at), "listid": number} for at, number in enumerate(lists, 1)])


def _message(row: dict[str, str]) -> Row:
    text = f"Hello %FIRSTNAME%,\n{row['text']}\n\nNorthwind Coffee, 12 Roaster Lane, Evanston"
    body = "".join(f"<p>{line}</p>" for line in text.split("\n") if line)
    html = f'<!DOCTYPE html><html><head><title>{row["subject"]}</title></head><body class="letter">{body}</body></html>'
    return {**row, "name": row["subject"], "text": text, "html": html}


def kept(planter: Planter) -> None:
    """Templates, answers at hand, addresses, forms, segments, exclusions."""
    templates = rows(company.TEMPLATES, "name", "categoryid", "used")
    html = "<!DOCTYPE html><html><body><h1>{name}</h1><p>%FIRSTNAME%, ...</p></body></html>"
    filled = [{**row, "content": html.format(**row), "mdate": planter.ago(200)} for row in templates]
    numbered = ({**row, "id": FIRST_TEMPLATE + index} for index, row in enumerate(filled))
    planter.store.insert_many("templates", numbered)
    planter.plant("savedResponses", list(rows(company.RESPONSES, "title", "subject", "body")))
    stamps = dict.fromkeys(("created_timestamp", "updated_timestamp"), clock(planter.ago(250)))
    names = ("companyName", "address1", "city", "state", "zip", "country", "isDefault")
    planter.plant("addresses", [{**stamps, **row} for row in rows(company.ADDRESSES, *names)])
    planter.plant("segments", [{**stamps, **row} for row in rows(company.SEGMENTS, "name", "tag")])
    planter.plant(
        "exclusions", [{**row, "lists": row["lists"].split()} for row in rows(company.EXCLUSIONS, *_EXCLUSION)]
    )
    planter.plant("forms", [_form(row) for row in rows(company.FORMS, "name", "list", "header")])


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


def shop(planter: Planter) -> None:
    """A shop with its customers, one of them with orders, and what is tracked on its pages."""
    planter.plant("connections", [{**company.SHOP, "cdate": planter.ago(180), "udate": planter.ago(180)}])
    buyers = list(rows(company.BUYERS, "connectionid", "externalid", "email", "acceptsMarketing"))
    orders = rows(company.ORDERS, "customerid", "externalid", "externalcheckoutid", "state", "totalPrice", "days")
    bought = [_order(planter, row, buyers[int(row["customerid"]) - 1]) for row in orders]
    planter.plant("ecomOrders", bought)
    planter.plant("ecomCustomers", [_buyer(row, str(at), bought) for at, row in enumerate(buyers, 1)])
    planter.plant("trackingSwitches", [{"name": name, "enabled": "1"} for name in ("eventTracking", "siteTracking")])
    planter.plant("eventTrackingEvents", [{"name": name} for name in company.EVENTS])
    moment = f"{(planter.now - timedelta(days=90)).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    schema = {**company.SCHEMA, **dict.fromkeys(("createdTimestamp", "updatedTimestamp"), moment)}
    planter.plant(
        "customObjectSchemas", [{"uuid": schema["id"], "schema": {key: schema[key] for key in company.SCHEMA}}]
    )


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
        **company.SHIPPED,
    }


def _buyer(row: Row, number: str, orders: list[Row]) -> Row:
    """Carts that were left are no revenue."""
    prices = [int(one["totalPrice"]) for one in orders if one["customerid"] == number and one["state"] != "2"]
    average = sum(prices) // len(prices) if prices else 0
    sums = {"totalRevenue": sum(prices), "totalOrders": len(prices), "avgRevenuePerOrder": average}
    return {**row, **{key: str(value) for key, value in sums.items()}}
