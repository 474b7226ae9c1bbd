"""The settings, read once from a mapping of environment variables.

The fields of `Settings` are the one table from which code, help and documentation are made.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

GATEWAY, CONTROL, NEWER = "https://gateway.maton.ai", "https://ctrl.maton.ai", "https://api.maton.ai"
"""Base URLs of Maton's gateway and control API, and of the newer host that serves both."""
OVER_HTTP = ("AC_MCP_HTTP_TOKEN", "AC_MCP_HTTP_HOSTS", "AC_MCP_HTTP_ORIGINS", "AC_MCP_ACCEPT_CALLER_KEYS")
"""Settings that only matter to a server on HTTP, not to one that a client starts on stdio."""
WORDS = {"AC_MCP_CONFIRM": ("auto", "deletes", "always", "never"), "AC_MCP_JOURNAL": ("full", "lean")}
"""The values a setting takes, for settings with a fixed choice."""
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
URL_FIELDS = ("maton_url", "gateway_url", "control_url", "direct_url")
NAMED_TOKEN = re.compile("[A-Za-z0-9_.@-]{1,64}=[^=]")
"""The start of `name=token`; the = padding of a base64 token does not match."""
SHORTEST_TOKEN = 16
"""Characters."""


class BadSetting(Exception):
    """A setting that cannot be used; the text names the variable and the values it takes."""


