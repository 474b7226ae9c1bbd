"""How much of the documented API can be reached, and how well plain words find it.

    python -m bench.reach [openapi.json]

The first part needs ActiveCampaign's own definition, which is not part of this repository; the second needs nothing.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ac_mcp.catalogue.entry import catalogue
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.tools.search import META_TOOLSETS, search

MISSPELT = {
    "/taskOutccomes/{}": "/taskOutcomes/{}",
    "/records/{}/external/{}": "/customObjects/records/{}/external/{}",
}
"""Paths the definition writes wrongly: the API has them under these (reference 5.4 and 14)."""
UNSEEN = "# By people who had not seen the search, and not looked at while it was tuned\n"
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


@dataclass(frozen=True, slots=True)
class Wish:
    said: str
    right: frozenset[str]
    """The operations that would do it."""
    seen: bool
    """The search was tuned on it."""


def wishes() -> list[Wish]:
    text = (Path(__file__).parent / "wishes.txt").read_text(encoding="utf-8")
    seen, unseen = text.split(UNSEEN)
    return [
        Wish(wish, frozenset(ids.split(",")), part is seen)
        for part in (seen, unseen) for line in part.splitlines() if " | " in line and not line.startswith("#")
        for wish, ids in [line.split(" | ")]
    ]  # fmt: skip


def found(asked: list[Wish], name: str) -> None:
    first = three = 0
    for wish in asked:
        unknown = wish.right - catalogue().keys() - OPERATIONS.keys()
        assert not unknown, unknown
        best = [id for id in search(wish.said) if STEPS[id].resource.toolset not in META_TOOLSETS][:3]
        first += best[:1] != [] and best[0] in wish.right
        three += bool(wish.right & set(best))
        if wish.seen and not wish.right & set(best):
            print(f"  not in the first three: {wish.said!r}: {', '.join(best)}")
    total = len(asked)
    print(f"{total} wishes {name}: {100 * first / total:.0f} % first, {100 * three / total:.0f} % in the first three")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        coverage(Path(sys.argv[1]))
    found([wish for wish in wishes() if wish.seen], "it was tuned on")
    found([wish for wish in wishes() if not wish.seen], "it was not")
