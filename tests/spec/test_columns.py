"""Columns: from a row of the API to what is shown."""

from decimal import Decimal
from typing import Any

import pytest

from ac_mcp.operations.campaigns import Status
from ac_mcp.spec.columns import Code, Column, Date, Money, Number, Rate, Several, Text, Time


@pytest.mark.parametrize("nothing", [None, "", "0000-00-00", "0000-00-00 00:00:00", [], {}])
def test_every_face_of_nothing_is_left_out(nothing: Any) -> None:
    assert Text("a").read({"a": nothing}) is None


@pytest.mark.parametrize(
    ("column", "row", "shown"),
    [
        (Money("value"), {"value": "1250000"}, Decimal("12500.00")),
        (Money("value"), {"value": 29}, Decimal("0.29")),
        (Money("value"), {"value": "much"}, None),
        (Number("opens"), {"opens": "0"}, 0),
        (Number("opens"), {"opens": "many"}, None),
        (Date("created", "cdate"), {"cdate": "2026-05-28T03:05:54-05:00"}, "2026-05-28"),
        (Time("sent", "sdate"), {"sdate": "2026-05-28 03:05:54"}, "2026-05-28 03:05"),
        (Code("status", codes={"1": "active"}), {"status": 1}, "active"),
        (Code("status", codes={"1": "active"}), {"status": "9"}, "9"),
        (Rate("rate", "opens", whole="sent"), {"opens": "455", "sent": "1204"}, "37.8%"),
        (Rate("rate", "opens", whole="sent"), {"opens": "0", "sent": "0"}, None),
        (Several("value"), {"value": "||A||B||"}, ["A", "B"]),
        (Several("value"), {"value": "A"}, "A"),
        (Text("note", most=5), {"note": "a long note"}, 'a lon… (11 characters; reading with detail="full" shows all)'),
        (Status("status"), {"status": "1", "seriesid": "4"}, "automation"),
        (Status("status"), {"status": "3", "statusString": "Completed"}, "sent"),
        (Status("status"), {"status": "5", "seriesid": "0"}, "sent"),
    ],
)
def test_a_column_reads_the_api_and_shows_a_person(column: Column, row: dict[str, Any], shown: Any) -> None:
    assert column.read(row) == shown
