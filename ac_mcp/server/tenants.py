"""Many callers in one process: for each of them an account of their own, over one gateway.

What belongs to a caller (names, journal, jobs, tokens, what waits for a yes) is kept by principal and key; nothing of
it is ever looked up for anybody else. Only the pace is shared: the limit is the account's and not a caller's.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from anyio import CapacityLimiter, create_task_group, sleep

from ac_mcp.calls.account import Account
from ac_mcp.calls.default_connection import DefaultConnection
from ac_mcp.errors import Unavailable
from ac_mcp.gateway.client import Gateway
from ac_mcp.gateway.rate_stores import hash_secret
from ac_mcp.jobs.pool import JobPool
from ac_mcp.settings import Settings
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.redis_client import RedisClient
from ac_mcp.storage.sqlite import Unusable
from ac_mcp.tools.toolsets import offered_tools

AT_ONCE = 20
"""Journals that are told at the same time what they missed."""
WATCHED = 1.0
"""Seconds between two looks whether what replicas share was started anew."""
MOST = 500
"""Accounts that are kept at hand; of more, those that were used longest ago are forgotten."""
FAR_TOO_MANY = 2 * MOST
"""Journals that are nowhere but here of which the oldest are forgotten all the same."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, as the HTTP side has found out, and the key and connection they have brought with them."""

    principal: str
    key: str = field(default="", repr=False)
    connection: str = ""


@dataclass(slots=True)
class Tenants:
    """The account of each caller, made when they first call."""

    settings: Settings
    gateway: Gateway
    journal_of: Callable[[str], Journal | None]
    """The journal of that name; None where one in memory will do."""
    folder: Path | None = None
    accounts: OrderedDict[Principal, Account] = field(default_factory=OrderedDict[Principal, Account])
    journals: dict[str, Journal] = field(default_factory=dict[str, Journal])
    link: RedisClient | None = None
    """What other replicas share with this one."""
    defaults: dict[str, DefaultConnection] = field(default_factory=dict[str, DefaultConnection])
    """The default connection of each key: it is looked up once, and paced as one account, for all who share the key."""
    background: JobPool = field(default_factory=JobPool)

    @asynccontextmanager
    async def attached(self) -> AsyncGenerator[None]:
        """Their jobs run in the background meanwhile; what still runs at the end is broken off."""
        try:
            async with self.background.open():
                if self.link and self.background.group:
                    self.background.group.start_soon(self._watch, self.link)
                yield
        finally:
            for journal in self.journals.values():
                journal.close()

    async def _watch(self, link: RedisClient) -> None:
        """What is known here is told to a Redis that was started anew, before somebody fills it who knows nothing."""
        boot: object = None
        while True:
            with suppress(Unusable):
                now = (await link.info("server")).get("run_id")
                if boot in (None, now) or await self._flush(self.journals.values()):
                    boot = now
                await self._flush(one for one in self.journals.values() if one.is_unavailable)
            await sleep(WATCHED)

    async def _flush(self, journals: Iterable[Journal]) -> bool:
        """Whether all that is owed is told by now; where one cannot be told, the others are not tried in vain."""
        left = 0
        room = CapacityLimiter(AT_ONCE)

        async with create_task_group() as group:

            async def settle(one: Journal) -> None:
                nonlocal left
                async with room:
                    try:
                        await one.flush_queue()
                    except Unavailable:
                        left += 1
                        group.cancel_scope.cancel()

            for one in list(journals):
                group.start_soon(settle, one)
        return not left

    def account(self, who: Principal) -> Account:
        """The account of this caller, with all that was learnt for them before."""
        if who in self.accounts:
            self.accounts.move_to_end(who)
            return self.accounts[who]
        while len(self.accounts) >= MOST and (
            idle := next((one for one, a in self.accounts.items() if not a.job_pool.runs), None)
        ):
            del self.accounts[idle]
            self._evict()
        made = self.accounts[who] = self._create(who)
        return made

    def _evict(self) -> None:
        """What nobody here uses any more; journals too, if they are kept elsewhere or there are far too many."""
        known = self.accounts.values()
        used = {id(other.default) for other in known}
        self.defaults = {key: default for key, default in self.defaults.items() if id(default) in used}
        used = {id(other.journal) for other in known}
        for name, journal in list(self.journals.items()):
            here_only = journal.is_in_memory and len(self.journals) <= FAR_TOO_MANY
            if not (id(journal) in used or journal.is_unavailable or here_only):
                del self.journals[name]  # not closed: a call of theirs may still be under way

    def _create(self, who: Principal) -> Account:
        key, connection = (who.key, who.connection) if who.key else (self.settings.credential, self.settings.connection)
        settings = self.settings if self.settings.direct else replace(self.settings, key=key, connection=connection)
        name = hash_secret(f"{who.principal}\n{key}")
        journal = self.journals.get(name) or self.journal_of(name)
        one = Account.of(settings, self.gateway, journal, self.folder / name if self.folder else None)
        self.journals[name] = one.journal
        return replace(
            one,
            caller=replace(one.caller, principal=who.principal),
            tools=offered_tools(settings),
            job_pool=JobPool(group=self.background.group),
            default=self.defaults.setdefault(hash_secret(key), DefaultConnection()),
        )

    async def find_problems(self) -> list[str]:
        """Why no caller should be sent here now; empty where there is no reason."""
        pacing = self.gateway.pacing
        alone = pacing.is_cut_off and not await pacing.is_reachable()
        found = ["The pace cannot be shared: 1 request a second until it can."] if alone else []
        kept = await self._flush(one for one in self.journals.values() if one.is_unavailable)
        return found if kept else [*found, "The journal cannot be kept."]
