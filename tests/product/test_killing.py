"""The short run of tests/killing.py; the long one is a command, see CONTRIBUTING."""

import asyncio

from tests.killing import killing


def test_the_record_accounts_for_every_write_of_a_killed_process() -> None:
    killed = asyncio.run(killing(3, at_once=3))
    assert (killed.times, killed.unaccounted, killed.misreported) == (3, [], [])
    assert killed.writes
