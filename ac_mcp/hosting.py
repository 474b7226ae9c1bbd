"""Many callers in one process: for each of them an account of their own, over one gateway.

What belongs to a caller (names, journal, jobs, tokens, what waits for a yes) is kept by principal and key; nothing of
it is ever looked up for anybody else. Only the pace is shared: the limit is the account's and not a caller's.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from anyio import create_task_group
from anyio.abc import TaskGroup

from ac_mcp.account import Account
from ac_mcp.background import Running
from ac_mcp.default_connection import DefaultConnection
from ac_mcp.gateway.client import Gateway
from ac_mcp.gateway.stores import hidden
from ac_mcp.journal import Journal
from ac_mcp.modes import offered
from ac_mcp.settings import Settings
from ac_mcp.sharing import first

MOST = 500
"""Accounts that are kept at hand; of more, those that were used longest ago are forgotten, but for their journal."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who calls, as the HTTP side has found out, and the key and connection they have brought with them."""

    principal: str
    key: str = field(default="", repr=False)
    connection: str = ""


@dataclass(slots=True)
class Callers:
    """The account of each caller, made when they first call."""

    settings: Settings
    gateway: Gateway
    journal_of: Callable[[str], Journal | None]
    """The journal of that name; None where one in memory will do."""
    folder: Path | None = None
    known: OrderedDict[Who, Account] = field(default_factory=OrderedDict[Who, Account])
    journals: dict[str, Journal] = field(default_factory=dict[str, Journal])
    defaults: dict[str, DefaultConnection] = field(default_factory=dict[str, DefaultConnection])
    """The default connection of each key: it is looked up once, and paced as one account, for all who share the key."""
    group: TaskGroup | None = None

    @asynccontextmanager
    async def attached(self) -> AsyncGenerator[None]:
        """Their jobs run in the background meanwhile; what still runs at the end is broken off."""
        try:
            async with create_task_group() as self.group:
                yield
                self.group.cancel_scope.cancel()
        except BaseExceptionGroup as failures:
            raise first(failures) from None
        finally:
            self.group = None
            for journal in self.journals.values():
                journal.close()

    def account(self, who: Who) -> Account:
        """The account of this caller, with all that was learnt for them before."""
        if who in self.known:
            self.known.move_to_end(who)
            return self.known[who]
        while len(self.known) >= MOST and (
            idle := next((one for one, a in self.known.items() if not a.running.runs), None)
        ):
            del self.known[idle]
        made = self.known[who] = self._made(who)
        return made

    def _made(self, who: Who) -> Account:
        key, connection = (who.key, who.connection) if who.key else (self.settings.credential, self.settings.connection)
        settings = self.settings if self.settings.direct else replace(self.settings, key=key, connection=connection)
        name = hidden(f"{who.principal}\n{key}")
        journal = self.journals.get(name) or self.journal_of(name)
        one = Account.of(settings, self.gateway, journal, self.folder / name if self.folder else None)
        self.journals[name] = one.journal
        return replace(
            one,
            caller=replace(one.caller, principal=who.principal),
            offered=offered(settings),
            running=Running(group=self.group),
            default=self.defaults.setdefault(hidden(key), DefaultConnection()),
        )

    async def troubles(self) -> list[str]:
        """Why no caller should be sent here now; empty where there is no reason."""
        found = ["The pace cannot be shared: 1 request a second until it can."] if self.gateway.pacing.alone else []
        return found + (["The journal cannot be kept."] if any(one.away for one in self.journals.values()) else [])

    @property
    def idle(self) -> bool:
        """Whether no job of anybody runs here."""
        return not any(one.running.runs for one in self.known.values())
