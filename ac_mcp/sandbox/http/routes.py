"""All routes under /api/3: those that resources declare, and the special ones."""

from collections.abc import Iterator

from ac_mcp.sandbox.account import automations, campaigns, records, shops, tracking, users, webhooks
from ac_mcp.sandbox.account.automations import AUTOMATIONS
from ac_mcp.sandbox.account.campaigns import CAMPAIGNS
from ac_mcp.sandbox.catalog import RESOURCES
from ac_mcp.sandbox.contacts import activities, contacts, exclusions, fields, imports, lists, tags
from ac_mcp.sandbox.contacts.fields import put_field_value, upsert_value
from ac_mcp.sandbox.contacts.imports import apply_due
from ac_mcp.sandbox.rest.crud import (
    Handler,
    create_handler,
    delete_handler,
    get_handler,
    list_handler,
    missing_id_handler,
    nested_list_handler,
    update_handler,
)
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.sales import bulk, custom_fields, notes, roles, tasks
from ac_mcp.sandbox.sales.accounts import ACCOUNTS
from ac_mcp.sandbox.sales.deals import DEALS

from .unserved import unserved_routes

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
UNDER_CAMPAIGN = dict.fromkeys(("campaignLists", "campaignMessages"), "campaignid")
UNDER_DEAL = {"dealActivities": "d_id", "contactDeals": "deal", "dealCustomFieldData": "dealId"}
UNDER_ACCOUNT = {"accountContacts": "account", "accountCustomFieldData": "accountId"}

_CONTACTS: tuple[Endpoint, ...] = (
    ("POST", "/contact/sync", contacts.sync),
    ("GET", "/contacts/{id}/notes", notes.list_contact_notes),
    ("GET", "/contacts/{id}/automationEntryCounts", contacts.entry_counts),
    ("GET", "/contacts/{id}/contactData", contacts.contact_data),
    ("GET", "/contacts/{id}/contactDeals", roles.list_contact_deals),
    ("GET", "/contacts/{id}/contactGoals", contacts.fixed_answer({"contactGoals": []})),
    ("GET", "/contacts/{id}/plusAppend", contacts.fixed_answer({})),
    ("GET", "/contacts/{id}/organization", contacts.fixed_answer({})),
    ("POST", "/tags", tags.create_tag),
    ("POST", "/contactTags", tags.tag_contact),
    ("POST", "/contactLists", lists.subscribe),
    ("POST", "/fieldValues", upsert_value),
    ("PUT", "/fieldValues/{id}", put_field_value),
    ("POST", "/contactAutomations", automations.add_contact),
    ("GET", "/activities", activities.feed),
    ("POST", "/import/bulk_import", imports.queue_import),
    ("GET", "/import/bulk_import", imports.list_imports),
    ("GET", "/import/info", imports.import_info),
)

_ACCOUNT: tuple[Endpoint, ...] = (
    ("PUT", "/lists/{id}", lists.update_list),
    ("PATCH", "/lists/{id}", update_handler(lists.LISTS)),
    ("GET", "/lists/exclusions", exclusions.list_exclusions),
    ("GET", "/lists/exclusions/{id}", exclusions.get_exclusion),
    ("PUT", "/lists/exclusions/{id}", exclusions.update_exclusion),
    ("POST", "/listGroups", lists.add_group),
    ("POST", "/fieldOption/bulk", fields.add_options),
    ("POST", "/campaign", campaigns.create_campaign),
    ("PUT", "/campaigns/{id}/edit", campaigns.edit_campaign),
    ("POST", "/campaigns/{id}/copy", campaigns.copy_campaign),
    ("DELETE", "/campaigns/{id}/delete", campaigns.delete_campaign),
    ("DELETE", "/campaigns/{id}", campaigns.delete_campaign),
    ("GET", "/campaigns/{id}/links", campaigns.list_links),
    ("GET", "/campaigns/{id}/automation", campaigns.parent_handler("automations", "seriesid")),
    ("GET", "/campaigns/{id}/user", campaigns.parent_handler("users", "userid")),
    ("GET", "/users/me", users.get_me),
    ("GET", "/users/email/{email}", users.user_by_handler("email")),
    ("GET", "/users/username/{username}", users.user_by_handler("username")),
    ("GET", "/webhook/events", webhooks.list_events),
    *(
        (method, f"/{name}", tracking.switch_handler(name))
        for name in ("eventTracking", "siteTracking")
        for method in ("GET", "PUT")
    ),
    ("DELETE", "/eventTrackingEvents/{name}", tracking.delete_event),
    ("GET", "/customObjects/schemas", tracking.list_schemas),
    ("GET", "/customObjects/schemas/{id}", tracking.get_schema),
    ("GET", "/ecomOrders/{id}/orderProducts", nested_list_handler(shops.ORDERS, "ecomOrderProducts", "orderid")),
    ("GET", "/automations/{id}/blocks", nested_list_handler(AUTOMATIONS, "automationBlocks", "automation")),
    ("GET", "/fields/{id}/options", nested_list_handler(fields.FIELDS, "fieldOptions", "field")),
    ("GET", "/", lambda call: Answer(200, {})),  # a client checks its token here; the body is published nowhere
)

