"""Every entry of the catalogue."""

import pytest

from ac_mcp.catalogue.entry import catalogue
from ac_mcp.operations import STEPS
from ac_mcp.spec.json_schema import input_schema


@pytest.mark.parametrize("id", catalogue())
def test_every_entry_is_an_operation_whose_parameters_have_names_of_their_own(id: str) -> None:
    names = [one.name for one in catalogue()[id].takes]
    assert len(names) == len(set(names))
    assert set(names) <= input_schema(STEPS[id])["properties"].keys()
    assert STEPS[id].read_only == (catalogue()[id].kind == "read")
