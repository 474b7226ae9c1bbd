"""Options and arguments of the command line: the shared ones, and those of each command."""

from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HTTP = "serve many callers over HTTP there, such as 127.0.0.1:8765, instead of one on stdio"
SANDBOX_OPTIONS = ("state", "size", "number")
"""Options that only a sandbox has; also the fields of `Company`."""


def shared_options() -> ArgumentParser:
    """Return the parser for the options of every command. An absent option leaves no attribute in the namespace."""
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


def inherited_flags(options: Namespace) -> list[str]:
    """Return the flags of this command that a follow-up command, or a server set up by it, needs too."""
    switches = ("sandbox", "multi_account", "read_only", "hide_user_content")
    flags = [f"--{name.replace('_', '-')}" for name in switches if hasattr(options, name)]
    if hasattr(options, "allow_default"):
        flags.append("--allow-default-connection")
    names = ("size", "number", "toolsets", "tools", "confirm", "log_level")
    flags += [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in names if hasattr(options, name)]
    if hasattr(options, "state"):
        flags.append(f"--state={options.state.absolute()}")
    return flags


def add_arguments(command: str, parser: ArgumentParser) -> None:
    """Add the arguments of one command to its parser."""
    for names, keywords in COMMAND_ARGUMENTS.get(command, ()):
        parser.add_argument(*names, **keywords)


FLAG: dict[str, Any] = {"action": "store_true"}
REPEATABLE: dict[str, Any] = {"action": "append", "default": []}
COMMAND_ARGUMENTS: Mapping[str, Sequence[tuple[tuple[str, ...], dict[str, Any]]]] = {
    "serve": [(("--http",), {"metavar": "HOST:PORT", "default": SUPPRESS, "help": HTTP})],
    "health": [(("--http",), {"metavar": "HOST:PORT", "default": SUPPRESS, "help": "where; else as process 1 says"})],
    "call": [
        (("tool",), {"help": "name of the tool, see ac-mcp tools"}),
        (("arguments",), {"nargs": "*", "help": "one JSON object, or name=value ..."}),
        (("--dry-run",), FLAG | {"help": "show what a write would do, and do nothing"}),
        (("--csv",), FLAG | {"help": "print the rows as CSV, safe to open in a spreadsheet"}),
        (("--yes",), FLAG | {"help": "agree to a write that would ask"}),
    ],
    "doctor": [
        (
            ("--probe",),
            {"type": Path, "metavar": "FILE", "help": "also ask what this account can do (it only reads), into a file"},
        ),
    ],
    "export": [
        (("what",), {"choices": ("contacts", "deals")}),
        (("file",), {"help": "a new file: .csv, or .jsonl for JSON Lines"}),
        (("--where",), REPEATABLE | {"metavar": "CONDITION", "help": "such as tag=VIP; repeatable"}),
        (("--fields",), REPEATABLE | {"metavar": "TITLE", "help": "a custom field; repeatable"}),
    ],
    "tools": [
        (("search",), {"nargs": "*", "help": "a tool's name, or what is to be done in plain words"}),
        (("--json",), FLAG | {"help": "with schemas, for programs"}),
    ],
    "connect": [
        (("--new",), FLAG | {"help": "another account, though one is connected"}),
        (("--use",), {"default": "", "metavar": "NAME", "help": "the connection of that name or id from now on"}),
        (("--name",), {"default": "", "help": "what it is called; else as the account is"}),
        (("--no-browser",), FLAG | {"help": "only print the link"}),
    ],
    "setup": [
        (("client",), {"help": "claude-desktop, claude-code, cursor, vscode, codex, termo, skill or other"}),
        (("--remove",), FLAG | {"help": "take it out again"}),
        (("--yes",), FLAG | {"help": "write without asking"}),
        (("--file",), {"type": Path, "help": "another file than the client's own"}),
    ],
    "sandbox": [
        (("--port",), {"type": int, "default": 8080, "help": "port on 127.0.0.1 (default 8080)"}),
        (("--rate",), {"type": int, "default": 5, "help": "requests a second per account; 0 for no limit"}),
        (
            ("--latency",),
            {"type": float, "nargs": 2, "default": (0, 0), "metavar": ("MS", "JITTER"), "help": "of answers"},
        ),
        (
            ("--like",),
            {"type": Path, "metavar": "FILE", "help": "behave as the account of `ac-mcp doctor --probe FILE`"},
        ),
        (("--fault",), REPEATABLE | {"help": "such as '503;times=3;path=/deals'; repeatable"}),
    ],
    "docs": [(("--check",), FLAG | {"help": "change nothing; fail if something is out of date"})],
}
"""Per command: the names and the keywords of each `add_argument` call."""
