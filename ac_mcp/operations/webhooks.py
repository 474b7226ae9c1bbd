"""Webhooks: addresses that ActiveCampaign calls when something happens."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from ac_mcp.columns import Code, Reference, Several, Text
from ac_mcp.marks import About, Wire
from ac_mcp.operation import Call
from ac_mcp.parameters import ListRef, Name, Offset, https
from ac_mcp.request import Json
from ac_mcp.resource import Resource

# Reference 11: what /webhook/events names, and five that are taken beside them.
Event = Literal[
    "subscribe", "unsubscribe", "update", "contact_tag_added", "contact_tag_removed", "list_add", "subscriber_note",
    "sent", "open", "click", "forward", "share", "reply", "bounce", "deal_add", "deal_update", "deal_note_add",
    "deal_pipeline_add", "deal_stage_add", "deal_task_add", "deal_task_complete", "deal_tasktype_add", "account_add",
    "account_update", "account_contact_add", "account_contact_update", "contact_task_add", "sms_sent", "sms_reply",
    "sms_unsub",
]  # fmt: skip
Source = Literal["public", "admin", "api", "system"]

webhooks = Resource(
    "webhook",
    "webhooks",
    (
        Text("name"),
        Text("url"),
        Several("events"),
        Several("sources"),
        Reference("list", "listid", kind="lists"),
        Code("status", "state", codes={"0": "off", "1": "on"}),
    ),
    example="CRM mirror",
)


@webhooks.get("/webhooks", query={"limit": "100"})
async def list_webhooks(call: Call, offset: Offset = 0) -> Json:
    """List the webhooks: which address is called on which events."""
    return await call()


@webhooks.post("/webhooks", destructive=True)
async def create_webhook(
    call: Call,
    name: Annotated[Name, About("Name", "CRM mirror", shown=False)],
    url: Annotated[str, AfterValidator(https), About("Public https address", "https://hooks.acme.com/ac")],
    events: Annotated[list[Event], About("What to report", ["subscribe"], shown=False)],
    sources: Annotated[
        list[Source],
        About("Whose changes: forms, users, API, automations", ["public", "admin", "api", "system"], shown=False),
    ],
    list: Annotated[ListRef, Wire("listid"), About("Only for this list", "Newsletter", shown=False)] | None = None,
) -> Json:
    """Create a webhook: from now on ActiveCampaign sends contact or deal data to this address on these events."""
    return await call()
