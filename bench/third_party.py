"""Clients nobody here wrote, on the sandbox: the archived official server, a Singer tap, and Maton's own SDK.

    python -m bench.third_party     (makes an environment for each below the temporary folder; needs the package index)

The server's tools are driven through MCP. The tap, which companies run against live accounts, extracts all its
streams, and each row is checked by the schema that comes with it. The SDK makes, lists and deletes connections, from
each shape in which Maton answers a creation. Prints a line for each, and ends with status 1 where one failed; about a
minute once all is installed.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import mcp_types as types
from mcp import Client, StdioServerParameters

from ac_mcp.sandbox import Sandbox
from ac_mcp.sandbox.quirks import CreatedConnection, MatonErrors, Quirks

SERVER = ("ac-mcp-server==0.12.0", "fastmcp<3")
TAP = ("tap-activecampaign==1.3.1",)
SDK = ("maton-ai==0.3.1",)
STREAMS = 59
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


class CannotInstall(Exception):
    """A package that the index did not give, in the words of pip."""


def environment(wanted: Sequence[str]) -> Path:
    """Return the folder of commands of the environment that has these packages; make it where it was not yet."""
    home = Path(tempfile.gettempdir()) / "ac-mcp-third-party" / wanted[0].partition("==")[0]
    ready = home / "installed"
    if not ready.exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [home / "bin" / "pip", "install", "-q", *wanted]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotInstall(done.stderr.strip().splitlines()[-1])
        ready.touch()
    return home / "bin"


def say(well: bool, name: str, about: str) -> bool:
    print(f"{'ok ' if well else 'BAD'} {name:40} {about}")
    return well


@asynccontextmanager
async def listening(quirks: Quirks | None = None) -> AsyncIterator[tuple[Sandbox, str]]:
    """A sandbox without a limit (these clients know no pace, or their own), and its address."""
    sandbox = Sandbox(rate=None, quirks=quirks)
    server = await sandbox.serve(0)
    host, port = server.sockets[0].getsockname()
    yield sandbox, f"http://{host}:{port}"
    server.close()
    sandbox.close()


async def run_script(wanted: Sequence[str], script: str, url: str, key: str) -> list[dict[str, Any]]:
    """The lines of JSON that a script of this folder prints in the environment of a package."""
    python, path = environment(wanted) / "python", Path(__file__).with_name(script)
    with tempfile.TemporaryDirectory() as home:
        process = await asyncio.create_subprocess_exec(
            python, path, url, key, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "HOME": home}
        )
        out, err = await process.communicate()
    lines = [json.loads(line) for line in out.decode().splitlines()]
    if process.returncode:
        lines.append({"problem": err.decode().strip().splitlines()[-1]})
    return lines


async def check_server() -> list[bool]:
    command = environment(SERVER) / "ac-mcp-server"
    results: list[bool] = []
    async with listening() as (sandbox, url):
        variables = {"AC_API_URL": url, "AC_API_TOKEN": sandbox.key, "PATH": "/usr/bin:/bin"}
        async with Client(StdioServerParameters(command=str(command), env=variables), mode="legacy") as client:
            for tool, arguments, sign in CALLS:
                sandbox.requests.clear()
                result = await client.call_tool(tool, arguments)
                text = "".join(part.text for part in result.content if isinstance(part, types.TextContent))
                well = not result.is_error and sign in text
                asked = ", ".join(f"{seen.method} {seen.path} {seen.status}" for seen in sandbox.requests)
                results.append(say(well, tool, f"{asked}{'' if well else ' ' + text[:200]}"))
    return results


async def check_tap() -> list[bool]:
    async with listening() as (sandbox, url):
        lines = await run_script(TAP, "third_party_tap.py", url, sandbox.key)
    results = [
        say(not line["problem"], f"stream {line.get('stream', '')}", line["problem"] or f"{line['rows']} rows")
        for line in lines
    ]
    empty = [line["stream"] for line in lines if not line.get("rows") and "stream" in line]
    print(f"    streams with 0 rows: {', '.join(empty) or 'none'}")
    return [*results, *[False] * (STREAMS - len(results))]


async def check_sdk() -> list[bool]:
    results: list[bool] = []
    shapes = get_args(CreatedConnection)
    for shape, errors in [(shape, "error") for shape in shapes] + [
        ("flat", name) for name in get_args(MatonErrors)[1:]
    ]:
        async with listening(Quirks(created_connection=shape, maton_errors=errors)) as (sandbox, url):
            lines = await run_script(SDK, "third_party_maton.py", url, sandbox.key)
        about = f"answered {shape}, errors in {errors}"
        results += [say(not line["problem"], line.get("call", ""), line["problem"] or about) for line in lines]
    return results


async def main() -> int:
    failed = False
    for wanted, check, name in (
        (SERVER, check_server, "tools"),
        (TAP, check_tap, "streams, every row valid by its schema"),
        (SDK, check_sdk, "calls"),
    ):
        try:
            results = await check()
        except CannotInstall as error:
            results = [say(False, wanted[0], f"cannot be installed: {error}")]
        print(f"{sum(results)} of {len(results)} {name}: {wanted[0]}")
        failed = failed or not all(results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
