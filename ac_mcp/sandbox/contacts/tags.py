"""Tags, and the associations that put them on contacts (reference 4.1, 4.2)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns, to_text
from ac_mcp.sandbox.rest.crud import add_row, create
from ac_mcp.sandbox.rest.dates import clock
from ac_mcp.sandbox.rest.errors import Refusal, unprocessable
from ac_mcp.sandbox.rest.queries import operator_filters
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .contacts import touch_contact
from .counters import current_counters, hold_counters


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    merged = {"tagType": "", "tag": "", **(row or {}), **sent}
    kind, name = to_text(merged["tagType"]), to_text(merged["tag"])
    existing = _find_tag(call, kind, name)
    if existing and (row is None or existing["id"] != row["id"]):
        error = f"Duplicate entry '{kind}-{name}' for key 'typetag'"
        raise Refusal(500, {"message": "Could not process request", "error": error})
    return sent if row else {"updated_timestamp": clock(call.stamp), **sent}


def _find_tag(call: Call, kind: str | None, name: str | None) -> Row | None:
    return call.store.find("tags", eq("tag", name), eq("tagType", kind))


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    if view != "create":
        for row, out in zip(rows, rendered, strict=True):
            out |= current_counters(call, "tags", row)


TAGS = Resource(
    "tags",
    "tag",
    "Tag",
    columns("""tagType= tag= description= subscriber_count=0 cdate=@now created_timestamp=^cdate updated_timestamp=~
    created_by=~ updated_by=~ deleted=0 links=@links id=@id"""),
    links="contactGoalTags templateTags",
    verbs="list get create update patch delete",
    writes="tag tagType description",
    slim="tag description tagType cdate links id",
    filled_on_update="created_by=0 updated_by=0",
    indexes="tag",
    filters={**operator_filters("filters[search]", "tag"), "search": operator_filters("search", "tag")["search"]},
    orders={"search": "{tag}"},
    children=(Child("contactTags", "tag"),),
    prepare=_prepare,
    finish=_finish,
)


def create_tag(call: Call) -> Answer:
    """Create a tag; one of the same name and type is refused, or by a switch returned."""
    sent = TAGS.writable_values(call)
    existing = _find_tag(call, to_text(sent.get("tagType", "")), to_text(sent.get("tag", "")))
    if existing and call.quirks.existing_tag == "returned":
        return Answer(200, {"tag": call.render("tags", [existing], "create")[0]})
    return create(call, TAGS, sent)


def _before_delete(call: Call, row: Row) -> None:
    hold_counters(call, "tags", row["tag"])
    touch_contact(call, row["contact"])


CONTACT_TAGS = Resource(
    "contactTags",
    "contactTag",
    "SubscriberTag",
    columns("""contact=~ tag=~ cdate=@now created_timestamp=^cdate updated_timestamp=^cdate created_by=~ updated_by=~
    links=@links id=@id"""),
    links="tag contact",
    verbs="list get delete",
    slim="contact tag cdate links id",
    indexes="contact tag",
    before_delete=_before_delete,
)


def tag_contact(call: Call) -> Answer:
    """Answer with the contact for a new association, with the existing one otherwise; only the body differs."""
    sent = call.unwrapped("contactTag")
    contact, tag = _require_parties(call, sent)
    existing = call.store.find("contactTags", eq("contact", contact["id"]), eq("tag", tag["id"]))
    if existing:
        return Answer(200, {"contactTag": call.render("contactTags", [existing])[0]})
    row = attach_tag(call, contact["id"], tag["id"])
    echo = {key: sent[key] for key in ("contact", "tag")}
    rendered = {**call.render("contactTags", [row], "create")[0], **echo}
    return Answer(
        call.quirks.tagged_status, {"contacts": call.sideload("contacts", contact["id"]), "contactTag": rendered}
    )


def attach_tag(call: Call, contact: str, tag: str) -> Row:
    hold_counters(call, "tags", tag)
    touch_contact(call, contact)
    call.store.update("tags", tag, {"updated_timestamp": clock(call.stamp)})
    return add_row(call, CONTACT_TAGS, {"contact": contact, "tag": tag})


def _require_parties(call: Call, sent: Row) -> tuple[Row, Row]:
    if sent.get("contact") in (None, ""):
        raise unprocessable(status=422, title="Missing attribute", source={"pointer": "/data/attributes/contact"})
    if sent.get("tag") in (None, ""):
        raise Refusal(400, {"errors": [_NO_TAG]})
    contact = call.store.get("contacts", sent["contact"])
    if contact is None:
        raise Refusal(404, {"errors": [{"status": 404, "title": "Not Found", "detail": "Contact not found"}]})
    tag = call.store.get("tags", sent["tag"])
    if tag is None:
        raise unprocessable(status=422, title="No tag id provided", source={"pointer": "/data/attributes/tag"})
    return contact, tag


_NO_TAG: Row = {
    "title": "Invalid value for query parameter contactTag.tag",
    "detail": "No tag id provided",
    "source": {"parameter": "contactTag.tag"},
}
