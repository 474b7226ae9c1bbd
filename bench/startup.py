"""How long a client waits: from the spawn of the server to its first list of tools, beside a bare server of the SDK.

python -m bench.startup [ROUNDS]    turn by turn in one run, so that both meet the same machine
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare", log_level="ERROR")
for number in range({number}):
    def tool(contact: str, tag: str = "", limit: int = 20) -> str:
        "Add a tag to a contact: mark, flag or label a person."
        return contact
    server.add_tool(tool, name=f"tool_{{number}}")
server.run()
"""
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}


def waited(command: list[str]) -> tuple[float, int]:
    """Seconds until the list is there, and how many tools are in it."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin
    assert process.stdout
    for message in (HELLO, READY, LIST):
        process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    while (answer := json.loads(process.stdout.readline())).get("id") != 2:
        pass
    seconds = time.perf_counter() - began
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
    return seconds, len(answer["result"]["tools"])


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ours = [sys.executable, "-m", "ac_mcp"]
        state = ["--sandbox"]
        _, number = waited([*ours, *state])
        script = Path(folder) / "bare.py"
        script.write_text(BARE.format(number=number), encoding="utf-8")
        commands = {
            "bare MCPServer": [sys.executable, str(script)],
            "ac-mcp --sandbox": [*ours, *state],
            "ac-mcp, all tools": [*ours, *state, "--toolsets", "all"],
            "import mcp alone": [],
        }
        for command in commands.values():  # bytecode is written once
            if command:
                waited(command)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                if command:
                    taken[name].append(waited(command)[0])
                else:
                    began = time.perf_counter()
                    subprocess.run([sys.executable, "-c", "import mcp"], check=True)
                    taken[name].append(time.perf_counter() - began)
    base = statistics.median(taken["bare MCPServer"])
    print(f"{number} tools, {rounds} rounds, seconds: median (least to most), ratio of medians to the bare server")
    for name, seconds in taken.items():
        middle = statistics.median(seconds)
        print(f"{name:18} {middle:.3f} ({min(seconds):.3f} to {max(seconds):.3f})  {middle / base:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
