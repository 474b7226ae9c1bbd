"""Deals: sales opportunities, each in a stage of a pipeline. Money is in currency units, on the wire in cents."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_object
from ac_mcp.spec.annotations import About, Order, Ref, Wire
from ac_mcp.spec.columns import AMOUNTS, Code, Date, Flag, Money, Prose, Reference, Text, Time
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Answer, Effects, Offered
from ac_mcp.spec.parameters import (
    AccountRef,
    ContactRef,
    Currency,
    DealRef,
    Limit,
    Name,
    Offset,
    OwnerRef,
    PipelineRef,
    StageRef,
    Value,
)
from ac_mcp.spec.resource import Lookup, Resource, named_by
from ac_mcp.spec.values import require_clear_amount

STATUS = {"open": "0", "won": "1", "lost": "2"}
ORDER = {"newest": "cdate DESC", "oldest": "cdate ASC", "highest_value": "value DESC", "title": "title ASC"}
Title = Annotated[Name, About("Title", "Acme renewal", show_example=False)]
Status = Annotated[Literal["open", "won", "lost"], Wire("status", STATUS), About("State")]
Description = Annotated[str, About("Free text", "Renewal for 2027", show_example=False)]
Amount = Annotated[float, BeforeValidator(require_clear_amount), About("In currency units", 1000, show_example=False)]


@dataclass(frozen=True, slots=True)
class DealSearch(Wire):
    """A search in deals: the API ignores plain `search` and takes a filter and the field to search (reference 5.1)."""

    name: str = "filters[search]"

    def encode(self, value: Any) -> Json:
        return {self.name: value, "filters[search_field]": "all"}


deals = Resource(
    "deal",
    "deals",
    (
        Text("title"),
        Money("value"),
        Text("currency"),
        Code("status", codes={code: word for word, code in STATUS.items()}),
        Reference("stage", kind="dealStages"),
        Reference("pipeline", "group", kind="dealGroups"),
        Reference("owner", kind="users"),
        Reference("contact", kind="contacts"),
        Reference("account", kind="accounts"),
        Date("created", "cdate"),
        Flag("unavailable", "isDisabled", word="its contact or pipeline is gone"),
    ),
    details=(Prose("description"), Date("updated", "mdate"), Time("next_task", "nextdate")),
    lost_for_good="its id, its history, tasks and further contacts",
    lookup=Lookup(
        called=named_by("title"),
        find=lambda name: {"filters[search]": name, "filters[search_field]": "title"},
    ),
)


@deals.get(
    "/deals",
    title="List deals (opportunities)",
    offered=Offered(lists_views=("fields",)),
    answer=Answer(says={"value_by_currency": AMOUNTS}),
)
async def list_deals(
    call: Call,
    search: Annotated[str, DealSearch(), About("Text in title, contact or company", "acme", show_example=False)]
    | None = None,
    stage: Annotated[StageRef, Wire("filters[stage]")] | None = None,
    pipeline: Annotated[PipelineRef, Wire("filters[group]")] | None = None,
    owner: Annotated[OwnerRef, Wire("filters[owner]")] | None = None,
    status: Annotated[Status, Wire("filters[status]", STATUS)] | None = None,
    min_value: Annotated[Amount, Wire("filters[minimum_value]")] | None = None,
    max_value: Annotated[Amount, Wire("filters[maximum_value]")] | None = None,
    order: Annotated[Literal["newest", "oldest", "highest_value", "title"], Order(codes=ORDER), About("Sort order")]
    | None = None,
    limit: Limit = 20,
    offset: Offset = 0,
) -> Json:
    """Show deals or opportunities in a stage, of an owner, open, won or lost: how many and what value. Returns a page
    and totals."""
    payload = await call(order=order or "newest")
    currencies = as_object(as_object(payload.get("meta")).get("currencies"))
    sums = {currency.lower(): Money("value").read(as_object(row)) for currency, row in currencies.items()}
    totals = {currency: value for currency, value in sums.items() if value is not None}
    return with_own_words(payload, value_by_currency=totals) if totals else payload


@deals.get("/deals/{deal}", title="Show a deal (opportunity)")
async def get_deal(call: Call, deal: DealRef) -> Json:
    """Show one deal (opportunity). Returns value, status, stage, owner, contact, company; only the next task."""
    return await call()


@deals.post(
    "/deals", title="Create a deal (opportunity)", effects=Effects(starts="when a deal is added", reports=("deal_add",))
)
async def create_deal(
    call: Call,
    title: Title,
    value: Value,
    currency: Currency,
    contact: ContactRef | None = None,
    account: AccountRef | None = None,
    stage: StageRef | None = None,
    pipeline: PipelineRef | None = None,
    owner: OwnerRef | None = None,
    description: Description | None = None,
) -> Json:
    """Create a deal: start a new opportunity in a sales pipeline. Returns its id; needs contact or company and stage or
    pipeline."""
    if not (contact or account):
        raise BadArguments(
            "A deal needs a contact or an account.",
            {**call.present_arguments, "contact": "jane@acme.com"},
            example=True,
        )
    if not (stage or pipeline):
        raise BadArguments(
            "A deal needs a stage or a pipeline.", {**call.present_arguments, "pipeline": "Sales"}, example=True
        )
    return await call()


@deals.put(
    "/deals/{deal}",
    title="Change, move or close a deal",
    effects=Effects(starts="when a deal changes stage, value, owner or status", reports=("deal_update",)),
)
async def update_deal(
    call: Call,
    deal: DealRef,
    title: Title | None = None,
    value: Value | None = None,
    currency: Currency | None = None,
    stage: Annotated[StageRef, Ref("dealStages", within="pipeline", beside="deal")] | None = None,
    pipeline: PipelineRef | None = None,
    owner: OwnerRef | None = None,
    status: Status | None = None,
    description: Description | None = None,
) -> Json:
    """Update a deal: mark it won or lost, move its stage, reassign its owner, set value, currency. Returns it, the rest
    unchanged."""
    return await call()


@deals.delete("/deals/{deal}", title="Delete a deal (opportunity)")
async def delete_deal(call: Call, deal: DealRef) -> Json:
    """Delete or remove a deal with notes and tasks. Returns its title; undone only in part. To close an opportunity:
    update_deal."""
    return await call()
