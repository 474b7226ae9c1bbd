"""Contacts: create, update and sync with field values, and what is sideloaded beside them."""

import re
from collections.abc import Sequence
from hashlib import md5
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object
from ac_mcp.sandbox.rest.crud import Handler, create, update
from ac_mcp.sandbox.rest.errors import Refusal, invalid, unprocessable
from ac_mcp.sandbox.rest.resource import (
    Answer,
    Call,
    Child,
    Resource,
    View,
    attach_ids,
    select_belonging,
    select_related,
)
from ac_mcp.sandbox.rest.store import Row, eq

from . import columns
from .counters import hold_counters
from .fields import put_value
from .filters import FILTERS, ORDERS, meta

ADDRESS = re.compile(r"[^@\s\0]+@[^@\s\0]+")
POINTER = {"pointer": "/data/attributes/email"}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    if row is None or "email" in sent:
        email = _address(call, sent.get("email"))
        existing = call.store.find("contacts", eq("email", email))
        if existing and (row is None or existing["id"] != row["id"]):
            raise _duplicate(call)
        sent = {**sent, "email": email, "email_domain": email.rpartition("@")[2]}
    if row is None:
        sent["hash"] = md5(f"{sent['email']} {call.stamp}".encode(), usedforsecurity=False).hexdigest()
    return sent


def _duplicate(call: Call) -> Refusal:
    title = "Email address already exists in the system"
    if call.quirks.contact_errors == "2022":
        return invalid(title, "duplicate", "email")
    return unprocessable(title=f"{title}.", code="duplicate", error="contact_exists", source=POINTER)


def _address(call: Call, email: Any) -> str:
    if email in (None, ""):
        raise unprocessable(title="The contact email is required", source=POINTER)
    if not isinstance(email, str) or not ADDRESS.fullmatch(email) or "." not in email.rpartition("@")[2].strip("."):
        raise unprocessable(
            title="Contact Email Address is not valid.",
            **({"detail": ""} if call.quirks.contact_errors == "2022" else {}),
            code="email_invalid",
            error="must_be_valid_email_address",
            source=POINTER,
        )
    return email


def _after_write(call: Call, row: Row, before: Row | None) -> None:
    for number, value in _sent_values(call):
        put_value(call, row["id"], number, value)
    if before and (before["firstName"], before["lastName"]) != (row["firstName"], row["lastName"]):
        _rename(call, row)


def _rename(call: Call, row: Row) -> None:
    """Copy a new name to the contact's list memberships, which repeat it (reference 2.8)."""
    names = {"first_name": row["firstName"], "last_name": row["lastName"]}
    for membership in select_belonging(call, "contactLists", "contact", row["id"]):
        call.store.update("contactLists", membership["id"], names)


def _sent_values(call: Call) -> list[tuple[str, Any]]:
    pairs = [as_object(pair) for pair in as_array(call.unwrapped("contact").get("fieldValues"))]
    return [(str(pair["field"]), pair.get("value")) for pair in pairs if "field" in pair]


def _written_values(call: Call, number: str) -> list[Row]:
    """Return the field values this request wrote."""
    fields = {field for field, _ in _sent_values(call)}
    return [row for row in select_belonging(call, "fieldValues", "contact", number) if row["field"] in fields]


def _sideload(call: Call, rows: Sequence[Row], view: View) -> Row:
    if view == "list":
        scores = select_related(call, "scoreValues", "contact", [row["id"] for row in rows])
        return {"scoreValues": call.render("scoreValues", scores)}
    if view == "one":
        return _sideload_one(call, rows[0]["id"])
    values = _written_values(call, rows[0]["id"])
    return {"fieldValues": call.render("fieldValues", values)} if values else {}


def _sideload_one(call: Call, number: str) -> Row:
    """Return the arrays beside a single contact; the last two only if they hold something (reference 3.2)."""
    arrays: Row = {}
    for plural in ("contactAutomations", "contactLists", "deals", "fieldValues", "geoIps", "accountContacts"):
        arrays[plural] = call.render(plural, select_belonging(call, plural, "contact", number))
    geo_addresses = [row["geoAddress"] for row in arrays["geoIps"]]
    addresses = [address for geo_address in geo_addresses for address in call.sideload("geoAddresses", geo_address)]
    data = call.render("contactData", select_belonging(call, "contactData", "contact", number))
    extra = {"geoAddresses": addresses, "contactData": data}
    return {**arrays, **{name: rows for name, rows in extra.items() if rows}}


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    ids = [row["id"] for row in rows]
    if view == "list":
        for plural in ("scoreValues", "accountContacts"):
            attach_ids(rendered, plural, select_related(call, plural, "contact", ids), "contact")
    if view == "one":
        for plural in (*columns.SINGLE_ONLY.split(), "accountContacts"):
            attach_ids(rendered, plural, select_related(call, plural, "contact", ids), "contact")
    if view == "create" and (values := _written_values(call, ids[0])):
        attach_ids(rendered, "fieldValues", values, "contact")


