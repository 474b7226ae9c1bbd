"""Boundaries of decisions: the last value on each side, where nothing larger would notice a line that is off by one."""

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx2
import pytest
from starlette.datastructures import Headers

from ac_mcp.calls.execute import execute
from ac_mcp.errors import OutcomeUnknown, RequestRefused
from ac_mcp.filters.conditions import parse_condition
from ac_mcp.gateway.rate_limit import Budget, Moment, Wait, take
from ac_mcp.jobs.imports import MINUTE, MOST_REFUSALS, ImportRun
from ac_mcp.jobs.model import Item
from ac_mcp.jobs.runner import RunContext
from ac_mcp.jobs.store import JobStore
from ac_mcp.messages import Json, Request, Response
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.shaping import AnswerData, paging
from ac_mcp.server.http import Gate, Tokens
from ac_mcp.server.http import HttpRefusal as TurnedAway
from ac_mcp.settings import Settings
from ac_mcp.storage.journal import Journal
from ac_mcp.writes.audit_log import Change
from ac_mcp.writes.confirmation import ConfirmationPolicy
from tests.support import clock, in_virtual_time, trial


@pytest.mark.parametrize(("count", "asks"), [(0, False), (1, False), (25, False), (26, True), (1000, True)])
def test_one_call_may_write_to_25_records_without_a_question(count: int, asks: bool) -> None:
    assert bool(ConfirmationPolicy().reasons_for_count(count, "It moves")) is asks


@pytest.mark.parametrize(
    ("text", "negative"),
    [
        ("tag=VIP", False),
        ("tag!=VIP", True),
        ("tag<>VIP", True),
        ("not tag=VIP", True),
        ("-tag=VIP", True),
        ("not tag!=VIP", False),
        ("-tag!=VIP", False),
        ("-tag<>VIP", False),
    ],
)
def test_a_condition_negated_twice_is_not_negated(text: str, negative: bool) -> None:
    assert parse_condition("where", text).negative is negative


@pytest.mark.parametrize(
    ("bulk", "waits"),
    [(False, [False, False, False, False, False, True]), (True, [False, False, False, False, True, True])],
)
def test_bulk_work_takes_all_slots_but_the_last_while_somebody_waits_for_answers(bulk: bool, waits: list[bool]) -> None:
    budget = Budget.of(5)
    budget.interactive_at = 100.0
    moments = [Moment(100 + step * 0.11, 0.0) for step in range(6)]
    leases = [take([budget], "process", f"holder {now.steady}", now, 3.0, bulk=bulk) for now in moments]
    assert [isinstance(lease, Wait) for lease in leases] == waits


@pytest.mark.parametrize(
    ("offset", "rows", "meta", "total"),
    [
        (0, 2, {}, 2),
        (20, 2, {}, 22),
        (20, 0, {}, 0),
        (20, 2, {"meta": {"total": "41"}}, 41),
        (20, 2, {"meta": {"total": "many"}}, 22),
    ],
)
def test_without_a_total_the_rows_before_the_page_count_too(offset: int, rows: int, meta: Json, total: int) -> None:
    page = {"users": [{"id": str(20 + number)} for number in range(rows)], **meta}
    assert paging(AnswerData(OPERATIONS["list_users"], {"offset": offset}, page))["total"] == total


def lost_and_crowded(newer: int, sent: list[str]) -> Callable[[httpx2.Request], httpx2.Response | None]:
    """An account that loses every new deal's answer, and shows so many deals of other people's that are newer."""

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if not request.url.path.endswith("/deals"):
            return None
        if request.method == "POST":
            sent.append(request.url.path)
            raise httpx2.ReadTimeout("late")
        if not sent:
            return None
        deals = [{"id": str(9_000 - number), "title": f"Somebody's {number}"} for number in range(newer)]
        return httpx2.Response(200, json={"deals": deals, "meta": {"total": str(newer)}})

    return answer