_RECORD, _RECORDS_OF = "/customObjects/records/{schema}/{id}", "/customObjects/records/{schema}"
_BY_EXTERNAL_ID = "/customObjects/records/{schema}/external/{id}"
_RECORDS: tuple[Endpoint, ...] = (
    ("GET", _BY_EXTERNAL_ID, records.get_record_by_external_id),
    ("DELETE", _BY_EXTERNAL_ID, records.delete_record_by_external_id),
    ("GET", _RECORDS_OF, records.list_records),
    ("POST", _RECORDS_OF, records.save_record),
    ("GET", _RECORD, records.get_record),
    ("DELETE", _RECORD, records.delete_record),
    *(
        (method, path, records.refuse_method)
        for method in ("PUT", "PATCH")
        for path in (_BY_EXTERNAL_ID, _RECORDS_OF, _RECORD)
    ),
)

_BUSINESS: tuple[Endpoint, ...] = (
    ("PATCH", "/deals/bulkUpdate", bulk.change_owners),
    ("PUT", "/dealStages/{id}/deals", bulk.move_deals),
    ("DELETE", "/accounts/bulk_delete", bulk.delete_accounts),
    ("PUT", "/dealTasktypes/{id}/dealTasks", tasks.move_tasks),
    ("POST", "/dealRoles", roles.create_role),
    *(("POST", f"/{plural}/{{id}}/notes", notes.create_handler(plural)) for plural in ("deals", "accounts")),
    # A POST to the path of a note creates another note (reference 5.1).
    *(("POST", f"/{plural}/{{id}}/notes/{{note}}", notes.create_handler(plural)) for plural in ("deals", "accounts")),
    *(("PUT", f"/{plural}/{{id}}/notes/{{note}}", notes.update_handler(plural)) for plural in ("deals", "accounts")),
)

_CUSTOM: tuple[Endpoint, ...] = tuple(
    endpoint
    for kind in custom_fields.DATA
    for endpoint in (
        ("POST", f"/{kind.data}/bulkCreate", custom_fields.bulk_create_handler(kind)),
        ("PATCH", f"/{kind.data}/bulkUpdate", custom_fields.bulk_update_handler(kind)),
        ("POST", f"/{kind.data}", custom_fields.post_handler(kind)),
    )
)

_UNDER: tuple[Endpoint, ...] = tuple(
    ("GET", f"/{resource.plural}/{{id}}/{plural}", nested_list_handler(resource, plural, column))
    for resource, columns in (
        (contacts.CONTACTS, UNDER_CONTACT),
        (CAMPAIGNS, UNDER_CAMPAIGN),
        (DEALS, UNDER_DEAL),
        (ACCOUNTS, UNDER_ACCOUNT),
    )
    for plural, column in columns.items()
)

SPECIAL: tuple[Endpoint, ...] = (*_CONTACTS, *_ACCOUNT, *_RECORDS, *_BUSINESS, *_CUSTOM, *_UNDER)


VERBS = {
    "list": ("GET", "", list_handler),
    "create": ("POST", "", create_handler),
    "get": ("GET", "/{id}", get_handler),
    "update": ("PUT", "/{id}", update_handler),
    "patch": ("PATCH", "/{id}", update_handler),
    "delete": ("DELETE", "/{id}", delete_handler),
}


def endpoints() -> Iterator[Endpoint]:
    """Yield method, path and handler of every route, the more specific paths first."""
    yield from ((method, path, _after_due_imports(handler)) for method, path, handler in SPECIAL)
    yield from unserved_routes()
    for resource in RESOURCES.values():
        yield from ((method, path, _after_due_imports(handler)) for method, path, handler in _routes_of(resource))


def _after_due_imports(handler: Handler) -> Handler:
    """Wrap a handler so that the imports that are due are applied first."""

    def handle(call: Call) -> Answer:
        apply_due(call)
        return handler(call)

    return handle


def _routes_of(resource: Resource) -> Iterator[Endpoint]:
    for verb in resource.verbs.split():
        method, tail, build = VERBS[verb]
        yield method, f"/{resource.plural}{tail}", build(resource)
        if tail:
            yield method, f"/{resource.plural}/", missing_id_handler(resource)
