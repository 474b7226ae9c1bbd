"""Serve this package's skill over MCP: the extension io.modelcontextprotocol/skills (SEP-2640)."""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import mcp_types as types
from mcp import MCPError
from mcp.server import Server, ServerRequestContext

EXTENSION = "io.modelcontextprotocol/skills"
URI = "skill://activecampaign/SKILL.md"
HOUR = 3_600_000
"""In milliseconds."""
Context = ServerRequestContext[Any]


class ListSkills(types.RequestParams):
    """The parameters of skills/list."""

    cursor: str | None = None


class GetSkill(types.RequestParams):
    """The parameters of skills/get."""

    uri: str


@cache
def text() -> str:
    """Return the skill as Markdown, with its front matter."""
    return (files("ac_mcp") / "skills" / "activecampaign" / "SKILL.md").read_text(encoding="utf-8")


def frontmatter(markdown: str) -> dict[str, Any]:
    """Parse the front matter of a Markdown text: lines of YAML, each a name and a value in JSON."""
    _, head, _ = markdown.split("---\n", 2)
    return {name: json.loads(value) for name, _, value in (line.partition(": ") for line in head.splitlines())}


def skill() -> Mapping[str, Any]:
    """Return the skill as the extension describes it: address, front matter, and files with digest and size."""
    raw = text().encode()
    file = {"uri": URI, "digest": f"sha256:{sha256(raw).hexdigest()}", "size": len(raw)}
    return {"uri": URI, "frontmatter": frontmatter(text()), "resources": [file]}


def resource() -> types.Resource:
    """Return the skill as an MCP resource."""
    head = frontmatter(text())
    return types.Resource(
        uri=URI,
        name=head["name"],
        title="How to work here",
        description=head["description"],
        mime_type="text/markdown",
        size=len(text().encode()),
    )


def content() -> types.ReadResourceResult:
    """Return the content of that resource."""
    return types.ReadResourceResult(
        contents=[types.TextResourceContents(uri=URI, mime_type="text/markdown", text=text())]
    )


def complete_result(**fields: Any) -> dict[str, Any]:
    """Return a complete result that clients may cache for an hour, with these fields."""
    return {"resultType": "complete", "ttlMs": HOUR, "cacheScope": "public", **fields}


async def list_skills(context: Context, params: ListSkills) -> dict[str, Any]:
    """Answer skills/list."""
    return complete_result(skills=[skill()])


async def get_skill(context: Context, params: GetSkill) -> dict[str, Any]:
    """Answer skills/get.

    Raises:
        MCPError: if there is no such skill (-32602).
    """
    if params.uri != URI:
        raise MCPError(types.INVALID_PARAMS, f"There is no such skill; there is {URI}.", {"uri": params.uri[:200]})
    return complete_result(skill=skill())


def add_to(server: Server[Any]) -> None:
    """Register the extension with a server."""
    server.add_request_handler("skills/list", ListSkills, list_skills)
    server.add_request_handler("skills/get", GetSkill, get_skill)
    server.extensions[EXTENSION] = {}
