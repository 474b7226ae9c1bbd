"""Campaigns and the links in them (reference 7); they are written in campaign_writing."""

from .asking import equals
from .resource import Child, Resource
from .shapes import columns

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
    verbs="list get patch",  # The patch changes nothing, whatever is sent (reference 7).
    hidden={"list": "isDoubleOptInCampaign", "one": _ONLY_LISTED, "update": _ONLY_LISTED},
    filters={"filters[seriesid]": equals("seriesid")},
    orders={"sdate": "{sdate}", "ldate": "{ldate}"},
    children=tuple(Child(plural, "campaignid") for plural in ("campaignLists", "campaignMessages", "links")),
)

LINKS = Resource(
    "links",
    "link",
    "Link",
    columns("""campaignid=~ messageid=~ link= name= ref= tracked=1 links=@links id=@id campaign=>campaignid
    message=>messageid"""),
    links="campaign message",
    verbs="",
    indexes="campaignid",
)
