"""The gateway's figures, measured side by side on sandboxes of this machine.

python -m bench.gateway pace [SECONDS]      processes on one limit: rate, peaks, shares, a kill -9
python -m bench.gateway overhead            what the server adds to a bare GET, and memory over 10,000 calls
python -m bench.gateway requests            what common calls cost upstream once names are known
python -m bench.gateway                     all of these, and bench.faults: ten minutes
"""

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import httpx2
from mcp import Client, StdioServerParameters

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute
from ac_mcp.errors import GatewayError
from ac_mcp.gateway.client import open_gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.rate_limit import Wait
from ac_mcp.gateway.rate_stores import Lease, MemoryRateStore, Rates, SqliteRateStore
from ac_mcp.messages import Caller, Json, Request
from ac_mcp.operations import OPERATIONS
from ac_mcp.sandbox import Latency, Sandbox
from ac_mcp.server.stdio import open_stdio
from ac_mcp.server.tools import build_server
from ac_mcp.settings import Settings

CONNECTION = "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"
PROCESSES, CALLERS, RATE = 3, 20, 5


async def serving(port: Any, log: str, latency: tuple[float, float], rate: int | None) -> None:
    """A sandbox with its limiter on; every arrival is written down with the machine's steady clock."""
    sandbox = Sandbox(rate=rate, latency=Latency(*latency))
    server = await sandbox.serve(0)
    inner = sandbox.requests.append
    with open(log, "w", buffering=1, encoding="utf-8") as written:

        class Log:
            def append(self, seen: Any) -> None:
                written.write(json.dumps([time.monotonic(), seen.status, seen.query]) + "\n")
                inner(seen)

        for middleware in sandbox.app.user_middleware:
            if "log" in middleware.kwargs:
                middleware.kwargs["log"] = Log()
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()


def serve(port: Any, log: str, latency: tuple[float, float], rate: int | None) -> None:
    asyncio.run(serving(port, log, latency, rate))


@contextmanager
def sandbox(log: Path, latency: tuple[float, float], rate: int | None = RATE) -> Iterator[str]:
    port = multiprocessing.Value("i", 0)
    process = multiprocessing.Process(target=serve, args=(port, str(log), latency, rate), daemon=True)
    process.start()
    while not port.value:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port.value}"
    finally:
        process.kill()
        process.join()


async def calling(address: str, folder: str, process: int, start: float, end: float, strict: bool) -> None:
    """Twenty callers of one process, each sending one read after the other until the end."""
    store = SqliteRateStore(Path(folder) / "pacing.db") if folder else MemoryRateStore()
    async with open_gateway(Endpoints(address, address), store=store, strict=strict) as gateway:
        await asyncio.sleep(max(0.0, start - time.monotonic()))

        async def one(caller: int) -> None:
            who, number = Caller("sandbox", CONNECTION, call=f"{process}-{caller}", deadline=end + 60), 0
            while time.monotonic() < end:
                # Never the same read twice, which would be sent once.
                number += 1
                query = {"limit": "1", "offset": "0", "who": f"{process}.{caller}.{number}"}
                with suppress(GatewayError):  # where each paces for itself
                    await gateway.send(Request("GET", "/tags", query, repeatable=True), who)

        async with anyio.create_task_group() as group:
            for caller in range(CALLERS):
                group.start_soon(one, caller)


def call(*arguments: Any) -> None:
    asyncio.run(calling(*arguments))


def paced(
    name: str,
    seconds: float,
    latency: tuple[float, float],
    *,
    kill: bool = False,
    strict: bool = False,
    shared: bool = True,
) -> str:
    """One run: how many answers of 429, the most in any second, the share of the limit, and how even the shares are."""
    with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder) / "log", latency) as address:
        start = time.monotonic() + 3
        end = start + seconds
        callers = [
            multiprocessing.Process(
                target=call, args=(address, folder if shared else "", number, start, end, strict), daemon=True
            )
            for number in range(PROCESSES)
        ]
        for process in callers:
            process.start()
        if kill:
            time.sleep(max(0.0, start + seconds / 2 - time.monotonic()))
            os.kill(callers[0].pid or 0, signal.SIGKILL)
        time.sleep(max(0.0, end + 0.5 - time.monotonic()))
        for process in callers:
            process.kill()
            process.join()
        rows = [json.loads(line) for line in (Path(folder) / "log").read_text().splitlines()]
    return figures(name, rows, start, end, kill)


