"""What the company does: pipelines and deals, automations, campaigns, notes, webhooks."""

from . import company
from .company import STAGES, table
from .planting import Planter
from .store import Row

SENT = """send_amt total_amt opens uniqueopens linkclicks uniquelinkclicks subscriberclicks hardbounces softbounces
unsubscribes verified_opens verified_unique_opens"""


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


def notes(planter: Planter) -> None:
    rows = [{"reltype": kind, "relid": number, "note": text} for kind, number, text in table(company.NOTES)]
    planter.plant("notes", rows)


def webhooks(planter: Planter) -> None:
    mirror: Row = {"name": "CRM mirror", "url": "https://hooks.northwind.example/contacts"}
    mirror |= {"events": ["subscribe", "unsubscribe", "update"], "sources": ["public", "admin", "api", "system"]}
    feed: Row = {"name": "Deal feed", "url": "https://hooks.northwind.example/deals"}
    feed |= {"events": ["deal_add", "deal_update"], "sources": ["admin", "api"]}
    planter.plant("webhooks", [mirror, feed])


def traces(planter: Planter) -> None:
    """What tracking knows: a score and a visit of Jane's, a bounce of contact 4."""
    address = "1334182953"
    place: Row = {"country2": "US", "country": "United States", "state": "IL", "city": "Evanston", "zip": "60201"}
    place |= {"area": "847", "lat": "42.045072", "lon": "-87.687697", "tz": "America/Chicago", "ip4": address}
    planter.plant("geoAddresses", [place])
    opened: Row = {"contact": "1", "campaignid": "2", "messageid": "92", "geoaddrid": "1", "ip4": address}
    planter.plant("geoIps", [opened])
    known: Row = {"contact": "1", "geoIp4": address, "geoCountry2": "US", "geo_country": "United States"}
    planter.plant("contactData", [{**known, "geoState": "IL", "geoCity": "Evanston", "geoTz": "America/Chicago"}])
    planter.plant("scoreValues", [{"score": "1", "contact": "1", "scoreValue": "35"}])
    visit = {"subscriberid": "1", "type": "Viewed pricing", "value": "plan=enterprise", "hash": "83f1535f99ab0bf4"}
    planter.plant("trackingLogs", [visit])
    bounce: Row = {"subscriberid": "4", "campaignid": "2", "messageid": "92", "codeid": "48"}
    planter.plant("bounceLogs", [{**bounce, "email": "zoe.mueller@fjord.example", "source": "Return-Path: <> ..."}])


BUSINESS = (pipelines, deals, automations, entries, campaigns, notes, webhooks, traces)
