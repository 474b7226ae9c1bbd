"""The seeder: inserts rows into an account, with ids, dates and random values."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

from ac_mcp.sandbox.catalog import RESOURCES
from ac_mcp.sandbox.rest.dates import clock, iso
from ac_mcp.sandbox.rest.store import Row, Store


class Seeder:
    """Inserts rows into an account, and draws their dates and values from one random generator."""

    def __init__(self, store: Store, number: int, now: datetime) -> None:
        self.store, self.random, self.now = store, Random(number), now
        self.contact_dates: dict[str, str] = {}

    def ago(self, days: float) -> str:
        return iso(self.now - timedelta(days=days))

    def random_past(self, most: int = 280, least: int = 2) -> str:
        return self.ago(self.random.uniform(least, most))

    def random_since(self, contact: str) -> str:
        """Return a random time after the contact was created."""
        return max(self.contact_dates[contact], self.random_past())

    def mail_dates(self, number: int, created: str) -> Row:
        """Return when a contact last opened and clicked an e-mail, by its number; every third never did."""
        opened = self.ago(number * 37 % 240 + number % 7 / 7)
        if number % 3 == 0 or opened < created:
            return {}
        clicked = {"last_click_date": clock(opened)} if number % 2 else {}
        return {"last_open_date": clock(opened), **clicked}

    def insert(self, plural: str, rows: Iterable[Row]) -> None:
        """Insert rows under the next ids; dates they lack are one random time of the past 280 days."""
        dates = [column.name for column in RESOURCES[plural].columns if column.kind == "now"]
        dated_rows = ({**dict.fromkeys(dates, self.random_past()), **row} for row in rows)
        first = self.store.count(plural) + 1
        self.store.insert_many(plural, ({**row, "id": number} for number, row in enumerate(dated_rows, first)))
