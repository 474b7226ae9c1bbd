"""Every command in README, the docs and the skill is run: here on the sandbox, or where this says."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from ac_mcp.cli.main import COMMANDS as CLI
from ac_mcp.cli.main import parser, run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "ac_mcp/skills/activecampaign/SKILL.md", *sorted((ROOT / "docs").glob("*.md"))]
CI = (ROOT / ".ci/run").read_text(encoding="utf-8")
ELSEWHERE = {
    r"python3 -m venv .*": ".ci/run",
    r"python -m tests\.(clients|conformance|packaging)( --install| --every)?": ".ci/run",
    r"claude plugin (marketplace add \.|install activecampaign@ac-mcp)": "tests/packaging/plugin.py",
    r"mcpb pack": "tests/packaging/bundle.py",
    r"mcp-inspector --cli .*": "tests/clients/__main__.py",
    r"docker compose up": "compose.yaml",  # there is no engine where this is tested: docs/hosting.md says so
    r"pip install \.\[redis\]": "Dockerfile",
}
"""What other programs do, and the file that runs it."""
SERVES = ("--http", "sandbox")
"""Commands that do not end by themselves: tests/server and tests/sandbox run them."""


ENDS = {"ac-mcp call undo_change change=12": 2}
"""Those that are about what was done before."""


def unfinished(command: str, words: list[str]) -> bool:
    """A command that is only named, or has a word in capitals or an ellipsis in the place of something."""
    named = words[1:] in (["call"], ["setup"], ["tools"], ["--help"], ["--sandbox", "--http"])
    return named or "\u2026" in command or bool(re.search(r"\b(TOOL|NAME|FILE|WORDS|CLIENT|HOST:PORT)\b", command))


def commands() -> Iterator[tuple[str, str]]:
    """The page and each command in its code blocks and code spans."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^    (\S.*)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
        spans = re.findall(r"`((?:\.venv/bin/)?(?:ac-mcp|claude|mcpb|docker|python -m|pip) [^`]+)`", text)
        for found in (*blocks, *spans):
            if re.match(r"(\.venv/bin/|[A-Z_]+=\S+ )*(ac-mcp|claude|mcpb|docker|python3?|pip|mcp-inspector)\b", found):
                yield page.name, re.sub(r"\s+# .*$", "", found)


COMMANDS = sorted(set(commands()))


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) > 40


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_documented_command_works(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("MATON_API_KEY", "AC_API_URL", "AC_API_TOKEN", "MATON_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    words = shlex.split(re.sub(r"\s*\u2026.*$", "", command.replace("=\u2026", "=x")))
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    if where := next((file for shape, file in ELSEWHERE.items() if re.fullmatch(shape, " ".join(words))), ""):
        assert (ROOT / where).is_file()
        assert where != ".ci/run" or " ".join(words).split(" --")[0].split(" && ")[0] in CI.replace(".venv/bin/", "")
        return
    if words[:2] == ["python", "-m"]:
        assert importlib.util.find_spec(words[2])
        return
    assert words[0].removeprefix(".venv/bin/") == "ac-mcp", f"{command!r} of {page} is run nowhere"
    if unfinished(command, words):
        assert words[1].startswith("--") or words[1] in {name for name, _, _ in CLI}
        return
    if words[1] == "demo":
        return  # tests/cli/test_demo.py
    if words[1] in SERVES or "--http" in words:
        parser().parse_args(words[1:])
        return
    monkeypatch.setenv("AC_MCP_SANDBOX", "true")
    monkeypatch.chdir(tmp_path)
    if words[1:3] == ["setup", "claude-desktop"]:
        words += ["--file", str(tmp_path / "desktop.json"), "--yes"]
    if "--new" in words:
        parser().parse_args(words[1:])  # tests/cli/test_connect.py
        return
    code = run([word.replace("acme", "northwind") if words[1] == "connect" else word for word in words[1:]])
    said = capsys.readouterr()
    assert code == ENDS.get(command, 0) or (code == 3 and "the same command with --yes" in said.err), (
        command,
        said.err,
    )
