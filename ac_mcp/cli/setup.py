"""`ac-mcp setup`: this server in the configuration of a client; written for Claude Desktop, printed for the others."""

import json
import os
import shlex
import sys
import sysconfig
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from subprocess import list2cmdline
from urllib.parse import quote

from platformdirs import user_config_path

from ac_mcp.cli.client_config import NAME, SERVERS, CannotSetUp, plan_change
from ac_mcp.messages import Json
from ac_mcp.settings import OVER_HTTP, Settings

KEY = "MATON_API_KEY"
YOURS = "your key"
"""What stands for a secret where it is printed."""
HINT = " (with your own in the place of 'your key')"
CACHES = ("archive-v", "builds-v")
"""How folders of uv's cache begin that hold what `uvx` runs."""
Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Start:
    """How a client starts this server."""

    command: str
    args: Sequence[str]
    env: Mapping[str, str]

    @classmethod
    def of_this_program(cls, flags: Sequence[str], variables: Mapping[str, str], keyed: bool = True) -> "Start":
        """As it is started now: this very program, with the flags and settings of this command."""
        name = "ac-mcp.exe" if os.name == "nt" else "ac-mcp"
        script = Path(sysconfig.get_path("scripts")) / name
        command, first = (str(script), []) if script.is_file() else (sys.executable, ["-m", "ac_mcp"])
        known = [name for one in fields(Settings) if (name := one.metadata["variable"]) not in OVER_HTTP]
        given = {name: variables.get(name, "").strip() for name in known}
        env = {name: value for name, value in given.items() if value and not value.startswith("${")}
        if not keyed:
            env[KEY] = YOURS
        return cls(command, [*first, *flags], env)

    @property
    def keyless(self) -> bool:
        return YOURS in self.env.values()

    @property
    def hint(self) -> str:
        """What is to be done with it by hand where it is printed."""
        return "" if SECRET.isdisjoint(self.env) else HINT

    @property
    def is_temporary(self) -> bool:
        """Whether it stands in a cache, which may be emptied at any time, or is not installed at all."""
        cached = any(part.startswith(CACHES) for part in Path(self.command).parts)
        installed = "-m" not in self.args[:1] or "site-packages" in Path(__file__).parts
        return cached or not installed

    @property
    def public(self) -> dict[str, str]:
        """Its settings without what is secret in them."""
        return {name: YOURS if name in SECRET else value for name, value in self.env.items()}

    def to_json(self, shown: bool = False) -> Json:
        """As the field is written in most clients' files; shown, without its secrets."""
        env = self.public if shown else dict(self.env)
        return {"command": self.command, "args": list(self.args)} | ({"env": env} if env else {})


SECRET = {one.metadata["variable"] for one in fields(Settings) if not one.repr}


def desktop_file() -> Path:
    """Where Claude Desktop keeps its configuration on this system."""
    return user_config_path("Claude", appauthor=False, roaming=True) / "claude_desktop_config.json"


def cursor_link(start: Start) -> str:
    config = b64encode(json.dumps(start.to_json(shown=True)).encode()).decode()
    return f"cursor://anysphere.cursor-deeplink/mcp/install?name={NAME}&config={quote(config)}"


def vscode(start: Start) -> Json:
    """With a secret as an input: the editor asks for it and keeps it."""
    secrets = [name for name in start.env if name in SECRET]
    env = {name: f"${{input:{name}}}" if name in secrets else value for name, value in start.env.items()}
    inputs = [{"id": one, "type": "promptString", "description": one, "password": True} for one in secrets]
    server = {"type": "stdio", "command": start.command, "args": list(start.args)} | ({"env": env} if env else {})
    return {"servers": {NAME: server}} | ({"inputs": inputs} if inputs else {})


def vscode_link(start: Start) -> str:
    told = vscode(start)
    one = {"name": NAME, **told["servers"][NAME]} | ({"inputs": told["inputs"]} if "inputs" in told else {})
    return f"https://insiders.vscode.dev/redirect?url={quote('vscode:mcp/install?' + quote(json.dumps(one)), safe='')}"


