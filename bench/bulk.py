"""Work on many, in real time: python -m bench.bulk [alone|beside|killed|imported|exported|large] ... [latency=120,40]

alone     1,000 contacts tagged, nothing else running: share of the limit that is used (4 minutes)
beside    the same with an interactive call every second: share, and how long those wait (5 minutes)
killed    kill -9 in the middle, resumed: tags, and requests sent twice (4 minutes)
imported  10,000 contacts: requests, and seconds
exported  100,000 contacts from the large sandbox, pacing off: rate beside a bare loop of the HTTP client, memory
large     seconds and memory until a sandbox of 100,000 contacts answers, and what a page costs first and last
"""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import httpx2

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute
from ac_mcp.cli.app import open_account
from ac_mcp.gateway.client import open_gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.rate_limit import Wait
from ac_mcp.gateway.rate_stores import Lease, MemoryRateStore
from ac_mcp.operations import OPERATIONS
from ac_mcp.sandbox import Sandbox
from ac_mcp.settings import Settings

RATE, MANY = 5, 1000
TAG = "Bench"
LATENCY = ["0", "0"]
"""Milliseconds of an answer, and how much longer than that it may take."""


@contextmanager
def sandbox(*more: str) -> Generator[str]:
    """A paced account over HTTP in a process of its own; gives its address."""
    command = [sys.executable, "-m", "ac_mcp", "sandbox", "--port", "0", "--latency", *LATENCY, *more]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        address = process.stderr.readline().split()[-1]
        try:
            yield address
        finally:
            process.kill()


def environment(address: str, folder: str) -> dict[str, str]:
    return {
        "MATON_API_BASE_URL": address, "MATON_API_KEY": "sandbox", "AC_MCP_STATE_DIR": folder, "AC_MCP_CONFIRM": "never",
        "AC_MCP_TOOLSETS": "all",
    }  # fmt: skip


def seen(address: str) -> list[dict[str, Any]]:
    """What reached the sandbox."""
    with urllib.request.urlopen(f"{address}/sandbox/requests") as answer:
        return json.load(answer)["requests"]


