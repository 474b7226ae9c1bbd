"""What a tool that does not exist was meant to be; a call is suggested only where it does no more than that."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ac_mcp.operations import OPERATIONS
from ac_mcp.results.next_call import LONGEST, format_call
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import GENERIC_TOOLS, pack_arguments
from ac_mcp.tools.search import THINGS

READ, MAKE, CHANGE, REMOVE, TIE, UNTIE, UPSERT = "read", "make", "change", "remove", "tie", "untie", "upsert"
VERBS = {
    **dict.fromkeys(
        ("list", "get", "search", "find", "query", "fetch", "read", "show", "count", "lookup", "view"), READ
    ),
    **dict.fromkeys(("create", "add", "new", "make", "insert"), MAKE),
    **dict.fromkeys(("tag", "subscribe", "apply", "assign", "put", "attach"), TIE),
    **dict.fromkeys(("untag", "unsubscribe", "unassign", "detach"), UNTIE),
    **dict.fromkeys(("update", "edit", "modify", "change", "set", "rename", "move", "mark", "close"), CHANGE),
    **dict.fromkeys(("sync", "upsert"), UPSERT),
    **dict.fromkeys(("delete", "remove", "drop", "destroy"), REMOVE),
}
NOUNS = {"contact", "tag", "list", "deal", "campaign", "automation"}
"""Things whose name as an argument says what a call is about: add_tag with a contact ties the two."""
PLAIN = {"activecampaign", "ac", "crm", "all", "email", "id", "name", "detail", "info", "record", "profile"}
"""Words that change nothing about what is wanted."""
NARROWING = {"inactive", "duplicate", "bulk", "timeline"}
"""Words that make a call about fewer, or something else, wherever they are not part of the tool's own name."""
LINKS = {
    "tag_contact": {"tag", "contact"},
    "untag_contact": {"tag", "contact"},
    "subscribe_contact": {"list", "contact"},
    "unsubscribe_contact": {"list", "contact"},
}
"""Tools whose name does not hold both nouns they are about."""


Suggestion = tuple[str, Mapping[str, Any]]


def suggest_tools(name: str, arguments: Mapping[str, Any], tools: Sequence[str]) -> tuple[str, Suggestion | None]:
    """The tools that come nearest; the first as a call, if it takes all that was given and risks no more."""
    if name in OPERATIONS:
        return suggest_for_unlisted(OPERATIONS[name], arguments, tools)
    verb, nouns = parse_tool_name(name)
    nouns |= {argument for argument in arguments if argument in NOUNS} if nouns & NOUNS and verb != READ else set()
    tools = [tool for tool in tools if OPERATIONS[tool].resource.toolset != "api"]  # those fit anything
    likeness = {tool: similarity(tool, verb, nouns, arguments) for tool in tools}
    if verb == READ and not nouns:
        likeness["list_contacts"] = 1.0  # whoever only searches mostly searches for people
    near = [tool for tool in sorted(tools, key=lambda tool: -likeness[tool])[:3] if likeness[tool] >= 1]
    said = f"Unknown tool {name[:64]!r}"
    if close := [] if near else get_close_matches(name, tools, 1, 0.75):
        return f"{said}: did you mean {close[0]}?", None
    if not near:
        return f"{said}. tools/list names all there are.", None
    said = f"{said}: did you mean {' or '.join(near)}?"
    best, given = OPERATIONS[near[0]], map_arguments(near[0], arguments, nouns)
    if given is None or not nouns <= known_words(best.name):
        return said, None  # a word nobody understood may turn the call into its opposite
    call = format_call(best.name, given)
    forever = best.method == "DELETE" and best.destructive and not re.search("delete|destroy|erase", name, re.I)
    if forever or not fits(best, verb, nouns, given) or len(call) > LONGEST:
        return said, None
    return f"{said}\nNext: {call}", (best.name, given)


