"""The state of one caller: settings, gateway, directories, journal; and the connection that its calls go through."""

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
"""Seconds past its deadline after which a call ends, whatever it waits for."""


@dataclass(frozen=True)
class Account:
    """One key with its settings: where its requests go, and the names of its things by connection."""

    gateway: Gateway
    settings: Settings
    caller: Caller
    clock: Callable[[], float] = field(default=monotonic, kw_only=True)
    directories: dict[str, NameDirectory] = field(default_factory=dict[str, NameDirectory], kw_only=True)
    """By connection id."""
    default: DefaultConnection = field(default_factory=DefaultConnection, kw_only=True)
    journal: Journal = field(default_factory=lambda: Journal.in_memory(time), kw_only=True)
    newest_ids: dict[str, NewestIds] = field(default_factory=dict[str, NewestIds], kw_only=True)
    """By connection id."""
    writes: SingleFlight[Json] = field(default_factory=SingleFlight[Json], kw_only=True)
    """The writes that are under way."""
    tools: dict[str, Operation[..., Any]] = field(default_factory=dict[str, Operation[..., Any]], kw_only=True)
    """The tools that this caller has, by name."""
    folder: Path | None = field(default=None, kw_only=True)
    """Where this user's files are stored; None if none are."""
    job_pool: JobPool = field(default_factory=JobPool, kw_only=True)
    """The jobs that run in this process."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        gateway: Gateway,
        journal: Journal | None = None,
        folder: Path | None = None,
        names: Mapping[str, str] | None = None,
    ) -> "Account":
        """Return the account of the key in these settings; `names` are the user's names of connections, by id."""
        return cls(
            gateway,
            settings,
            Caller(settings.credential, connection_names=names or {}, default_connection=settings.connection),
            clock=gateway.clock,
            journal=journal or Journal.in_memory(lambda: gateway.now().timestamp()),
            tools=offered_tools(settings),
            folder=folder,
        )

    @property
    def access(self) -> ToolAccess:
        """The operations that it can run, by a tool or by the generic tools."""
        return ToolAccess(self.tools, disabled_names(self.settings), self.settings.direct)

    @property
    def audit_log(self) -> AuditLog:
        return AuditLog(self.journal, lean=self.settings.journal == "lean")

    @property
    def job_store(self) -> JobStore:
        return JobStore(self.journal, lean=self.settings.journal == "lean")

    def directory(self, connection: str) -> NameDirectory:
        """Return the name directory of the account behind a connection."""
        return self.directories.setdefault(connection, NameDirectory(RESOURCES, self.clock))

    def client_for(self, operation: Operation[..., Any], trail: Trail) -> CallClient:
        """Return a client for one call of an operation, with the deadline of a read or a write."""
        seconds = self.settings.read_timeout if operation.read_only else self.settings.write_timeout
        caller = replace(self.caller, deadline=self.clock() + seconds, call=uuid4().hex)
        return CallClient(self.gateway, caller, trail)

    def account_id(self, caller: Caller) -> str:
        """Return what tells one account and principal from another: the same before and after a look-up.

        A default connection stays the default of its key here, whether its id is known or not.
        """
        return self.audit_owner(caller if caller.chosen else replace(caller, connection=""))

    def audit_owner(self, caller: Caller) -> str:
        """Return whose changes a caller makes: those of this account and principal, with whatever key."""
        (name, _), *_ = self.gateway.endpoints.budgets(caller, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def audit_scope(self, caller: Caller) -> AuditScope:
        """Return whose changes a caller sees: those of the account, and those of the connections themselves."""
        return self.audit_owner(caller), f"connections of {self.token_owner(caller)}"

    def token_owner(self, caller: Caller) -> str:
        """Return who may confirm a call: whoever has made it, by key and principal."""
        *_, (name, _) = self.gateway.endpoints.budgets(caller, Request("GET", ""))
        return f"{name} for {caller.principal}"

    def label(self, caller: Caller) -> str:
        """Return the name that people give the account behind a connection; "" if there is none."""
        if self.settings.sandbox:
            return "sandbox"
        if self.settings.direct:
            return urlsplit(self.settings.direct_url).hostname or ""
        id = caller.connection
        name = self.default.names.get(id) or self.directory("").name("connections", id)
        return name or (f"connection {id}" if id else "")

    def label_fields(self, caller: Caller, operation: Operation[..., Any]) -> Json:
        """Return the part of an answer that names the account: `{"in_account": "Northwind"}`, or {}."""
        label = "" if operation.resource is connections else self.label(caller)
        return {"in_account": label} if label else {}

    def reconciler(self, client: CallClient, key: str = "", call: str = "", confirmed: bool = False) -> Reconciler:
        """Return the sender that makes each create of a call once."""
        account = self.account_id(client.caller)
        return Reconciler(
            client,
            self.journal,
            self.newest_ids.setdefault(client.caller.connection, NewestIds()),
            account,
            self.settings.settle,
            key=key,
            call=sha256(f"{account}\n{key}\n{call}".encode()).hexdigest(),
            confirmed=confirmed,
        )


def deadline_error(trail: Trail) -> GatewayError:
    """Return the error for a call whose time is up: its outcome is unknown if it has begun to write."""
    if not trail.attempted:
        return Unavailable("no answer came in time", arrived=False)
    return OutcomeUnknown("no answer came in time").but(watched=True)


async def select_connection(
    account: Account, client: CallClient, operation: Operation[..., Any], name: str = ""
) -> CallClient:
    """Return the client for the connection of this name, or that the settings name, or the default one.

    Raises:
        NoSuchName: if there is no connection of this name.
        SeveralAccounts: for a write that could reach more than one account.
        Unavailable: for a write, if it cannot be found out whether it could.
    """
    if operation.resource is connections or account.settings.direct:
        return client
    if name := name or account.settings.connection:
        id = await account.directory("").id(client, "connection", "connections", name)
    else:
        id = await account.default.find(client)
        if not (operation.read_only or account.settings.allow_default or operation is confirm_change):
            if account.default.is_unsure:  # a write does not wait until it is looked up again anyway
                account.default.forget()
                id = await account.default.find(client)
            account.default.require_unambiguous()
    return replace(client, caller=replace(client.caller, connection=id, chosen=bool(name)))


async def suggest_names(account: Account, kind: str, prefix: str) -> list[str]:
    """Return the names of a kind that match what a user has typed so far.

    Raises:
        ToolError: if the account cannot be read.
    """
    lister = next(resource for resource in RESOURCES if resource.plural == kind).lister
    client = account.client_for(lister, Trail())
    with move_on_after(client.seconds_left + GRACE):
        client = await select_connection(account, client, lister)
        return await account.directory(client.caller.connection).suggest(client, kind, prefix)
    raise deadline_error(client.trail)
