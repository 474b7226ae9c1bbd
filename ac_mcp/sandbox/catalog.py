"""All resources and all routes of the API under /api/3."""

from collections.abc import Iterator

from . import automations, campaigns, contacts, crm, fields, lists, notes, tags, webhooks
from .deals import DEALS
from .documented import unserved
from .field_values import FIELD_VALUES, upsert
from .generic import Handler, creating, deleting, getting, listing, nameless, updating, within
from .pipelines import DEAL_GROUPS, DEAL_STAGES
from .resource import Resource

Endpoint = tuple[str, str, Handler]

RESOURCES: dict[str, Resource] = {
    resource.plural: resource
    for resource in (
        contacts.CONTACTS,
        *contacts.HANGING,
        tags.TAGS,
        tags.CONTACT_TAGS,
        lists.LISTS,
        lists.LIST_GROUPS,
        lists.CONTACT_LISTS,
        FIELD_VALUES,
        fields.FIELDS,
        fields.FIELD_OPTIONS,
        fields.FIELD_RELS,
        DEALS,
        DEAL_STAGES,
        DEAL_GROUPS,
        automations.AUTOMATIONS,
        automations.CONTACT_AUTOMATIONS,
        campaigns.CAMPAIGNS,
        campaigns.LINKS,
        crm.ACCOUNTS,
        crm.ACCOUNT_CONTACTS,
        crm.USERS,
        crm.GROUPS,
        notes.NOTES,
        webhooks.WEBHOOKS,
    )
}

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
}

SPECIAL: tuple[Endpoint, ...] = (
    ("POST", "/contact/sync", contacts.sync),
    ("GET", "/contacts/{id}/notes", notes.notes_of_contact),
    ("GET", "/contacts/{id}/automationEntryCounts", contacts.entry_counts),
    ("GET", "/contacts/{id}/contactData", contacts.datum),
    ("GET", "/contacts/{id}/contactDeals", contacts.nothing({"contactDeals": []})),
    ("GET", "/contacts/{id}/contactGoals", contacts.nothing({"contactGoals": []})),
    ("GET", "/contacts/{id}/contactLogs", contacts.nothing({"contactLogs": []})),
    ("GET", "/contacts/{id}/plusAppend", contacts.nothing({})),
    ("GET", "/contacts/{id}/organization", contacts.nothing({})),
    ("POST", "/contactTags", tags.tag_contact),
    ("PUT", "/lists/{id}", lists.update_list),
    ("PATCH", "/lists/{id}", updating(lists.LISTS)),
    ("POST", "/listGroups", lists.let_group_see),
    ("POST", "/contactLists", lists.subscribe),
    ("POST", "/fieldValues", upsert),
    ("POST", "/fieldOption/bulk", fields.add_options),
    ("POST", "/deals/{id}/notes", notes.note_on("deals")),
    ("POST", "/accounts/{id}/notes", notes.note_on("accounts")),
    ("POST", "/contactAutomations", automations.enter),
    ("GET", "/campaigns/{id}/links", within(campaigns.CAMPAIGNS, "links", "campaignid")),
    ("GET", "/users/me", crm.me),
    ("GET", "/users/email/{email}", crm.user_by("email")),
    ("GET", "/users/username/{username}", crm.user_by("username")),
    ("GET", "/webhook/events", webhooks.events),
)

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
    yield from SPECIAL
    for plural, column in UNDER_CONTACT.items():
        yield "GET", f"/contacts/{{id}}/{plural}", within(contacts.CONTACTS, plural, column)
    yield from unserved()
    for resource in RESOURCES.values():
        yield from _declared(resource)


def _declared(resource: Resource) -> Iterator[Endpoint]:
    for verb in resource.verbs.split():
        method, tail, build = VERBS[verb]
        yield method, f"/{resource.plural}{tail}", build(resource)
        if tail:
            yield method, f"/{resource.plural}/", nameless(resource)
