"""Filling an account: with the made-up company, or with one admin user for a new connection."""

from datetime import datetime
from typing import Literal

from ac_mcp.sandbox.rest.store import Store

from . import marketing, people, sales, undocumented
from .filler import add_contacts
from .seeder import Seeder

COMPANY = 1
SIZES = {"medium": 2_000, "large": 100_000}
"""Number of contacts, including the sixty of a small account."""

Size = Literal["small", "medium", "large"]

_FIRST = (
    people.users,
    people.accounts,
    people.lists,
    people.tags,
    people.fields,
    people.contacts,
    people.field_values,
    people.contact_tags,
    people.contact_lists,
    sales.pipelines,
    sales.deals,
    marketing.automations,
    marketing.entries,
    marketing.campaigns,
    sales.notes,
    marketing.webhooks,
    people.first_traces,
)
_LAST = (
    marketing.messages,
    marketing.assets,
    people.scores,
    people.permissions,
    sales.tasks,
    sales.custom_fields,
    sales.deal_history,
    people.emails,
    people.later_traces,
    people.finished_import,
    marketing.shop,
    undocumented.automation_parts,
    undocumented.conversions,
    undocumented.preferences,
    undocumented.contact_emails,
    undocumented.orders,
    undocumented.records,
)
"""Steps that come after the rest, so that the random numbers before them stay the same."""


def seed(store: Store, number: int, now: datetime, size: Size = "small") -> None:
    """Fill an account with the company: the same for the same number, dated relative to now."""
    seeder = Seeder(store, number, now)
    for step in _FIRST:
        step(seeder)
    if size in SIZES:
        add_contacts(seeder, SIZES[size])
    for step in _LAST:
        step(seeder)


def open_account(store: Store) -> None:
    """Fill a new account: with one admin user."""
    admin = {"username": "admin", "firstName": "Account", "lastName": "Owner", "email": "owner@new.example"}
    store.insert("users", admin)
