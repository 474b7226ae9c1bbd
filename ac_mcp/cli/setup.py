"""`ac-mcp setup`: this server in a client's configuration, written for Claude Desktop and printed for other clients."""

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

KEY_VARIABLE = "MATON_API_KEY"
PLACEHOLDER = "your key"
"""Replaces a secret where a configuration is printed."""
PLACEHOLDER_HINT = " (with your own in the place of 'your key')"
UV_CACHE_PREFIXES = ("archive-v", "builds-v")
"""How uv names the folders of its cache from which `uvx` runs programs."""
Show = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ServerCommand:
    """The command and environment with which a client starts this server."""

    command: str
    args: Sequence[str]
    env: Mapping[str, str]

    @classmethod
    def of_this_program(
        cls, flags: Sequence[str], variables: Mapping[str, str], has_key: bool = True
    ) -> "ServerCommand":
        """Return the command that starts the running program with these flags and settings.

        `variables` is the environment, of which settings are copied. Without a key, a placeholder stands for it.
        """
        name = "ac-mcp.exe" if os.name == "nt" else "ac-mcp"
        script = Path(sysconfig.get_path("scripts")) / name
        command, first = (str(script), []) if script.is_file() else (sys.executable, ["-m", "ac_mcp"])
        names = [setting.metadata["variable"] for setting in fields(Settings)]
        values = {name: variables.get(name, "").strip() for name in names if name not in OVER_HTTP}
        # A host that leaves "${…}" unexpanded has no value for it.
        env = {name: value for name, value in values.items() if value and not value.startswith("${")}
        if not has_key:
            env[KEY_VARIABLE] = PLACEHOLDER
        return cls(command, [*first, *flags], env)

    @property
    def is_keyless(self) -> bool:
        """Whether a placeholder stands for the key."""
        return PLACEHOLDER in self.env.values()

    @property
    def hint(self) -> str:
        """The request to replace the placeholders in the printed configuration; "" if it has none."""
        return "" if SECRET_VARIABLES.isdisjoint(self.env) else PLACEHOLDER_HINT

    @property
    def is_temporary(self) -> bool:
        """Whether the program is in a cache, which may be emptied at any time, or is not installed."""
        cached = any(part.startswith(UV_CACHE_PREFIXES) for part in Path(self.command).parts)
        installed = "-m" not in self.args[:1] or "site-packages" in Path(__file__).parts
        return cached or not installed

    @property
    def public_env(self) -> dict[str, str]:
        """The environment with placeholders for secrets."""
        return {name: PLACEHOLDER if name in SECRET_VARIABLES else value for name, value in self.env.items()}

    def to_json(self, public: bool = False) -> Json:
        """Return the server's entry in the files of most clients; with `public`, placeholders stand for secrets."""
        entry: Json = {"command": self.command, "args": list(self.args)}
        if self.env:
            entry["env"] = self.public_env if public else dict(self.env)
        return entry


SECRET_VARIABLES = {setting.metadata["variable"] for setting in fields(Settings) if not setting.repr}


def desktop_file() -> Path:
    """Return the path of Claude Desktop's configuration on this system."""
    return user_config_path("Claude", appauthor=False, roaming=True) / "claude_desktop_config.json"


def cursor_link(server: ServerCommand) -> str:
    """Return the link that adds the server to Cursor."""
    config = b64encode(json.dumps(server.to_json(public=True)).encode()).decode()
    return f"cursor://anysphere.cursor-deeplink/mcp/install?name={NAME}&config={quote(config)}"


def vscode_config(server: ServerCommand) -> Json:
    """Return the content of VS Code's mcp.json: `{"servers": {name: entry}, "inputs": [...]}`.

    Secrets are inputs, which the editor asks for and stores.
    """
    secrets = [name for name in server.env if name in SECRET_VARIABLES]
    entry: Json = {"type": "stdio", "command": server.command, "args": list(server.args)}
    if server.env:
        entry["env"] = {name: f"${{input:{name}}}" if name in secrets else value for name, value in server.env.items()}
    config: Json = {"servers": {NAME: entry}}
    if secrets:
        config["inputs"] = [
            {"id": name, "type": "promptString", "description": name, "password": True} for name in secrets
        ]
    return config


def vscode_link(server: ServerCommand) -> str:
    """Return the link that adds the server to VS Code."""
    config = vscode_config(server)
    entry = {"name": NAME, **config["servers"][NAME]}
    if "inputs" in config:
        entry["inputs"] = config["inputs"]
    return (
        f"https://insiders.vscode.dev/redirect?url={quote('vscode:mcp/install?' + quote(json.dumps(entry)), safe='')}"
    )


