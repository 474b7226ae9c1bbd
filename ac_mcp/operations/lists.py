"""Lists: mailing lists and newsletters, and the subscriptions of contacts to them."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ac_mcp.messages import Json, as_object
from ac_mcp.spec.annotations import About, Unlisted, Wire
from ac_mcp.spec.columns import Code, Column, Date, Number, Prose, Reference, Text
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Effects, Offered, Understood
from ac_mcp.spec.parameters import AllOfThem, ContactRef, Further, ListRef, Name, Search
from ac_mcp.spec.resource import ApiShape, Lookup, Resource, named_by

ListName = Annotated[Name, About("Name", "Newsletter", show_example=False)]
Url = Annotated[str, Wire("sender_url"), About("Such as https://acme.com", "https://acme.com", show_example=False)]
Reminder = Annotated[
    str, Wire("sender_reminder"), About("Why people get this mail", "You signed up on our website.", show_example=False)
]
NO_OPT_OUT = ("0", "1", "3")
"""The status codes of a contact on a list that are no opt-out: unconfirmed, active, bounced."""
STATUS = {"0": "unconfirmed", "1": "active", "2": "unsubscribed", "3": "bounced"}
"""The API's codes for the status of a contact on a list."""
HIDDEN = "Only admins see it until a user group is given access: in ActiveCampaign, Settings > Users and groups."


@dataclass(frozen=True, slots=True)
class Since(Column):
    """The day (YYYY-MM-DD) on which a contact joined the list, or left it where the status is unsubscribed."""

    def read(self, row: Json) -> Any:
        left = str(row.get("status")) == "2"
        day = str((row.get("udate") or row.get("updated_timestamp") if left else row.get("sdate")) or "")[:10]
        return day if day.strip("0-") else None


lists = Resource(
    "list",
    "lists",
    (Text("name"), Prose("description"), Number("active_contacts", "active_subscribers"), Date("created", "cdate")),
    details=(
        Text("website", "sender_url"),
        Prose("reminder", "sender_reminder"),
        Reference("owner", "userid", kind="users"),
    ),
    lost_for_good="its id, its campaigns, forms and who may see it",
    lookup=Lookup(
        called=named_by("name", "stringid"),
        directory=True,
        find=lambda name: {"filters[name]": name},
    ),
    api=ApiShape(quiet=True),
)
contact_lists = Resource(
    "contactList",
    "contactLists",
    (
        Reference("contact", kind="contacts"),
        Reference("list", kind="lists"),
        Code("status", codes=STATUS),
        Since("since"),
    ),
    noun="list",
    nouns="lists",
    link=True,
)


@lists.get("/lists", title="List all mailing lists (audiences)")
async def list_lists(
    call: Call,
    search: Annotated[Search, Unlisted(), Wire("filters[name][contains]")] | None = None,
    limit: AllOfThem = 100,
    offset: Further = 0,
) -> Json:
    """List all mailing lists (audiences) set up. Returns counts of active contacts, a page."""
    return await call()


@lists.get("/lists/{list}", title="Show a mailing list (audience)")
async def get_list(call: Call, list: ListRef) -> Json:
    """Show one list: its settings and details. Returns website, reminder, owner only."""
    return await call()


@lists.post("/lists", title="Create a mailing list (audience)", effects=Effects(unique=True))
async def create_list(call: Call, name: ListName, sender_url: Url, sender_reminder: Reminder) -> Json:
    """Create a list: set up a new audience or newsletter. Returns its id; only admins see it at first."""
    return with_own_words(await call(stringid=slug(name)), note=HIDDEN)


