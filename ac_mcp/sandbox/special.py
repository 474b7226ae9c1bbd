"""The routes that are not simply list, get, create, update or delete of a resource."""

from . import (
    activity,
    automations,
    campaign_writing,
    contacts,
    custom_fields,
    deal_bulk,
    deal_people,
    exclusions,
    fields,
    imports,
    lists,
    notes,
    staff,
    tags,
    tasks,
    tracking,
    webhooks,
)
from .campaigns import CAMPAIGNS
from .crm import ACCOUNTS
from .deals import DEALS
from .field_values import upsert
from .generic import Handler, updating, within

Endpoint = tuple[str, str, Handler]

UNDER_CONTACT = {
    "contactTags": "contact",
    "contactLists": "contact",
    "contactAutomations": "contact",
    "fieldValues": "contact",
    "deals": "contact",
    "scoreValues": "contact",
    "accountContacts": "contact",
    "geoIps": "contact",
    "trackingLogs": "subscriberid",
    "bounceLogs": "subscriberid",
    "contactLogs": "subscriberid",
}
UNDER_CAMPAIGN = dict.fromkeys(("links", "campaignLists", "campaignMessages"), "campaignid")
UNDER_DEAL = {"dealActivities": "d_id", "contactDeals": "deal", "dealCustomFieldData": "dealId"}
UNDER_ACCOUNT = {"accountContacts": "account", "accountCustomFieldData": "accountId"}

_CONTACTS: tuple[Endpoint, ...] = (
    ("POST", "/contact/sync", contacts.sync),
    ("GET", "/contacts/{id}/notes", notes.notes_of_contact),
    ("GET", "/contacts/{id}/automationEntryCounts", contacts.entry_counts),
    ("GET", "/contacts/{id}/contactData", contacts.datum),
    ("GET", "/contacts/{id}/contactDeals", deal_people.of_contact),
    ("GET", "/contacts/{id}/contactGoals", contacts.nothing({"contactGoals": []})),
    ("GET", "/contacts/{id}/plusAppend", contacts.nothing({})),
    ("GET", "/contacts/{id}/organization", contacts.nothing({})),
    ("POST", "/contactTags", tags.tag_contact),
    ("POST", "/contactLists", lists.subscribe),
    ("POST", "/fieldValues", upsert),
    ("POST", "/contactAutomations", automations.enter),
    ("GET", "/activities", activity.feed),
    ("POST", "/import/bulk_import", imports.ask),
    ("GET", "/import/bulk_import", imports.queue),
    ("GET", "/import/info", imports.info),
)

_ACCOUNT: tuple[Endpoint, ...] = (
    ("PUT", "/lists/{id}", lists.update_list),
    ("PATCH", "/lists/{id}", updating(lists.LISTS)),
    ("GET", "/lists/exclusions", exclusions.listed),
    ("GET", "/lists/exclusions/{id}", exclusions.got),
    ("PUT", "/lists/exclusions/{id}", exclusions.changed),
    ("POST", "/listGroups", lists.let_group_see),
    ("POST", "/fieldOption/bulk", fields.add_options),
    ("POST", "/campaign", campaign_writing.create),
    ("PUT", "/campaigns/{id}/edit", campaign_writing.edit),
    ("POST", "/campaigns/{id}/copy", campaign_writing.copy),
    ("DELETE", "/campaigns/{id}/delete", campaign_writing.delete),
    ("DELETE", "/campaigns/{id}", campaign_writing.delete),
    ("GET", "/campaigns/{id}/automation", campaign_writing.parent("automations", "seriesid")),
    ("GET", "/campaigns/{id}/user", campaign_writing.parent("users", "userid")),
    ("GET", "/users/me", staff.me),
    ("GET", "/users/email/{email}", staff.user_by("email")),
    ("GET", "/users/username/{username}", staff.user_by("username")),
    ("GET", "/webhook/events", webhooks.events),
    *(
        (method, f"/{name}", tracking.switch(name))
        for name in ("eventTracking", "siteTracking")
        for method in ("GET", "PUT")
    ),
    ("DELETE", "/eventTrackingEvents/{name}", tracking.forget),
    ("GET", "/customObjects/schemas", tracking.schemas),
    ("GET", "/customObjects/schemas/{id}", tracking.schema),
)

_BUSINESS: tuple[Endpoint, ...] = (
    ("PATCH", "/deals/bulkUpdate", deal_bulk.change_owners),
    ("PUT", "/dealStages/{id}/deals", deal_bulk.move_deals),
    ("DELETE", "/accounts/bulk_delete", deal_bulk.delete_accounts),
    ("PUT", "/dealTasktypes/{id}/dealTasks", tasks.move_tasks),
    ("POST", "/dealRoles", deal_people.create_role),
    *(("POST", f"/{plural}/{{id}}/notes", notes.note_on(plural)) for plural in ("deals", "accounts")),
    # The address of one note makes a second one when it is posted to (reference 5.1).
    *(("POST", f"/{plural}/{{id}}/notes/{{note}}", notes.note_on(plural)) for plural in ("deals", "accounts")),
    *(("PUT", f"/{plural}/{{id}}/notes/{{note}}", notes.note_of(plural)) for plural in ("deals", "accounts")),
)

_CUSTOM: tuple[Endpoint, ...] = tuple(
    endpoint
    for side in custom_fields.DATA
    for endpoint in (
        ("POST", f"/{side.data}/bulkCreate", custom_fields.bulk_creating(side)),
        ("PATCH", f"/{side.data}/bulkUpdate", custom_fields.bulk_updating(side)),
        ("POST", f"/{side.data}", custom_fields.posting(side)),
    )
)

_UNDER: tuple[Endpoint, ...] = tuple(
    ("GET", f"/{resource.plural}/{{id}}/{plural}", within(resource, plural, column))
    for resource, columns in (
        (contacts.CONTACTS, UNDER_CONTACT),
        (CAMPAIGNS, UNDER_CAMPAIGN),
        (DEALS, UNDER_DEAL),
        (ACCOUNTS, UNDER_ACCOUNT),
    )
    for plural, column in columns.items()
)

SPECIAL: tuple[Endpoint, ...] = (*_CONTACTS, *_ACCOUNT, *_BUSINESS, *_CUSTOM, *_UNDER)
