"""Two callers with the same names and ids in two accounts, and whether anything of one ever reaches the other."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random
from typing import Any

import anyio
import httpx2
from starlette.applications import Starlette

from ac_mcp.cli.app import SANDBOX_URL
from ac_mcp.gateway.client import Gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.rate_stores import MemoryRateStore
from ac_mcp.sandbox import Sandbox
from ac_mcp.server.http import application
from ac_mcp.server.tenants import Tenants
from ac_mcp.settings import Settings
from tests.support import NOW, clock, planted

WHO = {"alice": ("alice-token-0123456789", "alices-key-1"), "bob": ("bob-token-0123456789", "bobs-key-2")}
MARK = {"alice": "Qalpha", "bob": "Qbeta"}
"""What everything of somebody's is called by, and nothing of the other's."""


class Both(httpx2.AsyncBaseTransport):
    """Maton, as it answers two keys: each with the sandbox of its own."""

    def __init__(self, boxes: dict[str, Sandbox]) -> None:
        self.boxes = {f"Bearer {WHO[name][1]}": box.transport() for name, box in boxes.items()}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        key = request.headers["Authorization"]
        assert not any(token in str(request.headers) for token, _ in WHO.values()), "a bearer token went upstream"
        request.headers["Authorization"] = f"Bearer {Sandbox.key}"
        return await self.boxes[key].handle_async_request(request)


def box(name: str) -> Sandbox:
    """The usual company, with the same ids, in which whatever has a name is somebody's."""
    made = Sandbox(now=lambda: NOW + timedelta(seconds=clock()), clock=clock, rate=None, like=planted())
    store = made._store.for_account(1)  # pyright: ignore[reportPrivateUsage]
    for table, key in (
        ("contacts", "firstName"), ("contacts", "lastName"), ("tags", "tag"), ("lists", "name"), ("deals", "title"),
        ("campaigns", "name"), ("automations", "name"), ("users", "lastName"), ("accounts", "name"), ("notes", "note"),
    ):  # fmt: skip
        for row in store.select(table):
            store.update(table, row["id"], {key: f"{MARK[name]} {row.get(key)}"})
    return made


@asynccontextmanager
async def hosted() -> AsyncGenerator[Starlette]:
    tokens = ",".join(f"{name}={token}" for name, (token, _) in WHO.items())
    settings = Settings.from_env(
        {
            "AC_MCP_HTTP_TOKEN": tokens,
            "AC_MCP_ACCEPT_CALLER_KEYS": "1",
            "AC_MCP_TOOLSETS": "all",
            "AC_MCP_STATE_DIR": "memory",
        }
    )
    boxes = {name: box(name) for name in WHO}
    async with httpx2.AsyncClient(transport=Both(boxes)) as http:
        pacing = Pacing(MemoryRateStore(clock, clock), clock, anyio.sleep)
        now = lambda: NOW + timedelta(seconds=clock())  # noqa: E731
        gateway = Gateway(Endpoints(SANDBOX_URL, SANDBOX_URL), http, pacing, clock, anyio.sleep, lambda: 1.0, now)
        app = application(settings, Tenants(settings, gateway, lambda name: None), "127.0.0.1", 80)
        try:
            async with app.router.lifespan_context(app):
                yield app
        finally:
            for one in boxes.values():
                one.close()


class Asking:
    """One caller who asks at random."""

    def __init__(self, app: Starlette, name: str, seen: dict[str, list[str]], chance: Random) -> None:
        self.name, self.seen, self.chance = name, seen, chance
        token, key = WHO[name]
        headers = {
            "Authorization": f"Bearer {token}",
            "X-Maton-Api-Key": key,
            "Accept": "application/json, text/event-stream",
            "Host": "127.0.0.1",
        }
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1", headers=headers, timeout=None
        )
        self.count = 0

    async def ask(self, method: str, params: dict[str, Any]) -> str:
        self.count += 1
        body = {"jsonrpc": "2.0", "id": self.count, "method": method, "params": params}
        return (await self.http.post("/mcp", json=body)).text

    async def some(self) -> str:
        """One request of a random kind; what it answers."""
        pick, number = self.chance.choice, str(self.chance.randint(1, 12))
        other = "bob" if self.name == "alice" else "alice"
        name = f"{MARK[self.name]} {self.chance.randint(1, 50)}"
        calls: list[tuple[str, dict[str, Any]]] = [
            ("list_contacts", {"limit": 3, "offset": int(number)}),
            ("get_contact", {"contact": number}),
            ("get_contact", {"contact": pick(("Jane", "jane@acme.example", "nobody at all"))}),
            ("list_tags", {}),
            ("list_deals", {"limit": 3}),
            ("get_deal", {"deal": pick((number, "Acme"))}),
            ("describe_account", {}),
            ("list_users", {}),
            ("tag_contact", {"contact": number, "tag": pick(("1", "VIP", f"{MARK[self.name]} VIP"))}),
            ("create_tag", {"name": name}),
            ("update_contact", {"contact": number, "first_name": name}),
            ("create_note", {"text": name, "contact": number}),
            ("list_notes", {"contact": number}),
            ("list_changes", {}),
            ("undo_change", {"change": number}),
            ("follow_job", {"job": number}),
            ("bulk_update_contacts", {"contacts": [number, "3"], "add_tag": "1"}),
            ("confirm_change", {"token": pick(self.seen[other] or ["none"])}),
            ("create_webhook", {"name": name, "url": "https://x.example/y", "events": ["subscribe"]}),
            ("preview_change", {"tool": "delete_contact", "arguments": {"contact": number}}),
            ("read_operation", {"id": "addresses.list"}),
            ("write_operation", {"id": "saved_responses.delete", "arguments": {"id": number}}),
            ("count_contacts", {"per": "tag"}),
            ("list_connections", {}),
            ("no_such_tool", {"contact": number}),
        ]
        if self.chance.random() < 0.1:
            ref = {"type": "ref/prompt", "name": "clean_up_list"}
            return await self.ask(
                "completion/complete", {"ref": ref, "argument": {"name": "list", "value": pick("QNW")}}
            )
        if self.chance.random() < 0.1:
            return await self.ask("resources/read", {"uri": f"activecampaign://contacts/{number}"})
        tool, arguments = pick(calls)
        said = await self.ask("tools/call", {"name": tool, "arguments": arguments})
        for line in said.splitlines():
            if '\\"token\\":\\"' in line and tool == "create_webhook":
                self.seen[self.name].append(line.split('\\"token\\":\\"')[1].split('\\"')[0])
        return said


async def crossed(rounds: int, seed: int) -> tuple[int, list[str]]:
    """How many answers there were, and those that held something of the other."""
    wrong: list[str] = []
    seen: dict[str, list[str]] = {name: [] for name in WHO}
    good = 0
    async with hosted() as app, anyio.create_task_group() as group:

        async def keep_asking(name: str, which: int) -> None:
            nonlocal good
            one = Asking(app, name, seen, Random(f"{seed} {name} {which}"))
            other = "bob" if name == "alice" else "alice"
            for _ in range(rounds):
                said = await one.some()
                good += MARK[name] in said
                if MARK[other] in said or WHO[other][1] in said or WHO[other][0] in said:
                    wrong.append(json.dumps([name, said[:500]]))
            await one.http.aclose()

        for name in WHO:
            for which in range(3):
                group.start_soon(keep_asking, name, which)
    return good, wrong
