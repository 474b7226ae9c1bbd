"""What was deleted is made again, with what hung on it."""

from collections.abc import Mapping
from typing import Any

from ac_mcp.errors import Duplicate, RequestRefused
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.results.error_text import quote
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.writes.audit_log import AuditEntry
from ac_mcp.writes.before_images import LEFT, SUBSCRIBED, id_of
from ac_mcp.writes.undo_requests import UndoRequests, values_by_field

RECREATED_FROM: Mapping[str, tuple[str, ...]] = {
    "contacts": ("email", "firstName", "lastName", "phone"),
    "tags": ("tag", "tagType", "description"),
    "lists": (
        "name", "stringid", "sender_url", "sender_reminder", "send_last_broadcast", "carboncopy", "subscription_notify",
        "unsubscription_notify", "user",
    ),
    "deals": (
        "title", "description", "value", "currency", "contact", "account", "group", "stage", "owner", "percent",
        "status",
    ),
    "accounts": ("name", "accountUrl", "owner"),
    "dealStages": (
        "title", "group", "color", "order", "width", "dealOrder", "cardRegion1", "cardRegion2", "cardRegion3",
        "cardRegion4", "cardRegion5",
    ),
    "dealTasks": (
        "title", "note", "duedate", "edate", "dealTasktype", "assignee", "relid", "status", "outcomeId", "outcomeInfo",
    ),
    "dealTasktypes": ("title", "status"),
    "fields": ("title", "type", "descript", "perstag", "defval", "isrequired", "ordernum"),
    "messages": ("name", "subject", "fromname", "fromemail", "reply2", "preheader_text", "text", "html"),
    "notes": ("note", "relid", "reltype"),
}  # fmt: skip
"""What of a deleted thing is made again, under the API's names (reference 3 to 5)."""


async def recreate(by: UndoRequests, write: AuditEntry, step: Operation[..., Any]) -> None:
    """A new one with what was kept of the old one, then everything that hung on it."""
    resource, before = step.resource, write.before or {}
    row, old = as_object(before.get(resource.singular)), id_of(write.path)
    what = by.describe(resource.plural, old, row)
    if not row:
        by.lost.append(f"{what}: what stood there was not kept")
        return
    if not by.made_earlier and await by.is_name_taken(resource, str(row.get("name") or "")):
        by.lost.append(f"{what}: one of the same name is there again, so none was made")
        return
    attributes = creation_attributes(resource, row, before)
    creator = next(o for o in resource.operations if o.method == "POST" and not o.idempotent)
    try:
        reply = await by.send(creator, creator.path, attributes)
    except Duplicate:
        by.lost.append(f"{what}: one of the same name is there again, so none was made")
        return
    new = str(as_object(reply.body.get(resource.singular)).get("id") or "")
    by.renewed[resource.plural, old] = new
    before_now = " by an earlier undo" if reply.status == 200 else ""
    by.restored.append(f"{what}: made again{before_now}, with the id {new}")
    by.lost.append(f"{what}: {resource.lost}")
    await recreate_dependents(by, new, before, step)


def creation_attributes(resource: Resource, row: Json, before: Json) -> Json:
    """What a new one is made with."""
    attributes = {key: row[key] for key in RECREATED_FROM[resource.plural] if row.get(key) not in (None, "")}
    if resource.plural == "dealTasks":
        attributes["ownerType"] = as_object(row.get("owner")).get("type") or "deal"
    if resource.plural == "contacts" and (fields := values_by_field(as_objects(before.get("fieldValues")))):
        attributes["fieldValues"] = [{"field": id, "value": value} for id, value in fields.items()]
    if data := as_objects(before.get(f"{resource.singular}CustomFieldData")):
        attributes["fields"] = [deal_field(one) for one in data]
    return attributes


async def recreate_dependents(by: UndoRequests, new: str, before: Json, step: Operation[..., Any]) -> None:
    """What hung on it."""
    match step.resource.plural:
        case "contacts":
            await recreate_contact_parts(by, new, before)
        case "deals":
            await recreate_notes(by, new, "Deal", before)
        case "accounts":
            for row in as_objects(before.get("accountContacts")):
                tie = {"contact": row.get("contact"), "account": new, "jobTitle": row.get("jobTitle") or ""}
                await by.attempt(by.describe("contacts", str(row.get("contact"))), by.associate("accountContacts", tie))
        case "fields":
            await recreate_field_parts(by, new, before)
        case _:
            await restore_holders(by, new, before, step)


async def recreate_field_parts(by: UndoRequests, new: str, before: Json) -> None:
    """The choices of a field, and on which lists it shows."""
    own = [one for one in as_objects(before.get("fieldOptions")) if one.get("label") or one.get("value")]
    if own:
        rows = [{**{k: one.get(k) for k in ("label", "value", "orderid", "isdefault")}, "field": new} for one in own]
        step = STEPS["create_field_options"]
        await by.attempt("its choices", by.send(step, step.path, {"fieldOptions": rows}))
    for row in as_objects(before.get("fieldRels")):
        await by.try_silently(by.associate("fieldRels", {"field": new, "relid": str(row.get("relid") or "0")}))


