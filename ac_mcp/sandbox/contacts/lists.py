"""Lists, the groups that may see them, and the contacts on them (reference 4.3, 4.4)."""

from collections.abc import Sequence
from typing import Any

from ac_mcp.sandbox.rest.columns import columns, to_number, to_text
from ac_mcp.sandbox.rest.crud import Handler, add_row, update_handler
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import operator_filters
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Filter, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .contacts import touch_contact
from .counters import current_counters, hold_counters

LIST = columns("""
stringid= userid=0 name= cdate=@now p_use_tracking=1 p_use_analytics_read=0 p_use_analytics_link=0 p_use_twitter=0
p_use_facebook=0 p_embed_image=1 p_use_captcha=1 send_last_broadcast=0 private=0 analytics_domains=~ analytics_source=
analytics_ua= twitter_token= twitter_token_secret= facebook_session=~ carboncopy= subscription_notify=
unsubscription_notify= require_name=0 get_unsubscribe_reason=0 to_name=Subscriber optinoptout=1 sender_name=
sender_addr1= sender_addr2= sender_city= sender_state= sender_zip= sender_country= sender_phone= sender_url=
sender_reminder= fulladdress= optinmessageid=0 optoutconf=0 deletestamp=~ udate=@now created_timestamp=^cdate
updated_timestamp=^udate created_by=~ updated_by=~ channel=email description= non_deleted_subscribers=0
active_subscribers=0 links=@links id=@id user=>userid
""")

WRITES = """name stringid sender_url sender_reminder send_last_broadcast carboncopy subscription_notify channel user
userid unsubscription_notify description to_name sender_name sender_addr1 sender_addr2 sender_city sender_state
sender_zip sender_country sender_phone private"""

COUNTS = "non_deleted_subscribers active_subscribers"


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    """`user` wins over `userid` (reference 4.3); a new list belongs to the key's user."""
    default: Row = {} if row else {"userid": "1"}
    owner: Row = {"userid": sent["user"]} if sent.get("user") else {}
    return {**default, **{key: value for key, value in sent.items() if key != "user"}, **owner}


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    for row, out in zip(rows, rendered, strict=True):
        if view == "list":
            out |= current_counters(call, "lists", row)
        if view == "create":
            out["userid"] = out["user"] = to_number(row["userid"])


def _required(*names: str) -> dict[str, str]:
    return {name: f"The list {name} was not provided." for name in names}


LISTS = Resource(
    "lists",
    "list",
    "_List",
    LIST,
    links="contactGoalLists user addressLists",
    verbs="list get create delete",
    writes=WRITES,
    slim="""name channel stringid sender_url sender_reminder description send_last_broadcast=#0 carboncopy
    subscription_notify unsubscription_notify userid cdate udate links id user""",
    hidden={"one": COUNTS, "update": COUNTS, "side": COUNTS},
    stamped_on_update="udate",
    filled_on_update="created_by=0 updated_by=1 analytics_domains= facebook_session=",
    required=_required("name", "stringid", "sender_url", "sender_reminder"),
    filters=operator_filters("filters[name]", "name"),
    orders={"name": "{name}"},
    children=(Child("contactLists", "list"), Child("listGroups", "list")),
    prepare=_prepare,
    finish=_finish,
)


def update_list(call: Call) -> Answer:
    answer = _update(call)
    if call.quirks.empty_list_update:
        return Answer(200, None, {"X-Ac-Error": "Code 9001"})
    return answer


_update: Handler = update_handler(LISTS)

LIST_GROUPS = Resource(
    "listGroups",
    "listGroup",
    "ListGroup",
    columns("list=~ group=~ links=@links id=@id"),
    links="list group",
    verbs="list get delete",
    indexes="list",
)


