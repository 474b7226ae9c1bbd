"""The secondary contacts of deals, and their roles (reference 5.1)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import as_object, columns
from ac_mcp.sandbox.rest.crud import create
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import contains, equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View, select_belonging
from ac_mcp.sandbox.rest.store import Row, eq


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    merged = {**(row or {}), **sent}
    for name, plural in (("contact", "contacts"), ("deal", "deals"), ("role", "dealRoles")):
        if (name != "role" or merged.get(name)) and call.store.get(plural, merged[name]) is None:
            raise invalid(f"The related {name} does not exist.", "related_missing", name)
    deal, contact = call.require_row("deals", merged["deal"]), call.require_row("contacts", merged["contact"])["id"]
    existing = call.store.find("contactDeals", eq("deal", deal["id"]), eq("contact", contact))
    if deal.get("contact") == contact or (existing and (row is None or existing["id"] != row["id"])):
        raise invalid("The given contact is already associated to the deal", "field_invalid", "contact")
    return {**sent, "deal": deal["id"], "contact": contact}


def _sideload(call: Call, rows: Sequence[Row], view: View) -> Row:
    return {"deals": call.sideload("deals", rows[0]["deal"])} if view in ("create", "update") else {}


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    """Remove the role from associations without one."""
    for row in rendered:
        if row["role"] is None:
            del row["role"]


CONTACT_DEALS = Resource(
    "contactDeals",
    "contactDeal",
    "SubscriberDeal",
    columns("""deal=~ contact=~ role=~ cdate=@now created_timestamp=^cdate updated_timestamp=^cdate created_by=~
    updated_by=~ links=@links id=@id"""),
    links="deal contact",
    writes="deal contact role",
    indexes="deal contact",
    create_status=200,
    required={name: f"The contactDeal {name} was not provided." for name in ("contact", "deal")},
    filters={"filters[deal]": equals("deal"), "filters[contact]": equals("contact")},
    prepare=_prepare,
    sideload=_sideload,
    finish=_finish,
)

DEAL_ROLES = Resource(
    "dealRoles",
    "dealRole",
    "DealRole",
    columns("title= created_timestamp=@now updated_timestamp=@now links=@links id=@id"),
    links="contactDeals",
    verbs="list delete",
    create_status=200,
    required={"title": "The dealRole title was not provided."},
    filters={"search": contains("title")},
    before_delete=lambda call, row: _clear_role(call, row["id"]),
)


def _clear_role(call: Call, role: str) -> None:
    for row in select_belonging(call, "contactDeals", "role", role):
        call.store.update("contactDeals", row["id"], {"role": None})


def create_role(call: Call) -> Answer:
    """Create a role; the body has no wrapper (reference 2.1)."""
    title = as_object(call.body).get("title")
    return create(call, DEAL_ROLES, {"title": title})


def list_contact_deals(call: Call) -> Answer:
    """List a contact's associations with deals, and the contact and the deals beside them."""
    contact = call.require_row("contacts", call.path["id"])
    rows = select_belonging(call, "contactDeals", "contact", contact["id"])
    deals = [deal for row in rows for deal in call.sideload("deals", row["deal"])]
    sides = {"contacts": call.sideload("contacts", contact["id"]), "deals": deals} if rows else {}
    return Answer(200, {**sides, "contactDeals": call.render("contactDeals", rows)})