async def recreate_association(by: UndoRequests, write: AuditEntry, step: Operation[..., Any]) -> None:
    """What only ties two things, or a choice of a field: made again as it was."""
    resource = step.resource
    row = as_object((write.before or {}).get(resource.singular))
    keys = {
        "accountContacts": ("contact", "account", "jobTitle"),
        "fieldOptions": ("field", "label", "value", "orderid", "isdefault"),
        "fieldRels": ("field", "relid"),
    }[resource.plural]
    if not row:
        by.lost.append(f"{write.path}: what stood there was not kept")
        return
    sent = {key: row[key] for key in keys if row.get(key) is not None}
    match resource.plural:
        case "accountContacts":
            what = " in ".join(by.describe(f"{end}s", str(row.get(end))) for end in ("contact", "account"))
        case "fieldOptions":
            what, sent = f"the choice {quote(str(row.get('label')))}", {"fieldOptions": [sent]}
        case _:
            what = f"the field shows on {by.describe('lists', str(row.get('relid')))}"
    maker = next(o for o in resource.operations if o.method == "POST")
    await by.attempt(what, by.send(maker, maker.path, sent))


async def move_back(by: UndoRequests, write: AuditEntry, step: Operation[..., Any]) -> None:
    """What was moved on goes back where it was, if it still is where it was moved to."""
    before, resource = write.before or {}, step.resource
    moved: list[str] = before.get("moved") or []
    count = as_int(before.get("moved_count"))
    (key, there), *_ = as_object((write.body or {}).get(resource.singular)).items()
    old = write.path.split("/")[2]
    kind = write.path.split("/")[1]
    home = by.renewed.get((kind, old), old)
    mover = next(o for o in resource.operations if o.method == "PUT" and not o.options.get("moves"))
    done = 0
    for id in moved:
        path = f"{resource.lister.path}/{id}"
        now = as_object((await by.read(path)).get(resource.singular)).get(key)
        if str(now) == str(there):
            done += await by.try_silently(by.send(mover, path, {key: home}))
    if done:
        by.restored.append(f"{done} of {count} {resource.words}: back in {by.describe(kind, home)}")
    if done < count:
        by.lost.append(f"{count - done} of {count} {resource.words}: moved on since, gone, or beyond the first 1,000")


def deal_field(row: Json) -> Json:
    """A custom field value as a deal takes it (reference 5.1)."""
    currency = row.get("fieldCurrency")
    told = {"customFieldId": as_int(row.get("customFieldId")), "fieldValue": row.get("fieldValue")}
    return told | ({"fieldCurrency": currency} if currency else {})


async def recreate_contact_parts(by: UndoRequests, new: str, before: Json) -> None:
    """Tags, lists, companies and notes of a contact."""
    for tag in sorted({str(row.get("tag")) for row in as_objects(before.get("contactTags"))}):
        await by.attempt(by.describe("tags", tag), by.associate("contactTags", {"contact": new, "tag": tag}))
    for row in as_objects(before.get("contactLists")):
        status = str(row.get("status"))
        if status in (SUBSCRIBED, LEFT):
            await by.attempt(
                by.describe("lists", str(row.get("list"))), by.set_membership(new, str(row.get("list")), status)
            )
        else:
            by.lost.append(
                f"{by.describe('lists', str(row.get('list')))}: it was unconfirmed or bounced, which the API cannot set"
            )
    for row in as_objects(before.get("accountContacts")):
        tie = {"contact": new, "account": row.get("account"), "jobTitle": row.get("jobTitle") or ""}
        await by.attempt(by.describe("accounts", str(row.get("account"))), by.associate("accountContacts", tie))
    for row in as_objects(before.get("deals")):
        await restore_deal(by, new, str(row.get("id")))
    await recreate_notes(by, new, "Subscriber", before)


async def restore_deal(by: UndoRequests, new: str, deal: str) -> None:
    """A deal whose contact was deleted gets the new one; whether it can be read again its answer tells."""
    what = by.describe("deals", deal)
    try:
        reply = await by.send(STEPS["update_deal"], f"/deals/{deal}", {"contact": new})
    except RequestRefused:
        by.lost.append(f"{what}: its contact")
        return
    if as_object(reply.body.get("deal")).get("isDisabled") is True:
        by.lost.append(f"{what}: it has its contact again, and can still not be read")
    else:
        by.restored.append(f"{what}: its contact")


async def recreate_notes(by: UndoRequests, new: str, kind: str, before: Json) -> None:
    creator = STEPS["create_note"]
    notes = as_objects(before.get("notes"))
    for row in notes:
        body = {"note": row.get("note") or "", "relid": new, "reltype": kind}
        await by.attempt("a note", by.send(creator, creator.path, body))
    if notes:
        by.lost.append("who wrote the notes and when")


async def restore_holders(by: UndoRequests, new: str, before: Json, step: Operation[..., Any]) -> None:
    """The contacts of a tag or list, as far as they were kept."""
    held = as_object(before.get("holders"))
    count, done = as_int(before.get("holders_count")), 0
    for status, contact in ((status, one) for status, several in held.items() for one in several):
        if step.resource.plural == "tags":
            done += await by.try_silently(by.associate("contactTags", {"contact": contact, "tag": new}))
        elif status in (SUBSCRIBED, LEFT):
            done += await by.try_silently(by.set_membership(contact, new, status))
    if count:
        by.restored.append(f"{done} of its {count} contacts")
    if done < count:
        why = "gone by now, or beyond the first 1,000"
        why = why if step.resource.plural == "tags" else f"unconfirmed, bounced, {why}"
        by.lost.append(f"{count - done} of its {count} contacts: {why}")
