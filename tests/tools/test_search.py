"""Operations are found by plain words."""

import pytest

from ac_mcp.tools.search import documents, load_phrases, search
from bench.reach import wishes


@pytest.mark.parametrize(("seen", "least"), [(True, 0.9), (False, 0.75)])
def test_most_wishes_find_their_operation(seen: bool, least: float) -> None:
    """Loosely, so that words may be added; `python -m bench.reach` prints the figures."""
    found = [bool(wish.right & set(search(wish.said)[:3])) for wish in wishes() if wish.seen == seen]
    assert sum(found) / len(found) > least


def test_what_people_say_is_said_of_operations_there_are() -> None:
    assert load_phrases().keys() <= {one.id for one in documents()}
