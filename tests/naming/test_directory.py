"""Names to ids and back: what counts as the same name, what is fetched, and when it is believed no longer."""

from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.messages import Json
from ac_mcp.naming import directory as references
from tests.examples import ACTIVE
from tests.support import KEY, NOWHERE, Trial, behind, clock, failing, in_virtual_time, status, trial


@pytest.mark.parametrize("name", ["VIP", "vip", "  Vip ", "1"])
@in_virtual_time
async def test_case_and_outer_space_do_not_matter(name: str) -> None:
    async with trial() as one:
        assert (await one.answer("get_tag", tag=name))["tag"]["id"] == "1"


@in_virtual_time
async def test_an_exact_name_wins_over_one_that_contains_it() -> None:
    async with trial() as one:
        assert (await one.answer("list_contacts", tag="VIP", limit=1))["tag_id"] == "1"


@in_virtual_time
async def test_a_digit_string_is_an_id_unless_only_a_name_fits() -> None:
    async with trial() as one:
        assert (await one.answer("get_tag", tag="6"))["tag"]["name"] == "2024"
        assert (await one.answer("get_tag", tag="2024"))["tag"]["id"] == "6"
        assert (await one.answer("get_tag", tag="name:2024"))["tag"]["id"] == "6"


@in_virtual_time
async def test_a_number_that_is_one_things_name_and_anothers_id_names_both() -> None:
    async with trial() as one:
        made = (await one.answer("create_tag", name="3"))["tag"]["id"]
        for tool in ("get_tag", "delete_tag"):
            refusal = await one.refusal(tool, tag="3")
            assert f'"Trial" (id 3), "3" (id {made})' in refusal
            assert 'Say which: "id:3" or "name:3"' in refusal
        assert (await one.answer("get_tag", tag="id:3"))["tag"]["name"] == "Trial"
        assert (await one.answer("get_tag", tag="name:3"))["tag"]["id"] == made


@pytest.mark.parametrize(
    ("create", "tool", "arguments"),
    [
        (
            ("create_deal", {"title": "7", "value": 5, "currency": "usd", "contact": "2", "pipeline": "Sales"}),
            "get_deal",
            {"deal": "7"},
        ),
        (
            ("create_deal", {"title": "7", "value": 5, "currency": "usd", "contact": "2", "pipeline": "Sales"}),
            "delete_deal",
            {"deal": "7"},
        ),
        (
            ("create_deal", {"title": "7", "value": 5, "currency": "usd", "contact": "2", "pipeline": "Sales"}),
            "bulk_update_deals",
            {"deals": ["7"], "status": "won"},
        ),
        (("create_account", {"name": "2"}), "get_account", {"account": "2"}),
        (
            ("create_list", {"name": "3", "sender_url": "https://a.example", "sender_reminder": "r"}),
            "delete_list",
            {"list": "3"},
        ),
        (("create_tag", {"name": "5"}), "count_contacts", {"where": ["tag=5"]}),
        (("create_tag", {"name": "5"}), "bulk_update_contacts", {"contacts": ["2"], "add_tag": "5"}),
        (("create_tag", {"name": "5"}), "read_operation", {"id": "tags.get", "arguments": {"tag": "5"}}),
        (("create_field", {"title": "4", "type": "text"}), "update_contact", {"contact": "2", "fields": ["4=9"]}),
        (("create_field", {"title": "4", "type": "text"}), "count_contacts", {"where": ["4=9"]}),
    ],
)
@in_virtual_time
async def test_no_kind_takes_a_number_for_one_of_two_things(
    create: tuple[str, dict[str, Any]], tool: str, arguments: dict[str, Any]
) -> None:
    async with trial({"AC_MCP_TOOLSETS": "all"}) as one:
        await one.answer(create[0], **create[1])
        before = len([request for request in one.requests if not request.startswith("GET")])
        assert "as an id or a name" in await one.refusal(tool, **arguments)
        assert len([request for request in one.requests if not request.startswith("GET")]) == before


@in_virtual_time
async def test_a_number_of_a_contact_is_always_an_id() -> None:
    async with trial() as one:
        assert (await one.answer("get_contact", contact="7"))["contact"]["id"] == "7"
        assert "GET /contacts" not in one.requests


@in_virtual_time
async def test_a_deal_that_an_answer_has_just_shown_is_not_looked_for_again_but_to_delete_it() -> None:
    async with trial() as one:
        await one.answer("list_deals", limit=5)
        one.forget_requests()
        await one.answer("update_deal", deal="2", title="Renewal, larger")
        assert "GET /deals" not in one.requests
        one.forget_requests()
        await one.answer("delete_deal", deal="2")
        assert one.requests[0] == "GET /deals"