def add_group(call: Call) -> Answer:
    sent = call.unwrapped("listGroup")
    numbers = {
        "list": call.require_row("lists", sent.get("listid"))["id"],
        "group": call.require_row("groups", sent.get("groupid"))["id"],
    }
    row = add_row(call, LIST_GROUPS, numbers)
    return Answer(201, {"listGroup": call.render("listGroups", [row])[0]})


def _if_filtered(key: str) -> Filter:
    """Return a filter that only some accounts are reported to have."""
    return lambda call, value: eq(key, value) if value and call.quirks.list_filters else None


CONTACT_LISTS = Resource(
    "contactLists",
    "contactList",
    "SubscriberList",
    columns("""contact=~ list=~ form=~ seriesid=0 sdate=@now udate=~ status=1 responder=1 sync=0 unsubreason=
    campaign=~ message=~ first_name= last_name= ip4Sub=0 sourceid=4 autosyncLog=~ ip4_last=0 ip4Unsub=0
    created_timestamp=^sdate updated_timestamp=^sdate created_by=~ updated_by=~ unsubscribeAutomation=~ channel=email
    links=@links id=@id automation=>seriesid"""),
    links="automation list contact form autosyncLog campaign unsubscribeAutomation message",
    verbs="list get",
    filters={f"filters[{name}]": _if_filtered(name) for name in ("list", "status")},
    slim="""status list contact sdate udate unsubreason campaign message first_name last_name sourceid
    unsubscribeAutomation links id""",
    hidden={"update": "channel"},
    indexes="contact list",
)


def subscribe(call: Call) -> Answer:
    """Create or update a membership; status 1 over 2 re-subscribes a contact that opted out (reference 4.4)."""
    sent = call.unwrapped("contactList")
    sent = {key: sent[key] for key in ("status", "list", "contact", "sourceid") if key in sent}
    status = _require_status(sent)
    contact, list_id = call.require_row("contacts", sent["contact"]), call.require_row("lists", sent["list"])["id"]
    existing = find_membership(call, contact["id"], list_id)
    row = set_membership(call, contact, list_id, status, sent)
    if existing:
        rendered = call.render("contactLists", [row], "update")[0]
        return Answer(200, {"contactList": {**rendered, "status": sent["status"]}})
    rendered = {**call.render("contactLists", [row], "create")[0], **sent}
    status_code = call.quirks.subscribed_status
    return Answer(status_code, {"contacts": call.sideload("contacts", contact["id"]), "contactList": rendered})


def find_membership(call: Call, contact: str, list_id: str) -> Row | None:
    return call.store.find("contactLists", eq("contact", contact), eq("list", list_id))


def set_membership(call: Call, contact: Row, list_id: str, status: str, sent: Row) -> Row:
    """Put a contact on a list with a status, or give its membership that status."""
    hold_counters(call, "lists", list_id)
    touch_contact(call, contact["id"])
    existing = find_membership(call, contact["id"], list_id)
    if existing:
        return _change_membership(call, existing, sent, status)
    names = {"first_name": contact["firstName"], "last_name": contact["lastName"]}
    return add_row(call, CONTACT_LISTS, {**sent, "contact": contact["id"], "list": list_id, "status": status, **names})


def _require_status(sent: Row) -> str:
    """Return the requested status; raise a refusal if a key is missing or the status is invalid."""
    for name in ("list", "contact", "status"):
        if sent.get(name) in (None, ""):
            raise invalid(f"The {name} was not provided.", "field_missing", name)
    status: Any = to_text(sent["status"])
    if status not in ("0", "1", "2", "3"):
        raise invalid("The value you selected is not a valid choice.", "field_invalid", "status")
    return status


def _change_membership(call: Call, existing: Row, sent: Row, status: str) -> Row:
    """Update a membership; the date of the first subscription stays, and `udate` dates every change of status."""
    stamps = {"udate": call.stamp} if status != existing["status"] else {}
    source = {"sourceid": to_text(sent["sourceid"])} if "sourceid" in sent else {}
    return call.store.update("contactLists", existing["id"], {"status": status, **stamps, **source})
