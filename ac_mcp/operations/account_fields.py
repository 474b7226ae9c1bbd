"""Custom fields of accounts, and the values accounts have in them."""

from typing import Annotated

from ac_mcp.messages import Json
from ac_mcp.operations.custom_fields import (
    BEFORE_SCHEMA,
    AddedOptions,
    InForms,
    Kind,
    OptionList,
    Title,
    Value,
    create_custom_field,
    explain_lost_values,
    field_resource,
    set_custom_value,
    update_custom_field,
    value_resource,
)
from ac_mcp.spec.annotations import About, Ref, Wire
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Effects, Offered
from ac_mcp.spec.parameters import AccountRef, AllOfThem, Further, Id
from ac_mcp.spec.resource import Resource

account_fields: Resource = field_resource("account")
account_values: Resource = value_resource("account")
Field = Annotated[
    str, Ref(account_fields.plural), Wire("customFieldId"), About("Title or id", "Industry", show_example=False)
]


@account_fields.get(
    "/accountCustomFieldMeta", title="List custom fields of accounts (companies)", offered=Offered(on_request=True)
)
async def list_account_fields(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List accounts' custom fields (companies): what is a field's id, type, options. Returns one page."""
    return await call()


@account_fields.post(
    "/accountCustomFieldMeta",
    title="Create a custom field of accounts",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def create_account_field(
    call: Call, title: Title, type: Kind, options: OptionList | None = None, in_forms: InForms = True
) -> Json:
    """Create a custom field of accounts: a new attribute of companies, such as a date, amount or dropdown. Returns its
    id."""
    return await create_custom_field(call, type, options)


@account_fields.get("/accountCustomFieldMeta/{field}", offered=Offered(as_tool=False))
async def get_account_field(call: Call, field: Field) -> Json:
    """One custom field of accounts."""
    return await call()


@account_fields.put(
    "/accountCustomFieldMeta/{field}",
    title="Change a custom field of accounts",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def update_account_field(
    call: Call,
    field: Field,
    title: Title | None = None,
    add_options: AddedOptions | None = None,
    in_forms: InForms | None = None,
) -> Json:
    """Rename a custom field of accounts, add choices, show or hide it in forms; its type stays. Returns it."""
    return await update_custom_field(call, await get_account_field(call, field), account_fields, add_options)


@account_fields.delete(
    "/accountCustomFieldMeta/{field}",
    title="Delete a custom field of accounts",
    effects=Effects(asks=explain_lost_values),
    offered=Offered(on_request=True),
)
async def delete_account_field(call: Call, field: Field) -> Json:
    """Delete a custom field of accounts with all its values. Returns its title; cannot be undone."""
    return await call()


@account_values.get(
    "/accountCustomFieldData", title="List custom field values of an account", offered=Offered(on_request=True)
)
async def list_account_field_values(
    call: Call,
    account: Annotated[AccountRef, Wire("filters[customerAccountId]")],
    limit: AllOfThem = 100,
    offset: Further = 0,
) -> Json:
    """List what an account has in its custom fields. Returns titles and values."""
    return await call()


@account_values.post("/accountCustomFieldData", idempotent=True, offered=Offered(as_tool=False))
async def create_account_field_value(
    call: Call, account: Annotated[Id, Wire("customerAccountId")], field: Field, value: Value
) -> Json:
    """The first value of a field; a second one of the same replaces it (reference 5.5)."""
    return await call()


@account_values.put(
    "/accountCustomFieldData/{id}",
    title="Set a custom field of an account",
    answer=Answer(says=BEFORE_SCHEMA, quotes=("before",)),
    offered=Offered(on_request=True),
    effects=Effects(starts="when an account changes", reports=("account_update",)),
)
async def set_account_field_value(
    call: Call, account: Annotated[AccountRef, Wire("customerAccountId")], field: Field, value: Value
) -> Json:
    """Set a custom field of an account: fill in, record or change a value. Returns what it replaced; only one field."""
    rows = (await list_account_field_values(call, account))["accountCustomFieldData"]
    return await set_custom_value(call, rows, field, lambda: create_account_field_value(call, account, field, value))


@account_values.delete("/accountCustomFieldData/{id}", offered=Offered(as_tool=False))
async def delete_account_field_value(call: Call, id: Id) -> Json:
    """Empty a custom field of an account."""
    return await call()
