"""What the package promises to keep: the names it exports, and nothing more."""

from pathlib import Path

import ac_mcp
from ac_mcp import sandbox

README_WORDS = ("command line", "environment variables", "MCP", "state folder", "ac_mcp.sandbox")


def test_the_exported_names_are_these() -> None:
    assert ac_mcp.__all__ == ["__version__"]
    assert sandbox.__all__ == ["BadFault", "BadQuirk", "Fault", "Latency", "Quirks", "Sandbox", "parse"]
    assert all(hasattr(sandbox, name) for name in sandbox.__all__)


def test_the_package_says_what_is_public() -> None:
    said = ac_mcp.__doc__ or ""
    assert [word for word in README_WORDS if word not in said] == []


def test_the_package_is_typed() -> None:
    assert (Path(ac_mcp.__file__).parent / "py.typed").exists()
