"""Conditions on contacts or deals as people write them: `tag=VIP`, `list!=Newsletter`, `Plan=Team`, `created_after=…`.

Pure: a text becomes a `Condition`; the package `naming` turns the names in it into ids.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec import synonyms
from ac_mcp.spec.parameters import require_date
from ac_mcp.spec.values import AMBIGUOUS, clean_email, describe_readings
from ac_mcp.text import bare

CONTACT_STATUS = {"any": "-1", "unconfirmed": "0", "active": "1", "unsubscribed": "2", "bounced": "3"}
DEAL_STATUS = {"open": "0", "won": "1", "lost": "2"}
FIELD = "field"
"""The key of a condition on a custom field."""
INACTIVE, LONGEST_AGO = "inactive_days", 3650
"""The key of a condition on days without an open or click, and the most days it takes."""
Form: TypeAlias = Literal["name", "word", "day", "number", "text"]
Comparison: TypeAlias = Literal["", "exact", "moment", "day"]
"""How values are compared: without case, as they are, as moments whatever their offset, or by their day alone."""


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """A key of conditions: the API's query parameter for it, and the form of its value."""

    wire: str
    form: Form = "text"
    kind: str = ""
    """The kind of record that a value of the form `name` names."""
    words: Mapping[str, str] | None = None
    """The values of the form `word`, each with the API's code."""
    negative: bool = False
    """Whether it takes `!=` too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition ready to be sent: `value` is the API's, `text` the whole condition as people read it."""

    key: str
    value: str
    negative: bool = False
    text: str = ""
    field: str = ""
    """The id of the custom field, if `key` is "field"."""
    among: bool = False
    """Whether the custom field holds several values, one of which has to match."""
    compare: Comparison = ""
    """How the value of a custom field is compared."""

    @classmethod
    def of(cls, key: str, value: str, display: str, negative: bool = False, **field: Any) -> "Condition":
        """Build a condition whose text shows `display` for its value; `field` holds what only custom fields have."""
        title = field.pop("title", key)
        return cls(key, value, negative, f"{title}{'!=' if negative else '='}{display}", **field)

    def to_json(self) -> Json:
        """Return the condition as it is stored in a job's plan; `from_json` reads it back."""
        fields = asdict(self)
        stored = {"said" if name == "text" else name: value for name, value in fields.items()}
        return stored if self.compare else {name: value for name, value in stored.items() if name != "compare"}

    @classmethod
    def from_json(cls, stored: Json) -> "Condition":
        """Read a condition that `to_json` wrote, in this version or an earlier one."""
        return cls(**{"text" if name == "said" else name: value for name, value in stored.items()})


CONTACT: Mapping[str, ConditionKey] = {
    "tag": ConditionKey("tagid", "name", "tags", negative=True),
    "list": ConditionKey("listid", "name", "lists", negative=True),
    "segment": ConditionKey("segmentid", "name", "segments", negative=True),
    "automation": ConditionKey("seriesid", "name", "automations", negative=True),
    "status": ConditionKey("status", "word", words=CONTACT_STATUS),
    "search": ConditionKey("search"),
    "email": ConditionKey("email"),
    "created_after": ConditionKey("filters[created_after]", "day"),
    "created_before": ConditionKey("filters[created_before]", "day"),
    "updated_after": ConditionKey("filters[updated_after]", "day"),
    "updated_before": ConditionKey("filters[updated_before]", "day"),
    INACTIVE: ConditionKey("", "number"),
}
DEAL: Mapping[str, ConditionKey] = {
    "pipeline": ConditionKey("filters[group]", "name", "dealGroups"),
    "stage": ConditionKey("filters[stage]", "name", "dealStages"),
    "owner": ConditionKey("filters[owner]", "name", "users"),
    "status": ConditionKey("filters[status]", "word", words=DEAL_STATUS),
    "search": ConditionKey("filters[search]"),
    "min_value": ConditionKey("filters[minimum_value]", "number"),
    "max_value": ConditionKey("filters[maximum_value]", "number"),
    "created_after": ConditionKey("filters[created_after]", "day"),
    "created_before": ConditionKey("filters[created_before]", "day"),
    "updated_after": ConditionKey("filters[updated_after]", "day"),
    "updated_before": ConditionKey("filters[updated_before]", "day"),
}
KEYS: Mapping[str, Mapping[str, ConditionKey]] = {"contacts": CONTACT, "deals": DEAL}
COMPARED_DATES = {("created", True): "created_after", ("created", False): "created_before",
                  ("updated", True): "updated_after", ("updated", False): "updated_before"}  # fmt: skip
