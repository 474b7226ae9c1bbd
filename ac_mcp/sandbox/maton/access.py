"""The two ways in: through Maton's gateway with a Bearer key, or directly with an Api-Token."""

from collections.abc import Callable

from starlette.requests import Request

from ac_mcp.sandbox.http.rate_limits import Limiter
from ac_mcp.sandbox.http.request_log import VIA
from ac_mcp.sandbox.rest.errors import Refusal

from .connections import Connections

MATON_RATE = 10


class Doors:
    """Who may come in, how often, and to which account."""

    def __init__(self, key: str, connections: Connections, rate: int | None, clock: Callable[[], float]) -> None:
        self._key, self._connections = key, connections
        self._accounts = Limiter(rate, clock)
        self._keys = Limiter(MATON_RATE if rate else None, clock)

    def maton(self, request: Request) -> None:
        """The key, for the gateway and the control plane alike."""
        if request.headers.get("authorization", "") != f"Bearer {self._key}":
            raise Refusal(401, {"error": "Invalid API key"})
        if not self._keys.admit(self._key):
            raise Refusal(429, {"error": "Rate limit exceeded"}, self._keys.headers)

    def gateway(self, request: Request) -> int:
        self.maton(request)
        row = self._connections.chosen(request.headers.get("maton-connection"))
        request.scope[VIA] = row["connection_id"]
        account = int(row["id"])
        self._count(account, {"error": "Rate limit exceeded"})
        return account

    def direct(self, request: Request) -> int:
        """A wrong token is a 403 without body or Content-Type (reference 2.5); the 429 body is not documented."""
        request.scope[VIA] = "direct"
        if request.headers.get("api-token", "") != self._key:
            raise Refusal(403)
        self._count(1, None)
        return 1

    def _count(self, account: int, body: object) -> None:
        if not self._accounts.admit(str(account)):
            raise Refusal(429, body, self._accounts.headers)


Door = Callable[[Request], int]
