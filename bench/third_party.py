"""A client nobody here wrote, on the sandbox: the archived official server, driven through MCP.

    python bench/third_party.py          (makes an environment of its own below the temporary folder; needs the index)

Prints each call, how the other server found the answer, and what its requests were answered with.
"""

import asyncio
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp import Client, StdioServerParameters

from ac_mcp.sandbox import Sandbox

WANTED = ("ac-mcp-server==0.12.0", "fastmcp<3")
ONE: dict[str, Any] = {"contact": 2, "list": 5, "status": 1}
CALLS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("list_contacts", {"params": {"search": "jane", "limit": 2}}, "jane@acme.example"),
    ("get_contact", {"contact_id": 1}, '"Reed"'),
    (
        "create_or_update_contact",
        {"params": {"email": "ada@lace.example", "firstName": "Ada", "lastName": "Lace", "phone": "1"}},
        "ada@lace.example",
    ),
    ("list_tags", {"params": {"filters[search]": {"contains": "VIP"}}}, "VIP 2025"),
    ("get_tag", {"tag_id": 3}, "Trial"),
    ("create_contact_tag", {"params": {"tag": "From elsewhere"}}, "From elsewhere"),
    ("add_tag_to_contact", {"params": {"contact": 2, "tag": 1}}, "contactTag"),
    ("list_lists", {"params": {"limit": 3}}, "Newsletter"),
    ("get_list", {"list_id": 1}, "Newsletter"),
    (
        "update_list",
        {"list_id": 5, "params": {"name": "Partner news", "sender_url": "https://n.example"}},
        "Partner news",
    ),
    ("add_contact_to_list", {"params": ONE}, "contactList"),
    ("list_contact_custom_fields", {"params": {}}, "Plan"),
    ("create_contact_field_value", {"params": {"contact": 2, "field": 1, "value": "Team"}}, "Team"),
    ("list_contact_field_values", {"params": {"filters": {"fieldid": 1}}}, "fieldValues"),
    ("list_automations", {"params": {"limit": 2}}, "Welcome series"),
    ("add_contact_to_automation", {"params": {"contact": 2, "automation": 2}}, "contactAutomation"),
    ("list_contact_automations", {"params": {"limit": 2}}, "contactAutomations"),
    ("list_campaigns", {"params": {"limit": 8}}, "February Newsletter"),
    ("get_campaign", {"campaign_id": 2}, "uniqueopens"),
    ("get_campaign_links", {"campaign_id": 2}, "links"),
    ("list_groups", {"params": {}}, "Administrators"),
    ("list_email_activities", {"params": {"limit": 2}}, "emailActivities"),
)


def server() -> Path:
    """The other server's command, installed where it was not yet."""
    home = Path(tempfile.gettempdir()) / "ac-mcp-third-party"
    command = home / "bin" / "ac-mcp-server"
    if not command.exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "-q", *WANTED], check=True)
    return command


async def drive() -> int:
    sandbox = Sandbox(rate=None)  # the other server knows no pace
    listening = await sandbox.serve(0)
    host, port = listening.sockets[0].getsockname()
    environment = {"AC_API_URL": f"http://{host}:{port}", "AC_API_TOKEN": sandbox.key, "PATH": "/usr/bin:/bin"}
    failed = 0
    async with Client(StdioServerParameters(command=str(server()), env=environment), mode="legacy") as client:
        for tool, arguments, sign in CALLS:
            sandbox.requests.clear()
            result = await client.call_tool(tool, arguments)
            text = "".join(part.text for part in result.content if isinstance(part, types.TextContent))
            well = not result.is_error and sign in text
            failed += not well
            asked = ", ".join(f"{seen.method} {seen.path} {seen.status}" for seen in sandbox.requests)
            sys.stdout.write(f"{'ok ' if well else 'BAD'} {tool:28} {asked}{'' if well else ' ' + text[:200]}\n")
    listening.close()
    sys.stdout.write(f"{len(CALLS) - failed} of {len(CALLS)} tools of {WANTED[0]} worked on the sandbox\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(drive()))
