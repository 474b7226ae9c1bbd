"""Every shape an answer comes in, as reply or error (reference 1.4, 2.5)."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ac_mcp import errors
from ac_mcp.errors import GatewayError
from ac_mcp.gateway.responses import parse_response, parse_retry_after
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
    ("HTML as a success", 200, HTML, "Unavailable", "it gave an answer that is not JSON"),
    ("a bare 403", 403, b"", "NotConnected", "ActiveCampaign refused the token"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "status", "body", "kind", "text"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_an_error_is_read_whatever_its_shape(name: str, status: int, body: Any, kind: str, text: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(GatewayError) as caught:
        parse_response(status, {}, raw, empty=False, direct=False)
    assert (type(caught.value), str(caught.value)) == (getattr(errors, kind), text)


def test_a_pointer_names_the_attribute() -> None:
    with pytest.raises(errors.RequestRefused) as caught:
        parse_response(422, {}, json.dumps(POINTED).encode(), empty=True, direct=False)
    assert (caught.value.field, caught.value.code) == ("title", "field_missing")


def test_a_bare_403_without_maton_is_about_the_token() -> None:
    with pytest.raises(errors.KeyRefused):
        parse_response(403, {}, b"", empty=False, direct=True)


def test_a_write_may_be_answered_with_nothing() -> None:
    assert parse_response(200, {}, b"", empty=True, direct=False) == Response(200, {})


def test_a_list_is_kept_under_a_name() -> None:
    assert parse_response(200, {}, b"[1]", empty=False, direct=False) == Response(200, {"items": [1]})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ("-5", 0),
        ("Mon, 23 Nov 2026 09:00:10 GMT", 10),
        ("Mon, 23 Nov 2020 09:00:10 GMT", 0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("\uff13", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)) == seconds


def test_the_request_id_of_the_other_side_is_kept_and_nothing_else_of_its_headers() -> None:
    with pytest.raises(errors.Unavailable) as caught:
        parse_response(500, {"x-request-id": "ab-12\r\nx: y", "set-cookie": "secret"}, b"{}", empty=False, direct=False)
    assert caught.value.request_id == "ab-12x:y"
