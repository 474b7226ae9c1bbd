"""The operations that fit a wish in plain words: a search by words (BM25), with what people call things."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from math import log

from ac_mcp.catalogue.entry import Entry, catalogue
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.schema import about

AROUND = ("changes", "api")
"""Toolsets whose tools are about other calls: they are found and run as tools only."""
K, B = 1.2, 0.6
"""How soon a word that is repeated counts no more, and how much a long text is held against itself (BM25)."""
NOISE = frozenset(
    re.findall(
        "[a-z]+",
        """a an and are as at be by can do does for from get have i in into is it its me my of on or our that the their
        them there this to was we what when which who whose will with you your all any each how much many
        please want""",
    )
)
THINGS: Mapping[str, str] = {
    "company": "account", "organization": "account", "organisation": "account", "business": "account",
    "opportunity": "deal", "funnel": "pipeline", "audience": "list", "label": "tag", "person": "contact",
    "people": "contact", "lead": "contact", "subscriber": "contact", "customer": "contact", "someone": "contact",
    "somebody": "contact", "colleague": "user", "teammate": "user", "workflow": "automation", "newsletter": "campaign",
    "mailing": "campaign", "todo": "task", "to-do": "task", "reminder": "task", "follow-up": "task", "followup": "task",
    "meeting": "task", "comment": "note", "signup": "form", "sign-up": "form", "optin": "form", "mail": "email",
    "e-mail": "email", "letter": "message", "shop": "ecom", "store": "ecom", "e-commerce": "ecom", "purchase": "order",
    "attribute": "field", "property": "field", "column": "field",
}  # fmt: skip
"""What people say for our nouns: both count."""
MAKE, CHANGE, REMOVE, READ = "create", "update", "delete", "list"
DOING: Mapping[str, str] = {
    **dict.fromkeys(("create", "add", "new", "make", "draft", "write", "schedule", "put"), MAKE),
    **dict.fromkeys(("update", "edit", "change", "rename", "modify", "set", "mark", "move", "turn"), CHANGE),
    **dict.fromkeys(("delete", "remove", "erase", "drop", "stop", "no"), REMOVE),
}
"""What people say is to be done; who says nothing of the kind wants to read."""
OTHERWISE, OURS = 0.6, 1.2
"""What an operation still counts that does something else than is wished; and one of our own, which takes names."""


@dataclass(frozen=True, slots=True)
class Found:
    """One operation as the search knows it: by what it is called, what it does, what it takes."""

    id: str
    words: Mapping[str, float]
    length: float
    does: frozenset[str]
    """One or two of make, change, remove and read."""


def terms(text: str) -> list[str]:
    """The words of a text, without their endings and without those that say nothing."""
    words = re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    return [stem(word) for word in words if word not in NOISE]


def stem(word: str) -> str:
    """Without plural and the endings of verbs: enough to bring forms of one word together."""
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + rest
            break
    return word.removesuffix("e") if len(word) > 4 else word


SPOKEN = {stem(said): stem(word) for said, word in THINGS.items()}


def document(id: str, does: frozenset[str], *parts: tuple[float, str]) -> Found:
    """Its parts by weight: the name says most, what it takes least."""
    words: dict[str, float] = {}
    for weight, text in parts:
        for term in terms(text):
            words[term] = words.get(term, 0) + weight
    return Found(id, words, sum(words.values()), does)


@cache
def documents() -> Sequence[Found]:
    """Our own operations, and of the catalogue those that none of ours stands for."""
    own = [one for one in OPERATIONS.values() if one.resource.toolset not in AROUND]
    found = [
        document(
            one.name,
            doing(one.name.replace("_", " "), one.method),
            (3, one.name.replace("_", " ")),
            (2, f"{one.title}. {one.description}"),
            (1, one.resource.words.replace("_", " ")),
            (0.5, " ".join(about(p.annotation).text for p in one.signature.parameters.values())),
        )
        for one in own
    ]
    return [*found, *(of_catalogue(one) for one in catalogue().values() if not covered(one))]


def of_catalogue(one: Entry) -> Found:
    return document(
        one.id,
        doing(re.sub("[._]", " ", one.id), one.method),
        (3, re.sub("[._]", " ", one.id)),
        (2, f"{one.does} {one.words}"),
        (0.5, " ".join(f"{each.name} {each.text}" for each in one.takes).replace("_", " ")),
    )


METHODS = {"GET": READ, "POST": MAKE, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": REMOVE}


def doing(text: str, method: str = "") -> frozenset[str]:
    """What is to be done, by its words; and what an operation does, by its method too."""
    said = {DOING[word] for word in re.findall("[a-z]+", text.lower()) if word in DOING}
    return frozenset(said | ({METHODS[method]} if method else set[str]() if said else {READ}))


def covered(one: Entry) -> bool:
    """Whether one of our own tools sends that very request."""
    return STEPS[one.id].options.get("step", "") in OPERATIONS


def search(query: str) -> list[str]:
    """Ids of operations that fit, the best first."""
    if query in catalogue() or query in OPERATIONS:
        return [query]
    said = set(terms(query))
    wanted = said | {SPOKEN[term] for term in said if term in SPOKEN}
    wish, usual = doing(query), average()
    rated = [(rating(wanted, one, usual) * favour(one, wish), one.id) for one in documents()]
    ranked = sorted((-rate, place, id) for place, (rate, id) in enumerate(rated) if rate > 0)
    return [id for _, _, id in ranked]


def favour(one: Found, wish: Set[str]) -> float:
    return (1 if wish & one.does else OTHERWISE) * (OURS if one.id in OPERATIONS else 1)


@cache
def average() -> float:
    return sum(one.length for one in documents()) / len(documents())


@cache
def rarity(term: str) -> float:
    """How much a word tells: one that everything holds tells nothing."""
    known = documents()
    holding = sum(term in one.words for one in known)
    return log(1 + (len(known) - holding + 0.5) / (holding + 0.5))


def rating(wanted: Set[str], one: Found, usual: float) -> float:
    """BM25."""
    shared = [term for term in wanted if term in one.words]
    worn = K * (1 - B + B * one.length / usual)
    return sum(rarity(term) * one.words[term] * (K + 1) / (one.words[term] + worn) for term in shared)
