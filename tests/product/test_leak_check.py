"""The check of tests/conftest.py itself: a key that is written fails the test that wrote it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITES = {
    "a print": "print(KEY)",
    "a log line of the lowest level": "logging.getLogger('x').debug('Bearer %s', KEY)",
    "an answer over MCP": "adapter.error_or_text(f'text {KEY}')",
}


@pytest.mark.parametrize("how", WRITES)
def test_a_test_that_writes_the_key_fails(how: str) -> None:
    root = Path(__file__).parents[2]
    test = root / "tests" / f"test_leaking_{os.getpid()}_{how.replace(' ', '_')}.py"  # others run beside this one
    test.write_text(
        "import logging\nfrom ac_mcp.server import tools as adapter\nfrom tests.support import KEY\n"
        f"def test_it() -> None:\n    {WRITES[how]}\n"
    )
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(test)]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    finally:
        test.unlink()
    assert ended.returncode == 1
    assert "The key was written" in ended.stdout
