"""What the record costs: the requests of each writing tool with and without before-images, and those of its undo.

    python -m bench.images

Each tool's example call on a fresh sandbox whose default connection is known, counted in one run; virtual time.
"""

from typing import Any

from ac_mcp.calls.execute import execute
from ac_mcp.messages import Json, Request, Sender
from ac_mcp.operations import OPERATIONS
from ac_mcp.writes.before_images import BeforeImages
from tests.examples import CALLS
from tests.support import in_virtual_time, trial


async def nothing(self: BeforeImages, sender: Sender, request: Request) -> Json:
    return {}


async def sent(tool: str) -> tuple[int, int]:
    """Requests of the call and of its undo."""
    async with trial() as one:
        await execute(one.account, OPERATIONS[tool], CALLS[tool])
        calls = len(one.requests)
        await execute(one.account, OPERATIONS["undo_change"], {"change": "1"})
        return calls, len(one.requests) - calls


@in_virtual_time
async def main() -> None:
    print(f"{'tool':22} {'without':>8} {'with':>6} {'more':>6} {'undo':>6}")
    before: Any = BeforeImages.fetch
    total = [0, 0]
    for tool, operation in OPERATIONS.items():
        if operation.read_only or operation.resource.plane == "here":
            continue
        whole, undo = await sent(tool)
        BeforeImages.fetch = nothing  # type: ignore[method-assign]
        bare, _ = await sent(tool)
        BeforeImages.fetch = before
        total = [total[0] + bare, total[1] + whole]
        print(f"{tool:22} {bare:8} {whole:6} {whole - bare:6} {undo:6}")
    print(f"{'all':22} {total[0]:8} {total[1]:6} {total[1] - total[0]:6}")


if __name__ == "__main__":
    main()
