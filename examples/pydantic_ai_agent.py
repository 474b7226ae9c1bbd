"""An agent of pydantic-ai. Here a function stands in for the model, so that it runs without a key.

    pip install -r examples/requirements/pydantic_ai_agent.txt
    python examples/pydantic_ai_agent.py                              # starts `ac-mcp --sandbox`
    python examples/pydantic_ai_agent.py http://127.0.0.1:8765/mcp    # over HTTP

With a model: `Agent("anthropic:claude-sonnet-4-5", toolsets=[server(target)])`, and its key in the environment.
"""

import asyncio
import os
import sys

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

CALLS = [
    ToolCallPart("count_contacts", {"where": ["tag=VIP"]}),
    ToolCallPart("tag_contact", {"contact": "bob@initech.example", "tag": "VIP"}),
    ToolCallPart("tag_contact", {"contact": "bob@initech.example", "tag": "VPI"}),
]


SETTINGS = {name: value for name, value in os.environ.items() if name.startswith(("AC_", "MATON_"))}
"""A server is given only a few variables otherwise: key and safeguards have to be handed on."""


def server(target: list[str]) -> MCPToolset:
    if target[0].startswith("http"):
        return MCPToolset(target[0])
    return MCPToolset(StdioTransport(target[0], target[1:], env=SETTINGS))


def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """What a model would do: one call after the other, then a word to the user."""
    made = [part for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]
    if not made:
        print("tools", len(info.function_tools))
    return ModelResponse([CALLS[len(made)] if len(made) < len(CALLS) else TextPart("Done.")])


async def main(target: list[str]) -> None:
    agent = Agent(FunctionModel(model), toolsets=[server(target)])
    async with agent:
        result = await agent.run("Tag Bob as a VIP.")
    for message in result.all_messages():
        for part in message.parts:
            if isinstance(part, ToolReturnPart):
                print("refused" if "Next:" in str(part.content) else "answer", part.model_response_str())


asyncio.run(main(sys.argv[1:] or ["ac-mcp", "--sandbox"]))
