"""A server that was installed in some way, tried by a real client."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import TextContent

ROOT = Path(__file__).parent.parent.parent


class Failed(Exception):
    """The text says what was not as it should be."""


def tried(command: Sequence[str], env: Mapping[str, str] | None = None, url: str = "") -> list[str]:
    """The names of its tools, once it has counted the VIPs of the sandbox; started by a command, or at an address."""
    try:
        return anyio.run(_tried, list(command), dict(env or {}), url)
    except (ExceptionGroup, MCPError, TimeoutError) as error:
        raise Failed(f"{' '.join(command)[:300]}{url} did not answer: {error}") from None


async def _tried(command: list[str], env: dict[str, str], url: str) -> list[str]:
    started = StdioServerParameters(command=command[0], args=command[1:], env=env, cwd=ROOT) if command else None
    with anyio.fail_after(180):
        async with Client(started or url) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            answer = await client.call_tool("count_contacts", {"where": ["tag=VIP"]})
    text = "".join(part.text for part in answer.content if isinstance(part, TextContent))
    if not text.startswith('{"count":12,'):
        raise Failed(f"count_contacts answered {text[:300]}")
    return names
