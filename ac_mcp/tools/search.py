"""The operations that fit a wish in plain words: a search by words (BM25), with what people call things."""

import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log

from ac_mcp.catalogue.entry import Entry, catalogue
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.spec.json_schema import description_of

AROUND = ("changes", "api")
"""Toolsets whose tools are about other calls: they are found and run as tools only."""
PHRASES_FILE = 2.0
"""What a word of the requests of `said.toml` counts."""
K, B = 1.2, 0.3
"""How soon a word that is repeated counts no more, and how much a long text is held against itself (BM25)."""
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
THINGS: Mapping[str, str] = {
    said: thing
    for thing, all_said in (
        ("contact", "person people lead subscriber customer client prospect buyer recipient guest attendee individual"),
        ("account", "company organization organisation business firm employer"),
        ("deal", "opportunity opp sale"),
        ("pipeline", "funnel board"),
        ("stage", "phase step milestone"),
        ("list", "audience"),
        ("tag", "label sticker marker"),
        ("user", "colleague teammate coworker staff rep salesperson seat login employee"),
        ("automation", "workflow sequence drip journey flow nurture cadence playbook"),
        ("campaign", "newsletter mailing blast broadcast mailer"),
        ("task", "todo to-do reminder follow-up followup meeting appointment activity callback"),
        ("note", "comment remark memo minutes"),
        ("form", "signup sign-up optin landing"),
        ("email", "mail e-mail"),
        ("message", "letter"),
        ("ecom", "shop store e-commerce ecommerce webshop"),
        ("order", "purchase cart checkout"),
        ("field", "attribute property column dropdown picklist"),
        ("segment", "filter cohort"),
        ("webhook", "hook endpoint"),
        ("score", "scoring points"),
        ("group", "role permission"),
        ("duplicate", "dupe dedupe twice double"),
        ("csv", "excel spreadsheet xlsx"),
        ("unsubscribe", "opt-out optout dnc"),
    )
    for said in all_said.split()
}
"""What people say for our nouns: both count."""
MAKE, CHANGE, REMOVE, READ = "create", "update", "delete", "list"
DOING: Mapping[str, str] = {
    said: done
    for done, all_said in (
        (MAKE, """create add new make draft write schedule put register enter insert save log record book invite compose
            build plan start upload import attach enroll sync"""),
        (CHANGE, """update edit change rename modify set mark move turn fix correct adjust reassign postpone reschedule
            replace switch complete fill assign hand close reorder extend"""),
        (REMOVE, "delete remove erase drop stop wipe rid cancel revoke purge detach clear unlink unenroll"),
    )
    for said in all_said.split()
}  # fmt: skip
"""What people say is to be done; who says nothing of the kind wants to read."""
ASKS = re.compile(
    r"\W*(who|what|whats|which|where|when|why|is|are|did|does|show|list|find|see|how (many|much|did|is|are))\b"
)
"""How a question begins, whatever else is said in it."""
OTHERWISE, OURS = 0.8, 1.2
"""What an operation still counts that does something else than is wished; and one of our own, which takes names."""


@dataclass(frozen=True, slots=True)
class SearchDocument:
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


PHRASE_NAMES = {stem(said): stem(word) for said, word in THINGS.items()}


@cache
def load_phrases() -> Mapping[str, str]:
    return tomllib.loads((files("ac_mcp.tools") / "search_phrases.toml").read_text(encoding="utf-8"))


def document(id: str, does: frozenset[str], *parts: tuple[float, str]) -> SearchDocument:
    """Its parts by weight: the name says most, what it takes least."""
    words: dict[str, float] = {}
    for weight, text in parts:
        for term in terms(text):
            words[term] = words.get(term, 0) + weight
    for term in set(terms(load_phrases().get(id, ""))):
        words[term] = words.get(term, 0) + PHRASES_FILE
    return SearchDocument(id, words, sum(words.values()), does)


@cache
def documents() -> Sequence[SearchDocument]:
    """Our own operations, and of the catalogue those that none of ours stands for."""
    own = [one for one in OPERATIONS.values() if one.resource.toolset != AROUND[1]]
    found = [
        document(
            one.name,
            find_action(one.name.replace("_", " "), one.method),
            (3, one.name.replace("_", " ")),
            (2, f"{one.title}. {one.description}"),
            (1, one.resource.words.replace("_", " ")),
            (0.5, " ".join(description_of(p.annotation).text for p in one.signature.parameters.values())),
        )
        for one in own
    ]
    return [*found, *(catalogue_document(one) for one in catalogue().values() if not has_own_tool(one))]


def catalogue_document(one: Entry) -> SearchDocument:
    return document(
        one.id,
        find_action(re.sub("[._]", " ", one.id), one.method),
        (3, re.sub("[._]", " ", one.id)),
        (2, f"{one.does} {one.words}"),
        (0.5, " ".join(f"{each.name} {each.text}" for each in one.takes).replace("_", " ")),
    )


METHODS = {"GET": READ, "POST": MAKE, "PUT": CHANGE, "PATCH": CHANGE, "DELETE": REMOVE}


def find_action(text: str, method: str = "") -> frozenset[str]:
    """What is to be done, by its words; and what an operation does, by its method too."""
    if not method and ASKS.match(text.lower()):
        return frozenset({READ})
    said = {DOING[word] for word in re.findall("[a-z]+", text.lower()) if word in DOING}
    return frozenset(said | ({METHODS[method]} if method else set[str]() if said else {READ}))


def has_own_tool(one: Entry) -> bool:
    """Whether one of our own tools sends that very request."""
    return STEPS[one.id].options.get("step", "") in OPERATIONS


def search(query: str) -> list[str]:
    """Ids of operations that fit, the best first."""
    if query in catalogue() or query in OPERATIONS:
        return [query]
    said = set(terms(query))
    wanted = said | {PHRASE_NAMES[term] for term in said if term in PHRASE_NAMES}
    wish, usual = find_action(query), average_length()
    rated = [(score(wanted, one, usual) * score_bonus(one, wish), one.id) for one in documents()]
    ranked = sorted((-rate, place, id) for place, (rate, id) in enumerate(rated) if rate > 0)
    return [id for _, _, id in ranked]


def score_bonus(one: SearchDocument, wish: Set[str]) -> float:
    return (1 if wish & one.does else OTHERWISE) * (OURS if one.id in OPERATIONS else 1)


@cache
def average_length() -> float:
    return sum(one.length for one in documents()) / len(documents())


@cache
def rarity(term: str) -> float:
    """How much a word tells: one that everything holds tells nothing."""
    known = documents()
    holding = sum(term in one.words for one in known)
    return log(1 + (len(known) - holding + 0.5) / (holding + 0.5))


def score(wanted: Set[str], one: SearchDocument, usual: float) -> float:
    """BM25."""
    shared = [term for term in wanted if term in one.words]
    worn = K * (1 - B + B * one.length / usual)
    return sum(rarity(term) * one.words[term] * (K + 1) / (one.words[term] + worn) for term in shared)
