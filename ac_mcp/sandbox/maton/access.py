"""Access to the API: through Maton's gateway with a Bearer key, or directly with an Api-Token."""

from collections.abc import Callable

from starlette.requests import Request

from ac_mcp.sandbox.http.rate_limits import RateLimiter
from ac_mcp.sandbox.http.request_log import VIA_KEY
from ac_mcp.sandbox.rest.errors import Refusal

from .connections import Connections

MATON_RATE = 10
"""Requests per second and key."""


class Access:
    """The check of a request's key and rate, which returns the account the request is for."""

    def __init__(self, key: str, connections: Connections, rate: int | None, clock: Callable[[], float]) -> None:
        self._key, self._connections = key, connections
        self._accounts = RateLimiter(rate, clock)
        self._keys = RateLimiter(MATON_RATE if rate else None, clock)

    def require_key(self, request: Request) -> None:
        """Refuse a request without the key, or too many with it; the gateway and the control API share the count."""
        if request.headers.get("authorization", "") != f"Bearer {self._key}":
            raise Refusal(401, {"error": "Invalid API key"})
        if not self._keys.admit(self._key):
            raise Refusal(429, {"error": "Rate limit exceeded"}, self._keys.headers)

    def authorize_gateway(self, request: Request) -> int:
        """Return the account behind the connection that the request goes through."""
        self.require_key(request)
        row = self._connections.require_active(request.headers.get("maton-connection"))
        request.scope[VIA_KEY] = row["connection_id"]
        account = int(row["id"])
        self._admit(account, {"error": "Rate limit exceeded"})
        return account

    def authorize_direct(self, request: Request) -> int:
        """Return account 1; a wrong token is a 403 without body or Content-Type (reference 2.5)."""
        request.scope[VIA_KEY] = "direct"
        if request.headers.get("api-token", "") != self._key:
            raise Refusal(403)
        self._admit(1, None)  # the body of this 429 is not documented
        return 1

    def _admit(self, account: int, body: object) -> None:
        if not self._accounts.admit(str(account)):
            raise Refusal(429, body, self._accounts.headers)


Authorize = Callable[[Request], int]
