"""Names that could complete what a person begins to type into a prompt or a resource's address."""

from collections.abc import Collection

import mcp_types as types

from ac_mcp.calls.account import Account, suggest_names
from ac_mcp.errors import ToolError
from ac_mcp.server.prompts import usable_templates
from ac_mcp.server.resources import KINDS, templates

MOST = 100
"""Values one answer may hold (MCP)."""
NOTHING = types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))


async def complete_argument(account: Account, params: types.CompleteRequestParams) -> types.CompleteResult:
    """The names that hold what was typed; none where there is no key, no connection, or nothing to complete."""
    kind = kind_of(params.ref, params.argument.name, account.tools)
    if not kind:
        return NOTHING
    try:
        names = await suggest_names(account, kind, params.argument.value)
    except ToolError:
        return NOTHING  # whoever is typing is helped by names or by nothing
    shown = types.Completion(values=names[:MOST], total=len(names), has_more=len(names) > MOST)
    return types.CompleteResult(completion=shown)


def kind_of(
    ref: types.ResourceTemplateReference | types.PromptReference, argument: str, offered: Collection[str]
) -> str:
    """The kind of thing an argument names; empty for free text and for what there is not here."""
    if isinstance(ref, types.ResourceTemplateReference):
        there = {one.uri_template for one in templates(offered)}
        return KINDS.get(ref.uri, "") if argument == "id" and ref.uri in there else ""
    job = usable_templates(offered).get(ref.name)
    return next((one.kind for one in job.arguments if one.name == argument), "") if job else ""
