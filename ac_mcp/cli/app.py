"""From settings to a running account: through Maton, directly at ActiveCampaign, or in the sandbox."""

import logging
import socket
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from signal import Signals
from time import time
from typing import TYPE_CHECKING, Any, Literal

from platformdirs import user_state_path

from ac_mcp.calls.account import Account
from ac_mcp.cli.options import SANDBOX_OPTIONS
from ac_mcp.gateway.client import Gateway, LazyTransport, open_gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.rate_stores import MemoryRateStore, RateStore, SqliteRateStore, hash_secret
from ac_mcp.server.stdio import open_stdio, until_signal
from ac_mcp.server.tools import build_server
from ac_mcp.settings import BadSetting, Settings
from ac_mcp.storage.connections_file import load_preferences
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.journal_schema import SCHEMA, VERSION
from ac_mcp.storage.sqlite import Database, Unusable

if TYPE_CHECKING:
    from ac_mcp.storage.redis_client import RedisClient

log = logging.getLogger(__name__)
SANDBOX_KEY = "sandbox"
"""The key of the in-process sandbox; it is not a secret."""
SANDBOX_URL = "http://sandbox.invalid"
"""The base URL of the in-process sandbox; no real host can have this name (RFC 2606)."""


@dataclass(frozen=True, slots=True)
class Company:
    """The invented company in a sandbox, and the file that stores it."""

    state: Path | None = None
    """None keeps it in memory."""
    size: Literal["small", "medium", "large"] = "small"
    number: int = 1
    """The seed: the same number gives the same data."""

    @classmethod
    def from_options(cls, options: Namespace) -> "Company":
        """Return the company the command line describes, with defaults for absent options."""
        return cls(**{name: getattr(options, name) for name in SANDBOX_OPTIONS if hasattr(options, name)})


DEFAULT_COMPANY = Company()


def state_folder(settings: Settings) -> Path | None:
    """Return the folder that this user's processes share; None if nothing is stored on disk."""
    if settings.sandbox or settings.state_dir == "memory":
        return None
    return Path(settings.state_dir).expanduser() if settings.state_dir else user_state_path("ac-mcp", appauthor=False)


@dataclass(frozen=True, slots=True)
class Backend:
    """An open gateway, and the storage for its callers."""

    settings: Settings
    """Includes the key for the gateway."""
    gateway: Gateway
    open_journal: Callable[[str], Journal | None]
    """Opens the journal of that name ("" for the only caller of a local server); None if one in memory will do."""
    folder: Path | None = None
    redis: "RedisClient | None" = None
    """Shared with the other replicas."""


@asynccontextmanager
async def open_backend(settings: Settings, company: Company = DEFAULT_COMPANY) -> AsyncGenerator[Backend]:
    """Open the gateway to Maton, to ActiveCampaign directly, or to a sandbox in this process."""
    if settings.sandbox:
        async with open_sandbox(settings, company) as backend:
            yield backend
        return
    folder = state_folder(settings)
    endpoints = Endpoints(settings.api_url, settings.connections_url, settings.direct, settings.other_host)
    host = load_preferences(folder, hash_secret(settings.credential)).host
    if host and settings.other_host:
        endpoints = Endpoints(host, host, has_moved=True)

    async with open_redis(settings.redis_url) as redis:

        def open_journal(name: str) -> Journal | None:
            if redis:
                from ac_mcp.storage.replicated import ReplicatedDatabase

                return Journal(
                    ReplicatedDatabase(redis, name or hash_secret(settings.credential), SCHEMA), time, shared=True
                )
            path = folder / name / "journal.db" if folder else None
            return Journal(Database(path, SCHEMA, durable=True, version=VERSION), time) if path else None

        async with open_gateway(
            endpoints,
            proxy=settings.proxy or None,
            store=build_rate_store(folder, redis),
            strict=settings.strict_pacing,
        ) as gateway:
            yield Backend(settings, gateway, open_journal, folder, redis)


def build_rate_store(folder: Path | None, redis: "RedisClient | None") -> RateStore:
    """Return the rate store that reaches furthest: Redis for all replicas, a file for this machine, else memory."""
    if redis:
        from ac_mcp.gateway.redis_rate_store import RedisRateStore

        return RedisRateStore(redis)
    return SqliteRateStore(folder / "pacing.db") if folder else MemoryRateStore()


@asynccontextmanager
async def open_redis(url: str) -> "AsyncGenerator[RedisClient | None]":
    """Open the client of the Redis that replicas share; None without a URL.

    Raises:
        BadSetting: if the `redis` package is not installed or the URL is invalid.
    """
    if not url:
        yield None
        return
    from ac_mcp.storage.redis_client import RedisClient  # most servers on stdio do not need it

    try:
        redis = RedisClient(url)
    except ImportError:
        raise BadSetting("AC_MCP_REDIS_URL needs the library for it: pip install 'ac-mcp[redis]'.") from None
    except ValueError as error:
        raise BadSetting(f"AC_MCP_REDIS_URL: {error}") from None
    try:
        yield redis
    finally:
        await redis.close()


