"""The activity feed, the e-mails and the log of a contact (reference 3.4 and 12)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import list_handler
from ac_mcp.sandbox.rest.queries import compares_date, equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View
from ac_mcp.sandbox.rest.store import Row


def _add_reference(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    for row, out in zip(rows, rendered, strict=True):
        out["reference"] = {"type": row["referenceModelName"], "id": row["reference_id"]}


ACTIVITIES = Resource(
    "activities",
    "activity",
    "Activity",
    columns("""tstamp=@now subscriberid=~ reference_type=SubscriberEmail reference_id=~ reference_action= jsonData=~
    userid=1 permission= referenceModelName=contact-email notes=[] recipients=[] reference=~ user=>userid id=@id"""),
    verbs="",
    indexes="subscriberid",
    filters={"contact": equals("subscriberid"), "after": compares_date("tstamp", ">")},
    orders={"tstamp": "{tstamp}"},
    finish=_add_reference,
)

_list = list_handler(ACTIVITIES)


def feed(call: Call) -> Answer:
    """List the activities of one contact, or of all; no filter narrows them but `after`."""
    if call.params.get("contact"):
        call.require_row("contacts", call.params["contact"])
    return _list(call)


def _add_email_reference(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    for row, out in zip(rows, rendered, strict=True):
        out["reference"] = {"type": "contact-email", "id": row["relid"]}


EMAIL_ACTIVITIES = Resource(
    "emailActivities",
    "emailActivity",
    "EmailActivity",
    columns("""subscriberid=~ userid=1 d_id=0 account=~ reltype=SubscriberEmail relid=0 from_name= fromAddress=
    toAddress= ccAddress= subject= message= messageHtml= tstamp=@now sentiment=~ links=@links id=@id
    contact=>subscriberid deal=>d_id user=>userid reference=~"""),
    links="contact deal user reference account",
    verbs="list get",
    indexes="subscriberid d_id",
    filters={"filters[subscriberid]": equals("subscriberid"), "filters[dealId]": equals("d_id")},
    orders={"tstamp": "{tstamp}"},
    finish=_add_email_reference,
)

# The e-mails that activities refer to; no documentation names this collection.
CONTACT_EMAILS = Resource(
    "contactEmails",
    "contactEmail",
    "ContactEmail",
    columns("""messageid=0 seriesid=0 messageheader= userid=1 d_id=0 subscriberid=~ account=~ ip=0.0.0.0 sdate=@now
    source= links=@links id=@id user=>userid deal=>d_id contact=>subscriberid message=>messageid"""),
    links="user deal contact message",
    verbs="list get",
    indexes="subscriberid",
)

# These rows are published nowhere; the columns follow the tracking log.
CONTACT_LOGS = Resource(
    "contactLogs",
    "contactLog",
    "ContactLog",
    columns("""subscriberid=~ campaignid=0 messageid=0 type=sent tstamp=@now links=@links id=@id contact=>subscriberid
    campaign=>campaignid message=>messageid"""),
    links="contact campaign message",
    verbs="",
    indexes="subscriberid",
)
