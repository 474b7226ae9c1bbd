"""Who the company knows: users, accounts, contacts with their tags, lists, values and traces."""

from datetime import timedelta
from hashlib import md5
from random import Random

from ac_mcp.sandbox.rest.dates import clock
from ac_mcp.sandbox.rest.store import Clause, Row

from . import company
from .company import rows, table
from .planter import Planter


def users(planter: Planter) -> None:
    rows = [
        {"username": name, "firstName": first, "lastName": last, "email": f"{name}@northwind.example"}
        for name, first, last in table(company.USERS)
    ]
    planter.plant("users", rows)
    admins = {"title": "Administrators", "descript": "May do everything"}
    planter.plant("groups", [admins, {"title": "Sales team", "descript": None, "pgListDelete": "0"}])


def accounts(planter: Planter) -> None:
    rows = [
        {"name": name, "accountUrl": f"https://{domain}", "owner": str(1 + number % 5)}
        for number, (name, domain) in enumerate(table(company.ACCOUNTS))
    ]
    planter.plant("accounts", rows)


def lists(planter: Planter) -> None:
    rows = [
        {
            "name": name,
            "stringid": name.lower().replace(" ", "-"),
            "sender_url": "https://northwind.example",
            "sender_reminder": reminder,
            "userid": "1",
        }
        for name, reminder in table(company.LISTS)
    ]
    planter.plant("lists", rows)


def tags(planter: Planter) -> None:
    rows = [{"tagType": "contact", "tag": tag, "description": text} for tag, text in table(company.TAGS)]
    planter.plant("tags", [{**row, "updated_timestamp": clock(planter.past())} for row in rows])


def fields(planter: Planter) -> None:
    declared = list(enumerate(table(company.FIELDS), 1))
    rows = [
        {"title": title, "type": kind, "perstag": title.upper().replace(" ", "_"), "ordernum": str(number)}
        for number, (title, kind, _) in declared
    ]
    planter.plant("fields", [{**row, "created_by": "1", "updated_by": "1"} for row in rows])
    options = [
        {"field": str(number), "orderid": str(order), "value": option, "label": option}
        for number, (_, _, listed) in declared
        for order, option in enumerate(listed.split(",") if listed else (), 1)
    ]
    planter.plant("fieldOptions", options)
    planter.plant("fieldRels", [{"field": str(number)} for number, _ in declared])


def contacts(planter: Planter) -> None:
    domains = dict(table(company.ACCOUNTS))
    numbers = {name: str(number) for number, name in enumerate(domains, 1)}
    people = table(company.CONTACTS)
    rows = [_person(planter, number, domains, person) for number, person in enumerate(people, 1)]
    planter.plant("contacts", rows)
    planter.created = {str(number): row["cdate"] for number, row in enumerate(rows, 1)}
    jobs = ("Office manager", "Founder", "Head of operations", "Buyer", "Barista lead")
    workers = [
        {"account": numbers[account], "contact": str(number), "jobTitle": jobs[number % len(jobs)]}
        for number, (_, _, _, account) in enumerate(people, 1)
        if account
    ]
    planter.plant("accountContacts", workers)


def _person(planter: Planter, number: int, domains: dict[str, str], person: list[str]) -> Row:
    first, last, mailbox, account = person
    domain = domains.get(account, f"mail{number % 3 + 1}.example")
    email, created = f"{mailbox}@{domain}", planter.past(280, 30)
    phone = "" if number == 10 else f"+1 312 555 {100 + number:04}"
    row: Row = {"firstName": first, "lastName": last, "email": email, "email_domain": domain, "phone": phone}
    row |= {"cdate": created, "udate": max(created, planter.past(30)), "hash": md5(email.encode()).hexdigest()}
    return row | planter.reading(number, created)


