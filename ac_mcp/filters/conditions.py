"""Conditions on contacts or deals as people write them: `tag=VIP`, `list!=Newsletter`, `Plan=Team`, `created_after=…`.

Pure: a text becomes a `Condition`, whose names somebody else turns into ids.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec.parameters import require_date

CONTACT_STATUS = {"any": "-1", "unconfirmed": "0", "active": "1", "unsubscribed": "2", "bounced": "3"}
DEAL_STATUS = {"open": "0", "won": "1", "lost": "2"}
FIELD = "field"
"""The key of a condition on a custom field."""
INACTIVE, LONGEST_AGO = "inactive_days", 3650
Form: TypeAlias = Literal["name", "word", "day", "number", "text"]


@dataclass(frozen=True, slots=True)
class ConditionKey:
    """One thing a condition can be about: the API's parameter for it, and what its value is."""

    wire: str
    form: Form = "text"
    kind: str = ""
    """What a name is looked up among."""
    words: Mapping[str, str] | None = None
    negative: bool = False
    """Whether `!=` can be asked too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`value` is what goes on the wire, `text` the whole condition as people read it."""

    key: str
    value: str
    negative: bool = False
    text: str = ""
    field: str = ""
    """The id of the custom field it is about; `key` is "field" then."""
    among: bool = False
    """The field holds several values, of which it is to be one."""

    @classmethod
    def of(cls, key: str, value: str, shown: str, negative: bool = False, **field: Any) -> "Condition":
        title = field.pop("title", key)
        return cls(key, value, negative, f"{title}{'!=' if negative else '='}{shown}", **field)

    def to_json(self) -> Json:
        """Return the condition as it is stored in a job's plan; `from_json` reads it back."""
        fields = asdict(self)
        return {"said" if name == "text" else name: value for name, value in fields.items()}

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
ALIASES = {
    "tags": "tag", "label": "tag", "lists": "list", "segments": "segment", "automations": "automation",
    "in_automation": "automation", "query": "search", "text": "search", "created_since": "created_after",
    "created_from": "created_after", "updated_since": "updated_after", "email_address": "email", "group": "pipeline",
    "user": "owner", "inactive": INACTIVE, "minimum_value": "min_value", "maximum_value": "max_value",
    "subscribed": "list", "on_list": "list",
}  # fmt: skip
ALSO = {"subscribed": "active", "confirmed": "active"}
DATED = {("created", True): "created_after", ("created", False): "created_before",
         ("updated", True): "updated_after", ("updated", False): "updated_before"}  # fmt: skip
FORM = re.compile(r"\s*(?:(not|without|no)\s+|(-))?(.+?)\s*(!=|<>|>=|<=|==|=|:|>|<)\s*(.*)", re.S | re.I)


@dataclass(frozen=True, slots=True)
class ConditionText:
    """A condition as it was written, taken apart."""

    key: str
    value: str
    negative: bool
    whole: str
    operator: str = "="


def parse_condition(parameter: str, text: str) -> ConditionText:
    """Raises BadArguments for what is no condition."""
    found = FORM.fullmatch(text)
    if not found or not found[3].strip("! "):
        raise BadArguments(f'{parameter}: "{text[:80]}" is not of the form key=value, such as tag=VIP or list!=News.')
    word, minus, key, operator, value = found.groups()
    negative = bool(word or minus) != (operator in ("!=", "<>"))
    plain = re.sub(r"[\s-]+", "_", key.strip().casefold())
    if operator in (">", ">=", "<", "<=") and (plain, operator[0] == ">") in DATED:
        return ConditionText(DATED[plain, operator[0] == ">"], value.strip(), negative, text)
    return ConditionText(key.strip(), value.strip(), negative, text, operator)


def find_key(kind: str, one: ConditionText) -> str:
    """Which key of this kind it is about; empty where it can only be a custom field."""
    plain = re.sub(r"[\s-]+", "_", one.key.casefold())
    plain = ALIASES.get(plain, plain)
    return plain if plain in KEYS[kind] else ""


def build_condition(parameter: str, kind: str, key: str, one: ConditionText) -> Condition:
    """A condition whose value is no name.

    Raises:
        BadArguments: for a value it does not take.
    """
    said, of = one.value, KEYS[kind][key]
    if one.operator in (">", ">=", "<", "<="):
        raise BadArguments(f'{parameter}: "{one.whole[:80]}": {key} takes = only.')
    if one.negative and not of.negative:
        raise BadArguments(f'{parameter}: "{one.whole[:80]}": {key} takes = only, not its opposite.')
    if not said:
        raise BadArguments(f'{parameter}: "{one.whole[:80]}": {key} needs a value.')
    match of.form:
        case "word":
            choice = ALSO.get(said.casefold(), said.casefold())
            if choice not in (of.words or {}):
                raise BadArguments(f"{parameter}: {key} takes {', '.join(of.words or {})}; {said[:80]!r} is none.")
            return Condition.of(key, (of.words or {})[choice], choice)
        case "day":
            try:
                require_date(said)
            except ValueError as error:
                raise BadArguments(f"{parameter}: {key}: {said[:80]!r} {error}.") from None
            return Condition.of(key, said, said)
        case "number":
            if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", said):
                raise BadArguments(f"{parameter}: {key} takes a plain number; {said[:80]!r} is none.")
            if key == INACTIVE and not (said.isdecimal() and 1 <= int(said) <= LONGEST_AGO):
                raise BadArguments(f"{parameter}: {key} takes whole days from 1 to {LONGEST_AGO}.")
            return Condition.of(key, said, said)
        case _:
            if len(said) > 500:
                raise BadArguments(f"{parameter}: {key}: the text is too long.")
            return Condition.of(key, said, said)


def unknown_condition(parameter: str, kind: str, one: ConditionText, titles: Sequence[str], fixed: Any) -> BadArguments:
    """There is neither such a key nor such a field."""
    keys = list(KEYS[kind])
    names = {name.casefold(): name for name in (*keys, *titles)}
    near = get_close_matches(one.key.casefold(), list(names), 1, 0.7)
    field = " or a custom field" if kind == "contacts" else ""
    told = f"did you mean {names[near[0]]}?" if near else f"there is {', '.join(keys)}{field}."
    return BadArguments(f"{parameter}: there is no {one.key[:80]!r}; {told}", fixed(names[near[0]]) if near else None)
