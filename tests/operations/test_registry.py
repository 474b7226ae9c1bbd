"""The registry of resources: one that RESOURCES does not list has no tools, and nothing else would say so."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from ac_mcp import operations
from ac_mcp.spec.resource import Resource

PACKAGE = Path(*operations.__path__)


def declared_resources() -> Iterator[tuple[str, Path, Resource]]:
    """Yield each module-level resource of the package with its name and file; imported ones belong to another file."""
    for path in sorted(PACKAGE.glob("*.py")):
        if path.stem == "__init__":
            continue
        statements = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        imports = [node for node in statements if isinstance(node, ast.ImportFrom)]
        imported = {alias.asname or alias.name for node in imports for alias in node.names}
        for name, value in vars(import_module(f"{operations.__name__}.{path.stem}")).items():
            if isinstance(value, Resource) and name not in imported:
                yield name, path, value


def test_every_resource_is_registered() -> None:
    missing = [
        f"`{name}` in {PACKAGE.name}/{path.name} is not in RESOURCES"
        for name, path, resource in declared_resources()
        if resource not in operations.RESOURCES
    ]
    assert not missing, "\n".join(missing)


def test_no_resource_is_registered_twice() -> None:
    assert len(set(operations.RESOURCES)) == len(operations.RESOURCES)


def test_every_registered_resource_is_declared_in_the_package() -> None:
    assert {resource for _, _, resource in declared_resources()} >= set(operations.RESOURCES)
