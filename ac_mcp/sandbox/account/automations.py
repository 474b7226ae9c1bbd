"""Automations, which the API only reads, and the entries of contacts into them (reference 6)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns, to_number
from ac_mcp.sandbox.rest.crud import add_row
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View
from ac_mcp.sandbox.rest.store import Row, Where, eq


def _meta(call: Call, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    starts = [{"id": row["startid"], "series": row["id"], "type": row["start"], "dealfield": False} for row in rows]
    return {"starts": starts, "filtered": False, "smsLogs": []}


AUTOMATIONS = Resource(
    "automations",
    "automation",
    "Series",
    columns("""name= cdate=@now mdate=@now userid=1 status=1 entered=0 exited=0 hidden=0 entitlements_violation=0
    source=0 description=~ exit_on_unsubscribe=0 exit_on_conversion=0 multientry=1
    defaultscreenshot=//img-us1.com/default-series.gif screenshot=//img-us3.com/_screenshot_/series.jpeg
    links=@links id=@id start=none startid=0 elements=6"""),
    links="campaigns contactGoals contactAutomations blocks goals sms sitemessages triggers",
    verbs="list get",
    hidden={"list": "start startid elements", "one": "start startid elements defaultscreenshot screenshot"},
    meta=_meta,
)


def _meta_entries(call: Call, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    return {"showcase_stats": []}


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    """Turn the counters into numbers, although the rest of the row is text (reference 6)."""
    for row in rendered:
        for name in (
            "completed",
            "completeValue",
            *(() if view == "create" else ("completedElements", "totalElements")),
        ):
            row[name] = to_number(row[name])
        if view == "create":
            del row["links"]["automationLogs"]


CONTACT_AUTOMATIONS = Resource(
    "contactAutomations",
    "contactAutomation",
    "SubscriberSeries",
    columns("""contact=~ seriesid=~ startid=0 status=1 batchid=~ adddate=@now remdate=~ timespan=~ lastblock=0
    lastlogid=0 lastdate=@now in_als=0 completedElements=0 totalElements=6 completed=0 completeValue=0 links=@links
    id=@id
    automation=>seriesid"""),
    links="automation contact contactGoals automationLogs",
    verbs="list get delete",
    slim="""contact seriesid startid=#0 status=#1 lastblock completedElements totalElements completed completeValue
    links id automation""",
    indexes="contact seriesid",
    orders={"lastdate": "{lastdate}"},
    meta=_meta_entries,
    finish=_finish,
)


def add_contact(call: Call) -> Answer:
    """Put a contact into an automation; every refusal has the same answer, whatever the reason (reference 6)."""
    sent = {
        key: value for key, value in call.unwrapped("contactAutomation").items() if key in ("contact", "automation")
    }
    contact, automation = (
        call.store.get("contacts", sent.get("contact")),
        call.store.get("automations", sent.get("automation")),
    )
    if contact is None or automation is None or not _can_enter(call, contact, automation):
        raise Refusal(403, {"message": "Could not create SubscriberSeries"})
    total = int(automation["elements"])
    first = call.store.find("automationBlocks", eq("automation", automation["id"]))
    progress = {
        "lastblock": first["id"] if first else "0",
        "completedElements": "1",
        "totalElements": total,
        "completeValue": round(100 / total),
    }
    row = add_row(call, CONTACT_AUTOMATIONS, {"contact": contact["id"], "seriesid": automation["id"], **progress})
    call.store.update("automations", automation["id"], {"entered": str(int(automation["entered"]) + 1)})
    rendered = {**call.render("contactAutomations", [row], "create")[0], **sent}
    return Answer(201, {"contacts": call.sideload("contacts", contact["id"]), "contactAutomation": rendered})


def _can_enter(call: Call, contact: Row, automation: Row) -> bool:
    """Whether the contact is outside now, and was never inside or the automation allows several entries."""
    entries = (eq("contact", contact["id"]), eq("seriesid", automation["id"]))
    inside = call.store.count("contactAutomations", *entries, eq("status", "1"))
    return not inside and (automation["multientry"] == "1" or not call.store.count("contactAutomations", *entries))
