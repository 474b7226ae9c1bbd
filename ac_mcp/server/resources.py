"""Serve records of the account and files of jobs as MCP resources, which a person can attach to a conversation."""

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
    if resource.plane == "api" and (reader := resource.reader) and not reader.options.answer.verbatim
}
"""The operation that reads one record, by the word its address begins with."""


def uri_template(words: str) -> str:
    """Return the address template of the records of a resource."""
    return f"{SCHEME}://{words}/{{id}}"


KINDS = {uri_template(words): reader.resource.plural for words, reader in READERS.items()}
"""The kind whose names and ids an address takes, by its template."""


def fixed_resources(offered: Collection[str]) -> list[types.Resource]:
    """Return the resources with a fixed address: the overview of the account, if its tool is offered."""
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


def usable_readers(offered: Collection[str]) -> Mapping[str, Operation[..., Any]]:
    """Return the readers whose tool is offered: resources give access to no more than the tools do."""
    return {words: reader for words, reader in READERS.items() if reader.name in offered}


def resource_templates(offered: Collection[str]) -> list[types.ResourceTemplate]:
    """Return the address templates of the records that can be read."""
    return [
        types.ResourceTemplate(
            uri_template=uri_template(words),
            name=reader.resource.word,
            title=reader.title,
            description=f"One {reader.resource.word}, by id or name (percent-encoded).",
            mime_type=JSON,
            icons=[ICON],
        )
        for words, reader in usable_readers(offered).items()
    ]


def file_link(text: str) -> types.ResourceLink | None:
    """Return a link to the file that an answer (JSON) names; None if it names none."""
    found = re.search(rf'"(?:resource|failures_file)":"({SCHEME}://(?:exports|jobs)/[^"]+)"', text)
    if not found:
        return None
    name = found[1].partition("://")[2].replace("/", "-")
    mime_type = "text/csv" if found[1].endswith(".csv") else "application/jsonl"
    return types.ResourceLink(uri=found[1], name=name, mime_type=mime_type)


async def read_table(account: Account, uri: str) -> types.ReadResourceResult | None:
    """Return the file of an export or of a job's failed items; None for any other address.

    Raises:
        MCPError: if there is no such file (-32602).
    """
    found = re.fullmatch(
        rf"(?i:{SCHEME})://(?:exports/([0-9]{{1,18}})\.(csv|jsonl)|jobs/([0-9]{{1,18}})/failures\.csv)", uri
    )
    if not found:
        return None
    client = await select_connection(account, account.client_for(list_users, Trail()), list_users)
    job = await account.job_store.find(account.audit_scope(client.caller), int(found[1] or found[3]))
    if job and job.tool in account.tools:
        if not found[1]:
            titles = as_object(job.plan.get("titles"))
            return table_content(uri, "csv", rejected_table(await load_failed_items(account, job.id), titles))
        if job.plan.get("format") == found[2] and "file" not in job.plan and job.state == "done":
            path = export_path(job, AllowedFiles(account.settings.folders, account.folder))
            if path.is_file():
                return table_content(uri, found[2], path.read_text("utf-8"))
    raise MCPError(types.INVALID_PARAMS, "There is no such file (any more), or not yet.", {"uri": uri[:200]})


async def load_failed_items(account: Account, job: int) -> list[Item]:
    """Return the items of a job that failed or were left out on purpose."""
    items = await account.job_store.items(job, ("failed", "idle"), 1_000_000)
    return [item for item in items if item.state == "failed" or item.outcome.startswith(LEFT_OUT)]


def table_content(uri: str, extension: str, text: str) -> types.ReadResourceResult:
    """Return a file as the content of a resource; `extension` is "csv" or "jsonl"."""
    mime_type = "application/jsonl" if extension == "jsonl" else "text/csv"
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=mime_type, text=text)])


async def read_content(account: Account, uri: str) -> types.ReadResourceResult:
    """Return the content of a resource: for a record, the answer of the tool that reads it.

    Raises:
        MCPError: if there is no such resource (-32602), or the account could not answer (-32603).
    """
    if table := await read_table(account, uri):
        return table
    operation, arguments = parse_uri(uri, account.tools)
    try:
        text = render(await execute(account, operation, arguments))
    except ToolError as error:
        unanswered = isinstance(error, GatewayError) and not isinstance(error, RequestRefused)
        code = types.INTERNAL_ERROR if unanswered else types.INVALID_PARAMS
        message = explain(error, operation, arguments, account.settings.direct, account.access)
        raise MCPError(code, message, {"uri": uri[:200]}) from None
    return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=JSON, text=text)])


def parse_uri(uri: str, offered: Collection[str]) -> tuple[Operation[..., Any], dict[str, Any]]:
    """Return the operation and arguments an address stands for; characters in the name need not be encoded.

    Raises:
        MCPError: if there is no such resource (-32602).
    """
    found = re.fullmatch(rf"(?i:{SCHEME})://([a-z]+)(?:/(.*))?", uri, re.S)
    words, name = (found[1], unquote(found[2] or "").strip()) if found else ("", "")
    if (words, name) == ("account", "") and describe_account.name in offered:
        return describe_account, {}
    reader = usable_readers(offered).get(words)
    if reader is None or not name:
        addresses = [str(resource.uri) for resource in fixed_resources(offered)]
        addresses += map(uri_template, usable_readers(offered))
        existing = ", ".join(addresses) or "none here"
        raise MCPError(types.INVALID_PARAMS, f"There is no such resource; there are {existing}.", {"uri": uri[:200]})
    return reader, {reader.required[0]: name}
