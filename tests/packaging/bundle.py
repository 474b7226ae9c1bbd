"""The MCP bundle: packed, unpacked, and its server started as the manifest says."""

import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.conformance.__main__ import TOOLS
from tests.packaging.trying import ROOT, Failed, tried
from tests.packaging.wheel import run

MCPB = TOOLS / ".bin" / "mcpb"
OUTSIDE = re.compile(r"(^|/)(tests|bench|\.git|\.ci|\.venv|node_modules|__pycache__)/")
"""What has no place in it."""
MOST = 3_000_000


def filled(text: str, folder: Path, config: Mapping[str, str]) -> str:
    """As a host fills in the manifest."""
    text = text.replace("${__dirname}", str(folder))
    return re.sub(r"\$\{user_config\.(\w+)\}", lambda found: config.get(found[1], found[0]), text)


def check(folder: Path) -> Iterator[str]:
    packed, unpacked = folder / "ac-mcp.mcpb", folder / "unpacked"
    run(MCPB, "validate", ROOT / "manifest.json")
    run(MCPB, "pack", ROOT, packed)
    with zipfile.ZipFile(packed) as archive:
        if wrong := [name for name in archive.namelist() if OUTSIDE.search(name)]:
            raise Failed(f"it holds {wrong[:5]}")
        archive.extractall(unpacked)
        number = len(archive.namelist())
    if (size := packed.stat().st_size) > MOST:
        raise Failed(f"it has {size} bytes")
    yield f"mcpb validate and pack: {size:,} bytes, {number} files"
    manifest: dict[str, Any] = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))
    start = manifest["server"]["mcp_config"]
    defaults = {name: one["default"] for name, one in manifest["user_config"].items() if "default" in one}
    config = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in defaults.items()}
    config |= {"sandbox": "true"}
    given = {name: filled(value, unpacked, config) for name, value in start["env"].items()}
    env = {**os.environ, **given, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    names = tried([start["command"], *(filled(word, unpacked, config) for word in start["args"])], env)
    if names != [tool["name"] for tool in manifest["tools"]]:
        raise Failed("its tools are not those of the manifest")
    yield f"started as the manifest says: {len(names)} tools, those it lists"
