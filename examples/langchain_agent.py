"""The tools in LangChain and LangGraph. The node that runs tools is given the calls: no key is needed.

    pip install -r examples/requirements/langchain_agent.txt
    python examples/langchain_agent.py                              # starts `ac-mcp --sandbox`
    python examples/langchain_agent.py http://127.0.0.1:8765/mcp    # over HTTP

With a model: `create_agent("anthropic:claude-sonnet-4-5", await client.get_tools())` of `langchain`.
"""

import asyncio
import os
import sys

from langchain_core.messages import AIMessage
from langchain_mcp_adapters.client import MultiServerMCPClient
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

SETTINGS = {name: value for name, value in os.environ.items() if name.startswith(("AC_", "MATON_"))}
"""A server is given only a few variables otherwise: key and safeguards have to be handed on."""
CALLS = [
    {"name": "count_contacts", "args": {"where": ["tag=VIP"]}, "id": "1"},
    {"name": "tag_contact", "args": {"contact": "bob@initech.example", "tag": "VIP"}, "id": "2"},
    {"name": "tag_contact", "args": {"contact": "bob@initech.example", "tag": "VPI"}, "id": "3"},
]


async def main(target: list[str]) -> None:
    if target[0].startswith("http"):
        headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"} if "TOKEN" in os.environ else {}
        connection = {"transport": "streamable_http", "url": target[0], "headers": headers}
    else:
        connection = {"transport": "stdio", "command": target[0], "args": target[1:], "env": SETTINGS}
    client = MultiServerMCPClient({"activecampaign": connection})
    tools = await client.get_tools()
    print("tools", len(tools))
    graph = StateGraph(MessagesState).add_node("tools", ToolNode(tools))
    graph = graph.set_entry_point("tools").set_finish_point("tools").compile()
    for call in CALLS:
        state = await graph.ainvoke({"messages": [AIMessage("", tool_calls=[call])]})
        answer = state["messages"][-1]
        text = answer.content if isinstance(answer.content, str) else answer.content[0]["text"]
        print("refused" if answer.status == "error" or "Next:" in text else "answer", text)


asyncio.run(main(sys.argv[1:] or ["ac-mcp", "--sandbox"]))
