"""Seeding of users, accounts and contacts, with tags, lists, field values and traces."""

from datetime import timedelta
from hashlib import md5
from random import Random

from ac_mcp.sandbox.rest.dates import clock
from ac_mcp.sandbox.rest.store import Clause, Row

from . import company
from .company import parse_rows, split_rows
from .seeder import Seeder


def users(seeder: Seeder) -> None:
    rows = [
        {"username": name, "firstName": first, "lastName": last, "email": f"{name}@northwind.example"}
        for name, first, last in split_rows(company.USERS)
    ]
    seeder.insert("users", rows)
    admins = {"title": "Administrators", "descript": "May do everything"}
    seeder.insert("groups", [admins, {"title": "Sales team", "descript": None, "pgListDelete": "0"}])


def accounts(seeder: Seeder) -> None:
    rows = [
        {"name": name, "accountUrl": f"https://{domain}", "owner": str(1 + number % 5)}
        for number, (name, domain) in enumerate(split_rows(company.ACCOUNTS))
    ]
    seeder.insert("accounts", rows)


def lists(seeder: Seeder) -> None:
    rows = [
        {
            "name": name,
            "stringid": name.lower().replace(" ", "-"),
            "sender_url": "https://northwind.example",
            "sender_reminder": reminder,
            "userid": "1",
        }
        for name, reminder in split_rows(company.LISTS)
    ]
    seeder.insert("lists", rows)


def tags(seeder: Seeder) -> None:
    rows = [{"tagType": "contact", "tag": tag, "description": text} for tag, text in split_rows(company.TAGS)]
    seeder.insert("tags", [{**row, "updated_timestamp": clock(seeder.random_past())} for row in rows])


def fields(seeder: Seeder) -> None:
    declared = list(enumerate(split_rows(company.FIELDS), 1))
    rows = [
        {"title": title, "type": kind, "perstag": title.upper().replace(" ", "_"), "ordernum": str(number)}
        for number, (title, kind, _) in declared
    ]
    seeder.insert("fields", [{**row, "created_by": "1", "updated_by": "1"} for row in rows])
    options = [
        {"field": str(number), "orderid": str(order), "value": option, "label": option}
        for number, (_, _, listed) in declared
        for order, option in enumerate(listed.split(",") if listed else (), 1)
    ]
    seeder.insert("fieldOptions", options)
    seeder.insert("fieldRels", [{"field": str(number)} for number, _ in declared])


def contacts(seeder: Seeder) -> None:
    domains = dict(split_rows(company.ACCOUNTS))
    numbers = {name: str(number) for number, name in enumerate(domains, 1)}
    people = split_rows(company.CONTACTS)
    rows = [_person(seeder, number, domains, person) for number, person in enumerate(people, 1)]
    seeder.insert("contacts", rows)
    seeder.contact_dates = {str(number): row["cdate"] for number, row in enumerate(rows, 1)}
    jobs = ("Office manager", "Founder", "Head of operations", "Buyer", "Barista lead")
    workers = [
        {"account": numbers[account], "contact": str(number), "jobTitle": jobs[number % len(jobs)]}
        for number, (_, _, _, account) in enumerate(people, 1)
        if account
    ]
    seeder.insert("accountContacts", workers)


def _person(seeder: Seeder, number: int, domains: dict[str, str], person: list[str]) -> Row:
    first, last, mailbox, account = person
    domain = domains.get(account, f"mail{number % 3 + 1}.example")
    email, created = f"{mailbox}@{domain}", seeder.random_past(280, 30)
    phone = "" if number == 10 else f"+1 312 555 {100 + number:04}"
    row: Row = {"firstName": first, "lastName": last, "email": email, "email_domain": domain, "phone": phone}
    row |= {"cdate": created, "udate": max(created, seeder.random_past(30)), "hash": md5(email.encode()).hexdigest()}
    return row | seeder.mail_dates(number, created)


