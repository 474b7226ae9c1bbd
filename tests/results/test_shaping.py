"""How much of a thing is shown: `detail`, `fields`, and what a schema takes without listing it."""

import pytest

from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.shaping import AnswerData, paging
from tests.support import in_virtual_time, trial


@in_virtual_time
async def test_full_detail_adds_the_rest_under_the_names_of_the_api() -> None:
    async with trial() as one:
        short, full = await one.answer("get_tag", tag="VIP"), await one.answer("get_tag", tag="VIP", detail="full")
        assert full["tag"].pop("other") == {"deleted": "0"}
        assert full == short


@in_virtual_time
async def test_full_detail_says_nothing_of_links_hashes_dates_twice_and_bare_ids() -> None:
    async with trial() as one:
        other = (await one.answer("get_contact", contact="1", detail="full"))["contact"]["other"]
        assert other["sentcnt"] == "0"
        assert not {"links", "hash", "gravatar", "deals", "contactLists"} & other.keys()
        assert not [key for key in other if key.endswith("_timestamp")]
        tags = (await one.answer("get_contact", contact="1", detail="full"))["tags"]
        assert all(tag.keys() == {"tag", "tag_id", "added"} for tag in tags)


@in_virtual_time
async def test_a_long_text_is_cut_with_a_hint_and_whole_in_full_detail() -> None:
    async with trial() as one:
        await one.answer("create_note", contact="1", text="x" * 5000)
        short = (await one.answer("list_notes", contact="1"))["notes"][0]["text"]
        assert short == "x" * 2000 + '… (5000 characters; reading with detail="full" shows all)'
        assert (await one.answer("list_notes", contact="1", detail="full"))["notes"][0]["text"] == "x" * 5000


@in_virtual_time
async def test_the_sign_in_link_of_a_finished_connection_stays_hidden_in_every_view() -> None:
    async with trial() as one:
        text = await one.refusal("list_connections", detail="full")
        assert text.startswith("Unknown argument detail")


@in_virtual_time
async def test_only_the_columns_asked_for_are_shown_beside_the_id() -> None:
    async with trial() as one:
        answer = await one.answer("list_contacts", fields=["updated", "email"], email="jane@acme.example")
        assert answer["contacts"] == [{"id": "1", "email": "jane@acme.example", "updated": "2026-10-24"}]
        answer = await one.answer("list_deals", fields='["title", "stage_id"]', search="Acme espresso bar")
        assert answer["deals"] == [{"id": "1", "title": "Acme espresso bar", "stage": "Proposal", "stage_id": "3"}]


@in_virtual_time
async def test_columns_cost_no_more_requests_than_they_need() -> None:
    async with trial() as one:
        await one.answer("list_deals", fields=["title"])
        assert one.requests == ["GET /deals"]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (["emial", "updated"], '\nNext: list_contacts(limit=20, offset=0, fields=["email", "updated"])'),
        (["shoe size"], ""),
    ],
)
@in_virtual_time
async def test_a_column_there_is_not_is_refused_with_those_there_are(wrong: list[str], hint: str) -> None:
    async with trial() as one:
        assert await one.refusal("list_contacts", fields=wrong) == (
            f'fields: "{wrong[0]}" is not one of email, name, phone, created, updated, organization, last_opened, '
            f"last_clicked, hard_bounces, soft_bounces.{hint}"
        )
        assert one.requests == []


@in_virtual_time
async def test_what_is_not_listed_is_taken_all_the_same() -> None:
    async with trial() as one:
        first = await one.answer("list_users", limit=2)
        assert first["next_offset"] == 2
        second = await one.answer("list_users", limit=2, offset=first["next_offset"])
        assert not {user["id"] for user in first["users"]} & {user["id"] for user in second["users"]}


@in_virtual_time
async def test_full_rows_of_a_list_show_what_a_single_one_would() -> None:
    async with trial() as one:
        (row,) = (await one.answer("list_tags", search="Churn risk", detail="full"))["tags"]
        assert {"type", "created", "other"} <= row.keys()


@in_virtual_time
async def test_columns_that_were_not_asked_for_do_not_come_back_under_other_names() -> None:
    async with trial() as one:
        (row,) = (await one.answer("list_contacts", email="jane@acme.example", fields=["email"], detail="full"))[
            "contacts"
        ]
        assert row.keys() == {"id", "email", "other"}
        assert not {"firstName", "phone", "cdate", "udate"} & row["other"].keys()


@in_virtual_time
async def test_the_ids_of_what_a_link_ties_are_columns_too() -> None:
    async with trial() as one:
        tags = (await one.answer("list_contact_tags", contact="1", fields=["tag_id"]))["tags"]
        assert tags == [{"tag": "VIP", "tag_id": "1"}, {"tag": "Customer", "tag_id": "2"}]


@pytest.mark.parametrize(
    ("offset", "rows", "meta", "total"),
    [
        (0, 2, {}, 2),
        (20, 2, {}, 22),
        (20, 2, {"meta": {"total": "41"}}, 41),
        (20, 2, {"meta": {"total": "many"}}, 22),
    ],
)
def test_without_a_total_the_rows_before_the_page_count_too(offset: int, rows: int, meta: Json, total: int) -> None:
    page = {"users": [{"id": str(20 + number)} for number in range(rows)], **meta}
    assert paging(AnswerData(OPERATIONS["list_users"], {"offset": offset}, page))["total"] == total
