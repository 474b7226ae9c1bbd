"""Putting rows into an account: numbered, dated, and drawn where chance decides."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

from ac_mcp.sandbox.catalog import RESOURCES
from ac_mcp.sandbox.rest.dates import clock, iso
from ac_mcp.sandbox.rest.store import Row, Store


class Planter:
    """Puts rows into an account: numbers them, dates them, draws what is left to chance."""

    def __init__(self, store: Store, number: int, now: datetime) -> None:
        self.store, self.random, self.now = store, Random(number), now
        self.created: dict[str, str] = {}

    def ago(self, days: float) -> str:
        return iso(self.now - timedelta(days=days))

    def past(self, most: int = 280, least: int = 2) -> str:
        return self.ago(self.random.uniform(least, most))

    def since(self, contact: str) -> str:
        """Some time after the contact came to be known."""
        return max(self.created[contact], self.past())

    def reading(self, number: int, created: str) -> Row:
        """When a contact last opened and clicked a mail, told by its number; every third never did."""
        opened = self.ago(number * 37 % 240 + number % 7 / 7)
        if number % 3 == 0 or opened < created:
            return {}
        clicked = {"last_click_date": clock(opened)} if number % 2 else {}
        return {"last_open_date": clock(opened), **clicked}

    def plant(self, plural: str, rows: Iterable[Row]) -> None:
        """Rows numbered on from those there are; the dates they do not carry are some time in the past year."""
        dated = [column.name for column in RESOURCES[plural].columns if column.kind == "now"]
        planted = ({**dict.fromkeys(dated, self.past()), **row} for row in rows)
        first = self.store.count(plural) + 1
        self.store.insert_many(plural, ({**row, "id": number} for number, row in enumerate(planted, first)))
