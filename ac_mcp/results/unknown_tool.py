"""Suggestions for an unknown tool name; a call is suggested only if it does no more than the name says."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ac_mcp.operations import OPERATIONS
from ac_mcp.results.next_call import LONGEST, SuggestedCall, format_call
from ac_mcp.spec import synonyms
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import GENERIC_TOOLS, pack_arguments

READ, MAKE, CHANGE, REMOVE, TIE, UNTIE, UPSERT = "read", "make", "change", "remove", "tie", "untie", "upsert"
"""The actions a tool name can stand for."""
NOUNS = {"contact", "tag", "list", "deal", "campaign", "automation"}
"""Argument names that add a noun to the tool name: add_tag with a contact associates the two."""
PLAIN = {"activecampaign", "ac", "crm", "all", "email", "id", "name", "detail", "info", "record", "profile"}
"""Words in a tool name that do not change its meaning."""
NARROWING = {"inactive", "duplicate", "bulk", "timeline"}
"""Words that narrow or change what a call is about, unless they are part of the tool's own name."""
LINKS = {
    "tag_contact": {"tag", "contact"},
    "untag_contact": {"tag", "contact"},
    "subscribe_contact": {"list", "contact"},
    "unsubscribe_contact": {"list", "contact"},
}
"""Tools whose name does not hold both their nouns."""


def suggest_tools(name: str, arguments: Mapping[str, Any], tools: Sequence[str]) -> tuple[str, SuggestedCall | None]:
    """Return the error text for an unknown tool, and the call of the closest tool.

    The call is None unless that tool takes every argument and risks no more than the name says.
    """
    if name in OPERATIONS:
        return suggest_for_unlisted(OPERATIONS[name], arguments, tools)
    verb, nouns = parse_tool_name(name)
    nouns |= {argument for argument in arguments if argument in NOUNS} if nouns & NOUNS and verb != READ else set()
    tools = [tool for tool in tools if OPERATIONS[tool].resource.toolset != "api"]  # those match any name
    likeness = {tool: similarity(tool, verb, nouns, arguments) for tool in tools}
    if verb == READ and not nouns:
        likeness["list_contacts"] = 1.0  # a search without a noun is mostly one for people
    near = [tool for tool in sorted(tools, key=lambda tool: -likeness[tool])[:3] if likeness[tool] >= 1]
    text = f"Unknown tool {name[:64]!r}"
    if close := [] if near else get_close_matches(name, tools, 1, 0.75):
        return f"{text}: did you mean {close[0]}?", None
    if not near:
        return f"{text}. tools/list names all there are.", None
    text = f"{text}: did you mean {' or '.join(near)}?"
    best, mapped = OPERATIONS[near[0]], map_arguments(near[0], arguments, nouns)
    if mapped is None or not nouns <= accepted_words(best.name):
        return text, None  # a word outside our vocabulary may turn the call into its opposite
    call = format_call(best.name, mapped)
    is_unexpected_deletion = (
        best.method == "DELETE" and best.destructive and not re.search("delete|destroy|erase", name, re.I)
    )
    if is_unexpected_deletion or not fits(best, verb, nouns, mapped) or len(call) > LONGEST:
        return text, None
    return f"{text}\nNext: {call}", (best.name, mapped)


def suggest_for_unlisted(
    operation: Operation[..., Any], arguments: Mapping[str, Any], tools: Sequence[str]
) -> tuple[str, SuggestedCall | None]:
    """Return the error text for a tool that this server does not list, and the call of the generic tool that runs it.

    The call is None where no generic tool can run it, or where the arguments do not fit.
    """
    is_extra, generic_tool = bool(operation.options.offered.on_request), GENERIC_TOOLS[not operation.read_only]
    if is_extra and generic_tool in tools:
        packed = {"id": operation.name, **pack_arguments(arguments)}
        call = format_call(generic_tool, packed)
        text = f"{operation.name} is no tool of its own here: {generic_tool} runs it."
        is_complete = {*operation.required} <= arguments.keys() <= operation.signature.parameters.keys()
        if not is_complete or len(call) > LONGEST:
            return text, None
        return f"{text}\nNext: {call}", (generic_tool, packed)
    listed = [OPERATIONS[tool] for tool in tools]
    lists_no_extra = not any(tool.options.offered.on_request for tool in listed)
    may_run = operation.read_only or any(not tool.read_only for tool in listed)
    if is_extra and lists_no_extra and may_run:
        how = "started with --toolsets all (or AC_MCP_TOOLSETS=all) it has it"
    else:
        how = "it was started read-only or with fewer tools"
    return f"{operation.name} is switched off in this server: {how}. Tell the user.", None


