"""What an error says of calls, as a shell runs them."""

import ast
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

NEXT = re.compile(r"^(Next[^:\n]*: )(\w+)\((.*)\)$", re.M)
CONSTANTS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


def shell_command(tool: str, arguments: Mapping[str, Any], flags: Sequence[str] = ()) -> str:
    """One call; what is no text stands as JSON."""
    words = [f"{name}={given if isinstance(given, str) else json.dumps(given)}" for name, given in arguments.items()]
    return shlex.join(["ac-mcp", "call", *flags, tool, *words])


def in_shell(text: str, flags: Sequence[str]) -> str:
    """With the call that comes next as a command, and the options this one was given."""

    def spoken(found: re.Match[str]) -> str:
        call = _call(found)
        return f"{found[1]}{shell_command(*call, flags)}" if call else found[0]

    return NEXT.sub(spoken, text)


def next_call(text: str) -> tuple[str, dict[str, Any]] | None:
    """The tool and arguments of that call; None where there is none that could be made as it stands."""
    found = NEXT.search(text)
    return _call(found) if found else None


def without_next(text: str) -> str:
    """Without that call: for what a shell has a shorter way to say."""
    return NEXT.sub("", text).rstrip()


def _call(found: re.Match[str]) -> tuple[str, dict[str, Any]] | None:
    """None for what is no plain call."""
    try:
        parsed = ast.parse(f"_({found[3]})", mode="eval").body
        if not isinstance(parsed, ast.Call) or parsed.args:
            return None
        return found[2], {str(one.arg): _value(one.value) for one in parsed.keywords}
    except (SyntaxError, ValueError, RecursionError):
        return None


def _value(node: ast.expr) -> Any:
    """JSON, which has other words for what Python calls True, False and None."""
    if isinstance(node, ast.Name) and node.id in CONSTANTS:
        return CONSTANTS[node.id]
    if isinstance(node, ast.List):
        return [_value(one) for one in node.elts]
    return ast.literal_eval(node)
