"""All resources and all routes of the API under /api/3."""

from collections.abc import Iterator

from . import (
    activity,
    assets,
    automations,
    campaign_writing,
    campaigns,
    contacts,
    crm,
    fields,
    lists,
    messages,
    notes,
    shop,
    staff,
    tags,
    tracking,
    webhooks,
)
from .custom_fields import DATA, METAS
from .deal_activities import DEAL_ACTIVITIES
from .deal_people import CONTACT_DEALS, DEAL_ROLES
from .deals import DEALS
from .documented import unserved
from .exclusions import EXCLUSIONS
from .field_values import FIELD_VALUES
from .generic import Handler, creating, deleting, getting, listing, nameless, updating
from .imports import IMPORTS, settle
from .pipelines import DEAL_GROUPS, DEAL_STAGES
from .resource import Answer, Call, Resource
from .special import SPECIAL, Endpoint
from .task_types import DEAL_TASKTYPES, TASK_OUTCOMES
from .tasks import DEAL_TASKS

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
        EXCLUSIONS,
        FIELD_VALUES,
        fields.FIELDS,
        fields.FIELD_OPTIONS,
        fields.FIELD_RELS,
        fields.GROUP_MEMBERS,
        DEALS,
        DEAL_STAGES,
        DEAL_GROUPS,
        DEAL_ACTIVITIES,
        DEAL_ROLES,
        DEAL_TASKS,
        DEAL_TASKTYPES,
        TASK_OUTCOMES,
        CONTACT_DEALS,
        *METAS.values(),
        *DATA.values(),
        automations.AUTOMATIONS,
        automations.CONTACT_AUTOMATIONS,
        campaigns.CAMPAIGNS,
        campaigns.LINKS,
        campaign_writing.CAMPAIGN_LISTS,
        campaign_writing.CAMPAIGN_MESSAGES,
        messages.MESSAGES,
        messages.TEMPLATES,
        messages.SAVED_RESPONSES,
        assets.FORMS,
        assets.SEGMENTS,
        assets.SCORES,
        assets.ADDRESSES,
        activity.ACTIVITIES,
        activity.EMAIL_ACTIVITIES,
        activity.CONTACT_LOGS,
        crm.ACCOUNTS,
        crm.ACCOUNT_CONTACTS,
        staff.USERS,
        staff.USER_GROUPS,
        staff.GROUPS,
        notes.NOTES,
        webhooks.WEBHOOKS,
        shop.SHOPS,
        shop.CUSTOMERS,
        shop.ORDERS,
        tracking.SWITCHES,
        tracking.EVENTS,
        tracking.SCHEMAS,
        IMPORTS,
    )
}

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
