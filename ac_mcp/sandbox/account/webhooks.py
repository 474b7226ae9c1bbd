"""Webhooks and the events they can subscribe to (reference 11)."""

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.queries import contains, equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource

EVENTS = """bounce click contact_tag_added contact_tag_removed deal_add deal_note_add deal_pipeline_add deal_stage_add
deal_task_add deal_task_complete deal_tasktype_add deal_update forward list_add open reply sent share sms_reply sms_sent
sms_unsub subscribe subscriber_note unsubscribe update"""

WEBHOOKS = Resource(
    "webhooks",
    "webhook",
    "Webhook",
    columns("cdate=@now listid=0 name= url= events=[] sources=[] state=1 deactivated_date=~ links=@links id=@id"),
    writes="name url events sources listid",
    slim="cdate listid name url events sources links id",
    required={name: f"The webhook {name} was not provided." for name in ("name", "url", "events", "sources")},
    filters={
        "filters[name]": contains("name"),
        "filters[url]": contains("url"),
        "filters[listid]": equals("listid"),
    },
)


def list_events(call: Call) -> Answer:
    names = EVENTS.split()
    return Answer(200, {"webhookEvents": names, "meta": {"total": len(names)}})
