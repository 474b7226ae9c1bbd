"""The choice of a server's tools at its start: read-only, toolsets, single tools."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import BadSetting, Settings
from ac_mcp.spec.operation import Operation

TOOLSETS: Mapping[str, frozenset[str]] = {
    toolset: frozenset(name for name, operation in OPERATIONS.items() if operation.resource.toolset == toolset)
    for toolset in dict.fromkeys(operation.resource.toolset for operation in OPERATIONS.values())
}
"""The names of the tools in each toolset."""
CHANGES = "changes"
"""The toolset of previews, confirmations, the journal and undo; every server with a tool that writes has it."""
DEFAULT, ALL = "default", "all"
"""Names in AC_MCP_TOOLSETS for the default tools and for all tools."""
USUAL = frozenset(name for name, operation in OPERATIONS.items() if not operation.options.offered.on_request)
"""The tools of a server without settings for tools."""
SETS = {**TOOLSETS, DEFAULT: USUAL, ALL: frozenset(OPERATIONS)}
"""Everything AC_MCP_TOOLSETS may name."""


def offered_tools(settings: Settings) -> dict[str, Operation[..., Any]]:
    """Return the tools of a server with these settings, in the order of the documentation.

    Raises:
        BadSetting: for an unknown toolset or tool, or if no tool is left.
    """
    names = select_names(settings.toolsets, settings.tools)
    tools = {name: tool for name, tool in OPERATIONS.items() if name in names and is_possible(tool, settings)}
    if settings.read_only or all(tool.read_only for name, tool in tools.items() if name not in TOOLSETS[CHANGES]):
        tools = {name: tool for name, tool in tools.items() if tool.read_only and not tool.options.offered.for_writing}
    if not tools:
        raise BadSetting("AC_MCP_READ_ONLY, AC_MCP_TOOLSETS and AC_MCP_TOOLS together leave no tool.")
    return tools


def is_possible(operation: Operation[..., Any], settings: Settings) -> bool:
    """Return whether the operation can run with these settings: without Maton there are no connections to manage."""
    return not (settings.direct and operation.resource.plane == "control")


def select_names(toolsets: str, tools: str) -> set[str]:
    """Return the names of the chosen tools, from the texts of AC_MCP_TOOLSETS and AC_MCP_TOOLS.

    `contacts,deals` selects toolsets, as do `default` and `all`. `a,b` in `tools` adds single tools, and `-c` removes
    one in any case. A choice with a tool that writes includes preview, confirmation and undo.

    Raises:
        BadSetting: for an unknown name.
    """
    sets, single = split_names(toolsets), split_names(tools)
    if (toolsets and not sets) or (tools and not single):
        raise BadSetting("AC_MCP_TOOLSETS and AC_MCP_TOOLS take names with commas between them.")
    chosen_sets = [require_known_name(name, list(SETS), "AC_MCP_TOOLSETS") for name in sets]
    added = [require_known_name(name, list(OPERATIONS), "AC_MCP_TOOLS") for name in single if not name.startswith("-")]
    removed = {
        require_known_name(name[1:], list(OPERATIONS), "AC_MCP_TOOLS") for name in single if name.startswith("-")
    }
    if not (chosen_sets or added):
        return set(USUAL - removed)
    names = {*added}.union(*(SETS[name] for name in chosen_sets))
    if any(not OPERATIONS[name].read_only for name in names):
        names |= TOOLSETS[CHANGES]
    return names - removed


def disabled_names(settings: Settings) -> frozenset[str]:
    """Return the names that AC_MCP_TOOLS removes with `-name`."""
    return frozenset(name[1:] for name in split_names(settings.tools) if name.startswith("-"))


def split_names(text: str) -> list[str]:
    """Return the names of a comma-separated text in lower case."""
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def require_known_name(name: str, names: Sequence[str], variable: str) -> str:
    """Return the name if it is one of `names`.

    Raises:
        BadSetting: for any other name; the message suggests similar ones and names the environment variable.
    """
    if name in names:
        return name
    near = get_close_matches(name, names, 3)
    raise BadSetting(
        f"{variable}: there is no {name!r}; {'did you mean' if near else 'there is'} {', '.join(near or names)}."
    )
