"""The sandbox's rows in plain SQL tables, and accounts that chance has stirred: a second witness for answers."""

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from random import Random
from typing import Any

from ac_mcp.sandbox import Sandbox
from ac_mcp.sandbox.rest.store import Clause, eq
from tests.support import NOW

TABLES = {
    "contacts": "email firstName lastName phone cdate udate last_open_date last_click_date",
    "contactTags": "contact tag",
    "contactLists": "contact list status",
    "contactAutomations": "contact seriesid status",
    "fieldValues": "contact field value",
    "deals": """title contact "group" stage owner status value currency cdate mdate nextdate percent winProbability
    isDisabled""",
    "campaigns": "name sdate send_amt uniqueopens subscriberclicks unsubscribes seriesid",
    "tags": "tag",
    "lists": "name",
}


def store_of(sandbox: Sandbox) -> Any:
    return sandbox._store.for_account(1)  # pyright: ignore[reportPrivateUsage]


def plain_tables(sandbox: Sandbox, sql: str) -> sqlite3.Connection:
    """Every row of the tables a query names, with its columns as they are; nothing of the sandbox's own queries."""
    db, store = sqlite3.connect(":memory:"), store_of(sandbox)
    for table in TABLES.keys() & set(re.findall(r"\w+", sql)):
        names = TABLES[table].split()
        db.execute(f"CREATE TABLE {table} (id INTEGER, {', '.join(names)})")
        rows = [(int(row["id"]), *(row.get(n.strip('"')) for n in names)) for row in store.select(table)]
        db.executemany(f"INSERT INTO {table} VALUES (?{', ?' * len(names)})", rows)
    return db


def query(sandbox: Sandbox, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(plain_tables(sandbox, sql)) as db:
        return db.execute(sql, values).fetchall()


def one(sandbox: Sandbox, sql: str, *values: Any) -> Any:
    return query(sandbox, sql, *values)[0][0]


def iso(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat(timespec="seconds")


def stirred(sandbox: Sandbox, seed: int) -> None:
    """Other tags, lists, values, deals and results than the company has: as many as chance will have it."""
    draw, store = Random(seed), store_of(sandbox)
    with store.transaction():
        for table in ("contactTags", "contactLists", "fieldValues"):
            for row in store.select(table):
                if draw.random() < 0.4:
                    store.delete(table, Clause("{id} = ?", (int(row["id"]),)))
        for _ in range(draw.randint(0, 90)):
            tie(store, draw, "contactTags", "tag", str(draw.randint(1, 12)), {"cdate": iso(draw.uniform(1, 200))})
            status = {"status": draw.choice("0123"), "sdate": iso(draw.uniform(1, 200))}
            tie(store, draw, "contactLists", "list", str(draw.randint(1, 8)), status)
            value = draw.choice(("Free", "Team", "Enterprise", "free", ""))
            tie(store, draw, "fieldValues", "field", "1", {"value": value})
            several = draw.choice(("||Tea||", "||Espresso||Tea||", "||Courses||", ""))
            tie(store, draw, "fieldValues", "field", "5", {"value": several})
        for row in store.select("contacts"):
            opened = {key: iso(draw.uniform(0, 300)) if draw.random() < 0.6 else None for key in OPENED}
            store.update("contacts", row["id"], {**opened, "cdate": iso(draw.uniform(0, 600))})
        for number in range(draw.randint(0, 250)):
            store.insert("deals", deal(draw, number))
        for row in store.select("campaigns"):
            sent = draw.choice((0, 1, 7, 1000))
            figures = {key: str(draw.randint(0, sent)) for key in ("uniqueopens", "subscriberclicks", "unsubscribes")}
            store.update("campaigns", row["id"], {**figures, "send_amt": str(sent), "sdate": iso(draw.uniform(1, 700))})


OPENED = ("last_open_date", "last_click_date")


def tie(store: Any, draw: Random, table: str, key: str, other: str, more: dict[str, Any]) -> None:
    contact = str(draw.randint(1, 60))
    if not store.count(table, eq("contact", contact), eq(key, other)):
        store.insert(table, {"contact": contact, key: other, **more})


def deal(draw: Random, number: int) -> dict[str, Any]:
    stage = draw.randint(1, 8)
    return {
        "title": f"Deal {number}",
        "contact": str(draw.randint(1, 60)),
        "group": "1" if stage <= 5 else "2",
        "stage": str(stage),
        "owner": str(draw.randint(1, 5)),
        "status": draw.choice("000012"),
        "value": str(draw.choice((0, 1, 99, draw.randint(0, 10_000_000)))),
        "currency": draw.choice(("usd", "eur", "jpy")),
        "percent": draw.choice(("0", "0", "50", "100")),
        "winProbability": draw.choice((None, None, 0, 35, 100)),
        "cdate": iso(draw.uniform(0, 500)),
        "mdate": iso(draw.uniform(0, 60)),
        "nextdate": draw.choice((None, iso(draw.uniform(-20, 20)))),
    }
