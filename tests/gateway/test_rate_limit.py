"""The rule of slots by itself, without waiting."""

import pytest

from ac_mcp.gateway.rate_limit import Budget, Moment, Wait, take


@pytest.mark.parametrize(
    ("bulk", "waits"),
    [(False, [False, False, False, False, False, True]), (True, [False, False, False, False, True, True])],
)
def test_bulk_work_takes_all_slots_but_the_last_while_somebody_waits_for_answers(bulk: bool, waits: list[bool]) -> None:
    budget = Budget.of(5)
    budget.interactive_at = 100.0
    moments = [Moment(100 + step * 0.11, 0.0) for step in range(6)]
    leases = [take([budget], "process", f"holder {now.steady}", now, 3.0, bulk=bulk) for now in moments]
    assert [isinstance(lease, Wait) for lease in leases] == waits
