"""Where requests go and what proves who sends them: through Maton, or straight to ActiveCampaign."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ac_mcp.errors import KeyRefused, NotConnected
from ac_mcp.gateway.rate_stores import Rates, hash_secret
from ac_mcp.messages import Caller, Plane, Request

APP = "active-campaign"
API = "/api/3"
PATH = re.compile(r"(/[0-9A-Za-z_-][0-9A-Za-z_.@+-]*)+", re.ASCII)
"""A path of ours, whole: no dot, no percent sign, no empty segment."""
ACCOUNT_RATE, KEY_RATE = 5, 10
"""Requests a second, of one account and of one Maton key."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The base URL of each plane, and whether Maton stands in front."""

    api: str
    control: str = ""
    direct: bool = False

    def url(self, request: Request) -> str:
        """Where a request goes. What it names cannot lead outside its plane.

        Raises:
            ValueError: if a path would leave its base URL, which no operation can bring about.
        """
        base = self.base_url(request.plane)
        url = base + request.path
        wanted, built = urlsplit(base), urlsplit(url)
        inside = (built.scheme, built.netloc) == (wanted.scheme, wanted.netloc) and built.path.startswith(
            f"{wanted.path}/"
        )
        if not inside or not PATH.fullmatch(request.path) or built.query or built.fragment:
            raise ValueError(f"{request.path!r} leaves {base}")
        return url

    def base_url(self, plane: Plane) -> str:
        if plane == "control":
            return self.control
        return self.api + API if self.direct else f"{self.api}/{APP}{API}"

    def headers(self, request: Request, caller: Caller) -> Mapping[str, str]:
        """Raises KeyRefused where there is no key to send."""
        if not caller.key:
            raise KeyRefused("No key is set.")
        if self.direct and request.plane == "control":
            raise NotConnected("Without Maton there are no connections.")
        if self.direct:
            return {"Api-Token": caller.key}
        chosen = {"Maton-Connection": caller.connection} if caller.connection and request.plane == "api" else {}
        return {"Authorization": f"Bearer {caller.key}", **chosen}

    def budgets(self, caller: Caller, request: Request) -> Rates:
        """Which limits a request counts against: 5 a second per account, 10 per Maton key (reference 1.4, 2.6).

        The names say whose they are without holding a key: other processes read them too.
        """
        if self.direct:
            return ((f"host {urlsplit(self.api).netloc}", ACCOUNT_RATE),)
        key = (f"key {hash_secret(caller.key)}", KEY_RATE)
        whose = f"connection {caller.connection}" if caller.connection else f"default of {hash_secret(caller.key)}"
        return ((whose, ACCOUNT_RATE), key) if request.plane == "api" else (key,)
