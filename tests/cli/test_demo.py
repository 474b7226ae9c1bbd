"""The first thing a newcomer sees, and the picture of it."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

ROOT = Path(__file__).parents[2]


def plain(text: str) -> str:
    """Without what differs from run to run: dates and ids."""
    text = re.sub(r' ?"seconds":\d+,', "", text)  # how long a job took is not the same on every machine
    return re.sub(r"[0-9]+", "0", text.strip())


def test_the_demo_ends_as_it_should_and_the_picture_shows_it() -> None:
    ended = subprocess.run([sys.executable, "-m", "ac_mcp", "demo"], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
    said = {plain(line) for line in ended.stdout.splitlines()}
    shown = re.findall(r">([^<]+)</text>", (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8"))
    assert len(shown) > 20
    for line in map(unescape, shown):
        begun = plain(line.removesuffix(" \u2026"))
        assert any(one.startswith(begun) if line.endswith("\u2026") else one == begun for one in said), line
