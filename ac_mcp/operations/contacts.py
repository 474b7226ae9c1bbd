"""Contacts: the people in the account, and everything that belongs to one of them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.automations import contact_automations
from ac_mcp.operations.companies import account_contacts
from ac_mcp.operations.deals import deals
from ac_mcp.operations.fields import field_values
from ac_mcp.operations.lists import contact_lists
from ac_mcp.operations.notes import list_contact_notes, newest_first, notes, with_owner
from ac_mcp.operations.tags import contact_tags, list_contact_tags
from ac_mcp.spec.annotations import About, After, Order, Unlisted, Wire
from ac_mcp.spec.columns import COUNT, TEXT, Date, Joined, Positive, Text, Time
from ac_mcp.spec.operation import Call, gather_payloads, with_own_words
from ac_mcp.spec.options import Answer, Effects, Offered
from ac_mcp.spec.parameters import (
    Clear,
    ContactRef,
    Day,
    Email,
    Fields,
    FirstName,
    LastName,
    Limit,
    ListRef,
    Number,
    Offset,
    Phone,
    Search,
    SegmentRef,
    TagRef,
)
from ac_mcp.spec.resource import ApiShape, Lookup, Resource

STATUS = {"any": "-1", "unconfirmed": "0", "active": "1", "unsubscribed": "2", "bounced": "3"}
FROM = About("From YYYY-MM-DD", "2026-02-01", show_example=False)
BEFORE = About("Before YYYY-MM-DD", "2026-02-01", show_example=False)
ORDER = {"newest": "cdate DESC", "oldest": "cdate ASC", "email": "email ASC", "name": "name ASC"}
SEARCHING = (
    "ActiveCampaign works a segment out in the background: ask once more in a minute; if still 0, nobody matches."
)
MAX_NOTES = 5
"""How many of a contact's notes get_contact shows."""


def normalize_status(word: object) -> object:
    """Return `active` for the other words that people use for it; return any other value unchanged."""
    return "active" if word in ("subscribed", "confirmed") else word


def get_names(row: Json) -> tuple[str, ...]:
    """Return the names of a contact: the e-mail address, then the full name."""
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
    return tuple(filter(None, (row.get("email"), name)))


contacts = Resource(
    "contact",
    "contacts",
    (Text("email"), Joined("name", wires=("firstName", "lastName")), Text("phone"), Date("created", "cdate")),
    details=(
        Date("updated", "udate"),
        Text("organization", "orgname"),
        Time("last_opened", "last_open_date"),
        Time("last_clicked", "last_click_date"),
        Positive("hard_bounces", "bounced_hard"),
        Positive("soft_bounces", "bounced_soft"),
    ),
    lost_for_good=(
        "its id, its history (opens, clicks, scores), its places in automations; its deals may stay unreadable"
    ),
    lookup=Lookup(
        never_numbers=True,
        called=get_names,
        find=lambda name: {"email": name} if "@" in name else {"search": name},
        by_ids="ids[]",
    ),
    api=ApiShape(refuses_second=True, sparse=True),
)


@contacts.get(
    "/contacts",
    title="Search and count contacts",
    offered=Offered(lists_views=("fields",)),
    answer=Answer(says={"status": TEXT}),
)
async def list_contacts(
    call: Call,
    search: Annotated[Search, About("Text in name, e-mail, phone", "reed", show_example=False)] | None = None,
    email: Annotated[Email, About("Exact e-mail address", "jane@acme.com", show_example=False)] | None = None,
    tag: Annotated[TagRef, Wire("tagid")] | None = None,
    list: Annotated[ListRef, Wire("listid")] | None = None,
    segment: Annotated[SegmentRef, Wire("segmentid")] | None = None,
    status: Annotated[
        Literal["active", "unsubscribed", "bounced", "unconfirmed", "any"],
        BeforeValidator(normalize_status),
        Wire("status", STATUS),
        About("With list: active if not given"),
    ]
    | None = None,
    created_after: Annotated[Day, Wire("filters[created_after]"), FROM] | None = None,
    created_before: Annotated[Day, Wire("filters[created_before]"), BEFORE] | None = None,
    updated_after: Annotated[Day, Unlisted(), Wire("filters[updated_after]")] | None = None,
    updated_before: Annotated[Day, Unlisted(), Wire("filters[updated_before]")] | None = None,
    order: Annotated[Literal["newest", "oldest", "email", "name"], Unlisted(), Order(codes=ORDER), About("Sort order")]
    | None = None,
    limit: Limit = 20,
    offset: Offset = 0,
    after_id: Annotated[Number, Unlisted(), After(), About("Last id seen, 0 to start", "0", show_example=False)]
    | None = None,
) -> Json:
    """Find, list or count contacts: how many people, leads, list subscribers or with a tag we have. Returns a page and
    total."""
    status = status or ("active" if list else None)
    paging = get_paging(call)
    payload = await call(status=status, **paging)
    if segment and not count_matches(payload):
        # The first request only starts the search and answers with no contacts (reference 2.8).
        payload = await call(status=status, **paging)
        payload = payload if count_matches(payload) else with_own_words(payload, note=SEARCHING)
    # Who is on a list depends on the status, so the answer names the status it counted.
    return with_own_words(payload, status=status) if list else payload


