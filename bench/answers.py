"""How large an answer is beside what ActiveCampaign sent for it: every list and get tool, on the sandbox.

    python -m bench.answers [small|medium]

Bytes of the text a model reads, of the body of the tool's own request, and of all bodies it took, cold: default connection
and names included. All counted in this run. The sandbox's bodies have the true key sets of the API
(tests/sandbox/shapes.json).
"""

import re
import sys
from typing import Any, Literal, cast

import anyio
import httpx2

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute
from ac_mcp.cli.app import SANDBOX_URL
from ac_mcp.gateway.client import open_gateway
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.encoding import render
from ac_mcp.sandbox import Sandbox
from ac_mcp.settings import Settings

ONE: dict[str, Any] = {
    "contact": "jane@acme.example",
    "tag": "VIP",
    "list": "Newsletter",
    "deal": "1",
    "automation": "1",
    "campaign": "1",
    "user": "1",
    "connection": "8d4f1c60-2b7e-4a39-9c15-7e60d1a2b3c4",
}


class Counting(httpx2.AsyncBaseTransport):
    """Notes how large each answer is."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self.bodies: list[tuple[str, int]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        self.bodies.append((request.url.path, len(await response.aread())))
        return response

    def of(self, path: str) -> int:
        """Bytes of the last answer at this path."""
        wanted = re.compile(r".*" + re.sub(r"{\w+}", r"[\\w-]+", path) + "$")
        return next((size for seen, size in reversed(self.bodies) if wanted.match(seen)), 0)


async def measured(size: Literal["small", "medium"]) -> None:
    print(
        f"{'tool':22} {'answer':>8} {'own body':>9} {'ratio':>7} {'all bodies':>11} {'requests':>9}  ({size} sandbox)"
    )
    for name, operation in OPERATIONS.items():
        if not operation.read_only:
            continue
        sandbox = Sandbox(size=size, rate=None)  # a fresh one, so that every tool pays for its own look-ups
        counting = Counting(sandbox.transport())
        async with open_gateway(Endpoints(SANDBOX_URL, SANDBOX_URL), counting) as gateway:
            account = Account.of(Settings(key=sandbox.key), gateway)
            given = {parameter: ONE[parameter] for parameter in operation.required}
            answer = len(render(await execute(account, operation, given)).encode())
        sandbox.close()
        own, whole = counting.of(operation.path), sum(size for _, size in counting.bodies)
        print(f"{name:22} {answer:8} {own:9} {own / answer:6.1f}x {whole:11} {len(counting.bodies):9}")


if __name__ == "__main__":
    anyio.run(measured, cast("Literal['small', 'medium']", (sys.argv[1:] or ["small"])[0]))
