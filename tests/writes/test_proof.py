"""A write counts as done where its answer, or a look afterwards, shows it."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.support import Trial, in_virtual_time, trial


def pretending(
    method: str, path: str, status: int = 200, body: Any = None
) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """Answer the write with a body, and do nothing."""

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        is_it = request.method == method and request.url.path.endswith(path)
        return httpx2.Response(status, json={} if body is None else body) if is_it else None

    return answer


async def change_of(one: Trial) -> dict[str, Any]:
    """The newest change."""
    changes: list[dict[str, Any]] = (await one.answer("list_changes", limit=1))["changes"]
    return changes[0]


@pytest.mark.parametrize(
    ("tool", "arguments", "path"),
    [
        ("delete_contact", {"contact": "5"}, "/contacts/5"),
        ("delete_tag", {"tag": "Gift card"}, "/tags/11"),
        ("delete_note", {"note": "2"}, "/notes/2"),
        ("untag_contact", {"contact": "2", "tag": "Trial"}, ""),
    ],
)
@in_virtual_time
async def test_what_was_answered_as_deleted_and_is_still_there_is_not_deleted(
    tool: str, arguments: dict[str, Any], path: str
) -> None:
    async with trial() as one:
        one.wire.answer = pretending("DELETE", path)
        assert "is still there" in await one.refusal(tool, **arguments)
        one.wire.answer = lambda request: None
        assert (await change_of(one))["result"] == "unknown"


@in_virtual_time
async def test_a_deletion_that_shows_late_is_done() -> None:
    async with trial() as one:
        looks = 0

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal looks
            if request.method == "GET" and request.url.path.endswith("/notes/2"):
                looks += 1
                return httpx2.Response(200, json={"note": {"id": "2", "note": "x"}}) if looks == 2 else None
            return None

        one.wire.answer = answer
        assert (await one.answer("delete_note", note="2"))["result"] == "deleted"
        assert looks == 3  # the before image, the record that lingers, and once more


@pytest.mark.parametrize("mark", [{"isDeleted": 1}, {"deleted": "1"}, {"deletestamp": "2026-11-23 10:00:00"}])
@in_virtual_time
async def test_a_row_that_is_marked_as_deleted_is_gone(mark: dict[str, Any]) -> None:
    async with trial() as one:
        deleted = False

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal deleted
            deleted = deleted or request.method == "DELETE"
            is_row = deleted and request.method == "GET" and request.url.path.endswith("/deals/2")
            return httpx2.Response(200, json={"deal": {"id": "2", **mark}}) if is_row else None

        one.wire.answer = answer
        assert (await one.answer("delete_deal", deal="2"))["result"] == "deleted"


@in_virtual_time
async def test_a_deletion_that_nobody_can_look_at_says_so() -> None:
    async with trial() as one:
        deleted = False

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal deleted
            is_look = deleted and request.method == "GET" and request.url.path.endswith("/notes/2")
            deleted = deleted or request.method == "DELETE"
            return httpx2.Response(500) if is_look else None

        one.wire.answer = answer
        answered = await one.answer("delete_note", note="2")
        assert "could not be looked at" in answered["note"]


@in_virtual_time
async def test_an_update_whose_answer_shows_nothing_is_looked_up_and_not_sent_again() -> None:
    async with trial() as one:
        sent = 0

        async def swallow(request: httpx2.Request) -> httpx2.Response:
            nonlocal sent
            response = await inner.handle_async_request(request)
            if request.method != "PUT":
                return response
            sent += 1
            return httpx2.Response(200, json={})

        inner, one.wire.inner = one.wire.inner, httpx2.MockTransport(swallow)
        done = await one.answer("update_tag", tag="VIP", description="Best")
        assert (sent, done["tag"]["description"]) == (1, "Best")


@pytest.mark.parametrize("body", [{}, [], {"tag": None}])
@in_virtual_time
async def test_an_update_that_did_nothing_is_unclear(body: Any) -> None:
    async with trial() as one:
        one.wire.answer = pretending("PUT", "/tags/1", body=body)
        assert "outcome is unknown" in await one.refusal("update_tag", tag="VIP", description="Best")
        assert one.requests.count("PUT /tags/1") == 1


@pytest.mark.parametrize("body", [{}, {"note": {}}, [], {"notes": []}])
@in_virtual_time
async def test_a_create_whose_answer_shows_nothing_is_looked_for_and_never_sent_again(body: Any) -> None:
    async with trial() as one:
        one.wire.answer = pretending("POST", "/notes", 201, body)
        assert "outcome is unknown" in await one.refusal("create_note", contact="2", text="once")
        assert one.requests.count("POST /notes") == 1


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"title": "It was not processed", "code": "processing_error"}]},
        {"succeeded": 0, "message": "It was not processed"},
        {"result_code": 0, "result_message": "It was not processed"},
    ],
)
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("create_note", {"contact": "2", "text": "x"}),
        ("update_contact", {"contact": "2", "phone": "1"}),
        ("delete_deal", {"deal": "3"}),
        (
            "write_operation",
            {"id": "addresses.create", "arguments": {"company_name": "A", "address1": "1", "country": "NO"}},
        ),
    ],
)
@in_virtual_time
async def test_a_200_that_says_it_failed_is_a_refusal(body: Any, tool: str, arguments: dict[str, Any]) -> None:
    async with trial({"AC_MCP_TOOLSETS": "all"}) as one:
        one.wire.answer = lambda request: httpx2.Response(200, json=body) if request.method != "GET" else None
        refusal = await one.refusal(tool, **arguments)
        assert "refused it (200), although the status is a success" in refusal
        assert "It was not processed" in refusal
        writes = [request for request in one.requests if not request.startswith("GET")]
        assert len(writes) == 1


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (200, {"contacts": [{"id": "2"}], "contactTag": {"id": "900"}}, "tagged"),
        (201, {"contacts": [{"id": "2"}], "contactTag": {"id": "900"}}, "tagged"),
        (201, {"contactTag": {"id": "900", "created_timestamp": "2026-01-01"}}, "already tagged"),
        (200, {"contactTag": {"id": "900", "created_timestamp": "2026-01-01"}}, "already tagged"),
        (201, {"contactTag": {"id": "900"}}, "tagged"),
        (200, {"contactTag": {"id": "900"}}, "already tagged"),
    ],
)
@in_virtual_time
async def test_the_body_says_whether_a_tag_is_new_on_a_contact(status: int, body: Any, result: str) -> None:
    async with trial() as one:
        one.wire.answer = pretending("POST", "/contactTags", status, body)
        assert (await one.answer("tag_contact", contact="2", tag="VIP"))["result"] == result


@pytest.mark.parametrize("id", ["1", "12"], ids=["an old one", "the newest one"])
@in_virtual_time
async def test_a_tag_whose_id_is_not_new_was_there_before(id: str) -> None:
    async with trial() as one:
        vip = {"tag": {"id": id, "tag": "Brand new", "tagType": "contact"}}
        one.wire.answer = pretending("POST", "/tags", 200, vip)
        assert "exists already" in await one.refusal("create_tag", name="Brand new")
        assert (await change_of(one))["result"] == "failed"


@in_virtual_time
async def test_a_tag_created_with_200_may_have_been_there_and_is_not_deleted_by_an_undo() -> None:
    async with trial() as one:

        async def with_200(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            is_create = request.method == "POST" and request.url.path.endswith("/tags")
            return httpx2.Response(200, content=await response.aread()) if is_create else response

        inner, one.wire.inner = one.wire.inner, httpx2.MockTransport(with_200)
        done = await one.answer("create_tag", name="Brand new")
        assert done["result"] == "created, or it was there before"
        undone = await one.answer("undo_change", change="1")
        assert "whether it was there before is not known" in str(undone)
        assert (await one.answer("get_tag", tag="Brand new"))["tag"]["name"] == "Brand new"


@pytest.mark.parametrize(
    ("rows", "outcome"),
    [
        ([], "deleted"),
        ([{"id": "2", "name": "Acme"}], "1 of them (id 2) are still there"),
        ([{"id": "7", "name": "Other"}], "could not be looked at"),
    ],
)
@in_virtual_time
async def test_many_deleted_records_are_looked_for_by_their_ids(rows: list[Any], outcome: str) -> None:
    async with trial() as one:

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            if request.method == "DELETE":
                return httpx2.Response(200, json={"meta": {"success": True}})
            is_look = request.method == "GET" and request.url.path.endswith("/accounts") and b"ids" in request.url.query
            return httpx2.Response(200, json={"accounts": rows}) if is_look else None

        one.wire.answer = answer
        call = {"id": "accounts.bulk_delete", "arguments": {"ids": ["id:2", "id:3"]}}
        if rows and rows[0]["id"] == "2":
            assert outcome in await one.refusal("write_operation", **call)
        else:
            assert outcome in str(await one.answer("write_operation", **call))


@pytest.mark.parametrize(
    ("id", "arguments", "look"),
    [
        ("campaigns.delete", {"campaign": "2"}, "GET /campaigns/2"),
        ("personalizations.bulk_delete", {"ids": "1,2"}, ""),
    ],
)
@in_virtual_time
async def test_a_path_that_ends_in_a_word_is_no_record(id: str, arguments: dict[str, str], look: str) -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(200, json={}) if request.method == "DELETE" else None
        if look:
            assert "is still there" in await one.refusal("write_operation", id=id, arguments=arguments)
            assert one.requests.count(look) >= 2
        else:
            await one.answer("write_operation", id=id, arguments=arguments)
            assert "GET /personalizations/bulkdelete" not in one.requests


ADDRESS = {"company_name": "A", "address1": "1", "country": "NO"}


@pytest.mark.parametrize("body", [{}, [], {"address": None}, {"address": {}}])
@in_virtual_time
async def test_a_raw_create_whose_answer_shows_nothing_is_unclear_and_not_sent_again(body: Any) -> None:
    async with trial() as one:
        one.wire.answer = pretending("POST", "/addresses", 201, body)
        call = {"id": "addresses.create", "arguments": ADDRESS}
        assert "outcome is unknown (its answer shows no record)" in await one.refusal("write_operation", **call)
        assert one.requests.count("POST /addresses") == 1


@pytest.mark.parametrize("status", [200, 204])
@in_virtual_time
async def test_a_raw_update_whose_answer_shows_nothing_is_looked_up(status: int) -> None:
    async with trial() as one:

        async def swallow(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            return httpx2.Response(status) if request.method == "PUT" else response

        inner, one.wire.inner = one.wire.inner, httpx2.MockTransport(swallow)
        done = await one.answer("write_operation", id="addresses.update", arguments={"id": "1", **ADDRESS})
        assert done["result"] == "updated"
        assert one.requests.count("PUT /addresses/1") == 1


@in_virtual_time
async def test_a_raw_update_that_did_nothing_is_unclear() -> None:
    async with trial() as one:
        one.wire.answer = pretending("PUT", "/addresses/1")
        call = {"id": "addresses.update", "arguments": {"id": "1", **ADDRESS}}
        assert "outcome is unknown" in await one.refusal("write_operation", **call)


@pytest.mark.parametrize("look", [{}, {"note": None}, {"other": {"id": "9"}}])
@in_virtual_time
async def test_a_look_that_shows_nothing_does_not_prove_a_deletion(look: dict[str, Any]) -> None:
    async with trial() as one:
        deleted = False

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal deleted
            is_look = deleted and request.method == "GET" and request.url.path.endswith("/notes/2")
            deleted = deleted or request.method == "DELETE"
            return httpx2.Response(200, json=look) if is_look else None

        one.wire.answer = answer
        assert "could not be looked at" in (await one.answer("delete_note", note="2"))["note"]


@in_virtual_time
async def test_an_update_of_fields_whose_answer_shows_nothing_is_not_proven_by_other_attributes() -> None:
    async with trial() as one:
        one.wire.answer = pretending("PUT", "/contacts/2")
        assert "outcome is unknown" in await one.refusal("update_contact", contact="2", fields=["Seats=79"])


@pytest.mark.parametrize(
    "mark", [{"isDeleted": 0}, {"deleted": "0"}, {"deletestamp": None}, {"deletestamp": "0000-00-00"}]
)
@in_virtual_time
async def test_a_row_that_is_not_marked_is_still_there(mark: dict[str, Any]) -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(200, json={"deal": {"id": "2", **mark}} if request.method == "GET" else {})
            if request.url.path.endswith("/deals/2")
            else None
        )
        assert "is still there" in await one.refusal("delete_deal", deal="2")


UPSERTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("tag_contact", {"contact": "2", "tag": "VIP"}, "/contactTags"),
    ("subscribe_contact", {"contact": "9", "list": "Partners"}, "/contactLists"),
    ("sync_contact", {"email": "x1@acme.example", "first_name": "Xi"}, "/contact/sync"),
)


@pytest.mark.parametrize(("tool", "arguments", "path"), UPSERTS)
@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"<html>"])
@in_virtual_time
async def test_an_upsert_whose_answer_shows_nothing_is_looked_up(
    tool: str, arguments: dict[str, Any], path: str, content: bytes
) -> None:
    async with trial() as one:

        async def swallow(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            return httpx2.Response(200, content=content) if request.method == "POST" else response

        inner, one.wire.inner = one.wire.inner, httpx2.MockTransport(swallow)
        assert (await one.answer(tool, **arguments))["result"]
        assert one.requests.count(f"POST {path}") == 1


@pytest.mark.parametrize(("tool", "arguments", "path"), UPSERTS)
@in_virtual_time
async def test_an_upsert_that_did_nothing_is_unclear(tool: str, arguments: dict[str, Any], path: str) -> None:
    async with trial() as one:
        one.wire.answer = pretending("POST", path)
        assert "outcome is unknown" in await one.refusal(tool, **arguments)
        assert one.requests.count(f"POST {path}") == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"null"])
@in_virtual_time
async def test_a_deletion_is_proven_whatever_its_answer(content: bytes) -> None:
    async with trial() as one:

        async def swallow(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            return httpx2.Response(200, content=content) if request.method == "DELETE" else response

        inner, one.wire.inner = one.wire.inner, httpx2.MockTransport(swallow)
        assert (await one.answer("delete_note", note="2"))["result"] == "deleted"


@in_virtual_time
async def test_a_row_that_shows_only_a_part_of_what_was_sent_proves_nothing() -> None:
    async with trial() as one:
        written = False

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            nonlocal written
            if request.method == "PUT":
                written = True
                return httpx2.Response(200, json={})
            is_look = written and request.url.path.endswith("/tags/1")
            return httpx2.Response(200, json={"tag": {"id": "1", "tag": "Gold"}}) if is_look else None

        one.wire.answer = answer
        assert "outcome is unknown" in await one.refusal("update_tag", tag="VIP", name="Gold", description="Best")


@in_virtual_time
async def test_what_is_deleted_a_little_later_is_not_looked_at_at_once() -> None:
    async with trial() as one:
        path = "/customObjects/records/4453571f-4a21-45e9-9872-49ce0f86e611/27783bc8-beff-42dc-a1c8-cbb8e1c84ccb"
        schema, record = path.split("/")[3:]
        record_row = {"record": {"id": record, "schemaId": schema}}
        one.wire.answer = lambda request: (
            httpx2.Response(202 if request.method == "DELETE" else 200, json=record_row)
            if request.url.path.endswith(path)
            else None
        )
        arguments = {"schema_id": schema, "record_id": record}
        done = await one.answer("write_operation", id="custom_objects.delete_record", arguments=arguments)
        assert done["result"] == "deleted"
        assert one.requests[-1].startswith("DELETE")