@in_virtual_time
async def test_a_number_that_is_only_a_title_is_that_deal() -> None:
    async with trial() as one:
        made = await one.answer("create_deal", title="4711", value=5, currency="usd", contact="2", pipeline="Sales")
        assert (await one.answer("get_deal", deal="4711"))["deal"]["id"] == made["deal"]["id"]


@in_virtual_time
async def test_a_name_past_the_first_page_is_found() -> None:
    async with trial() as one:
        for number in range(120):
            await one.answer("create_tag", name=f"Batch {number}")
        assert (await one.answer("get_tag", tag="batch 119"))["tag"]["name"] == "Batch 119"


@pytest.mark.parametrize("name", ["jane@acme.example", "JANE@ACME.example", "Jane Reed", "jane reed", "1"])
@in_virtual_time
async def test_a_contact_answers_to_e_mail_full_name_and_id(name: str) -> None:
    async with trial() as one:
        assert (await one.answer("list_contact_tags", contact=name))["contact_id"] == "1"


@in_virtual_time
async def test_two_contacts_of_one_name_are_both_shown_and_nothing_is_done() -> None:
    async with trial() as one:
        await one.answer("create_contact", email="second@acme.example", first_name="Jane", last_name="Reed")
        one.forget_requests()
        text = await one.refusal("tag_contact", contact="Jane Reed", tag="Trial")
        assert '"jane@acme.example" (id 1, Jane Reed), "second@acme.example" (id 61, Jane Reed)' in text
        assert not [line for line in one.requests if line.startswith("POST")]


@in_virtual_time
async def test_a_contact_is_never_the_first_of_everybody_when_the_api_ignores_the_filter() -> None:
    async with trial() as one:
        text = await one.refusal("delete_contact", contact="ghost@nowhere.example")
        assert text.startswith('contact: no contact is called "ghost@nowhere.example" (not found)')


@in_virtual_time
async def test_a_deal_answers_to_its_exact_title_only() -> None:
    async with trial() as one:
        assert (await one.answer("get_deal", deal="acme espresso bar"))["deal"]["id"] == "1"
        assert '"Acme espresso bar" (id 1)' in await one.refusal("get_deal", deal="Acme espresso")


@in_virtual_time
async def test_a_stage_is_looked_for_within_the_pipeline_given() -> None:
    async with trial() as one:
        assert (await one.answer("list_deals", stage="negotiation", pipeline="partnerships"))["stage_id"] == "7"
        assert "no stage" in await one.refusal("list_deals", stage="Signed", pipeline="Sales")


@in_virtual_time
async def test_a_user_answers_to_name_e_mail_user_name_and_an_only_first_name() -> None:
    async with trial() as one:
        for name in ("Priya Nair", "priya@northwind.example", "priya", "PRIYA", "4"):
            assert (await one.answer("get_user", user=name))["user"]["id"] == "4"


@in_virtual_time
async def test_a_directory_is_fetched_once_a_minute() -> None:
    async with trial() as one:
        await one.answer("list_contacts", tag="VIP")
        await one.answer("list_contacts", tag="Trial")
        assert one.requests.count("GET /tags") == 1
        await anyio.sleep(61)
        await one.answer("list_contacts", tag="VIP")
        assert one.requests.count("GET /tags") == 2


@in_virtual_time
async def test_twenty_calls_at_once_fetch_a_directory_once() -> None:
    async with trial() as one:
        async with anyio.create_task_group() as group:
            for contact in range(1, 21):
                group.start_soon(gifted, one, str(contact))
        assert one.requests.count("GET /tags") == 1


async def gifted(one: Trial, contact: str) -> None:
    await one.answer("tag_contact", contact=contact, tag="Gift card")


@in_virtual_time
async def test_what_was_just_made_is_known_at_once() -> None:
    async with trial() as one:
        await one.answer("list_contacts", tag="VIP")
        await one.answer("create_tag", name="Brand new")
        assert (await one.answer("tag_contact", contact="1", tag="brand new"))["result"] == "tagged"


