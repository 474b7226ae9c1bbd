"""What never happens twice: every writing tool under every fault, and creates by the thousand on a bad network.

    python -m bench.faults matrix [TOOL ...]    each tool times each fault; what went wrong, and a count
    python -m bench.faults creates [NUMBER]     creates of contacts and deals with 11 % faults, some carried out late

Time is virtual: the deadlines of 45 seconds are real to the code and cost none of ours.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from ac_mcp.calls.execute import execute
from ac_mcp.errors import OutcomeUnknown, ToolError
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from tests.fault_matrix import FAULTS, WRITES, Case, carried, result, untouched, wrong
from tests.support import Trial, clock, trial


def matrix(tools: list[str]) -> int:
    before, said, bad, slowest = result(untouched), Counter[str](), 0, 0.0
    for tool in tools:
        reference = result(lambda tool=tool: carried(tool))
        for fault in FAULTS:
            case: Case = result(lambda tool=tool, fault=fault: carried(tool, fault))
            said[case.said] += 1
            slowest = max(slowest, case.seconds)
            if problem := wrong(case, before, reference.state):
                bad += 1
                print(f"{tool}: {fault.kind} x {fault.times}{' after' if fault.after else ''}: {problem}", flush=True)
    print(f"{len(tools)} tools x {len(FAULTS)} faults = {said.total()} cases: {dict(said)}")
    print(f"wrong: {bad}; the longest call took {slowest:.1f} s of 45")
    return bad


@dataclass
class Badly:
    """3 % carried out and lost, 2 % carried out and 502, 2 % 502, 1 % refused, 2 % 429, 1 % carried out up to 25 s late."""

    inner: httpx2.AsyncBaseTransport
    group: Any
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    async def carry(self, request: httpx2.Request) -> httpx2.Response:
        drawn = self.chance.random()
        if drawn < 0.01:
            raise httpx2.ConnectError("refused")
        if drawn < 0.03:
            return httpx2.Response(429, headers={"retry-after": "1"})
        if drawn < 0.05:
            return httpx2.Response(502, content=b"<html>")
        if drawn < 0.06 and request.method == "POST":
            self.group.start_soon(self._late, request, self.chance.uniform(0, 25))
            await anyio.sleep(20)
            raise httpx2.ReadTimeout("late")
        response = await self.inner.handle_async_request(request)
        raw = await response.aread()
        if drawn < 0.09:
            raise httpx2.ReadTimeout("lost")
        return (
            httpx2.Response(502, content=b"<html>")
            if drawn < 0.11
            else httpx2.Response(response.status_code, headers={"content-type": "application/json"}, content=raw)
        )

    async def _late(self, request: httpx2.Request, seconds: float) -> None:
        await anyio.sleep(seconds)
        again = httpx2.Request("POST", request.url, headers=request.headers, content=request.content)
        await self.inner.handle_async_request(again)


@dataclass
class Count:
    done: set[int] = field(default_factory=set[int])
    undone: set[int] = field(default_factory=set[int])
    unknown: set[int] = field(default_factory=set[int])
    late: int = 0


async def created(tool: str, number: int, arguments: Callable[[int], Json], at_once: int) -> tuple[Count, list[Json]]:
    count, places = Count(), anyio.CapacityLimiter(at_once)
    async with trial() as one, anyio.create_task_group() as group:
        one.wire.inner = httpx2.MockTransport(Badly(one.wire.inner, group).carry)

        async def create(place: int) -> None:
            async with places:
                began = clock()
                try:
                    await execute(one.account, OPERATIONS[tool], arguments(place))
                    count.done.add(place)
                except OutcomeUnknown:
                    count.unknown.add(place)
                except ToolError as trouble:
                    (count.unknown if trouble.done else count.undone).add(place)
                count.late += clock() - began > 45.1

        async with anyio.create_task_group() as inner:
            for place in range(number):
                inner.start_soon(create, place)
        await anyio.sleep(60)
        return count, rows_of(one, OPERATIONS[tool].resource.plural)


def rows_of(one: Trial, plural: str) -> list[Json]:
    return one.sandbox._store.for_account(1).select(plural)  # pyright: ignore[reportPrivateUsage]


def creates(number: int) -> int:
    bad = 0
    print(
        f"{'':10} {'asked':>6} {'done':>6} {'failed':>6} {'unknown':>7}   duplicates  failed but there  done but not  late"
    )
    for tool, key, arguments in (
        ("create_contact", "email", lambda n: {"email": f"p{n}@many.example", "first_name": "P"}),
        ("create_deal", "title", lambda n: {"title": f"Many {n}", "value": n, "currency": "usd", "contact": "1", "pipeline": "1"}),
        ("create_note", "note", lambda n: {"text": f"Many notes, this is number {n} of them", "contact": "2"}),
    ):  # fmt: skip
        count, rows = result(lambda tool=tool, arguments=arguments: created(tool, number, arguments, 4))
        made = Counter(str(row[key]) for row in rows)
        name = next(iter(arguments(0)))
        there = {n for n in range(number) if made[str(arguments(n)[name])]}
        twice = sum(max(0, made[str(arguments(n)[name])] - 1) for n in range(number))
        wrongly, missing = len(count.undone & there), len(count.done - there)
        bad += twice + wrongly + missing + count.late
        print(
            f"{tool[7:]:10} {number:6} {len(count.done):6} {len(count.undone):6} {len(count.unknown):7}   {twice:10}  "
            f"{wrongly:16}  {missing:12}  {count.late:4}",
            flush=True,
        )
    return bad


def main() -> int:
    what, *rest = sys.argv[1:] or ["matrix"]
    began = time.monotonic()
    bad = creates(int(rest[0]) if rest else 2000) if what == "creates" else matrix(rest or WRITES)
    print(f"({time.monotonic() - began:.0f} s)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
