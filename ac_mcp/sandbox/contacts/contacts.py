"""Contacts: create, update and sync with field values, and what is sideloaded beside them."""

import re
from collections.abc import Sequence
from hashlib import md5
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object
from ac_mcp.sandbox.rest.crud import Handler, create, update
from ac_mcp.sandbox.rest.errors import invalid, unprocessable
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Resource, View, belonging, gather, related
from ac_mcp.sandbox.rest.store import Row, eq

from . import columns
from .counters import hold
from .fields import put_value
from .filters import FILTERS, ORDERS, meta

ADDRESS = re.compile(r"[^@\s\0]+@[^@\s\0]+")
POINTER = {"pointer": "/data/attributes/email"}


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    if row is None or "email" in sent:
        email = _address(sent.get("email"))
        taken = call.store.find("contacts", eq("email", email))
        if taken and (row is None or taken["id"] != row["id"]):
            raise invalid("Email address already exists in the system", "duplicate", "email")
        sent = {**sent, "email": email, "email_domain": email.rpartition("@")[2]}
    if row is None:
        sent["hash"] = md5(f"{sent['email']} {call.stamp}".encode(), usedforsecurity=False).hexdigest()
    return sent


def _address(email: Any) -> str:
    if email in (None, ""):
        raise unprocessable(title="The contact email is required", source=POINTER)
    if not isinstance(email, str) or not ADDRESS.fullmatch(email) or "." not in email.rpartition("@")[2].strip("."):
        raise unprocessable(
            title="Contact Email Address is not valid.",
            detail="",
            code="email_invalid",
            error="must_be_valid_email_address",
            source=POINTER,
        )
    return email


def _stored(call: Call, row: Row, before: Row | None) -> None:
    for number, value in _values(call):
        put_value(call, row["id"], number, value)
    if before and (before["firstName"], before["lastName"]) != (row["firstName"], row["lastName"]):
        _rename(call, row)


def _rename(call: Call, row: Row) -> None:
    """A contact's list memberships repeat its name (reference 2.8)."""
    names = {"first_name": row["firstName"], "last_name": row["lastName"]}
    for membership in belonging(call, "contactLists", "contact", row["id"]):
        call.store.update("contactLists", membership["id"], names)


def _values(call: Call) -> list[tuple[str, Any]]:
    pairs = [as_object(pair) for pair in as_array(call.wrapped("contact").get("fieldValues"))]
    return [(str(pair["field"]), pair.get("value")) for pair in pairs if "field" in pair]


def _written(call: Call, number: str) -> list[Row]:
    """The field values this request wrote."""
    fields = {field for field, _ in _values(call)}
    return [row for row in belonging(call, "fieldValues", "contact", number) if row["field"] in fields]


def _sides(call: Call, rows: Sequence[Row], view: View) -> Row:
    if view == "list":
        scores = related(call, "scoreValues", "contact", [row["id"] for row in rows])
        return {"scoreValues": call.show("scoreValues", scores)}
    if view == "one":
        return _beside(call, rows[0]["id"])
    values = _written(call, rows[0]["id"])
    return {"fieldValues": call.show("fieldValues", values)} if values else {}


def _beside(call: Call, number: str) -> Row:
    """The arrays beside a single contact; the last two only when there is something (reference 3.2)."""
    found: Row = {}
    for plural in ("contactAutomations", "contactLists", "deals", "fieldValues", "geoIps", "accountContacts"):
        found[plural] = call.show(plural, belonging(call, plural, "contact", number))
    places = [row["geoAddress"] for row in found["geoIps"]]
    addresses = [address for place in places for address in call.side("geoAddresses", place)]
    data = call.show("contactData", belonging(call, "contactData", "contact", number))
    extra = {"geoAddresses": addresses, "contactData": data}
    return {**found, **{name: rows for name, rows in extra.items() if rows}}


def _finish(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    ids = [row["id"] for row in rows]
    if view == "list":
        for plural in ("scoreValues", "accountContacts"):
            gather(shown, plural, related(call, plural, "contact", ids), "contact")
    if view == "one":
        for plural in (*columns.SINGLE_ONLY.split(), "accountContacts"):
            gather(shown, plural, related(call, plural, "contact", ids), "contact")
    if view == "create" and (values := _written(call, ids[0])):
        gather(shown, "fieldValues", values, "contact")


def _removed(call: Call, row: Row) -> None:
    for association, name in (("contactTags", "tag"), ("contactLists", "list")):
        for each in belonging(call, association, "contact", row["id"]):
            hold(call, f"{name}s", each[name])
    for deal in belonging(call, "deals", "contact", row["id"]):
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
    moves="udate",
    touched=columns.CONTACT_TOUCHED,
    indexes="email",
    filters=FILTERS,
    orders=ORDERS,
    children=(
        *(Child(name, "contact") for name in ("contactTags", "contactLists", "fieldValues", "contactAutomations")),
        *(Child(name, "contact") for name in ("accountContacts", "scoreValues", "contactData", "geoIps")),
        *(Child(name, "subscriberid") for name in ("trackingLogs", "bounceLogs", "contactLogs")),
        *(Child(name, "subscriberid") for name in ("activities", "emailActivities")),
        *(Child(name, "relid", (eq("reltype", "Subscriber"),)) for name in ("notes", "dealTasks")),
        Child("contactDeals", "contact"),
    ),
    prepare=_prepare,
    stored=_stored,
    sides=_sides,
    finish=_finish,
    meta=meta,
    removed=_removed,
)


def sync(call: Call) -> Answer:
    """Create or update by e-mail: 201 slim or 200 full (reference 3.2)."""
    sent = CONTACTS.sent(call)
    known = call.store.find("contacts", eq("email", _address(sent.get("email"))))
    return update(call, CONTACTS, known, sent) if known else create(call, CONTACTS, sent)


def entry_counts(call: Call) -> Answer:
    """How often the contact entered each automation."""
    contact = call.fetch("contacts", call.path["id"])
    counts = call.store.grouped("contactAutomations", "seriesid", eq("contact", contact["id"]))
    rows: list[Row] = []
    for number, (entries, _) in counts.items():
        automation = call.fetch("automations", number)
        kept = {key: automation[key] for key in ("id", "name", "status", "hidden")}
        rows.append({**kept, "contactEntryCount": str(entries)})
    return Answer(200, {"automationEntryCounts": rows})


def datum(call: Call) -> Answer:
    contact = call.fetch("contacts", call.path["id"])
    rows = call.show("contactData", belonging(call, "contactData", "contact", contact["id"]))
    return Answer(200, {"contactDatum": rows[0]} if rows else {})


def nothing(body: Row) -> Handler:
    """What a contact never has here."""

    def handle(call: Call) -> Answer:
        call.fetch("contacts", call.path["id"])
        return Answer(200, body)

    return handle


def moved(call: Call, number: str) -> None:
    """Tags and list memberships move the contact's udate (reference 2.8)."""
    call.store.update("contacts", number, {"udate": call.stamp})