"""The keys for `created>…` (True) and `created<…` (False)."""
COMPARISONS = (">", ">=", "<", "<=")
PATTERN = re.compile(r"\s*(?:(not|without|no)\s+|(-))?(.+?)\s*(!=|<>|>=|<=|==|=|:|>|<)\s*(.*)", re.S | re.I)


@dataclass(frozen=True, slots=True)
class ConditionText:
    """The parts of a condition as it was written; `whole` is the text."""

    key: str
    value: str
    negative: bool
    whole: str
    operator: str = "="


def parse_condition(parameter: str, text: str) -> ConditionText:
    """Parse the text of one condition; `parameter` is named in the error.

    Raises:
        BadArguments: if the text has no key or no operator.
    """
    found = PATTERN.fullmatch(text)
    if not found or not found[3].strip("! "):
        raise BadArguments(f'{parameter}: "{text[:80]}" is not of the form key=value, such as tag=VIP or list!=News.')
    word, minus, key, operator, value = found.groups()
    negative = bool(word or minus) != (operator in ("!=", "<>"))
    compared = normalize_key(key), operator[0] == ">"
    if operator in COMPARISONS and compared in COMPARED_DATES:
        return ConditionText(COMPARED_DATES[compared], value.strip(), negative, text)
    return ConditionText(key.strip(), value.strip(), negative, text, operator)


def normalize_key(key: str) -> str:
    """Return a key in lower case, its words joined by underscores."""
    return re.sub(r"[\s-]+", "_", key.strip().casefold())


def find_key(kind: str, condition: ConditionText) -> str:
    """Return the key of this kind that a condition is about; "" if it can only be a custom field."""
    key = normalize_key(condition.key)
    key = synonyms.CONDITIONS.get(key, key)
    return key if key in KEYS[kind] else ""


def build_condition(parameter: str, kind: str, key: str, condition: ConditionText) -> Condition:
    """Return the condition for a key whose value is not a name.

    Raises:
        BadArguments: if the key does not take the operator or the value.
    """
    value, whole, declared = condition.value, condition.whole[:80], KEYS[kind][key]
    if key == "email":
        value = clean_email(bare(value))
    if condition.operator in COMPARISONS:
        raise BadArguments(f'{parameter}: "{whole}": {key} takes = only.')
    if condition.negative and not declared.negative:
        raise BadArguments(f'{parameter}: "{whole}": {key} takes = only, not its opposite.')
    if not value:
        raise BadArguments(f'{parameter}: "{whole}": {key} needs a value.')
    match declared.form:
        case "word":
            words, word = declared.words or {}, synonyms.STATUSES.get(value.casefold(), value.casefold())
            if word not in words:
                raise BadArguments(f"{parameter}: {key} takes {', '.join(words)}; {value[:80]!r} is none.")
            return Condition.of(key, words[word], word)
        case "day":
            try:
                require_date(value)
            except ValueError as error:
                raise BadArguments(f"{parameter}: {key}: {value[:80]!r} {error}.") from None
        case "number":
            if key != INACTIVE and AMBIGUOUS.fullmatch(value):
                raise BadArguments(f"{parameter}: {key}: {value!r} {describe_readings(value)}.")
            if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", value):
                raise BadArguments(f"{parameter}: {key} takes a plain number; {value[:80]!r} is none.")
            if key == INACTIVE and not (value.isdecimal() and 1 <= int(value) <= LONGEST_AGO):
                raise BadArguments(f"{parameter}: {key} takes whole days from 1 to {LONGEST_AGO}.")
        case _:
            if len(value) > 500:
                raise BadArguments(f"{parameter}: {key}: the text is too long.")
    return Condition.of(key, value, value)


def unknown_condition(
    parameter: str, kind: str, condition: ConditionText, titles: Sequence[str], fixed: Callable[[str], Json]
) -> BadArguments:
    """Return the error for a condition on a key that is neither ours nor the title of a custom field.

    `fixed` returns the arguments with another key in this condition: the error offers them if one is close.
    """
    keys = list(KEYS[kind])
    names = {name.casefold(): name for name in (*keys, *titles)}
    close = [names[name] for name in get_close_matches(condition.key.casefold(), list(names), 1, 0.7)]
    field = " or a custom field" if kind == "contacts" else ""
    hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(keys)}{field}."
    return BadArguments(f"{parameter}: there is no {condition.key[:80]!r}; {hint}", fixed(close[0]) if close else None)
