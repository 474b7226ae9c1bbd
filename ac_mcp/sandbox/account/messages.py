"""Messages, templates and saved responses (reference 7 and 12)."""

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.queries import contains
from ac_mcp.sandbox.rest.resource import Resource

MESSAGES = Resource(
    "messages",
    "message",
    "Message",
    columns("""userid=1 ed_instanceid=0 ed_version=1 cdate=@now mdate=@now name= fromname= fromemail= reply2= priority=3
    charset=utf-8 encoding=quoted-printable format=mime subject= preheader_text= text= html= htmlfetch=now
    textfetch=now hidden=0 preview_mime= preview_data= has_predictive_content=0 language_code= source= links=@links
    id=@id user=>userid"""),
    links="user hyperlinks",
    writes="name fromname fromemail reply2 subject preheader_text text html priority charset encoding format",
    slim="fromname fromemail reply2 subject preheader_text text html links id",
    stamped_on_update="mdate",
    required={name: f"The message {name} was not provided." for name in ("fromname", "fromemail", "reply2")},
    filters={"filters[name]": contains("name"), "filters[subject]": contains("subject")},
    orders={name: f"{{{name}}}" for name in ("cdate", "mdate", "name", "subject")},
)

TEMPLATES = Resource(
    "templates",
    "template",
    "Template",
    columns("""userid=1 ed_instanceid=0 ed_version=3 name= subject= content= categoryid=0 used=0 waitpreview=0
    importnum=0 mdate=@now preview_content= modified=1 hidden=0 screenshot=//img-us3.com/_screenshot_/template.jpeg
    links=@links id=@id"""),
    links="templateLists",
    verbs="list get delete",
    filters={"filters[name]": contains("name")},
)


SAVED_RESPONSES = Resource(
    "savedResponses",
    "savedResponse",
    "SavedResponse",
    columns("title= subject= body= ldate=~ last_sent_user_id=~ cdate=@now mdate=~ links=@links id=@id"),
    links="user savedResponseCategorySavedResponse",
    writes="title subject body",
    slim="title subject body cdate links id",
    stamped_on_update="mdate",
    required=dict.fromkeys(("title", "subject", "body"), "This field is required."),
)
