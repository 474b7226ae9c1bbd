"""Operations the official reference documents and this sandbox does not serve: they answer 501, not 404."""

from collections.abc import Iterator

from .generic import Handler
from .refusal import Refusal
from .resource import Answer, Call

# Collections with list, create, get, update and delete, none of which is served.
_WHOLE = """accountCustomFieldData accountCustomFieldMeta addresses brandings calendars connections contactDeals
customObjects/schemas dealCustomFieldData dealCustomFieldMeta dealRoles dealTasks dealTasktypes ecomCustomers ecomOrders
ecomOrderProducts forms groupMembers messages personalizations savedResponses scores segments taskOutcomes templates
tasktypeOutcomeRels"""

_SINGLE = """
POST accountCustomFieldData/bulkCreate
PATCH accountCustomFieldData/bulkUpdate
DELETE accounts/bulk_delete
PUT accounts/{id}/notes/{note}
GET activities
DELETE addressGroups/{id}
DELETE addressLists/{id}
POST campaign
POST campaigns/{id}/copy
PUT campaigns/{id}/edit
DELETE campaigns/{id}/delete
PUT configs/{id}
GET content/editorMarkup/{id}
GET POST customObjects/records/{schema}
GET DELETE customObjects/records/{schema}/{id}
GET DELETE customObjects/records/{schema}/external/{id}
POST customObjects/schemas/public
POST customObjects/schemas/{id}/child
DELETE customObjects/schemas/{id}/fields/{field}
GET dealActivities
POST dealCustomFieldData/bulkCreate
PATCH dealCustomFieldData/bulkUpdate
GET dealGroup/get_inaccessible_deal_groups
PUT dealStages/{id}/deals
PUT dealTasktypes/{id}/dealTasks
PATCH deals/bulkUpdate
PUT deals/{id}/notes/{note}
GET ecomOrders/{id}/orderProducts
GET emailActivities
GET PUT eventTracking
GET POST eventTrackingEvents
DELETE eventTrackingEvents/{name}
GET geoIps/{id}/geoAddress
POST groupDefinitions
GET groupLimits
POST groups
PUT DELETE groups/{id}
GET POST import/bulk_import
GET import/info
GET lists/exclusions
GET PUT lists/exclusions/{id}
POST localevent
DELETE personalizations/bulkdelete
GET PUT siteTracking
GET siteTracking/code
GET POST siteTrackingDomains
DELETE siteTrackingDomains/{name}
GET stripo/config
GET stripo/personalizationTags
POST taskNotifications
GET trackingLogs/{id}/contact
POST users
PUT DELETE users/{id}
"""


def unserved() -> Iterator[tuple[str, str, Handler]]:
    for line in _SINGLE.strip().splitlines():
        *methods, path = line.split()
        yield from ((method, f"/{path}", _sorry) for method in methods)
    for plural in _WHOLE.split():
        yield from ((method, f"/{plural}", _sorry) for method in ("GET", "POST"))
        yield from ((method, f"/{plural}/{{id}}", _sorry) for method in ("GET", "PUT", "DELETE"))


def _sorry(call: Call) -> Answer:
    raise Refusal(501, {"message": "ActiveCampaign documents this operation, but this sandbox does not serve it."})
