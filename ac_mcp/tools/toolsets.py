"""Which tools a server has: read-only, some toolsets, single tools. Chosen once, at its start."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import BadSetting, Settings
from ac_mcp.spec.operation import Operation

Tools = Mapping[str, Operation[..., Any]]
TOOLSETS: Mapping[str, frozenset[str]] = {
    toolset: frozenset(name for name, one in OPERATIONS.items() if one.resource.toolset == toolset)
    for toolset in dict.fromkeys(one.resource.toolset for one in OPERATIONS.values())
}
CHANGES = "changes"
"""Previews, confirmations, the journal and undo: they go with the tools that write."""


DEFAULT, ALL = "default", "all"
"""Names that stand for what a server has where nothing is said, and for everything there is."""
USUAL = frozenset(name for name, one in OPERATIONS.items() if not one.options.get("extra"))
SETS = {**TOOLSETS, DEFAULT: USUAL, ALL: frozenset(OPERATIONS)}


def offered_tools(settings: Settings) -> dict[str, Operation[..., Any]]:
    """The tools of a server with these settings, in the order of the documentation.

    Raises:
        BadSetting: for a toolset or tool there is not, or where nothing is left.
    """
    names = select_names(settings.toolsets, settings.tools)
    left = {name: one for name, one in OPERATIONS.items() if name in names and is_possible(one, settings)}
    if settings.read_only or all(one.read_only for name, one in left.items() if name not in TOOLSETS[CHANGES]):
        left = {name: one for name, one in left.items() if one.read_only and not one.options.get("for_writing")}
    if not left:
        raise BadSetting("AC_MCP_READ_ONLY, AC_MCP_TOOLSETS and AC_MCP_TOOLS together leave no tool.")
    return left


def is_possible(operation: Operation[..., Any], settings: Settings) -> bool:
    """Without Maton there are no connections to manage."""
    return not (settings.direct and operation.resource.plane == "control")


def select_names(toolsets: str, tools: str) -> set[str]:
    """`contacts,deals` are toolsets, and so are `default` and `all`. Of tools `a,b` are taken beside them.

    `-c` is left out whatever else is said. Whoever can write can preview, confirm and undo.
    """
    sets, single = split_names(toolsets), split_names(tools)
    if (toolsets and not sets) or (tools and not single):
        raise BadSetting("AC_MCP_TOOLSETS and AC_MCP_TOOLS take names with commas between them.")
    wanted = [require_known_names(name, list(SETS), "AC_MCP_TOOLSETS") for name in sets]
    plus = [require_known_names(name, list(OPERATIONS), "AC_MCP_TOOLS") for name in single if not name.startswith("-")]
    minus = {require_known_names(name[1:], list(OPERATIONS), "AC_MCP_TOOLS") for name in single if name.startswith("-")}
    if not (wanted or plus):
        return set(USUAL - minus)
    some = {*plus}.union(*(SETS[name] for name in wanted))
    writing = any(not OPERATIONS[name].read_only for name in some)
    return (some | (TOOLSETS[CHANGES] if writing else frozenset[str]())) - minus


def disabled_names(settings: Settings) -> frozenset[str]:
    """What `-name` leaves out, whatever else is said."""
    return frozenset(name[1:] for name in split_names(settings.tools) if name.startswith("-"))


def split_names(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def require_known_names(name: str, names: Sequence[str], variable: str) -> str:
    if name in names:
        return name
    near = get_close_matches(name, names, 3)
    raise BadSetting(
        f"{variable}: there is no {name!r}; {'did you mean' if near else 'there is'} {', '.join(near or names)}."
    )