def values(planter: Planter) -> None:
    draw = planter.random
    options = [[option for option in listed.split(",") if option] for _, _, listed in table(company.FIELDS)]
    rows: list[Row] = []
    for contact in range(1, 61):
        chosen = [None if draw.random() < 0.4 else _answer(draw, field, options[field - 1]) for field in range(1, 7)]
        if contact == 1:
            chosen[0] = "Enterprise"
        pairs = [(str(field), value) for field, value in enumerate(chosen, 1) if value is not None]
        moment = planter.since(str(contact))
        of: Row = {"contact": str(contact), "cdate": moment, "udate": moment}
        rows += [{**of, "field": field, "value": value} for field, value in pairs]
    planter.plant("fieldValues", rows)


def _answer(draw: Random, field: int, options: list[str]) -> str:
    if field == 5:
        return f"||{'||'.join(sorted(draw.sample(options, draw.randint(1, 3))))}||"
    if options:
        return draw.choice(options)
    day = f"{draw.randint(1960, 2004)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    return {2: day, 4: str(draw.randint(1, 120))}.get(field, f"NW-{draw.randint(1000, 9999)}")


def tagged(planter: Planter) -> None:
    """Jane and Bob carry fixed tags, the others some."""
    pairs = [("1", "1"), ("1", "2"), ("2", "3")]
    for contact in range(3, 61):
        pairs += [(str(contact), str(tag)) for tag in sorted(planter.random.sample(range(1, 13), 2))]
    rows = [{"contact": contact, "tag": tag, "cdate": planter.since(contact)} for contact, tag in pairs]
    planter.plant("contactTags", rows)


def subscribed(planter: Planter) -> None:
    """List 6 stays empty; contact 3 has left list 1."""
    draw = planter.random
    places = [("1", "1", "1"), ("1", "2", "1"), ("2", "3", "1"), ("3", "1", "2"), ("3", "2", "1")]
    for contact in range(4, 61):
        lists = sorted({1, draw.choice((2, 3, 4, 5, 7, 8))} if draw.random() < 0.8 else {draw.choice((2, 3, 4))})
        places += [(str(contact), str(number), draw.choice("111111223")) for number in lists]
    names = [(first, last) for first, last, *_ in table(company.CONTACTS)]
    rows: list[Row] = []
    for contact, number, status in places:
        first, last = names[int(contact) - 1]
        row: Row = {"contact": contact, "list": number, "status": status, "first_name": first, "last_name": last}
        row["sdate"] = planter.since(contact)
        rows.append({**row, **({"udate": max(row["sdate"], planter.past(30))} if status == "2" else {})})
    planter.plant("contactLists", rows)


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


def scores(planter: Planter) -> None:
    planter.plant("scores", list(rows(company.SCORES, "name", "reltype", "descript")))
    for row in rows(company.SCORE_VALUES, "score", "contact", "deal", "scoreValue"):
        stamps = {"cdate": planter.ago(90), "mdate": planter.ago(3)}
        planter.store.insert("scoreValues", {**stamps, **{key: value or None for key, value in row.items()}})


def groups_of_users(planter: Planter) -> None:
    """Dana administers, the others sell; both groups see every list, and every contact field is shown."""
    planter.plant("userGroups", [{"userid": str(user), "groupid": "1" if user == 1 else "2"} for user in range(1, 6)])
    pairs = [(str(number), group) for number in range(1, 9) for group in ("1", "2")]
    planter.plant("listGroups", [{"list": number, "group": group} for number, group in pairs])
    shown = [{"group_id": "1", "rel_id": str(field), "ordernum": str(field)} for field in range(1, 7)]
    planter.plant("groupMembers", shown)


def talk(planter: Planter) -> None:
    """E-mails to contacts, each with its entry in the contact's feed."""
    house = {"from_name": "Dana Reyes", "fromAddress": "dana@northwind.example"}
    found = rows(company.EMAILS, "subscriberid", "toAddress", "d_id", "days", "subject", "message")
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


def later_traces(planter: Planter) -> None:
    """More of what tracking knows; the first visit and the first bounce are older."""
    for row in rows(company.VISITS, "subscriberid", "type", "value"):
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
