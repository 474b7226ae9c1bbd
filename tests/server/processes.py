"""Servers over HTTP as processes on loopback, and a real redis-server beside them."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

ALICE, BOB = "alice-token-0123456789", "bob-token-0123456789"
TOKENS = f"alice={ALICE},bob={BOB}"
needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return bound.getsockname()[1]


def listening(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(400):
        assert process.poll() is None, "it ended at once"
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.025)
    raise AssertionError("nobody listens")


@dataclass
class Redis:
    """A redis-server that can be killed and started again, with what it kept or without."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self, *, keep: bool = True) -> None:
        if not keep:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
             "--appendonly", "yes", "--appendfsync", "always"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        listening(self.port, self.process)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def redis(folder: Path) -> Generator[Redis]:
    one = Redis(folder)
    one.start()
    try:
        yield one
    finally:
        one.kill()


@dataclass
class Served:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def client(self, token: str = ALICE, mode: Any = "2026-07-28", **headers: str) -> AsyncGenerator[Client]:
        told = {"Authorization": f"Bearer {token}", **headers}
        async with (
            httpx2.AsyncClient(headers=told, timeout=90) as http,
            Client(streamable_http_client(f"{self.url}/mcp", http_client=http), mode=mode) as one,
        ):
            yield one

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(90)


@contextmanager
def served(*options: str, **environ: str) -> Generator[Served]:
    """`ac-mcp --http` as a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "ac_mcp", "--http", f"127.0.0.1:{port}", *options]
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("AC_", "MATON_"))}
    process = subprocess.Popen(command, env={**plain, **environ}, stderr=subprocess.PIPE)
    try:
        listening(port, process)
        yield Served(port, process)
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def gateway(sandbox: str, **more: str) -> Mapping[str, str]:
    """Settings of a server behind a sandbox that other processes share."""
    return {"MATON_API_BASE_URL": sandbox, "MATON_API_KEY": "sandbox", "AC_MCP_STATE_DIR": "memory", **more}
