"""Generated contacts, with tags, lists, field values and deals, for a medium or large account."""

from collections.abc import Iterator
from hashlib import md5
from random import Random

from ac_mcp.sandbox.rest.store import Row

from . import company
from .company import split_rows
from .seeder import Seeder

FIRST, LAST = (tuple(sorted({person[place] for person in split_rows(company.CONTACTS)} - {""})) for place in (0, 1))
CHUNK = 5_000
TAGS, LISTS, OPEN_LISTS = 12, 8, (1, 2, 3, 4, 5, 7, 8)  # list 6 stays empty


def add_contacts(seeder: Seeder, size: int) -> None:
    """Add contacts up to number `size`, in chunks, so that memory does not grow with them."""
    existing = len(split_rows(company.CONTACTS))
    for start in range(existing + 1, size + 1, CHUNK):
        numbers = range(start, min(start + CHUNK, size + 1))
        seeder.insert("contacts", (_person(seeder, number) for number in numbers))
        seeder.insert("contactTags", _several(seeder, numbers, "tag", range(1, TAGS + 1)))
        seeder.insert("contactLists", _several(seeder, numbers, "list", OPEN_LISTS))
        seeder.insert("fieldValues", _plans(seeder, numbers))
        seeder.insert("deals", _deals(seeder, numbers))


def _person(seeder: Seeder, number: int) -> Row:
    draw = seeder.random
    first, last, domain = draw.choice(FIRST), draw.choice(LAST), f"mail{number % 40}.example"
    email, created = f"person{number}@{domain}", seeder.random_past(900, 1)
    return {
        "firstName": first,
        "lastName": last,
        "email": email,
        "email_domain": domain,
        "phone": f"+1 312 556 {number % 10_000:04}",
        "cdate": created,
        "udate": created,
        "hash": md5(email.encode(), usedforsecurity=False).hexdigest(),
        **seeder.mail_dates(number, created),
    }


def _several(seeder: Seeder, numbers: range, key: str, choices: range | tuple[int, ...]) -> Iterator[Row]:
    """Draw up to three of the choices for each contact."""
    draw, moment = seeder.random, seeder.random_past()
    for number in numbers:
        for chosen in draw.sample(choices, draw.choice((0, 1, 1, 2, 3))):
            row: Row = {"contact": str(number), key: str(chosen)}
            yield row | ({"cdate": moment} if key == "tag" else _membership(draw, moment))


def _membership(draw: Random, moment: str) -> Row:
    status = draw.choice("1111122")
    return {"status": status, "sdate": moment, **({"udate": moment} if status == "2" else {})}


def _plans(seeder: Seeder, numbers: range) -> Iterator[Row]:
    draw, moment = seeder.random, seeder.random_past()
    for number in numbers:
        if draw.random() < 0.7:
            plan = draw.choice(("Free", "Free", "Team", "Enterprise"))
            yield {"contact": str(number), "field": "1", "value": plan, "cdate": moment, "udate": moment}


def _deals(seeder: Seeder, numbers: range) -> Iterator[Row]:
    """One contact in twenty has a deal in the Sales pipeline."""
    draw = seeder.random
    for number in numbers[::20]:
        created = seeder.random_past(400)
        yield {
            "title": f"Espresso set {number}",
            "contact": str(number),
            "group": "1",
            "stage": str(draw.randint(1, 5)),
            "owner": str(draw.randint(1, 5)),
            "value": str(draw.randint(20, 900) * 1000),
            "currency": "usd",
            "status": draw.choice("000112"),
            "cdate": created,
            "mdate": created,
        }