def figures(name: str, rows: list[Any], start: float, end: float, killed: bool) -> str:
    moments = sorted(moment for moment, _, _ in rows)
    most = max(bisect_left(moments, moment + 1.0) - place for place, moment in enumerate(moments))
    inside = [row for row in rows if start + 1 <= row[0] < end]  # a first burst of five would flatter the rate
    rate = len(inside) / (end - start - 1) / RATE
    shares = Counter(row[2].rpartition("who=")[2].split(".")[0] for row in inside)
    values = [shares[str(number)] for number in range(PROCESSES)][killed:]
    jain = sum(values) ** 2 / (len(values) * sum(value * value for value in values))
    refused = sum(status == 429 for _, status, _ in rows)
    return f"{name:34} {len(rows):5} {refused:5} {most:7} {rate:8.1%}   {'-'.join(map(str, values)):14} {jain:.3f}"


def pace(seconds: float) -> None:
    print(f"{PROCESSES} processes x {CALLERS} callers, {seconds:.0f} s each, limit {RATE} in any second\n")
    print(f"{'link':34} {'sent':>5} {'429':>5} {'most/s':>7} {'of 5/s':>8}   {'shares':14} Jain", flush=True)
    print(paced("each for itself, 5 ms", seconds, (0.005, 0.005), shared=False), flush=True)
    print(paced("no latency", seconds, (0, 0)), flush=True)
    print(paced("5 ms, up to 5 more", seconds, (0.005, 0.005)), flush=True)
    print(paced("100 ms", seconds, (0.1, 0)), flush=True)
    print(paced("60 ms, up to 150 more", seconds, (0.06, 0.15)), flush=True)
    print(paced("60 ms, up to 150 more, strict", seconds, (0.06, 0.15), strict=True), flush=True)
    print(paced("5 ms, one killed in the middle", seconds, (0.005, 0.005), kill=True), flush=True)
    print(paced("60 to 210 ms, one killed", seconds, (0.06, 0.15), kill=True), flush=True)


class Unpaced(MemoryRateStore):
    """Everybody may send at once: what is left is our own work."""

    async def take(self, rates: Rates, seconds: float, bulk: bool) -> Lease | Wait:
        return Lease(rates, tuple(0 for _ in rates), "")


@asynccontextmanager
async def unpaced(address: str) -> AsyncGenerator[Account]:
    settings = Settings.from_env({"MATON_API_KEY": "sandbox", "MATON_API_BASE_URL": address})
    async with open_gateway(Endpoints(address, address), store=Unpaced()) as gateway:
        yield Account.of(settings, gateway)


async def serve_unpaced(address: str) -> None:
    """The server on stdio, as `ac-mcp` would be but for the pace."""
    async with unpaced(address) as one, open_stdio() as (received, sent):
        server = build_server(one.settings, lambda _: one)
        await server.run(received, sent, server.create_initialization_options())


async def timed(work: Callable[[], Awaitable[object]], times: int) -> float:
    """The median in ms."""
    for _ in range(20):
        await work()
    took = list[float]()
    for _ in range(times):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)


