"""What things are called, and when two names are the same, alike, or one with a typo."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from math import inf
from typing import Any

from ac_mcp.messages import Json
from ac_mcp.spec.resource import Resource
from ac_mcp.text import visible

NEAR, TYPO, LONGER = 0.5, 0.66, 0.85
"""How alike a name must be to be worth telling; to be the same but for a typo; and so where one holds the other."""


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """A thing and what it is called: the first name is the one we show."""

    id: str
    names: tuple[str, ...]
    within: str = ""
    at: float = -inf
    """When it was last seen."""
    detail: bool = False
    """Whether its second name helps to tell it apart."""
    facts: Json = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        return self.names[0] if self.names else ""


ROW_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What Maton's ids are (reference 1.3); another word that looks like one may be a name."""
LINK_ID = re.compile(r"(?=.*[0-9])[0-9a-z]+(-[0-9a-z]+)+", re.ASCII)


def is_id(text: str, resource: Resource) -> bool:
    return bool((LINK_ID if resource.plane == "control" else ROW_ID).fullmatch(text))


def normalize_name(name: str) -> str:
    """Case, outer space, what nobody sees and the way an accent is encoded do not matter."""
    return " ".join(unicodedata.normalize("NFC", visible(name)).casefold().split())


def find_matches(known: Iterable[DirectoryEntry], name: str, only_main: bool = False) -> list[DirectoryEntry]:
    """Those called so: by the very spelling of their main name, else by their main name, else by any."""
    sought = normalize_name(name)
    loose = [one for one in known if sought and sought in map(normalize_name, one.names)]
    main = [one for one in loose if normalize_name(one.name) == sought]
    exact = [one for one in main if visible(one.name) == visible(name)]
    return exact if len(exact) == 1 else main if only_main else main or loose


def find_closest(known: Iterable[DirectoryEntry], name: str, *, always: bool = False) -> list[DirectoryEntry]:
    """The three most alike, those that hold the name or are held by it first; with `always` however little alike."""
    sought, all_of_them = normalize_name(name), list(known)
    holding = [
        k
        for k in all_of_them
        if sought and any(sought in normalize_name(n) or normalize_name(n) in sought for n in k.names)
    ]
    near = sorted(all_of_them, key=lambda one: -similarity(one, name))
    enough = [k for k in near if similarity(k, name) >= NEAR] or (near[:3] if always and not holding else [])
    return list({k.id: k for k in (*holding, *enough)}.values())[:3]


def is_misspelt(known: DirectoryEntry, name: str) -> bool:
    """Whether the name is surely this one with a typo; `2025` is not `VIP 2025` or `2024` with one."""
    sought = normalize_name(name)
    return any(
        is_mistyped(normalize_name(n), sought)
        for n in known.names
        if digits_of(normalize_name(n)) == digits_of(sought) != sought
    )


def is_mistyped(name: str, sought: str) -> bool:
    least = LONGER if sought in name or name in sought else TYPO
    return each_word_alike(name.split(), sought.split()) and SequenceMatcher(None, sought, name).ratio() >= least


def each_word_alike(words: list[str], others: list[str]) -> bool:
    """Word by word: Dana Okafor is nobody's misspelling of Sam Okafor."""
    pairs = zip(words, others, strict=False)
    return len(words) == len(others) and all(SequenceMatcher(None, *pair).ratio() >= NEAR for pair in pairs)


def digits_of(text: str) -> str:
    """The numbers of a name: two that differ there are two names."""
    return " ".join(re.findall(r"\d+", text))


def similarity(known: DirectoryEntry, name: str) -> float:
    """From 0 to 1."""
    sought = normalize_name(name)
    return max((SequenceMatcher(None, sought, normalize_name(n)).ratio() for n in known.names), default=0.0)