@in_virtual_time
async def test_what_somebody_else_made_a_moment_ago_is_found_by_a_second_look() -> None:
    async with trial() as one:
        await one.answer("list_contacts", tag="VIP")
        await anyio.sleep(2)
        made = await one.account.gateway.http.post(
            f"{NOWHERE}/active-campaign/api/3/tags",
            json={"tag": {"tag": "From elsewhere", "tagType": "contact"}},
            headers={"authorization": f"Bearer {KEY}"},
        )
        assert made.status_code == 201
        assert (await one.answer("get_tag", tag="From elsewhere"))["tag"]["name"] == "From elsewhere"


@in_virtual_time
async def test_custom_fields_take_titles_even_with_an_equals_sign() -> None:
    async with trial() as one:
        await one.answer("create_field", title="a=b", type="text")
        answer = await one.answer("update_contact", contact="1", fields=["a=b=c", "Seats=12"])
        assert {row["field"]: row["value"] for row in answer["fields"]} == {"a=b": "c", "Seats": "12"}


@in_virtual_time
async def test_a_warm_directory_makes_tagging_by_names_two_requests() -> None:
    async with trial() as one:
        await one.answer("tag_contact", contact="jane@acme.example", tag="Trial")
        one.forget_requests()
        await one.answer("tag_contact", contact="bob@initech.example", tag="VIP")
        assert one.requests == ["GET /contacts", "POST /contactTags"]


@in_virtual_time
async def test_a_stage_means_one_of_the_deals_own_pipeline() -> None:
    async with trial() as one:
        moved = await one.answer("update_deal", deal="1", stage="Negotiation")
        assert (moved["deal"]["stage_id"], moved["deal"]["pipeline"]) == ("4", "Sales")
        text = await one.refusal("update_deal", deal="1", stage="Signed")
        assert 'no stage in "Sales" is called "Signed" (not found); closest: "Signed" (id 8, in Partnerships)' in text
        moved = await one.answer("update_deal", deal="1", stage="Signed", pipeline="Partnerships")
        assert moved["deal"]["pipeline"] == "Partnerships"


@in_virtual_time
async def test_a_stage_id_of_another_pipeline_does_not_pass_for_one_of_this() -> None:
    async with trial() as one:
        assert 'no stage in "Sales" has the id 7' in await one.refusal("list_deals", stage="7", pipeline="Sales")


@pytest.mark.parametrize(
    ("tag", "offered"),
    [
        ("Hot Lead", "list_tags"),
        ("2025", "list_tags"),
        ("VIP 2026", "list_tags"),
        ("Webinar 2025", "list_tags"),
        ("vpi", "tag_contact"),
        ("Webinr 2026", "tag_contact"),
    ],
)
@in_virtual_time
async def test_a_write_is_offered_again_only_with_a_name_that_was_surely_meant(tag: str, offered: str) -> None:
    async with trial() as one:
        assert f"\nNext: {offered}(" in await one.refusal("tag_contact", contact="2", tag=tag)


@in_virtual_time
async def test_a_delete_is_never_offered_with_another_name_than_the_one_given() -> None:
    async with trial() as one:
        for tool, arguments in (("delete_tag", {"tag": "vpi"}), ("delete_list", {"list": "Newsleter"})):
            assert f"\nNext: list_{tool.removeprefix('delete_')}s(" in await one.refusal(tool, **arguments)


@in_virtual_time
async def test_a_part_of_a_contacts_name_leads_to_a_search_not_to_somebody() -> None:
    async with trial() as one:
        text = await one.refusal("delete_contact", contact="Reed")
        assert '"jane@acme.example" (id 1, Jane Reed)' in text
        assert text.endswith('Next: list_contacts(search="Reed")')


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_list", {"name": "newsletter", "sender_url": "https://x.example", "sender_reminder": "r"}),
        ("create_pipeline", {"name": "SALES", "currency": "usd"}),
        ("create_deal_stage", {"name": "lead", "pipeline": "Sales"}),
    ],
)
@in_virtual_time
async def test_a_second_thing_of_one_name_is_not_made(tool: str, arguments: dict[str, str]) -> None:
    async with trial() as one:
        assert "exists already (duplicate)" in await one.refusal(tool, **arguments)
        assert not [line for line in one.requests if line.startswith("POST")]


@in_virtual_time
async def test_a_stage_may_have_the_name_of_one_in_another_pipeline() -> None:
    async with trial() as one:
        made = await one.answer("create_deal_stage", name="Lead", pipeline="Partnerships")
        assert made["stage"]["pipeline"] == "Partnerships"


