"""Tools that take several requests for one intent."""

from collections.abc import Callable

import httpx2
import pytest

from ac_mcp.messages import Json
from ac_mcp.operations.contacts import SEARCHING
from tests.support import in_virtual_time, trial


def failing(method: str, path: str, status: int = 503) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """The other side, failing for this request alone."""

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        hit = request.method == method and request.url.path.endswith(path)
        return httpx2.Response(status, json={"message": "Down"}) if hit else None

    return answer


@in_virtual_time
async def test_untag_contact_finds_the_association_and_removes_only_that() -> None:
    async with trial() as one:
        await one.answer("untag_contact", contact="jane@acme.example", tag="Customer")
        assert [row["tag"] for row in (await one.answer("list_contact_tags", contact="1"))["tags"]] == ["VIP"]
        assert (await one.answer("get_tag", tag="Customer"))["tag"]["name"] == "Customer"


@in_virtual_time
async def test_untag_contact_is_content_when_the_tag_is_not_there() -> None:
    async with trial() as one:
        assert await one.answer("untag_contact", contact="2", tag="VIP 2025") == {
            "result": "did not have the tag",
            "contact": "bob@initech.example",
            "contact_id": "2",
            "tag": "VIP 2025",
            "tag_id": "7",
        }
        assert not [line for line in one.requests if line.startswith("DELETE")]


@in_virtual_time
async def test_tag_contact_says_when_the_tag_was_there_already() -> None:
    async with trial() as one:
        first = await one.answer("tag_contact", contact="bob@initech.example", tag="VIP")
        again = await one.answer("tag_contact", contact="bob@initech.example", tag="vip")
        assert (first["result"], again["result"]) == ("tagged", "already tagged")


@in_virtual_time
async def test_get_contact_shows_everything_by_name() -> None:
    async with trial() as one:
        answer = await one.answer("get_contact", contact="jane@acme.example")
        parts = ["contact", "tags", "lists", "fields", "deals", "automations", "accounts", "notes", "from_account"]
        assert [*answer] == parts
        assert answer["from_account"] == ["fields.value", "notes.text"]
        assert {row["tag"] for row in answer["tags"]} == {"VIP", "Customer"}
        assert {(row["list"], row["status"]) for row in answer["lists"]} == {
            ("Newsletter", "active"),
            ("Product updates", "active"),
        }
        assert {row["field"]: row["value"] for row in answer["fields"]}["Plan"] == "Enterprise"
        assert {deal["stage"] for deal in answer["deals"]} == {"Proposal", "Negotiation"}
        assert all(deal["owner"] and deal["pipeline"] == "Sales" for deal in answer["deals"])
        assert answer["accounts"][0]["account"] == "Acme"
        assert "contact" not in answer["deals"][0]


@in_virtual_time
async def test_get_contact_of_a_bare_contact_is_short() -> None:
    async with trial() as one:
        await one.answer("create_contact", email="bare@x.example")
        answer = await one.answer("get_contact", contact="bare@x.example")
        assert {key: value for key, value in answer.items() if value} == {
            "contact": {"id": "61", "email": "bare@x.example", "created": "2026-11-23", "updated": "2026-11-23"}
        }


@in_virtual_time
async def test_create_field_makes_options_and_makes_the_field_visible() -> None:
    async with trial() as one:
        made = await one.answer("create_field", title="Roast", type="radio", options=["Light", "Dark"])
        assert one.requests == ["GET /fields", "POST /fields", "POST /fieldOption/bulk", "POST /fieldRels"]
        listed = {field["title"]: field for field in (await one.answer("list_fields"))["fields"]}
        assert listed["Roast"]["options"] == made["field"]["options"] == ["Light", "Dark"]


@in_virtual_time
async def test_create_field_that_fails_half_way_says_what_is_done() -> None:
    async with trial() as one:
        one.wire.answer = failing("POST", "/fieldRels", 403)
        text = await one.refusal("create_field", title="Roast", type="text")
        assert "Done before that, and still so: POST /fields (id 7). The same call finishes the rest." in text
        assert text.endswith('Next: create_field(title="Roast", type="text")')
        assert "Nothing was changed" not in text


@in_virtual_time
async def test_set_field_value_sets_the_first_value_and_changes_the_next() -> None:
    async with trial() as one:
        await one.answer("create_field", title="Roast", type="text")
        first = await one.answer("set_field_value", contact="2", field="Roast", value="Light")
        then = await one.answer("set_field_value", contact="2", field="Roast", value="Dark")
        assert (first["result"], then["result"], then["before"]) == ("set", "changed", "Light")
        sent = [wire for wire in one.wire.sent if wire["path"].startswith("/fieldValues")]
        assert [wire["method"] for wire in sent] == ["POST", "PUT"]
        assert sent[1]["body"] == {"fieldValue": {"contact": "2", "field": "7", "value": "Dark"}}


