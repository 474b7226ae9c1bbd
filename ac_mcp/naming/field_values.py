"""A text as the value a custom field takes; where it is none, the call with one that it would take."""

from collections.abc import Callable, Sequence
from typing import Any

from ac_mcp.arguments.corrections import find_misspelt
from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.naming.matching import DirectoryEntry
from ac_mcp.spec.resource import Resource

EXAMPLES = {"date": ["2026-02-01"], "number": ["12"]}
"""A value for kinds of fields that have no options."""


def stored_value(
    resource: Resource,
    known: DirectoryEntry | None,
    text: str,
    parameter: str,
    arguments: Json,
    within: Callable[[str], Any],
) -> str:
    """The value as it is stored.

    Raises:
        BadArguments: with one it would take put `within` the argument, where there is one to name.
    """
    if resource.value is None or known is None:
        return text
    try:
        return resource.value(known.facts, text)
    except ValueError as error:
        choices = known.facts.get("options") or EXAMPLES.get(known.facts.get("type", ""), [])
        spelt = {choice.casefold(): choice for choice in choices}
        near = spelt.get(find_misspelt(text, list(spelt)) or "")
        one = "||" not in text  # of several the right ones would be lost
        fixed = {**arguments, parameter: within(near or choices[0])} if choices and one else None
        raise BadArguments(f"{parameter}: {known.name} {error}.", fixed, example=near is None) from None


def replace_assignment(given: Sequence[str], text: str, title: str, value: str) -> list[str]:
    """The assignments, one of them with another value."""
    return [f"{title}={value}" if one == text else one for one in given]
