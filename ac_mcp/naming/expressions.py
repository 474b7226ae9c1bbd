"""Lists of conditions and of names: every name in them becomes an id."""

import re
from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

from ac_mcp.errors import BadArguments, NoSuchName
from ac_mcp.filters.conditions import (
    FIELD,
    KEYS,
    Condition,
    ConditionText,
    build_condition,
    find_key,
    parse_condition,
    unknown_condition,
)
from ac_mcp.messages import Json, Sender
from ac_mcp.naming.field_values import replace_assignment, stored_value
from ac_mcp.naming.matching import DirectoryEntry, find_matches, is_id
from ac_mcp.spec.resource import Resource

SEVERAL = ("checkbox", "listbox")
"""Kinds of fields that hold several values."""
JOINED = re.compile(r"(?:[,;|&]|\b(?:or|and|oder|und)\b)\s*[\w ]+(?:!=|=|:)", re.I)
"""What looks like a second condition inside the first."""
MOST_NAMES = 50
"""Names that are looked up one by one before anything begins; ids and e-mails need no look."""


class NameLookup(Protocol):
    """What names are looked up in."""

    async def id(
        self, sender: Sender, parameter: str, kind: str, given: str, within: str = "", *, main: bool = False
    ) -> str: ...
    def name(self, kind: str, id: str) -> str: ...
    def resource(self, kind: str) -> Resource: ...
    def entry(self, kind: str, id: str) -> DirectoryEntry | None: ...
    async def all_of(self, sender: Sender, kind: str) -> Collection[DirectoryEntry]: ...


async def resolve_assignments(
    names: NameLookup, sender: Sender, parameter: str, kind: str, given: Sequence[str], arguments: Json
) -> dict[str, str]:
    """`title=value` for each: a title may hold "=" itself, so the longest that is known wins."""
    values: dict[str, str] = {}
    for text in given:
        if "=" not in text:
            raise BadArguments(f'{parameter}: "{text}" is not of the form title=value.')
        titles = [text[:place] for place, letter in enumerate(text) if letter == "="]
        kept = await names.all_of(sender, kind)
        title = next((t for t in reversed(titles) if find_matches(kept, t)), titles[0])
        id = await names.id(sender, parameter, kind, title)
        if id in values:
            raise BadArguments(f'{parameter}: "{title}" is given twice.')
        swap = partial(replace_assignment, given, text, title)
        value = text[len(title) + 1 :].strip()
        values[id] = stored_value(names.resource(kind), names.entry(kind, id), value, parameter, arguments, swap)
    return values


async def resolve_conditions(
    names: NameLookup, sender: Sender, parameter: str, kind: str, given: Sequence[str], arguments: Json
) -> list[Condition]:
    """Raises BadArguments, NoSuchName, SeveralNames for what cannot be asked."""
    read = [parse_condition(parameter, text) for text in given]
    read.sort(key=lambda one: find_key(kind, one) == "stage")  # its pipeline first
    found: list[Condition] = []
    for one in read:
        key = find_key(kind, one)
        if not key:
            found.append(await resolve_field_condition(names, sender, parameter, kind, one, given, arguments))
        elif KEYS[kind][key].form == "name":
            pipeline = next((c.value for c in found if c.key == "pipeline"), "") if key == "stage" else ""
            found.append(await resolve_named_condition(names, sender, parameter, kind, key, one, pipeline))
        else:
            found.append(build_condition(parameter, kind, key, one))
    twice = [c for c in found if [d.key for d in found].count(c.key) > 1 and not KEYS[kind].get(c.key, TWICE).negative]
    if twice:
        raise BadArguments(f"{parameter}: {twice[0].key} is asked twice; all conditions have to hold at once.")
    return found