def parse_tool_name(name: str) -> tuple[str, set[str]]:
    """Return the action and the nouns of a tool name; camelCase, plurals and synonyms read like our own words."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    verb = next((word for word in words if word in synonyms.TOOL_VERBS), "")
    nouns = {singular(word) for word in words if word != verb and word not in ("from", "to", "by", "of", "a", "the")}
    return synonyms.TOOL_VERBS.get(verb, ""), {synonyms.NOUNS.get(noun, noun) for noun in nouns}


def accepted_words(tool: str) -> set[str]:
    """Return the words a name may hold without meaning more than this tool does."""
    words = {noun for name in OPERATIONS for noun in parse_own_tool(name)[1]} - NARROWING
    words |= parse_own_tool(tool)[1] | PLAIN
    return words | {"won", "lost"} if tool == "update_deal" else words


def singular(word: str) -> str:
    """Return an English noun without its plural ending."""
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def parse_own_tool(tool: str) -> tuple[str, set[str]]:
    """Return the action and the nouns of one of our own tools."""
    verb, nouns = parse_tool_name(tool)
    return verb, LINKS.get(tool, nouns)


def similarity(tool: str, verb: str, nouns: set[str], arguments: Mapping[str, Any]) -> float:
    """Return how well a tool fits: nouns count most, then the verb, then the share of arguments it accepts."""
    own_verb, own_nouns = parse_own_tool(tool)
    noun_share = len(nouns & own_nouns) / len(nouns | own_nouns) if nouns | own_nouns else 0
    parameters = OPERATIONS[tool].signature.parameters
    argument_share = sum(name in parameters for name in arguments) / len(arguments) if arguments else 0.5
    return noun_share + verbs_agree(verb, own_verb) * 0.75 + argument_share * 0.3


def map_arguments(tool: str, arguments: Mapping[str, Any], nouns: set[str]) -> Mapping[str, Any] | None:
    """Return the arguments under the tool's own names; None where two of them would become one.

    Search text arrives under many names, also under the noun itself; the tools call it `search`.
    """
    parameters = OPERATIONS[tool].signature.parameters
    aliases = {"q", "query", "text", "keyword", "term", "name", *parse_own_tool(tool)[1]} - parameters.keys()
    has_search = "search" in parameters
    mapped = {("search" if name in aliases and has_search else name): value for name, value in arguments.items()}
    if len(mapped) < len(arguments):
        return None
    outcome = next((word for word in ("won", "lost") if word in nouns), "")
    if outcome and tool == "update_deal" and "status" not in mapped:
        mapped["status"] = outcome
    return mapped


def fits(operation: Operation[..., Any], verb: str, nouns: set[str], arguments: Mapping[str, Any]) -> bool:
    """Return whether the operation takes exactly these arguments and does what the name says to the same thing."""
    own_verb, own_nouns = parse_own_tool(operation.name)
    is_complete = set(operation.required) <= arguments.keys() <= operation.signature.parameters.keys()
    needs_all_nouns = own_verb in (REMOVE, TIE, UNTIE)
    changes_nothing = operation.method == "PUT" and all(f"{{{name}}}" in operation.path for name in arguments)
    if changes_nothing or (verb == READ and not nouns):
        return is_complete and not changes_nothing
    same_nouns = own_nouns == nouns if needs_all_nouns else bool(own_nouns & nouns)
    return is_complete and verbs_agree(verb, own_verb) and same_nouns


def verbs_agree(verb: str, own_verb: str) -> bool:
    """Return whether the tool's own verb may stand for the verb of the name.

    "Add" and "remove" may mean to associate and to separate; "untag" never means to delete.
    """
    return verb == own_verb or (verb, own_verb) in ((MAKE, TIE), (REMOVE, UNTIE))
