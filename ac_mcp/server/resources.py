"""Things of the account as MCP resources: what a person can attach to a conversation."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

import mcp_types as types
from mcp import MCPError

from ac_mcp.account import Account
from ac_mcp.calls import run
from ac_mcp.errors import GatewayError, Refused, Trouble
from ac_mcp.operation import Operation
from ac_mcp.operations import RESOURCES
from ac_mcp.operations.overview import describe_account
from ac_mcp.results.hints import explain
from ac_mcp.results.render import render
from ac_mcp.server.icon import ICON

SCHEME, JSON = "activecampaign", "application/json"
ACCOUNT = f"{SCHEME}://account"
READERS: Mapping[str, Operation[..., Any]] = {
    resource.words: reader for resource in RESOURCES if resource.plane == "api" and (reader := resource.reader)
}
"""What stands for one thing, by the word its address begins with."""


def template(words: str) -> str:
    return f"{SCHEME}://{words}/{{id}}"


KINDS = {template(words): reader.resource.plural for words, reader in READERS.items()}
"""The kind of thing each address takes the name or id of."""


def fixed(offered: Collection[str]) -> list[types.Resource]:
    if describe_account.name not in offered:
        return []
    return [
        types.Resource(
            uri=ACCOUNT,
            name="account",
            title="The account at a glance",
            description="Pipelines and stages, lists, tags, custom fields, automations, users and counts.",
            mime_type=JSON,
            icons=[ICON],
        )
    ]


def readers(offered: Collection[str]) -> Mapping[str, Operation[..., Any]]:
    """Those whose tool this server has: a resource opens nothing that the tools leave shut."""
    return {words: reader for words, reader in READERS.items() if reader.name in offered}


def templates(offered: Collection[str]) -> list[types.ResourceTemplate]:
    return [
        types.ResourceTemplate(
            uri_template=template(words),
            name=reader.resource.word,
            title=reader.title,
            description=f"One {reader.resource.word}, by id or name (percent-encoded).",
            mime_type=JSON,
            icons=[ICON],
        )
        for words, reader in readers(offered).items()
    ]


async def content(account: Account, uri: str) -> types.ReadResourceResult:
    """The same text the tool that reads it would give.

    Raises:
        MCPError: for an address that leads nowhere (-32602), or where the account could not answer (-32603).
    """
    operation, arguments = asked(uri, account.offered)
    try:
        text = render(await run(account, operation, arguments))
    except Trouble as trouble:
        away = isinstance(trouble, GatewayError) and not isinstance(trouble, Refused)
        code = types.INTERNAL_ERROR if away else types.INVALID_PARAMS
        raise MCPError(
            code, explain(trouble, operation, arguments, account.settings.direct, account.offered), {"uri": uri[:200]}
        ) from None
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=JSON, text=text)])


def asked(uri: str, offered: Collection[str]) -> tuple[Operation[..., Any], dict[str, Any]]:
    """The tool and arguments an address stands for; a name may hold what an address would have encoded."""
    found = re.fullmatch(rf"(?i:{SCHEME})://([a-z]+)(?:/(.*))?", uri, re.S)
    words, name = (found[1], unquote(found[2] or "").strip()) if found else ("", "")
    if (words, name) == ("account", "") and describe_account.name in offered:
        return describe_account, {}
    reader = readers(offered).get(words)
    if reader is None or not name:
        known = ", ".join([*(str(one.uri) for one in fixed(offered)), *map(template, readers(offered))]) or "none here"
        raise MCPError(types.INVALID_PARAMS, f"There is no such resource; there are {known}.", {"uri": uri[:200]})
    return reader, {reader.required[0]: name}
