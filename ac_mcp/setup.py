"""`ac-mcp setup`: this server in the configuration of a client; written for Claude Desktop, printed for the others."""

import json
import os
import shlex
import sys
import sysconfig
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import unified_diff
from pathlib import Path
from typing import Any
from urllib.parse import quote

from platformdirs import user_config_path

from ac_mcp.request import Json, record
from ac_mcp.settings import OVER_HTTP, Settings

NAME = "activecampaign"
KEY = "MATON_API_KEY"
YOURS, HIDDEN = "your key", "***"
"""What stands for a secret where it is printed, to be filled in or not."""
SERVERS = "mcpServers"
Show = Callable[[str], None]


class CannotSetUp(Exception):
    """The text says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a client starts this server."""

    command: str
    args: Sequence[str]
    env: Mapping[str, str]

    @classmethod
    def here(cls, flags: Sequence[str], variables: Mapping[str, str]) -> "Start":
        """As it is started now: this very program, with the flags and settings of this command."""
        name = "ac-mcp.exe" if os.name == "nt" else "ac-mcp"
        script = Path(sysconfig.get_path("scripts")) / name
        command, first = (str(script), []) if script.is_file() else (sys.executable, ["-m", "ac_mcp"])
        known = [name for one in fields(Settings) if (name := one.metadata["variable"]) not in OVER_HTTP]
        env = {variable: variables[variable] for variable in known if variables.get(variable, "").strip()}
        if not ({KEY, "AC_API_URL"} & env.keys() or "--sandbox" in flags or "AC_MCP_SANDBOX" in env):
            env[KEY] = YOURS
        return cls(command, [*first, *flags], env)

    @property
    def keyless(self) -> bool:
        return YOURS in self.env.values()

    @property
    def passing(self) -> bool:
        """Whether it stands in the cache of `uvx`, which may be emptied at any time."""
        return any(part.startswith("archive-v") for part in Path(self.command).parts)

    def told(self, shown: bool = False) -> Json:
        """As the field is written in most clients' files; shown, without its secrets."""
        env = {name: YOURS if shown and name in SECRET else value for name, value in self.env.items()}
        return {"command": self.command, "args": list(self.args)} | ({"env": env} if env else {})


SECRET = {one.metadata["variable"] for one in fields(Settings) if not one.repr}


def desktop_file() -> Path:
    """Where Claude Desktop keeps its configuration on this system."""
    return user_config_path("Claude", appauthor=False, roaming=True) / "claude_desktop_config.json"


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of a client's file."""

    path: Path
    before: str
    """Its text; empty where there is none."""
    after: Json

    @property
    def text(self) -> str:
        return json.dumps(self.after, indent=2, ensure_ascii=False) + "\n"

    def difference(self) -> str:
        """What is said of this server, line by line and without secrets; others are not shown."""
        was, will = (
            json.dumps(own(told), indent=2).splitlines() for told in (parsed(self.path, self.before), self.after)
        )
        return "\n".join(list(unified_diff(was, will, n=99, lineterm=""))[3:])

    def write(self) -> Path | None:
        """The backup of what stood there, if anything did. The file is whole at every moment.

        Raises:
            CannotSetUp: where it cannot be written.
        """
        backup = None
        try:
            path = self.path.resolve()  # a link stays a link
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.before:
                backup = free(path)
                backup.write_text(self.before, encoding="utf-8")
                backup.chmod(path.stat().st_mode & 0o777)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.text)
            Path(temporary).chmod(0o600)
            Path(temporary).replace(path)
        except (OSError, ValueError) as error:
            raise CannotSetUp(f"{self.path} cannot be written ({error}). Nothing was changed.") from None
        return backup


