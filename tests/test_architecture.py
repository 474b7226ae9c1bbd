"""The house rules that a reader would otherwise have to trust."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "ac_mcp"
FILES = sorted(ROOT.rglob("*.py"))
LAYERS = (
    {"errors", "settings", "text", "public_url", "messages"},
    {"concurrency"},
    {"storage"},
    {"spec"},
    {"filters", "arguments", "gateway", "catalogue"},
    {"operations"},
    {"tools"},
    {"results"},
    {"naming"},
    {"writes"},
    {"jobs"},
    {"calls"},
    {"server"},
    {"cli", "__main__"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
NARROW = {
    "gateway": {"messages", "errors", "storage", "concurrency", "gateway"},
    "sandbox": {"sandbox"},
    "settings": set[str](),
}
every_file = pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every module a file imports, by absolute name."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = f"ac_mcp.{part(path)}." if node.level else ""
            found.add(f"{inside}{node.module or ''}")
    return found


def ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("ac_mcp.")}


@every_file
def test_imports_go_downwards_only(path: Path) -> None:
    own = part(path)
    if own in NARROW:
        assert ours(path) <= NARROW[own]
    elif own != "__init__":
        above = {name for name in ours(path) if name != own and LEVEL.get(name, -1) > LEVEL[own]}
        assert not above
        assert "sandbox" not in ours(path) or own == "cli"


@every_file
def test_only_the_server_and_the_command_line_know_mcp(path: Path) -> None:
    known = {name.split(".")[0] for name in imported(path)} & {"mcp", "mcp_types"}
    assert not known or part(path) in ("server", "cli")


@every_file
def test_only_the_gateway_and_the_door_of_the_sandbox_know_the_http_client(path: Path) -> None:
    assert "httpx2" not in imported(path) or part(path) in ("gateway", "sandbox")


@every_file
def test_a_file_stays_under_300_lines_and_a_function_under_40(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") < 300
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert not [node.name for node in functions if (node.end_lineno or 0) - node.lineno > 40]


def test_exceptions_of_every_kind_end_in_one_place() -> None:
    broad = [
        str(path.relative_to(ROOT))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert broad == ["jobs/pool.py", "server/tools.py"]  # nobody waits for a job in the background


@every_file
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    read = re.search(r"\benviron\b|\bgetenv\b", path.read_text(encoding="utf-8"))
    assert not read or part(path) in ("cli", "settings")
