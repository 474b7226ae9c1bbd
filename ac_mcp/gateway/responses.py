"""From status and body to a reply or an error: eight error shapes, HTML, nothing at all (reference 1.4, 2.5)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, cast

from pydantic_core import from_json

from ac_mcp.errors import (
    Duplicate,
    Forbidden,
    GatewayError,
    KeyRefused,
    NotConnected,
    NotFound,
    RequestRefused,
    Throttled,
    Unavailable,
)
from ac_mcp.messages import Json, Response, as_object, as_objects

SQL_TAKEN = re.compile(r"duplicate entry", re.I)
TAKEN = re.compile(r"duplicate entry|already exists|already (been )?(taken|in use)", re.I)
LISTS = ("errors", "failureReasons", "detail")
LONGEST = 300


def parse_response(status: int, headers: Mapping[str, str], body: bytes, *, empty: bool, direct: bool) -> Response:
    """The reply, if it is one; `empty` where nothing at all is an answer too.

    Raises:
        GatewayError: in all other cases.
    """
    payload = parse_body(body)
    if not 200 <= status < 300:
        raise error_of(status, headers, payload, body, direct)
    if isinstance(payload, dict):
        return Response(status, cast("Json", payload), id=request_id(headers))
    if isinstance(payload, list):
        return Response(status, {"items": payload}, id=request_id(headers))
    if body.strip() or not empty:
        what = "an empty answer" if not body.strip() else "an answer that is not JSON"
        raise Unavailable(f"it gave {what}", status=status, request_id=request_id(headers))
    return Response(status, {})


def parse_body(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return None


def error_of(status: int, headers: Mapping[str, str], payload: Any, body: bytes, direct: bool) -> GatewayError:
    """The error a status and a body amount to."""
    said, code, field = error_details(payload)
    plain = "" if payload is not None or b"<" in body else body.decode(errors="replace").strip()
    text = said or plain[:LONGEST]
    id = request_id(headers)
    if (TAKEN if 400 <= status < 500 else SQL_TAKEN).search(text) or code == "duplicate":
        return Duplicate(text or "exists already", status=status, request_id=id, field=field, code="duplicate")
    match status:
        case 401:
            return KeyRefused(text or "the key was refused", status=status, request_id=id)
        case 403:
            return forbidden(text, id, direct)
        case 404:
            return NotFound(text or "not found", status=status, request_id=id)
        case 412:
            return NotConnected(text or "no connection", status=status, request_id=id)
        case 400 if not direct and "connection" in text.lower():
            return NotConnected(text, status=status, request_id=id)
        case 429:
            after = retry_after(headers.get("retry-after"), datetime.now(UTC))
            return Throttled("too many requests", status=status, request_id=id, retry_after=after)
        case _ if status >= 500 or status < 400 or status == 408:
            unavailable = Unavailable(text or f"status {status}", status=status, request_id=id)
            unavailable.retry_after = retry_after(headers.get("retry-after"), datetime.now(UTC))
            unavailable.lasting = status < 400
            return unavailable
        case _:
            refused = RequestRefused(text or f"status {status}", status=status, request_id=id, field=field, code=code)
            refused.rows = find_wrong_rows(payload)
            return refused


def forbidden(text: str, id: str, direct: bool) -> GatewayError:
    """A wrong token is a bare 403; some unknown ids are too, with the text of a 404 (reference 2.5)."""
    if "no result found" in text.lower():
        return NotFound(text, status=403, request_id=id)
    if not text:
        refused = KeyRefused if direct else NotConnected
        return refused("ActiveCampaign refused the token", status=403, request_id=id)
    return Forbidden(text, status=403, request_id=id)


def error_details(payload: Any) -> tuple[str, str, str]:
    """What an error body says, its code, and the attribute it is about."""
    if isinstance(payload, str):
        return payload[:LONGEST], "", ""
    body = as_object(payload)
    lists = [cast("list[Any]", body[key]) for key in LISTS if isinstance(body.get(key), list)]
    listed = lists[0] if lists else []
    parts = [error_entry(one) for one in listed]
    loose = [body.get(key) for key in ("message", "error", "errors", "detail")]
    texts = [text for text, _, _ in parts] + [nested(one) for one in loose]
    said = "; ".join(dict.fromkeys(text for text in texts if text))[:LONGEST]
    code = next((code for _, code, _ in parts if code), "")
    return said, code, next((field for _, _, field in parts if field), "")


def find_wrong_rows(payload: Any) -> dict[int, str]:
    """Which contacts of an import were wrong (reference 3.3)."""
    reasons = as_objects(as_object(payload).get("failureReasons"))
    places = [(one.get("contact"), str(one.get("failureReason") or "refused")[:LONGEST]) for one in reasons]
    return {place: reason for place, reason in places if isinstance(place, int)}


def nested(one: Any) -> str:
    return one if isinstance(one, str) else str(as_object(one).get("message") or "")


def error_entry(one: Any) -> tuple[str, str, str]:
    """One entry of an error list: text, code, attribute."""
    entry = as_object(one)
    if not entry:
        return str(one), "", ""
    texts = [entry.get(key) for key in ("title", "detail", "msg", "failureReason", "message")]
    place = as_object(entry.get("source"))
    field = re.split(r"[/.]", str(place.get("pointer") or place.get("parameter") or place.get("value") or ""))[-1]
    return " ".join(str(t) for t in texts if t), str(entry.get("code") or ""), field


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds, from a number or a date; what is neither says nothing."""
    if not value or not value.isascii():
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if isfinite(seconds) else None


def request_id(headers: Mapping[str, str]) -> str:
    return re.sub(r"[^\w.:-]", "", headers.get("x-request-id") or headers.get("cf-ray") or "")[:64]
