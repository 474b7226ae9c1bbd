"""Creating a deleted record again, with its dependents."""

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
"""The attributes that a new record gets from the deleted one, under the API's names (reference 3 to 5)."""


async def recreate(undo: UndoRequests, write: AuditEntry, step: Operation[..., Any]) -> None:
    """Create a deleted record again from its before image, then its dependents."""
    resource, before = step.resource, write.before or {}
    row, old = as_object(before.get(resource.singular)), id_of(write.path)
    what = undo.describe(resource.plural, old, row)
    if not row:
        undo.lost.append(f"{what}: what stood there was not kept")
        return
    if not undo.made_earlier and await undo.is_name_taken(resource, str(row.get("name") or "")):
        undo.lost.append(f"{what}: one of the same name is there again, so none was made")
        return
    attributes = creation_attributes(resource, row, before)
    creator = next(o for o in resource.operations if o.method == "POST" and not o.idempotent)
    try:
        reply = await undo.send(creator, creator.path, attributes)
    except Duplicate:
        undo.lost.append(f"{what}: one of the same name is there again, so none was made")
        return
    new = str(as_object(reply.body.get(resource.singular)).get("id") or "")
    undo.renewed[resource.plural, old] = new
    before_now = " by an earlier undo" if reply.status == 200 else ""
    undo.restored.append(f"{what}: made again{before_now}, with the id {new}")
    undo.lost.append(f"{what}: {resource.lost_for_good}")
    await recreate_dependents(undo, new, before, step)


def creation_attributes(resource: Resource, row: Json, before: Json) -> Json:
    """Return the attributes of the new record."""
    attributes = {key: row[key] for key in RECREATED_FROM[resource.plural] if row.get(key) not in (None, "")}
    if resource.plural == "dealTasks":
        attributes["ownerType"] = as_object(row.get("owner")).get("type") or "deal"
    if resource.plural == "contacts" and (fields := values_by_field(as_objects(before.get("fieldValues")))):
        attributes["fieldValues"] = [{"field": id, "value": value} for id, value in fields.items()]
    if data := as_objects(before.get(f"{resource.singular}CustomFieldData")):
        attributes["fields"] = [deal_field(value_row) for value_row in data]
    return attributes


async def recreate_dependents(undo: UndoRequests, new: str, before: Json, step: Operation[..., Any]) -> None:
    """Create again what was deleted with the record."""
    match step.resource.plural:
        case "contacts":
            await recreate_contact_parts(undo, new, before)
        case "deals":
            await recreate_notes(undo, new, "Deal", before)
        case "accounts":
            for row in as_objects(before.get("accountContacts")):
                tie = {"contact": row.get("contact"), "account": new, "jobTitle": row.get("jobTitle") or ""}
                await undo.attempt(
                    undo.describe("contacts", str(row.get("contact"))), undo.associate("accountContacts", tie)
                )
        case "fields":
            await recreate_field_parts(undo, new, before)
        case _:
            await restore_holders(undo, new, before, step)


async def recreate_field_parts(undo: UndoRequests, new: str, before: Json) -> None:
    """Create the choices of a custom field again, and show it on its lists."""
    options = [
        option for option in as_objects(before.get("fieldOptions")) if option.get("label") or option.get("value")
    ]
    if options:
        rows = [
            {**{k: option.get(k) for k in ("label", "value", "orderid", "isdefault")}, "field": new}
            for option in options
        ]
        step = STEPS["create_field_options"]
        await undo.attempt("its choices", undo.send(step, step.path, {"fieldOptions": rows}))
    for row in as_objects(before.get("fieldRels")):
        await undo.try_silently(undo.associate("fieldRels", {"field": new, "relid": str(row.get("relid") or "0")}))


async def recreate_association(undo: UndoRequests, write: AuditEntry, step: Operation[..., Any]) -> None:
    """Create an association again, or a choice of a field."""
    resource = step.resource
    row = as_object((write.before or {}).get(resource.singular))
    keys = {
        "accountContacts": ("contact", "account", "jobTitle"),
        "fieldOptions": ("field", "label", "value", "orderid", "isdefault"),
        "fieldRels": ("field", "relid"),
    }[resource.plural]
    if not row:
        undo.lost.append(f"{write.path}: what stood there was not kept")
        return
    sent = {key: row[key] for key in keys if row.get(key) is not None}
    match resource.plural:
        case "accountContacts":
            what = " in ".join(undo.describe(f"{end}s", str(row.get(end))) for end in ("contact", "account"))
        case "fieldOptions":
            what, sent = f"the choice {quote(str(row.get('label')))}", {"fieldOptions": [sent]}
        case _:
            what = f"the field shows on {undo.describe('lists', str(row.get('relid')))}"
    maker = next(o for o in resource.operations if o.method == "POST")
    await undo.attempt(what, undo.send(maker, maker.path, sent))