async def whole(one: Account, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A call and all that follows it until its job has ended."""
    told = await execute(one, OPERATIONS[tool], arguments)
    while told["result"] == "running":
        told = await execute(one, OPERATIONS["follow_job"], {"job": told["job"]})
    return told


def chosen() -> list[str]:
    return [str(number) for number in range(101, 101 + MANY)]


async def alone() -> None:
    with sandbox("--size", "medium") as address, TemporaryDirectory() as folder:
        settings = Settings.from_env(environment(address, folder))
        async with open_account(settings) as one:
            await execute(one, OPERATIONS["create_tag"], {"name": TAG})
            before, began = len(seen(address)), time.monotonic()
            told = await whole(one, "bulk_update_contacts", {"contacts": chosen(), "add_tag": TAG})
            took = time.monotonic() - began
        counts = told["counts"]
        sent = [one for one in seen(address) if one["path"].endswith("/contactTags") and one["method"] == "POST"]
        reached = [one for one in seen(address)[before:] if "/api/3/" in one["path"]]
        refused = sum(one["status"] == 429 for one in reached)
        print(f"alone: {counts}, {len(sent)} POSTs of {len(reached)} requests in {took:.1f} s, {refused} times 429")
        print(f"  requests: {len(reached) / took / RATE:.1%} of the limit; tags: {len(sent) / took / RATE:.1%}")


async def beside() -> None:
    waits: list[float] = []
    with sandbox("--size", "medium") as address, TemporaryDirectory() as folder:
        settings = Settings.from_env(environment(address, folder))
        async with open_account(settings) as one, anyio.create_task_group() as group:

            async def interactive() -> None:
                while True:
                    began = time.monotonic()
                    await execute(one, OPERATIONS["list_notes"], {"deal": "1"})
                    waits.append(time.monotonic() - began)
                    await anyio.sleep(1.0)

            await execute(one, OPERATIONS["create_tag"], {"name": TAG})
            group.start_soon(interactive)
            began = time.monotonic()
            told = await whole(one, "bulk_update_contacts", {"contacts": chosen(), "add_tag": TAG})
            took = time.monotonic() - began
            group.cancel_scope.cancel()
        sent = [one for one in seen(address) if one["path"].endswith("/contactTags") and one["method"] == "POST"]
        first, *waits = waits
        waits.sort()
        print(f"beside: {told['counts']} in {took:.1f} s: {len(sent) / took / RATE:.1%} of the limit for the job")
        print(
            f"  {len(waits)} interactive calls took {waits[len(waits) // 2]:.2f} s in the middle, {waits[-1]:.2f} s at most, "
            f"the first of all {first:.2f} s "
            f"(of which {LATENCY[0]} ms and up are the answer's)"
        )


def killed() -> None:
    with sandbox("--size", "medium") as address, TemporaryDirectory() as folder:
        environ = {**os.environ, **environment(address, folder)}
        call = [sys.executable, "-m", "ac_mcp", "call"]
        subprocess.run([*call, "create_tag", f"name={TAG}"], env=environ, stdout=subprocess.DEVNULL, check=True)
        words = [f"contacts={json.dumps(chosen())}", f"add_tag={TAG}"]
        with subprocess.Popen([*call, "bulk_update_contacts", *words], env=environ, stdout=subprocess.DEVNULL) as first:
            time.sleep(90)
            first.send_signal(signal.SIGKILL)
        before = [one for one in seen(address) if one["path"].endswith("/contactTags") and one["status"] in (200, 201)]
        done = subprocess.run(
            [*call, "follow_job", "job=2", "action=resume"], env=environ, capture_output=True, text=True, check=True
        )
        told = json.loads(done.stdout)
        sent = [one for one in seen(address) if one["method"] == "POST" and one["path"].endswith("/contactTags")]
        new = sum(one["status"] == 201 for one in sent)
        again = sum(one["status"] == 200 for one in sent)
        print(f"killed after {len(before)} tags: {told['result']}, {told['counts']}")
        print(f"  {len(sent)} POSTs in all: {new} new tags (201), {again} that were there already (200)")


async def imported() -> None:
    with sandbox() as address, TemporaryDirectory() as folder:
        settings = Settings.from_env(environment(address, folder))
        data = "email,first_name,tags\n" + "\n".join(f"lead{n}@new.example,Lead,Fair" for n in range(10_000))
        async with open_account(settings) as one:
            began = time.monotonic()
            told = await whole(one, "import_contacts", {"data": data, "lists": ["Newsletter"]})
            took = time.monotonic() - began
        kinds: dict[str, int] = {}
        for one in seen(address):
            key = f"{one['method']} {one['path'].partition('/api/3')[2] or one['path']}"
            kinds[key] = kinds.get(key, 0) + 1
        print(f"imported: {told['counts']} in {took:.1f} s, {kinds}")


class Unpaced(MemoryRateStore):
    """A store in which there is always room."""

    async def take(self, rates: Any, seconds: float, bulk: bool) -> Lease | Wait:
        return Lease(rates, tuple(0 for _ in rates), "")

    async def give_back(self, lease: Lease, after: float, round_trip: float | None = None) -> None: ...


@asynccontextmanager
async def unpaced(one: Sandbox, folder: Path) -> Any:
    settings = Settings.from_env({"AC_MCP_SANDBOX": "1", "AC_MCP_TOOLSETS": "all"})
    doors = Endpoints("http://sandbox.invalid", "http://sandbox.invalid")
    async with open_gateway(doors, one.transport(), store=Unpaced()) as gateway:
        from dataclasses import replace

        made = Account.of(replace(settings, key=one.key), gateway, folder=folder)
        async with made.job_pool.open():
            yield made


async def exported() -> None:
    one = Sandbox(size="large", rate=None)
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        rows = last = 0
        headers = {"Authorization": f"Bearer {one.key}"}
        async with httpx2.AsyncClient(transport=one.transport(), base_url="http://sandbox.invalid") as http:
            while True:
                query = {"orders[id]": "ASC", "id_greater": str(last), "limit": "100"}
                answer = await http.get("/active-campaign/api/3/contacts", params=query, headers=headers)
                page = answer.json()["contacts"]
                if not page:
                    break
                rows, last = rows + len(page), int(page[-1]["id"])
        bare = time.monotonic() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        async with unpaced(one, Path(folder)) as account_of:
            began = time.monotonic()
            told = await whole(account_of, "export_contacts", {})
            took = time.monotonic() - began
            once = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            await whole(account_of, "export_contacts", {})
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        ids = [line.partition(",")[0] for line in Path(told["file"]).read_text().splitlines()[1:]]
    one.close()
    print(
        f"bare loop: {rows} rows in {bare:.1f} s; export: {told['rows']} rows in {took:.1f} s: {bare / took:.0%} of its rate"
    )
    print(f"  {len(set(ids))} of {len(ids)} ids are unique, in order: {ids == [str(n) for n in range(1, 100_001)]}")
    print(f"  peak memory before the export {memory:.0f} MB, after it {once:.0f} MB, after another {after:.0f} MB")


async def large() -> None:
    began = time.monotonic()
    one = Sandbox(size="large", rate=None)
    took = time.monotonic() - began
    headers = {"Authorization": f"Bearer {one.key}"}
    costs: list[float] = []
    async with httpx2.AsyncClient(transport=one.transport(), base_url="http://sandbox.invalid") as http:
        for after in (0, 50_000, 99_900):
            best = 1.0
            for _ in range(5):
                start = time.monotonic()
                query = {"orders[id]": "ASC", "id_greater": str(after), "limit": "100"}
                await http.get("/active-campaign/api/3/contacts", params=query, headers=headers)
                best = min(best, time.monotonic() - start)
            costs.append(best)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    one.close()
    told = ", ".join(f"{cost * 1000:.0f} ms" for cost in costs)
    print(f"large: ready in {took:.1f} s, {memory:.0f} MB; a page by id at the beginning, middle, end: {told}")


def main() -> None:
    for one in sys.argv[1:]:
        if one.startswith("latency="):
            LATENCY[:] = one.removeprefix("latency=").split(",")
    wanted = [one for one in sys.argv[1:] if "=" not in one] or [
        "large",
        "exported",
        "imported",
        "alone",
        "beside",
        "killed",
    ]
    for name in wanted:
        if name == "killed":
            killed()
        else:
            anyio.run(
                {"alone": alone, "beside": beside, "imported": imported, "exported": exported, "large": large}[name]
            )


if __name__ == "__main__":
    main()
