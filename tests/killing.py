"""`kill -9` in the middle of writing: the record has to account for every write the account has seen.

    python -m tests.killing [TIMES]

Each time a server over stdio is given many writes at once, on a sandbox over HTTP with a slow network, and is killed
at a random moment after its first answer. Then what the sandbox saw is compared with the record, and a new process is
asked what it says of the changes whose end it cannot know.
"""

import asyncio
import json
import os
import random
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ac_mcp.messages import Json
from ac_mcp.sandbox import Sandbox
from ac_mcp.sandbox.http.faults import Latency

PATIENCE = 30.0
API = "/active-campaign/api/3"
Seen = Counter[tuple[str, str]]


@dataclass
class Killed:
    """What came of all the kills."""

    times: int = 0
    writes: int = 0
    under_way: int = 0
    """Writes that the kill caught between sending and the end."""
    unaccounted: list[str] = field(default_factory=list[str])
    misreported: list[str] = field(default_factory=list[str])


def calls(number: int) -> list[tuple[str, Json]]:
    """Writes of every kind, in an order of its own each time."""
    some: list[tuple[str, Json]] = [
        *[("create_note", {"contact": "1", "text": f"Note {number}-{n}"}) for n in range(6)],
        *[("update_contact", {"contact": str(n), "phone": f"+1 312 {number:03}{n:04}"}) for n in range(1, 6)],
        *[("tag_contact", {"contact": str(n), "tag": "Gift card"}) for n in range(1, 6)],
        *[("untag_contact", {"contact": str(n), "tag": "VIP"}) for n in range(1, 6)],
        *[("delete_contact", {"contact": str(n)}) for n in range(50, 53)],
        (
            "create_deal",
            {"title": f"Deal {number}", "value": 1, "currency": "usd", "contact": "1", "pipeline": "Sales"},
        ),
        ("create_field", {"title": f"Field {number}", "type": "dropdown", "options": ["A", "B"]}),
        ("set_field_value", {"contact": "2", "field": "Plan", "value": "Team"}),
        ("delete_tag", {"tag": "Referral"}),
    ]
    random.Random(number).shuffle(some)
    return some


class Server:
    """`ac-mcp` over stdio, on an account at this port."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def started(cls, port: int, folder: Path) -> "Server":
        environ = {
            "MATON_API_KEY": "sandbox",
            "MATON_API_BASE_URL": f"http://127.0.0.1:{port}",
            "AC_MCP_STATE_DIR": str(folder),
            "AC_MCP_CONFIRM": "never",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ac_mcp", env={**os.environ, **environ}, limit=2**24,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        server = cls(process)
        opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "kill", "version": "0"}}
        server.send({"id": 0, "method": "initialize", "params": opening})
        server.send({"method": "notifications/initialized"})
        return server

    def send(self, message: Json) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def call(self, id: int, tool: str, arguments: Json) -> None:
        self.send({"id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})

    async def answered(self, *ids: int) -> Any:
        """The first answer to one of these."""
        assert self._process.stdout
        while line := await asyncio.wait_for(self._process.stdout.readline(), PATIENCE):
            said = json.loads(line)
            if said.get("id") in ids:
                return said
        raise EOFError

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()


async def once(number: int, folder: Path, moment: float, killed: Killed) -> None:
    """One kill, `moment` seconds after the first write was answered."""
    with closing(Sandbox(rate=None, latency=Latency(0.03, 0.05))) as sandbox:
        served = await sandbox.serve(0)
        port = served.sockets[0].getsockname()[1]
        server = await Server.started(port, folder)
        given = calls(number)
        for id, (tool, arguments) in enumerate(given, 1):
            server.call(id, tool, arguments)
        await server.answered(*range(1, len(given) + 1))
        await asyncio.sleep(moment)
        await server.kill()
        await asyncio.sleep(0.2)  # what is on its way arrives
        seen: Seen = Counter(
            (one.method, one.path.removeprefix(API)) for one in sandbox.requests if one.method != "GET"
        )
        noted = record(folder / "journal.db")
        compare(seen, noted, killed)
        told = await changes(port, folder)
        unsure = sum(1 for one in told if one["result"] in ("under way", "unknown"))
        open_changes = len({change for change, _, _, state in noted if state == "open"})
        if unsure != open_changes:
            killed.misreported.append(f"{open_changes} changes are open, {unsure} are said to be unsure")
        served.close()
    killed.times += 1
    killed.under_way += sum(1 for *_, state in noted if state == "open")


def record(path: Path) -> list[tuple[int, str, str, str]]:
    with closing(sqlite3.connect(path)) as kept:
        return kept.execute("SELECT change, method, path, state FROM write").fetchall()


def compare(seen: Seen, noted: list[tuple[int, str, str, str]], killed: Killed) -> None:
    """Each write that was seen stands in the record; each that is recorded as done was seen."""
    killed.writes += seen.total()
    there: Seen = Counter((method, path) for _, method, path, _ in noted)
    done: Seen = Counter((method, path) for _, method, path, state in noted if state == "done")
    killed.unaccounted += [f"{method} {path}" for method, path in (seen - there).elements()]
    killed.misreported += [f"{method} {path} was never seen" for method, path in (done - seen).elements()]


async def changes(port: int, folder: Path) -> list[Json]:
    """What a new process says of them."""
    server = await Server.started(port, folder)
    server.call(1, "list_changes", {"limit": 100})
    said = await server.answered(1)
    await server.kill()
    return json.loads(said["result"]["content"][0]["text"])["changes"]


async def killing(times: int, number: int = 20261124, at_once: int = 1) -> Killed:
    """That many kills, so many of them side by side, each on a sandbox and with a record of its own."""
    killed, chance, places = Killed(), random.Random(number), asyncio.Semaphore(at_once)

    async def one(n: int, moment: float) -> None:
        async with places:
            with TemporaryDirectory() as folder:
                await once(n, Path(folder), moment, killed)

    async with asyncio.TaskGroup() as group:
        for n in range(times):
            group.create_task(one(n, chance.uniform(0, 2.5)))
    return killed


def main() -> None:
    killed = asyncio.run(killing(int((sys.argv[1:] or ["50"])[0])))
    sys.stdout.write(
        f"{killed.times} kills, {killed.writes} writes seen by the account, {killed.under_way} caught under way: "
        f"{len(killed.unaccounted)} not accounted for, {len(killed.misreported)} misreported\n"
    )
    for line in (*killed.unaccounted, *killed.misreported):
        sys.stdout.write(f"  {line}\n")
    sys.exit(bool(killed.unaccounted or killed.misreported))


if __name__ == "__main__":
    main()
