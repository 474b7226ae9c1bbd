"""The short run of tests/fuzz.py; the long one is a command, see CONTRIBUTING."""

from tests.fuzz import fuzzed


def test_malformed_messages_and_arguments_crash_nothing_and_write_nothing() -> None:
    outcome = fuzzed(400)
    assert (outcome.sent, outcome.crashes, outcome.hangs, outcome.writes) == (400, [], [], [])
