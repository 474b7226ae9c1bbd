"""The accounts that are filled: the company behind the first connection, and the empty one behind a new one."""

from datetime import datetime
from typing import Literal

from ac_mcp.sandbox.rest.store import Store

from . import marketing, people, sales
from .filler import crowd
from .planter import Planter

COMPANY = 1
SIZES = {"medium": 2_000, "large": 100_000}
"""Contacts of an account of that size, the sixty of the small one among them."""

Size = Literal["small", "medium", "large"]

_FIRST = (
    people.users,
    people.accounts,
    people.lists,
    people.tags,
    people.fields,
    people.contacts,
    people.values,
    people.tagged,
    people.subscribed,
    sales.pipelines,
    sales.deals,
    marketing.automations,
    marketing.entries,
    marketing.campaigns,
    sales.notes,
    marketing.webhooks,
    people.traces,
)
_LAST = (
    marketing.writing,
    marketing.kept,
    people.scores,
    people.groups_of_users,
    sales.tasks,
    sales.custom,
    sales.around_deals,
    people.talk,
    people.later_traces,
    people.imported,
    marketing.shop,
)
"""Planted after the rest, so that nothing else is drawn anew."""


def seed(store: Store, number: int, now: datetime, size: Size = "small") -> None:
    """Fill an account with the company: the same for the same number, dated relative to now."""
    planter = Planter(store, number, now)
    for step in _FIRST:
        step(planter)
    if size in SIZES:
        crowd(planter, SIZES[size])
    for step in _LAST:
        step(planter)


def open_account(store: Store) -> None:
    """An account nobody has used yet: one admin user."""
    admin = {"username": "admin", "firstName": "Account", "lastName": "Owner", "email": "owner@new.example"}
    store.insert("users", admin)
