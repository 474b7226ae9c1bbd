"""The plugin of Claude Code, with the real Claude Code: valid, installed from this folder, its server connected."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.clients.__main__ import HOME
from tests.packaging.trying import ROOT, Failed, tried


def claude() -> Path:
    """As the Claude Agent SDK brings it, in the environment of the Termo launcher."""
    (found,) = (HOME / "termo_launcher").glob("lib/python3*/site-packages/claude_agent_sdk/_bundled/claude")
    return found


def of_project(path: str) -> Iterator[str]:
    """The server as .mcp.json starts it for whoever works in this folder."""
    one = json.loads((ROOT / ".mcp.json").read_text(encoding="utf-8"))["mcpServers"]["activecampaign"]
    given = {"AC_MCP_SANDBOX": "true"}
    expanded = {
        name: re.sub(r"\$\{(\w+):-(.*?)\}", lambda found: given.get(found[1], found[2]), value)
        for name, value in one["env"].items()
    }
    names = tried([one["command"], *one["args"]], {**os.environ, "PATH": path, **expanded})
    yield f".mcp.json: {len(names)} tools"


def check(folder: Path) -> Iterator[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where uvx is
    env = {**os.environ, "HOME": str(folder), "CLAUDE_CONFIG_DIR": str(folder), "PATH": path}

    def said(*words: str) -> str:
        ended = subprocess.run(
            [claude(), *words],
            capture_output=True,
            text=True,
            env=env,
            cwd=folder,
            timeout=180,
            stdin=subprocess.DEVNULL,
        )
        if ended.returncode:
            raise Failed(f"claude {' '.join(words)}: {ended.stdout[-600:]}{ended.stderr[-600:]}")
        return ended.stdout

    if "Validation passed" not in (told := said("plugin", "validate", str(ROOT))):
        raise Failed(told)
    if "warning" in told:
        raise Failed(told)
    said("plugin", "marketplace", "add", str(ROOT))
    said("plugin", "install", "activecampaign@ac-mcp", "--config", "sandbox=true")
    health = said("mcp", "list")
    if f"uvx --from {ROOT} ac-mcp - ✔ Connected" not in health:
        raise Failed(health)
    details = said("plugin", "details", "activecampaign")
    if "Skills (1)  activecampaign" not in details:
        raise Failed(details)
    yield f"{said('--version').strip()}: plugin valid, installed, skill found, server connected"
    yield from of_project(path)
