"""The company behind the first connection: the same for the same number, dated relative to now."""

from datetime import datetime, timedelta

from .connections import Connections
from .planting import Planter
from .seed_business import BUSINESS
from .seed_people import PEOPLE
from .store import Store

COMPANY = 1
FIRST = "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"
WAITING = "f3a90b12-6c4d-4e58-8b27-05d9c8e7f6a1"


def seed(store: Store, connections: Connections, number: int, now: datetime) -> None:
    planter = Planter(store, number, now)
    for step in (*PEOPLE, *BUSINESS):
        step(planter)
    connections.create(now - timedelta(days=200), FIRST, "ACTIVE")
    connections.create(now - timedelta(hours=1), WAITING)


def open_account(store: Store) -> None:
    """An account nobody has used yet: one admin user."""
    admin = {"username": "admin", "firstName": "Account", "lastName": "Owner", "email": "owner@new.example"}
    store.insert("users", admin)
