"""How every served example is requested from the sandbox, and where its answer may differ."""

from dataclasses import dataclass, replace
from typing import Any

Step = tuple[str, str, Any]


@dataclass(frozen=True)
class Ask:
    """A request, and the requests that put the sandbox in the needed state before it."""

    method: str
    path: str
    body: Any = None
    before: tuple[Step, ...] = ()
    quirks: tuple[tuple[str, Any], ...] = ()
    """Switches for what was recorded in an older year, or by another source."""


def get(path: str, *before: Step) -> Ask:
    return Ask("GET", path, None, before)


def post(path: str, body: Any, *before: Step) -> Ask:
    return Ask("POST", path, body, before)


def put(path: str, body: Any, *before: Step) -> Ask:
    return Ask("PUT", path, body, before)


def patch(path: str, body: Any) -> Ask:
    return Ask("PATCH", path, body)


def delete(path: str, *before: Step) -> Ask:
    return Ask("DELETE", path, None, before)


NEW_CONTACT = {"contact": {"email": "lena.fischer@hofgut.example", "firstName": "Lena", "lastName": "Fischer"}}
NEW_DEAL = {"title": "Casa Verde rollout", "value": 725000, "currency": "usd", "contact": "16", "owner": "1"}
NEW_LIST = {
    "name": "Autumn Workshop",
    "stringid": "autumn-workshop",
    "sender_url": "https://northwind.example",
    "sender_reminder": "You registered for a workshop.",
}
NEW_TAG = {"tag": {"tag": "beta-tester", "tagType": "contact", "description": "Joined the beta"}}
NEW_FIELD = {"field": {"title": "Referral source", "type": "text"}}
NEW_HOOK = {
    "name": "Deal feed",
    "url": "https://hooks.example/deals",
    "events": ["deal_add"],
    "sources": ["public", "admin"],
}
BATCH = {"contacts": [{"email": "ana@fair.example", "first_name": "Ana"}, {"email": "ben@fair.example"}]}
ALONE: Step = ("POST", "/import/bulk_import", {"contacts": BATCH["contacts"][:1]})
NEW_TASK = {
    "relid": "1",
    "ownerType": "contact",
    "dealTasktype": "1",
    "duedate": "2026-08-10T12:00:00-05:00",
    "status": 0,
    "title": None,
    "note": "Send contract",
}
NEW_META = {
    "fieldLabel": "Roast",
    "fieldType": "dropdown",
    "fieldOptions": ["Light", "Dark"],
    "fieldDefault": "Light",
}
NEW_MESSAGE = {"fromname": "N", "fromemail": "n@northwind.example", "reply2": "n@northwind.example", "subject": "Hi"}
SAVED = {"dealId": 2, "customFieldId": 2, "fieldValue": "4"}

TOUCH: Step = ("PUT", "/contacts/1", {"contact": {"firstName": "Jane"}})


def older(case: Ask, **quirks: Any) -> Ask:
    return replace(case, quirks=tuple(quirks.items()))


