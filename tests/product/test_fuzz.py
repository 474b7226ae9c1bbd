"""The short runs of tests/fuzz.py and tests/killing.py; the long ones are commands, see CONTRIBUTING."""

import asyncio

from tests.fuzz import fuzzed
from tests.killing import killing


def test_malformed_messages_and_arguments_crash_nothing_and_write_nothing() -> None:
    outcome = fuzzed(400)
    assert (outcome.sent, outcome.crashes, outcome.hangs, outcome.writes) == (400, [], [], [])


def test_the_record_accounts_for_every_write_of_a_killed_process() -> None:
    killed = asyncio.run(killing(2))
    assert (killed.times, killed.unaccounted, killed.misreported) == (2, [], [])
    assert killed.writes