async def overhead(address: str, times: int = 500) -> None:
    url = f"{address}/active-campaign/api/3/users?limit=100"
    headers = {"Authorization": "Bearer sandbox", "Maton-Connection": CONNECTION}
    command = f"import anyio; from bench.gateway import serve_unpaced; anyio.run(serve_unpaced, {address!r})"
    child = StdioServerParameters(command=sys.executable, args=["-c", command], cwd=str(Path(__file__).parents[1]))
    async with unpaced(address) as one, httpx2.AsyncClient(headers=headers) as http, Client(child) as client:
        request, who = Request("GET", "/users", {"limit": "100"}, repeatable=True), Caller("sandbox", CONNECTION)
        operation = OPERATIONS["list_users"]
        rounds: dict[str, list[float]] = {}
        for _ in range(5):  # in turn, so that what else the machine does hits all alike
            for name, work in (
                ("bare httpx2 GET", lambda: http.get(url)),
                ("gateway", lambda: one.gateway.send(request, who)),
                ("call in the process", lambda: execute(one, operation, {})),
                ("call over MCP stdio", lambda: client.call_tool("list_users", {})),
            ):
                rounds.setdefault(name, []).append(await timed(work, times // 5))
        bare = median(rounds["bare httpx2 GET"])
        print(
            f"\nmedian of {times} calls of list_users on loopback, nobody paced\n{'':22} {'ms':>7} {'ratio':>6} {'adds ms':>8}"
        )
        for name, medians in rounds.items():
            print(
                f"{name:22} {median(medians):7.2f} {median(medians) / bare:6.2f} {median(medians) - bare:8.2f}",
                flush=True,
            )
        await memory(client)


async def memory(client: Client) -> None:
    """Of the server's process, in MB, as calls go by."""
    print("\ncalls of the server's process against its resident MB")
    pid = subprocess.run(
        ["pgrep", "-n", "-f", "serve_unpaced"], capture_output=True, text=True, check=True
    ).stdout.strip()
    done = 0
    for mark in (1000, 2500, 5000, 7500, 10_000):
        while done < mark:
            contact = str(done % 50 + 1)
            await client.call_tool(*(("list_tags", {}), ("get_contact", {"contact": contact}))[done % 2])
            done += 1
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
        print(f"{done:7} {resident / 1024:7.1f}", flush=True)


CALLS: tuple[tuple[str, Json], ...] = (
    ("tag_contact", {"contact": "bob@initech.example", "tag": "webinar 2026"}),
    ("list_deals", {"pipeline": "Sales", "stage": "Negotiation", "owner": "Priya", "limit": 5}),
    ("list_contacts", {"tag": "VIP", "list": "Newsletter"}),
    ("get_contact", {"contact": "jane@acme.example"}),
    ("create_deal", {"title": "T", "value": 1, "currency": "usd", "contact": "jane@acme.example", "stage": "Lead"}),
    ("update_deal", {"deal": "Acme espresso bar", "status": "won"}),
)


async def requests() -> None:
    """Each call twice: the second time the directory is warm."""
    sandbox = Sandbox(rate=None)
    settings = Settings.from_env({"MATON_API_KEY": "sandbox"})
    doors = Endpoints("http://sandbox.invalid", "http://sandbox.invalid")
    async with open_gateway(doors, sandbox.transport(), store=Unpaced()) as gateway:
        one = Account.of(settings, gateway)
        print(f"\n{'upstream requests':20} {'cold':>5} {'warm':>5}")
        for tool, arguments in CALLS:
            one.directories.clear()
            one.newest_ids.clear()
            counts = list[int]()
            for _ in range(2):
                sandbox.requests.clear()
                await execute(one, OPERATIONS[tool], arguments)
                counts.append(len(sandbox.requests))
            print(f"{tool:20} {counts[0]:5} {counts[1]:5}")
    sandbox.close()


def main() -> None:
    what, *rest = sys.argv[1:] or ["all"]
    if what in ("pace", "all"):
        pace(float(rest[0]) if rest else 30)
    if what in ("overhead", "all"):
        with tempfile.TemporaryDirectory() as folder, sandbox(Path(folder) / "log", (0, 0), None) as address:
            anyio.run(overhead, address)
    if what in ("requests", "all"):
        anyio.run(requests)
    if what == "all":
        from bench import faults

        print("\nEvery writing tool under every fault, in virtual time", flush=True)
        faults.matrix(faults.WRITES)
        faults.creates(2000)


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    main()
