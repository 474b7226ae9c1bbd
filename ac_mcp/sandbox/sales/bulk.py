"""Changes to many deals or accounts at once (reference 5.1, 5.3 and 8)."""

from ac_mcp.sandbox.rest.columns import as_array, as_object, to_text
from ac_mcp.sandbox.rest.crud import change_row, remove_row
from ac_mcp.sandbox.rest.errors import Refusal, unprocessable
from ac_mcp.sandbox.rest.resource import Answer, Call, select_belonging
from ac_mcp.sandbox.rest.store import Row, as_id

from .accounts import ACCOUNTS
from .deals import DEALS


def change_owners(call: Call) -> Answer:
    """Change the owners of many deals; an unknown deal fails alone, a missing owner refuses the whole request."""
    deals = [as_object(deal) for deal in as_array(as_object(call.body).get("deals"))]
    for deal in deals:
        _require_owner(call, deal)
    outcome: dict[str, list[str]] = {"success": [], "nochange": [], "failed": []}
    for deal in deals:
        outcome[_change_owner(call, deal)].append(str(deal.get("id")))
    return Answer(200, outcome)


def _require_owner(call: Call, deal: Row) -> None:
    if deal.get("ownerId") in (None, ""):
        raise unprocessable(status=422, title=f"ownerId is required for a deal '{deal.get('id')}'.")
    if call.store.get("users", deal["ownerId"]) is None:
        title = f"Owner(user) with id '{deal['ownerId']}' was not found for a deal '{deal.get('id')}'."
        raise unprocessable(status=422, title=title)


def _change_owner(call: Call, deal: Row) -> str:
    row, owner = call.store.get("deals", deal.get("id")), to_text(deal["ownerId"])
    if row is None:
        return "failed"
    if row["owner"] == owner:
        return "nochange"
    change_row(call, DEALS, row, {"owner": owner})
    return "success"


def move_deals(call: Call) -> Answer:
    """Move all deals of a stage to another stage of the same pipeline."""
    stage = call.require_row("dealStages", call.path["id"])
    target = call.require_row("dealStages", call.unwrapped("deal").get("stage"))
    if target["group"] != stage["group"]:
        detail = "Target stage does not belong to same pipeline"
        source = {"pointer": "/data/attributes/stage"}
        raise unprocessable(detail=detail, source=source, status=422, title="Invalid attribute")
    rows = select_belonging(call, "deals", "stage", stage["id"])
    moved = [change_row(call, DEALS, row, {"stage": target["id"]}) for row in rows]
    return Answer(200, {"deals": call.render("deals", moved)})


def delete_accounts(call: Call) -> Answer:
    numbers = [as_id(value) for key, value in call.query if key.startswith(("ids[", "[]ids"))]
    if not numbers:
        raise Refusal(400, {})
    for row in (call.store.get("accounts", number) for number in dict.fromkeys(numbers)):
        if row:
            remove_row(call, ACCOUNTS, row)
    return Answer(200, {"meta": {"success": True}})
