"""Work on many in one call: previewed, confirmed, paced, taken up again, taken back."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.gateway.client import Gateway
from ac_mcp.jobs.runner import BATCH, MIN_FAILURES
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.sandbox import Sandbox
from ac_mcp.sandbox.rest.store import eq
from tests.sandbox_state import state
from tests.support import FOLDER, Trial, clock, in_virtual_time, trial
from tests.tables import query, store_of

CAREFUL = {"AC_MCP_CONFIRM": "auto"}
EVERYBODY = [str(number) for number in range(1, 61)]


def wearing(sandbox: Sandbox, tag: str) -> list[str]:
    """Contacts by their ties to a tag: twice who is tied twice."""
    return [contact for (contact,) in query(sandbox, "SELECT contact FROM contactTags WHERE tag = ?", tag)]


async def agreed(one: Trial, tool: str, **arguments: Any) -> Json:
    """What a call answers once somebody has said yes to its preview."""
    with pytest.raises(ConfirmationRequired) as waiting:
        await execute(one.account, OPERATIONS[tool], arguments)
    return json.loads(
        json.dumps(
            await execute(one.account, OPERATIONS["confirm_change"], {"token": waiting.value.token}), default=str
        )
    )


@in_virtual_time
async def test_everybody_who_meets_the_conditions_is_tagged_and_nobody_else() -> None:
    async with trial(CAREFUL) as one:
        before = Counter(wearing(one.sandbox, "11"))
        answer = await one.answer("bulk_update_contacts", where=["tag=VIP", "list!=Newsletter"], add_tag="Gift card")
        subscribed = "SELECT contact FROM contactLists WHERE list = '1' AND status = '1'"
        clause = f"SELECT contact FROM contactTags WHERE tag = '1' AND contact NOT IN ({subscribed})"
        wanted = {contact for (contact,) in query(one.sandbox, clause)}
        assert answer["counts"]["tagged"] == len(wanted - before.keys())
        assert Counter(wearing(one.sandbox, "11")) == before | Counter(wanted)


@in_virtual_time
async def test_above_25_nothing_is_written_before_a_yes_and_the_yes_counts_once() -> None:
    async with trial(CAREFUL) as one:
        with pytest.raises(ConfirmationRequired) as waiting:
            await execute(
                one.account, OPERATIONS["bulk_update_contacts"], {"where": ["list=Newsletter"], "add_tag": "VIP"}
            )
        preview = waiting.value.preview or {}
        assert waiting.value.reasons == ("It writes to 34 contacts; above 25 the user is asked.",)
        assert (preview["matched"], len(preview["samples"]), preview["does"]) == (34, 10, ["tag VIP"])
        assert preview["takes"] == "36 requests, about 7 s"
        assert not [sent for sent in one.requests if sent.startswith("POST")]
        told = await execute(one.account, OPERATIONS["confirm_change"], {"token": waiting.value.token})
        assert (told["result"], told["total"]) == ("done", 34)
        assert "no call waits for it" in await one.refusal("confirm_change", token=waiting.value.token)


@in_virtual_time
async def test_a_yes_reaches_no_more_than_were_shown() -> None:
    async with trial(CAREFUL) as one:
        arguments = {"where": ["list=Newsletter"], "add_tag": "Gift card"}
        with pytest.raises(ConfirmationRequired) as waiting:
            await execute(one.account, OPERATIONS["bulk_update_contacts"], arguments)
        for number in range(5):
            who = await one.answer("create_contact", email=f"new{number}@x.example")
            await one.answer("subscribe_contact", contact=who["contact"]["id"], list="Newsletter")
        told = await execute(one.account, OPERATIONS["confirm_change"], {"token": waiting.value.token})
        assert (told["result"], told["total"]) == ("done", 34)


@in_virtual_time
async def test_doing_it_again_does_only_what_is_missing() -> None:
    async with trial() as one:
        first = await one.answer("bulk_update_contacts", contacts=EVERYBODY[:40], add_tag="VIP")
        one.forget_requests()
        again = await one.answer("bulk_update_contacts", contacts=EVERYBODY[:45], add_tag="VIP")
        assert again["counts"]["tagged"] + sum(first["counts"].values()) == 45 - again["counts"]["already tagged"] + 40
        posts = [sent for sent in one.requests if sent == "POST /contactTags"]
        assert len(posts) == again["counts"]["tagged"]


STEPS: tuple[tuple[str, Json], ...] = (
    ("a tag", {"add_tag": "Gift card"}),
    ("no tag", {"remove_tag": "VIP"}),
    ("a field", {"fields": ["Plan=Team", "Seats=7"]}),
    ("several values of a field", {"fields": ["Interests=Tea||Courses"]}),
    ("a list", {"unsubscribe": "Product updates"}),
    (
        "all at once",
        {"add_tag": "Gift card", "remove_tag": "VIP", "fields": ["Plan=Free"], "add_to_automation": "Win-back"},
    ),
)


@pytest.mark.parametrize(("what", "step"), STEPS, ids=[what for what, _ in STEPS])
@in_virtual_time
async def test_an_undo_leaves_the_account_as_it_was(what: str, step: Json) -> None:
    async with trial() as one:
        on_list = {
            c for (c,) in query(one.sandbox, "SELECT contact FROM contactLists WHERE list = '2' AND status = '1'")
        }
        where = {"contacts": sorted(on_list)} if "unsubscribe" in step else {"where": ["tag=VIP"]}
        before = state(one.sandbox)
        told = await one.answer("bulk_update_contacts", **where, **step)
        assert state(one.sandbox) != before
        assert told["result"] == "done"
        back = await one.answer("undo_change", change=told["job"])
        assert back["result"] == "done"
        after = state(one.sandbox)
        ran = {"contactAutomations", "automations"}  # what has run stays counted
        empty = {"fieldValues"}  # a value that is emptied again has a row
        assert {k: v for k, v in after.items() if k not in ran | empty} == {
            k: v for k, v in before.items() if k not in ran | empty
        }
        assert not before["fieldValues"] - after["fieldValues"]
        (row, *_) = (await one.answer("list_changes"))["changes"][1:]
        assert (row["result"], row["job"]) == ("undone", told["job"])
        after = await one.answer("follow_job", job=told["job"])
        assert "taken back" in after["note"]
        assert not {"undo", "next"} & set(after)


@in_virtual_time
async def test_an_undo_leaves_alone_what_somebody_has_changed_since() -> None:
    async with trial() as one:
        told = await one.answer("bulk_update_contacts", contacts=["1", "2", "3"], fields=["Plan=Team"])
        await one.answer("set_field_value", contact="2", field="Plan", value="Enterprise")
        back = await one.answer("undo_change", change=told["job"])
        assert back["counts"] == {"restored": 2, "changed again since, left as it is": 1}
        values = dict(query(one.sandbox, "SELECT contact, value FROM fieldValues WHERE field = '1'"))
        assert (values["1"], values["2"]) == ("Enterprise", "Enterprise")


@in_virtual_time
async def test_nobody_who_opted_out_or_bounced_is_put_back_on_a_list() -> None:
    async with trial() as one:
        was = dict(query(one.sandbox, "SELECT contact, status FROM contactLists WHERE list = '1'"))
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY, subscribe="Newsletter")
        now = dict(query(one.sandbox, "SELECT contact, status FROM contactLists WHERE list = '1'"))
        assert now == {contact: was.get(contact, "1") for contact in EVERYBODY}
        counts = Counter(was.values())
        assert told["counts"]["left out: unsubscribed"] == counts["2"] > 0
        assert told["counts"]["left out: bounced"] == counts["3"] > 0


@in_virtual_time
async def test_nobody_enters_an_automation_twice() -> None:
    async with trial() as one:
        for _ in range(2):
            await one.answer("bulk_update_contacts", contacts=EVERYBODY[:30], add_to_automation="Welcome series")
        entries = Counter(
            c for (c,) in query(one.sandbox, "SELECT contact FROM contactAutomations WHERE seriesid = '1'")
        )
        assert {entries[contact] for contact in EVERYBODY[:30]} == {1}


@in_virtual_time
async def test_an_entry_whose_answer_got_lost_is_looked_up_not_made_again() -> None:
    async with trial() as one:
        once: list[str] = []

        def lost(request: httpx2.Request) -> httpx2.Response | None:
            if request.method == "POST" and request.url.path.endswith("/contactAutomations") and not once:
                once.append("lost")
                store = store_of(one.sandbox)
                store.insert("contactAutomations", {"contact": "2", "seriesid": "3"})
                return httpx2.Response(504, text="gone")
            return None

        one.wire.answer = lost
        told = await one.answer("bulk_update_contacts", contacts=["2"], add_to_automation="Win-back")
        assert told["counts"] == {"added": 1}
        assert len(query(one.sandbox, "SELECT 1 FROM contactAutomations WHERE contact = '2' AND seriesid = '3'")) == 1


@in_virtual_time
async def test_deals_are_handed_over_by_what_the_list_showed_of_them() -> None:
    async with trial() as one:
        before = state(one.sandbox)
        one.forget_requests()
        told = await one.answer(
            "bulk_update_deals", where=["owner=Sam Okafor", "status=open"], owner="Priya", status="won"
        )
        assert told["counts"] == {"changed": 3}
        assert Counter(sent.split()[0] for sent in one.requests) == {"GET": 2, "PUT": 3}
        assert (await one.answer("undo_change", change=told["job"]))["counts"] == {"restored": 3}
        assert state(one.sandbox)["deals"] == before["deals"]


@in_virtual_time
async def test_each_failure_is_told_with_its_reason_and_the_rest_is_done() -> None:
    async with trial() as one:
        given = ["1", "99999", "2", "nobody@x.example", "omar@initech.example"]
        told = await one.answer("bulk_update_contacts", contacts=given, add_tag="Gift card")
        assert told["result"] == "done, some failed"
        assert told["failed"] == 2
        assert told["failures"] == [
            {"of": "99999", "reason": "not there (any more)"},
            {"of": "nobody@x.example", "reason": "no contact has this e-mail address"},
        ]
        assert {"1", "2", "3"} <= set(wearing(one.sandbox, "11"))


@in_virtual_time
async def test_too_many_failures_stop_it_and_what_is_left_can_be_taken_up() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            httpx2.Response(422, json={"errors": [{"title": "No"}]}) if request.method == "POST" else None
        )
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        assert told["result"] == "stopped"
        assert told["note"].startswith(f"{MIN_FAILURES} of 1")
        one.wire.answer = lambda request: None
        whole = await one.answer("follow_job", job=told["job"], action="resume")
        assert whole["failed"] == told["failed"] < 20
        worn = set(wearing(one.sandbox, "11"))
        assert len(worn & set(EVERYBODY)) == 60 - whole["failed"] + sum(
            1 for f in whole["failures"] if f["of"].rpartition("(")[2].strip(")") in worn
        )


@in_virtual_time
async def test_a_refused_key_interrupts_it_and_nothing_counts_as_failed() -> None:
    async with trial() as one:
        sent: list[str] = []

        def refuse(request: httpx2.Request) -> httpx2.Response | None:
            sent.append(request.method)
            return httpx2.Response(401, json={"message": "no"}) if sent.count("POST") > 10 else None

        one.wire.answer = refuse
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        assert told["result"] == "interrupted"
        assert "failed" not in told
        assert "key" in told["note"].lower()
        one.wire.answer = lambda request: None
        await anyio.sleep(60)
        assert (await one.answer("follow_job", job=told["job"], action="resume"))["result"] == "done"
        assert {*EVERYBODY} <= {*wearing(one.sandbox, "11")}


@in_virtual_time
async def test_told_to_wait_it_waits() -> None:
    async with trial() as one:
        sent: list[float] = []

        def slow_down(request: httpx2.Request) -> httpx2.Response | None:
            sent.append(clock())
            return httpx2.Response(429, headers={"Retry-After": "30"}) if len(sent) == 12 else None

        one.wire.answer = slow_down
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY[:30], add_tag="Gift card")
        if told["result"] == "running":
            told = await one.answer("follow_job", job=told["job"])
        assert told["result"] == "done"
        assert "failed" not in told
        assert max(later - earlier for earlier, later in itertools.pairwise(sent)) >= 30


@in_virtual_time
async def test_what_takes_longer_than_a_call_goes_on_in_the_background() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "6"}) as one:
        began = clock()
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        assert clock() - began < 6
        assert told["result"] == "running"
        assert 0 < told["left"] < 60
        assert told["next"] == f'follow_job(job="{told["job"]}") waits for it'
        same = await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        assert same["job"] == told["job"]
        await anyio.sleep(30)
        assert (await one.answer("follow_job", job=told["job"]))["result"] == "done"
        assert Counter(wearing(one.sandbox, "11")).most_common(1)[0][1] == 1


@in_virtual_time
async def test_stopped_it_keeps_what_is_done_and_goes_on_later() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "6"}) as one:
        before = len(wearing(one.sandbox, "11"))
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        stopped = await one.answer("follow_job", job=told["job"], action="stop")
        assert (stopped["result"], stopped["note"]) == ("stopped", "stopped on request")
        done = stopped["counts"]["tagged"]
        assert done <= len(wearing(one.sandbox, "11")) - before <= done + 6
        await anyio.sleep(60)
        assert len(wearing(one.sandbox, "11")) - before <= done + 6
        await one.answer("follow_job", job=told["job"], action="resume")
        await anyio.sleep(60)
        assert set(wearing(one.sandbox, "11")) >= set(EVERYBODY)


@in_virtual_time
async def test_a_call_that_is_cancelled_stops_its_job() -> None:
    async with trial() as one:
        with anyio.move_on_after(4):
            await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        assert not one.account.job_pool.runs
        (row,) = (await one.answer("list_changes"))["changes"]
        assert row["result"] == "stopped"
        await one.answer("follow_job", job=row["job"], action="resume")
        assert set(wearing(one.sandbox, "11")) >= set(EVERYBODY)


@in_virtual_time
async def test_a_job_whose_process_died_goes_on_where_it_was() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "8"}) as one:
        told = await one.answer("bulk_update_contacts", contacts=EVERYBODY, add_tag="Gift card")
        assert told["result"] == "running"
        one.account.job_pool.group.cancel_scope.cancel() if one.account.job_pool.group else None
        await anyio.lowlevel.checkpoint()
        one.forget_requests()
        later = fresh(one)
        async with later.job_pool.open():
            answer = await execute(later, OPERATIONS["follow_job"], {"job": told["job"], "action": "resume"})
            while answer["result"] == "running":
                answer = await execute(later, OPERATIONS["follow_job"], {"job": told["job"]})
        assert answer["result"] == "done"
        worn = Counter(wearing(one.sandbox, "11"))
        assert set(EVERYBODY) <= worn.keys()
        assert max(worn.values()) == 1
        posts = sum(sent == "POST /contactTags" for sent in one.requests)
        assert posts <= 60 - told["counts"]["tagged"] + BATCH


def fresh(one: Trial) -> Account:
    """The same account in a process that knows nothing but the journal."""
    gateway = one.account.gateway
    another = Gateway(
        gateway.endpoints, gateway.http, gateway.pacing, gateway.clock, gateway.sleep, lambda: 1.0, gateway.now
    )
    return Account.of(one.account.settings, another, one.account.journal, FOLDER)


@in_virtual_time
async def test_a_job_of_another_account_or_key_is_not_to_be_seen() -> None:
    async with trial() as one:
        told = await one.answer("bulk_update_contacts", contacts=["1"], add_tag="Gift card")
        other = replace(one.account, caller=replace(one.account.caller, principal="somebody else"))
        with pytest.raises(BadArguments, match="no job of this account"):
            await execute(other, OPERATIONS["follow_job"], {"job": told["job"]})


@in_virtual_time
async def test_lean_keeps_nothing_about_a_person_and_says_what_that_costs() -> None:
    async with trial({"AC_MCP_JOURNAL": "lean"}) as one:
        who = {
            "contacts": ["jane@acme.example", "nobody@secret.example"],
            "fields": ["Referral code=Spy 7"],
        }
        told = await one.answer("bulk_update_contacts", **who)
        assert told["counts"] == {"changed": 1}
        kept = await one.account.journal.transact(
            lambda rows: json.dumps([rows.execute(f"SELECT * FROM {t}").fetchall() for t in ("job", "item", "change")])
        )
        assert "jane" not in kept
        assert "Spy" not in kept
        assert "secret" not in kept
        assert "not kept (AC_MCP_JOURNAL=lean)" in await one.refusal("undo_change", change=told["job"])


@in_virtual_time
async def test_progress_tells_how_far_it_is_and_how_long_it_will_take() -> None:
    async with trial(rate=5) as one:
        said: list[tuple[float, float | None, str | None]] = []

        async def note(done: float, total: float | None = None, message: str | None = None, /) -> None:
            said.append((done, total, message))

        await execute(
            one.account,
            OPERATIONS["bulk_update_contacts"],
            {"contacts": EVERYBODY, "add_tag": "VIP"},
            CallContext(note),
        )
        assert said[-1][0] == said[-1][1] == 60
        assert any("a second, about" in (message or "") for _, _, message in said)


WRONG: tuple[tuple[Json, str], ...] = (
    ({"add_tag": "VIP"}, "Which contacts"),
    ({"where": ["tag=VIP"]}, "Nothing to do was given"),
    ({"where": ["tag=VIP"], "contacts": ["1"], "add_tag": "VIP"}, "only one of them"),
    ({"where": ["tag=VIP"], "add_tag": "VIP", "remove_tag": "VIP"}, "only one of them can be"),
    ({"where": ["tagg=VIP"], "add_tag": "VIP"}, "did you mean tag?"),
    ({"where": ["VIP"], "add_tag": "VIP"}, "is not of the form key=value"),
    ({"where": [], "add_tag": "VIP"}, "Which contacts"),
    ({"where": [""], "add_tag": "VIP"}, "is not of the form key=value"),
    ({"where": ["tag="], "add_tag": "VIP"}, "needs a name or an id"),
    ({"where": ["tag=VPI"], "add_tag": "VIP"}, 'Next: bulk_update_contacts(where=["tag=VIP"], add_tag="VIP")'),
    ({"where": ["status=active", "status=bounced"], "add_tag": "VIP"}, "status is asked twice"),
    ({"where": ["tag=VIP OR tag=Trial"], "add_tag": "VIP"}, "there is no OR"),
    ({"where": ["tag=VIP, list!=Newsletter"], "add_tag": "VIP"}, "several conditions"),
    ({"where": ["status!=active"], "add_tag": "VIP"}, "status takes = only"),
    ({"where": ["created_after=soon"], "add_tag": "VIP"}, "not a date"),
    ({"where": ["inactive_days=-1"], "add_tag": "VIP"}, "takes a plain number"),
    ({"where": ["Plan=Gold"], "add_tag": "VIP"}, "Plan takes Free, Team, Enterprise"),
    ({"where": ["Seats>4"], "add_tag": "VIP"}, "Seats takes = and != only"),
    ({"contacts": [f"Name {n}" for n in range(60)], "add_tag": "VIP"}, "more than 50 are names"),
)


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[said for _, said in WRONG])
@in_virtual_time
async def test_a_selection_that_cannot_be_meant_is_refused_before_anything_is_written(given: Json, said: str) -> None:
    async with trial() as one:
        assert said in await one.refusal("bulk_update_contacts", **given)
        assert not [sent for sent in one.requests if not sent.startswith("GET")]


@in_virtual_time
async def test_conditions_are_taken_in_the_ways_hosts_write_them() -> None:
    async with trial() as one:
        ways: list[Any] = [
            ["tag=VIP", "list=Newsletter"], "tag=VIP, list=Newsletter", "tag=VIP and list=Newsletter",
            {"tag": "VIP", "list": "Newsletter"}, '["tag=VIP", "list=Newsletter"]', [{"tag": "VIP"}, {"list": "1"}],
            ["Tags: vip", "on_list = newsletter"], {"tag": ["VIP"], "list": ["Newsletter"]},
        ]  # fmt: skip
        counts = [(await one.answer("count_contacts", where=way))["count"] for way in ways]
        assert set(counts) == {counts[0]}
        assert counts[0] > 0
        assert (await one.answer("count_contacts", where=["not tag=VIP"]))["count"] == 48
        assert (await one.answer("count_contacts", where=["tag=name:2024"]))["count"] == 13
        (since,) = {
            (await one.answer("count_contacts", where=[way]))["count"]
            for way in ("created>=2026-06-01", "created_after=2026-06-01")
        }
        assert 0 < since < 60


@in_virtual_time
async def test_a_tag_whose_name_is_a_number_is_not_taken_for_an_id() -> None:
    async with trial() as one:
        told = await one.answer("bulk_update_contacts", where=["tag=2024"], add_tag="name:2024")
        assert told["counts"] == {"already tagged": 13}


@in_virtual_time
async def test_a_page_boundary_loses_nobody() -> None:
    async with trial() as one:
        for count in (39, 40, 41, 140):
            store = store_of(one.sandbox)
            store.delete("contactTags", eq("tag", "12"))
            while store.count("contacts") < 60 + count:
                number = store.count("contacts") + 1
                store.insert("contacts", {"email": f"p{number}@x.example", "cdate": "2026-01-01T00:00:00-05:00"})
            told = await one.answer("bulk_update_contacts", where=["created_after=2020-01-01"], add_tag="12")
            while told["result"] == "running":
                told = await one.answer("follow_job", job=told["job"])
            assert told["counts"] == {"tagged": 60 + count}
            assert Counter(wearing(one.sandbox, "12")).most_common(1)[0][1] == 1
