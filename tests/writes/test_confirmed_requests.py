"""What a write costs that waits and is then confirmed: every request, in an account of which nothing is known yet."""

import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from tests.support import Trial, in_virtual_time, trial

ALWAYS = {"AC_MCP_CONFIRM": "always"}


async def confirmed(one: Trial, tool: str, **arguments: str) -> tuple[Json, int]:
    """The answer to the confirmation, and how many requests there were before it."""
    with pytest.raises(ConfirmationRequired) as needs:
        await execute(one.account, OPERATIONS[tool], arguments)
    before = len(one.requests)
    return await one.answer("confirm_change", token=needs.value.token), before


@in_virtual_time
async def test_tagging_by_names_takes_six_requests() -> None:
    async with trial(ALWAYS) as one:
        done, before = await confirmed(one, "tag_contact", contact="jane@acme.example", tag="Gift card")
        assert (done["result"], done["contact_id"], done["tag_id"]) == ("tagged", "1", "11")
        assert one.requests == [
            "GET /contacts",
            "GET /tags",
            "GET /contacts/1/contactTags",
            "GET /automations",
            "GET /webhooks",
            "POST /contactTags",
        ]
        assert before == 5


@in_virtual_time
async def test_changing_a_contact_takes_six_requests() -> None:
    async with trial(ALWAYS) as one:
        done, before = await confirmed(one, "update_contact", contact="jane@acme.example", phone="+1 312 555 0199")
        assert (done["result"], done["contact"]["phone"]) == ("updated", "+1 312 555 0199")
        assert one.requests == [
            "GET /contacts",
            "GET /contacts/1",
            "GET /automations",
            "GET /webhooks",
            "GET /contacts/1",  # whether it is still as it was shown
            "PUT /contacts/1",
        ]
        assert before == 4


@in_virtual_time
async def test_deleting_a_tag_takes_seven_requests() -> None:
    async with trial(ALWAYS) as one:
        done, before = await confirmed(one, "delete_tag", tag="Gift card")
        assert (done["result"], done["tag_id"]) == ("deleted", "11")
        assert one.requests == [
            "GET /tags",
            "GET /contacts",  # who wears it
            "GET /tags/11",
            "GET /tags/11",  # whether both are still as they were shown
            "GET /contacts",
            "DELETE /tags/11",
            "GET /tags/11",  # whether it is gone
        ]
        assert before == 3
