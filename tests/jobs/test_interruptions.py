"""Jobs that break off, wait, are stopped or taken up again: nobody else is reached, and nothing is done for ever."""

from collections.abc import Callable

import anyio
import httpx2
import pytest

from ac_mcp.calls.execute import execute
from ac_mcp.jobs.model import holds_no_personal_data
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from tests.jobs.test_bulk import fresh
from tests.support import Trial, clock, in_virtual_time, trial
from tests.tables import iso, query, store_of

LEAN = {"AC_MCP_JOURNAL": "lean"}
EVERYBODY = [str(id) for id in range(1, 61)]
GIFT_CARD = "SELECT count(*) FROM contactTags WHERE tag = '11'"


def more(one: Trial, many: int, plan: str = "", tags: tuple[str, ...] = ()) -> None:
    """So many contacts, with a value of the field Plan and with these tags."""
    store = store_of(one.sandbox)
    with store.transaction():
        for number in range(many):
            id = str(store.insert("contacts", {"email": f"z{number}@x.example", "cdate": iso(5)}))
            if plan:
                store.insert("fieldValues", {"contact": id, "field": "1", "value": plan})
            for tag in tags:
                store.insert("contactTags", {"contact": id, "tag": tag})


def out(one: Trial, which: Callable[[httpx2.Request], bool], after: int = 0, status: int = 503, wait: str = "") -> None:
    """From the so-manieth of these requests on the account does not answer."""
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if not which(request):
            return None
        seen.append(request.url.path)
        return (
            httpx2.Response(status, text="x", headers={"Retry-After": wait} if wait else {})
            if len(seen) > after
            else None
        )

    one.wire.answer = answer


async def well_again(one: Trial) -> None:
    one.wire.answer = lambda request: None
    await anyio.sleep(600)


async def ended(one: Trial, told: Json) -> Json:
    while told["result"] == "running":
        told = await one.answer("follow_job", job=told["job"])
    return told


@in_virtual_time
async def test_a_lean_export_is_not_taken_up_without_its_conditions() -> None:
    async with trial(LEAN) as one:
        more(one, 500, "Team")
        out(one, lambda request: "ids" in str(request.url), after=8)
        told = await ended(one, await one.answer("export_contacts", where=["Plan=Team"]))
        assert told["result"] == "interrupted"
        assert "next" not in told
        await well_again(one)
        assert "cannot be taken up" in await one.refusal("export_contacts", job=told["job"])


@in_virtual_time
async def test_what_could_not_be_counted_in_time_is_worked_on_whole() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "6"}, rate=5) as one:
        more(one, 1500, tags=("1", "2"))
        where = {"where": ["tag=VIP", "tag=Customer"], "add_tag": "Gift card"}
        told = await ended(one, await one.answer("bulk_update_contacts", **where))
        both = (
            "SELECT contact FROM contactTags WHERE tag = '1' INTERSECT SELECT contact FROM contactTags WHERE tag = '2'"
        )
        assert told["total"] == len(query(one.sandbox, both)) > 1500


@pytest.mark.parametrize(
    ("change", "verb", "left"),
    [
        ({"add_tag": "Gift card"}, "DELETE", GIFT_CARD),
        ({"unsubscribe": "Newsletter"}, "POST", "SELECT count(*) FROM contactLists WHERE list = '1' AND status = '1'"),
    ],
)
@in_virtual_time
async def test_a_lean_undo_that_breaks_off_is_taken_up_in_another_process(change: Json, verb: str, left: str) -> None:
    async with trial(LEAN) as one:
        before = query(one.sandbox, left)
        on = [c for (c,) in query(one.sandbox, "SELECT contact FROM contactLists WHERE list = '1' AND status = '1'")]
        told = await one.answer("bulk_update_contacts", contacts=on, **change)
        assert query(one.sandbox, left) != before
        out(one, lambda request: request.method == verb and "/contact" in request.url.path, after=5)
        back = await ended(one, await one.answer("undo_change", change=told["job"]))
        assert back["result"] == "interrupted"
        await well_again(one)
        async with fresh(one).job_pool.open():
            again = await execute(fresh(one), OPERATIONS["follow_job"], {"job": back["job"], "action": "resume"})
        assert list(again["counts"].values()) == [back["total"] - again["failed"]]
        await one.answer("undo_change", change=told["job"])  # what had no answer at all
        assert query(one.sandbox, left) == before


@in_virtual_time
async def test_a_lean_change_of_deals_is_not_said_to_be_undone() -> None:
    async with trial(LEAN) as one:
        told = await one.answer("bulk_update_deals", where=["status=open"], status="won")
        assert "undo" not in told
        assert "not kept" in await one.refusal("undo_change", change=told["job"])


