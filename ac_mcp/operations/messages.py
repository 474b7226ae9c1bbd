"""Messages: the e-mails that campaigns send."""

from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec.annotations import About, Ref, Wire
from ac_mcp.spec.columns import Date, Prose, Reference, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Offered
from ac_mcp.spec.parameters import Email, Further, Limit, Name
from ac_mcp.spec.resource import ApiShape, Lookup, Resource, named_by

messages = Resource(
    "message",
    "messages",
    (
        Text("subject"),
        Text("name"),
        Text("from_name", "fromname"),
        Text("from_email", "fromemail"),
        Date("updated", "mdate"),
    ),
    details=(
        Text("reply_to", "reply2"),
        Prose("preheader", "preheader_text"),
        Prose("text"),
        Prose("html", most=500),
        Date("created", "cdate"),
        Reference("author", "userid", kind="users"),
    ),
    lost_for_good="its id, and its place in campaigns",
    lookup=Lookup(called=named_by("subject", "name"), directory=True),
    api=ApiShape(sparse=True),
)
MessageRef = Annotated[str, Ref("messages"), About("Subject, name or id", "Your January cup", show_example=False)]
Subject = Annotated[str, About("Subject line", "Your January cup", show_example=False)]
MessageName = Annotated[Name, About("Name among messages", "January letter", show_example=False)]
FromName = Annotated[Name, Wire("fromname"), About("Sender's name", "Acme", show_example=False)]
FromEmail = Annotated[Email, Wire("fromemail"), About("Sender's address", "news@acme.com", show_example=False)]
ReplyTo = Annotated[Email, Wire("reply2"), About("Where replies go", "help@acme.com", show_example=False)]
Preheader = Annotated[str, Wire("preheader_text"), About("Preview line", "Three beans", show_example=False)]
PlainText = Annotated[str, About("Plain text", "Hello %FIRSTNAME%", show_example=False)]
Html = Annotated[str, About("HTML", "<p>Hello</p>", show_example=False)]


@messages.get("/messages", title="List messages (e-mails)", offered=Offered(on_request=True))
async def list_messages(call: Call, limit: Limit = 20, offset: Further = 0) -> Json:
    """List messages: the e-mails written for campaigns, by subject and sender. Returns a page, no results."""
    return await call()


@messages.get("/messages/{message}", title="Show a message (e-mail)", offered=Offered(on_request=True))
async def get_message(call: Call, message: MessageRef) -> Json:
    """Show one message (e-mail): its subject, sender, text, the beginning of its HTML. Returns no results."""
    return await call()


@messages.post("/messages", title="Write a message (e-mail)", offered=Offered(takes_tables=True, on_request=True))
async def create_message(
    call: Call,
    subject: Subject,
    from_name: FromName,
    from_email: FromEmail,
    reply_to: ReplyTo,
    text: PlainText | None = None,
    html: Html | None = None,
    preheader: Preheader | None = None,
    name: MessageName | None = None,
) -> Json:
    """Write a message: draft the text of an e-mail for a campaign. Returns its id; nothing is sent."""
    if not (text or html):
        raise BadArguments("A message needs text or html.", {**call.present_arguments, "text": "Hello"}, example=True)
    return await call()


@messages.put(
    "/messages/{message}", title="Edit a message (e-mail)", offered=Offered(takes_tables=True, on_request=True)
)
async def update_message(
    call: Call,
    message: MessageRef,
    subject: Subject | None = None,
    from_name: FromName | None = None,
    from_email: FromEmail | None = None,
    reply_to: ReplyTo | None = None,
    text: PlainText | None = None,
    html: Html | None = None,
    preheader: Preheader | None = None,
    name: MessageName | None = None,
) -> Json:
    """Edit a message: change subject, sender or text of an e-mail. Returns it."""
    return await call()


@messages.delete("/messages/{message}", title="Delete a message (e-mail)", offered=Offered(on_request=True))
async def delete_message(call: Call, message: MessageRef) -> Json:
    """Delete a message (e-mail draft). Returns its subject; undone only in part."""
    return await call()
