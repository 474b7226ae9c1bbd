"""What automations are made of; no documentation names these collections.

The keys are those a Singer tap reads from live accounts; it lowers camel case, so that the case of some is a guess.
"""

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.resource import Resource

BLOCKS = Resource(
    "automationBlocks",
    "automationBlock",
    "AutomationBlock",
    columns("automation=~ parent=0 ordernum=0 type= params=[] deleted=0 cdate=@now mdate=@now links=@links id=@id"),
    links="automation",
    verbs="list get",
    json_keys="params",
    indexes="automation",
)

GOALS = Resource(
    "goals",
    "goal",
    "Goal",
    columns("""blockid=~ seriesid=~ name= cdate=@now dirtyStats=0 links=@links id=@id automation=>seriesid
    automationBlock=>blockid"""),
    links="automation automationBlock contactGoals",
    verbs="list get",
    indexes="seriesid",
)

SMS = Resource(
    "sms",
    "sm",
    "Sms",
    columns("""userid=1 seriesid=~ msg= tstamp=@now tf_day= tf_hr_from=0 tf_hr_to=0 sent=0 failed=0 unsubscribes=0
    replies=0 uniquereplies=0 sdate=~ ldate=~ links=@links id=@id user=>userid automation=>seriesid"""),
    links="user automation",
    verbs="list get",
    indexes="seriesid",
)

SITE_MESSAGES = Resource(
    "siteMessages",
    "siteMessage",
    "SiteMessage",
    columns("name= automation=~ template=[] ldate=~ links=@links id=@id"),
    links="automation",
    verbs="list get",
    json_keys="template",
    indexes="automation",
)

PARTS = (BLOCKS, GOALS, SMS, SITE_MESSAGES)
