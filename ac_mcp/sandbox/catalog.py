"""All resources of the account, by the plural names of the API."""

from ac_mcp.sandbox.account import automations, campaigns, forms, messages, shops, tracking, users, webhooks
from ac_mcp.sandbox.account.automation_parts import PARTS
from ac_mcp.sandbox.account.conversions import CONVERSIONS
from ac_mcp.sandbox.account.preferences import PREFERENCES
from ac_mcp.sandbox.account.records import RECORDS
from ac_mcp.sandbox.contacts import activities, contacts, fields, lists, segments, tags, traces
from ac_mcp.sandbox.contacts.exclusions import EXCLUSIONS
from ac_mcp.sandbox.contacts.fields import FIELD_VALUES
from ac_mcp.sandbox.contacts.imports import IMPORTS
from ac_mcp.sandbox.rest.resource import Resource
from ac_mcp.sandbox.sales import accounts, notes
from ac_mcp.sandbox.sales.activities import DEAL_ACTIVITIES
from ac_mcp.sandbox.sales.custom_fields import DATA, METAS
from ac_mcp.sandbox.sales.deals import DEALS
from ac_mcp.sandbox.sales.pipelines import DEAL_GROUP_USERS, DEAL_GROUPS, DEAL_STAGES
from ac_mcp.sandbox.sales.roles import CONTACT_DEALS, DEAL_ROLES
from ac_mcp.sandbox.sales.tasks import DEAL_TASKS, DEAL_TASKTYPES, TASK_OUTCOMES

RESOURCES: dict[str, Resource] = {
    resource.plural: resource
    for resource in (
        contacts.CONTACTS,
        *traces.TRACES,
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
        DEAL_GROUP_USERS,
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
        *PARTS,
        *CONVERSIONS,
        *PREFERENCES,
        campaigns.CAMPAIGNS,
        campaigns.LINKS,
        campaigns.CAMPAIGN_LISTS,
        campaigns.CAMPAIGN_MESSAGES,
        messages.MESSAGES,
        messages.TEMPLATES,
        messages.SAVED_RESPONSES,
        forms.FORMS,
        segments.SEGMENTS,
        segments.SCORES,
        forms.ADDRESSES,
        activities.ACTIVITIES,
        activities.EMAIL_ACTIVITIES,
        activities.CONTACT_EMAILS,
        activities.CONTACT_LOGS,
        accounts.ACCOUNTS,
        accounts.ACCOUNT_CONTACTS,
        users.USERS,
        users.USER_GROUPS,
        users.GROUPS,
        notes.NOTES,
        webhooks.WEBHOOKS,
        shops.SHOPS,
        shops.CUSTOMERS,
        shops.ORDERS,
        shops.PRODUCTS,
        shops.ORDER_ACTIVITIES,
        tracking.SWITCHES,
        tracking.EVENTS,
        tracking.SCHEMAS,
        RECORDS,
        IMPORTS,
    )
}
