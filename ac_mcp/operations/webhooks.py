"""Webhooks: addresses that ActiveCampaign calls when something happens."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from ac_mcp.messages import Json, Request, as_object
from ac_mcp.public_url import require_public
from ac_mcp.spec.annotations import About, Ref, Wire
from ac_mcp.spec.columns import TEXTS, Code, Reference, Several, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Effects, Offered
from ac_mcp.spec.parameters import AllOfThem, Further, ListRef, Name
from ac_mcp.spec.resource import Lookup, Resource

# Reference 11: the events that /webhook/events names, and five more that the API takes.
Event = Literal[
    "subscribe", "unsubscribe", "update", "contact_tag_added", "contact_tag_removed", "list_add", "subscriber_note",
    "sent", "open", "click", "forward", "share", "reply", "bounce", "deal_add", "deal_update", "deal_note_add",
    "deal_pipeline_add", "deal_stage_add", "deal_task_add", "deal_task_complete", "deal_tasktype_add", "account_add",
    "account_update", "account_contact_add", "account_contact_update", "contact_task_add", "sms_sent", "sms_reply",
    "sms_unsub",
]  # fmt: skip
Source = Literal["public", "admin", "api", "system"]
Url = Annotated[
    str, AfterValidator(require_public), About("Public https address", "https://hooks.acme.com/ac", show_example=False)
]
Events = Annotated[
    list[Event],
    Field(min_length=1),
    # The schema has no enum: it would list thirty words that hardly any call needs.
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
    About(
        "What to report: subscribe, update, contact_tag_added, deal_add or others", ["subscribe"], show_example=False
    ),
]
Sources = Annotated[
    list[Source],
    Field(min_length=1),
    About("Whose changes: forms, users, API, automations", ["public", "admin", "api", "system"], show_example=False),
]
OfList = Annotated[ListRef, Wire("listid"), About("Only for this list", "Newsletter", show_example=False)]
WebhookRef = Annotated[str, Ref("webhooks"), About("Name or id", "CRM mirror", show_example=False)]

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
    lost_for_good="all of it: its address, which may hold a key, is not kept",
    lookup=Lookup(directory=True),
)


@webhooks.get("/webhooks")
async def list_webhooks(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List webhooks: which URLs get notified. Returns addresses and events, a page."""
    return await call()


def explain_disclosure(sent: Json, before: Json) -> str:
    """Return why creating a webhook needs confirmation."""
    return f"From then on ActiveCampaign sends data of contacts and deals to {sent.get('url')}."


@webhooks.post("/webhooks", title="Create a webhook", destructive=True, effects=Effects(asks=explain_disclosure))
async def create_webhook(
    call: Call,
    name: Annotated[Name, About("Name", "CRM mirror", show_example=False)],
    url: Url,
    events: Events,
    sources: Sources,
    list: OfList | None = None,
) -> Json:
    """Create a webhook, a new one for contact or deal events, to notify our server. Returns its id; sends from then
    on."""
    return await call()


@webhooks.get("/webhooks/{webhook}", title="Show a webhook", offered=Offered(on_request=True))
async def get_webhook(call: Call, webhook: WebhookRef) -> Json:
    """Show one webhook. Returns its address, its events, and if it is on."""
    return await call()


def explain_wider_disclosure(sent: Json, before: Json) -> str:
    """Return why changing a webhook needs confirmation: it gets another address, or reports more. "" otherwise."""
    row = as_object(before.get("webhook"))
    reports_more = any(set(sent.get(key) or ()) - set(row.get(key) or ()) for key in ("events", "sources"))
    if reports_more or sent.get("url") not in (None, row.get("url")):
        return explain_disclosure({**row, **sent}, before)
    return ""


@webhooks.put(
    "/webhooks/{webhook}",
    title="Change a webhook",
    effects=Effects(asks=explain_wider_disclosure),
    offered=Offered(on_request=True),
)
async def update_webhook(
    call: Call,
    webhook: WebhookRef,
    name: Annotated[Name, About("Name", "CRM mirror", show_example=False)] | None = None,
    url: Url | None = None,
    events: Events | None = None,
    sources: Sources | None = None,
    list: OfList | None = None,
) -> Json:
    """Change a webhook: its address, name, events or sources, each replaced as a whole. Returns it."""
    return await call()


def explain_lost_webhook(sent: Json, before: Json) -> str:
    """Return why deleting a webhook needs confirmation."""
    return "No undo brings it back: its address, which may hold a key, is not kept here."


@webhooks.delete(
    "/webhooks/{webhook}",
    title="Delete a webhook",
    effects=Effects(asks=explain_lost_webhook),
    offered=Offered(on_request=True),
)
async def delete_webhook(call: Call, webhook: WebhookRef) -> Json:
    """Delete a webhook: stop notifying a URL. Returns its name; cannot be undone."""
    return await call()


@webhooks.get(
    "/webhook/events",
    title="List events of webhooks",
    answer=Answer(verbatim=True, is_single=True, says={"events": TEXTS}),
    offered=Offered(on_request=True),
)
async def list_webhook_events(call: Call) -> Json:
    """List the events a webhook can report, such as subscribe, open, deal_add. Returns their names."""
    body = (await call.sender.send(Request("GET", call.operation.path, repeatable=True))).body
    return {"events": body.get("webhookEvents", [])}
