"""Addresses, headers and budgets of requests: through Maton, or straight to ActiveCampaign."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ac_mcp.errors import KeyRefused, NotConnected
from ac_mcp.gateway.rate_stores import Rates, hash_secret
from ac_mcp.messages import Caller, Plane, Request

APP = "active-campaign"
"""Maton's name for ActiveCampaign, the first segment of its gateway paths."""
API = "/api/3"
"""The version prefix of ActiveCampaign's own paths."""
PATH = re.compile(r"(/[0-9A-Za-z_-][0-9A-Za-z_.@+-]*)+", re.ASCII)
"""A whole request path: no segment is empty or starts with a dot, and there is no percent sign."""
ACCOUNT_RATE, KEY_RATE = 5, 10
"""Requests a second that one account, and one Maton key, allows."""


@dataclass(slots=True)
class Endpoints:
    """The base URL of each plane, and whether requests bypass Maton."""

    api: str
    """Base URL of Maton's gateway, or of the ActiveCampaign account if `direct`."""
    control: str = ""
    """Base URL of Maton's control API."""
    direct: bool = False
    """Whether requests go straight to ActiveCampaign, with its own API token."""
    other: str = ""
    """Another host that serves both planes, for when these cannot be reached; "" if there is none."""
    has_answered: bool = False
    """Whether anything has answered here: from then on the host is not changed."""

    has_moved: bool = False
    """Whether these are not the usual hosts, since those could not be reached."""

    def use(self, api: str, control: str) -> None:
        """Send to these base URLs from now on."""
        self.api, self.control = api, control

    def url(self, request: Request) -> str:
        """Return the full URL of a request, without its query.

        Raises:
            ValueError: if the path would leave the base URL of its plane. No operation can cause this.
        """
        base = self.base_url(request.plane)
        url = base + request.path
        base_parts, parts = urlsplit(base), urlsplit(url)
        same_host = (parts.scheme, parts.netloc) == (base_parts.scheme, base_parts.netloc)
        inside = same_host and parts.path.startswith(f"{base_parts.path}/")
        if not inside or not PATH.fullmatch(request.path) or parts.query or parts.fragment:
            raise ValueError(f"{request.path!r} leaves {base}")
        return url

    def base_url(self, plane: Plane) -> str:
        """Return the URL that the paths of a plane are appended to."""
        if plane == "control":
            return self.control
        if plane == "v1":
            return self.api if self.direct else f"{self.api}/{APP}"
        return self.api + API if self.direct else f"{self.api}/{APP}{API}"

    def headers(self, request: Request, caller: Caller) -> Mapping[str, str]:
        """Return the headers that authenticate a request and choose its connection.

        Raises:
            KeyRefused: if the caller has no key.
            NotConnected: if the request is for the control API, but requests bypass Maton.
        """
        if not caller.key:
            raise KeyRefused("No key is set.")
        if self.direct and request.plane == "control":
            raise NotConnected("Without Maton there are no connections.")
        if self.direct:
            return {"Api-Token": caller.key}
        headers = {"Authorization": f"Bearer {caller.key}"}
        if caller.connection and request.plane in ("api", "v1"):
            headers["Maton-Connection"] = caller.connection
        return headers

    def budgets(self, caller: Caller, request: Request) -> Rates:
        """Return the budgets a request counts against: 5 a second per account, 10 per Maton key (reference 1.4, 2.6).

        The account's budget comes first. The names contain only a hash of the key, because other processes read them.
        """
        if self.direct:
            return ((f"host {urlsplit(self.api).netloc}", ACCOUNT_RATE),)
        key = (f"key {hash_secret(caller.key)}", KEY_RATE)
        account = f"connection {caller.connection}" if caller.connection else f"default of {hash_secret(caller.key)}"
        return (key,) if request.plane == "control" else ((account, ACCOUNT_RATE), key)
