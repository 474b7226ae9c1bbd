"""What an import does with one contact (reference 3.3)."""

from typing import Any

from .contacts import CONTACTS
from .crm import ACCOUNT_CONTACTS, ACCOUNTS
from .field_values import put_value
from .generic import add, change
from .lists import join, membership
from .refusal import Refusal
from .resource import Call
from .shapes import as_array, as_object, text
from .store import Row, eq
from .tags import TAGS, attach

NAMES = {"first_name": "firstName", "last_name": "lastName", "phone": "phone"}


def bring(call: Call, given: Row) -> str | None:
    """The number of the contact, new or known; None for an address that is none."""
    try:
        contact = _person(call, given)
    except Refusal:
        return None
    for pair in map(as_object, as_array(given.get("fields"))):
        put_value(call, contact["id"], str(pair.get("id")), pair.get("value"))
    for name in as_array(given.get("tags")):
        _tag(call, contact, name)
    _employ(call, contact, text(given.get("customer_acct_name")))
    _subscribe(call, contact, given)
    return contact["id"]


def _person(call: Call, given: Row) -> Row:
    names = {key: given[name] for name, key in NAMES.items() if given.get(name) is not None}
    known = call.store.find("contacts", eq("email", given["email"]))
    if known:
        return change(call, CONTACTS, known, names)
    return add(call, CONTACTS, CONTACTS.prepare(call, {**names, "email": given["email"]}, None))


def _tag(call: Call, contact: Row, name: Any) -> None:
    """By name; one that nobody has used yet is created."""
    title = text(name)
    if not title:
        return
    tag = call.store.find("tags", eq("tag", title), eq("tagType", "contact"))
    if tag is None:
        values = {"tag": title, "tagType": "contact"}
        tag = add(call, TAGS, TAGS.prepare(call, values, None))
    if not call.store.count("contactTags", eq("contact", contact["id"]), eq("tag", tag["id"])):
        attach(call, contact["id"], tag["id"])


def _employ(call: Call, contact: Row, name: str | None) -> None:
    """A contact works for one account, and keeps the one it has."""
    if not name or call.store.count("accountContacts", eq("contact", contact["id"])):
        return
    account = call.store.find("accounts", eq("name", name)) or add(call, ACCOUNTS, {"name": name})
    add(call, ACCOUNT_CONTACTS, {"account": account["id"], "contact": contact["id"]})


def _subscribe(call: Call, contact: Row, given: Row) -> None:
    """Who has left a list is not brought back."""
    for key, status in (("subscribe", "1"), ("unsubscribe", "2")):
        for each in map(as_object, as_array(given.get(key))):
            place = call.store.get("lists", each.get("listid"))
            known = membership(call, contact["id"], place["id"]) if place else None
            if place and not (status == "1" and known and known["status"] == "2"):
                join(call, contact, place["id"], status, {})
