"""Tags: labels, and which contact wears them."""

from typing import Annotated

from ac_mcp.columns import Code, Date, Number, Reference, Text
from ac_mcp.marks import About, Wire
from ac_mcp.operation import Call, say
from ac_mcp.parameters import ContactRef, Limit, Name, Offset, Search, TagRef
from ac_mcp.request import Json
from ac_mcp.resource import Resource, keys

TagName = Annotated[Name, Wire("tag"), About("Name", "Webinar 2026", shown=False)]
Description = Annotated[str, About("What it stands for", "Signed up for the webinar", shown=False)]

tags = Resource(
    "tag",
    "tags",
    (Text("name", "tag"), Text("description"), Number("contacts", "subscriber_count")),
    more=(Code("type", "tagType"), Date("created", "cdate")),
    called=keys("tag"),
    directory=True,
    refuses_second=True,
    find=lambda given: {"search": given},
    example="VIP",
)
contact_tags = Resource(
    "contactTag",
    "contactTags",
    (Reference("contact", kind="contacts"), Reference("tag", kind="tags"), Date("added", "cdate")),
    one="tag",
    many="tags",
    link=True,
)


@tags.get("/tags")
async def list_tags(
    call: Call,
    search: Search | None = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Json:
    """List or search the tags (labels) of the account, with how many contacts have each."""
    return await call()


@tags.get("/tags/{tag}")
async def get_tag(call: Call, tag: TagRef) -> Json:
    """Show one tag: description and number of contacts."""
    return await call()


@tags.post("/tags")
async def create_tag(
    call: Call,
    name: TagName,
    description: Description | None = None,
) -> Json:
    """Create a new tag (label). Names are unique whatever their case."""
    return await call(tag_type="contact")


@tags.put("/tags/{tag}")
async def update_tag(
    call: Call, tag: TagRef, name: TagName | None = None, description: Description | None = None
) -> Json:
    """Rename a tag or change its description; contacts keep it."""
    return await call()


@tags.delete("/tags/{tag}")
async def delete_tag(call: Call, tag: TagRef) -> Json:
    """Delete a tag from the account and from every contact that has it. To take it off one contact: untag_contact."""
    return await call()


@contact_tags.get("/contacts/{contact}/contactTags")
async def list_contact_tags(call: Call, contact: ContactRef) -> Json:
    """List the tags one contact has, by name."""
    return await call()


@contact_tags.post("/contactTags", idempotent=True)
async def tag_contact(call: Call, contact: ContactRef, tag: TagRef) -> Json:
    """Add a tag (label) to a contact. Automations that start on this tag will run."""
    reply = await call.reply()
    return say(reply.body, result=reply.outcome("tagged", "already tagged"))


@contact_tags.delete("/contactTags/{id}", destructive=False)
async def untag_contact(call: Call, contact: ContactRef, tag: TagRef) -> Json:
    """Remove a tag from a contact; the tag itself stays."""
    worn = (await list_contact_tags(call, contact))["contactTags"]
    removed = [row["id"] for row in worn if str(row.get("tag")) == tag and row.get("id")]
    for id in removed:
        await call(id=id)
    return say({}, result="untagged" if removed else "did not have the tag")
