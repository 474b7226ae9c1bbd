"""Changes to many deals or accounts at once (reference 5.1, 5.3 and 8)."""

from ac_mcp.sandbox.rest.columns import as_array, as_object, text
from ac_mcp.sandbox.rest.crud import change, remove
from ac_mcp.sandbox.rest.errors import Refusal, unprocessable
from ac_mcp.sandbox.rest.resource import Answer, Call, belonging
from ac_mcp.sandbox.rest.store import Row, as_id

from .accounts import ACCOUNTS
from .deals import DEALS


def change_owners(call: Call) -> Answer:
    """Owners only; what cannot be found fails on its own, but a missing owner refuses everything."""
    given = [as_object(each) for each in as_array(as_object(call.body).get("deals"))]
    for each in given:
        _owner(call, each)
    outcome: dict[str, list[str]] = {"success": [], "nochange": [], "failed": []}
    for each in given:
        outcome[_changed(call, each)].append(str(each.get("id")))
    return Answer(200, outcome)


def _owner(call: Call, each: Row) -> None:
    if each.get("ownerId") in (None, ""):
        raise unprocessable(status=422, title=f"ownerId is required for a deal '{each.get('id')}'.")
    if call.store.get("users", each["ownerId"]) is None:
        title = f"Owner(user) with id '{each['ownerId']}' was not found for a deal '{each.get('id')}'."
        raise unprocessable(status=422, title=title)


def _changed(call: Call, each: Row) -> str:
    row, owner = call.store.get("deals", each.get("id")), text(each["ownerId"])
    if row is None:
        return "failed"
    if row["owner"] == owner:
        return "nochange"
    change(call, DEALS, row, {"owner": owner})
    return "success"


def move_deals(call: Call) -> Answer:
    """All deals of a stage go to another of the same pipeline."""
    stage = call.fetch("dealStages", call.path["id"])
    target = call.fetch("dealStages", call.wrapped("deal").get("stage"))
    if target["group"] != stage["group"]:
        detail = "Target stage does not belong to same pipeline"
        source = {"pointer": "/data/attributes/stage"}
        raise unprocessable(detail=detail, source=source, status=422, title="Invalid attribute")
    rows = belonging(call, "deals", "stage", stage["id"])
    moved = [change(call, DEALS, row, {"stage": target["id"]}) for row in rows]
    return Answer(200, {"deals": call.show("deals", moved)})


def delete_accounts(call: Call) -> Answer:
    numbers = [as_id(value) for key, value in call.query if key.startswith(("ids[", "[]ids"))]
    if not numbers:
        raise Refusal(400, {})
    for row in (call.store.get("accounts", number) for number in dict.fromkeys(numbers)):
        if row:
            remove(call, ACCOUNTS, row)
    return Answer(200, {"meta": {"success": True}})
