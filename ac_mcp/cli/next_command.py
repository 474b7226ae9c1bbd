"""The call an error proposes, rewritten as a shell command."""

import ast
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

NEXT_CALL = re.compile(r"^(Next[^:\n]*: )(\w+)\((.*)\)$", re.M)
CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
"""The words of JSON that Python spells differently."""


def shell_command(tool: str, arguments: Mapping[str, Any], flags: Sequence[str] = ()) -> str:
    """Return the `ac-mcp call` command for a tool; values that are not strings are written as JSON."""
    words = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments.items()]
    return shlex.join(["ac-mcp", "call", *flags, tool, *words])


def in_shell(text: str, flags: Sequence[str]) -> str:
    """Return the text with its next call as a shell command that repeats the given flags."""

    def replacement(match: re.Match[str]) -> str:
        call = _parse_call(match)
        return f"{match[1]}{shell_command(*call, flags)}" if call else match[0]

    return NEXT_CALL.sub(replacement, text)


def next_call(text: str) -> tuple[str, dict[str, Any]] | None:
    """Return the tool and the arguments of the next call; None if there is none or it is not a plain call."""
    match = NEXT_CALL.search(text)
    return _parse_call(match) if match else None


def without_next(text: str) -> str:
    """Return the text without its next call, for errors that have a shorter remedy in a shell."""
    return NEXT_CALL.sub("", text).rstrip()


def _parse_call(match: re.Match[str]) -> tuple[str, dict[str, Any]] | None:
    """Parse the tool and the keyword arguments; None for anything but literal keyword arguments."""
    try:
        parsed = ast.parse(f"_({match[3]})", mode="eval").body
        if not isinstance(parsed, ast.Call) or parsed.args:
            return None
        return match[2], {str(keyword.arg): _parse_value(keyword.value) for keyword in parsed.keywords}
    except (SyntaxError, ValueError, RecursionError):
        return None


def _parse_value(node: ast.expr) -> Any:
    """Parse a Python literal or a JSON constant. Raises ValueError for anything else."""
    if isinstance(node, ast.Name) and node.id in CONSTANTS:
        return CONSTANTS[node.id]
    if isinstance(node, ast.List):
        return [_parse_value(element) for element in node.elts]
    return ast.literal_eval(node)
