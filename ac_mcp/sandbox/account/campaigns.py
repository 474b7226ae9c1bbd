"""Campaigns and their links, lists and messages; the API writes campaigns at paths of their own (reference 7)."""

from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns, to_text
from ac_mcp.sandbox.rest.crud import Handler, add_row, change_row, nested_list_handler, remove_row
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.queries import equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Resource, select_belonging
from ac_mcp.sandbox.rest.store import Row, eq

CAMPAIGN = columns("""
type=single userid=1 segmentid=0 bounceid=-1 realcid=0 sendid=0 threadid=0 seriesid=0 formid=0 basetemplateid=0
basemessageid=0 addressid=1 source=web name= cdate=@now mdate=@now sdate=~ ldate=~ send_amt=0 total_amt=0 opens=0
uniqueopens=0 linkclicks=0 uniquelinkclicks=0 subscriberclicks=0 forwards=0 uniqueforwards=0 hardbounces=0 softbounces=0
unsubscribes=0 unsubreasons=0 updates=0 socialshares=0 replies=0 uniquereplies=0 status=0 public=1 mail_transfer=0
mail_send=0 mail_cleanup=0 mailer_log_file=0 tracklinks=all tracklinksanalytics=0 trackreads=1 trackreadsanalytics=1
analytics_campaign_name= tweet=0 facebook=0 survey= embed_images=0 htmlunsub=0 textunsub=0 htmlunsubdata= textunsubdata=
recurring=day1 willrecur=0 split_type=even split_content=0 split_offset=2 split_offset_type=day split_winner_messageid=0
split_winner_awaiting=0 responder_offset=0 responder_type=subscribe responder_existing=0 reminder_field=sdate
reminder_format= reminder_type=month_day reminder_offset=0 reminder_offset_type=day reminder_offset_sign=+
reminder_last_cron_run=~ activerss_interval=day1 activerss_url= activerss_items=10 ip4=0 laststep=designer managetext=0
schedule=0 scheduleddate=~ waitpreview=0 deletestamp=~ replysys=0 created_timestamp=^cdate updated_timestamp=^mdate
created_by=1 updated_by=1 ip=0 series_send_lock_time="0000-00-00 00:00:00" can_skip_approval=0 use_quartz_scheduler=0
verified_opens=0 verified_unique_opens=0 predictive_send=0 repair_timestamp="0000-00-00 00:00:00"
has_outdated_translations=0 hasTranslations=0 repair_by_pydex=0 additional_data= moderation_status=0
isDoubleOptInCampaign=! numberOfMessages=1 campaignIsText=0 has_predictive_content=0 campaign_message_id=~ message_id=~
format=mime ed_version=3 segmentname= screenshot=//img-us3.com/_screenshot_/campaign.jpeg typeText=One-Time
statusToolTip= statusString=Draft groupLimitViolation=! links=@links id=@id user=>userid automation=>seriesid
""")

_ONLY_LISTED = "numberOfMessages campaignIsText typeText statusToolTip statusString groupLimitViolation"

CAMPAIGNS = Resource(
    "campaigns",
    "campaign",
    "Campaign",
    CAMPAIGN,
    links="user automation campaignMessage campaignMessages links aggregateRevenues segment campaignLists",
    verbs="list get patch",  # PATCH changes nothing, whatever is sent (reference 7).
    hidden={"list": "isDoubleOptInCampaign", "one": _ONLY_LISTED, "update": _ONLY_LISTED},
    filters={"filters[seriesid]": equals("seriesid")},
    orders={"sdate": "{sdate}", "ldate": "{ldate}"},
    children=tuple(Child(plural, "campaignid") for plural in ("campaignLists", "campaignMessages", "links")),
)

LINKS = Resource(
    "links",
    "link",
    "Link",
    columns("""campaignid=~ messageid=~ link= name= ref= tracked=1 uniquelinkclicks=0 linkclicks=0
    created_timestamp=@clock updated_timestamp=@clock created_by=~ updated_by=~ links=@links id=@id
    campaign=>campaignid message=>messageid"""),
    links="campaign message",
    verbs="list get",
    indexes="campaignid",
)

_ONLY_IN_LINKS = [
    "uniquelinkclicks",
    "linkclicks",
    "created_timestamp",
    "updated_timestamp",
    "created_by",
    "updated_by",
]


