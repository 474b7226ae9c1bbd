"""A session to watch: an MCP client calls a server in a child process, which answers from the sandbox."""

import json
import re
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp import Client, StdioServerParameters

from ac_mcp.cli.next_command import next_call
from ac_mcp.cli.output import print_line
from ac_mcp.messages import Json

WIDTH, MAX_ANSWER = 100, 700
"""Characters of a line, and of an answer; the rest of an answer is cut off."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A user's wish, and the call a model would make for it."""

    wish: str
    tool: str
    arguments: Json
    follows_advice: bool = False
    """Whether the answer proposes a next call, which the client then makes."""
    refused: bool = False
    """Whether the scene has to end with an error."""


LAST_CHANGE = "of the last answer"
"""Placeholder for the number of the latest change."""
SCENES = (
    Scene("What is in this account?", "describe_account", {}),
    Scene("Who is jane@acme.example?", "get_contact", {"contact": "jane@acme.example"}),
    Scene("How many VIPs do we have?", "list_contacts", {"tag": "VIP", "limit": 1}),
    Scene(
        "Bob came to the webinar, tag him.", "tag_contact", {"contact": "bob@initech.example", "tag": "webinar 2026"}
    ),
    Scene(
        "Omar too! (with a typo)",
        "tag_contact",
        {"contact": "omar@initech.example", "tag": "webiner 2026"},
        follows_advice=True,
    ),
    Scene(
        "Put him back on the newsletter.",
        "subscribe_contact",
        {"contact": "omar@initech.example", "list": "Newsletter"},
    ),
    Scene("What sits in Negotiation?", "list_deals", {"stage": "Negotiation"}, refused=True),
    Scene("In Sales, I mean.", "list_deals", {"stage": "Negotiation", "pipeline": "Sales", "status": "open"}),
    Scene(
        "New deal for Jane: 15,000 dollars, Priya owns it.",
        "create_deal",
        {
            "title": "Acme second location",
            "value": 15000,
            "currency": "usd",
            "contact": "jane@acme.example",
            "pipeline": "Sales",
            "owner": "Priya",
        },
    ),
    Scene("They signed!", "update_deal", {"deal": "Acme second location", "status": "won"}),
    Scene("How did the February newsletter do?", "get_campaign", {"campaign": "february newsletter"}),
    Scene("Bob is on the Team plan now.", "set_field_value", {"contact": "2", "field": "Plan", "value": "Team"}),
    Scene(
        "Add Jane Reed. (she exists)",
        "create_contact",
        {"email": "jane@acme.example", "phone": "+1 312 555 0199"},
        follows_advice=True,
    ),
    Scene("Bob is no trial user any more.", "untag_contact", {"contact": "bob@initech.example", "tag": "Trial"}),
    Scene(
        "What would happen if I deleted the tag Trial?",
        "preview_change",
        {"tool": "delete_tag", "arguments": '{"tag": "Trial"}'},
    ),
    Scene("How many VIPs do not get the newsletter?", "count_contacts", {"where": ["tag=VIP", "list!=Newsletter"]}),
    Scene(
        "Tag all VIPs in Europe for the webinar.",
        "bulk_update_contacts",
        {"where": ["tag=VIP", "Region=Europe"], "add_tag": "Webinar 2026"},
    ),
    Scene("What is the Sales pipeline worth?", "summarize_pipeline", {"pipeline": "Sales"}),
    Scene("Delete Jane.", "delete_contact", {"contact": "jane@acme.example"}),
    Scene("No, not her! Take that back.", "undo_change", {"change": LAST_CHANGE}),
)


async def play() -> int:
    """Play all scenes. Return 0 if every one ends as expected, else 1."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "ac_mcp", "--sandbox"])
    print_line("ac-mcp demo: a made-up account, a real MCP client over stdio. Nothing leaves this machine.\n")
    async with Client(server, elicitation_callback=confirm_for_demo) as client:
        tools = (await client.list_tools()).tools
        print_line(f"The server speaks MCP {client.protocol_version} and offers {len(tools)} tools.\n")
        last_change, failed = "", list[Scene]()
        for scene in SCENES:
            passed, last_change = await play_scene(client, scene, last_change)
            if not passed:
                failed.append(scene)
    print_line("That was it. Next: ac-mcp setup claude-desktop --sandbox, to talk to it; ac-mcp connect, for your own.")
    return 1 if failed else 0


async def confirm_for_demo(context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
    """Print the server's question and answer it with yes."""
    for line in params.message.splitlines():
        print_line(textwrap.fill(line, WIDTH, initial_indent="  ? ", subsequent_indent="    ", break_on_hyphens=False))
    print_line("  (yes)")
    return types.ElicitResult(action="accept", content={"confirm": True})


async def play_scene(client: Client, scene: Scene, last_change: str) -> tuple[bool, str]:
    """Play one scene. Return whether it ended as expected, and the number of the latest change."""
    print_line(f"\u2022 {scene.wish}")
    arguments = {name: last_change if value is LAST_CHANGE else value for name, value in scene.arguments.items()}
    text, is_error = await call_tool(client, scene.tool, arguments)
    advice = next_call(text) if scene.follows_advice else None
    if advice:
        print_line("  It takes the advice:")
        _, is_error = await call_tool(client, *advice)
    print_line("")
    change = re.search(r'"change":"(\d+)"', text)
    passed = is_error == scene.refused and bool(advice) == scene.follows_advice
    return passed, change[1] if change else last_change


async def call_tool(client: Client, tool: str, arguments: Json) -> tuple[str, bool]:
    """Call a tool and print the call and its answer. Return the text of the answer, and whether it is an error."""
    print_line(f"  \u2192 {tool}({', '.join(f'{key}={json.dumps(value)}' for key, value in arguments.items())})")
    result = await client.call_tool(tool, arguments)
    text = "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))
    excerpt = text if len(text) <= MAX_ANSWER else f"{text[:MAX_ANSWER]} \u2026 ({len(text)} characters)"
    sign = "!" if result.is_error else "="
    for line in re.sub(r',(?=["{])', ", ", excerpt).splitlines():
        print_line(
            textwrap.fill(line, WIDTH, initial_indent=f"  {sign} ", subsequent_indent="    ", break_on_hyphens=False)
        )
    return text, bool(result.is_error)
