"""Things of the account as MCP resources: what a person can attach to a conversation."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

import mcp_types as types
from mcp import MCPError

from ac_mcp.calls.account import Account, select_connection
from ac_mcp.calls.execute import execute
from ac_mcp.errors import GatewayError, RequestRefused, ToolError
from ac_mcp.gateway.call_client import Trail
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.exports import rejected_table
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.report import LEFT_OUT, export_path
from ac_mcp.messages import as_object
from ac_mcp.operations import RESOURCES
from ac_mcp.operations.overview import describe_account
from ac_mcp.operations.users import list_users
from ac_mcp.results.encoding import render
from ac_mcp.results.next_call import explain
from ac_mcp.server.icon import ICON
from ac_mcp.spec.operation import Operation

SCHEME, JSON = "activecampaign", "application/json"
ACCOUNT = f"{SCHEME}://account"
READERS: Mapping[str, Operation[..., Any]] = {
    resource.words: reader
    for resource in RESOURCES
    if resource.plane == "api" and (reader := resource.reader) and not reader.options.get("verbatim")
}
"""What stands for one thing, by the word its address begins with."""


def template(words: str) -> str:
    return f"{SCHEME}://{words}/{{id}}"


KINDS = {template(words): reader.resource.plural for words, reader in READERS.items()}
"""The kind of thing each address takes the name or id of."""


def fixed_resources(offered: Collection[str]) -> list[types.Resource]:
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


def file_link(text: str) -> types.ResourceLink | None:
    """The file an answer tells of."""
    found = re.search(rf'"(?:resource|failures_file)":"({SCHEME}://(?:exports|jobs)/[^"]+)"', text)
    if not found:
        return None
    name = found[1].partition("://")[2].replace("/", "-")
    kind = "text/csv" if found[1].endswith(".csv") else "application/jsonl"
    return types.ResourceLink(uri=found[1], name=name, mime_type=kind)


async def read_table(account: Account, uri: str) -> types.ReadResourceResult | None:
    """The file of an export, or what failed of a job; None for any other address.

    Raises:
        MCPError: where there is none such.
    """
    found = re.fullmatch(
        rf"(?i:{SCHEME})://(?:exports/([0-9]{{1,18}})\.(csv|jsonl)|jobs/([0-9]{{1,18}})/failures\.csv)", uri
    )
    if not found:
        return None
    bound = await select_connection(account, account.client_for(list_users, Trail()), list_users)
    job = await account.job_store.find(account.audit_scope(bound.caller), int(found[1] or found[3]))
    if job and job.tool in account.tools:
        if not found[1]:
            titles = as_object(job.plan.get("titles"))
            return content_of(uri, "csv", rejected_table(await failed_rows(account, job.id), titles))
        if job.plan.get("format") == found[2] and "file" not in job.plan and job.state == "done":
            path = export_path(job, AllowedFiles(account.settings.folders, account.folder))
            if path.is_file():
                return content_of(uri, found[2], path.read_text("utf-8"))
    raise MCPError(types.INVALID_PARAMS, "There is no such file (any more), or not yet.", {"uri": uri[:200]})


async def failed_rows(account: Account, job: int) -> list[Item]:
    """What failed, and what was left out on purpose."""
    found = await account.job_store.items(job, ("failed", "idle"), 1_000_000)
    return [item for item in found if item.state == "failed" or item.outcome.startswith(LEFT_OUT)]


def content_of(uri: str, form: str, text: str) -> types.ReadResourceResult:
    kind = "application/jsonl" if form == "jsonl" else "text/csv"
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=kind, text=text)])


async def read_content(account: Account, uri: str) -> types.ReadResourceResult:
    """The same text the tool that reads it would give.

    Raises:
        MCPError: for an address that leads nowhere (-32602), or where the account could not answer (-32603).
    """
    if found := await read_table(account, uri):
        return found
    operation, arguments = parse_uri(uri, account.tools)
    try:
        text = render(await execute(account, operation, arguments))
    except ToolError as trouble:
        away = isinstance(trouble, GatewayError) and not isinstance(trouble, RequestRefused)
        code = types.INTERNAL_ERROR if away else types.INVALID_PARAMS
        raise MCPError(
            code, explain(trouble, operation, arguments, account.settings.direct, account.access), {"uri": uri[:200]}
        ) from None
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=JSON, text=text)])


def parse_uri(uri: str, offered: Collection[str]) -> tuple[Operation[..., Any], dict[str, Any]]:
    """The tool and arguments an address stands for; a name may hold what an address would have encoded."""
    found = re.fullmatch(rf"(?i:{SCHEME})://([a-z]+)(?:/(.*))?", uri, re.S)
    words, name = (found[1], unquote(found[2] or "").strip()) if found else ("", "")
    if (words, name) == ("account", "") and describe_account.name in offered:
        return describe_account, {}
    reader = readers(offered).get(words)
    if reader is None or not name:
        known = (
            ", ".join([*(str(one.uri) for one in fixed_resources(offered)), *map(template, readers(offered))])
            or "none here"
        )
        raise MCPError(types.INVALID_PARAMS, f"There is no such resource; there are {known}.", {"uri": uri[:200]})
    return reader, {reader.required[0]: name}