def list_links(call: Call) -> Answer:
    """List the links of a campaign, with fewer keys than GET /links has (reference 7)."""
    answer = _list_links(call)
    rows: list[Row] = answer.body["links"]
    return Answer(200, {"links": [{key: row[key] for key in row if key not in _ONLY_IN_LINKS} for row in rows]})


_list_links = nested_list_handler(CAMPAIGNS, "links", "campaignid")


# The keys in the body of an edit, and the campaign's keys they set.
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


def create_campaign(call: Call) -> Answer:
    sent = as_object(call.body)
    errors = [error for name in ("name", "type") for error in _problems(name, sent.get(name))]
    if errors:
        raise Refusal(400, {"errors": errors})
    row = add_row(call, CAMPAIGNS, {"name": sent["name"], "type": sent["type"], "split_content": _flag(sent)})
    return _campaign_answer(row)


def _problems(name: str, value: Any) -> list[str]:
    if value in (None, "", [], {}):
        return [f"Field {name} is required"]
    if not isinstance(value, str):
        return [f"Field {name} must be of type string"]
    return ["Field type is not valid"] if name == "type" and value not in TYPES else []


def _flag(sent: Row) -> str | None:
    return to_text(bool(sent.get("canSplitContent")))


def _campaign_answer(row: Row) -> Answer:
    body = {"id": int(row["id"]), "name": row["name"], "type": row["type"]}
    return Answer(200, {**body, "canSplitContent": row["split_content"] == "1"})


def edit_campaign(call: Call) -> Answer:
    """Change what was sent; no documentation shows the answer, so it is the answer to a creation."""
    row, sent = call.require_row("campaigns", call.path["id"]), as_object(call.body)
    errors = [error for name in ("name", "type") if name in sent for error in _problems(name, sent[name])]
    if errors:
        raise Refusal(400, {"errors": errors})
    values = {key: to_text(sent[name]) for name, key in _EDITED.items() if name in sent}
    after = change_row(call, CAMPAIGNS, row, {**values, "mdate": call.stamp})
    if "listIds" in sent:
        _replace_lists(call, row["id"], as_array(sent["listIds"]))
    return _campaign_answer(after)


def _replace_lists(call: Call, campaign: str, lists: list[Any]) -> None:
    call.store.delete("campaignLists", eq("campaignid", campaign))
    for number in lists:
        list_row = call.store.get("lists", number)
        if list_row:
            add_row(call, CAMPAIGN_LISTS, {"campaignid": campaign, "listid": list_row["id"]})


def copy_campaign(call: Call) -> Answer:
    """Create a draft with the same content; refuse for the e-mail of an automation."""
    row = call.require_row("campaigns", call.path["id"])
    if row["seriesid"] != "0":
        raise Refusal(400, "Bad request. You are not allowed to copy this campaign.")
    names_to_copy = ("type", "segmentid", "addressid", "campaign_message_id", "message_id", "split_content", "format")
    fresh = add_row(call, CAMPAIGNS, {"name": f"{row['name']} (Copy)", **{key: row[key] for key in names_to_copy}})
    for resource, names in ((CAMPAIGN_LISTS, ("listid",)), (CAMPAIGN_MESSAGES, ("messageid", "sourcesize"))):
        for other in select_belonging(call, resource.plural, "campaignid", row["id"]):
            add_row(call, resource, {"campaignid": fresh["id"], **{key: other[key] for key in names}})
    return Answer(200, {"succeeded": 1, "message": "Campaign draft copied.", "newCampaignId": int(fresh["id"])})


def delete_campaign(call: Call) -> Answer:
    """Delete a campaign; one that is being sent stays, and the answer is a 200 with `succeeded` 0."""
    row = call.require_row("campaigns", call.path["id"])
    if row["status"] == "2":
        return Answer(200, {"succeeded": 0, "message": "Campaign could not be deleted."})
    remove_row(call, CAMPAIGNS, row)
    return Answer(200, {"succeeded": 1, "message": "Campaign deleted."})


def parent_handler(plural: str, column: str) -> Handler:
    """Return a handler for the row that a campaign names in `column`; it answers {} where the campaign names none."""

    def handle(call: Call) -> Answer:
        row = call.store.get(plural, call.require_row("campaigns", call.path["id"])[column])
        return Answer(200, {call.catalog[plural].singular: call.render(plural, [row], "one")[0]} if row else {})

    return handle
