"""The MCP servers of the OpenAI Agents SDK, called as its runner calls them, so that it runs without a key.

    pip install -r examples/requirements/openai_agents_agent.txt
    python examples/openai_agents_agent.py                              # starts `ac-mcp --sandbox`
    python examples/openai_agents_agent.py http://127.0.0.1:8765/mcp    # over HTTP

With a model: `Agent(name="CRM", mcp_servers=[server])` and `Runner.run(agent, "Tag Bob as a VIP.")`.
"""

import asyncio
import os
import sys

from agents import Agent
from agents.mcp import MCPServerStdio, MCPServerStreamableHttp
from agents.mcp.util import MCPUtil
from agents.run_context import RunContextWrapper

SETTINGS = {name: value for name, value in os.environ.items() if name.startswith(("AC_", "MATON_"))}
"""A server is given only a few variables otherwise: key and safeguards have to be handed on."""


async def main(target: list[str]) -> None:
    if target[0].startswith("http"):
        headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"} if "TOKEN" in os.environ else {}
        server = MCPServerStreamableHttp({"url": target[0], "headers": headers})
    else:
        server = MCPServerStdio({"command": target[0], "args": target[1:], "env": SETTINGS})
    async with server:
        agent = Agent(name="CRM", mcp_servers=[server])
        tools = await MCPUtil.get_all_function_tools([server], False, RunContextWrapper(None), agent)
        print("tools", len(tools))
        for name, arguments in (
            ("count_contacts", {"where": ["tag=VIP"]}),
            ("tag_contact", {"contact": "bob@initech.example", "tag": "VIP"}),
            ("tag_contact", {"contact": "bob@initech.example", "tag": "VPI"}),
        ):
            answer = await server.call_tool(name, arguments)
            print("refused" if answer.is_error else "answer", answer.content[0].text)


asyncio.run(main(sys.argv[1:] or ["ac-mcp", "--sandbox"]))
