"""Bulk import: a queue that is checked at once and applied about a second later (reference 3.3)."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns, text
from ac_mcp.sandbox.rest.crud import add, change
from ac_mcp.sandbox.rest.dates import ZONE
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.rest.store import Clause, Row, eq
from ac_mcp.sandbox.sales.accounts import ACCOUNT_CONTACTS, ACCOUNTS

from .contacts import CONTACTS
from .fields import put_value
from .lists import join, membership
from .tags import TAGS, attach

MOST, BYTES, DELAY, WEEK = 250, 400_000, 1.0, timedelta(days=7)
PER_MINUTE = {"multi": 100, "single": 20}

INVALID = (
    "JSON payload did not pass validation. Please fix failure Reasons and retry. The import was not queued for"
    " processing."
)

IMPORTS = Resource(
    "imports",
    "import",
    "Import",
    columns("batchId= kind=multi state=waiting asked=#0 size=#0 contacts=[] success=[] failure=[]"),
    verbs="",
    indexes="batchId state",
)


def ask(call: Call) -> Answer:
    """Everything or nothing is queued; the answer is JSON that says it is HTML."""
    contacts = _checked(as_object(call.body))
    kind = "multi" if len(contacts) > 1 else "single"
    _admit(call, kind)
    number = str(uuid.uuid4())
    batch = {"batchId": number, "kind": kind, "asked": call.now.timestamp(), "size": len(contacts)}
    call.store.insert("imports", {**batch, "contacts": contacts})
    body = {"success": 1, "queued_contacts": len(contacts), "batchId": number, "message": "Contact import queued"}
    return Answer(200, body, {"Content-Type": "text/html; charset=UTF-8"})


def _checked(body: Row) -> list[Any]:
    contacts = as_array(body.get("contacts"))
    reasons: list[Any] = _whole(body, contacts)
    if not reasons:
        wrong = ((index, reason) for index, each in enumerate(contacts) for reason in _reasons(as_object(each)))
        reasons = [{"contact": index, "failureReason": reason} for index, reason in wrong]
    if reasons:
        raise _refused(INVALID, reasons)
    return contacts


def _whole(body: Row, contacts: list[Any]) -> list[str]:
    """What is wrong with the request as such."""
    callback = as_object(body.get("callback"))
    answering = callback.get("url") and callback.get("requestType", "POST") in ("GET", "POST")
    # The size as PHP would send it: the raw bytes do not get this far.
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    found = {
        "Field 'contacts' is required": not contacts,
        f"Up to {MOST} contacts may be included in a single request.": len(contacts) > MOST,
        "The payload must be smaller than 400 KB.": size > BYTES,
        "Field 'callback' incorrect format": "callback" in body and not answering,
    }
    return [reason for reason, applies in found.items() if applies]


def _reasons(contact: Row) -> list[str]:
    email = contact.get("email")
    if email in (None, ""):
        return ["Field 'email' is required"]
    parts = email.split("@") if isinstance(email, str) else []
    lists = ("tags", "fields", "subscribe", "unsubscribe")
    names = ["email"] if len(parts) != 2 or not all(parts) or " " in str(email) else []
    names += [name for name in lists if not isinstance(contact.get(name, []), list)]
    return [f"Field '{name}' incorrect format" for name in names]


def _admit(call: Call, kind: str) -> None:
    """Limits of its own, beside the account's (reference 3.3)."""
    since = call.now.timestamp() - 60
    if call.store.count("imports", eq("kind", kind), Clause("{asked} > ?", (since,))) >= PER_MINUTE[kind]:
        reason = (
            f"Up to {PER_MINUTE[kind]} imports may be requested per minute. Please batch contacts into larger requests,"
            " or retry this request in a minute."
        )
        raise _refused("Rate limit exceeded.", [reason])


def _refused(message: str, reasons: list[Any]) -> Refusal:
    return Refusal(400, {"success": 0, "message": message, "failureReasons": reasons})


def settle(call: Call) -> None:
    """Apply what is due, dated when it was due: an answer that fails undoes it, and the next one does it again."""
    for batch in call.store.select("imports", eq("state", "waiting")):
        due = batch["asked"] + DELAY
        if due <= call.now.timestamp():
            then = replace(call, body={}, now=datetime.fromtimestamp(due, ZONE))
            _apply(then, batch)


def _apply(call: Call, batch: Row) -> None:
    success: list[str] = []
    failure: list[str] = []
    for contact in batch["contacts"]:
        number = bring(call, contact)
        (success if number else failure).append(number or str(contact["email"]))
    done = {"state": "done", "contacts": [], "success": success, "failure": failure}
    call.store.update("imports", batch["id"], done)


def info(call: Call) -> Answer:
    """What became of a batch; `false` while it waits, and for a batch nobody knows."""
    number = call.params.get("batchId")
    if not number:
        raise Refusal(400, {"success": 0, "message": "'batchId' is a required field."})
    batch = call.store.find("imports", eq("batchId", number), eq("state", "done"))
    if batch is None:
        return Answer(200, {"status": False, "success": [], "failure": []})
    return Answer(200, {"status": "completed", "success": batch["success"], "failure": batch["failure"]})


def queue(call: Call) -> Answer:
    """Per day, what waits and what the last seven days brought."""
    recent = Clause("{asked} > ?", ((call.now - WEEK).timestamp(),))
    found = {state: call.store.select("imports", eq("state", state), recent) for state in ("waiting", "done")}
    return Answer(200, {"outstanding": _days(found["waiting"]), "recentlyCompleted": _days(found["done"])})


def _days(batches: Sequence[Row]) -> list[Row]:
    days: dict[str, list[int]] = {}
    for batch in batches:
        days.setdefault(datetime.fromtimestamp(batch["asked"], ZONE).strftime("%Y-%m-%d"), []).append(batch["size"])
    return [
        {"forDate": day, "batches": str(len(sizes)), "contacts": str(sum(sizes))} for day, sizes in sorted(days.items())
    ]


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
