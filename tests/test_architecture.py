"""The house rules a reader would otherwise have to trust: one test a rule, which lists every place that breaks it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parent.parent / "ac_mcp"
FILES = {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
TREES = {path: ast.parse(text) for path, text in FILES.items()}
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
"""A package imports from its own layer and those above it in this list."""
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
NARROW = {
    "gateway": {"messages", "errors", "storage", "concurrency", "gateway", "text"},
    "sandbox": {"sandbox"},
    "settings": set[str](),
}
"""Packages that may import from these alone."""


def part(path: Path) -> str:
    """The package of a file, or its own name where it lies in the root."""
    return path.parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Every module a file imports, by absolute name."""
    found = set[str]()
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inside = f"ac_mcp.{part(path)}." if node.level else ""
            found.add(f"{inside}{node.module or ''}")
    return found


def ours(path: Path) -> set[str]:
    """The packages of this project that a file imports from."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("ac_mcp.")}


def functions() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def test_every_package_has_its_layer() -> None:
    assert {part(path) for path in FILES} == {*LEVEL, "sandbox", "__init__"}


def test_imports_go_one_way() -> None:
    def upward(path: Path) -> set[str]:
        own = part(path)
        if own in NARROW:
            return ours(path) - NARROW[own]
        return {name for name in ours(path) if name != own and LEVEL.get(name, -1) > LEVEL[own]}

    assert {str(path): names for path in FILES if part(path) != "__init__" and (names := upward(path))} == {}


def test_packages_of_one_layer_do_not_import_each_other() -> None:
    def beside(path: Path) -> set[str]:
        return {name for name in ours(path) if name != part(path) and LEVEL.get(name) == LEVEL[part(path)]}

    packages = {path for path in FILES if path.parts[1:] and part(path) not in ("sandbox", *NARROW)}
    assert {str(path): names for path in packages if (names := beside(path))} == {}


@pytest.mark.parametrize(
    ("module", "where"),
    [
        ({"mcp", "mcp_types"}, {"server", "cli"}),
        ({"httpx2"}, {"gateway", "sandbox"}),
        ({"ac_mcp.sandbox"}, {"cli"}),
    ],
)
def test_what_only_some_packages_may_import(module: set[str], where: set[str]) -> None:
    def imports(path: Path) -> bool:
        return any(name == one or name.startswith(f"{one}.") for name in imported(path) for one in module)

    own = {one.split(".")[1] for one in module if "." in one}
    assert [str(path) for path in FILES if imports(path) and part(path) not in where | own] == []


def test_the_root_holds_no_more_than_nine_files() -> None:
    assert len([path for path in FILES if not path.parts[1:]]) <= 9


def test_files_stay_under_500_lines() -> None:
    assert {str(path): lines for path, text in FILES.items() if (lines := text.count("\n")) > 500} == {}


def test_functions_stay_under_41_lines_and_half_of_them_under_10() -> None:
    assert [f"{path}:{node.lineno} {node.name}" for path, node in functions() if length(node) > 41] == []
    assert median(length(node) for _, node in functions()) <= 9


def test_exceptions_of_every_kind_end_in_one_place() -> None:
    broad = [
        str(path)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert broad == ["jobs/pool.py", "server/tools.py"]  # nobody waits for a job in the background


def test_the_environment_is_read_in_one_place() -> None:
    read = [str(path) for path, text in FILES.items() if re.search(r"\benviron\b|\bgetenv\b", text)]
    assert {part(Path(path)) for path in read} <= {"cli", "settings"}


NO_NAMES = {
    "told", "said", "asked", "given", "kept", "known", "shown", "again", "one", "those", "back", "so",
}  # fmt: skip
STORED_WORDS = {
    Path("spec/job_plan.py"): {"shown", "back", "given"},  # keys of plans that are stored
}


def names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that a file gives: of functions, classes, parameters and variables."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.MatchAs(name=str(name)):
                yield node.lineno, name
            case _:
                continue


def test_words_that_say_nothing_are_no_names() -> None:
    empty = [
        f"{path}:{line} {name}"
        for path, tree in TREES.items()
        for line, name in names(tree)
        if name.lower().strip("_") in NO_NAMES - STORED_WORDS.get(path, set())
    ]
    assert empty == []


def test_a_constructor_is_given_no_more_than_five_arguments_by_their_place() -> None:
    many = [
        f"{path}:{node.lineno} {ast.unparse(node.func)}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and len(node.args) > 5 and ast.unparse(node.func).rpartition(".")[2][:1].isupper()
    ]
    assert many == []


def test_nothing_is_put_on_an_exception_that_was_raised() -> None:
    """A caught error is copied (`error.but(...)`), never changed."""
    changed = [
        f"{path}:{inner.lineno} {ast.unparse(inner)}"
        for path, tree in TREES.items()
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler) and handler.name
        for inner in ast.walk(handler)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.ctx, ast.Store)
        and isinstance(inner.value, ast.Name)
        and inner.value.id == handler.name
    ]
    assert changed == []


def test_no_type_check_tells_the_mode_of_a_call() -> None:
    asked = re.compile(r"isinstance\(self\.(sender|inner),")
    assert [str(path) for path, text in FILES.items() if asked.search(text)] == []


def test_every_public_function_says_what_it_does() -> None:
    """But for the sandbox, and for operations, whose docstrings are descriptions; and where the name says it all."""
    silent = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in functions()
        if part(path) not in ("sandbox", "operations")
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
        and length(node) > 8
        and not is_nested(path, node)
        and not (path.match("jobs/steps/*") and path.name != "base.py")  # they override what base.py describes
    ]
    assert silent == []


def is_nested(path: Path, node: ast.AST) -> bool:
    """Whether a function stands inside another one."""
    outer = [other for other in ast.walk(TREES[path]) if isinstance(other, ast.FunctionDef | ast.AsyncFunctionDef)]
    return any(node is not other and node in ast.walk(other) for other in outer)


def test_docstrings_do_not_begin_with_a_fragment() -> None:
    fragments = re.compile(r"^(What|Whether|Who|Whoever|Of|With|As|Until|The same|Those|There)\b")
    begun = [
        f"{path}:{node.lineno} {node.name}: {doc.splitlines()[0][:60]}"
        for path, node in functions()
        if part(path) not in ("sandbox", "operations")
        and (doc := ast.get_docstring(node) or "")
        and fragments.match(doc)
        and not any("property" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert begun == []
