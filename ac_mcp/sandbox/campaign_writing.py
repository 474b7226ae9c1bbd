"""Campaigns are written at addresses of their own, unwrapped (reference 7)."""

from typing import Any

from .campaigns import CAMPAIGNS
from .generic import Handler, add, change, remove
from .refusal import Refusal
from .resource import Answer, Call, Resource, belonging
from .shapes import as_array, as_object, columns, text
from .store import Row, eq

# What the body of an edit calls the keys of a campaign.
_EDITED = {
    "name": "name",
    "type": "type",
    "segmentId": "segmentid",
    "addressId": "addressid",
    "readTrackingEnabled": "trackreads",
    "replyTrackingEnabled": "replysys",
    "publicCampaignArchive": "public",
    "canSplitContent": "split_content",
    "scheduledDate": "scheduleddate",
}

TYPES = ("single", "recurring", "split", "responder", "reminder", "special", "activerss", "text")

CAMPAIGN_LISTS = Resource(
    "campaignLists",
    "campaignList",
    "CampaignList",
    columns("campaignid=~ listid=~ list_amt=0 links=@links id=@id campaign=>campaignid list=>listid"),
    links="campaign list",
    verbs="list",
    indexes="campaignid",
)

CAMPAIGN_MESSAGES = Resource(
    "campaignMessages",
    "campaignMessage",
    "CampaignMessage",
    columns("""campaignid=~ messageid=~ percentage=100 sourcesize=0 send_amt=0 total_amt=0 opens=0 uniqueopens=0
    linkclicks=0 uniquelinkclicks=0 subscriberclicks=0 links=@links id=@id campaign=>campaignid message=>messageid"""),
    links="campaign message",
    verbs="list",
    indexes="campaignid",
)


def create(call: Call) -> Answer:
    sent = as_object(call.body)
    errors = [error for name in ("name", "type") for error in _wrong(name, sent.get(name))]
    if errors:
        raise Refusal(400, {"errors": errors})
    row = add(call, CAMPAIGNS, {"name": sent["name"], "type": sent["type"], "split_content": _flag(sent)})
    return _written(row)


def _wrong(name: str, value: Any) -> list[str]:
    if value in (None, "", [], {}):
        return [f"Field {name} is required"]
    if not isinstance(value, str):
        return [f"Field {name} must be of type string"]
    return ["Field type is not valid"] if name == "type" and value not in TYPES else []


def _flag(sent: Row) -> str | None:
    return text(bool(sent.get("canSplitContent")))


def _written(row: Row) -> Answer:
    shown = {"id": int(row["id"]), "name": row["name"], "type": row["type"]}
    return Answer(200, {**shown, "canSplitContent": row["split_content"] == "1"})


def edit(call: Call) -> Answer:
    """What was sent is changed; the answer is documented nowhere, so it is that of a creation."""
    row, sent = call.fetch("campaigns", call.path["id"]), as_object(call.body)
    errors = [error for name in ("name", "type") if name in sent for error in _wrong(name, sent[name])]
    if errors:
        raise Refusal(400, {"errors": errors})
    values = {key: text(sent[name]) for name, key in _EDITED.items() if name in sent}
    after = change(call, CAMPAIGNS, row, {**values, "mdate": call.stamp})
    if "listIds" in sent:
        _send_to(call, row["id"], as_array(sent["listIds"]))
    return _written(after)


def _send_to(call: Call, campaign: str, lists: list[Any]) -> None:
    call.store.delete("campaignLists", eq("campaignid", campaign))
    for number in lists:
        known = call.store.get("lists", number)
        if known:
            add(call, CAMPAIGN_LISTS, {"campaignid": campaign, "listid": known["id"]})


def copy(call: Call) -> Answer:
    """A draft with the same content; an automation's e-mail cannot be copied."""
    row = call.fetch("campaigns", call.path["id"])
    if row["seriesid"] != "0":
        raise Refusal(400, "Bad request. You are not allowed to copy this campaign.")
    kept = ("type", "segmentid", "addressid", "campaign_message_id", "message_id", "split_content", "format")
    fresh = add(call, CAMPAIGNS, {"name": f"{row['name']} (Copy)", **{key: row[key] for key in kept}})
    for place, names in ((CAMPAIGN_LISTS, ("listid",)), (CAMPAIGN_MESSAGES, ("messageid", "sourcesize"))):
        for other in belonging(call, place.plural, "campaignid", row["id"]):
            add(call, place, {"campaignid": fresh["id"], **{key: other[key] for key in names}})
    return Answer(200, {"succeeded": 1, "message": "Campaign draft copied.", "newCampaignId": int(fresh["id"])})


def delete(call: Call) -> Answer:
    """A failure is a success too, with `succeeded` 0: what is being sent stays."""
    row = call.fetch("campaigns", call.path["id"])
    if row["status"] == "2":
        return Answer(200, {"succeeded": 0, "message": "Campaign could not be deleted."})
    remove(call, CAMPAIGNS, row)
    return Answer(200, {"succeeded": 1, "message": "Campaign deleted."})


def parent(plural: str, column: str) -> Handler:
    """The one row a campaign names; an empty object where it names none."""

    def handle(call: Call) -> Answer:
        row = call.store.get(plural, call.fetch("campaigns", call.path["id"])[column])
        return Answer(200, {call.catalog[plural].singular: call.show(plural, [row], "one")[0]} if row else {})

    return handle
