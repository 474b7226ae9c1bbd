"""The server over HTTP: one pace of many replicas, isolation, what a call costs, and whether memory grows.

    python -m bench.hosted pace        # three replicas, 20 callers each, one Redis; kill -9 and a restart in the middle
    python -m bench.hosted isolation   # 10,000 calls of two callers with the same names and ids
    python -m bench.hosted overhead    # a call over stdio and over HTTP, in turns, and 50 callers at once; no pacing
    python -m bench.hosted memory      # 20,000 calls

`pace` needs redis-server; with the library of `faketime` its replicas' clocks are 300 ms apart. `pace calm` kills nobody.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import anyio
import httpx2
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from ac_mcp.sandbox import Sandbox
from tests.server.crossing import crossed
from tests.server.processes import ALICE, Redis, free_port, listening
from tests.support import VirtualLoop

SECONDS, CALLERS = 60, 20
UNPACED = """
import sys
from contextlib import asynccontextmanager
import ac_mcp.sandbox.sandbox as box
from ac_mcp.gateway.pacing import Pacing
from ac_mcp.gateway.fair_queue import Turn

@asynccontextmanager
async def at_once(self, rates, **options):
    yield Turn(self._clock())

Pacing.turn = at_once
box.Sandbox.__init__.__kwdefaults__["rate"] = None
from ac_mcp.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
"""The server without its pace, and the sandbox without its limit: what is left is what the server itself costs."""


def counted(port: int, file: str) -> None:
    """The sandbox with its limit; each request is written down as it arrives, and how it was answered."""
    box = Sandbox()
    with open(file, "a") as log:

        async def app(scope, receive, send) -> None:
            if scope["type"] != "http":
                await box.app(scope, receive, send)
                return
            at, body = time.time(), b""

            async def heard():
                nonlocal body
                message = await receive()
                body += message.get("body", b"")
                return message

            async def said(message) -> None:
                if message["type"] == "http.response.start":
                    tag = json.loads(body)["tag"]["tag"] if scope["method"] == "POST" and b'"tag"' in body else ""
                    print(json.dumps([at, scope["method"], message["status"], tag]), file=log, flush=True)
                await send(message)

            await box.app(scope, heard, said)

        uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", log_config=None)


def replica(sandbox: str, redis: str, shift: float) -> tuple[subprocess.Popen[bytes], int]:
    port = free_port()
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    faked = {"LD_PRELOAD": str(found[0]), "FAKETIME": f"{shift:+.1f}s"} if found else {}
    environ = {
        **os.environ, **faked, "MATON_API_BASE_URL": sandbox, "MATON_API_KEY": "sandbox", "AC_MCP_REDIS_URL": redis,
        "AC_MCP_HTTP_TOKEN": ",".join(f"caller{n}=caller-token-{n:010d}" for n in range(60)), "AC_MCP_STATE_DIR": "memory",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "ac_mcp", "--http", f"127.0.0.1:{port}"], env=environ)
    listening(port, process)
    return process, port