CASES: dict[str, Ask] = {
    "contacts.list": get("/contacts?limit=20&offset=0", TOUCH),
    "contacts.list.by_email": get("/contacts?email=jane%40acme.example", TOUCH),
    "contacts.list.empty": get("/contacts?search=nobody"),
    "contacts.get": get("/contacts/1", TOUCH),
    "contacts.get.minimal": get("/contacts/61", ("POST", "/contacts", NEW_CONTACT)),
    "contacts.get.not_found": get("/contacts/99999"),
    "contacts.create": post("/contacts", NEW_CONTACT),
    "contacts.create.with_field_values": post(
        "/contacts", {"contact": {**NEW_CONTACT["contact"], "fieldValues": [{"field": "1", "value": "Starter"}]}}
    ),
    "contacts.create.duplicate": older(
        post("/contacts", NEW_CONTACT, ("POST", "/contacts", NEW_CONTACT)), contact_errors="2022"
    ),
    "contacts.create.invalid_email": older(post("/contacts", {"contact": {"email": "lena"}}), contact_errors="2022"),
    "contacts.create.missing_email": post("/contacts", {"contact": {"firstName": "Lena"}}),
    "contacts.update": put("/contacts/1", {"contact": {"firstName": "Jane-Grace"}}),
    "contacts.update.not_found": put("/contacts/99999", {"contact": {"firstName": "Nobody"}}),
    "contacts.update.email_taken": older(
        put("/contacts/2", {"contact": {"email": "JANE@acme.example"}}), contact_errors="2022"
    ),
    "contacts.delete": delete("/contacts/7"),
    "contacts.delete.not_found": delete("/contacts/7", ("DELETE", "/contacts/7", None)),
    "contacts.sync.created": post("/contact/sync", NEW_CONTACT),
    "contacts.sync.updated": post("/contact/sync", {"contact": {"email": "jane@acme.example", "firstName": "J."}}),
    "contacts.contactTags": get("/contacts/1/contactTags"),
    "contacts.contactTags.empty": get("/contacts/61/contactTags", ("POST", "/contacts", NEW_CONTACT)),
    "contacts.contactLists": get("/contacts/3/contactLists"),
    "contacts.contactAutomations": get("/contacts/1/contactAutomations"),
    "contacts.fieldValues": get("/contacts/1/fieldValues", TOUCH),
    "contacts.notes": get("/contacts/1/notes"),
    "contacts.deals": get("/contacts/1/deals"),
    "contacts.scoreValues": get("/contacts/1/scoreValues"),
    "contacts.contactData": get("/contacts/1/contactData"),
    "contacts.contactData.none": get("/contacts/2/contactData"),
    "contacts.trackingLogs": get("/contacts/1/trackingLogs"),
    "contacts.bounceLogs": get("/contacts/4/bounceLogs"),
    "contacts.automationEntryCounts": get("/contacts/1/automationEntryCounts"),
    "contacts.accountContacts": get("/contacts/1/accountContacts"),
    "tags.list": get("/tags"),
    "tags.get": get("/tags/5"),
    "tags.get.not_found": get("/tags/404404"),
    "tags.create": post("/tags", NEW_TAG),
    "tags.create.duplicate": post("/tags", NEW_TAG, ("POST", "/tags", NEW_TAG)),
    "tags.update": put("/tags/5", {"tag": {"tag": "Webinar"}}),
    "tags.delete": delete("/tags/12"),
    "tags.delete.not_found": delete("/tags/12", ("DELETE", "/tags/12", None)),
    "contactTags.create": post("/contactTags", {"contactTag": {"contact": "1", "tag": "9"}}, TOUCH),
    "contactTags.create.already_tagged": post("/contactTags", {"contactTag": {"contact": "1", "tag": "1"}}),
    "contactTags.create.contact_missing": post("/contactTags", {"contactTag": {"contact": "999", "tag": "1"}}),
    "contactTags.create.no_contact_attr": post("/contactTags", {"contactTag": {"tag": "1"}}),
    "contactTags.create.no_tag": post("/contactTags", {"contactTag": {"contact": "1"}}),
    "contactTags.get": get("/contactTags/1"),
    "contactTags.list": get("/contactTags"),
    "contactTags.delete": delete("/contactTags/1"),
    "contactTags.delete.not_found": delete("/contactTags/1", ("DELETE", "/contactTags/1", None)),
    "lists.list": get("/lists"),
    "lists.get": get("/lists/2"),
    "lists.get.not_found": get("/lists/77"),
    "lists.create": post("/lists", {"list": {**NEW_LIST, "channel": "email"}}),
    "lists.update": put("/lists/2", {"list": {"name": "Product news"}}),
    "lists.delete": delete("/lists/6"),
    "lists.delete.not_found": delete("/lists/6", ("DELETE", "/lists/6", None)),
    "contactLists.create.new": older(
        post("/contactLists", {"contactList": {"contact": "1", "list": "4", "status": 1}}, TOUCH),
        subscribed_status=201,
    ),
    "contactLists.create.existing": post("/contactLists", {"contactList": {"contact": "1", "list": "2", "status": 1}}),
    "contactLists.create.unsubscribe": post(
        "/contactLists", {"contactList": {"contact": "1", "list": "2", "status": 2}}
    ),
    "contactLists.list": get("/contactLists"),
    "listGroups.create": post(
        "/listGroups", {"listGroup": {"listid": 9, "groupid": 2}}, ("POST", "/lists", {"list": NEW_LIST})
    ),
    "deals.list": get("/deals"),
    "deals.list.empty": get("/deals?filters[stage]=999"),
    "deals.list.no_pipeline_permission": get("/deals?filters[title]=Acme%20espresso", ("DELETE", "/contacts/1", None)),
    "deals.get": get("/deals/1"),
    "deals.get.not_found": get("/deals/5800"),
    "deals.create": post(
        "/deals", {"deal": {**NEW_DEAL, "group": "1", "stage": "1"}}, ("PUT", "/contacts/16", TOUCH[2])
    ),
    "deals.create.missing_title": post("/deals", {"deal": {"value": 1, "currency": "usd", "stage": "1"}}),
    "deals.update": put("/deals/1", {"deal": {"title": "Renewal", "value": 1310000, "stage": "4", "status": 0}}),
    "deals.delete": delete("/deals/5"),
    "deals.delete.not_found": delete("/deals/5", ("DELETE", "/deals/5", None)),
    "deals.notes.create": post("/deals/1/notes", {"note": {"note": "Sent revised quote."}}),
    "dealStages.list": get("/dealStages"),
    "dealStages.get": get("/dealStages/1"),
    "dealStages.create": post("/dealStages", {"dealStage": {"title": "Negotiation", "group": "1"}}),
    "dealStages.update": put("/dealStages/1", {"dealStage": {"title": "First touch"}}),
    "dealStages.delete": delete("/dealStages/8"),
    "dealStages.delete.no_id": delete("/dealStages/"),
    "dealGroups.list": get("/dealGroups"),
    "dealGroups.get": get("/dealGroups/1"),
    "dealGroups.create": post("/dealGroups", {"dealGroup": {"title": "Partner pipeline", "currency": "usd"}}),
    "dealGroups.update": put("/dealGroups/2", {"dealGroup": {"title": "Partner pipeline EMEA"}}),
    "dealGroups.delete": delete("/dealGroups/2"),
    "automations.list": get("/automations"),
    "automations.get": get("/automations/1"),
    "automations.get.not_found": get("/automations/700"),
    "contactAutomations.create": post(
        "/contactAutomations", {"contactAutomation": {"contact": "1", "automation": "2"}}, TOUCH
    ),
    "contactAutomations.create.conflict": post(
        "/contactAutomations", {"contactAutomation": {"contact": "1", "automation": "1"}}
    ),
    "contactAutomations.list": get("/contactAutomations"),
    "contactAutomations.get": get("/contactAutomations/1"),
    "contactAutomations.delete": delete("/contactAutomations/2"),
    "contactAutomations.delete.not_found": delete("/contactAutomations/2", ("DELETE", "/contactAutomations/2", None)),
    "campaigns.list": get("/campaigns"),
    "campaigns.get": get("/campaigns/2"),
    "campaigns.get.not_found": get("/campaigns/310"),
    "campaigns.links": get("/campaigns/2/links"),
    "users.list": get("/users"),
    "users.get": get("/users/1"),
    "users.me": get("/users/me"),
    "accounts.list": get("/accounts"),
    "accounts.list.count_deals": get("/accounts?count_deals=true&search=Acme"),
    "accounts.get": get("/accounts/1"),
    "accounts.create": post("/accounts", {"account": {"name": "Hofgut GmbH"}}),
    "accounts.create.duplicate": post("/accounts", {"account": {"name": "acme"}}),
    "accounts.create.missing_name": post("/accounts", {"account": {}}),
    "accounts.update": put("/accounts/1", {"account": {"name": "Acme Foods"}}),
    "accounts.delete": delete("/accounts/4"),
    "accounts.delete.not_found": delete("/accounts/4", ("DELETE", "/accounts/4", None)),
    "accountContacts.create": post(
        "/accountContacts", {"accountContact": {"contact": "60", "account": "1", "jobTitle": "CTO"}}
    ),
    "accountContacts.create.exists": post("/accountContacts", {"accountContact": {"contact": "1", "account": "2"}}),
    "accountContacts.list": get("/accountContacts?filters[contact]=1"),
    "fields.list": get("/fields"),
    "fields.get": get("/fields/1"),
    "fields.get.not_found": get("/fields/400"),
    "fields.create": post("/fields", NEW_FIELD),
    "fields.create.duplicate": post("/fields", NEW_FIELD, ("POST", "/fields", NEW_FIELD)),
    "fields.update": put("/fields/7", {"field": {"title": "Referral channel"}}, ("POST", "/fields", NEW_FIELD)),
    "fields.delete": delete("/fields/6"),
    "fieldOption.bulk": post(
        "/fieldOption/bulk", {"fieldOptions": [{"field": "5", "label": "Trees", "value": "Trees"}]}
    ),
    "fieldOption.bulk.not_array": post("/fieldOption/bulk", {"fieldOptions": "Trees"}),
    "fieldRels.create": post("/fieldRels", {"fieldRel": {"field": "7", "relid": "0"}}, ("POST", "/fields", NEW_FIELD)),
    "fieldValues.update": put("/fieldValues/1", {"fieldValue": {"contact": "1", "field": "1", "value": "Team"}}, TOUCH),
    "fieldValues.create": post(
        "/fieldValues",
        {"fieldValue": {"contact": "61", "field": "2", "value": "1988-02-29"}},
        ("POST", "/contacts", NEW_CONTACT),
    ),
    "fieldValues.list": get("/fieldValues?filters[fieldid]=1&filters[val]=Team"),
    "fieldValues.get": get("/fieldValues/1"),
    "fieldValues.update.not_found": put("/fieldValues/999999", {"fieldValue": {"value": "x"}}),
    "notes.list": get("/notes"),
    "notes.get": get("/notes/1"),
    "notes.create": post("/notes", {"note": {"note": "Met at the fair.", "relid": 1, "reltype": "Subscriber"}}, TOUCH),
    "notes.update": put("/notes/1", {"note": {"note": "Prefers calls after 3 pm."}}),
    "notes.delete": delete("/notes/4"),
    "notes.delete.not_found": delete("/notes/4", ("DELETE", "/notes/4", None)),
    "webhooks.list": get("/webhooks"),
    "webhooks.get": get("/webhooks/1"),
    "webhooks.create": post("/webhooks", {"webhook": NEW_HOOK}),
    "webhooks.update": put("/webhooks/1", {"webhook": {"name": "CRM mirror v2"}}),
    "webhooks.delete": delete("/webhooks/2"),
    "webhook.events": get("/webhook/events"),
    "error.route_unknown": get("/nothing/here"),
    "maton.connections.list": get("http://sandbox/connections?app=active-campaign"),
    "maton.connections.list.empty": get("http://sandbox/connections?app=active-campaign&status=FAILED"),
    "maton.connections.create": older(
        post("http://sandbox/connections", {"app": "active-campaign"}), created_connection="nested"
    ),
    "maton.connections.get": get("http://sandbox/connections/8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"),
    "maton.connections.delete": delete("http://sandbox/connections/8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"),
    "activities.list": get("/activities?contact=1&orders[tstamp]=DESC"),
    "import.bulk_import": post("/import/bulk_import", BATCH),
    "import.bulk_import.invalid": post(
        "/import/bulk_import", {"contacts": [BATCH["contacts"][0], {"email": "not-an-email"}]}
    ),
    "import.bulk_import.rate_limited": post(ALONE[1], ALONE[2], *[ALONE] * 20),
    "import.status_list": get("/import/bulk_import", ALONE),
    "import.info": get("/import/info?batchId=5e0c2d9a-4b71-4f86-9a3e-2f1d6c8b7a90"),
    "import.info.too_early": get("/import/info?batchId=7b1f03e2-66a4-4c0b-9d58-e0a4c1f7b932"),
    "import.info.missing_batch": get("/import/info"),
    "deals.bulkUpdate": patch("/deals/bulkUpdate", {"deals": [{"id": 1, "ownerId": 5}, {"id": 1, "ownerId": 5}]}),
    "deals.bulkUpdate.missing_owner": patch("/deals/bulkUpdate", {"deals": [{"id": 1}]}),
    "dealStages.move_deals.other_pipeline": put("/dealStages/1/deals", {"deal": {"stage": "7"}}),
    "dealTasks.list": get("/dealTasks"),
    "dealTasks.get": get("/dealTasks/1"),
    "dealTasks.create": post("/dealTasks", {"dealTask": NEW_TASK}),
    "dealTasks.update": put("/dealTasks/1", {"dealTask": {"status": 1, "outcomeId": 3, "outcomeInfo": "Agreed"}}),
    "dealTasks.delete": delete("/dealTasks/2"),
    "dealTasktypes.list": get("/dealTasktypes"),
    "dealTasktypes.create": post("/dealTasktypes", {"dealTasktype": {"title": "Site visit"}}),
    "dealTasktypes.delete": delete("/dealTasktypes/4"),
    "dealCustomFieldMeta.list": get("/dealCustomFieldMeta"),
    "dealCustomFieldMeta.create": post("/dealCustomFieldMeta", {"dealCustomFieldMetum": NEW_META}),
    "dealCustomFieldMeta.get.not_found": get("/dealCustomFieldMeta/99"),
    "dealCustomFieldMeta.delete": delete("/dealCustomFieldMeta/5"),
    "dealCustomFieldData.list": get("/dealCustomFieldData?filters[dealId]=1"),
    "dealCustomFieldData.create": post("/dealCustomFieldData", {"dealCustomFieldDatum": SAVED}),
    "dealCustomFieldData.bulkUpdate": patch("/dealCustomFieldData/bulkUpdate", [{"id": "1", "fieldValue": "Pipeline"}]),
    "dealCustomFieldData.bad_value": post(
        "/dealCustomFieldData", {"dealCustomFieldDatum": {"dealId": 1, "customFieldId": 3, "fieldValue": "soon"}}
    ),
    "dealActivities.list": get("/dealActivities?deal=1"),
    "contactDeals.create.exists": post("/contactDeals", {"contactDeal": {"contact": 18, "deal": 1}}),
    "campaign.create": post("/campaign", {"name": "August letter", "type": "single", "canSplitContent": False}),
    "campaign.create.invalid": post("/campaign", {}),
    "campaigns.copy": post("/campaigns/8/copy", None),
    "campaigns.delete": delete("/campaigns/8/delete"),
    "messages.list": get("/messages"),
    "messages.get": get("/messages/91"),
    "messages.create": post("/messages", {"message": NEW_MESSAGE}),
    "templates.list": get("/templates"),
    "templates.get": get("/templates/100002"),
    "accountCustomFieldMeta.list": get("/accountCustomFieldMeta"),
    "accountCustomFieldData.list": get("/accountCustomFieldData?filters[customerAccountId]=1"),
    "groupMembers.create": post("/groupMembers", {"groupMember": {"group_id": 1, "rel_id": 6}}),
    "segments.list": get("/segments"),
    "forms.list": get("/forms"),
    "forms.get": get("/forms/1"),
    "scores.list": get("/scores"),
    "emailActivities.list": get("/emailActivities?filters[subscriberid]=1"),
    "addresses.list": get("/addresses"),
    "addresses.create": post(
        "/addresses",
        {"address": {"companyName": "N", "address1": "3 rue", "city": "Lyon", "country": "FR", "isDefault": 1}},
    ),
    "groups.create": post("/groups", {"group": {"title": "Support", "descript": "Support agents"}}),
    "savedResponses.list": get("/savedResponses"),
    "connections.list": get("/connections"),
    "ecomCustomers.get": get("/ecomCustomers/1"),
    "ecomCustomers.create": post(
        "/ecomCustomers",
        {"ecomCustomer": {"connectionid": "1", "externalid": "C-882", "email": "theo@fjordworks.example"}},
    ),
    "ecomOrders.get": get("/ecomOrders/1"),
    "eventTrackingEvents.list": get("/eventTrackingEvents"),
    "eventTracking.get": get("/eventTracking"),
    "siteTracking.get": get("/siteTracking"),
    "customObjects.schemas": get("/customObjects/schemas"),
}