@asynccontextmanager
async def open_sandbox(settings: Settings, company: Company) -> AsyncGenerator[Backend]:
    """Open a gateway to a sandbox that the first request creates: clients that only list tools do not wait for it."""
    created: list[Any] = []

    def open_journal(name: str) -> Journal | None:
        path = Path(f"{company.state}.{name}journal") if company.state else None
        return Journal(Database(path, SCHEMA, durable=False, version=VERSION), time) if path else None

    def create_transport() -> Any:
        from ac_mcp.sandbox import Sandbox  # slow to import

        created.append(Sandbox(company.state, size=company.size, number=company.number))
        return created[0].transport()

    try:
        # With a state file the sandbox is created at once, so that a bad file is reported at once.
        transport = create_transport() if company.state else LazyTransport(create_transport)
        async with open_gateway(Endpoints(SANDBOX_URL, SANDBOX_URL), transport) as gateway:
            yield Backend(replace(settings, key=SANDBOX_KEY, connection=""), gateway, open_journal)
    finally:
        for sandbox in created:
            sandbox.close()


@asynccontextmanager
async def open_account(settings: Settings, company: Company = DEFAULT_COMPANY) -> AsyncGenerator[Account]:
    """Open the account that the settings name, with its gateway, journal and job pool."""
    async with open_backend(settings, company) as backend:
        preferences = load_preferences(backend.folder, hash_secret(settings.credential))
        settings = replace(backend.settings, connection=backend.settings.connection or preferences.default)
        account = Account.of(settings, backend.gateway, backend.open_journal(""), backend.folder, preferences.names)
        with closing(account.journal):
            async with account.job_pool.open():
                yield account


async def serve(settings: Settings, company: Company = DEFAULT_COMPANY) -> Signals | None:
    """Serve MCP on stdin and stdout until stdin ends, or SIGINT or SIGTERM arrives; return that signal."""
    async with open_account(settings, company) as account, open_stdio() as (from_client, to_client):
        server = build_server(settings, lambda _: account)
        return await until_signal(lambda: server.run(from_client, to_client, server.create_initialization_options()))


async def serve_http(settings: Settings, address: str, company: Company = DEFAULT_COMPANY) -> None:
    """Serve MCP over HTTP at `host:port` until the process is told to stop.

    Raises:
        BadSetting: if other machines can reach the address and callers need no token.
    """
    from ac_mcp.server.http import application
    from ac_mcp.server.listening import listen
    from ac_mcp.server.tenants import Tenants

    host, port = parse_address(address)
    if not (is_local(host) or settings.http_tokens):
        raise BadSetting(f"--http {address} can be reached by others: set AC_MCP_HTTP_TOKEN first, or take 127.0.0.1.")
    async with open_backend(settings, company) as backend:
        if backend.redis:
            await warn_of_volatile_redis(backend.redis)
        tenants = Tenants(backend.settings, backend.gateway, backend.open_journal, backend.folder, link=backend.redis)
        with socket.create_server((host, port), family=address_family(host), backlog=512) as listener:
            # Accepted sockets inherit it; without it, answers wait for an ACK.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            url_host = f"[{host}]" if ":" in host else host
            bound_port = listener.getsockname()[1]
            sys.stderr.write(f"ac-mcp serves MCP at http://{url_host}:{bound_port}/mcp\n")
            await listen(application(backend.settings, tenants, url_host, bound_port), listener)


async def warn_of_volatile_redis(redis: "RedisClient") -> None:
    """Log a warning if Redis does not persist its data, because the journal is in it."""
    with suppress(Unusable):
        if not await redis.is_persistent():
            log.warning("Redis forgets the journal when it is restarted: start it with --appendonly yes.")


def parse_address(address: str) -> tuple[str, int]:
    """Parse `host:port`. Raises BadSetting for anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise BadSetting(f"--http takes HOST:PORT, such as 127.0.0.1:8765, not {address!r}.")
    return host.strip("[]"), int(port)


def is_local(host: str) -> bool:
    """Return whether only this machine can reach the host. Any name but `localhost` could resolve to any address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address_family(host: str) -> socket.AddressFamily:
    """Return the family of an IP address; IPv4 for a name."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class RedactingFormatter(logging.Formatter):
    """Formatter that replaces secrets in log lines and their tracebacks."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def log_to_stderr(settings: Settings) -> None:
    """Send log records to stderr, because stdout carries JSON-RPC, with all keys redacted."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter([settings.key, settings.direct_token, *settings.http_tokens.values()]))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    for logger in ("httpx2", "httpcore2", "mcp"):  # at INFO, httpx2 logs every URL, including e-mail addresses
        logging.getLogger(logger).setLevel(logging.WARNING)
