"""Every client against this server, over stdio and HTTP: prints the matrix of client, era, transport and outcome.

python -m tests.clients --install    makes an environment for each, pinned by examples/requirements (needs the network)
python -m tests.clients              runs them; no network, no language model

The environments are in the folder CLIENTS names (else in the temporary one), the Inspector in NODE_TOOLS (see .ci/run).
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.model import standing_in
from tests.clients.relay import listening, spoken
from tests.conformance.__main__ import TOOLS, serving

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
HOME = Path(os.environ.get("CLIENTS") or Path(tempfile.gettempdir()) / "ac-mcp-clients")
SERVER = [sys.executable, "-m", "ac_mcp", "--sandbox"]
COUNTED, TAGGED, ADVICE = (
    '{"count":12,',
    '{"result":"tagged","contact":"bob@initech.example"',
    "Next: tag_contact(contact=",
)
AGENT = ("tools 62", f"answer {COUNTED}", f"answer {TAGGED}", "refused ", ADVICE)
SECONDS = 120


@dataclass(frozen=True, slots=True)
class Client:
    """One of them, in one way; `shows` is what its run has to print."""

    name: str
    script: str
    shows: tuple[str, ...] = AGENT
    environment: dict[str, str] = field(default_factory=dict[str, str])
    inspector: tuple[str, ...] = ()


PLAIN = ("mcp_client", "fastmcp_client", "pydantic_ai_agent", "openai_agents_agent", "langchain_agent")
LISTING = ("--method", "tools/list", "--strict", "--format", "json")
CALLING = ("--method", "tools/call", "--tool-name", "count_contacts", "--tool-args-json", '{"where":["tag=VIP"]}')
CLIENTS = (
    Client("mcp.Client", "mcp_client", environment={"ERA": "legacy"}),
    Client("mcp.Client", "mcp_client"),
    Client("fastmcp", "fastmcp_client"),
    Client("pydantic-ai", "pydantic_ai_agent"),
    Client("openai-agents", "openai_agents_agent"),
    Client("langchain + langgraph", "langchain_agent"),
    Client("termo-agent, Claude Code", "termo_launcher", ("state connected", "tools 62", f"answer {COUNTED}")),
    *(
        Client(f"Inspector, {what}", "", (shown,), inspector=("--protocol-era", era, *how))
        for era in ("legacy", "modern")
        for what, how, shown in (
            ("lists strictly", LISTING, '"write_operation"'),
            ("calls", CALLING, COUNTED.replace('"', '\\"')),
        )
    ),
)


def installed(client: Client) -> bool:
    return (TOOLS / ".bin" / "mcp-inspector").exists() if client.inspector else python(client.script).exists()


def python(script: str) -> Path:
    return HOME / script / "bin" / "python"


def install() -> None:
    """An environment for each of them, of its own."""
    uv = [sys.executable, "-m", "uv", "--quiet"]
    for file in sorted((EXAMPLES / "requirements").glob("*.txt")):
        if not python(file.stem).exists():
            subprocess.run([*uv, "venv", "--python", sys.executable, HOME / file.stem], check=True)
        subprocess.run([*uv, "pip", "install", "--python", python(file.stem), "-r", file], check=True)


@contextmanager
def reached(transport: str, kept: bytearray, folder: Path) -> Generator[list[str]]:
    """What a client is given to reach a fresh server, and, at its end, what it sent."""
    if transport == "HTTP":
        with serving("product") as address, listening(address, kept) as door:
            yield [door]
        return
    log = folder / "sent"
    yield [sys.executable, str(Path(__file__).parent / "relay.py"), str(log), *SERVER]
    kept += log.read_bytes() if log.exists() else b""


def tried(client: Client, transport: str, model: str) -> tuple[str, str]:
    """The version that was spoken and "ok", or what went wrong."""
    kept = bytearray()
    surrounding = {**os.environ, "PYTHONPATH": str(ROOT), "ANTHROPIC_BASE_URL": model, "ANTHROPIC_API_KEY": "none"}
    with tempfile.TemporaryDirectory() as folder:
        with reached(transport, kept, Path(folder)) as target:
            command: list[str | Path]
            if client.inspector:
                how = ["--transport", "http"] if transport == "HTTP" else []
                command = [TOOLS / ".bin" / "mcp-inspector", "--cli", *target, *how, *client.inspector]
                surrounding["PATH"] = f"{TOOLS / '.bin'}{os.pathsep}{os.environ['PATH']}"
            else:
                command = [python(client.script), EXAMPLES / f"{client.script}.py", *target]
            ended = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, env=surrounding | client.environment
            )
        plain = ended.stdout.replace('\\"', '"') if not client.inspector else ended.stdout
        missing = [each for each in client.shows if each not in plain]
    if ended.returncode or missing:
        return spoken(bytes(kept)), f"FAILED {missing} {ended.returncode} {ended.stdout[-500:]} {ended.stderr[-800:]}"
    return spoken(bytes(kept)), "ok"


def main() -> int:
    if "--install" in sys.argv[1:]:
        install()
        return 0
    cells = [(client, transport) for client in CLIENTS for transport in ("stdio", "HTTP")]
    with standing_in() as model, ThreadPoolExecutor(2) as pool:
        running = [pool.submit(tried, *cell, model) if installed(cell[0]) else None for cell in cells]
        ended = [one.result() if one else ("", "not installed") for one in running]
    print(f"{'client':28} {'era':12} {'transport':10} outcome")
    for (client, transport), (era, said) in zip(cells, ended, strict=True):
        print(f"{client.name:28} {era:12} {transport:10} {said}")
    good = sum(said == "ok" for _, said in ended)
    print(f"{good} of {len(cells)} cells ok")
    return 0 if good == len(cells) else 1


if __name__ == "__main__":
    sys.exit(main())
