"""The SDK's own client: list the tools, read, write, and take advice after an error.

pip install -r examples/requirements/mcp_client.txt
python examples/mcp_client.py                              # starts `ac-mcp --sandbox`
python examples/mcp_client.py /path/to/ac-mcp --sandbox    # another command
python examples/mcp_client.py http://127.0.0.1:8765/mcp    # over HTTP
ERA=legacy python examples/mcp_client.py                   # the protocol of 2025-11-25
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters
from mcp.types import TextContent

SETTINGS = {name: value for name, value in os.environ.items() if name.startswith(("AC_", "MATON_"))}
"""The SDK gives a server only a few variables of its own choice: key and safeguards have to be handed on."""


def server(target: list[str]) -> str | StdioServerParameters:
    if target[0].startswith("http"):
        return target[0]
    return StdioServerParameters(command=target[0], args=target[1:], env=SETTINGS)


async def main(target: list[str]) -> None:
    where = server(target)
    async with Client(where, mode=os.environ.get("ERA", "auto")) as client:
        tools = (await client.list_tools()).tools
        print("protocol", client.protocol_version)
        print("tools", len(tools))
        for name, arguments in (
            ("count_contacts", {"where": ["tag=VIP"]}),
            ("tag_contact", {"contact": "bob@initech.example", "tag": "VIP"}),
            ("tag_contact", {"contact": "bob@initech.example", "tag": "VPI"}),
        ):
            answer = await client.call_tool(name, arguments)
            text = "".join(part.text for part in answer.content if isinstance(part, TextContent))
            print("refused" if answer.is_error else "answer", text)


asyncio.run(main(sys.argv[1:] or ["ac-mcp", "--sandbox"]))