def field_values(seeder: Seeder) -> None:
    draw = seeder.random
    options = [[option for option in listed.split(",") if option] for _, _, listed in split_rows(company.FIELDS)]
    rows: list[Row] = []
    for contact in range(1, 61):
        chosen = [
            None if draw.random() < 0.4 else _draw_value(draw, field, options[field - 1]) for field in range(1, 7)
        ]
        if contact == 1:
            chosen[0] = "Enterprise"
        pairs = [(str(field), value) for field, value in enumerate(chosen, 1) if value is not None]
        moment = seeder.random_since(str(contact))
        stamps: Row = {"contact": str(contact), "cdate": moment, "udate": moment}
        rows += [{**stamps, "field": field, "value": value} for field, value in pairs]
    seeder.insert("fieldValues", rows)


def _draw_value(draw: Random, field: int, options: list[str]) -> str:
    if field == 5:
        return f"||{'||'.join(sorted(draw.sample(options, draw.randint(1, 3))))}||"
    if options:
        return draw.choice(options)
    day = f"{draw.randint(1960, 2004)}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}"
    return {2: day, 4: str(draw.randint(1, 120))}.get(field, f"NW-{draw.randint(1000, 9999)}")


def contact_tags(seeder: Seeder) -> None:
    """Tag Jane and Bob with fixed tags, the others at random."""
    pairs = [("1", "1"), ("1", "2"), ("2", "3")]
    for contact in range(3, 61):
        pairs += [(str(contact), str(tag)) for tag in sorted(seeder.random.sample(range(1, 13), 2))]
    rows = [{"contact": contact, "tag": tag, "cdate": seeder.random_since(contact)} for contact, tag in pairs]
    seeder.insert("contactTags", rows)


def contact_lists(seeder: Seeder) -> None:
    """List 6 stays empty; contact 3 has left list 1."""
    draw = seeder.random
    memberships = [("1", "1", "1"), ("1", "2", "1"), ("2", "3", "1"), ("3", "1", "2"), ("3", "2", "1")]
    for contact in range(4, 61):
        lists = sorted({1, draw.choice((2, 3, 4, 5, 7, 8))} if draw.random() < 0.8 else {draw.choice((2, 3, 4))})
        memberships += [(str(contact), str(number), draw.choice("111111223")) for number in lists]
    names = [(first, last) for first, last, *_ in split_rows(company.CONTACTS)]
    rows: list[Row] = []
    for contact, number, status in memberships:
        first, last = names[int(contact) - 1]
        row: Row = {"contact": contact, "list": number, "status": status, "first_name": first, "last_name": last}
        row["sdate"] = seeder.random_since(contact)
        rows.append({**row, **({"udate": max(row["sdate"], seeder.random_past(30))} if status == "2" else {})})
    seeder.insert("contactLists", rows)


def first_traces(seeder: Seeder) -> None:
    """Add a score and a visit of Jane's, and a bounce of contact 4."""
    address = "1334182953"
    geo_address: Row = {"country2": "US", "country": "United States", "state": "IL", "city": "Evanston", "zip": "60201"}
    geo_address |= {"area": "847", "lat": "42.045072", "lon": "-87.687697", "tz": "America/Chicago", "ip4": address}
    seeder.insert("geoAddresses", [geo_address])
    opened: Row = {"contact": "1", "campaignid": "2", "messageid": "92", "geoaddrid": "1", "ip4": address}
    seeder.insert("geoIps", [opened])
    data: Row = {"contact": "1", "geoIp4": address, "geoCountry2": "US", "geo_country": "United States"}
    seeder.insert("contactData", [{**data, "geoState": "IL", "geoCity": "Evanston", "geoTz": "America/Chicago"}])
    seeder.insert("scoreValues", [{"score": "1", "contact": "1", "scoreValue": "35"}])
    visit = {"subscriberid": "1", "type": "Viewed pricing", "value": "plan=enterprise", "hash": "83f1535f99ab0bf4"}
    seeder.insert("trackingLogs", [visit])
    bounce: Row = {"subscriberid": "4", "campaignid": "2", "messageid": "92", "codeid": "48"}
    seeder.insert("bounceLogs", [{**bounce, "email": "zoe.mueller@fjord.example", "source": "Return-Path: <> ..."}])