@pytest.mark.parametrize(("newer", "times"), [(99, 2), (100, 1)])
@in_virtual_time
async def test_a_page_full_of_newer_rows_does_not_show_that_a_create_is_not_there(newer: int, times: int) -> None:
    sent: list[str] = []
    async with trial() as one:
        one.wire.answer = lost_and_crowded(newer, sent)
        deal = {"title": "Gone", "value": 12.5, "currency": "USD", "contact": "1", "pipeline": "Sales"}
        assert (await one.refusal("create_deal", **deal)).startswith("The outcome is unknown")
        assert len(sent) == times


@in_virtual_time
async def test_a_write_whose_answer_shows_nothing_is_not_among_what_was_done() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response | None:
        nothing = request.method == "POST" and request.url.path.endswith("/fieldOption/bulk")
        return httpx2.Response(201, json={}) if nothing else None

    async with trial({"AC_MCP_SETTLE_SECONDS": "60"}) as one:
        one.wire.answer = answer
        field = {"title": "Size", "type": "dropdown", "options": ["S", "M"]}
        with pytest.raises(OutcomeUnknown) as unknown:
            await execute(one.account, OPERATIONS["create_field"], field)
        assert [line.partition(" (")[0] for line in unknown.value.done] == ["POST /fields"]


class TooFast:
    """A bulk import that refuses so many requests for being too many a minute."""

    def __init__(self, times: int) -> None:
        self.times, self.sent = times, list[float]()

    async def send(self, request: Request, /) -> Response:
        if request.method == "GET":
            return Response(200, {"status": "completed", "success": ["ann@x.example"], "failure": []})
        self.sent.append(clock())
        if len(self.sent) <= self.times:
            raise RequestRefused("Only 100 imports per minute are allowed", status=400)
        return Response(200, {"batchId": "b1"})


async def import_of(sender: TooFast) -> ImportRun:
    """An import of one contact, run to its end."""
    jobs = JobStore(Journal.in_memory(lambda: 0.0))
    row = Item(n=0, subject="ann@x.example", step=0, prior={"email": "ann@x.example"})
    job, _ = await jobs.begin(
        Change("mine", "import_contacts", {}, "", ""), {"kind": "import", "steps": []}, 0, [row], all=True
    )
    run = ImportRun(RunContext(jobs, sender, clock, anyio.sleep), job)
    await run.run()
    jobs.journal.close()
    return run


@pytest.mark.parametrize(
    ("refusals", "state", "requests"),
    [
        (0, "done", 1),
        (1, "done", 2),
        (2, "done", 3),
        (MOST_REFUSALS, "done", MOST_REFUSALS + 1),
        (MOST_REFUSALS + 1, "interrupted", MOST_REFUSALS + 1),
    ],
)
@in_virtual_time
async def test_an_import_refused_for_its_pace_waits_a_minute_thirty_times_at_most(
    refusals: int, state: str, requests: int
) -> None:
    sender = TooFast(refusals)
    run = await import_of(sender)
    assert (run.state, len(sender.sent)) == (state, requests)
    assert all(later - earlier >= MINUTE for earlier, later in zip(sender.sent, sender.sent[1:], strict=False))


async def nobody(*_: Any) -> None: ...


def let_in(under_way: int) -> int:
    """The status a caller gets who has so many requests under way; 0 where the request is let in."""
    served: Callable[..., Awaitable[None]] = nobody
    gate = Gate(Settings(sandbox=True), Tokens({}), frozenset({"localhost"}), frozenset(), served)
    gate.under_way["local"] = under_way
    try:
        gate.caller("POST", Headers({"host": "localhost"}))
    except TurnedAway as refused:
        return refused.status
    return 0


@pytest.mark.parametrize(("under_way", "status"), [(0, 0), (49, 0), (50, 503)])
def test_a_caller_has_50_requests_at_once_and_no_51st(under_way: int, status: int) -> None:
    assert let_in(under_way) == status
