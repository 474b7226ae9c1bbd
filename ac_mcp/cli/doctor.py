"""The check-up: settings, key, connection, first read, each with what to do where it fails."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
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


async def examine(settings: Settings, company: Company, show: Show) -> int:
    """Every step in order; 0 when all went well, 1 at the first that did not."""
    show(f"addresses   {addresses(settings)}")
    if not settings.sandbox and not settings.credential:
        show(
            "key         missing. Set MATON_API_KEY (maton.ai/settings), or AC_API_URL and AC_API_TOKEN without Maton."
        )
        show("            ac-mcp connect leads through it. To try everything without a key: ac-mcp doctor --sandbox")
        return 1
    key = "the sandbox has its own" if settings.sandbox else f"set, {len(settings.credential)} characters"
    show(f"key         {key}")
    async with open_account(settings, company) as one:
        return await steps(one, settings, show)


async def steps(one: Account, settings: Settings, show: Show) -> int:
    step = "connection"
    try:
        if not settings.direct:
            said, usable = connection(one, await execute(one, list_connections, {}))
            show(f"connection  {said}")
            if not usable:
                show("failed      No connection can be used. Make one: ac-mcp connect")
                return 1
        step = "first read"
        show(f"first read  {await first_read(one)}")
        show(f"pace        {await pace(one)}")
        show(f"kept in     {await describe_state(settings)}")
        return check_state(settings, show) if one.gateway.pacing.is_cut_off else check_installation(show)
    except ToolError as trouble:
        asked = list_users if settings.direct else list_connections
        show(f"failed      {step}: {without_next(explain(trouble, asked, {}, settings.direct))}")
        for remedy in remedies(trouble, settings, one):
            show(f"            {remedy}")
        show(f"pace        {await pace(one)}")
        return 1


def check_installation(show: Show) -> int:
    show("all well")
    return 0


def check_state(settings: Settings, show: Show) -> int:
    """What keeps the pace and the record cannot be used."""
    if settings.redis_url:
        show("failed      Redis cannot be used: one request a second, and nothing can be written.")
        show("            Check AC_MCP_REDIS_URL, and whether the server runs and lets this machine in.")
        return 1
    show("failed      That folder cannot be written: one request a second, and nothing survives a restart.")
    show("            Set AC_MCP_STATE_DIR to a folder that can be, or to `memory` if there is one process.")
    return 1


def remedies(trouble: ToolError, settings: Settings, one: Account) -> Iterator[str]:
    """What else may be behind it, and what to do."""
    if isinstance(trouble, Unavailable) and not trouble.status:
        hosts = settings.api_url if settings.direct else f"{settings.connections_url} or {settings.api_url}"
        way = f" by the proxy {without_password(settings.proxy)}" if settings.proxy else ""
        yield f"Nothing came back from {hosts}{way}: check the address, the network, a firewall, the certificate."
        yield "A proxy is used if HTTPS_PROXY (in capitals) names it." if not settings.proxy else "Is the proxy up?"
    if isinstance(trouble, NotConnected):
        if one.settings.connection:
            yield f"{one.settings.connection} is the connection that was chosen; it may be gone. Choose: ac-mcp connect"
        yield "A sign-in expires after a month or so: ac-mcp connect --new, then delete the old connection."
    if not settings.direct and not settings.maton_url and not settings.sandbox:
        yield f"Maton has moved new keys to one host: try MATON_API_BASE_URL={NEWER}"


def without_password(url: str) -> str:
    """An address without what may be a password."""
    split = urlsplit(url)
    return f"{split.scheme}://{split.hostname or ''}{f':{split.port}' if split.port else ''}"


async def describe_state(settings: Settings) -> str:
    """Where pace and journal are; of a Redis, whether it keeps them."""
    if not settings.redis_url or settings.sandbox:
        return str(state_folder(settings) or "memory: nothing is shared with other processes")
    async with open_redis(settings.redis_url) as link:
        assert link is not None
        try:
            keeps = await link.is_persistent()
        except Unusable as error:
            return f"{error}"
    if not keeps:
        return "Redis, which forgets it all when it is restarted: start it with --appendonly yes"
    return "Redis, in its append-only file"


def addresses(settings: Settings) -> str:
    if settings.sandbox:
        return "the sandbox, inside this process"
    if settings.direct:
        return f"ActiveCampaign directly: {settings.api_url}"
    return f"gateway {settings.api_url}, connections {settings.connections_url}"


def connection(one: Account, answer: Json) -> tuple[str, bool]:
    """How many there are of each state and which one is used; and whether any can be."""
    rows: list[Json] = answer["connections"]
    found = Counter(str(row.get("status")) for row in rows)
    states = ", ".join(f"{found[state]} {state}" for state in ("ACTIVE", "PENDING", "FAILED"))
    if not found["ACTIVE"]:
        return f"{states}. None can be used", False
    row = as_object(next((row for row in rows if row.get("default")), None))
    if not row:
        return f"{states}; the one that was chosen is gone: {one.settings.connection}", True
    id = str(row.get("id") or one.settings.connection)
    used = f"{row['name']} ({id})" if row.get("name") else id
    others = "; ac-mcp connect --use NAME chooses another" if found["ACTIVE"] > 1 else ""
    return f"{states}; used: {used}{others}", True


async def pace(one: Account) -> str:
    """How the budget stands that the account's requests count against, of this process and all that share it."""
    caller = replace(one.caller, connection=one.default.id)
    (name, rate), *_ = one.gateway.endpoints.budgets(caller, Request("GET", ""))
    standing = await one.gateway.pacing.state_of(name, rate)
    paused = f", paused for {standing.paused:.0f} s" if standing.paused else ""
    last = "none in a day" if standing.throttled is None else f"{standing.throttled:.0f} s ago"
    waiting = f"{one.gateway.pacing.waiting_in_all} waiting here"
    return f"{standing.free} of {rate} requests free this second{paused}, {waiting}, last 429: {last}"


async def first_read(one: Account) -> str:
    answer = await execute(one, list_users, {})
    names = [row.get("name", row["id"]) for row in answer["users"]]
    return f"{answer.get('total', len(names))} users, the first is {names[0]}" if names else "answered, with no users"
