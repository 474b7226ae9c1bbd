"""The history of a deal (reference 5.1), in the words of the documented filters."""

from ac_mcp.sandbox.rest.columns import columns, to_text
from ac_mcp.sandbox.rest.crud import add_row
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

# The keys of a deal whose changes are logged, and their names in the log.
WATCHED = {"stage": "d_stageid", "owner": "userid", "status": "status", "value": "value"}


def log_activity(
    call: Call, deal: str, kind: str, action: str, *, number: str = "0", old: str = "", stage: str = "0"
) -> None:
    entry = {"d_id": deal, "d_stageid": stage, "dataId": number, "dataType": kind, "dataAction": action}
    add_row(call, DEAL_ACTIVITIES, {**entry, "dataOldval": old, "isAddtask": "1" if kind == "task" else "0"})
    call.store.update("deals", deal, {"activitycount": str(call.store.count("dealActivities", eq("d_id", deal)))})


def log_changes(call: Call, row: Row, before: Row | None) -> None:
    """Log one entry for a new deal, or one for each watched key that changed."""
    if before is None:
        log_activity(call, row["id"], "", "add")
        return
    for key, kind in WATCHED.items():
        if row[key] != before[key]:
            stage = row["stage"] if key == "stage" else "0"
            old = to_text(before[key]) or ""
            log_activity(call, row["id"], kind, "update", number=str(row[key]), old=old, stage=stage)
