"""Pipelines (dealGroups) and their stages (reference 5.2, 5.3)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns, number
from ac_mcp.sandbox.rest.crud import add
from ac_mcp.sandbox.rest.dates import shifted
from ac_mcp.sandbox.rest.errors import invalid
from ac_mcp.sandbox.rest.queries import contains, equals, whole
from ac_mcp.sandbox.rest.resource import Call, Child, Filter, Resource, View, belonging, gather, related
from ac_mcp.sandbox.rest.store import Among, Row, eq

FIRST_STAGES = (("To Contact", "19CCA3"), ("In Contact", "32B0FC"), ("Follow Up", "E6CE4B"))


def _missing(kind: str, *names: str) -> dict[str, str]:
    return {name: f"The {kind} {name} was not provided." for name in names}


def _prepare_group(call: Call, sent: Row, row: Row | None) -> Row:
    return {**sent, "udate": shifted(call.now)} if row else sent


def _stored_group(call: Call, row: Row, before: Row | None) -> None:
    if before is None:
        for order, (title, color) in enumerate(FIRST_STAGES, 1):
            stage = {"group": row["id"], "title": title, "color": color, "order": order, "cdate": None, "udate": None}
            add(call, DEAL_STAGES, stage)


def _sides_group(call: Call, rows: Sequence[Row], view: View) -> Row:
    if view == "update":
        return {}
    stages = related(call, "dealStages", "group", [row["id"] for row in rows])
    return {"dealStages": call.show("dealStages", stages)}


def _finish_group(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    if view in ("list", "one", "create"):
        gather(shown, "stages", related(call, "dealStages", "group", [row["id"] for row in rows]), "group")
    if view == "list":
        for row in shown:
            row["count"] = str(call.store.count("deals", eq("group", row["id"])))


def _removed_group(call: Call, row: Row) -> None:
    for deal in belonging(call, "deals", "group", row["id"]):
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
    required=_missing("pipeline", "title", "currency"),
    filters={"filters[title]": contains("title"), "filters[have_stages]": _having_stages()},
    orders={
        "title": "{title}",
        "popular": "(SELECT COUNT(*) FROM deals WHERE deals.account = dealGroups.account"
        " AND {deals.group} COLLATE NOCASE = CAST(dealGroups.id AS TEXT))",
    },
    children=(Child("dealStages", "group"),),
    prepare=_prepare_group,
    stored=_stored_group,
    sides=_sides_group,
    finish=_finish_group,
    removed=_removed_group,
)


def _prepare_stage(call: Call, sent: Row, row: Row | None) -> Row:
    group = {**(row or {}), **sent}.get("group")
    if call.store.get("dealGroups", group) is None:
        raise invalid("The deal group does not exist.", "related_missing", "group")
    if row:
        return {**sent, "udate": shifted(call.now)}
    last = max((whole(str(stage["order"])) for stage in belonging(call, "dealStages", "group", str(group))), default=0)
    return {"order": last + 1, **sent}


def _sides_stage(call: Call, rows: Sequence[Row], view: View) -> Row:
    return {"dealGroups": call.side("dealGroups", rows[0]["group"])} if view in ("create", "update") else {}


def _finish_stage(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    if view == "create":
        for row in shown:
            row["order"] = number(row["order"])


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
    required=_missing("stage", "title", "group"),
    filters={"filters[title]": contains("title"), "filters[d_groupid]": equals("group")},
    orders={"title": "{title}"},
    prepare=_prepare_stage,
    sides=_sides_stage,
    finish=_finish_stage,
)
