"""Lists that are too long are refused by their number, before anything else is done with them."""

from typing import Any

import pytest

from tests.support import in_virtual_time, trial


@pytest.mark.parametrize(
    ("tool", "arguments", "most"),
    [
        ("count_contacts", {"where": ["tag=VIP"] * 51}, 50),
        ("count_contacts", {"where": ["tag=VIP"] * 100_000}, 50),
        ("bulk_update_contacts", {"where": ["tag=VIP"] * 51, "add_tag": "VIP"}, 50),
        ("list_contacts", {"fields": [f"f{n}" for n in range(501)]}, 500),
        ("update_contact", {"contact": "2", "fields": ["Plan=Team"] * 501}, 500),
        ("update_contact", {"contact": "2", "made_up": ["x"] * 501}, 500),
    ],
)
@in_virtual_time
async def test_a_list_has_a_longest(tool: str, arguments: dict[str, Any], most: int) -> None:
    async with trial() as one:
        assert f"are more than it takes; at most {most}" in await one.refusal(tool, **arguments)
        assert one.requests == []


@in_virtual_time
async def test_records_may_be_many() -> None:
    async with trial() as one:
        answer = await one.answer("bulk_update_contacts", contacts=[str(n) for n in range(1, 601)], add_tag="VIP")
        assert answer["total"] == 600
