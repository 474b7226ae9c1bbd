"""Answers to text, within a budget."""

from decimal import Decimal

from ac_mcp.results.encoding import fit_to_budget, render
from tests.support import in_virtual_time, trial


def test_an_answer_is_compact_json_with_money_to_the_cent() -> None:
    answer = {"deal": {"title": 'A "big" 👋 one', "value": Decimal("12500"), "open": True, "x": None, "n": 3}}
    assert render(answer) == '{"deal":{"title":"A \\"big\\" 👋 one","value":12500.00,"open":true,"x":null,"n":3}}'


def test_rows_past_the_budget_are_left_off_whole() -> None:
    answer = {"tags": [{"name": "x" * 90} for _ in range(50)], "total": 500, "next_offset": 150}
    short = fit_to_budget(answer, offset=100, budget=300)
    assert len(render(short)) <= 300 * 3.5
    assert short["next_offset"] == 100 + len(short["tags"])
    assert short["total"] == 500


def test_a_single_row_is_never_left_off() -> None:
    assert fit_to_budget({"tags": [{"name": "x" * 9000}], "total": 1}, budget=10)["tags"]


@in_virtual_time
async def test_paging_by_id_loses_nobody_when_an_answer_is_cut() -> None:
    async with trial({"AC_MCP_ANSWER_TOKENS": "600"}) as one:
        seen, after = list[str](), "0"
        while after:
            page = await one.answer("list_contacts", after_id=after, limit=50)
            seen += [contact["id"] for contact in page["contacts"]]
            after = page.get("next_after_id", "")
        assert seen == [str(number) for number in range(1, 61)]