def count_matches(payload: Json) -> int:
    """Return how many contacts match; where the API gives no total, how many rows the page has."""
    return as_int(as_object(payload.get("meta")).get("total")) or len(payload["contacts"])


def get_paging(call: Call) -> Json:
    """Return the arguments that page: newest first by default, in the order of ids with `after_id`.

    Raises:
        BadArguments: if `after_id` is combined with an order or an offset.
    """
    if call.arguments["after_id"] is None:
        return {"order": call.arguments["order"] or "newest"}
    if call.arguments["order"] or call.arguments["offset"]:
        raise BadArguments(
            "after_id pages in the order of ids: it goes with neither order nor offset.",
            {**call.present_arguments, "order": None, "offset": None},
        )
    return {"offset": None}


@contacts.get(
    "/contacts/{contact}",
    title="Show a contact's profile",
    answer=Answer(
        beside=(contact_tags, contact_lists, field_values, deals, contact_automations, account_contacts, notes),
        says={"older_notes": COUNT},
    ),
    offered=Offered(lists_views=("detail",)),
)
async def get_contact(call: Call, contact: ContactRef) -> Json:
    """Show a contact's record: everything known about a person. Returns tags, lists, custom fields, deals, automations;
    latest notes only."""
    payload = await gather_payloads(call(), list_contact_tags(call, contact), list_contact_notes(call, contact))
    rows = newest_first(as_objects(payload.get("notes")))
    latest = payload | {"notes": [with_owner(note) for note in rows[:MAX_NOTES]]}
    return with_own_words(latest, older_notes=len(rows) - MAX_NOTES) if len(rows) > MAX_NOTES else latest


@contacts.put(
    "/contacts/{contact}",
    title="Change a contact's details",
    answer=Answer(beside=(field_values,)),
    effects=Effects(starts="when a detail or field changes", reports=("update",)),
)
async def update_contact(
    call: Call,
    contact: ContactRef,
    email: Email | None = None,
    first_name: FirstName | None = None,
    last_name: LastName | None = None,
    phone: Phone | None = None,
    fields: Fields | None = None,
    clear: Clear | None = None,
) -> Json:
    """Update a contact: edit or correct details such as name, e-mail, phone, custom fields. Returns it, the rest
    unchanged."""
    if both := [name for name in clear or () if call.arguments.get(name)]:
        raise BadArguments(f"{both[0]} is given a value and is to be cleared: only one of them can be.")
    return await call()


@contacts.post(
    "/contacts",
    title="Add a new contact",
    effects=Effects(duplicate=update_contact, starts="when a field is set"),
    answer=Answer(beside=(field_values,)),
)
async def create_contact(
    call: Call,
    email: Email,
    first_name: FirstName | None = None,
    last_name: LastName | None = None,
    phone: Phone | None = None,
    fields: Fields | None = None,
) -> Json:
    """Create a contact, a new person or lead. Returns its id; an existing e-mail is refused: sync_contact takes it."""
    return await call()


@contacts.post(
    "/contact/sync",
    title="Create or update a contact",
    idempotent=True,
    destructive=True,
    answer=Answer(beside=(field_values,)),
    effects=Effects(starts="when a detail or field changes"),
)
async def sync_contact(
    call: Call,
    email: Email,
    first_name: FirstName | None = None,
    last_name: LastName | None = None,
    phone: Phone | None = None,
    fields: Fields | None = None,
) -> Json:
    """Upsert a contact by e-mail: add a person or, if already there, update name and details; import leads. Returns
    which."""
    reply = await call.respond()
    return with_own_words(reply.body, result=reply.outcome("created", "updated"))


@contacts.delete("/contacts/{contact}", title="Delete a contact")
async def delete_contact(
    call: Call, contact: Annotated[ContactRef, About("E-mail or id", "jane@acme.com", show_example=False)]
) -> Json:
    """Delete a contact: remove a person from the database completely; their deals get unreadable. Returns who; undone
    only in part."""
    return await call()
