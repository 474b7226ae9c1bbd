"""The check-ups: of settings, key, connection and first read, with a remedy for each; and of a server over HTTP."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute
from ac_mcp.cli.app import Company, open_account, open_redis, state_folder
from ac_mcp.cli.next_command import without_next
from ac_mcp.errors import NotConnected, ToolError, Unavailable
from ac_mcp.messages import Json, Request, as_object
from ac_mcp.operations.connections import list_connections
from ac_mcp.operations.users import list_users
from ac_mcp.results.next_call import explain
from ac_mcp.settings import NEWER, Settings
from ac_mcp.storage.sqlite import Unusable

Show = Callable[[str], None]
FIRST_PROCESS = Path("/proc/1/cmdline")
HEALTH_TIMEOUT = 3.0
"""Seconds."""


async def examine(settings: Settings, company: Company, show: Show) -> int:
    """Run every check in order. Return 0 if all succeed, 1 at the first that fails."""
    show(f"addresses   {describe_addresses(settings)}")
    if not settings.sandbox and not settings.credential:
        show(
            "key         missing. Set MATON_API_KEY (maton.ai/settings), or AC_API_URL and AC_API_TOKEN without Maton."
        )
        show("            ac-mcp connect leads through it. To try everything without a key: ac-mcp doctor --sandbox")
        return 1
    key = "the sandbox has its own" if settings.sandbox else f"set, {len(settings.credential)} characters"
    show(f"key         {key}")
    async with open_account(settings, company) as account:
        return await run_steps(account, settings, show)


async def run_steps(account: Account, settings: Settings, show: Show) -> int:
    """Check the connection, a first read, the rate limit and the storage; return the exit code."""
    step = "connection"
    try:
        if not settings.direct:
            text, usable = describe_connections(account, await execute(account, list_connections, {}))
            if account.gateway.endpoints.has_moved:
                show(
                    f"            {settings.api_url} cannot be reached; {account.gateway.endpoints.api} is used instead"
                )
            show(f"connection  {text}")
            if not usable:
                show("failed      No connection can be used. Make one: ac-mcp connect")
                return 1
        step = "first read"
        show(f"first read  {await describe_first_read(account)}")
        show(f"pace        {await describe_rate_limit(account)}")
        show(f"kept in     {await describe_state(settings)}")
        if account.gateway.pacing.is_cut_off:
            show_unusable_state(settings, show)
            return 1
        show("all well")
        return 0
    except ToolError as error:
        operation = list_users if settings.direct else list_connections
        show(f"failed      {step}: {without_next(explain(error, operation, {}, settings.direct))}")
        for remedy in remedies(error, settings, account):
            show(f"            {remedy}")
        show(f"pace        {await describe_rate_limit(account)}")
        return 1


def show_unusable_state(settings: Settings, show: Show) -> None:
    """Show that the storage of the rate limit and the journal is unusable, and the remedy."""
    if settings.redis_url:
        show("failed      Redis cannot be used: one request a second, and nothing can be written.")
        show("            Check AC_MCP_REDIS_URL, and whether the server runs and lets this machine in.")
        return
    show("failed      That folder cannot be written: one request a second, and nothing survives a restart.")
    show("            Set AC_MCP_STATE_DIR to a folder that can be, or to `memory` if there is one process.")


def remedies(error: ToolError, settings: Settings, account: Account) -> Iterator[str]:
    """Yield further possible causes of an error, each with its remedy."""
    if isinstance(error, Unavailable) and not error.status:
        hosts = settings.api_url if settings.direct else f"{settings.connections_url} or {settings.api_url}"
        proxy = f" by the proxy {without_credentials(settings.proxy)}" if settings.proxy else ""
        yield f"Nothing came back from {hosts}{proxy}: check the address, the network, a firewall, the certificate."
        yield "A proxy is used if HTTPS_PROXY (in capitals) names it." if not settings.proxy else "Is the proxy up?"
    if isinstance(error, NotConnected):
        chosen = account.settings.connection
        if chosen:
            yield f"{chosen} is the connection that was chosen; it may be gone. Choose: ac-mcp connect"
        yield "A sign-in expires after a month or so: ac-mcp connect --new, then delete the old connection."
    was_reached = not (isinstance(error, Unavailable) and error.host)
    if settings.other_host and was_reached and not settings.sandbox and not account.gateway.endpoints.has_moved:
        yield f"Maton has moved new keys to one host: try MATON_API_BASE_URL={NEWER}"


def without_credentials(url: str) -> str:
    """Return scheme, host and port of a URL, without the user and password it may contain."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.hostname or ''}{f':{split.port}' if split.port else ''}"