def free(path: Path) -> Path:
    """A name for a backup that nothing has."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (path.with_name(f"{path.name}.{stamp}{f'-{n}' if n else ''}.bak") for n in range(1000))
    return next(name for name in names if not name.exists())


def own(told: Json) -> Json:
    """What a configuration says of this server, without the values it is given."""
    one = record(record(told.get(SERVERS)).get(NAME))
    if not one:
        return {SERVERS: {}}
    env = {"env": dict.fromkeys(record(one["env"]), HIDDEN)} if "env" in one else {}
    return {SERVERS: {NAME: one | env}}


def parsed(path: Path, text: str) -> Json:
    """Raises CannotSetUp for what is no JSON object: a file that is not understood is not touched."""
    try:
        told: Any = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError) as error:
        raise CannotSetUp(f"{path} is not JSON ({error}). Nothing was changed: mend it, or move it away.") from None
    if not isinstance(told, dict) or not isinstance(record(told).get(SERVERS, {}), dict):
        raise CannotSetUp(f"{path} does not hold an object with {SERVERS}. Nothing was changed.")
    return record(told)


def change(path: Path, start: Start | None) -> Change | None:
    """With this server in the file, or without it; None where that is so already.

    Raises:
        CannotSetUp: for a file that cannot be read or understood.
    """
    try:
        before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise CannotSetUp(f"{path} cannot be read ({error}). Nothing was changed.") from None
    told = parsed(path, before)
    servers = {name: one for name, one in told.get(SERVERS, {}).items() if name != NAME or start}
    servers |= {NAME: start.told()} if start else {}
    after = {**told, SERVERS: servers}
    return None if after == told or not (start or told) else Change(path, before, after)


def cursor_link(start: Start) -> str:
    config = b64encode(json.dumps(start.told(shown=True)).encode()).decode()
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
    env = [
        word for name in start.told(shown=True).get("env", {}) for word in ("--env", f"{name}={placed(start, name)}")
    ]
    return shlex.join(["claude", "mcp", "add", NAME, *env, "--", start.command, *start.args])


def placed(start: Start, name: str) -> str:
    return YOURS if name in SECRET else start.env[name]


def codex(start: Start) -> str:
    env = "".join(f"{name} = {json.dumps(placed(start, name))}\n" for name in start.env)
    head = f"[mcp_servers.{NAME}]\ncommand = {json.dumps(start.command)}\nargs = {json.dumps(list(start.args))}\n"
    return head + (f"\n[mcp_servers.{NAME}.env]\n{env}" if env else "")


def servers(start: Start, word: str = SERVERS) -> str:
    return json.dumps({word: {NAME: start.told(shown=True)}}, indent=2)


def skill_file() -> Path:
    return Path(__file__).parent / "skills" / NAME / "SKILL.md"


PRINTED: Mapping[str, Callable[[Start], str]] = {
    "claude-code": lambda start: f"Run this:\n\n{claude_code(start)}",
    "cursor": lambda start: (
        f"Into ~/.cursor/mcp.json:\n\n{servers(start)}\n\nOr open this link:\n\n{cursor_link(start)}"
    ),
    "vscode": lambda start: (
        f"Into .vscode/mcp.json:\n\n{json.dumps(vscode(start), indent=2)}\n\nOr open this link:\n\n{vscode_link(start)}"
    ),
    "codex": lambda start: f"Into ~/.codex/config.toml:\n\n{codex(start)}",
    "termo": lambda start: f"Into ~/.termo-agent/config.json:\n\n{servers(start, 'mcp_servers')}",
    "skill": lambda start: (
        f"The skill for agents that work in a shell:\n\n{skill_file()}\n\n"
        f"For Claude Code: mkdir -p ~/.claude/skills && cp -r {shlex.quote(str(skill_file().parent))} ~/.claude/skills/"
    ),
    "other": lambda start: f"Most clients take this:\n\n{servers(start)}",
}
DESKTOP = "claude-desktop"
CLIENTS = (DESKTOP, *PRINTED)


def set_up(client: str, start: Start, *, path: Path | None, remove: bool, agreed: bool, show: Show) -> int:
    """0 where it is as it was asked for, 1 where nobody agreed.

    Raises:
        CannotSetUp: with the reason; then nothing was changed.
    """
    if client != DESKTOP:
        if remove:
            raise CannotSetUp(f"Only {DESKTOP} is written here; take it out where you put it.")
        show(PRINTED[client](start))
        return 0
    if not remove and start.keyless:
        raise CannotSetUp(f"{KEY} is not set: set it (maton.ai/settings), or add --sandbox. Nothing was changed.")
    if not remove and start.passing:
        raise CannotSetUp(
            "This ac-mcp is in a cache that may be emptied: install it first (uv tool install). Nothing was changed."
        )
    path = path or desktop_file()
    wanted = change(path, None if remove else start)
    if wanted is None:
        show(f"{path} is as it should be already.")
        return 0
    show(f"{path}\n\n{wanted.difference()}\n")
    if not (agreed or confirmed()):
        show("Nothing was changed. To write it: the same command with --yes")
        return 1
    backup = wanted.write()
    show(f"Written.{f' What stood there before: {backup}' if backup else ''}")
    show(
        "Quit Claude Desktop and start it again."
        if remove
        else 'Quit Claude Desktop, start it again, and ask: "What is in my ActiveCampaign account?"'
    )
    return 0


def confirmed() -> bool:
    if not sys.stdin.isatty():
        return False
    sys.stdout.write("Write it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