async def move_back(undo: UndoRequests, write: AuditEntry, step: Operation[..., Any]) -> None:
    """Move records back that a delete had moved on, if they still are where they were moved to."""
    before, resource = write.before or {}, step.resource
    moved: list[str] = before.get("moved") or []
    count = as_int(before.get("moved_count"))
    (key, there), *_ = as_object((write.body or {}).get(resource.singular)).items()
    old = write.path.split("/")[2]
    kind = write.path.split("/")[1]
    home = undo.renewed.get((kind, old), old)
    mover = next(o for o in resource.operations if o.method == "PUT" and not o.options.effects.moves)
    done = 0
    for id in moved:
        path = f"{resource.lister.path}/{id}"
        now = as_object((await undo.read(path)).get(resource.singular)).get(key)
        if str(now) == str(there):
            done += await undo.try_silently(undo.send(mover, path, {key: home}))
    if done:
        undo.restored.append(f"{done} of {count} {resource.words}: back in {undo.describe(kind, home)}")
    if done < count:
        undo.lost.append(f"{count - done} of {count} {resource.words}: moved on since, gone, or beyond the first 1,000")


def deal_field(row: Json) -> Json:
    """Return a custom field value as a deal takes it (reference 5.1)."""
    currency = row.get("fieldCurrency")
    attributes = {"customFieldId": as_int(row.get("customFieldId")), "fieldValue": row.get("fieldValue")}
    return attributes | ({"fieldCurrency": currency} if currency else {})


async def recreate_contact_parts(undo: UndoRequests, new: str, before: Json) -> None:
    """Give a contact back its tags, lists, companies, deals and notes."""
    for tag in sorted({str(row.get("tag")) for row in as_objects(before.get("contactTags"))}):
        await undo.attempt(undo.describe("tags", tag), undo.associate("contactTags", {"contact": new, "tag": tag}))
    for row in as_objects(before.get("contactLists")):
        status = str(row.get("status"))
        if status in (SUBSCRIBED, LEFT):
            await undo.attempt(
                undo.describe("lists", str(row.get("list"))), undo.set_membership(new, str(row.get("list")), status)
            )
        else:
            name = undo.describe("lists", str(row.get("list")))
            undo.lost.append(f"{name}: it was unconfirmed or bounced, which the API cannot set")
    for row in as_objects(before.get("accountContacts")):
        tie = {"contact": new, "account": row.get("account"), "jobTitle": row.get("jobTitle") or ""}
        await undo.attempt(undo.describe("accounts", str(row.get("account"))), undo.associate("accountContacts", tie))
    for row in as_objects(before.get("deals")):
        await restore_deal(undo, new, str(row.get("id")))
    await recreate_notes(undo, new, "Subscriber", before)


async def restore_deal(undo: UndoRequests, new: str, deal: str) -> None:
    """Give a deal its contact back. The answer tells whether the deal can be read again."""
    what = undo.describe("deals", deal)
    try:
        reply = await undo.send(STEPS["update_deal"], f"/deals/{deal}", {"contact": new})
    except RequestRefused:
        undo.lost.append(f"{what}: its contact")
        return
    if as_object(reply.body.get("deal")).get("isDisabled") is True:
        undo.lost.append(f"{what}: it has its contact again, and can still not be read")
    else:
        undo.restored.append(f"{what}: its contact")


async def recreate_notes(undo: UndoRequests, new: str, kind: str, before: Json) -> None:
    """Create the notes of a record again. Their authors and dates cannot be restored."""
    creator = STEPS["create_note"]
    notes = as_objects(before.get("notes"))
    for row in notes:
        body = {"note": row.get("note") or "", "relid": new, "reltype": kind}
        await undo.attempt("a note", undo.send(creator, creator.path, body))
    if notes:
        undo.lost.append("who wrote the notes and when")


async def restore_holders(undo: UndoRequests, new: str, before: Json, step: Operation[..., Any]) -> None:
    """Give a tag or list its contacts back, as far as the before image holds them."""
    by_status = as_object(before.get("holders"))
    count, done = as_int(before.get("holders_count")), 0
    for status, contact in ((status, holder) for status, holders in by_status.items() for holder in holders):
        if step.resource.plural == "tags":
            done += await undo.try_silently(undo.associate("contactTags", {"contact": contact, "tag": new}))
        elif status in (SUBSCRIBED, LEFT):
            done += await undo.try_silently(undo.set_membership(contact, new, status))
    if count:
        undo.restored.append(f"{done} of its {count} contacts")
    if done < count:
        reason = "gone by now, or beyond the first 1,000"
        reason = reason if step.resource.plural == "tags" else f"unconfirmed, bounced, {reason}"
        undo.lost.append(f"{count - done} of its {count} contacts: {reason}")