async def describe_state(settings: Settings) -> str:
    """Return where rate limits and journal are stored; for Redis, also whether it persists them."""
    if not settings.redis_url or settings.sandbox:
        return str(state_folder(settings) or "memory: nothing is shared with other processes")
    async with open_redis(settings.redis_url) as redis:
        assert redis is not None
        try:
            persistent = await redis.is_persistent()
        except Unusable as error:
            return f"{error}"
    if not persistent:
        return "Redis, which forgets it all when it is restarted: start it with --appendonly yes"
    return "Redis, in its append-only file"


def describe_addresses(settings: Settings) -> str:
    """Return where requests are sent."""
    if settings.sandbox:
        return "the sandbox, inside this process"
    if settings.direct:
        return f"ActiveCampaign directly: {settings.api_url}"
    return f"gateway {settings.api_url}, connections {settings.connections_url}"


def describe_connections(account: Account, answer: Json) -> tuple[str, bool]:
    """Return the number of connections by status and the one in use, and whether any is ACTIVE."""
    rows: list[Json] = answer["connections"]
    counts = Counter(str(row.get("status")) for row in rows)
    statuses = ", ".join(f"{counts[status]} {status}" for status in ("ACTIVE", "PENDING", "FAILED"))
    if not counts["ACTIVE"]:
        return f"{statuses}. None can be used", False
    row = as_object(next((row for row in rows if row.get("default")), None))
    if not row:
        return f"{statuses}; the one that was chosen is gone: {account.settings.connection}", True
    id = str(row.get("id") or account.settings.connection)
    used = f"{row['name']} ({id})" if row.get("name") else id
    others = "; ac-mcp connect --use NAME chooses another" if counts["ACTIVE"] > 1 else ""
    return f"{statuses}; used: {used}{others}", True


async def describe_rate_limit(account: Account) -> str:
    """Return the state of the budget for the account's requests, which all processes of this user share."""
    caller = replace(account.caller, connection=account.default.id)
    (name, rate), *_ = account.gateway.endpoints.budgets(caller, Request("GET", ""))
    state = await account.gateway.pacing.state_of(name, rate)
    paused = f", paused for {state.paused:.0f} s" if state.paused else ""
    last = "none in a day" if state.throttled is None else f"{state.throttled:.0f} s ago"
    waiting = f"{account.gateway.pacing.waiting_in_all} waiting here"
    return f"{state.free} of {rate} requests free this second{paused}, {waiting}, last 429: {last}"


async def describe_first_read(account: Account) -> str:
    """Read the account's users; return their number and the first name."""
    answer = await execute(account, list_users, {})
    names = [row.get("name", row["id"]) for row in answer["users"]]
    return f"{answer.get('total', len(names))} users, the first is {names[0]}" if names else "answered, with no users"


def find_served_address(cmdline: Path = FIRST_PROCESS) -> str:
    """Return the `--http` address of process 1, the one a container runs; "" if it has none or cannot be read."""
    try:
        words = cmdline.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--http" or word.startswith("--http="):
            return word.partition("=")[2] or following
    return ""


def is_healthy(address: str) -> bool:
    """Return whether the server at `host:port` answers /healthz. A server on all addresses is reached by loopback."""
    host, _, port = address.rpartition(":")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host).strip("[]")
    connection = HTTPConnection(host, int(port) if port.isdecimal() else 0, timeout=HEALTH_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
