"""The client of fastmcp: list the tools, read, write, and take advice after an error.

pip install -r examples/requirements/fastmcp_client.txt
python examples/fastmcp_client.py                              # starts `ac-mcp --sandbox`
python examples/fastmcp_client.py http://127.0.0.1:8765/mcp    # over HTTP
"""

import asyncio
import os
import sys

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

SETTINGS = {name: value for name, value in os.environ.items() if name.startswith(("AC_", "MATON_"))}
"""A server is given only a few variables otherwise: key and safeguards have to be handed on."""


async def main(target: list[str]) -> None:
    where = target[0] if target[0].startswith("http") else StdioTransport(target[0], target[1:], env=SETTINGS)
    async with Client(where, auth=os.environ.get("TOKEN")) as client:  # the token of a server that wants one
        print("tools", len(await client.list_tools()))
        for name, arguments in (
            ("count_contacts", {"where": ["tag=VIP"]}),
            ("tag_contact", {"contact": "bob@initech.example", "tag": "VIP"}),
            ("tag_contact", {"contact": "bob@initech.example", "tag": "VPI"}),
        ):
            answer = await client.call_tool(name, arguments, raise_on_error=False)
            print("refused" if answer.is_error else "answer", answer.content[0].text)


asyncio.run(main(sys.argv[1:] or ["ac-mcp", "--sandbox"]))
