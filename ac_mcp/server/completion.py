"""Complete the names a person types into a prompt's argument or a resource's address."""

from collections.abc import Collection

import mcp_types as types

from ac_mcp.calls.account import Account, suggest_names
from ac_mcp.errors import ToolError
from ac_mcp.server.prompts import usable_templates
from ac_mcp.server.resources import KINDS, resource_templates

MAX_VALUES = 100
"""Values that one answer may hold (MCP)."""
NO_COMPLETION = types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))


async def complete_argument(account: Account, params: types.CompleteRequestParams) -> types.CompleteResult:
    """Return the names that contain the typed text; none if there is no key, no connection, or nothing to complete."""
    kind = kind_of(params.ref, params.argument.name, account.tools)
    if not kind:
        return NO_COMPLETION
    try:
        names = await suggest_names(account, kind, params.argument.value)
    except ToolError:
        return NO_COMPLETION  # an error would not help a person who is typing
    completion = types.Completion(values=names[:MAX_VALUES], total=len(names), has_more=len(names) > MAX_VALUES)
    return types.CompleteResult(completion=completion)


def kind_of(
    ref: types.ResourceTemplateReference | types.PromptReference, argument: str, offered: Collection[str]
) -> str:
    """Return the kind of thing an argument names; "" for free text and for what this server does not offer."""
    if isinstance(ref, types.ResourceTemplateReference):
        templates = {template.uri_template for template in resource_templates(offered)}
        return KINDS.get(ref.uri, "") if argument == "id" and ref.uri in templates else ""
    prompt = usable_templates(offered).get(ref.name)
    return next((item.kind for item in prompt.arguments if item.name == argument), "") if prompt else ""