@in_virtual_time
async def test_set_field_value_takes_several_values_and_nothing() -> None:
    async with trial() as one:
        several = await one.answer("set_field_value", contact="1", field="Interests", value="Tea||Courses")
        none = await one.answer("set_field_value", contact="1", field="Interests", value="")
        assert (several["value"], none["before"], none.get("value")) == (["Tea", "Courses"], ["Tea", "Courses"], None)


@in_virtual_time
async def test_subscribing_somebody_who_opted_out_is_called_out() -> None:
    async with trial() as one:
        answer = await one.answer("subscribe_contact", contact="omar@initech.example", list="Newsletter")
        assert (answer["result"], answer["status"]) == ("subscribed again", "active")
        assert answer["note"].startswith("This contact had unsubscribed (on 20")


@in_virtual_time
async def test_subscribing_twice_sends_nothing_the_second_time() -> None:
    async with trial() as one:
        await one.answer("subscribe_contact", contact="2", list="Partners")
        one.forget_requests()
        assert (await one.answer("subscribe_contact", contact="2", list="Partners"))["result"] == "already subscribed"
        assert not [line for line in one.requests if line.startswith("POST")]


@in_virtual_time
async def test_unsubscribing_is_not_an_error_for_somebody_who_never_was_on_the_list() -> None:
    async with trial() as one:
        answer = await one.answer("unsubscribe_contact", contact="2", list="Old imports")
        assert answer["result"] == "was not on the list, is marked as unsubscribed"


@in_virtual_time
async def test_update_list_keeps_what_is_not_given_and_survives_an_empty_answer() -> None:
    async with trial() as one:
        one.sandbox.quirks.empty_list_update = True
        answer = await one.answer("update_list", list="Partners", name="Partner news")
        assert (answer["result"], answer["list"]["name"]) == ("updated", "Partner news")
        assert one.requests[-2:] == ["PUT /lists/5", "GET /lists/5"]  # the answer shows nothing, so it is looked at
        now = (await one.answer("get_list", list="5"))["list"]
        assert (now["name"], bool(now["website"]), bool(now["reminder"])) == ("Partner news", True, True)


@in_virtual_time
async def test_sync_contact_says_whether_it_created_or_updated() -> None:
    async with trial() as one:
        first = await one.answer("sync_contact", email="new@x.example", first_name="Neo")
        again = await one.answer("sync_contact", email="NEW@x.example", phone="1")
        assert (first["result"], again["result"]) == ("created", "updated")
        assert first["contact"]["id"] == again["contact"]["id"]


@in_virtual_time
async def test_clearing_empties_a_detail_and_leaves_the_rest() -> None:
    async with trial() as one:
        await one.answer("update_contact", contact="1", clear=["phone"])
        now = (await one.answer("get_contact", contact="1"))["contact"]
        assert ("phone" in now, now["name"]) == (False, "Jane Reed")


@in_virtual_time
async def test_a_deal_is_a_stub_once_its_contact_is_gone_and_nothing_breaks() -> None:
    async with trial() as one:
        await one.answer("delete_contact", contact="jane@acme.example")
        stub = await one.answer("get_deal", deal="1")
        assert stub == {
            "deal": {
                "id": "1",
                "title": "Acme espresso bar",
                "status": "open",
                "unavailable": "its contact or pipeline is gone",
            }
        }
        assert {"1", "2"} < {deal["id"] for deal in (await one.answer("list_deals", limit=100))["deals"]}


@in_virtual_time
async def test_money_goes_in_units_and_comes_back_to_the_cent() -> None:
    async with trial() as one:
        made = await one.answer("create_deal", title="T", value="0.29", currency="usd", contact="1", pipeline="Sales")
        (sent,) = (wire["body"] for wire in one.wire.sent if wire["method"] == "POST")
        assert sent["deal"]["value"] == 29
        assert made["deal"]["value"] == 0.29
        assert (await one.answer("list_deals", max_value=1))["deals"][0]["title"] == "T"


@in_virtual_time
async def test_notes_on_a_deal_are_found_among_all_notes_page_by_page() -> None:
    async with trial() as one:
        for number in range(130):
            await one.answer("create_note", text=f"Note {number}", contact="2")
        await one.answer("create_note", text="The one", deal="3")
        one.forget_requests()
        found = await one.answer("list_notes", deal="3")
        assert found["notes"][-1]["text"] == "The one"
        assert one.requests.count("GET /notes") == 2


@in_virtual_time
async def test_a_new_connection_comes_with_its_link_and_what_to_do() -> None:
    async with trial() as one:
        made = await one.answer("manage_connection", action="create")
        id = made["connection"]["id"]
        assert made["connection"]["status"] == "PENDING"
        assert "sign_in_url" in made["connection"]
        assert f'get_connection(connection="{id}", wait=true)' in made["note"]
        assert await one.answer("manage_connection", action="delete", connection=id) == {
            "result": "deleted",
            "connection_id": id,
        }