def suggest_for_unlisted(
    one: Operation[..., Any], arguments: Mapping[str, Any], tools: Sequence[str]
) -> tuple[str, Suggestion | None]:
    """A tool there is, and not in this server: run by another one, or switched off."""
    extra, runner = bool(one.options.get("extra")), GENERIC_TOOLS[not one.read_only]
    if extra and runner in tools:
        call = format_call(runner, {"id": one.name, **pack_arguments(arguments)})
        told = f"{one.name} is no tool of its own here: {runner} runs it."
        whole = {*one.required} <= arguments.keys() <= one.signature.parameters.keys()
        if not whole or len(call) > LONGEST:
            return told, None
        return f"{told}\nNext: {call}", (runner, {"id": one.name, **pack_arguments(arguments)})
    others = [OPERATIONS[tool] for tool in tools]
    fewer = not any(other.options.get("extra") for other in others)
    writing = one.read_only or any(not other.read_only for other in others)
    if extra and fewer and writing:
        how = "started with --toolsets all (or AC_MCP_TOOLSETS=all) it has it"
    else:
        how = "it was started read-only or with fewer tools"
    return f"{one.name} is switched off in this server: {how}. Tell the user.", None


def parse_tool_name(name: str) -> tuple[str, set[str]]:
    """What a name wants done, and to what; camelCase and plurals read like our own."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    verb = next((word for word in words if word in VERBS), "")
    nouns = {singular(word) for word in words if word != verb and word not in ("from", "to", "by", "of", "a", "the")}
    return VERBS.get(verb, ""), {THINGS.get(noun, noun) for noun in nouns}


def known_words(tool: str) -> set[str]:
    """Words of a name that this tool does justice to."""
    words = (
        {noun for one in OPERATIONS for noun in parse_own_tool(one)[1]} - NARROWING | parse_own_tool(tool)[1] | PLAIN
    )
    return words | {"won", "lost"} if tool == "update_deal" else words


def singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def parse_own_tool(tool: str) -> tuple[str, set[str]]:
    """A tool of ours, read the same way."""
    verb, nouns = parse_tool_name(tool)
    return verb, LINKS.get(tool, nouns)


def similarity(tool: str, verb: str, nouns: set[str], arguments: Mapping[str, Any]) -> float:
    """Nouns count most, then the verb, then how many of the arguments it takes."""
    does, about = parse_own_tool(tool)
    shared = len(nouns & about) / len(nouns | about) if nouns | about else 0
    known = OPERATIONS[tool].signature.parameters
    taken = sum(name in known for name in arguments) / len(arguments) if arguments else 0.5
    return shared + verbs_agree(verb, does) * 0.75 + taken * 0.3


def map_arguments(tool: str, arguments: Mapping[str, Any], asked: set[str]) -> Mapping[str, Any] | None:
    """A free text goes by many names, also that of the thing itself; ours is search. None where two become one."""
    known = OPERATIONS[tool].signature.parameters
    free = {"q", "query", "text", "keyword", "term", "name", *parse_own_tool(tool)[1]} - known.keys()
    given = {("search" if name in free and "search" in known else name): value for name, value in arguments.items()}
    if len(given) < len(arguments):
        return None
    outcome = next((word for word in ("won", "lost") if word in asked), "")
    return given | ({"status": outcome} if outcome and tool == "update_deal" and "status" not in given else {})


def fits(operation: Operation[..., Any], verb: str, nouns: set[str], arguments: Mapping[str, Any]) -> bool:
    """It takes everything given, needs nothing more, and does to the same thing what was asked."""
    does, about = parse_own_tool(operation.name)
    complete = set(operation.required) <= arguments.keys() <= operation.signature.parameters.keys()
    exact = does in (REMOVE, TIE, UNTIE)
    idle = operation.method == "PUT" and all(f"{{{name}}}" in operation.path for name in arguments)
    if idle or (verb == READ and not nouns):
        return complete and not idle
    return complete and verbs_agree(verb, does) and (about == nouns if exact else bool(about & nouns))


def verbs_agree(asked: str, does: str) -> bool:
    """People add a tag to a contact and remove it; nobody who wants to untie two things wants one deleted."""
    return asked == does or (asked, does) in ((MAKE, TIE), (REMOVE, UNTIE))
