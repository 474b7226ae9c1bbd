"""How the examples of the wider API are asked: tasks, custom fields, messages, import and what else is served."""

from .contract_asking import Ask, Step, delete, get, patch, post, put

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

WIDER: dict[str, Ask] = {
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
