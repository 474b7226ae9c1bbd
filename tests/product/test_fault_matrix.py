"""A slice of the fault matrix (all of it: python -m bench.faults): no write twice, none misreported, none too late."""

from functools import cache

import pytest

from ac_mcp.sandbox.http.faults import Fault
from tests.fault_matrix import WRITES, State, carried, result, untouched, wrong
from tests.support import in_virtual_time

SLICE = (
    Fault("503-html", after=True),
    Fault("503-html", times=4),
    Fault("drop", after=True),
    Fault("hang", times=4),
    Fault("cut"),
    Fault("empty"),
    Fault("429-seconds"),
)


@cache
def nothing_done() -> State:
    return result(untouched)


@pytest.mark.parametrize("tool", WRITES)
def test_no_fault_makes_a_write_happen_twice_or_be_misreported(tool: str) -> None:
    before, reference = nothing_done(), result(lambda: carried(tool))
    assert reference.said == "done"
    for fault in SLICE:
        case = result(lambda fault=fault: carried(tool, fault))
        assert not wrong(case, before, reference.state), f"{fault}: {wrong(case, before, reference.state)}"


@in_virtual_time
async def test_the_matrix_would_notice_a_create_that_is_sent_twice() -> None:
    reference = await carried("create_note")
    twice = {name: [*rows, *rows] if name == "notes" else rows for name, rows in reference.state.items()}
    case = await carried("create_note")
    doubled = type(case)(case.tool, case.fault, "done", "", twice, 1.0)
    assert wrong(doubled, reference.state, reference.state) == "too many notes"
    failed = type(case)(case.tool, case.fault, "undone", "", reference.state, 1.0)
    assert "said undone" in wrong(failed, {**reference.state, "notes": []}, reference.state)