def claude_code_command(server: ServerCommand) -> str:
    """Return the shell command that adds the server to Claude Code."""
    env = [word for name, value in server.public_env.items() for word in ("--env", f"{name}={value}")]
    words = ["claude", "mcp", "add", NAME, *env, "--", server.command, *server.args]
    return list2cmdline(words) if os.name == "nt" else shlex.join(words)


def codex_config(server: ServerCommand) -> str:
    """Return the server's tables for the config.toml of Codex."""
    args = ", ".join(map(toml_string, server.args))
    config = f"[mcp_servers.{NAME}]\ncommand = {toml_string(server.command)}\nargs = [{args}]\n"
    if server.env:
        env = "".join(f"{name} = {toml_string(value)}\n" for name, value in server.public_env.items())
        config += f"\n[mcp_servers.{NAME}.env]\n{env}"
    return config


def toml_string(text: str) -> str:
    """Return a TOML string: a JSON string, but without the surrogate pairs of ASCII output, which TOML forbids."""
    return json.dumps(text, ensure_ascii=False)


def json_config(server: ServerCommand, key: str = SERVERS) -> str:
    """Return the JSON that most clients take; `key` is the client's name for its servers."""
    return json.dumps({key: {NAME: server.to_json(public=True)}}, indent=2)


def skill_file() -> Path:
    """Return the path of the skill in this package."""
    return Path(__file__).parents[1] / "skills" / NAME / "SKILL.md"


INSTRUCTIONS: Mapping[str, Callable[[ServerCommand], str]] = {
    "claude-code": lambda server: f"Run this{server.hint}:\n\n{claude_code_command(server)}",
    "cursor": lambda server: (
        f"Into ~/.cursor/mcp.json{server.hint}:\n\n{json_config(server)}\n\n"
        f"Or open this link{server.hint}:\n\n{cursor_link(server)}"
    ),
    "vscode": lambda server: (
        f"Into .vscode/mcp.json:\n\n{json.dumps(vscode_config(server), indent=2)}\n\n"
        f"Or open this link:\n\n{vscode_link(server)}"
    ),
    "codex": lambda server: f"Into ~/.codex/config.toml{server.hint}:\n\n{codex_config(server)}",
    "termo": lambda server: f"Into ~/.termo-agent/config.json{server.hint}:\n\n{json_config(server, 'mcp_servers')}",
    "skill": lambda server: (
        f"The skill for agents that work in a shell:\n\n{skill_file()}\n\n"
        f"For Claude Code: mkdir -p ~/.claude/skills && cp -r {shlex.quote(str(skill_file().parent))} ~/.claude/skills/"
    ),
    "other": lambda server: f"Most clients take this{server.hint}:\n\n{json_config(server)}",
}
"""What is printed for each client that is not written to."""
DESKTOP = "claude-desktop"
CLIENTS = (DESKTOP, *INSTRUCTIONS)


def set_up(client: str, server: ServerCommand, *, path: Path | None, remove: bool, confirmed: bool, show: Show) -> int:
    """Add the server to a client, or remove it. Return 0 if that is done or printed, 1 if the user does not confirm.

    Raises:
        CannotSetUp: with the reason; nothing was changed then.
    """
    if client != DESKTOP:
        if remove or path or confirmed:
            raise CannotSetUp(f"Only {DESKTOP} is written here; for {client} it is printed, to be put in or taken out.")
        show(INSTRUCTIONS[client](server))
        return 0
    if not remove and server.is_keyless:
        raise CannotSetUp(
            f"{KEY_VARIABLE} is not set: set it (maton.ai/settings), or add --sandbox. Nothing was changed."
        )
    if not remove and server.is_temporary:
        raise CannotSetUp(
            "This ac-mcp is in a cache, or not installed: install it first (pip, uv tool install). Nothing was changed."
        )
    path = path or desktop_file()
    change = plan_change(path, None if remove else server.to_json())
    if change is None:
        show(f"{path} is as it should be already.")
        return 0
    show(f"{path}\n\n{change.diff()}\n")
    if not (confirmed or ask_to_confirm()):
        show("Nothing was changed. To write it: the same command with --yes")
        return 1
    backup = change.write()
    show(f"Written.{f' What stood there before, with its keys: {backup}' if backup else ''}")
    show(
        "Quit Claude Desktop and start it again."
        if remove
        else 'Quit Claude Desktop, start it again, and ask: "What is in my ActiveCampaign account?"'
    )
    return 0


def ask_to_confirm() -> bool:
    """Ask at the terminal and return whether the answer is yes; False without a terminal."""
    if not sys.stdin.isatty():
        return False
    sys.stdout.write("Write it? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")
