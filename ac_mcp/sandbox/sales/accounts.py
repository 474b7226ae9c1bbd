"""Accounts, which are companies, and the contacts who work there (reference 8)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import contains, equals
from ac_mcp.sandbox.rest.resource import Call, Child, Resource, View, select_belonging
from ac_mcp.sandbox.rest.store import Row, eq

from .custom_fields import ACCOUNT as FIELDS
from .custom_fields import save_values, values_answer


def _prepare_account(call: Call, sent: Row, row: Row | None) -> Row:
    if "name" in sent:
        existing = call.store.find("accounts", eq("name", str(sent["name"])))
        if existing and (row is None or existing["id"] != row["id"]):
            title = f'An account named "{sent["name"]}" already exists. Please choose a new name.'
            raise invalid(title, "duplicate", "name")
    return sent


def _finish_account(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    counted = view == "list" and call.params.get("count_deals") == "true"
    for row in rendered:
        if counted:
            row["contactCount"] = str(call.store.count("accountContacts", eq("account", row["id"])))
            row["dealCount"] = str(call.store.count("deals", eq("account", row["id"])))
        if view in ("create", "update"):
            row |= values_answer(call, FIELDS, row["id"])


_COUNTS, _WRITE_ONLY = "contactCount dealCount", "customFieldSaveStatus fields"


def _before_delete_account(call: Call, row: Row) -> None:
    for deal in select_belonging(call, "deals", "account", row["id"]):
        call.store.update("deals", deal["id"], {"account": None})


ACCOUNTS = Resource(
    "accounts",
    "account",
    "CustomerAccount",
    columns("""name= accountUrl=~ createdTimestamp=@now updatedTimestamp=@now owner=1 contactCount=0 dealCount=0
    links=@links customFieldSaveStatus=~ fields=[] id=@id"""),
    links="notes accountCustomFieldData accountContacts emailActivities contactEmails owner",
    verbs="list get create update patch delete",
    writes="name accountUrl owner",
    slim="name createdTimestamp updatedTimestamp owner links customFieldSaveStatus fields id",
    hidden={
        "list": _WRITE_ONLY,
        "one": f"{_COUNTS} {_WRITE_ONLY}",
        "side": f"{_COUNTS} {_WRITE_ONLY}",
        "update": _COUNTS,
    },
    stamped_on_update="updatedTimestamp",
    indexes="name",
    required={"name": "The account name was not provided."},
    filters={"search": contains("name")},
    children=(
        Child("accountContacts", "account"),
        Child("accountCustomFieldData", "accountId"),
        Child("notes", "relid", (eq("reltype", "CustomerAccount"),)),
    ),
    prepare=_prepare_account,
    after_write=lambda call, row, before: save_values(call, FIELDS, row["id"]),
    finish=_finish_account,
    before_delete=_before_delete_account,
)


def _prepare_association(call: Call, sent: Row, row: Row | None) -> Row:
    if row is None:
        account, contact = call.require_row("accounts", sent["account"]), call.require_row("contacts", sent["contact"])
        if call.store.count("accountContacts", eq("contact", contact["id"])):
            title = (
                "This contact is already associated with an account."
                " We currently do not support contacts on multiple accounts."
            )
            raise invalid(title, "field_invalid", "account,contact")
        return {**sent, "account": account["id"], "contact": contact["id"]}
    return {key: value for key, value in sent.items() if key == "jobTitle"}


ACCOUNT_CONTACTS = Resource(
    "accountContacts",
    "accountContact",
    "CustomerAccountSubscriber",
    columns("account=~ contact=~ jobTitle=~ createdTimestamp=@now updatedTimestamp=@now links=@links id=@id"),
    links="account contact",
    writes="account contact jobTitle",
    slim="contact account jobTitle createdTimestamp updatedTimestamp links id",
    stamped_on_update="updatedTimestamp",
    indexes="account contact",
    required={"account": "The account was not provided.", "contact": "The contact was not provided."},
    filters={"filters[contact]": equals("contact"), "filters[account]": equals("account")},
    prepare=_prepare_association,
)
