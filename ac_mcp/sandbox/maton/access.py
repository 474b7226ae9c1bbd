"""Access to the API: through Maton's gateway with a Bearer key, or directly with an Api-Token."""

from collections.abc import Callable

from starlette.requests import Request

from ac_mcp.sandbox.http.rate_limits import RateLimiter
from ac_mcp.sandbox.http.request_log import VIA_KEY
from ac_mcp.sandbox.quirks import Quirks
from ac_mcp.sandbox.rest.errors import Refusal

from .connections import Connections
from .errors import maton_refusal

MATON_RATE = 10
"""Requests per second and key."""
LIMITED = "Rate limit exceeded"


class Access:
    """The check of a request's key and rate, which returns the account the request is for."""

    def __init__(
        self, key: str, connections: Connections, rate: int | None, clock: Callable[[], float], quirks: Quirks
    ) -> None:
        self._key, self._connections, self._quirks = key, connections, quirks
        self._accounts = RateLimiter(rate, clock)
        self._keys = RateLimiter(MATON_RATE if rate else None, clock)

    def require_key(self, request: Request) -> None:
        """Refuse a request without the key, or too many with it; the gateway and the control API share the count."""
        if request.headers.get("authorization", "") != f"Bearer {self._key}":
            raise self._refusal(401, "Invalid API key")
        if not self._keys.admit(self._key):
            raise self._refusal(429, LIMITED, self._keys.headers)

    def authorize_gateway(self, request: Request) -> int:
        """Return the account behind the connection that the request goes through."""
        self.require_key(request)
        row = self._connections.require_active(request.headers.get("maton-connection"))
        request.scope[VIA_KEY] = row["connection_id"]
        account = int(row["id"])
        if not self._accounts.admit(str(account)):
            raise self._refusal(429, LIMITED, self._accounts.headers)
        return account

    def authorize_direct(self, request: Request) -> int:
        """Return account 1; a wrong token is a 403, with or without a body."""
        request.scope[VIA_KEY] = "direct"
        if request.headers.get("api-token", "") != self._key:
            raise Refusal(403, {"message": "Forbidden"} if self._quirks.forbidden_body else None)
        if not self._accounts.admit("1"):
            raise Refusal(429, None, self._accounts.headers)  # the body of this 429 is not documented
        return 1

    def _refusal(self, status: int, text: str, headers: dict[str, str] | None = None) -> Refusal:
        return maton_refusal(self._quirks, status, text, headers)


Authorize = Callable[[Request], int]
