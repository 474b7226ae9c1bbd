"""What the command line takes: options of every command, and of each."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HTTP = "serve many callers over HTTP there, such as 127.0.0.1:8765, instead of one on stdio"


def shared_options() -> ArgumentParser:
    """Those of every command; what is not given is not there."""
    shared = ArgumentParser(add_help=False, argument_default=SUPPRESS)
    shared.add_argument("--sandbox", action="store_true", help="use the built-in account; no key needed")
    shared.add_argument("--state", type=Path, metavar="FILE", help="keep the sandbox in this file")
    shared.add_argument(
        "--size", choices=("small", "medium", "large"), help="of the sandbox: 60, 2,000 or 100,000 contacts"
    )
    shared.add_argument("--number", type=int, help="which sandbox company: the same number, the same data")
    shared.add_argument("--multi-account", action="store_true", help="let each call choose its Maton connection")
    shared.add_argument("--read-only", action="store_true", help="only tools that read; wins over all else")
    shared.add_argument("--toolsets", metavar="A,B", help="only these toolsets, such as contacts,deals")
    shared.add_argument("--tools", metavar="A,B,-C", help="only these, beside those toolsets; --tools=-c leaves c out")
    shared.add_argument("--confirm", metavar="WHEN", help="which writes wait for a yes: auto, deletes, always or never")
    shared.add_argument("--hide-user-content", action="store_true", help="leave the account's free text out")
    shared.add_argument(
        "--allow-default-connection",
        dest="allow_default",
        action="store_true",
        help="write to the oldest connection where there are several",
    )
    shared.add_argument(
        "--accept-caller-keys", action="store_true", help="over HTTP: each caller may bring a Maton key of their own"
    )
    shared.add_argument("--log-level", metavar="LEVEL", help="what is logged on stderr (default WARNING)")
    return shared


def flags(asked: Namespace) -> list[str]:
    """The options of this command that another one, or a server, is to be given too."""
    given: list[str] = []
    for name in ("sandbox", "multi_account", "read_only", "hide_user_content"):
        given += [f"--{name.replace('_', '-')}"] if hasattr(asked, name) else []
    given += ["--allow-default-connection"] if hasattr(asked, "allow_default") else []
    for name in ("size", "number", "toolsets", "tools", "confirm", "log_level"):
        given += [f"--{name.replace('_', '-')}={getattr(asked, name)}"] if hasattr(asked, name) else []
    return given + ([f"--state={asked.state.absolute()}"] if hasattr(asked, "state") else [])


def arguments_of(name: str, one: ArgumentParser) -> None:
    for words, options in OF_COMMANDS.get(name, ()):
        one.add_argument(*words, **options)


YES_NO: dict[str, Any] = {"action": "store_true"}
MANY: dict[str, Any] = {"action": "append", "default": []}
OF_COMMANDS: Mapping[str, Sequence[tuple[tuple[str, ...], dict[str, Any]]]] = {
    "serve": [(("--http",), {"metavar": "HOST:PORT", "default": SUPPRESS, "help": HTTP})],
    "health": [(("--http",), {"metavar": "HOST:PORT", "default": SUPPRESS, "help": "where; else as process 1 says"})],
    "call": [
        (("tool",), {"help": "name of the tool, see ac-mcp tools"}),
        (("arguments",), {"nargs": "*", "help": "one JSON object, or name=value ..."}),
        (("--dry-run",), YES_NO | {"help": "show what a write would do, and do nothing"}),
        (("--csv",), YES_NO | {"help": "print the rows as CSV, safe to open in a spreadsheet"}),
        (("--yes",), YES_NO | {"help": "agree to a write that would ask"}),
    ],
    "export": [
        (("what",), {"choices": ("contacts", "deals")}),
        (("file",), {"help": "a new file: .csv, or .jsonl for JSON Lines"}),
        (("--where",), MANY | {"metavar": "CONDITION", "help": "such as tag=VIP; repeatable"}),
        (("--fields",), MANY | {"metavar": "TITLE", "help": "a custom field; repeatable"}),
    ],
    "tools": [
        (("search",), {"nargs": "*", "help": "a tool's name, or what is to be done in plain words"}),
        (("--json",), YES_NO | {"help": "with schemas, for programs"}),
    ],
    "connect": [
        (("--new",), YES_NO | {"help": "another account, though one is connected"}),
        (("--use",), {"default": "", "metavar": "NAME", "help": "the connection of that name or id from now on"}),
        (("--name",), {"default": "", "help": "what it is called; else as the account is"}),
        (("--no-browser",), YES_NO | {"help": "only print the link"}),
    ],
    "setup": [
        (("client",), {"help": "claude-desktop, claude-code, cursor, vscode, codex, termo, skill or other"}),
        (("--remove",), YES_NO | {"help": "take it out again"}),
        (("--yes",), YES_NO | {"help": "write without asking"}),
        (("--file",), {"type": Path, "help": "another file than the client's own"}),
    ],
    "sandbox": [
        (("--port",), {"type": int, "default": 8080, "help": "port on 127.0.0.1 (default 8080)"}),
        (("--rate",), {"type": int, "default": 5, "help": "requests a second per account; 0 for no limit"}),
        (
            ("--latency",),
            {"type": float, "nargs": 2, "default": (0, 0), "metavar": ("MS", "JITTER"), "help": "of answers"},
        ),
        (("--fault",), MANY | {"help": "such as '503;times=3;path=/deals'; repeatable"}),
    ],
    "docs": [(("--check",), YES_NO | {"help": "change nothing; fail if something is out of date"})],
}
