"""Nobody is subscribed whose state on a list may be an opt-out."""

from typing import Any

import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.errors import ConfirmationRequired
from ac_mcp.operations import OPERATIONS
from tests.support import Trial, failing, in_virtual_time, status, trial

ODD: tuple[dict[str, Any], ...] = (
    {"status": "unsubscribed"}, {"status": None}, {}, {"status": "9"}, {"status": ""}, {"status": 2}, {"status": "2"},
)  # fmt: skip


def showing(one: Trial, *rows: dict[str, Any]) -> None:
    """Let contact 3 have these rows of list 1."""
    body = {"contactLists": [{"id": str(n), "contact": "3", "list": "1", **row} for n, row in enumerate(rows, 5)]}
    one.wire.answer = failing("GET", "/contacts/3/contactLists", status(200, body))


@pytest.mark.parametrize("row", ODD)
@in_virtual_time
async def test_a_status_that_is_not_understood_waits_for_a_yes(row: dict[str, Any]) -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        showing(one, row)
        with pytest.raises(ConfirmationRequired, match="have they asked"):
            await execute(one.account, OPERATIONS["subscribe_contact"], {"contact": "3", "list": "Newsletter"})
        assert "POST /contactLists" not in one.requests


@in_virtual_time
async def test_of_two_rows_the_opt_out_counts() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        showing(one, {"status": "0"}, {"status": "2"})
        with pytest.raises(ConfirmationRequired):
            await execute(one.account, OPERATIONS["subscribe_contact"], {"contact": "3", "list": "Newsletter"})


@pytest.mark.parametrize("row", ODD)
@in_virtual_time
async def test_bulk_work_leaves_out_whose_status_is_not_understood_though_a_search_finds_nothing(
    row: dict[str, Any],
) -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as one:
        showing(one, row)
        lookup, search = one.wire.answer, status(200, {"contacts": [], "meta": {"total": "0"}})
        one.wire.answer = lambda request: search if "listid" in request.url.query.decode() else lookup(request)
        done = await one.answer("bulk_update_contacts", contacts=["3"], subscribe="Newsletter")
        assert "left out" in str(done["counts"])
        assert "POST /contactLists" not in one.requests
