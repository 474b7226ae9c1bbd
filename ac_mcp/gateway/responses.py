"""Parse HTTP responses into a response or an error: eight error shapes, HTML, an empty body (reference 1.4, 2.5)."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from pydantic_core import from_json

from ac_mcp.errors import (
    Answerer,
    Duplicate,
    Forbidden,
    GatewayError,
    KeyRefused,
    NotConnected,
    NotFound,
    NotTheApi,
    OutcomeUnknown,
    RequestRefused,
    Throttled,
    Unavailable,
)
from ac_mcp.gateway.retry_after import parse_retry_after
from ac_mcp.messages import Json, Plane, Response, as_object, as_objects
from ac_mcp.text import repair_escapes

SQL_DUPLICATE = re.compile(r"duplicate entry", re.I)
DUPLICATE = re.compile(r"duplicate entry|already exists|already (been )?(taken|in use)", re.I)
ERROR_LISTS = ("errors", "failureReasons", "detail")
"""Keys under which an error body may hold a list of errors."""
SUCCESS_FLAGS = ("succeeded", "success", "result_code")
"""Keys whose 0 says that nothing was done, whatever the status (reference-v1 3)."""
STATUS_WORDS = {
    402: "payment is required: the account is not paid for, or its trial has ended",
    405: "this address does not take such a request",
    413: "the request is too large: send less text, or fewer records at once",
}
"""What a status says where the body says nothing."""
MAX_TEXT = 300
"""Characters of an error text that are used."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the meaning of an answer depends on, beside the answer."""

    writes: bool = False
    may_be_empty: bool = False
    """Whether an empty body is an answer too."""
    plane: Plane = "api"
    direct: bool = False
    """Whether the request bypassed Maton."""


READ = Exchange()


def parse_response(status: int, headers: Mapping[str, str], body: bytes, exchange: Exchange = READ) -> Response:
    """Parse a 2xx answer with a JSON object or list; a list becomes `{"items": [...]}`.

    Raises:
        OutcomeUnknown: for a 2xx answer to a write that does not show what was done.
        GatewayError: in all other cases, also for a 2xx answer whose body says that nothing was done.
    """
    payload = parse_body(body)
    request_id = get_request_id(headers)
    if not 200 <= status < 300:
        raise build_error(status, headers, payload, body, exchange)
    if isinstance(payload, dict):
        require_success(status, cast("Json", payload), request_id, exchange)
        return Response(status, cast("Json", payload), id=request_id)
    if isinstance(payload, list):
        return Response(status, {"items": payload}, id=request_id)
    if body.strip() or not exchange.may_be_empty:
        problem = "an empty answer" if not body.strip() else "an answer that is not JSON"
        if exchange.writes:
            unknown = OutcomeUnknown(f"it gave {problem}", status=status, request_id=request_id)
            raise unknown.but(answered=True)
        if b"<" in body:
            raise NotTheApi("a web page, not an answer of the API", status=status, request_id=request_id)
        raise Unavailable(f"it gave {problem}", status=status, request_id=request_id)
    return Response(status, {})


def require_success(status: int, body: Json, request_id: str, exchange: Exchange) -> None:
    """Check that the body of a 2xx answer does not say that nothing was done (corrections, "Errors").

    Raises:
        OutcomeUnknown: if it holds errors and a record: part of a write was done.
        RequestRefused: if it says that the request failed.
    """
    if not (body.get("errors") or any(is_zero(body.get(key)) for key in SUCCESS_FLAGS)):
        return
    text, code, field = parse_error_details(body)
    text = text or "it says that this did not succeed"
    if exchange.writes and any(as_object(value).get("id") for value in body.values()):
        quoted = json.dumps(text, ensure_ascii=False)
        unknown = OutcomeUnknown(f"it shows a record and errors: {quoted}", status=status, request_id=request_id)
        raise unknown.but(answered=True)
    if DUPLICATE.search(text) or code == "duplicate":
        raise Duplicate(text, status=status, request_id=request_id, field=field, code="duplicate")
    refused = RequestRefused(text, status=status, request_id=request_id, field=field, code=code)
    raise refused.but(rows=find_wrong_rows(body), answered_by=find_answerer(body, exchange))


def is_zero(value: Any) -> bool:
    """Return whether a flag is 0, "0" or false."""
    return not isinstance(value, list | dict) and str(value).lower() in ("0", "false")


def parse_body(body: bytes) -> Any:
    """Parse JSON, without the byte order marks before it; None for anything else.

    Half a surrogate pair and bytes that are no UTF-8 become U+FFFD, so that the rest of a page stays readable.
    """
    while body.startswith(BOM_UTF8):
        body = body[len(BOM_UTF8) :]
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return parse_damaged(body)


