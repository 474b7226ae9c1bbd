"""What is generated is up to date, and what can be set is documented."""

import tomllib
from dataclasses import fields
from pathlib import Path

from ac_mcp import __version__
from ac_mcp.cli.docs import refresh
from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import Settings
from ac_mcp.tools.toolsets import USUAL

ROOT = Path(__file__).parents[2]


def test_generated_parts_are_up_to_date() -> None:
    assert refresh(ROOT, write=False) == []


def test_every_setting_and_every_tool_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for one in fields(Settings):
        assert f"`{one.metadata['variable']}`" in readme
    for name in USUAL:
        assert f"| `{name}` |" in readme
    all_of_them = (ROOT / "docs" / "toolsets.md").read_text(encoding="utf-8")
    for name in OPERATIONS:
        assert f"| `{name}` |" in all_of_them


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_dependency_has_an_upper_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert all(",<" in dependency for dependency in project["dependencies"])
