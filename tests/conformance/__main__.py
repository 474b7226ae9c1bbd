"""Runs the protocol's own conformance suite against this server and prints what came of each scenario.

    python -m tests.conformance [--every]

It needs the suite and a Node 22 in the folder NODE_TOOLS names (see .ci/run). `--every` also runs
what does not apply, to see that it still fails for the reason the table gives.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

HERE = Path(__file__).parent
TOOLS = Path(os.environ.get("NODE_TOOLS") or Path(tempfile.gettempdir()) / "ac-mcp-ci") / "node_modules"
NODE, SUITE = TOOLS / ".bin" / "node", TOOLS / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
VERSIONS = ("2025-11-25", "2026-07-28", "extension")
SERVERS: Mapping[str, list[str]] = {
    "product": ["-m", "ac_mcp", "--sandbox", "--http", "127.0.0.1:0"],
    "fixture": ["-m", "tests.conformance.fixture", "127.0.0.1:0"],
}
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Case:
    version: str
    scenario: str
    server: str
    """Which server shows it; empty where it does not apply."""
    why: str
    """Why it does not apply, or which of its checks do not."""
    except_for: tuple[str, ...] = ()
    """Ids of single checks that do not apply."""


def listed() -> list[tuple[str, str]]:
    """Version and name of every scenario for servers the suite has."""
    said = subprocess.run(
        [NODE, SUITE, "list", "--server"], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    found = re.findall(r"^\s+- ([\w-]+) \[([\w,-]+)\]", said.stdout, re.M)
    return [(version, name) for name, versions in found for version in versions.split(",") if version in VERSIONS]


def cases() -> list[Case]:
    """All of them, as scenarios.toml decides.

    Raises:
        KeyError: for a scenario it says nothing of.
    """
    told: Mapping[str, Any] = tomllib.loads((HERE / "scenarios.toml").read_text(encoding="utf-8"))
    by_name = {name: one for one in told["scenario"] for name in one["names"]}
    made = [(version, name, by_name.get(f"{name}:{version}") or by_name[name]) for version, name in listed()]
    return [
        Case(version, name, one.get("server", ""), one.get("why", ""), tuple(one.get("except", ())))
        for version, name, one in made
    ]


@contextmanager
def serving(server: str) -> Generator[str]:
    """A process of that server and its address."""
    process = subprocess.Popen(
        [sys.executable, *SERVERS[server]], stderr=subprocess.PIPE, text=True, cwd=HERE.parent.parent
    )
    assert process.stderr
    try:
        said = ""
        while not (found := re.search(r"http://\S+", said)):
            line = process.stderr.readline()
            if not line:
                raise RuntimeError(f"The {server} server did not start: {said}")
            said += line
        yield found[0]
    finally:
        process.terminate()
        process.wait(SECONDS)
        process.stderr.close()


def outcome(case: Case, address: str) -> tuple[bool, str]:
    """Whether every check of it that applies succeeded, and how many there were of each outcome."""
    how = ["--force"] if case.version == "extension" else ["--spec-version", case.version]
    said = subprocess.run(
        [NODE, SUITE, "server", "--url", address, "--scenario", case.scenario, *how, "--timeout", "10000"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", said.stdout)
    checks = re.findall(r"^\S+Z \[([\w.-]+)\s*\] (SUCCESS|FAILURE|WARNING|SKIPPED|INFO)", plain, re.M)
    bad = [f"{id} {state}" for id, state in checks if state in ("FAILURE", "WARNING") and id not in case.except_for]
    good = sum(state == "SUCCESS" for _, state in checks)
    stale = [id for id in case.except_for if (id, "FAILURE") not in checks]
    well = not bad and not stale and good > 0 and (said.returncode == 0 or bool(case.except_for))
    told = f"{good} checks" if well else "; ".join(bad + [f"{id} no longer fails" for id in stale]) or plain[-300:]
    return well, told


async def warm_up(address: str, tool: str) -> None:
    """Call a tool once: the suite waits for some answers for a second, and a sandbox is made by its first request."""
    async with Client(address) as client:
        await client.call_tool(tool, {})


def main(every: bool) -> int:
    wanted = cases()
    failed = 0
    with serving("product") as product, serving("fixture") as fixture, ThreadPoolExecutor(2) as pool:
        anyio.run(warm_up, product, "list_tags")
        anyio.run(warm_up, fixture, "test_simple_text")
        addresses = {"product": product, "fixture": fixture, "": product}
        running = [(one, pool.submit(outcome, one, addresses[one.server])) for one in wanted if one.server or every]
        ended = {one: future.result() for one, future in running}
    print(f"{'version':12} {'scenario':46} {'server':8} outcome")
    for one in wanted:
        well, told = ended.get(one, (True, ""))
        if one.server:
            failed += not well
            word = "ok" if well else "FAILED"
        else:
            failed += every and well  # it applies after all
            word = "applies after all" if every and well else "not applicable:"
        print(f"{one.version:12} {one.scenario:46} {one.server or '-':8} {word} {told if one.server else one.why}")
    applied = sum(bool(one.server) for one in wanted)
    print(f"{applied} of {len(wanted)} apply; {applied - failed} as they should, {failed} not")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main("--every" in sys.argv[1:]))
