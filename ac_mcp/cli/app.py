"""From settings to a running account: behind Maton, behind ActiveCampaign itself, or the sandbox."""

import logging
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, Literal

from mcp.server.stdio import stdio_server
from platformdirs import user_state_path

from ac_mcp.calls.account import Account
from ac_mcp.gateway.client import Gateway, LazyTransport, open_gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.gateway.rate_stores import MemoryRateStore, RateStore, SqliteRateStore, hash_secret
from ac_mcp.server.tools import build_server
from ac_mcp.settings import BadSetting, Settings
from ac_mcp.storage.connections_file import load_preferences
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.journal_schema import SCHEMA, VERSION
from ac_mcp.storage.sqlite import Database, Unusable

if TYPE_CHECKING:
    from ac_mcp.storage.redis_client import RedisClient

log = logging.getLogger(__name__)
KEY = "sandbox"
"""Of the sandbox; it is no secret."""
NOWHERE = "http://sandbox.invalid"
"""What the in-process sandbox is called: a name that can never be somebody's host (RFC 2606)."""


@dataclass(frozen=True, slots=True)
class Company:
    """Which made-up company a sandbox holds, and the file that keeps it."""

    state: Path | None = None
    size: Literal["small", "medium", "large"] = "small"
    number: int = 1


COMPANY = Company()


def state_folder(settings: Settings) -> Path | None:
    """Where the processes of this user meet; None where nothing is to be kept."""
    if settings.sandbox or settings.state_dir == "memory":
        return None
    return Path(settings.state_dir).expanduser() if settings.state_dir else user_state_path("ac-mcp", appauthor=False)


@dataclass(frozen=True, slots=True)
class Place:
    """An open gateway, and where what belongs to its callers is kept."""

    settings: Settings
    """With the key that opens it."""
    gateway: Gateway
    journal: Callable[[str], Journal | None]
    """The journal of that name, of which there is one without a name."""
    folder: Path | None = None
    redis: "RedisClient | None" = None
    """What other replicas share with this one."""


@asynccontextmanager
async def open_place(settings: Settings, company: Company = COMPANY) -> AsyncGenerator[Place]:
    """Behind Maton, behind ActiveCampaign itself, or in front of a sandbox in this process."""
    if settings.sandbox:
        async with in_sandbox(settings, company) as here:
            yield here
        return
    doors, folder = Endpoints(settings.api_url, settings.connections_url, settings.direct), state_folder(settings)

    async with open_redis(settings.redis_url) as link:

        def journal(name: str) -> Journal | None:
            if link:
                from ac_mcp.storage.replicated import ReplicatedDatabase

                return Journal(
                    ReplicatedDatabase(link, name or hash_secret(settings.credential), SCHEMA), time, shared=True
                )
            path = folder / name / "journal.db" if folder else None
            return Journal(Database(path, SCHEMA, durable=True, version=VERSION), time) if path else None

        store = shared(link) if link else SqliteRateStore(folder / "pacing.db") if folder else MemoryRateStore()
        async with open_gateway(
            doors, proxy=settings.proxy or None, store=store, strict=settings.strict_pacing
        ) as gateway:
            yield Place(settings, gateway, journal, folder, link)


def shared(link: "RedisClient") -> RateStore:
    from ac_mcp.gateway.redis_rate_store import RedisRateStore

    return RedisRateStore(link)


@asynccontextmanager
async def open_redis(url: str) -> "AsyncGenerator[RedisClient | None]":
    """The way to what replicas share, where they do.

    Raises:
        BadSetting: without the library for it.
    """
    if not url:
        yield None
        return
    from ac_mcp.storage.redis_client import RedisClient  # a server on stdio mostly needs none of it

    try:
        link = RedisClient(url)
    except ImportError:
        raise BadSetting("AC_MCP_REDIS_URL needs the library for it: pip install 'ac-mcp[redis]'.") from None
    except ValueError as error:
        raise BadSetting(f"AC_MCP_REDIS_URL: {error}") from None
    try:
        yield link
    finally:
        await link.close()