# Examples that need another way in, key, quirk or clock; each has its own test in test_contract.py.
APART = {
    "lists.update.legacy_empty",
    "error.ac_bad_token_no_body",
    "error.rate_limited",
    "maton.gateway.no_connection",
    "maton.gateway.bad_key",
    "maton.gateway.rate_limited",
}

# Examples of what is not served, by operation or by resource, with the reason.
UNSERVED = {
    "contacts.create.legacy_shape_2021": "the 2026 shape is served (reference 3.2)",
    "users.get.legacy_shape_2021": "the 2026 shape is served (reference 8)",
    "lists.create.forbidden": "the key belongs to an administrator",
    "error.ac_forbidden": "the key belongs to an administrator",
    "error.maintenance_html": "an outage, not an operation",
    "error.cloudflare_520": "an outage, not an operation",
    "error.empty_200": "an outage; the one endpoint known for it is lists.update.legacy_empty",
    "maton.gateway.expired_oauth": "an outage, not an operation",
    "trackcmp": "another host than the API",
}

# Text in the example, null in the sandbox or the other way round, wherever the key stands.
EITHER_NULL = {
    "adate": "null until the contact is active (reference 2.3)",
    "edate": "null until the contact is active (reference 2.3)",
    "last_click_date": "null without a click",
    "last_open_date": "null without an open",
    "created_by": "null on a fresh row, text once touched (reference 2.3)",
    "updated_by": "null on a fresh row, text once touched (reference 2.3)",
    "signature": "null or text in the recording itself",
    "nextdate": "null without an open task",
    "avgProductCategory": "null without products, which are not kept",
}

# Differences allowed at one place of one example: key present or absent, list empty.
PERMITTED = {
    ("contactLists.create.new", "contactList.sourceid"): "text in 2026, a number before",
    ("contacts.get", "contactData"): "the reference (3.2) names it among the arrays, the example has none",
}
