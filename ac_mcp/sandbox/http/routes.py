"""Every route under /api/3: what a resource declares, and the routes that are none of its own."""

from collections.abc import Iterator

from ac_mcp.sandbox.account import automations, campaigns, tracking, users, webhooks
from ac_mcp.sandbox.account.campaigns import CAMPAIGNS
from ac_mcp.sandbox.catalog import RESOURCES
from ac_mcp.sandbox.contacts import activities, contacts, exclusions, fields, imports, lists, tags
from ac_mcp.sandbox.contacts.fields import upsert
from ac_mcp.sandbox.contacts.imports import settle
from ac_mcp.sandbox.rest.crud import Handler, creating, deleting, getting, listing, nameless, updating, within
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.sales import bulk, custom_fields, notes, roles, tasks
from ac_mcp.sandbox.sales.accounts import ACCOUNTS
from ac_mcp.sandbox.sales.deals import DEALS

from .unserved import unserved

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
    ("GET", "/contacts/{id}/contactDeals", roles.of_contact),
    ("GET", "/contacts/{id}/contactGoals", contacts.nothing({"contactGoals": []})),
    ("GET", "/contacts/{id}/plusAppend", contacts.nothing({})),
    ("GET", "/contacts/{id}/organization", contacts.nothing({})),
    ("POST", "/contactTags", tags.tag_contact),
    ("POST", "/contactLists", lists.subscribe),
    ("POST", "/fieldValues", upsert),
    ("POST", "/contactAutomations", automations.enter),
    ("GET", "/activities", activities.feed),
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
    ("POST", "/campaign", campaigns.create),
    ("PUT", "/campaigns/{id}/edit", campaigns.edit),
    ("POST", "/campaigns/{id}/copy", campaigns.copy),
    ("DELETE", "/campaigns/{id}/delete", campaigns.delete),
    ("DELETE", "/campaigns/{id}", campaigns.delete),
    ("GET", "/campaigns/{id}/automation", campaigns.parent("automations", "seriesid")),
    ("GET", "/campaigns/{id}/user", campaigns.parent("users", "userid")),
    ("GET", "/users/me", users.me),
    ("GET", "/users/email/{email}", users.user_by("email")),
    ("GET", "/users/username/{username}", users.user_by("username")),
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
    ("PATCH", "/deals/bulkUpdate", bulk.change_owners),
    ("PUT", "/dealStages/{id}/deals", bulk.move_deals),
    ("DELETE", "/accounts/bulk_delete", bulk.delete_accounts),
    ("PUT", "/dealTasktypes/{id}/dealTasks", tasks.move_tasks),
    ("POST", "/dealRoles", roles.create_role),
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


VERBS = {
    "list": ("GET", "", listing),
    "create": ("POST", "", creating),
    "get": ("GET", "/{id}", getting),
    "update": ("PUT", "/{id}", updating),
    "patch": ("PATCH", "/{id}", updating),
    "delete": ("DELETE", "/{id}", deleting),
}


def endpoints() -> Iterator[Endpoint]:
    """Method, path and handler, the more particular paths first."""
    yield from ((method, path, _current(handler)) for method, path, handler in SPECIAL)
    yield from unserved()
    for resource in RESOURCES.values():
        yield from ((method, path, _current(handler)) for method, path, handler in _declared(resource))


def _current(handler: Handler) -> Handler:
    """Whatever is asked, what is due in the import queue has happened before."""

    def handle(call: Call) -> Answer:
        settle(call)
        return handler(call)

    return handle


def _declared(resource: Resource) -> Iterator[Endpoint]:
    for verb in resource.verbs.split():
        method, tail, build = VERBS[verb]
        yield method, f"/{resource.plural}{tail}", build(resource)
        if tail:
            yield method, f"/{resource.plural}/", nameless(resource)
