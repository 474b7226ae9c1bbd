"""Webhooks: addresses that ActiveCampaign calls when something happens."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from ac_mcp.addresses import public
from ac_mcp.columns import Code, Reference, Several, Text
from ac_mcp.marks import About, Wire
from ac_mcp.operation import Call
from ac_mcp.parameters import AllOfThem, Further, Id, ListRef, Name
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
        Text("url", most=2000),
        Several("events"),
        Several("sources"),
        Reference("list", "listid", kind="lists"),
        Code("status", "state", codes={"0": "off", "1": "on"}),
    ),
    example="CRM mirror",
)


@webhooks.get("/webhooks")
async def list_webhooks(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List webhooks: which URLs get notified. Returns addresses and events, a page."""
    return await call()


def sends_away(sent: Json, before: Json) -> str:
    return f"From then on ActiveCampaign sends data of contacts and deals to {sent.get('url')}."


@webhooks.post("/webhooks", title="Create a webhook", destructive=True, asks=sends_away)
async def create_webhook(
    call: Call,
    name: Annotated[Name, About("Name", "CRM mirror", shown=False)],
    url: Annotated[
        str, AfterValidator(public), About("Public https address", "https://hooks.acme.com/ac", shown=False)
    ],
    events: Annotated[
        list[Event],
        Field(min_length=1),
        WithJsonSchema({"type": "array", "items": {"type": "string"}}),  # thirty words that hardly any call needs
        About("What to report: subscribe, update, contact_tag_added, deal_add or others", ["subscribe"], shown=False),
    ],
    sources: Annotated[
        list[Source],
        Field(min_length=1),
        About("Whose changes: forms, users, API, automations", ["public", "admin", "api", "system"], shown=False),
    ],
    list: Annotated[ListRef, Wire("listid"), About("Only for this list", "Newsletter", shown=False)] | None = None,
) -> Json:
    """Create a webhook, a new one for contact or deal events, to notify our server. Returns its id; sends from then
    on."""
    return await call()


@webhooks.delete("/webhooks/{webhook}", tool=False)
async def delete_webhook(call: Call, webhook: Id) -> Json:
    """Delete a webhook."""
    return await call()