def slug(name: str) -> str:
    """Return a URL-safe form of a list's name, which the API requires beside the name itself."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "list"


@lists.put("/lists/{list}", title="Rename or edit a mailing list", effects=Effects(unique=True))
async def update_list(
    call: Call,
    list: ListRef,
    name: ListName | None = None,
    sender_url: Url | None = None,
    sender_reminder: Reminder | None = None,
) -> Json:
    """Edit a mailing list: rename it, change website or sender reminder. Returns it; contacts unchanged."""
    # It is unknown whether the API takes a partial update (reference 4.3), so all four required attributes are sent.
    row = as_object((await get_list(call, list)).get("list"))
    required = {key: row.get(key) for key in ("name", "stringid", "sender_url", "sender_reminder")}
    changes = {"name": name, "sender_url": sender_url, "sender_reminder": sender_reminder}
    return await call(**required | {key: value for key, value in changes.items() if value is not None})


@lists.delete("/lists/{list}", title="Delete a mailing list (audience)")
async def delete_list(call: Call, list: ListRef) -> Json:
    """Delete a mailing list (audience) with its subscriptions. Returns its name; undone only in part."""
    return await call()


@contact_lists.get("/contacts/{contact}/contactLists", title="List a contact's lists", offered=Offered(on_request=True))
async def list_contact_lists(call: Call, contact: ContactRef) -> Json:
    """List the mailing lists one contact is or was on: active, unsubscribed, bounced. Returns names and since when."""
    return await call()


def has_opted_out(row: Json) -> bool:
    """Return whether a row of a contact and a list shows an opt-out, or a status that is not understood."""
    return bool(row) and str(row.get("status")) not in NO_OPT_OUT


def find_membership(rows: Sequence[Json], list_id: str) -> Json:
    """Return the row of a list among those of a contact, one that shows an opt-out first; {} if there is none."""
    found = [row for row in rows if str(row.get("list")) == list_id]
    return next((row for row in found if has_opted_out(row)), found[0] if found else {})


def explain_resubscribing(sent: Json, before: Json) -> str:
    """Return why a subscription needs confirmation: the contact had opted out. "" for any other contact.

    Status 1 over status 2 subscribes even people who opted out by hand (reference 4.4).
    """
    row = as_object(before.get("contactList"))
    if str(sent.get("status")) != "1" or not has_opted_out(row):
        return ""
    if str(row.get("status")) != "2":
        status = json.dumps(str(row.get("status")))
        return f"The contact's status on the list ({status}) is not understood and may be an opt-out: have they asked?"
    return "This contact had unsubscribed from the list: have they asked to be back?"


@contact_lists.post(
    "/contactLists",
    title="Subscribe a contact to a list",
    idempotent=True,
    understood=Understood(implied={"status": ("1", "active", "subscribed")}),
    effects=Effects(
        asks=explain_resubscribing, starts="when somebody joins this list", reports=("subscribe", "list_add")
    ),
)
async def subscribe_contact(call: Call, contact: ContactRef, list: ListRef) -> Json:
    """Subscribe a contact to a list: opt in to a newsletter, sign up. Returns if they had opted out; may
    trigger automations, mail."""
    before = await fetch_membership(call, contact, list)
    if str(before.get("status")) == "1":
        return with_own_words({"contactList": before}, result="already subscribed")
    if has_opted_out(before):
        # The API expects source 4 for a return after an opt-out (reference 4.4).
        return with_own_words(
            await call(status="1", sourceid=4), result="subscribed again", note=describe_opt_out(before)
        )
    payload = with_own_words(await call(status="1"), result="subscribed")
    if str(before.get("status")) == "3":
        return with_own_words(payload, note="Mail to this contact had bounced on this list.")
    return payload


async def fetch_membership(call: Call, contact: str, list: str) -> Json:
    """Fetch the contact's `contactLists` row of a list; {} where the contact never was on it."""
    return find_membership((await list_contact_lists(call, contact))["contactLists"], list)


def describe_opt_out(row: Json) -> str:
    """Return the note for a contact that is subscribed again after an opt-out."""
    day = Since("since").read(row)
    since = f" (on {day})" if day else ""
    if str(row.get("status")) != "2":
        return "The contact's status on the list was not understood and may have been an opt-out. Make sure they asked."
    return f"This contact had unsubscribed{since}. Make sure they asked to be back; if not, unsubscribe_contact."


@contact_lists.post(
    "/contactLists",
    title="Unsubscribe a contact from a list",
    idempotent=True,
    destructive=True,
    understood=Understood(implied={"status": ("2", "unsubscribed")}),
    effects=Effects(starts="when somebody leaves this list", reports=("unsubscribe",)),
)
async def unsubscribe_contact(call: Call, contact: ContactRef, list: ListRef) -> Json:
    """Unsubscribe a contact from a list: take off, opt out, stop sending the newsletter. Returns if already off."""
    before = await fetch_membership(call, contact, list)
    if str(before.get("status")) == "2":
        return with_own_words({"contactList": before}, result="already unsubscribed")
    result = "unsubscribed" if before else "was not on the list, is marked as unsubscribed"
    return with_own_words(await call(status="2"), result=result)
