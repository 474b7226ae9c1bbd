"""Tags: labels, and the contacts that have them."""

from typing import Annotated

from ac_mcp.messages import Json, as_object
from ac_mcp.spec.annotations import About, Wire
from ac_mcp.spec.columns import Code, Date, Number, Prose, Reference, Text
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Effects
from ac_mcp.spec.parameters import AllOfThem, ContactRef, Further, Name, Search, TagRef
from ac_mcp.spec.resource import ApiShape, Lookup, Resource, named_by

TagName = Annotated[Name, Wire("tag"), About("Name", "Webinar 2026", show_example=False)]
Description = Annotated[str, About("What it stands for", "Signed up for the webinar", show_example=False)]

tags = Resource(
    "tag",
    "tags",
    (Text("name", "tag"), Prose("description"), Number("contacts", "subscriber_count")),
    details=(Code("type", "tagType"), Date("created", "cdate")),
    lost_for_good="its id, and automations or segments that used it",
    lookup=Lookup(called=named_by("tag"), directory=True, find=lambda name: {"search": name}),
    api=ApiShape(refuses_second=True),
)


def is_new_link(body: Json) -> bool | None:
    """Return whether an answer shows that a contact did not have the tag before (corrections, "Writes").

    `contacts` comes with a new link only, `created_timestamp` with an old one only. None if the body holds neither.
    """
    if body.get("contacts"):
        return True
    return False if as_object(body.get("contactTag")).get("created_timestamp") else None


contact_tags = Resource(
    "contactTag",
    "contactTags",
    (Reference("contact", kind="contacts"), Reference("tag", kind="tags"), Date("added", "cdate")),
    noun="tag",
    nouns="tags",
    link=True,
    api=ApiShape(is_new=is_new_link),
)


@tags.get("/tags", title="List all tags (labels)")
async def list_tags(
    call: Call,
    search: Search | None = None,
    limit: AllOfThem = 100,
    offset: Further = 0,
) -> Json:
    """List all tags: what labels we have in the account. Returns counts of contacts, a page."""
    return await call()


@tags.get("/tags/{tag}", title="Show a tag (label)")
async def get_tag(call: Call, tag: TagRef) -> Json:
    """Show one tag: what the label is for. Returns only description and contact count."""
    return await call()


@tags.post("/tags", title="Create a new tag (label)")
async def create_tag(
    call: Call,
    name: TagName,
    description: Description | None = None,
) -> Json:
    """Create a tag: make a new label. Returns its id; an existing name is refused."""
    return await call(tag_type="contact")


@tags.put("/tags/{tag}", title="Rename a tag (label)")
async def update_tag(
    call: Call, tag: TagRef, name: TagName | None = None, description: Description | None = None
) -> Json:
    """Rename a tag (label) or edit its description. Returns it; contacts unchanged."""
    return await call()


@tags.delete("/tags/{tag}", title="Delete a tag (label)")
async def delete_tag(call: Call, tag: TagRef) -> Json:
    """Delete a tag: get rid of a label altogether. Returns its name; undone only in part. Off one contact only:
    untag_contact."""
    return await call()


@contact_tags.get("/contacts/{contact}/contactTags", title="List a contact's tags (labels)")
async def list_contact_tags(call: Call, contact: ContactRef) -> Json:
    """List all tags (labels) on one contact: how is a person marked. Returns only names and ids."""
    return await call()


@contact_tags.post(
    "/contactTags",
    title="Tag (label, mark) a contact",
    idempotent=True,
    effects=Effects(starts="when this tag is added", reports=("contact_tag_added",)),
)
async def tag_contact(call: Call, contact: ContactRef, tag: TagRef) -> Json:
    """Add a tag to a contact: mark, flag or label a person. Returns if already there; may trigger automations."""
    reply = await call.respond()
    return with_own_words(reply.body, result=reply.outcome("tagged", "already tagged"))


@contact_tags.delete(
    "/contactTags/{id}",
    title="Remove a tag from a contact",
    destructive=False,
    effects=Effects(
        starts="when this tag is removed",
        reports=("contact_tag_removed",),
        shown_at="/contacts/{contact}/contactTags",
    ),
)
async def untag_contact(call: Call, contact: ContactRef, tag: TagRef) -> Json:
    """Remove a tag from a contact: untag, undo, take a label off. Returns if it was there; the tag stays, unchanged."""
    rows = (await list_contact_tags(call, contact))["contactTags"]
    ids = [row["id"] for row in rows if str(row.get("tag")) == tag and row.get("id")]
    for id in ids:
        await call(id=id)
    return with_own_words({}, result="untagged" if ids else "did not have the tag")
