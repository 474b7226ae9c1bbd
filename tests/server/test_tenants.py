"""Many callers in one process: nothing of one reaches another, and each has their share."""

from collections import Counter
from random import Random

import anyio

from ac_mcp.errors import Throttled
from ac_mcp.gateway.rate_stores import Rates
from ac_mcp.server.tenants import MAX_ACCOUNTS, Principal, Tenants
from ac_mcp.storage.journal import Journal
from ac_mcp.storage.journal_schema import SCHEMA, VERSION
from ac_mcp.storage.sqlite import Database
from tests.gateway.test_pacing import pacing
from tests.server.crossing import WHO, Asking, crossed, hosted
from tests.support import FOLDER, clock, in_virtual_time, trial

RATES: Rates = (("connection 1", 5),)


@in_virtual_time
async def test_nothing_of_one_caller_ever_reaches_the_other() -> None:
    """`python -m bench.hosted isolation` asks more often."""
    good, wrong = await crossed(60, 1)
    assert wrong == []
    assert good > 100  # what they asked for did have their own names in it


@in_virtual_time
async def test_a_caller_who_brings_no_key_where_there_is_none_is_told_so() -> None:
    async with hosted() as app:
        one = Asking(app, "alice", {name: [] for name in WHO}, Random(1))
        del one.http.headers["X-Maton-Api-Key"]
        assert "X-Maton-Api-Key" in await one.ask("tools/list", {})
        one.http.headers["X-Maton-Api-Key"] = "with a blank"
        assert "is not a key" in await one.ask("tools/list", {})
        del one.http.headers["X-Maton-Api-Key"]
        one.http.headers["X-Maton-Connection"] = "9a0f"
        assert "goes with X-Maton-Api-Key" in await one.ask("tools/list", {})
        await one.http.aclose()


@in_virtual_time
async def test_whoever_shares_an_account_has_the_same_share_however_many_calls_they_make() -> None:
    one, sent = pacing(), Counter[str]()

    async def ask(whose: str, call: int) -> None:
        while clock() < 40:
            async with one.turn(RATES, call=(whose, call), principal=whose) as turn:
                sent[whose] += clock() < 40
                turn.mark_answered(clock())

    async with anyio.create_task_group() as group:
        for call in range(20):
            group.start_soon(ask, "many", call)
        for call in range(5):
            group.start_soon(ask, "few", call)
    assert abs(sent["many"] - sent["few"]) <= 10, sent


@in_virtual_time
async def test_accounts_are_kept_by_principal_key_and_connection() -> None:
    async with trial() as one:
        callers = Tenants(one.account.settings, one.account.gateway, lambda name: None)
        alice = callers.account(Principal("alice"))
        assert callers.account(Principal("alice")) is alice
        others = [
            callers.account(who)
            for who in (Principal("bob"), Principal("alice", "key"), Principal("alice", "key", "9a0f"))
        ]
        assert len({id(each) for each in (alice, *others)}) == 4
        assert others[1].journal is others[2].journal  # one key: what was written through it is one record
        assert len({id(each.journal) for each in (alice, *others)}) == 3
        assert others[2].settings.connection == "9a0f"
        assert (alice.caller.principal, others[0].caller.principal) == ("alice", "bob")


@in_virtual_time
async def test_of_too_many_callers_those_longest_away_are_forgotten_but_for_a_journal_that_is_nowhere_else() -> None:
    async with trial() as one:
        callers = Tenants(one.account.settings, one.account.gateway, lambda name: None)
        first = callers.account(Principal("first"))
        for at in range(MAX_ACCOUNTS):
            callers.account(Principal(f"caller {at}"))
        assert len(callers.accounts) == MAX_ACCOUNTS
        again = callers.account(Principal("first"))
        assert again is not first
        assert again.journal is first.journal


@in_virtual_time
async def test_journals_that_are_kept_elsewhere_are_forgotten_with_their_callers() -> None:
    async with trial() as one:

        def journal(name: str) -> Journal:
            return Journal(Database(FOLDER / name, SCHEMA, durable=False, version=VERSION), clock)

        callers = Tenants(one.account.settings, one.account.gateway, journal)
        for at in range(MAX_ACCOUNTS + 20):
            callers.account(Principal(f"caller {at}"))
        assert len(callers.journals) == MAX_ACCOUNTS


@in_virtual_time
async def test_a_caller_with_one_request_is_not_refused_because_another_one_has_many() -> None:
    one, refused = pacing(), Counter[str]()

    async def ask(whose: str, call: int) -> None:
        try:
            async with one.turn(RATES, call=(whose, call), principal=whose, within=25) as turn:
                turn.mark_answered(clock())
        except Throttled:
            refused[whose] += 1

    async with anyio.create_task_group() as group:
        for call in range(200):
            group.start_soon(ask, "many", call)
        await anyio.sleep(0.1)
        for call in range(5):
            group.start_soon(ask, "one", call)
    assert refused["one"] == 0
    assert refused["many"] > 50