@in_virtual_time
async def test_every_call_can_choose_its_account_where_there_are_several() -> None:
    async with trial({"AC_MCP_MULTI_ACCOUNT": "1"}) as one:
        active = (await one.answer("list_connections", status="ACTIVE"))["connections"][0]["id"]
        await one.answer("list_users", connection=active)
        assert one.wire.sent[-1]["connection"] == active
        assert "no connection is called" in await one.refusal("list_users", connection="f3a90b12-00-00")
        gone = "f3a90b12-0000-4000-8000-000000000000"
        assert "No usable ActiveCampaign connection" in await one.refusal("list_users", connection=gone)
        assert "no connection is called" in await one.refusal("list_users", connection="Acme")


@in_virtual_time
async def test_the_connection_of_the_settings_goes_with_every_request() -> None:
    async with trial({"MATON_CONNECTION": "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"}) as one:
        await one.answer("list_users")
        assert [wire.get("connection") for wire in one.wire.sent] == ["8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4"]


@in_virtual_time
async def test_large_accounts_are_paged_by_id() -> None:
    async with trial() as one:
        seen, after = list[str](), "0"
        while after:
            page = await one.answer("list_contacts", after_id=after, limit=25)
            seen += [contact["id"] for contact in page["contacts"]]
            after = page.get("next_after_id", "")
        assert seen == [str(number) for number in range(1, 61)]


@pytest.mark.parametrize("limit", [7, 20, 60, 100])
@in_virtual_time
async def test_following_next_offset_shows_every_contact_once(limit: int) -> None:
    async with trial() as one:
        seen, offset = list[str](), 0
        while offset is not None:
            page = await one.answer("list_contacts", limit=limit, offset=offset)
            seen += [contact["id"] for contact in page["contacts"]]
            offset = page.get("next_offset")
        assert sorted(map(int, seen)) == [*range(1, 61)]


@in_virtual_time
async def test_past_the_last_page_the_total_is_told() -> None:
    async with trial() as one:
        assert await one.answer("list_contacts", offset=1000) == {
            "contacts": [],
            "total": 60,
            "note": "Offset 1000 is past the end: there are 60 in all.",
        }


@in_virtual_time
async def test_an_answer_that_is_too_long_leaves_whole_rows_off_and_says_where_to_go_on() -> None:
    async with trial({"AC_MCP_ANSWER_TOKENS": "400"}) as one:
        page = await one.answer("list_contacts", limit=50, offset=5)
        assert 5 < len(page["contacts"]) < 20
        assert page["next_offset"] == 5 + len(page["contacts"])


@in_virtual_time
async def test_a_create_whose_answer_is_lost_says_that_it_may_have_happened() -> None:
    async with trial() as one:
        one.wire.answer = failing("POST", "/deals")
        text = await one.refusal("create_deal", title="Gone", value=1, currency="usd", contact="1", pipeline="Sales")
        assert text == (
            'The outcome is unknown ("Down"): it may have been done. The same call again within 10 minutes is safe: it '
            'first looks whether it was done. Or look now.\nNext: list_deals(search="Gone")'
        )


@in_virtual_time
async def test_who_is_on_a_list_means_the_active_ones_and_says_so() -> None:
    async with trial() as one:
        active = await one.answer("list_contacts", list="Newsletter", limit=1)
        everybody = await one.answer("list_contacts", list="Newsletter", status="any", limit=1)
        assert (active["status"], everybody["status"]) == ("active", "any")
        assert active["total"] < everybody["total"]


@in_virtual_time
async def test_an_opt_out_is_dated_by_the_day_it_happened() -> None:
    async with trial() as one:
        left = await one.answer("unsubscribe_contact", contact="jane@acme.example", list="Newsletter")
        again = await one.answer("unsubscribe_contact", contact="jane@acme.example", list="Newsletter")
        assert (left["result"], left["since"]) == ("unsubscribed", "2026-11-23")
        assert (again["result"], again["since"]) == ("already unsubscribed", "2026-11-23")


@in_virtual_time
async def test_a_detail_cannot_be_set_and_cleared_at_once() -> None:
    async with trial() as one:
        text = await one.refusal("update_contact", contact="1", first_name="B", clear=["first_name"])
        assert text.startswith("first_name is given a value and is to be cleared")


@in_virtual_time
async def test_get_contact_says_how_many_older_notes_there_are() -> None:
    async with trial() as one:
        for number in range(9):
            await one.answer("create_note", text=f"Note {number}", contact="2")
        before = len((await one.answer("list_notes", contact="2"))["notes"])
        answer = await one.answer("get_contact", contact="2")
        assert (len(answer["notes"]), answer["older_notes"]) == (5, before - 5)