@pytest.mark.parametrize("named", [2, 7, -1])
@in_virtual_time
async def test_an_import_refused_for_a_row_that_is_not_there_ends(named: int) -> None:
    async with trial() as one:
        reasons = {"message": "bad", "failureReasons": [{"contact": named, "failureReason": "Invalid"}]}
        one.wire.answer = lambda r: httpx2.Response(400, json=reasons) if "bulk_import" in r.url.path else None
        told = await one.answer("import_contacts", data="email\na@x.example\nb@x.example")
        assert (told["result"], told["failed"]) == ("failed", 2)
        assert one.requests.count("POST /import/bulk_import") <= 3  # both, and each alone


@in_virtual_time
async def test_an_import_that_is_stopped_sends_no_more_and_can_go_on() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "5"}) as one:
        data = "email\n" + "\n".join(f"p{number}@new.example" for number in range(10_000))
        told = await one.answer("import_contacts", data=data)
        told = await ended(one, await one.answer("follow_job", job=told["job"], action="stop"))
        sent = one.requests.count("POST /import/bulk_import")
        assert told["result"] == "stopped"
        assert 0 < told["counts"]["imported"] == 10_000 - told["left"] == sent * 250
        await anyio.sleep(300)
        assert one.requests.count("POST /import/bulk_import") == sent
        told = await ended(one, await one.answer("follow_job", job=told["job"], action="resume"))
        assert told["counts"] == {"imported": 10_000}
        assert one.requests.count("POST /import/bulk_import") == 40


@pytest.mark.parametrize("fields", [[], ["Plan"]])
@in_virtual_time
async def test_an_export_that_breaks_off_before_its_first_page_goes_on(fields: list[str]) -> None:
    async with trial() as one:
        out(one, lambda request: "id_greater" in str(request.url) or request.url.path.endswith("/fieldValues"))
        told = await ended(one, await one.answer("export_contacts", where=["tag=VIP"], fields=fields))
        assert (told["result"], told["rows"]) == ("interrupted", 0)
        await well_again(one)
        told = await ended(one, await one.answer("export_contacts", job=told["job"]))
        assert told["result"] == "done"
        (vips,) = query(one.sandbox, "SELECT count(*) FROM contactTags WHERE tag = '1'")
        assert told["rows"] == vips[0]


@in_virtual_time
async def test_told_to_wait_while_it_reads_a_job_waits() -> None:
    async with trial() as one:
        seen: list[str] = []

        def once(request: httpx2.Request) -> httpx2.Response | None:
            if "id_greater" not in str(request.url) or seen:
                return None
            seen.append("")
            return httpx2.Response(429, headers={"Retry-After": "120"})

        one.wire.answer = once
        began = clock()
        told = await ended(one, await one.answer("export_contacts", where=["tag=VIP"]))
        assert told["result"] == "done"
        assert clock() - began >= 120


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("bulk_update_contacts", {"contacts": EVERYBODY, "add_tag": "Gift card"}),
        ("import_contacts", {"data": "email\na@x.example\nb@x.example"}),
    ],
)
@in_virtual_time
async def test_a_call_given_up_while_its_job_waits_ends_at_once(tool: str, arguments: Json) -> None:
    async with trial() as one:
        out(one, lambda request: request.method == "POST", status=429, wait="900")
        began = clock()
        with anyio.move_on_after(10):
            await one.answer(tool, **arguments)
        assert clock() - began < 12
        told = await one.answer("follow_job", job="1")
        assert (told["result"], told["note"]) == ("stopped", "the call was cancelled")
        await well_again(one)
        told = await ended(one, await one.answer("follow_job", job="1", action="resume"))
        assert told["result"] == "done"


@in_virtual_time
async def test_an_export_given_up_reads_no_further() -> None:
    async with trial(rate=5) as one:
        more(one, 4000, "Team")
        began = clock()
        with anyio.move_on_after(3):
            await one.answer("export_contacts", where=["created_after=2000-01-01"], fields=["Plan"])
        assert clock() - began < 5
        told = await ended(one, await one.answer("export_contacts", job="1"))
        assert (told["result"], told["rows"]) == ("done", 4060)


@pytest.mark.parametrize(
    ("kept", "may"),
    [({"id": "7"}, True), ({"prior": "1"}, True), ({"was": "1"}, True), ({"prior": {"1": "Spy"}}, False), (None, True)],
)
def test_lean_keeps_what_tells_nothing_of_a_person(kept: Json | None, may: bool) -> None:
    assert holds_no_personal_data(kept) is may
