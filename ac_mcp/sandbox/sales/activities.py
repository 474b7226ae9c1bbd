"""The history of a deal (reference 5.1); the words for what changed are those of the documented filters."""

from ac_mcp.sandbox.rest.columns import columns, text
from ac_mcp.sandbox.rest.crud import add
from ac_mcp.sandbox.rest.queries import equals
from ac_mcp.sandbox.rest.resource import Call, Filter, Resource
from ac_mcp.sandbox.rest.store import Clause, Row, Where, eq


def _without_mail(call: Call, value: str) -> Where | None:
    return Clause("{dataType} NOT IN ('email', 'connection_email', 'LinkData')") if value == "email" else None


_FILTERS: dict[str, Filter] = {
    "deal": equals("d_id"),
    "filters[data_type]": equals("dataType"),
    "filters[data_id]": equals("dataId"),
    "exclude": _without_mail,
}

DEAL_ACTIVITIES = Resource(
    "dealActivities",
    "dealActivity",
    "DealActivity",
    columns("""d_id=~ d_stageid=0 userid=1 dataId=0 dataType= dataAction=add dataOldval= cdate=@now sortdate=@now
    isAddtask=0 deleted=0 seriesid=0 links=@links id=@id deal=>d_id stage=>d_stageid user=>userid
    automation=>seriesid"""),
    links="deal stage user automation activity",
    verbs="list",
    indexes="d_id",
    filters=_FILTERS,
    orders={"cdate": "{cdate}", "sortdate": "{sortdate}"},
)

# What of a deal is worth an entry, and what the entry calls it.
WATCHED = {"stage": "d_stageid", "owner": "userid", "status": "status", "value": "value"}


def noted(call: Call, deal: str, kind: str, action: str, *, number: str = "0", old: str = "", stage: str = "0") -> None:
    entry = {"d_id": deal, "d_stageid": stage, "dataId": number, "dataType": kind, "dataAction": action}
    add(call, DEAL_ACTIVITIES, {**entry, "dataOldval": old, "isAddtask": "1" if kind == "task" else "0"})
    call.store.update("deals", deal, {"activitycount": str(call.store.count("dealActivities", eq("d_id", deal)))})


def compared(call: Call, row: Row, before: Row | None) -> None:
    """One entry for a new deal, one for everything that changed of an old one."""
    if before is None:
        noted(call, row["id"], "", "add")
        return
    for key, kind in WATCHED.items():
        if row[key] != before[key]:
            stage = row["stage"] if key == "stage" else "0"
            noted(call, row["id"], kind, "update", number=str(row[key]), old=text(before[key]) or "", stage=stage)
