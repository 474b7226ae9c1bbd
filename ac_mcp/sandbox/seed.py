"""The company behind the first connection: the same for the same number, dated relative to now."""

from datetime import datetime, timedelta
from typing import Literal

from .connections import Connections
from .crowd import crowd
from .planting import Planter
from .seed_business import BUSINESS
from .seed_people import PEOPLE
from .seed_wider import plant_wider
from .store import Store

COMPANY = 1
SIZES = {"medium": 2_000, "large": 100_000}
"""Contacts of an account of that size, the sixty of the small one among them."""
FIRST = "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"
WAITING = "f3a90b12-6c4d-4e58-8b27-05d9c8e7f6a1"


Size = Literal["small", "medium", "large"]


def seed(store: Store, connections: Connections, number: int, now: datetime, size: Size = "small") -> None:
    planter = Planter(store, number, now)
    for step in (*PEOPLE, *BUSINESS):
        step(planter)
    if size in SIZES:
        crowd(planter, SIZES[size])
    plant_wider(planter)
    connections.create(now - timedelta(days=200), FIRST, "ACTIVE")
    connections.create(now - timedelta(hours=1), WAITING)


def open_account(store: Store) -> None:
    """An account nobody has used yet: one admin user."""
    admin = {"username": "admin", "firstName": "Account", "lastName": "Owner", "email": "owner@new.example"}
    store.insert("users", admin)