@asynccontextmanager
async def in_sandbox(settings: Settings, company: Company) -> AsyncGenerator[Place]:
    """It is made by the first request: a client that only wants to know the tools does not wait for it."""
    made: list[Any] = []

    def journal(name: str) -> Journal | None:
        path = Path(f"{company.state}.{name}journal") if company.state else None
        return Journal(Database(path, SCHEMA, durable=False, version=VERSION), time) if path else None

    def sandbox() -> Any:
        from ac_mcp.sandbox import Sandbox  # nobody else pays for its import

        made.append(Sandbox(company.state, size=company.size, number=company.number))
        return made[0].transport()

    try:
        way = sandbox() if company.state else LazyTransport(sandbox)  # what is wrong with a file is told at once
        async with open_gateway(Endpoints(NOWHERE, NOWHERE), way) as gateway:
            yield Place(replace(settings, key=KEY, connection=""), gateway, journal)
    finally:
        for one in made:
            one.close()


@asynccontextmanager
async def open_account(settings: Settings, company: Company = COMPANY) -> AsyncGenerator[Account]:
    """The account the settings name, with its gateway open."""
    async with open_place(settings, company) as here:
        said = load_preferences(here.folder, hash_secret(settings.credential))
        settings = replace(here.settings, connection=here.settings.connection or said.default)
        one = Account.of(settings, here.gateway, here.journal(""), here.folder, said.names)
        with closing(one.journal):
            async with one.job_pool.open():
                yield one


async def serve(settings: Settings, company: Company = COMPANY) -> None:
    """Speak MCP on stdin and stdout until stdin ends."""
    async with open_account(settings, company) as one, stdio_server() as (received, sent):
        server = build_server(settings, lambda _: one)
        await server.run(received, sent, server.create_initialization_options())


async def serve_http(settings: Settings, address: str, company: Company = COMPANY) -> None:
    """Speak MCP over HTTP at `host:port` until the process is asked to stop.

    Raises:
        BadSetting: for an address others can reach, where nobody has to say who they are.
    """
    from ac_mcp.server.http import application
    from ac_mcp.server.listening import listen
    from ac_mcp.server.tenants import Tenants

    host, port = parse_address(address)
    if not (is_local(host) or settings.http_tokens):
        raise BadSetting(f"--http {address} can be reached by others: set AC_MCP_HTTP_TOKEN first, or take 127.0.0.1.")
    async with open_place(settings, company) as here:
        if here.redis:
            await warn_of_volatile_redis(here.redis)
        callers = Tenants(here.settings, here.gateway, here.journal, here.folder, link=here.redis)
        with socket.create_server((host, port), family=family(host), backlog=512) as bound:
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what accepts from it does not wait for an ACK
            shown = f"[{host}]" if ":" in host else host
            told = bound.getsockname()[1]
            sys.stderr.write(f"ac-mcp serves MCP at http://{shown}:{told}/mcp\n")
            await listen(application(here.settings, callers, shown, told), bound)


async def warn_of_volatile_redis(link: "RedisClient") -> None:
    """A Redis that keeps nothing is warned of: what was begun is in it."""
    with suppress(Unusable):
        if not await link.is_persistent():
            log.warning("Redis forgets the journal when it is restarted: start it with --appendonly yes.")


def parse_address(address: str) -> tuple[str, int]:
    """Raises BadSetting for what is not host:port."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise BadSetting(f"--http takes HOST:PORT, such as 127.0.0.1:8765, not {address!r}.")
    return host.strip("[]"), int(port)


def is_local(host: str) -> bool:
    """Whether only this machine can reach it. A name is not believed: it could lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Redacted(logging.Formatter):
    """Log lines, tracebacks included, without the keys."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def log_to_stderr(settings: Settings) -> None:
    """Stdout belongs to JSON-RPC; the HTTP client would log every URL, e-mail addresses and all."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Redacted([settings.key, settings.direct_token, *settings.http_tokens.values()]))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    for chatty in ("httpx2", "httpcore2", "mcp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
