"""The check of tests/conftest.py itself: a key that is written fails the test that wrote it."""

import os
import re
import subprocess
import sys
from pathlib import Path

WRITES = {
    "a print": "print(KEY)",
    "a log line of the lowest level": "logging.getLogger('x').debug('Bearer %s', KEY)",
    "an answer over MCP": "adapter.error_or_text(f'text {KEY}')",
}


def test_a_test_that_writes_the_key_fails() -> None:
    """In one file, of which each test writes it in another way."""
    root = Path(__file__).parents[2]
    test = root / "tests" / f"test_leaking_{os.getpid()}.py"  # others run beside this one
    test.write_text(
        "import logging\nfrom ac_mcp.server import tools as adapter\nfrom tests.support import KEY\n"
        + "".join(f"def test_{number}() -> None:\n    {line}\n" for number, line in enumerate(WRITES.values()))
    )
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-rf", "-n", "0", "-p", "no:cacheprovider", str(test)]
        wide = {**os.environ, "COLUMNS": "300"}  # lines of the summary are cut to it
        ended = subprocess.run(command, cwd=root, env=wide, capture_output=True, text=True, timeout=60)
    finally:
        test.unlink()
    assert ended.returncode == 1
    failed = re.findall(r"^FAILED \S+::test_(\d) - (?:AssertionError: )?The key was written", ended.stdout, re.M)
    assert [int(number) for number in failed] == [*range(len(WRITES))]
