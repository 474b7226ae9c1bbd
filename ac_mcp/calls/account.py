"""What belongs to one caller: settings, gateway, directories, journal; and through which connection its calls go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from time import monotonic, time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from anyio import move_on_after

from ac_mcp.calls.default_connection import DefaultConnection
from ac_mcp.concurrency import Sharing
from ac_mcp.errors import GatewayError, OutcomeUnknown, Unavailable
from ac_mcp.gateway.call_client import Bound, Trail
from ac_mcp.gateway.client import Gateway
from ac_mcp.jobs.pool import Running
from ac_mcp.jobs.store import Jobs
from ac_mcp.messages import Caller, Json, Request
from ac_mcp.naming.directory import References
from ac_mcp.operations import RESOURCES
from ac_mcp.operations.changes import confirm_change
from ac_mcp.operations.connections import connections
from ac_mcp.settings import Settings
from ac_mcp.spec.operation import Operation
from ac_mcp.storage.journal import Journal
from ac_mcp.tools.access import Reach
from ac_mcp.tools.toolsets import offered, switched_off
from ac_mcp.writes.audit_log import Changes, Whose
from ac_mcp.writes.reconcile import Seen, Settling

GRACE = 0.25
"""Seconds past its deadline after which a call is ended whatever it waits for."""


@dataclass(frozen=True)
class Account:
    """One key with its settings: where its requests go and what its things are called, by connection."""

    gateway: Gateway
    settings: Settings
    caller: Caller
    clock: Callable[[], float] = monotonic
    directories: dict[str, References] = field(default_factory=dict[str, References])
    default: DefaultConnection = field(default_factory=DefaultConnection)
    journal: Journal = field(default_factory=lambda: Journal.in_memory(time))
    seen: dict[str, Seen] = field(default_factory=dict[str, Seen])
    writes: Sharing[Json] = field(default_factory=Sharing[Json])
    offered: dict[str, Operation[..., Any]] = field(default_factory=dict[str, Operation[..., Any]])
    """The tools there are for it."""
    folder: Path | None = None
    """Where this user's files are kept; None where nothing is to be."""
    running: Running = field(default_factory=Running)
    """The jobs of this process."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        gateway: Gateway,
        journal: Journal | None = None,
        folder: Path | None = None,
        names: Mapping[str, str] | None = None,
    ) -> "Account":
        kept = journal or Journal.in_memory(lambda: gateway.now().timestamp())
        caller = Caller(settings.credential, names=names or {}, usual=settings.connection)
        return cls(gateway, settings, caller, gateway.clock, journal=kept, offered=offered(settings), folder=folder)

    @property
    def reach(self) -> Reach:
        """What it can run, by tools or through the two that run whatever the API has."""
        return Reach(self.offered, switched_off(self.settings), self.settings.direct)

    @property
    def changes(self) -> Changes:
        return Changes(self.journal, lean=self.settings.journal == "lean")

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.journal, lean=self.settings.journal == "lean")

    def references(self, connection: str) -> References:
        return self.directories.setdefault(connection, References(RESOURCES, self.clock))

    def bound(self, operation: Operation[..., Any], trail: Trail) -> Bound:
        seconds = self.settings.read_timeout if operation.read_only else self.settings.write_timeout
        caller = replace(self.caller, deadline=self.clock() + seconds, call=uuid4().hex)
        return Bound(self.gateway, caller, trail)

    def whose(self, caller: Caller) -> str:
        """Which account a caller means, and who of those who share it: the same before and after it could be looked up.

        A default connection stays the default of its key here, whether its id is known or not.
        """
        meant = caller if caller.named else replace(caller, connection="")
        (name, _), *_ = self.gateway.doors.budgets(meant, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def of_changes(self, caller: Caller) -> str:
        """Whose changes those are: of this account, by this principal, whatever key they were made with."""
        (name, _), *_ = self.gateway.doors.budgets(caller, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def whose_changes(self, caller: Caller) -> Whose:
        """Those of the account, and those of the connections themselves."""
        return self.of_changes(caller), f"connections of {self.of_offers(caller)}"

    def of_offers(self, caller: Caller) -> str:
        """Who may confirm a call: whoever has made it."""
        *_, (name, _) = self.gateway.doors.budgets(caller, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def label(self, caller: Caller) -> str:
        """What people call the account behind a connection."""
        if self.settings.sandbox:
            return "sandbox"
        if self.settings.direct:
            return urlsplit(self.settings.direct_url).hostname or ""
        named = self.default.names.get(caller.connection) or self.references("").name("connections", caller.connection)
        return named or (f"connection {caller.connection}" if caller.connection else "")

    def said(self, caller: Caller, operation: Operation[..., Any]) -> Json:
        """Which account an answer is about, where it is about one."""
        label = "" if operation.resource is connections else self.label(caller)
        return {"in_account": label} if label else {}

    def settling(self, bound: Bound, key: str = "", call: str = "", agreed: bool = False) -> Settling:
        whose = self.whose(bound.caller)
        seen = self.seen.setdefault(bound.caller.connection, Seen())
        hashed = sha256(f"{whose}\n{key}\n{call}".encode()).hexdigest()
        return Settling(bound, self.journal, seen, whose, self.settings.settle, key, hashed, agreed)


def overdue(trail: Trail) -> GatewayError:
    if not trail.tried:
        return Unavailable("no answer came in time", arrived=False)
    unknown = OutcomeUnknown("no answer came in time")
    unknown.watched = True
    return unknown


async def chosen(account: Account, sender: Bound, operation: Operation[..., Any], arguments: Json) -> Bound:
    """The sender for the connection this call or the settings name; without either the default one.

    Raises:
        SeveralAccounts: for a write, where it could go to more than one account and nobody has said to which.
        Unavailable: for a write, if that is not known.
    """
    if operation.resource is connections or account.settings.direct:
        return sender
    if name := arguments.pop("connection", None) or account.settings.connection:
        id = await account.references("").id(sender, "connection", "connections", name)
    else:
        id = await account.default.find(sender)
        if not (operation.read_only or account.settings.allow_default or operation is confirm_change):
            if account.default.unsure:  # a write does not wait until it is looked up again anyway
                account.default.forget()
                id = await account.default.find(sender)
            account.default.clear()
    return replace(sender, caller=replace(sender.caller, connection=id, named=bool(name)))


async def suggestions(account: Account, kind: str, begun: str) -> list[str]:
    """What things of a kind are called that somebody may be typing the name of.

    Raises:
        Trouble: where the account cannot be asked.
    """
    lister = next(one for one in RESOURCES if one.plural == kind).lister
    bound = account.bound(lister, Trail())
    with move_on_after(bound.left + GRACE):
        bound = await chosen(account, bound, lister, {})
        return await account.references(bound.caller.connection).suggested(bound, kind, begun)
    raise overdue(bound.trail)
