"""Parse HTTP responses into a response or an error: eight error shapes, HTML, an empty body (reference 1.4, 2.5)."""

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

SQL_DUPLICATE = re.compile(r"duplicate entry", re.I)
DUPLICATE = re.compile(r"duplicate entry|already exists|already (been )?(taken|in use)", re.I)
ERROR_LISTS = ("errors", "failureReasons", "detail")
"""Keys under which an error body may hold a list of errors."""
MAX_TEXT = 300
"""Characters of an error text that are used."""


def parse_response(status: int, headers: Mapping[str, str], body: bytes, *, empty: bool, direct: bool) -> Response:
    """Parse a 2xx answer with a JSON object or list; a list becomes `{"items": [...]}`.

    `empty` says whether an empty body is an answer too, `direct` whether the request bypassed Maton.

    Raises:
        GatewayError: in all other cases.
    """
    payload = parse_body(body)
    if not 200 <= status < 300:
        raise build_error(status, headers, payload, body, direct)
    request_id = get_request_id(headers)
    if isinstance(payload, dict):
        return Response(status, cast("Json", payload), id=request_id)
    if isinstance(payload, list):
        return Response(status, {"items": payload}, id=request_id)
    if body.strip() or not empty:
        problem = "an empty answer" if not body.strip() else "an answer that is not JSON"
        raise Unavailable(f"it gave {problem}", status=status, request_id=request_id)
    return Response(status, {})


def parse_body(body: bytes) -> Any:
    """Parse JSON; None for anything else."""
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return None


def build_error(status: int, headers: Mapping[str, str], payload: Any, body: bytes, direct: bool) -> GatewayError:
    """Return the error that a status and a body amount to; `payload` is the parsed body."""
    details, code, field = parse_error_details(payload)
    plain = "" if payload is not None or b"<" in body else body.decode(errors="replace").strip()
    text = details or plain[:MAX_TEXT]
    id = get_request_id(headers)
    if (DUPLICATE if 400 <= status < 500 else SQL_DUPLICATE).search(text) or code == "duplicate":
        return Duplicate(text or "exists already", status=status, request_id=id, field=field, code="duplicate")
    match status:
        case 401:
            return KeyRefused(text or "the key was refused", status=status, request_id=id)
        case 403:
            return build_forbidden(text, id, direct)
        case 404:
            return NotFound(text or "not found", status=status, request_id=id)
        case 412:
            return NotConnected(text or "no connection", status=status, request_id=id)
        case 400 if not direct and "connection" in text.lower():
            return NotConnected(text, status=status, request_id=id)
        case 429:
            wait = parse_retry_after(headers.get("retry-after"), datetime.now(UTC))
            return Throttled("too many requests", status=status, request_id=id, retry_after=wait)
        case _ if status >= 500 or status < 400 or status == 408:
            unavailable = Unavailable(text or f"status {status}", status=status, request_id=id)
            unavailable.retry_after = parse_retry_after(headers.get("retry-after"), datetime.now(UTC))
            unavailable.lasting = status < 400
            return unavailable
        case _:
            refused = RequestRefused(text or f"status {status}", status=status, request_id=id, field=field, code=code)
            refused.rows = find_wrong_rows(payload)
            return refused


def build_forbidden(text: str, id: str, direct: bool) -> GatewayError:
    """Return the error of a 403. A wrong token has no text, an unknown id may have that of a 404 (reference 2.5)."""
    if "no result found" in text.lower():
        return NotFound(text, status=403, request_id=id)
    if not text:
        refused = KeyRefused if direct else NotConnected
        return refused("ActiveCampaign refused the token", status=403, request_id=id)
    return Forbidden(text, status=403, request_id=id)


def parse_error_details(payload: Any) -> tuple[str, str, str]:
    """Parse an error body into its text, its code, and the attribute it is about; "" for what is missing."""
    if isinstance(payload, str):
        return payload[:MAX_TEXT], "", ""
    body = as_object(payload)
    lists = [cast("list[Any]", body[key]) for key in ERROR_LISTS if isinstance(body.get(key), list)]
    entries = [parse_error_entry(entry) for entry in (lists[0] if lists else [])]
    loose = [body.get(key) for key in ("message", "error", "errors", "detail")]
    texts = [text for text, _, _ in entries] + [parse_message(value) for value in loose]
    joined = "; ".join(dict.fromkeys(text for text in texts if text))[:MAX_TEXT]
    code = next((code for _, code, _ in entries if code), "")
    return joined, code, next((field for _, _, field in entries if field), "")


def find_wrong_rows(payload: Any) -> dict[int, str]:
    """Return the contacts that an import refused, by their place, with the reason (reference 3.3)."""
    reasons = as_objects(as_object(payload).get("failureReasons"))
    rows = [(reason.get("contact"), str(reason.get("failureReason") or "refused")[:MAX_TEXT]) for reason in reasons]
    return {place: text for place, text in rows if isinstance(place, int)}


def parse_message(value: Any) -> str:
    """Return a text, or the `message` of an object; "" for anything else."""
    return value if isinstance(value, str) else str(as_object(value).get("message") or "")


def parse_error_entry(value: Any) -> tuple[str, str, str]:
    """Parse one entry of an error list into text, code and attribute."""
    entry = as_object(value)
    if not entry:
        return str(value), "", ""
    texts = [entry.get(key) for key in ("title", "detail", "msg", "failureReason", "message")]
    source = as_object(entry.get("source"))
    field = re.split(r"[/.]", str(source.get("pointer") or source.get("parameter") or source.get("value") or ""))[-1]
    return " ".join(str(text) for text in texts if text), str(entry.get("code") or ""), field


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Parse a Retry-After header, a number or a date, into seconds from now; None for anything else."""
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


def get_request_id(headers: Mapping[str, str]) -> str:
    """Return the other side's id of the exchange, without characters that could do harm in a text; "" without one."""
    return re.sub(r"[^\w.:-]", "", headers.get("x-request-id") or headers.get("cf-ray") or "")[:64]
