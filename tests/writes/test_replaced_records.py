"""A custom object record that exists is replaced: the question says which of its values go."""

from typing import Any

import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired
from ac_mcp.operations import OPERATIONS
from tests.support import Trial, in_virtual_time, status, trial

SCHEMA = "4453571f-4a21-45e9-9872-49ce0f86e611"
RECORD = {"id": "27783bc8-beff-42dc-a1c8-cbb8e1c84ccb", "externalId": "gift-1", "fields": [
    {"id": "amount", "value": "50"}, {"id": "campaign-name", "value": "Spring"}]}  # fmt: skip


async def question(one: Trial, **arguments: Any) -> str:
    """What is asked before the record is written."""
    call = {"id": "custom_objects.upsert_record", "arguments": {"schema_id": SCHEMA, **arguments}}
    with pytest.raises(ConfirmationRequired) as waiting:
        await execute(one.account, OPERATIONS["write_operation"], call)
    return " ".join(waiting.value.reasons)


@pytest.mark.parametrize(
    ("arguments", "cleared"),
    [
        ({"external_id": "gift-1", "fields": [{"id": "amount", "value": "60"}]}, 'campaign-name ("Spring")'),
        ({"id": RECORD["id"], "fields": []}, 'amount ("50"), campaign-name ("Spring")'),
        ({"external_id": "gift-1"}, 'amount ("50"), campaign-name ("Spring")'),
    ],
)
@in_virtual_time
async def test_values_that_are_left_out_are_named_before_they_are_cleared(
    arguments: dict[str, Any], cleared: str
) -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        path = f"/customObjects/records/{SCHEMA}/"
        one.wire.answer = lambda request: status(200, {"record": RECORD}) if path in request.url.path else None
        assert f"clears the values that are left out: {cleared}." in await question(one, **arguments)


@in_virtual_time
async def test_a_record_that_is_new_clears_nothing() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        one.wire.answer = lambda request: status(404, {}) if "/external/" in request.url.path else None
        asked = await question(one, external_id="gift-9", fields=[{"id": "amount", "value": "60"}])
        assert "clears the values" not in asked
