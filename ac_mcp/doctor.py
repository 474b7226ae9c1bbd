"""The check-up: settings, key, connection, first read, each with what to do where it fails."""

from collections.abc import Callable
from dataclasses import replace

from ac_mcp.account import Account
from ac_mcp.calls import run
from ac_mcp.errors import Trouble
from ac_mcp.launch import Company, account, linked, state_folder
from ac_mcp.operations.connections import list_connections
from ac_mcp.operations.users import list_users
from ac_mcp.request import Json, Request
from ac_mcp.results.hints import explain
from ac_mcp.settings import NEWER, Settings
from ac_mcp.storage import Unusable

Show = Callable[[str], None]


async def examine(settings: Settings, company: Company, show: Show) -> int:
    """Every step in order; 0 when all went well, 1 at the first that did not."""
    show(f"addresses   {addresses(settings)}")
    if not settings.sandbox and not settings.credential:
        show(
            "key         missing. Set MATON_API_KEY (maton.ai/settings), or AC_API_URL and AC_API_TOKEN without Maton."
        )
        show("            To try everything without a key: ac-mcp doctor --sandbox")
        return 1
    key = "the sandbox has its own" if settings.sandbox else f"set, {len(settings.credential)} characters"
    show(f"key         {key}")
    async with account(settings, company) as one:
        try:
            if not settings.direct:
                show(f"connection  {connection(settings, await run(one, list_connections, {}))}")
            show(f"first read  {await first_read(one)}")
            show(f"pace        {await pace(one)}")
            show(f"kept in     {await kept(settings)}")
            if one.gateway.pacing.alone and settings.redis_url:
                show("failed      Redis cannot be used: one request a second, and nothing can be written.")
                show("            Check AC_MCP_REDIS_URL, and whether the server runs and lets this machine in.")
                return 1
            if one.gateway.pacing.alone:
                show("failed      That folder cannot be written: one request a second, and nothing survives a restart.")
                show(
                    "            Set AC_MCP_STATE_DIR to a folder that can be, or to `memory` if there is one process."
                )
                return 1
        except Trouble as trouble:
            asked = list_users if settings.direct else list_connections
            show(f"failed      {explain(trouble, asked, {}, settings.direct)}")
            show(f"pace        {await pace(one)}")
            if not settings.direct and not settings.maton_url:
                show(f"            Maton has moved new keys to one host: try MATON_API_BASE_URL={NEWER}")
            return 1
    show("all well")
    return 0


async def kept(settings: Settings) -> str:
    """Where pace and journal are; of a Redis, whether it keeps them."""
    if not settings.redis_url or settings.sandbox:
        return str(state_folder(settings) or "memory: nothing is shared with other processes")
    async with linked(settings.redis_url) as link:
        assert link is not None
        try:
            keeps = await link.keeps()
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


def connection(settings: Settings, answer: Json) -> str:
    """How many there are of each state, and which one is used."""
    rows: list[Json] = answer["connections"]
    states = ", ".join(
        f"{sum(row['status'] == state for row in rows)} {state}" for state in ("ACTIVE", "PENDING", "FAILED")
    )
    used = settings.connection or "the oldest ACTIVE one (MATON_CONNECTION chooses another)"
    if any(row.get("status") == "ACTIVE" for row in rows):
        return f"{states}; used: {used}"
    return f'{states}. None can be used: run ac-mcp call manage_connection \'{{"action":"create"}}\' and open its link.'


async def pace(one: Account) -> str:
    """How the budget stands that the account's requests count against, of this process and all that share it."""
    caller = replace(one.caller, connection=one.default.id)
    (name, rate), *_ = one.gateway.doors.budgets(caller, Request("GET", ""))
    standing = await one.gateway.pacing.standing(name, rate)
    paused = f", paused for {standing.paused:.0f} s" if standing.paused else ""
    last = "none in a day" if standing.throttled is None else f"{standing.throttled:.0f} s ago"
    waiting = f"{one.gateway.pacing.queued} waiting here"
    return f"{standing.free} of {rate} requests free this second{paused}, {waiting}, last 429: {last}"


async def first_read(one: Account) -> str:
    answer = await run(one, list_users, {})
    names = [row.get("name", row["id"]) for row in answer["users"]]
    return f"{answer.get('total', len(names))} users, the first is {names[0]}" if names else "answered, with no users"
