"""The secondary contacts of deals and the roles they play (reference 5.1)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import as_object, columns
from ac_mcp.sandbox.rest.crud import create
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import contains, equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource, View, belonging
from ac_mcp.sandbox.rest.store import Row, eq


def _prepare(call: Call, sent: Row, row: Row | None) -> Row:
    merged = {**(row or {}), **sent}
    for name, plural in (("contact", "contacts"), ("deal", "deals"), ("role", "dealRoles")):
        if (name != "role" or merged.get(name)) and call.store.get(plural, merged[name]) is None:
            raise invalid(f"The related {name} does not exist.", "related_missing", name)
    deal, contact = call.fetch("deals", merged["deal"]), call.fetch("contacts", merged["contact"])["id"]
    known = call.store.find("contactDeals", eq("deal", deal["id"]), eq("contact", contact))
    if deal.get("contact") == contact or (known and (row is None or known["id"] != row["id"])):
        raise invalid("The given contact is already associated to the deal", "field_invalid", "contact")
    return {**sent, "deal": deal["id"], "contact": contact}


def _sides(call: Call, rows: Sequence[Row], view: View) -> Row:
    return {"deals": call.side("deals", rows[0]["deal"])} if view in ("create", "update") else {}


def _finish(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    """Only an association that has a role shows one."""
    for row in shown:
        if row["role"] is None:
            del row["role"]


CONTACT_DEALS = Resource(
    "contactDeals",
    "contactDeal",
    "SubscriberDeal",
    columns("deal=~ contact=~ role=~ cdate=@now links=@links id=@id"),
    links="deal contact",
    writes="deal contact role",
    indexes="deal contact",
    created=200,
    required={name: f"The contactDeal {name} was not provided." for name in ("contact", "deal")},
    filters={"filters[deal]": equals("deal"), "filters[contact]": equals("contact")},
    prepare=_prepare,
    sides=_sides,
    finish=_finish,
)

DEAL_ROLES = Resource(
    "dealRoles",
    "dealRole",
    "DealRole",
    columns("title= created_timestamp=@now updated_timestamp=@now links=@links id=@id"),
    links="contactDeals",
    verbs="list delete",
    created=200,
    required={"title": "The dealRole title was not provided."},
    filters={"search": contains("title")},
    removed=lambda call, row: _without(call, row["id"]),
)


def _without(call: Call, role: str) -> None:
    for row in belonging(call, "contactDeals", "role", role):
        call.store.update("contactDeals", row["id"], {"role": None})


def create_role(call: Call) -> Answer:
    """The body has no wrapper (reference 2.1)."""
    title = as_object(call.body).get("title")
    return create(call, DEAL_ROLES, {"title": title})


def of_contact(call: Call) -> Answer:
    """A contact's associations, with both their ends beside them."""
    contact = call.fetch("contacts", call.path["id"])
    rows = belonging(call, "contactDeals", "contact", contact["id"])
    deals = [shown for row in rows for shown in call.side("deals", row["deal"])]
    beside = {"contacts": call.side("contacts", contact["id"]), "deals": deals} if rows else {}
    return Answer(200, {**beside, "contactDeals": call.show("contactDeals", rows)})