def _before_delete(call: Call, row: Row) -> None:
    for association, name in (("contactTags", "tag"), ("contactLists", "list")):
        for row_of_contact in select_belonging(call, association, "contact", row["id"]):
            hold_counters(call, f"{name}s", row_of_contact[name])
    for deal in select_belonging(call, "deals", "contact", row["id"]):
        call.store.update("deals", deal["id"], {"isDisabled": True})


CONTACTS = Resource(
    "contacts",
    "contact",
    "Subscriber",
    columns.CONTACT,
    links=columns.CONTACT_LINKS,
    verbs="list get create update patch delete",
    writes="email firstName lastName phone",
    slim=columns.CONTACT_SLIM,
    hidden={
        "list": columns.SINGLE_ONLY,
        "one": "scoreValues",
        "side": columns.NOT_IN_SIDES,
        "update": columns.NOT_IN_WRITES,
    },
    stamped_on_update="udate",
    filled_on_update=columns.CONTACT_TOUCHED,
    indexes="email",
    filters=FILTERS,
    orders=ORDERS,
    children=(
        *(Child(name, "contact") for name in ("contactTags", "contactLists", "fieldValues", "contactAutomations")),
        *(Child(name, "contact") for name in ("accountContacts", "scoreValues", "contactData", "geoIps")),
        *(Child(name, "subscriberid") for name in ("trackingLogs", "bounceLogs", "contactLogs")),
        *(Child(name, "subscriberid") for name in ("activities", "emailActivities", "contactEmails")),
        *(Child(name, "relid", (eq("reltype", "Subscriber"),)) for name in ("notes", "dealTasks")),
        *(Child(name, "contact") for name in ("contactDeals", "contactConversions")),
    ),
    prepare=_prepare,
    after_write=_after_write,
    sideload=_sideload,
    finish=_finish,
    meta=meta,
    before_delete=_before_delete,
)


_SYNC_WITHOUT_EMAIL: Row = {"status": 400, "title": "Bad Request", "detail": "Contact email must be provided for sync"}


def sync(call: Call) -> Answer:
    """Create or update by e-mail: 201 slim or 200 full (reference 3.2)."""
    sent = CONTACTS.writable_values(call)
    if sent.get("email") in (None, ""):
        raise Refusal(400, {"errors": [_SYNC_WITHOUT_EMAIL]})
    existing = call.store.find("contacts", eq("email", _address(call, sent["email"])))
    return update(call, CONTACTS, existing, sent) if existing else create(call, CONTACTS, sent)


def entry_counts(call: Call) -> Answer:
    """Count how often the contact entered each automation."""
    contact = call.require_row("contacts", call.path["id"])
    counts = call.store.group_totals("contactAutomations", "seriesid", eq("contact", contact["id"]))
    rows: list[Row] = []
    for number, (entries, _) in counts.items():
        automation = call.require_row("automations", number)
        fields = {key: automation[key] for key in ("id", "name", "status", "hidden")}
        rows.append({**fields, "contactEntryCount": str(entries)})
    return Answer(200, {"automationEntryCounts": rows})


def contact_data(call: Call) -> Answer:
    contact = call.require_row("contacts", call.path["id"])
    rows = call.render("contactData", select_belonging(call, "contactData", "contact", contact["id"]))
    return Answer(200, {"contactDatum": rows[0]} if rows else {})


def fixed_answer(body: Row) -> Handler:
    """Return a handler that answers `body` for any contact: data that no contact of the sandbox has."""

    def handle(call: Call) -> Answer:
        call.require_row("contacts", call.path["id"])
        return Answer(200, body)

    return handle


def touch_contact(call: Call, number: str) -> None:
    """Update the contact's `udate`: changes of its tags and list memberships do that (reference 2.8)."""
    call.store.update("contacts", number, {"udate": call.stamp})
