"""How many rows a list has, where its total and its rows may contradict each other."""

import httpx2
import pytest

from ac_mcp.spec.paging import credible_total
from tests.support import in_virtual_time, status, trial

ROWS = [{"id": str(number), "tag": f"T{number}", "tagType": "contact"} for number in range(1, 21)]


@pytest.mark.parametrize(
    ("stated", "count", "offset", "limit", "total"),
    [
        (57, 20, 0, 20, 57),
        (20, 20, 0, 20, 20),
        (57, 17, 40, 20, 57),
        (0, 5, 0, 20, 5),  # missing, but the page is not full: it is the last one
        (0, 5, 40, 20, 45),
        (3, 5, 0, 20, 5),  # too small, and the page is not full
        (0, 20, 0, 20, None),  # missing beside a full page
        (7, 20, 0, 20, None),  # too small beside a full page
        (57, 5, 0, 20, 57),  # the page may hold fewer rows than were asked for: the next one shows it
        (57, 0, 0, 20, None),  # rows that are said to be there and do not come
        (57, 0, 40, 20, None),
        (0, 0, 0, 20, 0),
        (40, 0, 60, 20, 40),
        (0, 26, 0, None, 26),
        (99, 26, 0, None, 99),
        (0, 0, 0, None, 0),
    ],
)
def test_a_total_is_believed_where_the_rows_bear_it_out(
    stated: int, count: int, offset: int, limit: int | None, total: int | None
) -> None:
    assert credible_total(stated, count, offset, limit) == total


@pytest.mark.parametrize("meta", [{}, {"meta": {"total": "0"}}, {"meta": {"total": "7"}}, {"meta": {"total": None}}])
@in_virtual_time
async def test_a_page_whose_total_lies_says_that_it_is_not_known_and_pages_on(meta: dict[str, object]) -> None:
    async with trial() as one:
        one.wire.answer = lambda request: status(200, {"tags": ROWS, **meta}) if request.method == "GET" else None
        answer = await one.answer("list_tags", limit=20)
        assert "total" not in answer
        assert "not known" in answer["note"]
        assert answer["next_offset"] == 20


@pytest.mark.parametrize("meta", [{}, {"meta": {"total": "0"}}])
@in_virtual_time
async def test_nothing_is_counted_by_a_total_that_the_rows_contradict(meta: dict[str, object]) -> None:
    async with trial() as one:

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            is_list = request.method == "GET" and request.url.path.endswith("/contacts")
            return status(200, {"contacts": [{"id": "1", "email": "a@x.example"}], **meta}) if is_list else None

        one.wire.answer = answer
        assert "nothing can be counted" in await one.refusal("count_contacts", where=["tag=VIP"])
        assert "contacts" not in (await one.answer("describe_account"))["counts"]
