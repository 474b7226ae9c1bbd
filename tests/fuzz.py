"""Malformed JSON-RPC and malformed arguments, against a server over stdio and against every tool.

    python -m tests.fuzz [MESSAGES]

Half of them are messages to `ac-mcp` as a process: raw bytes, broken JSON, broken JSON-RPC, and calls with arguments of
any shape. After each hundred a proper call has to be answered. The other half are arguments for every tool, inside the
process. Both work on a sandbox that notes what it was sent: no malformed message may write.
"""

import asyncio
import json
import os
import random
import string
import sys
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ToolError
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.sandbox import Sandbox
from ac_mcp.spec.json_schema import input_schema
from tests.support import VirtualLoop, trial

PATIENCE = 20.0
"""Seconds after which a server that says nothing hangs."""
TOOLS = list(OPERATIONS)
QUIET: list[HealthCheck] = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=40),
    st.sampled_from(["", " ", "../", "1\n", "name:", "\u202e", "\ud83d\ude00", "0", "-1", "NaN", "[", "{}", "%00"]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, Json]:
    """A tool with arguments of any shape, among them its own names; one at least is wrong."""
    tool = draw(st.sampled_from(TOOLS))
    known = list(input_schema(OPERATIONS[tool])["properties"])
    names = st.sampled_from(known) | st.text(max_size=12) if known else st.text(max_size=12)
    arguments = draw(st.dictionaries(names, values, max_size=5))
    wrong = draw(st.text(string.ascii_lowercase, min_size=13, max_size=20))
    return tool, {**arguments, wrong: draw(values.filter(lambda value: value is not None))}


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One line for the server, more or less JSON-RPC."""
    shape = draw(st.integers(0, 9))
    tool, arguments = draw(calls())
    message: Any = {
        "jsonrpc": "2.0", "id": draw(st.integers(1000, 10**9)), "method": "tools/call",
        "params": {"name": tool, "arguments": arguments},
    }  # fmt: skip
    match shape:
        case 0:
            return draw(st.binary(max_size=200)).replace(b"\n", b"")
        case 1:
            text = json.dumps(message)
            place = draw(st.integers(0, len(text)))
            return (
                (text[:place] + draw(st.text(max_size=3)) + text[place + draw(st.integers(0, 3)) :])
                .replace("\n", "")
                .encode(errors="replace")
            )
        case 2:
            message[draw(st.sampled_from(["jsonrpc", "id", "method", "params"]))] = draw(values)
        case 3:
            del message[draw(st.sampled_from(["jsonrpc", "id", "method", "params"]))]
        case 4:
            message["params"][
                draw(st.sampled_from(["name", "arguments", "_meta", "inputResponses", "requestState"]))
            ] = draw(values)
        case 5:
            message["method"] = draw(
                st.sampled_from(
                    [
                        "resources/read",
                        "prompts/get",
                        "completion/complete",
                        "tools/list",
                        "ping",
                        "initialize",
                        "nonsense",
                        "logging/setLevel",
                        "notifications/cancelled",
                    ]
                )
            )
            message["params"] = draw(values)
        case 6:
            message = [message, draw(values)]
        case 7:
            message = draw(values)
        case 8:
            depth = draw(st.sampled_from([50, 500, 5000]))
            return (
                b'{"jsonrpc":"2.0","id":1001,"method":"tools/call","params":{"name":"get_tag","arguments":{"tag":'
                + b"[" * depth
                + b"]" * depth
                + b"}}}"
            )
        case _:
            pass
    return json.dumps(message).encode()


def drawn(strategy: st.SearchStrategy[Any], count: int, number: int) -> list[Any]:
    """So many examples, the same ones for the same number."""
    found: list[Any] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=QUIET,
    )
    @given(strategy)
    def draw(example: Any) -> None:
        found.append(example)

    draw()
    while len(found) < count:  # what hypothesis holds for a repetition is one here too
        found += random.Random(number).sample(found, min(len(found), count - len(found)))
    return found[:count]


@dataclass
class Outcome:
    """What went wrong; all empty if nothing did."""

    sent: int = 0
    crashes: list[str] = field(default_factory=list[str])
    hangs: list[str] = field(default_factory=list[str])
    writes: list[str] = field(default_factory=list[str])


async def over_stdio(lines: list[bytes], outcome: Outcome) -> None:
    """One process after another, if one should die; after each hundred lines a proper call."""
    sandbox = Sandbox(rate=None)
    with closing(sandbox):
        served = await sandbox.serve(0)
        port = served.sockets[0].getsockname()[1]
        process = await started(port)
        for place in range(0, len(lines), 100):
            process = await hundred(process, port, lines[place : place + 100], place, outcome)
        assert process.stdin
        process.stdin.close()
        if await asyncio.wait_for(process.wait(), PATIENCE):
            outcome.crashes.append(f"exit code {process.returncode}")
        served.close()
        outcome.writes += [f"{one.method} {one.path}" for one in sandbox.requests if one.method != "GET"]


async def hundred(
    process: asyncio.subprocess.Process, port: int, lines: list[bytes], place: int, outcome: Outcome
) -> asyncio.subprocess.Process:
    """The process that goes on: the same one, unless it died or hangs."""
    try:
        for line in lines:
            assert process.stdin
            process.stdin.write(line + b"\n")
            outcome.sent += 1
        await asyncio.wait_for(asked(process, place), PATIENCE)
    except TimeoutError:
        outcome.hangs.append(f"in lines {place} to {place + len(lines)}")
    except (ConnectionError, EOFError, OSError, ValueError) as error:
        outcome.crashes.append(f"{type(error).__name__} in lines {place} to {place + len(lines)}")
    else:
        return process
    process.kill()
    await process.wait()
    return await started(port)


async def started(port: int) -> asyncio.subprocess.Process:
    environ = {
        "MATON_API_KEY": "sandbox",
        "MATON_API_BASE_URL": f"http://127.0.0.1:{port}",
        "AC_MCP_STATE_DIR": "memory",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ac_mcp", "--log-level", "CRITICAL", env={**os.environ, **environ},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, limit=2**24,
    )  # fmt: skip
    opening = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "fuzz", "version": "0"}}
    assert process.stdin
    for message in (
        {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": opening},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
    ):
        process.stdin.write(json.dumps(message).encode() + b"\n")
    return process


async def asked(process: asyncio.subprocess.Process, id: int) -> None:
    """A proper call is answered; every line before it is JSON-RPC too."""
    call: Json = {
        "jsonrpc": "2.0",
        "id": f"proper-{id}",
        "method": "tools/call",
        "params": {"name": "list_pipelines", "arguments": {}},
    }
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(call).encode() + b"\n")
    await process.stdin.drain()
    while True:
        line = await process.stdout.readline()
        if not line:
            raise EOFError("stdout ended")
        said = json.loads(line)
        if said.get("id") == f"proper-{id}":
            assert "Sales" in json.dumps(said["result"])
            return


async def in_process(given: list[tuple[str, Json]], outcome: Outcome) -> None:
    """Malformed arguments for every tool, and what the account was sent because of them."""
    async with trial() as one:
        for tool, arguments in given:
            outcome.sent += 1
            try:
                answer = await execute(one.account, OPERATIONS[tool], arguments)
                outcome.crashes.append(f"{tool} took {arguments!r}: {answer!r}"[:300])
            except ToolError:
                pass
            except Exception as error:  # whatever else gets out is a crash
                outcome.crashes.append(f"{tool} {arguments!r}: {error!r}"[:300])
        outcome.writes += [line for line in one.requests if not line.startswith("GET")]


def fuzzed(count: int, number: int = 20261124) -> Outcome:
    """`count` messages and calls together."""
    outcome = Outcome()
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(in_process(drawn(calls(), count // 2, number), outcome))
    asyncio.run(over_stdio(drawn(messages(), count - count // 2, number), outcome))
    return outcome


def main() -> None:
    outcome = fuzzed(int((sys.argv[1:] or ["20000"])[0]))
    told = {"crashes": outcome.crashes, "hangs": outcome.hangs, "upstream writes": outcome.writes}
    sys.stdout.write(
        f"{outcome.sent} messages: " + ", ".join(f"{len(one)} {name}" for name, one in told.items()) + "\n"
    )
    for one in (*outcome.crashes, *outcome.hangs, *outcome.writes):
        sys.stdout.write(f"  {one}\n")
    sys.exit(bool(outcome.crashes or outcome.hangs or outcome.writes))


if __name__ == "__main__":
    main()
