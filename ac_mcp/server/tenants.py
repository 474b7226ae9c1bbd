"""Serve many callers in one process: each has an account of their own, over one gateway.

What belongs to a caller (names, journal, jobs, tokens, pending confirmations) is stored by principal and key, and is
never looked up for anyone else. Only the rate limiter is shared, since the limit is the account's, not the caller's.
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

FLUSHES_AT_ONCE = 20
"""Journals whose queues are flushed at the same time."""
WATCH_INTERVAL = 1.0
"""Seconds between two checks whether the shared Redis was restarted."""
MAX_ACCOUNTS = 500
"""Accounts in memory; beyond that, those unused for longest are dropped, unless they have a job running."""
MAX_JOURNALS = 2 * MAX_ACCOUNTS
"""Journals in memory, beyond which even those that are stored nowhere else are dropped."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of an HTTP request: their principal, and the Maton key and connection they sent, if any."""

    principal: str
    key: str = field(default="", repr=False)
    connection: str = ""


@dataclass(slots=True)
class Tenants:
    """The account of each caller, created by their first call."""

    settings: Settings
    gateway: Gateway
    journal_of: Callable[[str], Journal | None]
    """A function that opens the journal of a name, or returns None if one in memory will do."""
    folder: Path | None = None
    """The folder that holds a folder for each caller; None if no files are stored."""
    accounts: OrderedDict[Principal, Account] = field(default_factory=OrderedDict[Principal, Account])
    """The most recently used last."""
    journals: dict[str, Journal] = field(default_factory=dict[str, Journal])
    """By the hash of principal and key, which is also the name of the caller's folder."""
    link: RedisClient | None = None
    """The Redis that this process shares with other replicas; None if there is none."""
    defaults: dict[str, DefaultConnection] = field(default_factory=dict[str, DefaultConnection])
    """The default connection by the hash of its key: those who share a key share one lookup and one rate limit."""
    background: JobPool = field(default_factory=JobPool)
    """The pool whose task group runs the jobs of all callers."""

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Run the callers' jobs in the background; at the end cancel the unfinished ones and close the journals."""
        try:
            async with self.background.open():
                if self.link and self.background.group:
                    self.background.group.start_soon(self._watch, self.link)
                yield
        finally:
            for journal in self.journals.values():
                journal.close()

    async def _watch(self, link: RedisClient) -> None:
        """Flush the journals to a Redis that was restarted, before a replica that knows nothing fills it."""
        boot: object = None
        while True:
            with suppress(Unusable):
                now = (await link.info("server")).get("run_id")
                if boot in (None, now) or await self._flush(self.journals.values()):
                    boot = now
                await self._flush(journal for journal in self.journals.values() if journal.is_unavailable)
            await sleep(WATCH_INTERVAL)

    async def _flush(self, journals: Iterable[Journal]) -> bool:
        """Flush the queues of these journals; return False, without trying the rest, as soon as one fails."""
        failures = 0
        limiter = CapacityLimiter(FLUSHES_AT_ONCE)

        async with create_task_group() as group:

            async def flush(journal: Journal) -> None:
                nonlocal failures
                async with limiter:
                    try:
                        await journal.flush_queue()
                    except Unavailable:
                        failures += 1
                        group.cancel_scope.cancel()

            for journal in list(journals):
                group.start_soon(flush, journal)
        return not failures

    def account(self, caller: Principal) -> Account:
        """Return the account of this caller, with all that was learnt for them before; create it if needed."""
        if caller in self.accounts:
            self.accounts.move_to_end(caller)
            return self.accounts[caller]
        while len(self.accounts) >= MAX_ACCOUNTS and (
            idle := next((other for other, account in self.accounts.items() if not account.job_pool.runs), None)
        ):
            del self.accounts[idle]
            self._evict()
        created = self.accounts[caller] = self._create(caller)
        return created

    def _evict(self) -> None:
        """Drop default connections and journals that no account uses.

        Journals in memory only are dropped if there are more than `MAX_JOURNALS`; those with a queue never are.
        """
        accounts = self.accounts.values()
        used = {id(account.default) for account in accounts}
        self.defaults = {key: default for key, default in self.defaults.items() if id(default) in used}
        used = {id(account.journal) for account in accounts}
        for name, journal in list(self.journals.items()):
            irreplaceable = journal.is_in_memory and len(self.journals) <= MAX_JOURNALS
            if not (id(journal) in used or journal.is_unavailable or irreplaceable):
                del self.journals[name]  # not closed: a call of theirs may still be under way

    def _create(self, caller: Principal) -> Account:
        key, connection = self.settings.credential, self.settings.connection
        if caller.key:
            key, connection = caller.key, caller.connection
        settings = self.settings if self.settings.direct else replace(self.settings, key=key, connection=connection)
        name = hash_secret(f"{caller.principal}\n{key}")
        journal = self.journals.get(name) or self.journal_of(name)
        account = Account.of(settings, self.gateway, journal, self.folder / name if self.folder else None)
        self.journals[name] = account.journal
        return replace(
            account,
            caller=replace(account.caller, principal=caller.principal),
            tools=offered_tools(settings),
            job_pool=JobPool(group=self.background.group),
            default=self.defaults.setdefault(hash_secret(key), DefaultConnection()),
        )

    async def find_problems(self) -> list[str]:
        """Return the reasons, as sentences, why this replica should get no requests now; empty if it is ready."""
        pacing = self.gateway.pacing
        problems: list[str] = []
        if pacing.is_cut_off and not await pacing.is_reachable():
            problems.append("The pace cannot be shared: 1 request a second until it can.")
        flushed = await self._flush(journal for journal in self.journals.values() if journal.is_unavailable)
        if not flushed:
            problems.append("The journal cannot be kept.")
        return problems
