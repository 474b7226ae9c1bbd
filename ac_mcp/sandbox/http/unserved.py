"""Operations that the official reference documents but this sandbox does not serve: they answer 501, not 404."""

from collections.abc import Iterator

from ac_mcp.sandbox.rest.crud import Handler
from ac_mcp.sandbox.rest.errors import Refusal
from ac_mcp.sandbox.rest.resource import Answer, Call

# Collections of which no operation (list, create, get, update, delete) is served.
_WHOLE = "personalizations tasktypeOutcomeRels"

_SINGLE = """
DELETE addressGroups/{id}
DELETE addressLists/{id}
GET content/editorMarkup/{id}
POST customObjects/schemas
PUT DELETE customObjects/schemas/{id}
POST customObjects/schemas/public
POST customObjects/schemas/{id}/child
DELETE customObjects/schemas/{id}/fields/{field}
GET dealGroup/get_inaccessible_deal_groups
GET geoIps/{id}/geoAddress
POST groupDefinitions
GET groupLimits
POST localevent
DELETE personalizations/bulkdelete
GET siteTracking/code
GET POST siteTrackingDomains
DELETE siteTrackingDomains/{name}
GET stripo/config
GET stripo/personalizationTags
POST taskNotifications
GET trackingLogs/{id}/contact
"""


def unserved_routes() -> Iterator[tuple[str, str, Handler]]:
    for line in _SINGLE.strip().splitlines():
        *methods, path = line.split()
        yield from ((method, f"/{path}", _not_served) for method in methods)
    for plural in _WHOLE.split():
        yield from ((method, f"/{plural}", _not_served) for method in ("GET", "POST"))
        yield from ((method, f"/{plural}/{{id}}", _not_served) for method in ("GET", "PUT", "DELETE"))


def _not_served(call: Call) -> Answer:
    raise Refusal(501, {"message": "ActiveCampaign documents this operation, but this demo account does not serve it."})
