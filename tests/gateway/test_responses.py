"""Every shape an answer comes in, as reply or error (reference 1.4, 2.5)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ac_mcp import errors
from ac_mcp.errors import GatewayError
from ac_mcp.gateway.responses import Exchange, parse_response
from ac_mcp.gateway.retry_after import GUESSED_PAUSE, parse_retry_after
from ac_mcp.messages import Response

TAG_TAKEN = {"message": "Could not process request", "error": "Duplicate entry 'contact-X' for key 'typetag'"}
HTML = b"<html><head><title>502 Bad Gateway</title></head></html>"
POINTED = {
    "errors": [
        {"title": "Missing", "detail": "", "code": "field_missing", "source": {"pointer": "/data/attributes/title"}}
    ]
}
IMPORT = {"success": 0, "message": "No", "failureReasons": [{"contact": 0, "failureReason": "bad"}]}
LISTED = {"errors": [{"status": 403, "title": "Forbidden", "detail": "No."}]}
VALIDATION = {"detail": [{"loc": ["body"], "msg": "field required"}]}
SQL = "Could not process request; Duplicate entry 'contact-X' for key 'typetag'"
GONE = "No Result found for Tag with id 9"
PAYMENT = "payment is required: the account is not paid for, or its trial has ended"
TOO_LARGE = "the request is too large: send less text, or fewer records at once"
TOO_LONG = "tag is too long, is odd"
NO_SUCCESS = "it says that this did not succeed"
SHAPES: tuple[tuple[str, int, Any, str, str], ...] = (
    ("a message", 422, {"message": "Not so"}, "RequestRefused", "Not so"),
    ("a pointed error", 422, POINTED, "RequestRefused", "Missing"),
    ("a status in a list", 403, LISTED, "Forbidden", "Forbidden No."),
    ("a bare detail", 422, {"errors": [{"detail": "Bad value"}]}, "RequestRefused", "Bad value"),
    ("a text as errors", 422, {"errors": "not an array"}, "RequestRefused", "not an array"),
    ("a list of texts", 400, {"errors": ["Field name is required"]}, "RequestRefused", "Field name is required"),
    ("an import refused", 400, IMPORT, "RequestRefused", "bad; No"),
    ("an SQL duplicate", 500, TAG_TAKEN, "Duplicate", SQL),
    ("a coded duplicate", 422, {"errors": [{"title": "There", "code": "duplicate"}]}, "Duplicate", "There"),
    ("a text", 400, "plain", "RequestRefused", "plain"),
    ("an unknown id", 404, {"message": GONE}, "NotFound", GONE),
    ("an unknown id as 403", 403, {"message": GONE}, "NotFound", GONE),
    ("Maton's wrong key", 401, {"error": {"message": "Invalid API key"}}, "KeyRefused", "Invalid API key"),
    ("Maton without connection", 400, {"error": "No connection found"}, "NotConnected", "No connection found"),
    ("Maton cannot choose", 412, {"detail": "Not resolved"}, "NotConnected", "Not resolved"),
    ("Maton's validation", 422, VALIDATION, "RequestRefused", "field required"),
    ("too fast", 429, {}, "Throttled", "too many requests"),
    ("a failure", 500, {"error": "Internal Server Error"}, "Unavailable", "Internal Server Error"),
    ("maintenance", 503, HTML, "Unavailable", "status 503"),
    ("Cloudflare", 520, HTML, "Unavailable", "status 520"),
    ("nothing at all", 200, b"", "Unavailable", "it gave an empty answer"),
    ("half a body", 200, b'{"contacts":[{"id"', "Unavailable", "it gave an answer that is not JSON"),
    ("HTML as a success", 200, HTML, "NotTheApi", "a web page, not an answer of the API"),
    ("a bare 403", 403, b"", "NotConnected", "ActiveCampaign refused the token"),
    ("a 403 that says no more", 403, {"message": "Forbidden"}, "NotConnected", "ActiveCampaign refused the token"),
    ("a firewall's page", 403, HTML, "NotTheApi", "a web page, not an answer of the API"),
    ("an account that ended", 404, HTML, "NotTheApi", "a web page, not an answer of the API"),
    ("a login page", 302, b"", "NotTheApi", "a web page, not an answer of the API"),
    ("an account not paid for", 402, HTML, "RequestRefused", PAYMENT),
    ("a request too large", 413, HTML, "RequestRefused", TOO_LARGE),
    ("errors by attribute", 422, {"errors": {"tag": ["is too long", "is odd"]}}, "RequestRefused", TOO_LONG),
    ("the scope of Maton's key", 403, {"error": {"message": "no scope"}}, "Forbidden", "no scope"),
    ("errors in a 200", 200, {"errors": [{"title": "Not processed"}]}, "RequestRefused", "Not processed"),
    ("nothing succeeded", 200, {"succeeded": 0, "message": "Not permitted"}, "RequestRefused", "Not permitted"),
    ("v1's refusal", 200, {"result_code": 0, "result_message": "No access"}, "RequestRefused", "No access"),
    ("v1's refusal as texts", 200, {"result_code": "0"}, "RequestRefused", NO_SUCCESS),
    ("an import refused with 200", 200, IMPORT, "RequestRefused", "bad; No"),
    ("a duplicate in a 200", 200, {"errors": [{"title": "t", "code": "duplicate"}]}, "Duplicate", "t"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "status", "body", "kind", "text"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_an_error_is_read_whatever_its_shape(name: str, status: int, body: Any, kind: str, text: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(GatewayError) as caught:
        parse_response(status, {}, raw)
    assert (type(caught.value), str(caught.value)) == (getattr(errors, kind), text)


def test_a_pointer_names_the_attribute() -> None:
    with pytest.raises(errors.RequestRefused) as caught:
        parse_response(422, {}, json.dumps(POINTED).encode(), Exchange(writes=True, may_be_empty=True))
    assert (caught.value.field, caught.value.code) == ("title", "field_missing")


def test_a_bare_403_without_maton_is_about_the_token() -> None:
    with pytest.raises(errors.KeyRefused):
        parse_response(403, {}, b"", Exchange(direct=True))


def test_a_write_may_be_answered_with_nothing() -> None:
    assert parse_response(200, {}, b"", Exchange(writes=True, may_be_empty=True)) == Response(200, {})


def test_a_list_is_kept_under_a_name() -> None:
    assert parse_response(200, {}, b"[1]") == Response(200, {"items": [1]})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ("5, 5", 5),
        ("5, 7", 7),
        ("5s", 5),
        ("1500 ms", 1.5),
        ("2 minutes", 120),
        ("1795424415", 15),
        ("1795424415500", 15.5),
        ("2026-11-23T09:01:00Z", 60),
        ("2026-11-23T10:01:00+01:00", 60),
        ("900", 900),
        ("901", GUESSED_PAUSE),
        ("30000", GUESSED_PAUSE),
        ("1000000000000000", GUESSED_PAUSE),
        ("Fri, 31 Dec 9999 23:59:59 GMT", GUESSED_PAUSE),
        ("-5", GUESSED_PAUSE),
        ("5, soon", GUESSED_PAUSE),
        ("Mon, 23 Nov 2026 09:00:10 GMT", 10),
        ("Mon, 23 Nov 2020 09:00:10 GMT", 0),
        ("nan", GUESSED_PAUSE),
        ("inf", GUESSED_PAUSE),
        ("soon", GUESSED_PAUSE),
        ("\uff13", GUESSED_PAUSE),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)) == seconds


def test_the_request_id_of_the_other_side_is_kept_and_nothing_else_of_its_headers() -> None:
    with pytest.raises(errors.Unavailable) as caught:
        parse_response(500, {"x-request-id": "ab-12\r\nx: y", "set-cookie": "secret"}, b"{}")
    assert caught.value.request_id == "ab-12x:y"


def test_byte_order_marks_before_the_json_are_no_part_of_it() -> None:
    for marks in (1, 2):
        assert parse_response(200, {}, b"\xef\xbb\xbf" * marks + b'{"tags": []}').body == {"tags": []}


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb'{"a": "cut \ud83d", "b": "\ud83d\ude00 whole"}', "cut \ufffd"),
        (rb'{"a": "\ude00 cut", "b": "\ud83d\ude00 whole"}', "\ufffd cut"),
        (rb'{"a": "\\ud83d", "\ud83d": 1, "b": "\ud83d\ude00 whole"}', "\\ud83d"),
        (b'{"a": "caf\xe9", "b": "\xf0\x9f\x98\x80 whole"}', "caf\ufffd"),
        (b'{"a": "line\x0bend", "b": "\xf0\x9f\x98\x80 whole"}', "line\x0bend"),
    ],
)
def test_a_text_that_is_damaged_leaves_the_rest_of_the_page_readable(raw: bytes, text: str) -> None:
    body = parse_response(200, {}, raw).body
    assert (body["a"], body["b"]) == (text, "\U0001f600 whole")


@pytest.mark.parametrize("raw", [b'{"a": NaN}', b'{"a": "\xff", "b": -Infinity}', b"[" * 100_000])
def test_what_no_repair_makes_json_is_no_answer(raw: bytes) -> None:
    with pytest.raises(errors.Unavailable, match="not JSON"):
        parse_response(200, {}, raw)


@pytest.mark.parametrize("body", [b"", b"saved", HTML])
def test_a_write_whose_answer_shows_nothing_is_unclear(body: bytes) -> None:
    with pytest.raises(errors.OutcomeUnknown) as caught:
        parse_response(200, {}, body, Exchange(writes=True))
    assert caught.value.answered


def test_a_write_whose_answer_shows_a_record_and_errors_is_unclear() -> None:
    body = json.dumps({"contact": {"id": "7"}, "errors": [{"title": "One field was not saved"}]}).encode()
    with pytest.raises(errors.OutcomeUnknown, match="One field was not saved"):
        parse_response(200, {}, body, Exchange(writes=True))


@pytest.mark.parametrize("body", [{"errors": []}, {"success": ["1"], "failure": []}, {"succeeded": 1}, {"success": 1}])
def test_flags_that_say_no_failure_are_none(body: dict[str, Any]) -> None:
    assert parse_response(200, {}, json.dumps(body).encode()).body == body


@pytest.mark.parametrize(
    ("exchange", "body", "answered_by"),
    [
        (Exchange(direct=True), {"detail": "x"}, "ActiveCampaign"),
        (Exchange(plane="control"), {"message": "x"}, "Maton"),
        (Exchange(), {"detail": "x"}, "Maton"),
        (Exchange(), {"error": {"message": "x"}}, "Maton"),
    ],
)
@pytest.mark.parametrize("status", [404, 422, 500])
def test_an_error_says_whose_answer_it_is(
    exchange: Exchange, body: dict[str, str], answered_by: str, status: int
) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_response(status, {}, json.dumps(body).encode(), exchange)
    assert caught.value.answered_by == answered_by


def test_a_redirect_says_where_it_leads() -> None:
    with pytest.raises(errors.NotTheApi) as caught:
        parse_response(302, {"location": "https://login.example.com/x?token=secret"}, b"")
    assert caught.value.leads_to == "login.example.com"


@pytest.mark.parametrize(
    ("status", "body", "answered_by"),
    [
        (422, {"message": "x"}, "ActiveCampaign"),
        (500, {"message": "x"}, "ActiveCampaign or Maton"),
        (503, {}, "ActiveCampaign or Maton"),
        (500, {"errors": [{"title": "x"}]}, "ActiveCampaign"),
    ],
)
def test_a_server_error_that_came_through_maton_may_be_either_s(status: int, body: Any, answered_by: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse_response(status, {}, json.dumps(body).encode())
    assert caught.value.answered_by == answered_by
