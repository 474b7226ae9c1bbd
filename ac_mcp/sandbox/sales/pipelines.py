"""Pipelines (dealGroups) and their stages (reference 5.2, 5.3)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns, to_number
from ac_mcp.sandbox.rest.crud import add_row
from ac_mcp.sandbox.rest.dates import utc_clock_as_local
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import contains, equals, parse_number
from ac_mcp.sandbox.rest.resource import (
    Call,
    Child,
    Filter,
    Resource,
    View,
    attach_ids,
    select_belonging,
    select_related,
)
from ac_mcp.sandbox.rest.store import Among, Row, eq

FIRST_STAGES = (("To Contact", "19CCA3"), ("In Contact", "32B0FC"), ("Follow Up", "E6CE4B"))


def _required(kind: str, *names: str) -> dict[str, str]:
    return {name: f"The {kind} {name} was not provided." for name in names}


def _prepare_group(call: Call, sent: Row, row: Row | None) -> Row:
    return {**sent, "udate": utc_clock_as_local(call.now)} if row else sent


def _after_write_group(call: Call, row: Row, before: Row | None) -> None:
    if before is None:
        for order, (title, color) in enumerate(FIRST_STAGES, 1):
            stage = {"group": row["id"], "title": title, "color": color, "order": order, "cdate": None, "udate": None}
            add_row(call, DEAL_STAGES, stage)


def _sideload_group(call: Call, rows: Sequence[Row], view: View) -> Row:
    if view == "update":
        return {}
    stages = select_related(call, "dealStages", "group", [row["id"] for row in rows])
    return {"dealStages": call.render("dealStages", stages)}


def _finish_group(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    if view in ("list", "one", "create"):
        stages = select_related(call, "dealStages", "group", [row["id"] for row in rows])
        attach_ids(rendered, "stages", stages, "group")
    if view == "list":
        for row in rendered:
            row["count"] = str(call.store.count("deals", eq("group", row["id"])))


def _before_delete_group(call: Call, row: Row) -> None:
    for deal in select_belonging(call, "deals", "group", row["id"]):
        call.store.update("deals", deal["id"], {"isDisabled": True})


def _having_stages() -> Filter:
    return lambda call, value: Among("id", "dealStages", "group") if value not in ("", "0", "false") else None


DEAL_GROUPS = Resource(
    "dealGroups",
    "dealGroup",
    "DealGroup",
    columns("""title= currency=usd autoassign=0 allusers=0 allgroups=1 win_probability_initialize_date=~ cdate=@now
    udate=@now source= count=0 stages=[] links=@links id=@id"""),
    links="stages dealGroupUsers dealGroupGroups winProbabilityFeatures",
    total=int,
    writes="title currency autoassign allusers allgroups",
    slim="title currency source cdate udate autoassign links stages id",
    hidden={"one": "count", "update": "count stages", "side": "count stages"},
    required=_required("pipeline", "title", "currency"),
    filters={"filters[title]": contains("title"), "filters[have_stages]": _having_stages()},
    orders={
        "title": "{title}",
        "popular": "(SELECT COUNT(*) FROM deals WHERE deals.account = dealGroups.account"
        " AND {deals.group} COLLATE NOCASE = CAST(dealGroups.id AS TEXT))",
    },
    children=(Child("dealStages", "group"), Child("dealGroupUsers", "dealGroup")),
    prepare=_prepare_group,
    after_write=_after_write_group,
    sideload=_sideload_group,
    finish=_finish_group,
    before_delete=_before_delete_group,
)


# The users who may see a pipeline; no documentation names this collection.
DEAL_GROUP_USERS = Resource(
    "dealGroupUsers",
    "dealGroupUser",
    "DealGroupUser",
    columns("dealGroup=~ user=~ cdate=@now links=@links id=@id"),
    links="dealGroup user",
    verbs="list get",
    indexes="dealGroup",
)


def _prepare_stage(call: Call, sent: Row, row: Row | None) -> Row:
    group = {**(row or {}), **sent}.get("group")
    if call.store.get("dealGroups", group) is None:
        raise invalid("The deal group does not exist.", "related_missing", "group")
    if row:
        return {**sent, "udate": utc_clock_as_local(call.now)}
    last = max(
        (parse_number(str(stage["order"])) for stage in select_belonging(call, "dealStages", "group", str(group))),
        default=0,
    )
    return {"order": last + 1, **sent}


def _sideload_stage(call: Call, rows: Sequence[Row], view: View) -> Row:
    return {"dealGroups": call.sideload("dealGroups", rows[0]["group"])} if view in ("create", "update") else {}


def _finish_stage(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    if view == "create":
        for row in rendered:
            row["order"] = to_number(row["order"])


DEAL_STAGES = Resource(
    "dealStages",
    "dealStage",
    "DealStage",
    columns("""group=~ title= color=3f3f3f order=0 width=280 dealOrder="next-action DESC" cardRegion1=title
    cardRegion2=next-action cardRegion3=show-avatar cardRegion4=contact-fullname-acctname cardRegion5=value cdate=@now
    udate=@now links=@links id=@id"""),
    links="group",
    total=int,
    writes="title group color order width dealOrder cardRegion1 cardRegion2 cardRegion3 cardRegion4 cardRegion5",
    slim="""title group cdate udate width=#280 dealOrder cardRegion1 cardRegion2 cardRegion3 cardRegion4 cardRegion5
    color order links id""",
    indexes="group",
    required=_required("stage", "title", "group"),
    filters={"filters[title]": contains("title"), "filters[d_groupid]": equals("group")},
    orders={"title": "{title}"},
    prepare=_prepare_stage,
    sideload=_sideload_stage,
    finish=_finish_stage,
)
