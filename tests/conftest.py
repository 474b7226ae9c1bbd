"""The key is looked for in everything a test run writes: output, log lines of every level, answers over MCP."""

from collections.abc import Generator
from typing import Any

import pytest
from mcp_types import CallToolResult

from ac_mcp.server import tools as adapter
from tests.support import KEY

LEAKED = "The key was written: "


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for name, text in report.sections:
        if KEY in text:
            report.outcome, report.longrepr = "failed", f"{LEAKED}{name}"
    return report


@pytest.fixture(autouse=True)
def no_answer_holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text of a tool's answer over MCP is made in one place."""
    made = adapter.error_or_text

    def checked(text: str, is_error: bool = False) -> CallToolResult:
        assert KEY not in text, LEAKED
        return made(text, is_error)

    monkeypatch.setattr(adapter, "error_or_text", checked)