async def resolve_named_condition(
    names: NameLookup, sender: Sender, parameter: str, kind: str, key: str, one: ConditionText, within: str
) -> Condition:
    of = KEYS[kind][key]
    if one.negative and not of.negative:
        raise BadArguments(f'{parameter}: "{one.whole[:80]}": {key} cannot be asked the other way round.')
    if not one.value:
        raise BadArguments(f'{parameter}: "{one.whole[:80]}": {key} needs a name or an id.')
    try:
        id = await names.id(sender, parameter, of.kind, one.value, within)
    except NoSuchName:
        if JOINED.search(one.value):
            raise BadArguments(
                f'{parameter}: "{one.whole[:80]}" is several conditions: give each as one item of the list. All have '
                "to hold; there is no OR, so ask for the one, then for the other."
            ) from None
        raise
    return Condition.of(key, id, names.name(of.kind, id) or id, one.negative)


async def resolve_field_condition(
    names: NameLookup,
    sender: Sender,
    parameter: str,
    kind: str,
    one: ConditionText,
    given: Sequence[str],
    arguments: Json,
) -> Condition:
    """A condition on a custom field: a title may hold "=" itself, so the longest that is known wins."""

    def instead(key: str) -> Json:
        right = f"{key}{'!=' if one.negative else '='}{one.value}"
        return {**arguments, parameter: [right if text == one.whole else text for text in given]}

    known = await names.all_of(sender, "fields") if kind == "contacts" else ()
    title, value = split_assignment(one, known)
    fields = find_matches(known, title)
    if len(fields) != 1 and not (title.isdecimal() and title in {k.id for k in known}):
        if len(fields) > 1:
            await names.id(sender, parameter, "fields", title)  # says which there are
        raise unknown_condition(parameter, kind, one, [k.name for k in known], instead)
    field = fields[0] if fields else next(k for k in known if k.id == title)
    if one.operator in (">", ">=", "<", "<="):
        raise BadArguments(f'{parameter}: "{one.whole[:80]}": {field.name} takes = and != only.')
    several = field.facts.get("type") in SEVERAL
    if value:
        swap = partial(replace_condition, given, one)
        value = stored_value(names.resource("fields"), field, value, parameter, arguments, swap)
        if several and "||" in value.strip("|"):
            raise BadArguments(f"{parameter}: {field.name} is asked for one value at a time.")
    return Condition.of(
        FIELD, value.strip("|") if several else value, value.strip("|"), one.negative,
        title=field.name, field=field.id, among=several,
    )  # fmt: skip


def replace_condition(given: Sequence[str], one: ConditionText, value: str) -> list[str]:
    """The conditions, this one with another value."""
    right = f"{one.key}{'!=' if one.negative else '='}{value}"
    return [right if text == one.whole else text for text in given]


def split_assignment(one: ConditionText, known: Collection[DirectoryEntry]) -> tuple[str, str]:
    """Title and value."""
    text = f"{one.key}={one.value}"
    places = [place for place, letter in enumerate(text) if letter == "="]
    title = next((text[:p].strip() for p in reversed(places) if find_matches(known, text[:p])), one.key)
    return title, text[len(title) :].lstrip()[1:].strip() if title != one.key else one.value


async def resolve_list(names: NameLookup, sender: Sender, parameter: str, kind: str, given: Sequence[str]) -> list[str]:
    """Ids, and of contacts e-mail addresses too: those are looked up when it is their turn.

    Raises:
        BadArguments: where too many of them are names.
    """
    resource = names.resource(kind)
    many = not resource.directory  # of those an id needs no look
    known = [text for text in given if many and (is_id(text, resource) or (kind == "contacts" and "@" in text))]
    if len(given) - len(known) > MOST_NAMES:
        what = "ids or e-mail addresses" if kind == "contacts" else "ids"
        raise BadArguments(f"{parameter}: more than {MOST_NAMES} are names: give {what}.")
    found = [text if text in known else await names.id(sender, parameter, kind, text) for text in given]
    return list(dict.fromkeys(text.casefold() if "@" in text else text for text in found))


TWICE = KEYS["contacts"]["tag"]
"""A custom field may be asked more than once."""