@in_virtual_time
async def test_with_a_warm_directory_names_cost_no_requests() -> None:
    async with trial() as one:
        await one.answer("tag_contact", contact="jane@acme.example", tag="Trial")
        await one.answer("list_deals", pipeline="Sales", stage="Negotiation", owner="Priya")
        one.forget_requests()
        await one.answer("tag_contact", contact="bob@initech.example", tag="webinar 2026")
        assert one.requests == ["GET /contacts", "POST /contactTags"]
        one.forget_requests()
        await one.answer("list_deals", pipeline="Sales", stage="Lead", owner="Dana Reyes", status="won")
        assert one.requests[:1] == ["GET /deals"]
        assert len(one.requests) <= 2, "at most the names of contacts not seen before"


@in_virtual_time
async def test_pages_of_a_directory_come_side_by_side() -> None:
    async with trial() as one:
        for number in range(450):
            await one.answer("create_tag", name=f"Batch {number}")
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(2)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        one.account.directories.clear()
        one.forget_requests()
        await anyio.sleep(5)
        began = clock()
        assert (await one.answer("get_tag", tag="Batch 449"))["tag"]["name"] == "Batch 449"
        assert one.requests == ["GET /tags"] * 5 + ["GET /tags/462"]
        assert clock() - began < 8, "one after the other they take twelve seconds"


@pytest.mark.parametrize(("owner", "offered"), [("Dana Okafor", "list_users"), ("Priya Nayr", "update_deal")])
@in_virtual_time
async def test_two_names_in_one_are_nobodys_misspelling(owner: str, offered: str) -> None:
    async with trial() as one:
        assert f"\nNext: {offered}(" in await one.refusal("update_deal", deal="1", owner=owner)


@in_virtual_time
async def test_somebody_to_be_deleted_is_named_by_email_or_id() -> None:
    async with trial() as one:
        text = await one.refusal("delete_contact", contact="Bob Marsh")
        assert text.startswith("contact: to change or delete somebody takes e-mail or id, since names are not unique;")


@in_virtual_time
async def test_a_list_is_not_renamed_to_a_name_in_use_but_to_its_own_in_another_case() -> None:
    async with trial() as one:
        assert "exists already" in await one.refusal("update_list", list="Product updates", name="newsletter")
        assert (await one.answer("update_list", list="Newsletter", name="NEWSLETTER"))["result"] == "updated"


@in_virtual_time
async def test_what_is_deleted_by_id_is_told_by_name() -> None:
    async with trial() as one:
        assert (await one.answer("delete_deal", deal="4"))["deal"]


@in_virtual_time
async def test_the_latest_notes_come_first_page_by_page() -> None:
    async with trial() as one:
        for number in range(5):
            await one.answer("create_note", contact="1", text=f"Note {number}")
        whole = [note["id"] for note in (await one.answer("list_notes", limit=100))["notes"]]
        pages = [await one.answer("list_notes", limit=4, offset=offset) for offset in range(0, len(whole), 4)]
        paged = [note["id"] for page in pages for note in page["notes"]]
        assert paged[:4] == whole[:4] == ["13", "12", "11", "10"]
        assert sorted(paged) == sorted(whole)
        assert "next_offset" not in pages[-1]


@in_virtual_time
async def test_stages_come_in_their_order() -> None:
    async with trial() as one:
        await one.answer("create_deal_stage", name="First look", pipeline="Sales", order=0)
        assert (await one.answer("list_deal_stages", pipeline="Sales"))["stages"][0]["name"] == "First look"
        assert (await one.answer("list_pipelines"))["pipelines"][0]["stages"][0]["stage"] == "First look"


@in_virtual_time
async def test_notes_that_fit_one_page_take_one_request() -> None:
    async with trial() as one:
        await one.answer("list_notes", limit=100)
        assert [line for line in one.requests if line == "GET /notes"] == ["GET /notes"]


@in_virtual_time
async def test_after_another_account_has_become_the_default_no_old_id_is_used() -> None:
    async with trial() as one:
        made = await one.answer("manage_connection", action="create")
        path = made["connection"]["sign_in_url"].removeprefix(NOWHERE)
        await one.account.gateway.http.post(f"{NOWHERE}{path}")
        other = made["connection"]["id"]
        await behind(one, "POST", "/tags", {"tag": {"tag": "Do not contact", "tagType": "contact"}}, other)
        await one.answer("get_tag", tag="VIP")
        await one.answer("manage_connection", action="delete", connection=ACTIVE)
        assert 'no tag is called "VIP"' in await one.refusal("get_tag", tag="VIP")