def claude_code(start: Start) -> str:
    env = [word for name, value in start.public.items() for word in ("--env", f"{name}={value}")]
    words = ["claude", "mcp", "add", NAME, *env, "--", start.command, *start.args]
    return list2cmdline(words) if os.name == "nt" else shlex.join(words)


def codex(start: Start) -> str:
    env = "".join(f"{name} = {quoted(value)}\n" for name, value in start.public.items())
    head = f"[mcp_servers.{NAME}]\ncommand = {quoted(start.command)}\nargs = [{', '.join(map(quoted, start.args))}]\n"
    return head + (f"\n[mcp_servers.{NAME}.env]\n{env}" if env else "")


def quoted(text: str) -> str:
    """A string of TOML, which has no pairs of surrogates."""
    return json.dumps(text, ensure_ascii=False)


def servers(start: Start, word: str = SERVERS) -> str:
    return json.dumps({word: {NAME: start.to_json(shown=True)}}, indent=2)


def skill_file() -> Path:
    return Path(__file__).parents[1] / "skills" / NAME / "SKILL.md"


PRINTED: Mapping[str, Callable[[Start], str]] = {
    "claude-code": lambda start: f"Run this{start.hint}:\n\n{claude_code(start)}",
    "cursor": lambda start: (
        f"Into ~/.cursor/mcp.json{start.hint}:\n\n{servers(start)}\n\n"
        f"Or open this link{start.hint}:\n\n{cursor_link(start)}"
    ),
    "vscode": lambda start: (
        f"Into .vscode/mcp.json:\n\n{json.dumps(vscode(start), indent=2)}\n\nOr open this link:\n\n{vscode_link(start)}"
    ),
    "codex": lambda start: f"Into ~/.codex/config.toml{start.hint}:\n\n{codex(start)}",
    "termo": lambda start: f"Into ~/.termo-agent/config.json{start.hint}:\n\n{servers(start, 'mcp_servers')}",
    "skill": lambda start: (
        f"The skill for agents that work in a shell:\n\n{skill_file()}\n\n"
        f"For Claude Code: mkdir -p ~/.claude/skills && cp -r {shlex.quote(str(skill_file().parent))} ~/.claude/skills/"
    ),
    "other": lambda start: f"Most clients take this{start.hint}:\n\n{servers(start)}",
}
DESKTOP = "claude-desktop"
CLIENTS = (DESKTOP, *PRINTED)


def set_up(client: str, start: Start, *, path: Path | None, remove: bool, agreed: bool, show: Show) -> int:
    """0 where it is as it was asked for, 1 where nobody agreed.

    Raises:
        CannotSetUp: with the reason; then nothing was changed.
    """
    if client != DESKTOP:
        if remove or path or agreed:
            raise CannotSetUp(f"Only {DESKTOP} is written here; for {client} it is printed, to be put in or taken out.")
        show(PRINTED[client](start))
        return 0
    if not remove and start.keyless:
        raise CannotSetUp(f"{KEY} is not set: set it (maton.ai/settings), or add --sandbox. Nothing was changed.")
    if not remove and start.is_temporary:
        raise CannotSetUp(
            "This ac-mcp is in a cache, or not installed: install it first (pip, uv tool install). Nothing was changed."
        )
    path = path or desktop_file()
    wanted = plan_change(path, None if remove else start.to_json())
    if wanted is None:
        show(f"{path} is as it should be already.")
        return 0
    show(f"{path}\n\n{wanted.difference()}\n")
    if not (agreed or ask_to_confirm()):
        show("Nothing was changed. To write it: the same command with --yes")
        return 1
    backup = wanted.write()
    show(f"Written.{f' What stood there before, with its keys: {backup}' if backup else ''}")
    show(
        "Quit Claude Desktop and start it again."
        if remove
        else 'Quit Claude Desktop, start it again, and ask: "What is in my ActiveCampaign account?"'
    )
    return 0


def ask_to_confirm() -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stdout.write("Write it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
