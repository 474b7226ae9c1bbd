"""The words that people and other interfaces use for ours: the one table of synonyms.

Each table is for one place: argument names, the choices of an argument, conditions, tool names, the search, headers.
"""

from collections.abc import Mapping

ARGUMENTS = {
    **dict.fromkeys(("page_size", "per_page", "pagesize", "max_results", "count", "size", "top"), "limit"),
    **dict.fromkeys(("skip", "start"), "offset"),
    **dict.fromkeys(("created_since", "added_after", "since"), "created_after"),
    **dict.fromkeys(("created_until", "added_before"), "created_before"),
    **dict.fromkeys(("updated_since", "modified_after"), "updated_after"),
    **dict.fromkeys(("sort", "sort_by", "order_by", "orderby"), "order"),
    **dict.fromkeys(("contact_email", "person", "lead", "subscriber"), "contact"),
    **dict.fromkeys(("company", "organization"), "account"),
    **dict.fromkeys(("funnel", "group"), "pipeline"),
    **dict.fromkeys(("assignee", "user", "owner_email"), "owner"),
    **dict.fromkeys(("amount", "deal_value", "price", "field_value"), "value"),
    **dict.fromkeys(("body", "content", "comment"), "text"),
    **dict.fromkeys(("custom_fields", "field_values"), "fields"),
}
"""The names that other interfaces use, in lower case, with our own."""
OPPOSITES = {
    "exclude", "excluding", "not", "without", "no", "old", "previous", "former", "from", "to", "until", "except",
}  # fmt: skip
"""A name with one of these words means something else than the parameter it resembles."""
SEARCH_ARGUMENTS = ("q", "query", "text", "keyword", "term", "name", "contact", "company", "email", "title")
"""Arguments that stand for `search`, where a tool has no parameter of that name."""
CHOICES = {
    "remove": "delete", "disconnect": "delete", "revoke": "delete", "connect": "create", "completed": "done",
    "complete": "done", "finished": "done", "inactive": "off", "disabled": "off", "active": "use", "enabled": "use",
}  # fmt: skip
"""Our choices by the words people use for them."""
CONDITIONS = {
    "tags": "tag", "label": "tag", "lists": "list", "segments": "segment", "automations": "automation",
    "in_automation": "automation", "query": "search", "text": "search", "created_since": "created_after",
    "created_from": "created_after", "updated_since": "updated_after", "email_address": "email", "group": "pipeline",
    "user": "owner", "inactive": "inactive_days", "minimum_value": "min_value", "maximum_value": "max_value",
    "subscribed": "list", "on_list": "list",
}  # fmt: skip
"""The names that people and other interfaces use for our keys."""
STATUSES = {"subscribed": "active", "confirmed": "active"}
"""Statuses of a subscription by the words people use for them."""
NOUNS: Mapping[str, str] = {
    synonym: noun
    for noun, synonyms in (
        ("contact", "person people lead subscriber customer client prospect buyer recipient guest attendee individual"),
        ("account", "company organization organisation business firm employer"),
        ("deal", "opportunity opp sale"),
        ("pipeline", "funnel board"),
        ("stage", "phase step milestone"),
        ("list", "audience"),
        ("tag", "label sticker marker"),
        ("user", "colleague teammate coworker staff rep salesperson seat login employee"),
        ("automation", "workflow sequence drip journey flow nurture cadence playbook"),
        ("campaign", "newsletter mailing blast broadcast mailer"),
        ("task", "todo to-do reminder follow-up followup meeting appointment activity callback"),
        ("note", "comment remark memo minutes"),
        ("form", "signup sign-up optin landing"),
        ("email", "mail e-mail"),
        ("message", "letter"),
        ("ecom", "shop store e-commerce ecommerce webshop"),
        ("order", "purchase cart checkout"),
        ("field", "attribute property column dropdown picklist"),
        ("segment", "filter cohort"),
        ("webhook", "hook endpoint"),
        ("score", "scoring points"),
        ("group", "role permission"),
        ("duplicate", "dupe dedupe twice double"),
        ("csv", "excel spreadsheet xlsx"),
        ("unsubscribe", "opt-out optout dnc"),
    )
    for synonym in synonyms.split()
}
"""Our noun for each synonym; a search counts both."""
ACTIONS: Mapping[str, str] = {
    verb: action
    for action, verbs in (
        ("create", """create add new make draft write schedule put register enter insert save log record book invite
            compose build plan start upload import attach enroll sync"""),
        ("update", """update edit change rename modify set mark move turn fix correct adjust reassign postpone
            reschedule replace switch complete fill assign hand close reorder extend"""),
        ("delete", "delete remove erase drop stop wipe rid cancel revoke purge detach clear unlink unenroll"),
    )
    for verb in verbs.split()
}  # fmt: skip
"""The action each verb stands for; a query without such a verb wants to read."""
TOOL_VERBS = {
    **dict.fromkeys(
        ("list", "get", "search", "find", "query", "fetch", "read", "show", "count", "lookup", "view"), "read"
    ),
    **dict.fromkeys(("create", "add", "new", "make", "insert"), "make"),
    **dict.fromkeys(("tag", "subscribe", "apply", "assign", "put", "attach"), "tie"),
    **dict.fromkeys(("untag", "unsubscribe", "unassign", "detach"), "untie"),
    **dict.fromkeys(("update", "edit", "modify", "change", "set", "rename", "move", "mark", "close"), "change"),
    **dict.fromkeys(("sync", "upsert"), "upsert"),
    **dict.fromkeys(("delete", "remove", "drop", "destroy"), "remove"),
}
"""The action of each verb in a tool name."""
HEADERS: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "emailaddress", "mail", "emailadresse", "correo", "courriel"),
    "first_name": ("firstname", "givenname", "forename", "vorname", "prenom"),
    "last_name": ("lastname", "surname", "familyname", "nachname"),
    "name": ("name", "fullname", "contactname"),
    "phone": ("phone", "phonenumber", "mobile", "telephone", "tel", "telefon"),
    "account": ("account", "company", "companyname", "organization", "organisation", "firma", "customeracctname"),
    "tags": ("tags", "tag", "labels", "schlagworte", "schlagworter", "etiketten"),
}
"""The normalized headers that stand for each standard target."""