def scores(seeder: Seeder) -> None:
    seeder.insert("scores", list(parse_rows(company.SCORES, "name", "reltype", "descript")))
    for row in parse_rows(company.SCORE_VALUES, "score", "contact", "deal", "scoreValue"):
        stamps = {"cdate": seeder.ago(90), "mdate": seeder.ago(3)}
        seeder.store.insert("scoreValues", {**stamps, **{key: value or None for key, value in row.items()}})


def permissions(seeder: Seeder) -> None:
    """Dana administers, the others sell; both groups see every list, and every contact field is shown."""
    seeder.insert("userGroups", [{"userid": str(user), "groupid": "1" if user == 1 else "2"} for user in range(1, 6)])
    pairs = [(str(number), group) for number in range(1, 9) for group in ("1", "2")]
    seeder.insert("listGroups", [{"list": number, "group": group} for number, group in pairs])
    visible = [{"group_id": "1", "rel_id": str(field), "ordernum": str(field)} for field in range(1, 7)]
    seeder.insert("groupMembers", visible)


def emails(seeder: Seeder) -> None:
    """Add e-mails to contacts, each with its entry in the contact's activity feed."""
    house = {"from_name": "Dana Reyes", "fromAddress": "dana@northwind.example"}
    found = parse_rows(company.EMAILS, "subscriberid", "toAddress", "d_id", "days", "subject", "message")
    mails: list[Row] = [
        {**house, **row, "relid": str(number), "tstamp": seeder.ago(int(row["days"]))}
        for number, row in enumerate(found, 1)
    ]
    seeder.insert("emailActivities", [{**mail, "messageHtml": f"<p>{mail['message']}</p>"} for mail in mails])
    feed = [{"subscriberid": mail["subscriberid"], "reference_id": mail["relid"]} for mail in mails]
    entries = [
        {**entry, "tstamp": mail["tstamp"], "recipients": [mail["relid"]]}
        for entry, mail in zip(feed, mails, strict=True)
    ]
    seeder.insert("activities", entries)


def later_traces(seeder: Seeder) -> None:
    """Add more tracking; the first visit and the first bounce are older."""
    for row in parse_rows(company.VISITS, "subscriberid", "type", "value"):
        seeder.store.insert("trackingLogs", {**row, "hash": "1c7a95d0e2b64f38", "tstamp": seeder.ago(11)})
    log = {"campaignid": "2", "messageid": "92", "type": "sent", "tstamp": seeder.ago(270)}
    seeder.insert("contactLogs", [{**log, "subscriberid": str(contact)} for contact in range(1, 6)])
    bounce: Row = {
        "subscriberid": "9",
        "campaignid": "3",
        "messageid": "93",
        "codeid": "48",
        "tstamp": seeder.ago(239),
    }
    seeder.store.insert("bounceLogs", {**bounce, "email": "info@harborlight.example", "source": "Return-Path: <> ..."})


def finished_import(seeder: Seeder) -> None:
    """Add a finished import of the newest contacts, three days ago."""
    queued = (seeder.now - timedelta(days=3)).timestamp()
    newest = [row["id"] for row in seeder.store.select("contacts", Clause("{id} BETWEEN 52 AND 60"))]
    batch: Row = {"batchId": "5e0c2d9a-4b71-4f86-9a3e-2f1d6c8b7a90", "asked": queued, "size": len(newest) + 1}
    batch |= {"state": "done", "success": newest, "failure": ["fair-visitor@nowhere"]}
    seeder.insert("imports", [batch])
