"""Bulk import: batches are checked at once, queued, and applied about a second later (reference 3.3)."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns, to_text
from ac_mcp.sandbox.rest.crud import add_row, change_row
from ac_mcp.sandbox.rest.dates import ZONE
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.rest.store import Clause, Row, eq
from ac_mcp.sandbox.sales.accounts import ACCOUNT_CONTACTS, ACCOUNTS

from .contacts import CONTACTS
from .fields import put_value
from .lists import find_membership, set_membership
from .tags import TAGS, attach_tag

MAX_CONTACTS, MAX_BYTES, DELAY, WEEK = 250, 400_000, 1.0, timedelta(days=7)
PER_MINUTE = {"multi": 100, "single": 20}

IMPORT_PATH = "/import/bulk_import"
INVALID = (
    "JSON payload did not pass validation. Please fix failure Reasons and retry. The import was not queued for"
    " processing."
)
STEPS = ("waiting", "claimed", "active")
"""The statuses of a batch until it is applied, each for the same time."""

IMPORTS = Resource(
    "imports",
    "import",
    "Import",
    columns("batchId= kind=multi state=waiting end=completed asked=#0 size=#0 contacts=[] success=[] failure=[]"),
    verbs="",
    indexes="batchId state",
)


def queue_import(call: Call) -> Answer:
    """Queue all contacts or none; the answer is JSON with the content type of HTML."""
    contacts = _require_valid(as_object(call.body), call.quirks.import_places_from)
    kind = "multi" if len(contacts) > 1 else "single"
    _admit(call, kind)
    number = str(uuid.uuid4())
    batch = {"batchId": number, "kind": kind, "asked": call.now.timestamp(), "size": len(contacts)}
    call.store.insert("imports", {**batch, "contacts": contacts})
    body = {"success": 1, "queued_contacts": len(contacts), "batchId": number, "message": "Contact import queued"}
    return Answer(200, body, {"Content-Type": "text/html; charset=UTF-8"})


def unparsable_import() -> Refusal:
    return _refused(INVALID, ["Invalid or unparsable json"])


def _require_valid(body: Row, first: int) -> list[Any]:
    """Return the contacts; the refusal of a batch counts its contacts from `first`."""
    contacts = as_array(body.get("contacts"))
    reasons: list[Any] = _request_problems(body, contacts)
    if not reasons:
        reasons = [
            {"contact": index, "failureReason": reason}
            for index, contact in enumerate(contacts, first)
            for reason in _contact_problems(as_object(contact))
        ]
    if reasons:
        raise _refused(INVALID, reasons)
    return contacts


def _request_problems(body: Row, contacts: list[Any]) -> list[str]:
    """Return what is wrong with the request as a whole."""
    callback = as_object(body.get("callback"))
    answering = callback.get("url") and callback.get("requestType", "POST") in ("GET", "POST")
    # The size PHP would send: the raw bytes do not reach this function.
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    found = {
        "Field 'contacts' is required": not contacts,
        f"Up to {MAX_CONTACTS} contacts may be included in a single request.": len(contacts) > MAX_CONTACTS,
        "The payload must be smaller than 400 KB.": size > MAX_BYTES,
        "Field 'callback' incorrect format": "callback" in body and not answering,
    }
    return [reason for reason, applies in found.items() if applies]


def _contact_problems(contact: Row) -> list[str]:
    email = contact.get("email")
    if email in (None, ""):
        return ["Field 'email' not found"]
    parts = email.split("@") if isinstance(email, str) else []
    lists = ("tags", "fields", "subscribe", "unsubscribe")
    names = ["email"] if len(parts) != 2 or not all(parts) or " " in str(email) else []
    names += [name for name in lists if not isinstance(contact.get(name, []), list)]
    return [f"Field '{name}' incorrect format" for name in names]


def _admit(call: Call, kind: str) -> None:
    """Apply the import's own rate limits, which come on top of the account's (reference 3.3)."""
    since = call.now.timestamp() - 60
    if call.store.count("imports", eq("kind", kind), Clause("{asked} > ?", (since,))) >= PER_MINUTE[kind]:
        reason = (
            f"Up to {PER_MINUTE[kind]} imports may be requested per minute. Please batch contacts into larger requests,"
            " or retry this request in a minute."
        )
        raise _refused("Rate limit exceeded.", [reason])


def _refused(message: str, reasons: list[Any]) -> Refusal:
    return Refusal(400, {"success": 0, "message": message, "failureReasons": reasons})


def apply_due(call: Call) -> None:
    """Apply the batches that are due, as of that time; a failing request undoes it, and the next repeats it."""
    for batch in call.store.select("imports", eq("state", "waiting")):
        due = batch["asked"] + DELAY
        if due <= call.now.timestamp():
            then = replace(call, body={}, now=datetime.fromtimestamp(due, ZONE))
            _apply(then, batch)


def _apply(call: Call, batch: Row) -> None:
    success: list[str] = []
    failure: list[str] = []
    end = call.quirks.import_end
    shares = {"completed": batch["size"], "interrupted": batch["size"] // 2, "failed": 0}
    for contact in batch["contacts"][: shares[end]]:
        number = import_contact(call, contact)
        (success if number else failure).append(number or str(contact["email"]))
    done = {"state": "done", "end": end, "contacts": [], "success": success, "failure": failure}
    call.store.update("imports", batch["id"], done)


def import_info(call: Call) -> Answer:
    """Return the result of a batch; `status` is false while it waits, or a word, and false for an unknown batch."""
    number = call.params.get("batchId")
    if not number:
        raise Refusal(400, {"success": 0, "message": "'batchId' is a required field."})
    batch = call.store.find("imports", eq("batchId", number))
    if batch is None or batch["state"] != "done":
        step = _step(call, batch) if batch and call.quirks.import_words else False
        return Answer(200, {"status": step, "success": [], "failure": []})
    return Answer(200, {"status": batch["end"], "success": batch["success"], "failure": batch["failure"]})


def _step(call: Call, batch: Row) -> str:
    passed = (call.now.timestamp() - batch["asked"]) / DELAY
    return STEPS[min(int(passed * len(STEPS)), len(STEPS) - 1)]


def list_imports(call: Call) -> Answer:
    """Return per day the batches that wait, and those of the last seven days that are done."""
    recent = Clause("{asked} > ?", ((call.now - WEEK).timestamp(),))
    found = {state: call.store.select("imports", eq("state", state), recent) for state in ("waiting", "done")}
    return Answer(200, {"outstanding": _by_day(found["waiting"]), "recentlyCompleted": _by_day(found["done"])})


def _by_day(batches: Sequence[Row]) -> list[Row]:
    days: dict[str, list[int]] = {}
    for batch in batches:
        days.setdefault(datetime.fromtimestamp(batch["asked"], ZONE).strftime("%Y-%m-%d"), []).append(batch["size"])
    return [
        {"forDate": day, "batches": str(len(sizes)), "contacts": str(sum(sizes))} for day, sizes in sorted(days.items())
    ]


NAMES = {"first_name": "firstName", "last_name": "lastName", "phone": "phone"}


def import_contact(call: Call, entry: Row) -> str | None:
    """Create or update one contact and return its id; None for an invalid address."""
    try:
        contact = _save_contact(call, entry)
    except Refusal:
        return None
    for pair in map(as_object, as_array(entry.get("fields"))):
        put_value(call, contact["id"], str(pair.get("id")), pair.get("value"))
    for name in as_array(entry.get("tags")):
        _add_tag(call, contact, name)
    _link_account(call, contact, to_text(entry.get("customer_acct_name")))
    _subscribe(call, contact, entry)
    return contact["id"]


def _save_contact(call: Call, entry: Row) -> Row:
    names = {key: entry[name] for name, key in NAMES.items() if entry.get(name) is not None}
    existing = call.store.find("contacts", eq("email", entry["email"]))
    if existing:
        return change_row(call, CONTACTS, existing, names)
    return add_row(call, CONTACTS, CONTACTS.prepare(call, {**names, "email": entry["email"]}, None))


def _add_tag(call: Call, contact: Row, name: Any) -> None:
    """Add a tag by its name; create the tag if there is none."""
    title = to_text(name)
    if not title:
        return
    tag = call.store.find("tags", eq("tag", title), eq("tagType", "contact"))
    if tag is None:
        values = {"tag": title, "tagType": "contact"}
        tag = add_row(call, TAGS, TAGS.prepare(call, values, None))
    if not call.store.count("contactTags", eq("contact", contact["id"]), eq("tag", tag["id"])):
        attach_tag(call, contact["id"], tag["id"])


def _link_account(call: Call, contact: Row, name: str | None) -> None:
    """Link the contact to an account by name, unless it has one: a contact belongs to one account."""
    if not name or call.store.count("accountContacts", eq("contact", contact["id"])):
        return
    account = call.store.find("accounts", eq("name", name)) or add_row(call, ACCOUNTS, {"name": name})
    add_row(call, ACCOUNT_CONTACTS, {"account": account["id"], "contact": contact["id"]})


def _subscribe(call: Call, contact: Row, entry: Row) -> None:
    """Change list memberships; a contact that has left a list is not subscribed again."""
    for key, status in (("subscribe", "1"), ("unsubscribe", "2")):
        for target in map(as_object, as_array(entry.get(key))):
            list_row = call.store.get("lists", target.get("listid"))
            existing = find_membership(call, contact["id"], list_row["id"]) if list_row else None
            if list_row and not (status == "1" and existing and existing["status"] == "2"):
                set_membership(call, contact, list_row["id"], status, {})
