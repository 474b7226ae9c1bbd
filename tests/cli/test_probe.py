"""What a live account can do: asked by reads alone, kept for a week, written without data of the account."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import httpx2
import pytest

from ac_mcp.cli.app import Company
from ac_mcp.cli.probe import BadProbe, describe_probe, load_facts, load_quirks, probe
from ac_mcp.filters.account_facts import AccountFacts, questions
from ac_mcp.gateway.call_client import CallClient, Trail
from ac_mcp.sandbox import Quirks
from ac_mcp.settings import Settings
from ac_mcp.storage.account_record import BELIEVED_SECONDS, AccountRecord, Fact
from tests.support import Trial, in_virtual_time, status, trial

NOT_SERVED = {
    "include contacts contactTags.tag", "include contacts fieldValues.field", "include contacts contactLists.list",
    "include contacts accountContacts.account", "v1", "feature messageActivities", "feature linkData",
    "feature contactActivities",
}  # fmt: skip
"""What the sandbox serves nothing of."""


def facts_of(one: Trial) -> AccountFacts:
    return AccountFacts(AccountRecord(one.account.journal, "here"))


async def asked(one: Trial) -> list[Fact]:
    """The answers to all questions."""
    facts = facts_of(one)
    return [await facts.ask(client(one), question) for question in questions()]


async def outcomes(one: Trial) -> dict[str, str]:
    return {fact.question: fact.outcome for fact in await asked(one)}


def client(one: Trial) -> CallClient:
    return CallClient(one.account.gateway, one.account.caller, Trail())


def written(folder: Path, facts: list[Fact]) -> Path:
    """The file of a probe with these facts."""
    file = folder / "probe.json"
    file.write_text(json.dumps(describe_probe(facts, "Maton", datetime(2026, 12, 1, tzinfo=UTC))))
    return file


@in_virtual_time
async def test_a_probe_only_reads() -> None:
    async with trial() as one:
        await asked(one)
        assert {request.split()[0] for request in one.requests} == {"GET"}


@in_virtual_time
async def test_what_an_account_ignores_lacks_or_gives_in_pages_is_found_out() -> None:
    async with trial() as one:
        usual = await outcomes(one)
        assert {question for question, outcome in usual.items() if outcome == "no"} >= NOT_SERVED
        one.sandbox.quirks.ignored = ("contacts tagid", "deals orders[value]")
        one.sandbox.quirks.closed = ("deals",)
        one.sandbox.quirks.sublist_page = 1
        changed = {question for question, outcome in (await outcomes(one)).items() if outcome != usual[question]}
        assert {"filter contacts tagid", "feature deals"} <= changed
        assert not {"filter contacts listid", "feature accounts", "order contacts orders[id]"} & changed


@in_virtual_time
async def test_a_sandbox_like_a_probe_is_probed_the_same(tmp_path: Path) -> None:
    async with trial() as one:
        one.sandbox.quirks.ignored = ("contacts filters[created_after]", "contacts orders[email]", "tags search")
        one.sandbox.quirks.closed = ("accounts",)
        before = await asked(one)
        file = written(tmp_path, before)
    quirks, unlike = load_quirks(file)
    assert unlike == []
    async with trial() as one:
        one.sandbox.quirks.ignored, one.sandbox.quirks.closed = quirks.ignored, quirks.closed
        assert await outcomes(one) == {fact.question: fact.outcome for fact in before}


@in_virtual_time
async def test_an_error_is_no_answer() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(500) if b"tagid" in request.url.query else None
        fact = await facts_of(one).ask(client(one), "filter contacts tagid")
        assert (fact.outcome, fact.detail) == ("unclear", "Unavailable 500")


@in_virtual_time
async def test_an_empty_list_says_nothing_of_its_filters() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: (
            status(200, {"contacts": [], "meta": {"total": "0"}}) if request.url.path.endswith("/contacts") else None
        )
        for question in ("filter contacts tagid", "order contacts orders[id]", "include contacts contactTags.tag"):
            assert (await facts_of(one).ask(client(one), question)).outcome == "unclear"


@in_virtual_time
async def test_an_answer_is_asked_for_once_a_week(tmp_path: Path) -> None:
    async with trial() as one:
        facts = facts_of(one)
        assert await facts.outcome(client(one), "filter contacts tagid") == "yes"
        one.forget_requests()
        assert await facts.outcome(client(one), "filter contacts tagid") == "yes"
        assert one.requests == []
        await anyio.sleep(BELIEVED_SECONDS + 1)
        await facts.outcome(client(one), "filter contacts tagid")
        assert one.requests == ["GET /contacts", "GET /contacts"]


@in_virtual_time
async def test_another_account_has_answers_of_its_own() -> None:
    async with trial() as one:
        await AccountRecord(one.account.journal, "here").note(Fact("v1", "yes"))
        assert await AccountRecord(one.account.journal, "there").find("v1") is None


@in_virtual_time
async def test_a_word_of_a_later_program_is_unclear() -> None:
    async with trial() as one:
        record = AccountRecord(one.account.journal, "here")
        await record.note(Fact("v1", cast("Any", "perhaps")))
        assert await record.find("v1") == Fact("v1", "unclear")


def test_a_file_holds_nothing_of_the_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = dict(list(questions().items())[::10])
    monkeypatch.setattr("ac_mcp.cli.probe.questions", lambda: some)
    folder = tmp_path / "state"
    settings = Settings.from_env({"AC_MCP_SANDBOX": "true", "AC_MCP_STATE_DIR": str(folder)})
    shown: list[str] = []
    assert anyio.run(probe, settings, Company(), tmp_path / "p.json", shown.append) == 0
    text = (tmp_path / "p.json").read_text()
    assert [fact.question for fact in load_facts(tmp_path / "p.json")] == list(some)
    for word in ("@", "northwind", "jane", "api-us1", "sandbox.invalid"):
        assert word not in text.lower()
    assert "It holds no data of the account" in shown[-1]


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    shown: list[str] = []
    settings = Settings.from_env({"AC_MCP_SANDBOX": "true"})
    assert anyio.run(probe, settings, Company(), tmp_path / "no" / "p.json", shown.append) == 1
    assert anyio.run(probe, settings, Company(), tmp_path, shown.append) == 1
    assert "cannot be written" in shown[-1]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"ac-mcp probe": 2}', "\x00", '"x"'])
def test_another_file_is_no_probe(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(BadProbe):
        load_quirks(tmp_path / "p.json")


def test_what_a_sandbox_cannot_be_like_is_said(tmp_path: Path) -> None:
    facts = [Fact("v1", "yes"), Fact("include contacts contactTags.tag", "yes"), Fact("feature sms", "unclear")]
    quirks, unlike = load_quirks(written(tmp_path, facts))
    assert unlike == ["v1: yes", "include contacts contactTags.tag: yes", "feature sms: unclear"]
    assert quirks == Quirks()