@in_virtual_time
async def test_a_namesake_on_the_second_page_is_seen() -> None:
    async with trial() as one:
        for number in range(130):
            title = "Renewal" if number in (5, 125) else f"Renewal of {number}"
            row: Json = {"title": title, "value": 100, "currency": "usd", "contact": "1", "stage": "1", "owner": "1"}
            await behind(one, "POST", "/deals", {"deal": row})
        assert 'several deals are called "Renewal"' in await one.refusal("update_deal", deal="Renewal", status="lost")


@in_virtual_time
async def test_where_there_are_too_many_to_look_through_the_id_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_PAGES", 1)
    monkeypatch.setattr(references, "PAGE_SIZE", 5)
    async with trial() as one:
        assert "give the id" in await one.refusal("get_contact", contact="example")


@in_virtual_time
async def test_a_tag_past_what_is_kept_is_still_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_PAGES", 1)
    monkeypatch.setattr(references, "PAGE_SIZE", 5)
    async with trial() as one:
        assert (await one.answer("tag_contact", contact="1", tag="gift card"))["tag_id"] == "11"


@in_virtual_time
async def test_a_main_name_wins_over_a_nickname() -> None:
    async with trial() as one:
        await behind(one, "PUT", "/lists/1", {"list": {"name": "Old newsletter"}})  # its stringid stays "newsletter"
        new = {"name": "Newsletter", "stringid": "n-2", "sender_url": "https://x.example", "sender_reminder": "r"}
        made = await behind(one, "POST", "/lists", {"list": new})
        assert (await one.answer("get_list", list="newsletter"))["list"]["id"] == made["list"]["id"]


@in_virtual_time
async def test_what_is_deleted_by_name_is_what_has_that_name_now() -> None:
    async with trial() as one:
        await one.answer("get_tag", tag="VIP")
        await behind(one, "PUT", "/tags/1", {"tag": {"tag": "VIP archive"}})
        new = await behind(one, "POST", "/tags", {"tag": {"tag": "VIP", "tagType": "contact"}})
        await anyio.sleep(30)
        assert (await one.answer("delete_tag", tag="VIP"))["tag_id"] == new["tag"]["id"]
        assert (await one.answer("get_tag", tag="1"))["tag"]["name"] == "VIP archive"


@in_virtual_time
async def test_a_directory_that_was_being_read_does_not_hide_what_was_made_meanwhile() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            await anyio.sleep(5 if request.method == "GET" else 0)
            return response

        one.wire.inner = httpx2.MockTransport(slow)
        async with anyio.create_task_group() as group:
            group.start_soon(read, one, "get_tag", {"tag": "VIP"})
            await anyio.sleep(1)
            await one.answer("create_tag", name="Fresh")
        assert (await one.answer("tag_contact", contact="1", tag="Fresh"))["result"] == "tagged"


async def read(one: Trial, tool: str, arguments: Json) -> None:
    await one.answer(tool, **arguments)


@in_virtual_time
async def test_a_directory_that_takes_long_to_read_is_read_once() -> None:
    async with trial() as one:
        inner = one.wire.inner

        async def slow(request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(3)
            return await inner.handle_async_request(request)

        one.wire.inner = httpx2.MockTransport(slow)
        assert (await one.answer("delete_tag", tag="Gift card"))["result"] == "deleted"
        assert one.requests == ["GET /tags", "GET /contacts", "DELETE /tags/11", "GET /tags/11"]


@in_virtual_time
async def test_an_id_that_is_new_is_known_at_once() -> None:
    async with trial() as one:
        await one.answer("get_tag", tag="VIP")
        await behind(one, "POST", "/tags", {"tag": {"tag": "Newer", "tagType": "contact"}})
        await anyio.sleep(5)
        assert (await one.answer("tag_contact", contact="1", tag="13"))["tag"] == "Newer"


@in_virtual_time
async def test_nothing_is_deleted_by_a_name_it_does_not_show() -> None:
    async with trial() as one:
        await one.answer("update_list", list="1", name="Old letter")  # its stringid stays "newsletter"
        assert "no list is called" in await one.refusal("delete_list", list="Newsletter")


@in_virtual_time
async def test_a_name_is_not_taken_for_free_when_nobody_can_say() -> None:
    async with trial() as one:
        one.wire.answer = failing("GET", "/lists", status(503))
        new = {"name": "Newsletter", "sender_url": "https://x.example", "sender_reminder": "r"}
        await one.refusal("create_list", **new)
        assert "POST /lists" not in one.requests