@in_virtual_time
async def test_the_connection_used_by_default_is_marked() -> None:
    async with trial() as one:
        await one.answer("manage_connection", action="create")
        rows = (await one.answer("list_connections"))["connections"]
        assert [row["status"] for row in rows if row.get("default")] == ["ACTIVE"]


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("Plan", "team", "Team"),
        ("Interests", "tea||COURSES", ["Tea", "Courses"]),
        ("Birthday", "1990-04-03", "1990-04-03"),
        ("Seats", "1200", "1200"),
        ("Referral code", "anything at all", "anything at all"),
    ],
)
@in_virtual_time
async def test_a_custom_field_takes_what_its_kind_takes(field: str, value: str, stored: object) -> None:
    async with trial() as one:
        assert (await one.answer("set_field_value", contact="2", field=field, value=value))["value"] == stored


@pytest.mark.parametrize(
    ("field", "value", "said", "such"),
    [
        ("Plan", "Pro", 'Plan takes Free, Team, Enterprise; "Pro" is none of them', "Free"),
        (
            "Interests",
            "Tea, Cocoa",
            'Interests takes Espresso, Filter, Tea, Courses; "Tea, Cocoa" is none of them',
            "Espresso",
        ),
        (
            "Birthday",
            "April 3, 1990",
            'Birthday takes a date of the form YYYY-MM-DD; "April 3, 1990" is none',
            "2026-02-01",
        ),
        ("Seats", "1,200", 'Seats takes a plain number; "1,200" could mean 1200 or 1.2', "12"),
    ],
)
@in_virtual_time
async def test_a_custom_field_does_not_take_what_it_could_not_mean(
    field: str, value: str, said: str, such: str
) -> None:
    async with trial() as one:
        assert await one.refusal("set_field_value", contact="2", field=field, value=value) == (
            f"value: {said}. Nothing was changed.\n"
            f'Next (put the real values in): set_field_value(contact="2", field="{field}", value="{such}")'
        )
        text = await one.refusal("create_contact", email="n@x.example", fields=[f"{field}={value}"])
        assert text == (
            f"fields: {said}. Nothing was changed.\n"
            f'Next (put the real values in): create_contact(email="n@x.example", fields=["{field}={such}"])'
        )
        assert not [line for line in one.requests if line.startswith(("POST", "PUT"))]


@in_virtual_time
async def test_a_field_that_cannot_be_made_visible_is_told_of_as_made_and_hidden() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(404, json={"message": "No Result found"})
            if request.url.path.endswith("/fieldRels")
            else None
        )
        answer = await one.answer("create_field", title="Roast", type="text")
        assert answer["note"].startswith("It could not be made visible")


@in_virtual_time
async def test_a_field_of_the_same_title_in_another_case_is_refused_before_anything_is_sent() -> None:
    async with trial() as one:
        text = await one.refusal("create_field", title="PLAN", type="text")
        assert "exists already (duplicate)" in text
        same = {"title": "Plan", "type": "dropdown", "options": ["Free", "Team", "Enterprise", "Gold"]}
        assert "exists already (duplicate)" in await one.refusal("create_field", **same)
        assert not [line for line in one.requests if line.startswith("POST")]


@in_virtual_time
async def test_past_the_end_of_a_segment_there_is_nothing_to_wait_for() -> None:
    async with trial() as one:
        answer = await one.answer("list_contacts", segment="VIPs", offset=1000)
        assert answer["note"] == "Offset 1000 is past the end: there are 12 in all."


@in_virtual_time
async def test_a_segment_that_is_still_searched_for_is_not_an_empty_one() -> None:
    async with trial() as one:
        assert (await one.answer("list_contacts", segment="VIPs", limit=1))["total"] == 12

        def nobody(request: httpx2.Request) -> httpx2.Response | None:
            found: Json = {"contacts": [], "scoreValues": [], "meta": {"total": "0"}}
            return httpx2.Response(200, json=found) if request.url.path.endswith("/contacts") else None

        one.wire.answer = nobody
        answer = await one.answer("list_contacts", segment="VIPs")
        assert answer["note"] == SEARCHING


@in_virtual_time
async def test_a_field_begun_among_more_than_a_page_of_them_is_finished() -> None:
    async with trial() as one:
        for number in range(105):
            await one.answer("create_field", title=f"Field {number}", type="text")
        one.wire.answer = lambda request: (
            httpx2.Response(422, json={"message": "not now"}) if request.url.path.endswith("/fieldRels") else None
        )
        text = await one.refusal("create_field", title="Roast", type="text")
        assert "The same call finishes the rest." in text
        one.wire.answer = lambda request: None
        assert (await one.answer("create_field", title="Roast", type="text"))["result"] == "finished"
