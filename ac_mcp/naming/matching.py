"""Compare names: when two are the same, similar, or the same but for a typo."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from math import inf

from ac_mcp.spec.resource import FieldFacts, Resource
from ac_mcp.text import fold, visible

MIN_SIMILARITY = 0.5
"""Least similarity (0 to 1) of a name that is worth suggesting."""
MIN_TYPO_SIMILARITY = 0.66
"""Least similarity of two names that differ by a typo only."""
MIN_CONTAINED_SIMILARITY = 0.85
"""Least similarity of two names that differ by a typo only, where one contains the other."""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A record and its names; the first name is the one answers show."""

    id: str
    names: tuple[str, ...]
    within: str = ""
    """The id of what contains it, such as a stage's pipeline; "" if nothing does."""
    seen_at: float = -inf
    """When the API last returned it, in seconds on the directory's clock."""
    detail: bool = False
    """Whether its second name helps to tell it apart."""
    facts: FieldFacts = field(default_factory=FieldFacts)
    """What else is remembered of the row of a custom field."""

    @property
    def name(self) -> str:
        """The name answers show; "" if it has none."""
        return self.names[0] if self.names else ""


ROW_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The form of Maton's ids (reference 1.3); another word of a similar form may be a name."""
LINK_ID = re.compile(r"(?=.*[0-9])[0-9a-z]+(-[0-9a-z]+)+", re.ASCII)


def is_id(text: str, resource: Resource) -> bool:
    """Return whether the text has the form of an id of this resource."""
    return bool((LINK_ID if resource.plane == "control" else ROW_ID).fullmatch(text))


def find_matches(entries: Iterable[DirectoryEntry], name: str, only_main: bool = False) -> list[DirectoryEntry]:
    """Return the entries of this name: the only one of the exact spelling, else by main name, else by any name."""
    normalized = fold(name)
    loose = [entry for entry in entries if normalized and normalized in map(fold, entry.names)]
    main = [entry for entry in loose if fold(entry.name) == normalized]
    exact = [entry for entry in main if visible(entry.name) == visible(name)]
    return exact if len(exact) == 1 else main if only_main else main or loose


def find_closest(entries: Iterable[DirectoryEntry], name: str, *, always: bool = False) -> list[DirectoryEntry]:
    """Return up to three entries of a similar name; those that contain the name or are contained in it come first.

    With `always`, entries of little similarity are returned if there are no better ones.
    """
    normalized, candidates = fold(name), list(entries)
    containing = [
        entry
        for entry in candidates
        if normalized and any(normalized in other or other in normalized for other in map(fold, entry.names))
    ]
    ranked = sorted(candidates, key=lambda entry: -similarity(entry, name))
    similar = [entry for entry in ranked if similarity(entry, name) >= MIN_SIMILARITY]
    if not similar and always and not containing:
        similar = ranked[:3]
    return list({entry.id: entry for entry in (*containing, *similar)}.values())[:3]


def is_misspelt(entry: DirectoryEntry, name: str) -> bool:
    """Return whether the name is surely this entry's with a typo; `2025` is no typo of `VIP 2025` or `2024`."""
    normalized = fold(name)
    return any(
        is_mistyped(other, normalized)
        for other in map(fold, entry.names)
        if digits_of(other) == digits_of(normalized) != normalized
    )


def is_mistyped(name: str, typed: str) -> bool:
    """Return whether two normalized names differ by a typo only."""
    least = MIN_CONTAINED_SIMILARITY if typed in name or name in typed else MIN_TYPO_SIMILARITY
    return has_similar_words(name.split(), typed.split()) and SequenceMatcher(None, typed, name).ratio() >= least


def has_similar_words(words: list[str], others: list[str]) -> bool:
    """Return whether two names are similar word by word: Dana Okafor is no misspelling of Sam Okafor."""
    pairs = zip(words, others, strict=False)
    return len(words) == len(others) and all(SequenceMatcher(None, *pair).ratio() >= MIN_SIMILARITY for pair in pairs)


def digits_of(text: str) -> str:
    """Return the numbers in a name: names whose numbers differ are different names."""
    return " ".join(re.findall(r"\d+", text))


def similarity(entry: DirectoryEntry, name: str) -> float:
    """Return how similar the name is to the closest of the entry's names, from 0 to 1."""
    normalized = fold(name)
    return max((SequenceMatcher(None, normalized, fold(other)).ratio() for other in entry.names), default=0.0)
