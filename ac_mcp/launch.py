"""From settings to a running account: behind Maton, behind ActiveCampaign itself, or the sandbox."""

import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Literal

from mcp.server.stdio import stdio_server
from platformdirs import user_state_path

from ac_mcp.account import Account
from ac_mcp.gateway.auth import Doors
from ac_mcp.gateway.client import opened
from ac_mcp.gateway.stores import MemoryStore, SqliteStore
from ac_mcp.journal import SCHEMA, VERSION, Journal
from ac_mcp.server.adapter import build_server
from ac_mcp.settings import Settings
from ac_mcp.storage import Database

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


@asynccontextmanager
async def account(settings: Settings, company: Company = COMPANY) -> AsyncGenerator[Account]:
    """The account the settings name, with its gateway open."""
    if not settings.sandbox:
        doors, folder = Doors(settings.api_url, settings.connections_url, settings.direct), state_folder(settings)
        store = SqliteStore(folder / "pacing.db") if folder else MemoryStore()
        kept = Database(folder / "journal.db", SCHEMA, durable=True, version=VERSION) if folder else None
        journal = Journal(kept, time) if kept else None
        async with opened(doors, proxy=settings.proxy or None, store=store, strict=settings.strict_pacing) as gateway:
            one = Account.of(settings, gateway, journal, folder)
            with closing(one.journal):
                async with one.running.attached():
                    yield one
        return
    from ac_mcp.sandbox import Sandbox  # nobody else pays for its import

    sandbox = Sandbox(company.state, size=company.size, number=company.number)
    try:
        async with opened(Doors(NOWHERE, NOWHERE), sandbox.transport()) as gateway:
            beside = (
                Database(Path(f"{company.state}.journal"), SCHEMA, durable=False, version=VERSION)
                if company.state
                else None
            )
            journal = Journal(beside, time) if beside else None
            one = Account.of(replace(settings, key=sandbox.key, connection=""), gateway, journal)
            with closing(one.journal):
                async with one.running.attached():
                    yield one
    finally:
        sandbox.close()


async def serve(settings: Settings, company: Company = COMPANY) -> None:
    """Speak MCP on stdin and stdout until stdin ends."""
    async with account(settings, company) as one, stdio_server() as (received, sent):
        server = build_server(settings, lambda _: one)
        await server.run(received, sent, server.create_initialization_options())


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
    handler.setFormatter(Redacted([settings.key, settings.direct_token]))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    for chatty in ("httpx2", "httpcore2", "mcp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
