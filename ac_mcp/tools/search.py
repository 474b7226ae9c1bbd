"""The search for operations by plain words: BM25 over their texts, with synonyms and search phrases."""

import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log
from typing import Any

from ac_mcp.catalogue.entry import Entry, catalogue
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.spec import synonyms
from ac_mcp.spec.json_schema import description_of
from ac_mcp.spec.operation import Operation

GENERIC_TOOLSET = "api"
"""The toolset of the generic tools."""
META_TOOLSETS = ("changes", GENERIC_TOOLSET)
"""Toolsets whose tools are about other calls; the generic tools neither find nor run them."""
PHRASE_WEIGHT = 2.0
"""The weight of a word in `search_phrases.toml`."""
K, B = 1.2, 0.3
"""BM25 parameters: K limits the effect of a repeated word, B the penalty for a long text."""
NOISE = frozenset(
    re.findall(
        "[a-z]+",
        """a an and are as at be been by can could did do does for from get give got had has have he her here him his
        how i if in into is it its just let like me more much my need needs now of off on one or our out over please
        she should so some somebody someone something still than that the their them then there these they thing this
        those to under up us want was we were what when where which while who whom whose why will with would you your
        all any each every many make""",
    )
)
"""Words that do not tell operations apart."""
MAKE, CHANGE, REMOVE, READ = "create", "update", "delete", "list"
QUESTION = re.compile(
    r"\W*(who|what|whats|which|where|when|why|is|are|did|does|show|list|find|see|how (many|much|did|is|are))\b"
)
"""The start of a question, which wants to read whatever verbs follow."""
OTHER_ACTION, OWN_TOOL = 0.8, 1.2
"""Factors of the score: for an operation with another action, and for one of our own, which accepts names."""


@dataclass(frozen=True, slots=True)
class SearchDocument:
    """One operation in the search index."""

    id: str
    words: Mapping[str, float]
    """The sum of the weights of each word."""
    length: float
    """The sum of all weights."""
    actions: frozenset[str]
    """One or two of MAKE, CHANGE, REMOVE and READ."""


def terms(text: str) -> list[str]:
    """Return the words of a text without endings and without noise words."""
    words = re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    return [stem(word) for word in words if word not in NOISE]


def stem(word: str) -> str:
    """Return a word without plural and verb endings, so that its forms are equal."""
    for ending, rest in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", "e"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + rest
            break
    return word.removesuffix("e") if len(word) > 4 else word


STEMMED_SYNONYMS = {stem(synonym): stem(noun) for synonym, noun in synonyms.NOUNS.items()}


@cache
def load_phrases() -> Mapping[str, str]:
    """Return the search phrases of each operation, by id."""
    return tomllib.loads((files("ac_mcp.tools") / "search_phrases.toml").read_text(encoding="utf-8"))


def document(id: str, actions: frozenset[str], *parts: tuple[float, str]) -> SearchDocument:
    """Return the index entry of an operation from texts and their weights, plus its search phrases."""
    words: dict[str, float] = {}
    for weight, text in parts:
        for term in terms(text):
            words[term] = words.get(term, 0) + weight
    for term in set(terms(load_phrases().get(id, ""))):
        words[term] = words.get(term, 0) + PHRASE_WEIGHT
    return SearchDocument(id, words, sum(words.values()), actions)


@cache
def documents() -> Sequence[SearchDocument]:
    """Return the search index: our own operations, and those of the catalogue that no own tool covers."""
    own = [
        own_document(operation) for operation in OPERATIONS.values() if operation.resource.toolset != GENERIC_TOOLSET
    ]
    return [*own, *(catalogue_document(entry) for entry in catalogue().values() if not has_own_tool(entry))]


def own_document(operation: Operation[..., Any]) -> SearchDocument:
    """Return the index entry of one of our own operations."""
    name = operation.name.replace("_", " ")
    parameters = operation.signature.parameters.values()
    return document(
        operation.name,
        find_action(name, operation.method),
        (3, name),
        (2, f"{operation.title}. {operation.description}"),
        (1, operation.resource.words.replace("_", " ")),
        (0.5, " ".join(description_of(parameter.annotation).text for parameter in parameters)),
    )


def catalogue_document(entry: Entry) -> SearchDocument:
    """Return the index entry of an operation of the catalogue."""
    name = re.sub("[._]", " ", entry.id)
    return document(
        entry.id,
        find_action(name, entry.method),
        (3, name),
        (2, f"{entry.does} {entry.words}"),
        (0.5, " ".join(f"{parameter.name} {parameter.text}" for parameter in entry.takes).replace("_", " ")),
    )


METHOD_ACTIONS = {"GET": READ, "POST": MAKE, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": REMOVE}


def find_action(text: str, method: str = "") -> frozenset[str]:
    """Return the actions a text names; for an operation its HTTP method adds one, for a query READ is the default."""
    if not method and QUESTION.match(text.lower()):
        return frozenset({READ})
    actions = {synonyms.ACTIONS[word] for word in re.findall("[a-z]+", text.lower()) if word in synonyms.ACTIONS}
    if method:
        actions.add(METHOD_ACTIONS[method])
    return frozenset(actions or {READ})


def has_own_tool(entry: Entry) -> bool:
    """Return whether one of our own tools sends the same request."""
    return STEPS[entry.id].options.encoding.counts_as in OPERATIONS


def search(query: str) -> list[str]:
    """Return the ids of the operations that match a query, best first; the id itself where the query is one."""
    if query in catalogue() or query in OPERATIONS:
        return [query]
    query_terms = set(terms(query))
    wanted = query_terms | {STEMMED_SYNONYMS[term] for term in query_terms if term in STEMMED_SYNONYMS}
    actions, average = find_action(query), average_length()
    rated = [(score(wanted, entry, average) * score_factor(entry, actions), entry.id) for entry in documents()]
    ranked = sorted((-rate, index, id) for index, (rate, id) in enumerate(rated) if rate > 0)
    return [id for _, _, id in ranked]


def score_factor(entry: SearchDocument, actions: Set[str]) -> float:
    """Return the factor for the operation's action and for our own operations."""
    return (1 if actions & entry.actions else OTHER_ACTION) * (OWN_TOOL if entry.id in OPERATIONS else 1)


@cache
def average_length() -> float:
    """Return the average length of an index entry."""
    return sum(entry.length for entry in documents()) / len(documents())


@cache
def rarity(term: str) -> float:
    """Return the inverse document frequency of a word: near 0 for one that every entry holds."""
    entries = documents()
    holding = sum(term in entry.words for entry in entries)
    return log(1 + (len(entries) - holding + 0.5) / (holding + 0.5))


def score(wanted: Set[str], entry: SearchDocument, average: float) -> float:
    """Return the BM25 score of an index entry for the wanted terms; `average` is the average length."""
    shared = [term for term in wanted if term in entry.words]
    saturation = K * (1 - B + B * entry.length / average)
    return sum(rarity(term) * entry.words[term] * (K + 1) / (entry.words[term] + saturation) for term in shared)
