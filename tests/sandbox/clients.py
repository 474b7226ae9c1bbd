"""Clients of a sandbox whose time stands still: through the gateway, and directly."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx2

from ac_mcp.sandbox import Sandbox

NOW = datetime(2026, 8, 4, 15, 0, 0, tzinfo=UTC)
HOST = "http://sandbox"
GATEWAY = f"{HOST}/active-campaign/api/3"
DIRECT = f"{HOST}/api/3"


@cache
def seeded() -> Sandbox:
    """The company as every test finds it."""
    return Sandbox(now=lambda: NOW, rate=None)


class Wall:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        return self.moment

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def client(sandbox: Sandbox, base: str = GATEWAY, **headers: str) -> httpx2.AsyncClient:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Authorization": f"Bearer {sandbox.key}", **sent}
    return httpx2.AsyncClient(transport=sandbox.transport(), base_url=base, headers=sent)


async def connection(maton: httpx2.AsyncClient) -> dict[str, Any]:
    """A new connection as the GET after its creation shows it: the creation itself answers the id alone."""
    made = await maton.post("http://sandbox/connections", json={"app": "active-campaign"})
    return (await maton.get(f"http://sandbox/connections/{made.json()['connection_id']}")).json()["connection"]


def directly(sandbox: Sandbox, token: str = "sandbox") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=sandbox.transport(), base_url=DIRECT, headers={"Api-Token": token})
