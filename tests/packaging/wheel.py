"""The wheel and the source archive, in a clean environment of every Python there is from 3.11 on."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.packaging.trying import ROOT, Failed, tried

NEWEST = 15
UV = [sys.executable, "-m", "uv"]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    ended = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=cwd, timeout=300)
    if ended.returncode:
        raise Failed(f"{' '.join(map(str, command))[:200]} ended with {ended.returncode}: {ended.stderr[-800:]}")
    return ended.stdout


def pythons() -> dict[str, str]:
    """One interpreter of each version from 3.11 on: of the search path, or installed by pyenv."""
    found: dict[str, str] = {}
    kept = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    named = [shutil.which(f"python3.{minor}") for minor in range(11, NEWEST + 1)]
    for one in [sys.executable, *map(str, kept), *filter(None, named)]:
        asked = [one, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, text=True)
        version = said.stdout.strip()
        if said.returncode == 0 and re.fullmatch(r"3\.\d+", version) and int(version[2:]) >= 11:
            found.setdefault(version, one)
    return dict(sorted(found.items()))


def check(folder: Path) -> Iterator[str]:
    run(*UV, "build", "-q", "--sdist", "--wheel", "-o", folder, ROOT)
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    for version, python in pythons().items():
        for archive in (wheel, source) if python == sys.executable else (wheel,):
            home = folder / f"env-{version}-{archive.suffix[1:]}"
            run(*UV, "venv", "-q", "--python", python, home)
            run(*UV, "pip", "install", "-q", "--python", home / "bin" / "python", archive)
            script = str(home / "bin" / "ac-mcp")
            said = {
                run(script, "--version", cwd=folder),
                run(home / "bin" / "python", "-m", "ac_mcp", "--version", cwd=folder),
            }
            if len(said) != 1:
                raise Failed(f"two versions: {said}")
            tools = tried([script, "--sandbox"])
            run(script, "call", "--sandbox", "describe_account", cwd=folder)
            yield f"Python {version}, {archive.name}: {said.pop().strip()}, {len(tools)} tools"
    version = run(*UV, "tool", "run", "-q", "--from", wheel, "ac-mcp", "--version", cwd=folder).strip()
    yield f"uvx --from {wheel.name} ac-mcp: {version}"
