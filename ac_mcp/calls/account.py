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
from ac_mcp.concurrency import SingleFlight
from ac_mcp.errors import GatewayError, OutcomeUnknown, Unavailable
from ac_mcp.gateway.call_client import CallClient, Trail
from ac_mcp.gateway.client import Gateway
from ac_mcp.jobs.pool import JobPool
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Caller, Json, Request
from ac_mcp.naming.directory import NameDirectory
from ac_mcp.operations import RESOURCES
from ac_mcp.operations.changes import confirm_change
from ac_mcp.operations.connections import connections
from ac_mcp.settings import Settings
from ac_mcp.spec.operation import Operation
from ac_mcp.storage.journal import Journal
from ac_mcp.tools.access import ToolAccess
from ac_mcp.tools.toolsets import disabled_names, offered_tools
from ac_mcp.writes.audit_log import AuditLog, AuditScope
from ac_mcp.writes.reconcile import NewestIds, Reconciler

GRACE = 0.25
"""Seconds past its deadline after which a call is ended whatever it waits for."""


@dataclass(frozen=True)
class Account:
    """One key with its settings: where its requests go and what its things are called, by connection."""

    gateway: Gateway
    settings: Settings
    caller: Caller
    clock: Callable[[], float] = monotonic
    directories: dict[str, NameDirectory] = field(default_factory=dict[str, NameDirectory])
    default: DefaultConnection = field(default_factory=DefaultConnection)
    journal: Journal = field(default_factory=lambda: Journal.in_memory(time))
    newest_ids: dict[str, NewestIds] = field(default_factory=dict[str, NewestIds])
    writes: SingleFlight[Json] = field(default_factory=SingleFlight[Json])
    tools: dict[str, Operation[..., Any]] = field(default_factory=dict[str, Operation[..., Any]])
    """The tools there are for it."""
    folder: Path | None = None
    """Where this user's files are kept; None where nothing is to be."""
    job_pool: JobPool = field(default_factory=JobPool)
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
        caller = Caller(settings.credential, connection_names=names or {}, default_connection=settings.connection)
        return cls(gateway, settings, caller, gateway.clock, journal=kept, tools=offered_tools(settings), folder=folder)

    @property
    def access(self) -> ToolAccess:
        """What it can run, by tools or through the two that run whatever the API has."""
        return ToolAccess(self.tools, disabled_names(self.settings), self.settings.direct)

    @property
    def audit_log(self) -> AuditLog:
        return AuditLog(self.journal, lean=self.settings.journal == "lean")

    @property
    def job_store(self) -> JobStore:
        return JobStore(self.journal, lean=self.settings.journal == "lean")

    def directory(self, connection: str) -> NameDirectory:
        return self.directories.setdefault(connection, NameDirectory(RESOURCES, self.clock))

    def client_for(self, operation: Operation[..., Any], trail: Trail) -> CallClient:
        seconds = self.settings.read_timeout if operation.read_only else self.settings.write_timeout
        caller = replace(self.caller, deadline=self.clock() + seconds, call=uuid4().hex)
        return CallClient(self.gateway, caller, trail)

    def account_id(self, caller: Caller) -> str:
        """Which account a caller means, and who of those who share it: the same before and after it could be looked up.

        A default connection stays the default of its key here, whether its id is known or not.
        """
        meant = caller if caller.chosen else replace(caller, connection="")
        (name, _), *_ = self.gateway.endpoints.budgets(meant, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def audit_owner(self, caller: Caller) -> str:
        """Whose changes those are: of this account, by this principal, whatever key they were made with."""
        (name, _), *_ = self.gateway.endpoints.budgets(caller, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def audit_scope(self, caller: Caller) -> AuditScope:
        """Those of the account, and those of the connections themselves."""
        return self.audit_owner(caller), f"connections of {self.token_owner(caller)}"

    def token_owner(self, caller: Caller) -> str:
        """Who may confirm a call: whoever has made it."""
        *_, (name, _) = self.gateway.endpoints.budgets(caller, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def label(self, caller: Caller) -> str:
        """What people call the account behind a connection."""
        if self.settings.sandbox:
            return "sandbox"
        if self.settings.direct:
            return urlsplit(self.settings.direct_url).hostname or ""
        named = self.default.names.get(caller.connection) or self.directory("").name("connections", caller.connection)
        return named or (f"connection {caller.connection}" if caller.connection else "")

    def label_fields(self, caller: Caller, operation: Operation[..., Any]) -> Json:
        """Which account an answer is about, where it is about one."""
        label = "" if operation.resource is connections else self.label(caller)
        return {"in_account": label} if label else {}

    def reconciler(self, bound: CallClient, key: str = "", call: str = "", agreed: bool = False) -> Reconciler:
        whose = self.account_id(bound.caller)
        seen = self.newest_ids.setdefault(bound.caller.connection, NewestIds())
        hashed = sha256(f"{whose}\n{key}\n{call}".encode()).hexdigest()
        return Reconciler(bound, self.journal, seen, whose, self.settings.settle, key, hashed, agreed)


def deadline_error(trail: Trail) -> GatewayError:
    if not trail.attempted:
        return Unavailable("no answer came in time", arrived=False)
    unknown = OutcomeUnknown("no answer came in time")
    unknown.watched = True
    return unknown


async def select_connection(
    account: Account, sender: CallClient, operation: Operation[..., Any], arguments: Json
) -> CallClient:
    """The sender for the connection this call or the settings name; without either the default one.

    Raises:
        SeveralAccounts: for a write, where it could go to more than one account and nobody has said to which.
        Unavailable: for a write, if that is not known.
    """
    if operation.resource is connections or account.settings.direct:
        return sender
    if name := arguments.pop("connection", None) or account.settings.connection:
        id = await account.directory("").id(sender, "connection", "connections", name)
    else:
        id = await account.default.find(sender)
        if not (operation.read_only or account.settings.allow_default or operation is confirm_change):
            if account.default.is_unsure:  # a write does not wait until it is looked up again anyway
                account.default.forget()
                id = await account.default.find(sender)
            account.default.require_unambiguous()
    return replace(sender, caller=replace(sender.caller, connection=id, chosen=bool(name)))


async def suggest_names(account: Account, kind: str, begun: str) -> list[str]:
    """What things of a kind are called that somebody may be typing the name of.

    Raises:
        Trouble: where the account cannot be asked.
    """
    lister = next(one for one in RESOURCES if one.plural == kind).lister
    bound = account.client_for(lister, Trail())
    with move_on_after(bound.seconds_left + GRACE):
        bound = await select_connection(account, bound, lister, {})
        return await account.directory(bound.caller.connection).suggest(bound, kind, begun)
    raise deadline_error(bound.trail)
