"""Arguments that are not as they should be: what is put right in the suggested call, and what must not be."""

import pytest

from ac_mcp.messages import Json
from tests.support import in_virtual_time, trial


@pytest.mark.parametrize(
    "fields", [["Plann=Team"], "Plann=Team", {"Plann": "Team"}, [{"field": "Plann", "value": "Team"}]]
)
@in_virtual_time
async def test_a_misspelt_field_is_mended_however_it_came(fields: object) -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", fields=fields)
        assert text.endswith('Next: update_contact(contact="1", fields=["Plan=Team"])')


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_contacts", {"exclude_tag": "VIP"}),
        ("list_contacts", {"created_to": "2026-01-01"}),
        ("list_deals", {"value": 5}),
        ("update_tag", {"tag": "VIP", "old_name": "x"}),
        ("delete_contact", {"deal_id": "7"}),
        ("delete_list", {"tag_name": "VIP"}),
    ],
)
@in_virtual_time
async def test_an_argument_is_not_mended_into_its_opposite_or_into_another_thing(tool: str, arguments: Json) -> None:
    async with trial() as one:
        text = await one.refusal(tool, **arguments)
        assert "did you mean" not in text
        wrong = [str(value) for value in arguments.values() if value != "VIP" or tool == "delete_list"]
        assert not [value for value in wrong if f'"{value}"' in text.partition("Next")[2]]


@pytest.mark.parametrize("value", ["nan", "inf", "1_000", "\u0663"])
@in_virtual_time
async def test_a_number_is_a_number(value: str) -> None:
    async with trial() as one:
        assert "Seats takes a plain number" in await one.refusal(
            "set_field_value", contact="1", field="Seats", value=value
        )


@in_virtual_time
async def test_a_field_is_not_given_twice() -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", fields=["Plan=Team", "PLAN=Free"])
        assert text.startswith('fields: "PLAN" is given twice.')


@in_virtual_time
async def test_only_the_title_is_mended_in_a_custom_field() -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", fields=["Referral code=Plann", "Plann=Team"])
        assert text.endswith('fields=["Referral code=Plann", "Plan=Team"])')


@pytest.mark.parametrize("name", ["search", "tag", "created_after"])
@in_virtual_time
async def test_what_is_too_long_for_an_address_is_refused_in_a_few_words(name: str) -> None:
    async with trial() as one:
        assert len(await one.refusal("list_contacts", **{name: "x" * 90_000})) < 400
        assert one.requests == []


@pytest.mark.parametrize("connection", [[1], {"a": 1}, True])
@in_virtual_time
async def test_a_connection_that_is_none_is_refused(connection: object) -> None:
    async with trial({"AC_MCP_MULTI_ACCOUNT": "1"}) as one:
        assert (await one.refusal("list_users", connection=connection)).startswith("connection: ")