def setting(variable: str, description: str, default: Any = "", *, secret: bool = False) -> Any:
    """Return a dataclass field with metadata `{"variable": ..., "about": ...}`; a secret is left out of the repr."""
    return field(default=default, metadata={"variable": variable, "about": description}, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one server. An empty string means not set; secrets never show in the repr."""

    key: str = setting("MATON_API_KEY", "Maton API key, from maton.ai/settings", secret=True)
    connection: str = setting(
        "MATON_CONNECTION", "Which Maton connection to use: its id or name; else what `ac-mcp connect` chose"
    )
    maton_url: str = setting("MATON_API_BASE_URL", f"One base URL for gateway and connections, such as {NEWER}")
    gateway_url: str = setting("MATON_GATEWAY_URL", "Base URL of the gateway alone", GATEWAY)
    control_url: str = setting("MATON_CONTROL_URL", "Base URL of the connections alone", CONTROL)
    direct_url: str = setting("AC_API_URL", "Without Maton: your API URL, such as https://acme.api-us1.com")
    direct_token: str = setting("AC_API_TOKEN", "Without Maton: your API token (Settings > Developer)", secret=True)
    sandbox: bool = setting("AC_MCP_SANDBOX", "Use the built-in sandbox account", False)
    multi_account: bool = setting("AC_MCP_MULTI_ACCOUNT", "Let each call choose its connection", False)
    read_only: bool = setting("AC_MCP_READ_ONLY", "Only tools that read, whatever else is said", False)
    toolsets: str = setting("AC_MCP_TOOLSETS", "Only these toolsets, such as `contacts,deals`")
    tools: str = setting(
        "AC_MCP_TOOLS", "Only these beside the toolsets, such as `list_tags`; `-delete_deal` leaves one out"
    )
    confirm: str = setting(
        "AC_MCP_CONFIRM", "Which writes wait for a yes: `auto`, `deletes` (those too), `always` or `never`", "auto"
    )
    allow_default: bool = setting(
        "AC_MCP_ALLOW_DEFAULT_CONNECTION", "Write to the oldest ACTIVE connection where there are several", False
    )
    hide_user_content: bool = setting("AC_MCP_HIDE_USER_CONTENT", "Leave the account's free text out of answers", False)
    journal: str = setting("AC_MCP_JOURNAL", "What is kept of writes: `full`, or `lean` without personal data", "full")
    structured: bool = setting("AC_MCP_STRUCTURED", "Typed answers: outputSchema and structuredContent too", False)
    read_timeout: float = setting("AC_MCP_READ_TIMEOUT", "Seconds a reading call may take in all", 25.0)
    write_timeout: float = setting("AC_MCP_WRITE_TIMEOUT", "Seconds a writing call may take in all", 45.0)
    answer_tokens: int = setting("AC_MCP_ANSWER_TOKENS", "Size of an answer, past which rows are left off", 6000)
    settle: float = setting("AC_MCP_SETTLE_SECONDS", "Seconds by which a create without an answer has landed", 30.0)
    strict_pacing: bool = setting("AC_MCP_STRICT_PACING", "Pace by answers alone, without estimates", False)
    state_dir: str = setting("AC_MCP_STATE_DIR", "Folder of pacing and journal, or `memory`; else the user's own")
    folders: str = setting(
        "AC_MCP_FOLDERS", "Folders whose files may be imported and exported to, with the system's separator between"
    )
    proxy: str = setting("HTTPS_PROXY", "Proxy for requests to Maton or ActiveCampaign", secret=True)
    http_token: str = setting(
        "AC_MCP_HTTP_TOKEN", "Over HTTP: who may call, as `name=token` with commas between", secret=True
    )
    http_hosts: str = setting("AC_MCP_HTTP_HOSTS", "Over HTTP: host names it is reached by, such as `mcp.example.com`")
    http_origins: str = setting(
        "AC_MCP_HTTP_ORIGINS", "Over HTTP: pages that may call, such as `https://app.example.com`"
    )
    accept_caller_keys: bool = setting(
        "AC_MCP_ACCEPT_CALLER_KEYS", "Over HTTP: take each caller's own key from X-Maton-Api-Key", False
    )
    redis_url: str = setting(
        "AC_MCP_REDIS_URL", "Redis or Valkey through which replicas share pace and journal", secret=True
    )
    log_level: str = setting("AC_MCP_LOG_LEVEL", "What is logged on stderr", "WARNING")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Parse the settings from environment variables.

        Raises:
            BadSetting: for an unknown AC_MCP_ variable or a value that cannot be used.
        """
        variables = [entry.metadata["variable"] for entry in fields(cls)]
        for name in environ:
            if name.startswith("AC_MCP_") and name not in variables:  # a typo must not switch a safeguard off
                near = get_close_matches(name, variables, 1)
                raise BadSetting(f"There is no setting {name}{f'; did you mean {near[0]}?' if near else '.'}")
        values: dict[str, Any] = {}
        for entry in fields(cls):
            # A bundle passes an unset optional value as the literal ${user_config.name}.
            text = environ.get(entry.metadata["variable"], "").strip()
            if text and not text.startswith("${"):
                values[entry.name] = parse_value(entry.metadata["variable"], text, type_of(entry.default))
        return require_valid_settings(cls(**values))

    @property
    def http_tokens(self) -> dict[str, str]:
        """Tokens by principal. A token without a name gets one from its position: `caller-3`."""
        return dict(parse_tokens(self.http_token))

    @property
    def several_accounts(self) -> bool:
        """Whether a call may choose its connection. Without Maton there is only one account."""
        return self.multi_account and not self.direct

    @property
    def direct(self) -> bool:
        """Whether requests go to ActiveCampaign itself, without Maton."""
        return bool(self.direct_url) and not self.sandbox

    @property
    def api_url(self) -> str:
        """Base URL of the ActiveCampaign API: the account's own host, or Maton's gateway."""
        return self.direct_url if self.direct else self.maton_url or self.gateway_url

    @property
    def connections_url(self) -> str:
        """Base URL of Maton's control API; empty without Maton."""
        return "" if self.direct else self.maton_url or self.control_url

    @property
    def other_host(self) -> str:
        """The host to try where Maton's usual ones cannot be reached; "" if a setting says where to send."""
        is_usual = (self.maton_url, self.gateway_url, self.control_url) == ("", GATEWAY, CONTROL)
        return NEWER if is_usual and not self.direct else ""

    @property
    def credential(self) -> str:
        """The key that requests carry: ActiveCampaign's API token, or Maton's API key."""
        return self.direct_token if self.direct else self.key


def type_of(default: object) -> type[object]:
    return type(default)


def parse_value(variable: str, text: str, kind: type[object]) -> Any:
    """Parse the text of a setting into a bool, int, float or str.

    Raises:
        BadSetting: if the text is not of this kind, or a number is not positive and below 100,000.
    """
    if kind is bool:
        if text.lower() not in BOOLEANS:
            raise BadSetting(f"{variable} is {text!r}; it takes true or false.")
        return BOOLEANS[text.lower()]
    if kind is int or kind is float:
        try:
            number = float(text) if kind is float else int(text)
        except ValueError:
            raise BadSetting(f"{variable} is {text!r}; it takes a number.") from None
        if not 0 < number < 100_000:
            raise BadSetting(f"{variable} is {text!r}; it must be above 0.")
        return number
    return text


def parse_tokens(text: str) -> list[tuple[str, str]]:
    """Parse `name=token,token` into pairs of name and token; a token may end in the = of base64."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    pairs = [part.partition("=") if NAMED_TOKEN.match(part) else ("", "", part) for part in parts]
    return [(name or f"caller-{position}", token) for position, (name, _, token) in enumerate(pairs, 1)]


def require_safe_hosting(settings: Settings) -> None:
    """Check the settings of a server that others can reach.

    Raises:
        BadSetting: for settings that would leave it open.
    """
    tokens, pairs = settings.http_tokens, parse_tokens(settings.http_token)
    if any(len(token) < SHORTEST_TOKEN or not token.isascii() or " " in token for _, token in pairs):
        raise BadSetting(f"AC_MCP_HTTP_TOKEN takes tokens of at least {SHORTEST_TOKEN} letters and digits.")
    if len(set(tokens.values())) < len(pairs):
        raise BadSetting("AC_MCP_HTTP_TOKEN holds the same name or token twice: each caller needs one of their own.")
    if (settings.http_token or settings.http_hosts or settings.http_origins) and not tokens:
        raise BadSetting("AC_MCP_HTTP_HOSTS and AC_MCP_HTTP_ORIGINS let others in: AC_MCP_HTTP_TOKEN has to say whom.")
    if settings.accept_caller_keys and not tokens:
        raise BadSetting("AC_MCP_ACCEPT_CALLER_KEYS needs AC_MCP_HTTP_TOKEN: keys are taken from known callers only.")
    if settings.accept_caller_keys and settings.direct:
        raise BadSetting("AC_MCP_ACCEPT_CALLER_KEYS is about Maton keys; AC_API_URL goes round Maton.")
    if settings.redis_url and urlsplit(settings.redis_url).scheme not in ("redis", "rediss", "unix"):
        raise BadSetting("AC_MCP_REDIS_URL takes an address such as redis://127.0.0.1:6379/0.")


def is_address(value: str) -> bool:
    """Return whether a key may travel to this URL: https, or plain http to this machine, and nothing after the path."""
    try:
        address = urlsplit(value)
        has_host = bool(address.hostname) and (address.port is None or address.port > 0)
    except ValueError:
        return False
    safe = address.scheme == "https" or address.hostname in ("127.0.0.1", "localhost", "::1")
    plain = not (address.query or address.fragment or address.username)
    return has_host and safe and plain and address.scheme in ("http", "https")


def require_valid_settings(settings: Settings) -> Settings:
    """Return the same settings after all checks, with base URLs normalized in place (no trailing / or /api/3).

    Raises:
        BadSetting: for a value or a combination that cannot be used.
    """
    for entry in fields(settings):
        if entry.name in URL_FIELDS and (url := str(getattr(settings, entry.name))):
            if not is_address(url):
                raise BadSetting(f"{entry.metadata['variable']} takes an https:// address with nothing after its path.")
            object.__setattr__(settings, entry.name, url.rstrip("/").removesuffix("/api/3"))
    for variable, key in (("MATON_API_KEY", settings.key), ("AC_API_TOKEN", settings.direct_token)):
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise BadSetting(f"{variable} holds a character no key has: a line break, a blank or a curly quote?")
    if settings.log_level.upper() not in LEVELS:
        raise BadSetting(f"AC_MCP_LOG_LEVEL takes one of {', '.join(LEVELS)}.")
    for variable, value in (("AC_MCP_CONFIRM", settings.confirm), ("AC_MCP_JOURNAL", settings.journal)):
        if value not in WORDS[variable]:
            raise BadSetting(f"{variable} is {value!r}; it takes {', '.join(WORDS[variable])}.")
    if settings.state_dir not in ("", "memory") and not Path(settings.state_dir).expanduser().is_absolute():
        raise BadSetting("AC_MCP_STATE_DIR takes an absolute path: servers that start elsewhere are to share it.")
    if settings.proxy and urlsplit(settings.proxy).scheme not in ("http", "https"):
        raise BadSetting("HTTPS_PROXY takes an http:// or https:// address.")
    require_safe_hosting(settings)
    if settings.direct and not settings.direct_token:
        raise BadSetting("AC_API_URL is set without AC_API_TOKEN; both are in ActiveCampaign, Settings > Developer.")
    return settings