def parse_damaged(body: bytes) -> Any:
    """Parse JSON whose texts hold what no text may hold; None if it is no JSON."""
    try:
        text = repair_escapes(body.decode(errors="replace"))
        return json.loads(text, strict=False, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None


def refuse_constant(name: str) -> Any:
    """Raise ValueError for NaN and the infinities, which are no JSON."""
    raise ValueError(name)


def build_error(status: int, headers: Mapping[str, str], payload: Any, body: bytes, exchange: Exchange) -> GatewayError:
    """Return the error that a status and a body amount to; `payload` is the parsed body."""
    details, code, field = parse_error_details(payload)
    is_page = payload is None and b"<" in body
    plain = "" if payload is not None or is_page else body.decode(errors="replace").strip()
    text = details or plain[:MAX_TEXT] or STATUS_WORDS.get(status, "")
    id = get_request_id(headers)
    answered_by = find_answerer(payload, exchange)
    if status < 400 or (is_page and status in (401, 403, 404, 410)):
        page = NotTheApi("a web page, not an answer of the API", status=status, request_id=id)
        return page.but(leads_to=host_of(headers.get("location", "")), answered_by=answered_by)
    if (DUPLICATE if 400 <= status < 500 else SQL_DUPLICATE).search(text) or code == "duplicate":
        return Duplicate(text or "exists already", status=status, request_id=id, field=field, code="duplicate")
    if status == 429:
        wait = parse_retry_after(headers.get("retry-after"), datetime.now(UTC))
        return Throttled("too many requests", status=status, request_id=id, retry_after=wait)
    if status >= 500 or status == 408:
        wait = parse_retry_after(headers.get("retry-after"), datetime.now(UTC))
        unavailable = Unavailable(text or f"status {status}", status=status, request_id=id)
        is_either = not exchange.direct and answered_by == "ActiveCampaign" and "errors" not in as_object(payload)
        answered_by = "ActiveCampaign or Maton" if is_either else answered_by
        is_quoted = bool(text) and text != STATUS_WORDS.get(status)
        return unavailable.but(retry_after=wait, answered_by=answered_by, is_quoted=is_quoted)
    refused = build_refusal(status, text, id, answered_by, exchange)
    if isinstance(refused, RequestRefused):
        refused = refused.but(field=field, code=code, rows=find_wrong_rows(payload))
    return refused.but(answered_by=answered_by)


def build_refusal(status: int, text: str, id: str, answered_by: Answerer, exchange: Exchange) -> GatewayError:
    """Return the error of a status from 400 to 499."""
    match status:
        case 401:
            return KeyRefused(text or "the key was refused", status=status, request_id=id)
        case 403 if answered_by == "Maton":
            return Forbidden(text or "the key may not do this", status=status, request_id=id)
        case 403:
            return build_forbidden(text, id, exchange.direct)
        case 404:
            return NotFound(text or "not found", status=status, request_id=id)
        case 412:
            return NotConnected(text or "no connection", status=status, request_id=id)
        case 400 if not exchange.direct and "connection" in text.lower():
            return NotConnected(text, status=status, request_id=id)
        case _:
            return RequestRefused(text or f"status {status}", status=status, request_id=id)


def build_forbidden(text: str, id: str, direct: bool) -> GatewayError:
    """Return the error of a 403 of ActiveCampaign.

    A wrong token has no text or "Forbidden" (corrections, "Errors"), an unknown id may have that of a 404.
    """
    if "no result found" in text.lower():
        return NotFound(text, status=403, request_id=id)
    if text.strip(" .").lower() in ("", "forbidden"):
        refused = KeyRefused if direct else NotConnected
        return refused("ActiveCampaign refused the token", status=403, request_id=id)
    return Forbidden(text, status=403, request_id=id)


def find_answerer(payload: Any, exchange: Exchange) -> Answerer:
    """Return whose answer an error is: `detail` and an object in `error` are Maton's (corrections, "Maton")."""
    body = as_object(payload)
    if exchange.direct:
        return "ActiveCampaign"
    if exchange.plane == "control" or "detail" in body or isinstance(body.get("error"), dict):
        return "Maton"
    return "ActiveCampaign"


def host_of(location: str) -> str:
    """Return the host of an address; "" if it has none."""
    try:
        return re.sub(r"[^\w.:-]", "", urlsplit(location).hostname or "")[:100]
    except ValueError:
        return ""


def parse_error_details(payload: Any) -> tuple[str, str, str]:
    """Parse an error body into its text, its code, and the attribute it is about; "" for what is missing."""
    if isinstance(payload, str):
        return payload[:MAX_TEXT], "", ""
    body = as_object(payload)
    lists = [cast("list[Any]", body[key]) for key in ERROR_LISTS if isinstance(body.get(key), list)]
    entries = [parse_error_entry(entry) for entry in (lists[0] if lists else [])]
    by_field = as_object(body.get("errors"))
    entries += [parse_field_errors(field, value) for field, value in by_field.items() if field != "message"]
    loose = [body.get(key) for key in ("message", "error", "errors", "detail", "result_message")]
    texts = [text for text, _, _ in entries] + [parse_message(value) for value in loose]
    joined = "; ".join(dict.fromkeys(text for text in texts if text))[:MAX_TEXT]
    code = next((code for _, code, _ in entries if code), "")
    return joined, code, next((field for _, _, field in entries if field), "")


def parse_field_errors(field: str, value: Any) -> tuple[str, str, str]:
    """Parse what an object of errors says of one attribute into text, code and attribute."""
    texts = cast("list[Any]", value) if isinstance(value, list) else [value]
    reasons = ", ".join(parse_message(text) or str(text) for text in texts)
    return f"{field} {reasons}", "", attribute_of(field)


def attribute_of(pointer: str) -> str:
    """Return the attribute at the end of a pointer; "" if that is no name, so that no sentence of others gets in."""
    name = re.split(r"[/.]", pointer)[-1]
    return name if re.fullmatch(r"[A-Za-z0-9_\[\]-]{1,60}", name) else ""


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
    field = attribute_of(str(source.get("pointer") or source.get("parameter") or source.get("value") or ""))
    return " ".join(str(text) for text in texts if text), str(entry.get("code") or ""), field


def get_request_id(headers: Mapping[str, str]) -> str:
    """Return the other side's id of the exchange, without characters that could do harm in a text; "" without one."""
    return re.sub(r"[^\w.:-]", "", headers.get("x-request-id") or headers.get("cf-ray") or "")[:64]
