"""The connections of a Maton key, from PENDING to ACTIVE (reference 1.3)."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from ac_mcp.sandbox.quirks import Quirks
from ac_mcp.sandbox.rest.columns import columns, render
from ac_mcp.sandbox.rest.store import Row, Store, Table, Where, eq

from .errors import maton_refusal

APP = "active-campaign"

COMPANY_CONNECTION = "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"
"""The connection of the made-up company."""
PENDING_CONNECTION = "f3a90b12-6c4d-4e58-8b27-05d9c8e7f6a1"

CONNECTION = columns("""
connection_id=~ status=PENDING creation_time=~ last_updated_time=~ url=~ app=active-campaign method=OAUTH2
""")

CONNECTIONS = Table(
    "matonConnections", {"status": "PENDING", "app": APP, "method": "OAUTH2"}, ("connection_id", "token")
)


class Connections:
    """Maton's rows, stored under account 0; a row's id is the number of the account behind the connection."""

    def __init__(self, store: Store, quirks: Quirks) -> None:
        self._store, self._quirks = store, quirks

    def migrate(self) -> None:
        """Move the rows of an older state file, which had them in the table of ActiveCampaign's connections."""
        if not self._store.count("matonConnections"):
            self._store.move("connections", "matonConnections")

    def seed(self, now: datetime) -> None:
        """Create the connection of the made-up company, and one that is still pending."""
        self.create(now - timedelta(days=200), COMPANY_CONNECTION, "ACTIVE")
        self.create(now - timedelta(hours=1), PENDING_CONNECTION)

    def select(self, wanted: Mapping[str, str], limit: int = -1) -> list[Row]:
        where: Sequence[Where] = [eq(key, value) for key, value in wanted.items() if value]
        return self._store.select("matonConnections", *where, limit=limit)

    def require(self, number: str) -> Row:
        row = self._store.find("matonConnections", eq("connection_id", number))
        if row is None:
            raise maton_refusal(self._quirks, 404, f"Connection {number} not found")
        return row

    def create(self, now: datetime, number: str = "", status: str = "PENDING") -> Row:
        stamps = {"creation_time": maton_time(now), "last_updated_time": maton_time(now)}
        row = self._store.insert("matonConnections", {"status": status, **stamps})
        # The same at the same time, so that what a client asks for can be compared with what it asked before.
        number = number or str(uuid.UUID(bytes=sha256(f"{row} {maton_time(now)}".encode()).digest()[:16], version=4))
        token = f"st_{sha256(number.encode()).hexdigest()[:16]}"
        return self._store.update("matonConnections", row, {"connection_id": number, "token": token})

    def delete(self, number: str) -> None:
        self._store.delete("matonConnections", eq("id", int(self.require(number)["id"])))

    def find_by_token(self, token: str) -> Row | None:
        return self._store.find("matonConnections", eq("token", token))

    def activate(self, row: Row, now: datetime) -> Row:
        return self._store.update(
            "matonConnections", row["id"], {"status": "ACTIVE", "last_updated_time": maton_time(now)}
        )

    def require_active(self, number: str | None) -> Row:
        """Return the connection a request goes through: the named one, or the oldest ACTIVE one."""
        where = [eq("connection_id", number)] if number is not None else []
        row = self._store.find("matonConnections", eq("app", APP), eq("status", "ACTIVE"), *where)
        if row is None:
            text = f"No active connection found for app {APP}"
            raise maton_refusal(self._quirks, self._quirks.unresolved_status, text)
        return row


def maton_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def render_connection(row: Row, origin: str) -> Row:
    url = f"{origin}/connect/{row['token']}"
    return {**render(CONNECTION, {**row, "url": url}, None), "metadata": {}}
