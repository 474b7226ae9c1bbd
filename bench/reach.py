"""How much of the documented API can be reached, and how well plain words find it.

    python -m bench.reach [openapi.json]

The first part needs ActiveCampaign's own definition, which is not part of this repository; the second needs nothing.
"""

import json
import re
import sys
from pathlib import Path

from ac_mcp.catalogue.entry import catalogue
from ac_mcp.finding import search
from ac_mcp.operations import OPERATIONS, STEPS

MISSPELT = {
    "/taskOutccomes/{}": "/taskOutcomes/{}",
    "/records/{}/external/{}": "/customObjects/records/{}/external/{}",
}
"""Paths the definition writes wrongly: the API has them under these (reference 5.4 and 14)."""
METHODS = ("get", "post", "put", "patch", "delete")


def documented(definition: Path) -> set[str]:
    told = json.loads(definition.read_text(encoding="utf-8"))["paths"]
    plain = {path: re.sub("{[^}]+}", "{}", path) for path in told}
    return {
        f"{method.upper()} {MISSPELT.get(plain[path], plain[path])}"
        for path, one in told.items() for method in one if method in METHODS
    }  # fmt: skip


def coverage(definition: Path) -> None:
    wanted, there = documented(definition), {one.route: one.id for one in catalogue().values()}
    reached = [route for route in wanted if route in there and STEPS[there[route]]]
    print(f"documented: {len(wanted)} routes; reached: {len(reached)} ({100 * len(reached) / len(wanted):.1f} %)")
    print("missing:", sorted(wanted - there.keys()) or "none")
    more = sorted(there.keys() - wanted)
    print(f"beyond it, from the reference on how the API behaves: {len(more)}: {', '.join(more)}")
    print(f"written otherwise than there: {', '.join(f'{wrong} as {right}' for wrong, right in MISSPELT.items())}")


def wishes() -> list[tuple[str, set[str]]]:
    lines = (Path(__file__).parent / "wishes.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" | ") for line in lines if line and not line.startswith("#")]
    return [(wish, set(ids.split(","))) for wish, ids in pairs]


def found() -> None:
    first = three = 0
    for wish, right in wishes():
        unknown = right - catalogue().keys() - OPERATIONS.keys()
        assert not unknown, unknown
        best = search(wish)[:3]
        first += best[:1] != [] and best[0] in right
        three += bool(right & set(best))
        if not right & set(best):
            print(f"  not in the first three: {wish!r}: {', '.join(best)}")
    total = len(wishes())
    print(f"{total} wishes: {100 * first / total:.0f} % first, {100 * three / total:.0f} % in the first three")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        coverage(Path(sys.argv[1]))
    found()
