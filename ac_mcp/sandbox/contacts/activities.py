"""What was done with a contact: its feed, its e-mails, its log (reference 3.4 and 12)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.crud import listing
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.queries import dated, equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View
from ac_mcp.sandbox.rest.store import Row


def _refer(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    for row, out in zip(rows, shown, strict=True):
        out["reference"] = {"type": row["referenceModelName"], "id": row["reference_id"]}


ACTIVITIES = Resource(
    "activities",
    "activity",
    "Activity",
    columns("""tstamp=@now subscriberid=~ reference_type=SubscriberEmail reference_id=~ reference_action= jsonData=~
    userid=1 permission= referenceModelName=contact-email notes=[] recipients=[] reference=~ user=>userid id=@id"""),
    verbs="",
    indexes="subscriberid",
    filters={"contact": equals("subscriberid"), "after": dated("tstamp", ">")},
    orders={"tstamp": "{tstamp}"},
    finish=_refer,
)

_listed = listing(ACTIVITIES)


def feed(call: Call) -> Answer:
    """Only of one contact; what the API says without one is not published."""
    if not call.params.get("contact"):
        raise Refusal(400, {"message": "The contact parameter is required."})
    call.fetch("contacts", call.params["contact"])
    return _listed(call)


def _refer_email(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    for row, out in zip(rows, shown, strict=True):
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
    finish=_refer_email,
)

# Its rows are not published anywhere; these are those of the tracking log's kin.
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
