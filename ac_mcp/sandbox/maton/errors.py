"""Maton's own errors, in the envelope that the sandbox is switched to."""

from typing import Any

from ac_mcp.sandbox.quirks import Quirks
from ac_mcp.sandbox.rest.errors import Refusal


def maton_refusal(quirks: Quirks, status: int, text: str, headers: dict[str, str] | None = None) -> Refusal:
    envelopes: dict[str, Any] = {
        "error": {"error": text},
        "message": {"message": text},
        "detail": {"detail": text},
        "detail_list": {"detail": [{"loc": ["request"], "msg": text}]},
        "error_message": {"error": {"message": text}},
    }
    return Refusal(status, envelopes[quirks.maton_errors], headers)
