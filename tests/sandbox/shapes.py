"""The shapes of the recorded answers: keys and types without values, small enough to be committed.

`python -m tests.sandbox.shapes` writes the summary anew from the recordings beside the repository.
"""

import json
from pathlib import Path
from typing import Any, cast

RECORDED = Path(__file__).parents[3] / "shared" / "activecampaign" / "examples.json"
SUMMARY = Path(__file__).parent / "shapes.json"

Body = dict[str, Any]

TYPES = {str: "text", int: "int", float: "float", bool: "flag", type(None): "null"}


def shape(value: Any) -> Any:
    """Objects by key, lists by their first element, everything else by the name of its type."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in cast(Body, value).items()}
    if isinstance(value, list):
        return [shape(each) for each in cast(list[Any], value)[:1]]
    return TYPES[cast(Any, type(value))]


def examples() -> dict[str, Body]:
    if not RECORDED.exists():
        return {}
    return {example["op"]: example for example in json.loads(RECORDED.read_text())}


def summarised(found: dict[str, Body]) -> dict[str, Body]:
    return {op: {"status": example["status"], "body": shape(example["body"])} for op, example in found.items()}


def written(found: dict[str, Body]) -> str:
    """One operation a line, so that a changed recording is a changed line."""
    lines = (f"{json.dumps(op)}: {json.dumps(each, separators=(',', ':'))}" for op, each in summarised(found).items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def summary() -> dict[str, Body]:
    return json.loads(SUMMARY.read_text())


if __name__ == "__main__":
    SUMMARY.write_text(written(examples()))
