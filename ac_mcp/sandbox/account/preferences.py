"""Settings of users, the branding of groups, and calendar feeds (reference 12)."""

from hashlib import md5

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.resource import Call, Resource
from ac_mcp.sandbox.rest.store import Row

CONFIGS = Resource(
    "configs",
    "config",
    "Config",
    columns("""keyname= section= item= userid=0 val= cdate=@now udate=@now created_timestamp=^cdate
    updated_timestamp=^udate created_by=~ updated_by=~ links=@links id=@id owner=>userid"""),
    links="owner",
    verbs="list get update",
    writes="keyname section item userid val",
    stamped_on_update="udate",
)

BRANDINGS = Resource(
    "brandings",
    "branding",
    "Branding",
    columns("""groupid=1 siteName= siteLogo= siteLogoSmall= headerTextValue= headerHtmlValue= footerTextValue=
    footerHtmlValue= copyright=1 version=1 license=1 links=1 help=1 adminTemplateHtm= adminTemplateCss=
    publicTemplateHtm= publicTemplateCss= favicon=~ id=@id"""),
    verbs="list get update",
    writes="""groupid siteName siteLogo siteLogoSmall headerTextValue headerHtmlValue footerTextValue footerHtmlValue
    copyright version license links help adminTemplateHtm adminTemplateCss publicTemplateHtm publicTemplateCss""",
)


def _prepare_calendar(call: Call, sent: Row, row: Row | None) -> Row:
    if row:
        return {**sent, "mdate": call.stamp}
    token = md5(f"{sent['title']} {call.stamp}".encode(), usedforsecurity=False).hexdigest()
    return {"userid": "1", "token": token, **sent}


CALENDARS = Resource(
    "calendars",
    "calendar",
    "Calendar",
    columns("""userid=1 title= type=All token= notification=0 cdate=@now mdate=@now links=@links id=@id"""),
    links="calendarRels calendarUsers",
    writes="title type notification",
    create_status=200,
    required={name: f"The calendar {name} was not provided." for name in ("title", "type")},
    prepare=_prepare_calendar,
)

PREFERENCES = (CONFIGS, BRANDINGS, CALENDARS)
