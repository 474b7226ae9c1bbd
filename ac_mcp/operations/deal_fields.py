"""Custom fields of deals, and the values deals have in them."""

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
from ac_mcp.spec.parameters import AllOfThem, DealRef, Further, Id
from ac_mcp.spec.resource import Resource

deal_fields: Resource = field_resource("deal")
deal_values: Resource = value_resource("deal")
Field = Annotated[
    str, Ref(deal_fields.plural), Wire("customFieldId"), About("Title or id", "Forecast category", show_example=False)
]


@deal_fields.get(
    "/dealCustomFieldMeta", title="List custom fields of deals (opportunities)", offered=Offered(on_request=True)
)
async def list_deal_fields(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List deals' custom fields (opportunities): what is a field's id, type, options. Returns one page."""
    return await call()


@deal_fields.post(
    "/dealCustomFieldMeta",
    title="Create a custom field of deals",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def create_deal_field(
    call: Call, title: Title, type: Kind, options: OptionList | None = None, in_forms: InForms = True
) -> Json:
    """Create a custom field of deals: a new attribute of opportunities, such as a date, amount or dropdown. Returns its
    id."""
    return await create_custom_field(call, type, options)


@deal_fields.get("/dealCustomFieldMeta/{field}", offered=Offered(as_tool=False))
async def get_deal_field(call: Call, field: Field) -> Json:
    """One custom field of deals."""
    return await call()


@deal_fields.put(
    "/dealCustomFieldMeta/{field}",
    title="Change a custom field of deals",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def update_deal_field(
    call: Call,
    field: Field,
    title: Title | None = None,
    add_options: AddedOptions | None = None,
    in_forms: InForms | None = None,
) -> Json:
    """Rename a custom field of deals, add choices, show or hide it in forms; its type stays. Returns it."""
    return await update_custom_field(call, await get_deal_field(call, field), deal_fields, add_options)


@deal_fields.delete(
    "/dealCustomFieldMeta/{field}",
    title="Delete a custom field of deals",
    effects=Effects(asks=explain_lost_values),
    offered=Offered(on_request=True),
)
async def delete_deal_field(call: Call, field: Field) -> Json:
    """Delete a custom field of deals with all its values. Returns its title; cannot be undone."""
    return await call()


@deal_values.get("/dealCustomFieldData", title="List custom field values of a deal", offered=Offered(on_request=True))
async def list_deal_field_values(
    call: Call,
    deal: Annotated[DealRef, Wire("filters[dealId]")],
    limit: AllOfThem = 100,
    offset: Further = 0,
) -> Json:
    """List what a deal has in its custom fields. Returns titles and values."""
    return await call()


@deal_values.post("/dealCustomFieldData", idempotent=True, offered=Offered(as_tool=False))
async def create_deal_field_value(call: Call, deal: Annotated[Id, Wire("dealId")], field: Field, value: Value) -> Json:
    """The first value of a field; a second one of the same replaces it (reference 5.5)."""
    return await call()


@deal_values.put(
    "/dealCustomFieldData/{id}",
    title="Set a custom field of a deal",
    answer=Answer(says=BEFORE_SCHEMA, quotes=("before",)),
    offered=Offered(on_request=True),
    effects=Effects(starts="when a deal changes", reports=("deal_update",)),
)
async def set_deal_field_value(
    call: Call, deal: Annotated[DealRef, Wire("dealId")], field: Field, value: Value
) -> Json:
    """Set a custom field of a deal: fill in, record or change a value. Returns what it replaced; only one field."""
    rows = (await list_deal_field_values(call, deal))["dealCustomFieldData"]
    return await set_custom_value(call, rows, field, lambda: create_deal_field_value(call, deal, field, value))


@deal_values.delete("/dealCustomFieldData/{id}", offered=Offered(as_tool=False))
async def delete_deal_field_value(call: Call, id: Id) -> Json:
    """Empty a custom field of a deal."""
    return await call()