async def ask(port: int, who: int, until: float, done: Counter[str], wrong: list[str]) -> None:
    """Reads, and now and then a write, for as long as there is time."""
    headers = {
        "Authorization": f"Bearer caller-token-{who:010d}", "Accept": "application/json, text/event-stream",
    }  # fmt: skip
    number = 0
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        while time.monotonic() < until:
            number += 1
            write = number % 4 == 0
            arguments = {"name": f"made by {who}-{number}"} if write else {"limit": 1, "offset": number % 9}
            call = {"name": "create_tag" if write else "list_tags", "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
            try:
                text = (await http.post(f"http://127.0.0.1:{port}/mcp", json=body)).text
            except httpx2.HTTPError:
                await anyio.sleep(0.2)  # its replica was killed
                continue
            told = json.loads(text.split("data: ")[-1]) if "data: " in text else json.loads(text)
            failed = "result" not in told or told["result"].get("isError")
            done[f"{port} {'refused' if failed else 'made' if write else 'read'}"] += 1
            if write and not failed:
                done[arguments["name"]] += 1
            if failed:
                wrong.append(text[:300])


async def pace() -> None:
    folder = Path(tempfile.mkdtemp())
    redis, sandbox_port = Redis(folder), free_port()
    redis.start()
    log = folder / "requests"
    sandbox = subprocess.Popen([sys.executable, "-m", "bench.hosted", "sandbox", str(sandbox_port), str(log)])
    listening(sandbox_port, sandbox)
    address = f"http://127.0.0.1:{sandbox_port}"
    replicas = [replica(address, redis.url, shift) for shift in (-0.3, 0.0, 0.3)]
    done, wrong = Counter[str](), list[str]()
    try:
        until = time.monotonic() + SECONDS
        async with asyncio.TaskGroup() as group:
            for at, (_, port) in enumerate(replicas):
                for n in range(CALLERS):
                    group.create_task(ask(port, at * CALLERS + n, until, done, wrong))
            if "calm" not in sys.argv:
                await anyio.sleep(SECONDS / 3)
                replicas[2][0].send_signal(signal.SIGKILL)
                await anyio.sleep(SECONDS / 6)
                redis.kill()
                await anyio.sleep(1)
                redis.start(keep=False)
        report([json.loads(line) for line in log.read_text().splitlines()], replicas, done, wrong)
    finally:
        for process in (*(one for one, _ in replicas), sandbox):
            process.kill()
        redis.kill()


def report(sent: list, replicas: list, done: Counter[str], wrong: list[str]) -> None:
    moments = sorted(at for at, *_ in sent)
    most = max(sum(start <= moment < start + 1 for moment in moments[at : at + 12]) for at, start in enumerate(moments))
    lasted, steady = moments[-1] - moments[0], [at for at in moments if at > moments[0] + 5]
    print(
        f"requests at the sandbox: {len(moments)} in {lasted:.1f} s: {100 * len(moments) / lasted / 5:.1f} % of the limit"
    )
    print(f"from the sixth second on: {100 * len(steady) / (steady[-1] - steady[0]) / 5:.1f} %")
    print(f"most in any second: {most}; refused by the sandbox (429): {sum(status == 429 for _, _, status, _ in sent)}")
    for _, port in replicas:
        print(f"  replica {port}: { ({word: done[f'{port} {word}'] for word in ('read', 'made', 'refused')}) }")
    posted = Counter(tag for _, method, status, tag in sent if method == "POST" and status == 201)
    told = {name for name in done if name.startswith("made by")}
    print(
        f"tags told as made: {len(told)}; made twice: {sum(count > 1 for count in posted.values())}; told as made and not there: {len(told - posted.keys())}; there and told as something else: {len(posted.keys() - told)}"
    )
    print("errors:", Counter(text.split('"text":"')[-1][:90] for text in wrong).most_common(5))


def isolation() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        began = time.monotonic()
        good, wrong = runner.run(crossed(10_000 // 6 + 1, 7))
    print(
        f"10,002 calls of two callers in {time.monotonic() - began:.0f} s: {good} answers with one's own data, {len(wrong)} with the other's"
    )
    print("\n".join(wrong[:5]))


async def timed(client: Client, count: int) -> list[float]:
    found: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await client.call_tool("list_tags", {"limit": 5})
        found.append(time.perf_counter() - began)
    return found


async def overhead() -> None:
    port = free_port()
    environ = {**os.environ, "AC_MCP_HTTP_TOKEN": f"alice={ALICE}"}
    command = [sys.executable, "-c", UNPACED, "--sandbox"]
    over_http = subprocess.Popen([*command, "--http", f"127.0.0.1:{port}"], env=environ, stderr=subprocess.DEVNULL)
    listening(port, over_http)
    try:
        async with AsyncExitStack() as stack:
            stdio = await stack.enter_async_context(Client(StdioServerParameters(command=command[0], args=command[1:])))
            http = await stack.enter_async_context(
                httpx2.AsyncClient(headers={"Authorization": f"Bearer {ALICE}"}, timeout=60)
            )
            web = await stack.enter_async_context(
                Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http))
            )
            for client in (stdio, web):
                await timed(client, 30)
            rounds = [(median(await timed(stdio, 50)), median(await timed(web, 50))) for _ in range(8)]
            print(
                f"a call: {1000 * median(a for a, _ in rounds):.1f} ms over stdio, {1000 * median(b for _, b in rounds):.1f} ms over HTTP (ratio {median(b / a for a, b in rounds):.2f})"
            )
            began, count = time.perf_counter(), 0
            async with asyncio.TaskGroup() as group:
                for _ in range(50):
                    group.create_task(timed(web, 20))
                    count += 20
            print(f"50 callers at once: {count / (time.perf_counter() - began):.0f} calls a second")
    finally:
        over_http.kill()


def resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def memory() -> None:
    port = free_port()
    environ = {**os.environ, "AC_MCP_HTTP_TOKEN": f"alice={ALICE}"}
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", UNPACED, "--sandbox", "--http", f"127.0.0.1:{port}"], env=environ)
    listening(port, process)
    print(f"until it listens: {time.perf_counter() - began:.2f} s; {resident(process.pid):.0f} MB")
    try:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {ALICE}"}, timeout=60) as http,
            Client(streamable_http_client(f"http://127.0.0.1:{port}/mcp", http_client=http)) as web,
        ):
            for thousand in range(20):
                async with asyncio.TaskGroup() as group:
                    for _ in range(10):
                        group.create_task(timed(web, 100))
                if thousand in (0, 4, 9, 14, 19):
                    print(f"after {(thousand + 1) * 1000:6,} calls: {resident(process.pid):.0f} MB")
    finally:
        process.kill()


if __name__ == "__main__":
    match sys.argv[1:2]:
        case ["sandbox"]:
            counted(int(sys.argv[2]), sys.argv[3])
        case ["pace"]:
            asyncio.run(pace())
        case ["isolation"]:
            isolation()
        case ["overhead"]:
            asyncio.run(overhead())
        case ["memory"]:
            asyncio.run(memory())
        case _:
            print(__doc__)
