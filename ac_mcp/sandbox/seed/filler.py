"""Everybody else: as many further contacts as an account of some size has, with tags, lists, values and deals."""

from collections.abc import Iterator
from hashlib import md5
from random import Random

from ac_mcp.sandbox.rest.store import Row

from . import company
from .company import table
from .planter import Planter

FIRST, LAST = (tuple(sorted({person[place] for person in table(company.CONTACTS)} - {""})) for place in (0, 1))
CHUNK = 5_000
TAGS, LISTS, OPEN_LISTS = 12, 8, (1, 2, 3, 4, 5, 7, 8)  # list 6 stays empty


def crowd(planter: Planter, size: int) -> None:
    """Contacts up to number `size`, planted by the thousand so that memory does not grow with them."""
    known = len(table(company.CONTACTS))
    for start in range(known + 1, size + 1, CHUNK):
        numbers = range(start, min(start + CHUNK, size + 1))
        planter.plant("contacts", (_person(planter, number) for number in numbers))
        planter.plant("contactTags", _several(planter, numbers, "tag", range(1, TAGS + 1)))
        planter.plant("contactLists", _several(planter, numbers, "list", OPEN_LISTS))
        planter.plant("fieldValues", _plans(planter, numbers))
        planter.plant("deals", _deals(planter, numbers))


def _person(planter: Planter, number: int) -> Row:
    draw = planter.random
    first, last, domain = draw.choice(FIRST), draw.choice(LAST), f"mail{number % 40}.example"
    email, created = f"person{number}@{domain}", planter.past(900, 1)
    return {
        "firstName": first,
        "lastName": last,
        "email": email,
        "email_domain": domain,
        "phone": f"+1 312 556 {number % 10_000:04}",
        "cdate": created,
        "udate": created,
        "hash": md5(email.encode(), usedforsecurity=False).hexdigest(),
        **planter.reading(number, created),
    }


def _several(planter: Planter, numbers: range, key: str, choices: range | tuple[int, ...]) -> Iterator[Row]:
    """None to three of the choices for each contact."""
    draw, moment = planter.random, planter.past()
    for number in numbers:
        for chosen in draw.sample(choices, draw.choice((0, 1, 1, 2, 3))):
            row: Row = {"contact": str(number), key: str(chosen)}
            yield row | ({"cdate": moment} if key == "tag" else _membership(draw, moment))


def _membership(draw: Random, moment: str) -> Row:
    status = draw.choice("1111122")
    return {"status": status, "sdate": moment, **({"udate": moment} if status == "2" else {})}


def _plans(planter: Planter, numbers: range) -> Iterator[Row]:
    draw, moment = planter.random, planter.past()
    for number in numbers:
        if draw.random() < 0.7:
            plan = draw.choice(("Free", "Free", "Team", "Enterprise"))
            yield {"contact": str(number), "field": "1", "value": plan, "cdate": moment, "udate": moment}


def _deals(planter: Planter, numbers: range) -> Iterator[Row]:
    """One contact in twenty has a deal in the Sales pipeline."""
    draw = planter.random
    for number in numbers[::20]:
        created = planter.past(400)
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
