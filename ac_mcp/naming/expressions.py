"""Resolve the names inside lists: conditions, assignments (`title=value`), and plain lists of names."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Protocol

from ac_mcp.arguments.corrections import find_misspelt
from ac_mcp.errors import BadArguments, NoSuchName
from ac_mcp.filters.conditions import (
    FIELD,
    KEYS,
    Comparison,
    Condition,
    ConditionText,
    build_condition,
    find_key,
    parse_condition,
    unknown_condition,
)
from ac_mcp.messages import Json, Sender
from ac_mcp.naming.matching import DirectoryEntry, find_matches, is_id
from ac_mcp.spec.resource import FieldFacts, Resource
from ac_mcp.spec.values import CHECKED_TYPES, MULTIPLE_CHOICE, clean_email, is_day
from ac_mcp.text import fold

SECOND_CONDITION = re.compile(r"(?:[,;|&]|\b(?:or|and|oder|und)\b)\s*[\w ]+(?:!=|=|:)", re.I)
"""What looks like a second condition inside the first."""
MAX_LOOKED_UP = 10
"""Numbers of a list that are looked for among the names of a large kind; of more, each is an id."""
MAX_NAMES = 50
"""Names in one list that are looked up one by one before the call begins; ids and e-mail addresses need no lookup."""
EXAMPLE_VALUES = {"date": ["2026-02-01"], "datetime": ["2026-02-01T10:00:00"], "number": ["12"], "currency": ["12.50"]}
"""Values to suggest for the types of custom fields that have no options."""
REPEATABLE = KEYS["contacts"]["tag"]
"""Stands in for the key of a custom field, which has none: conditions on it may be repeated, as those on tags may."""


class NameLookup(Protocol):
    """The part of `NameDirectory` that resolving needs."""

    async def id(
        self, sender: Sender, parameter: str, kind: str, text: str, within: str = "", *, target: str = ""
    ) -> str: ...
    def name(self, kind: str, id: str) -> str: ...
    def resource(self, kind: str) -> Resource: ...
    def entry(self, kind: str, id: str) -> DirectoryEntry | None: ...
    async def all_of(self, sender: Sender, kind: str) -> Collection[DirectoryEntry]: ...


async def resolve_assignments(
    names: NameLookup, sender: Sender, parameter: str, kind: str, texts: Sequence[str], arguments: Json
) -> dict[str, str]:
    """Return `{id: value}` for a list of `title=value`.

    A title may contain "=" itself, so the longest title that exists wins.

    Raises:
        BadArguments: if a text is no assignment, a title is repeated, or the field does not take the value.
        NoSuchName, SeveralNames: if a title does not name exactly one field.
    """
    values: dict[str, str] = {}
    for text in texts:
        if "=" not in text:
            raise BadArguments(f'{parameter}: "{text}" is not of the form title=value.')
        titles = [text[:position] for position, letter in enumerate(text) if letter == "="]
        entries = await names.all_of(sender, kind)
        title = next((title for title in reversed(titles) if find_matches(entries, title)), titles[0])
        id = await names.id(sender, parameter, kind, title)
        if id in values:
            raise BadArguments(f'{parameter}: "{title}" is given twice.')
        correct = partial(replace_assignment, texts, text, title)
        value = text[len(title) + 1 :].strip()
        resource, entry = names.resource(kind), names.entry(kind, id)
        values[id] = parse_field_value(resource, entry, value, parameter, arguments, correct)
    return values


def replace_assignment(texts: Sequence[str], text: str, title: str, value: str) -> list[str]:
    """Return the assignments with another value in one of them."""
    return [f"{title}={value}" if other == text else other for other in texts]


def parse_field_value(
    resource: Resource,
    entry: DirectoryEntry | None,
    text: str,
    parameter: str,
    arguments: Json,
    correct: Callable[[str], Any],
) -> str:
    """Return the value that a custom field stores for this text.

    `correct` turns a valid value into the whole argument, to suggest a corrected call.

    Raises:
        BadArguments: if the field does not take the value; with corrected arguments, where there are any.
    """
    if resource.lookup.value is None or entry is None:
        return text
    try:
        return resource.lookup.value(entry.facts, text)
    except ValueError as error:
        choices = entry.facts.get("options") or EXAMPLE_VALUES.get(entry.facts.get("type", ""), [])
        spellings = {choice.casefold(): choice for choice in choices}
        is_ambiguous = text.casefold() in spellings
        closest = None if is_ambiguous else spellings.get(find_misspelt(text, list(spellings)) or "")
        fixed = None
        if (
            choices and not is_ambiguous and "||" not in text
        ):  # one valid value in place of several would drop the others
            fixed = {**arguments, parameter: correct(closest or choices[0])}
        raise BadArguments(f"{parameter}: {entry.name} {error}.", fixed, example=closest is None) from None


async def resolve_conditions(
    names: NameLookup, sender: Sender, parameter: str, kind: str, texts: Sequence[str], arguments: Json
) -> list[Condition]:
    """Return the conditions with ids for their names.

    Raises:
        BadArguments: if the API cannot filter by one of them, or two exclude each other.
        NoSuchName, SeveralNames: if a name does not stand for exactly one thing.
    """
    conditions = [parse_condition(parameter, text) for text in texts]
    conditions.sort(key=lambda condition: find_key(kind, condition) == "stage")  # a stage needs its pipeline's id
    resolved: list[Condition] = []
    for condition in conditions:
        key = find_key(kind, condition)
        if not key:
            resolved.append(await resolve_field_condition(names, sender, parameter, kind, condition, texts, arguments))
        elif KEYS[kind][key].form == "name":
            pipelines = [other.value for other in resolved if other.key == "pipeline"]
            within = pipelines[0] if key == "stage" and pipelines else ""
            resolved.append(await resolve_named_condition(names, sender, parameter, kind, key, condition, within))
        else:
            resolved.append(build_condition(parameter, kind, key, condition))
    require_unrepeated(parameter, kind, resolved)
    return resolved


def require_unrepeated(parameter: str, kind: str, conditions: Sequence[Condition]) -> None:
    """Raise BadArguments if two conditions have the same key and the key may not be repeated."""
    keys = [condition.key for condition in conditions]
    for key in keys:
        if keys.count(key) > 1 and not KEYS[kind].get(key, REPEATABLE).negative:
            raise BadArguments(f"{parameter}: {key} is asked twice; all conditions have to hold at once.")


async def resolve_named_condition(
    names: NameLookup, sender: Sender, parameter: str, kind: str, key: str, condition: ConditionText, within: str
) -> Condition:
    """Return a condition whose value is a name or id, such as `tag=VIP`; `within` is the pipeline of a stage.

    Raises:
        BadArguments: if the key does not take `!=`, the value is empty, or the text is several conditions.
        NoSuchName, SeveralNames: if the name does not stand for exactly one thing.
    """
    definition = KEYS[kind][key]
    if condition.negative and not definition.negative:
        raise BadArguments(f'{parameter}: "{condition.whole[:80]}": {key} cannot be asked the other way round.')
    if not condition.value:
        raise BadArguments(f'{parameter}: "{condition.whole[:80]}": {key} needs a name or an id.')
    try:
        id = await names.id(sender, parameter, definition.kind, condition.value, within)
    except NoSuchName:
        if SECOND_CONDITION.search(condition.value):
            raise BadArguments(
                f'{parameter}: "{condition.whole[:80]}" is several conditions: give each as one item of the list. All '
                "have to hold; there is no OR, so ask for the one, then for the other."
            ) from None
        raise
    return Condition.of(key, id, names.name(definition.kind, id) or id, condition.negative)


async def resolve_field_condition(
    names: NameLookup,
    sender: Sender,
    parameter: str,
    kind: str,
    condition: ConditionText,
    texts: Sequence[str],
    arguments: Json,
) -> Condition:
    """Return a condition on a custom field.

    Raises:
        BadArguments: if there is no such key or field, or the field does not take the operator or the value.
        SeveralNames: if the title names several fields.
    """

    def with_key(key: str) -> Json:
        corrected = f"{key}{'!=' if condition.negative else '='}{condition.value}"
        return {**arguments, parameter: [corrected if text == condition.whole else text for text in texts]}

    entries = await names.all_of(sender, "fields") if kind == "contacts" else ()
    title, value = split_assignment(condition, entries)
    matches = find_matches(entries, title)
    if matches and title in {entry.id for entry in entries if entry not in matches}:
        await names.id(sender, parameter, "fields", title)  # raises SeveralNames
    if len(matches) != 1 and not (title.isdecimal() and title in {entry.id for entry in entries}):
        if len(matches) > 1:
            await names.id(sender, parameter, "fields", title)  # raises SeveralNames
        raise unknown_condition(parameter, kind, condition, [entry.name for entry in entries], with_key)
    field = matches[0] if matches else next(entry for entry in entries if entry.id == title)
    if condition.operator in (">", ">=", "<", "<="):
        raise BadArguments(f'{parameter}: "{condition.whole[:80]}": {field.name} takes = and != only.')
    value = parse_compared_value(names, field, condition, value, texts, parameter, arguments)
    return Condition.of(
        FIELD, value, value, condition.negative, title=field.name, field=field.id,
        among=field.facts.get("type") in MULTIPLE_CHOICE, compare=comparison_of(field.facts, value),
    )  # fmt: skip


def parse_compared_value(
    names: NameLookup,
    field: DirectoryEntry,
    condition: ConditionText,
    value: str,
    texts: Sequence[str],
    parameter: str,
    arguments: Json,
) -> str:
    """Return the value that a condition compares a custom field with, as the API stores it.

    Raises:
        BadArguments: if the field cannot hold it.
    """
    kind = field.facts.get("type")
    if not value or kind not in CHECKED_TYPES or (kind == "datetime" and is_day(value)):
        return value  # any text may stand in a text field, also a number that a spreadsheet has damaged
    correct = partial(replace_condition, texts, condition)
    parsed = parse_field_value(names.resource("fields"), field, value, parameter, arguments, correct)
    if kind not in MULTIPLE_CHOICE:
        return parsed
    if "||" in parsed.strip("|"):
        raise BadArguments(f"{parameter}: {field.name} is asked for one value at a time.")
    return parsed.strip("|")


def comparison_of(facts: FieldFacts, value: str) -> Comparison:
    """Return how the values of a field are compared with this one."""
    if facts.get("type") == "datetime":
        return "day" if is_day(value) else "moment"
    alike = {stored for stored in facts.get("stored", {}).values() if fold(stored) == fold(value)}
    return "exact" if len(alike) > 1 else ""


def replace_condition(texts: Sequence[str], condition: ConditionText, value: str) -> list[str]:
    """Return the texts of all conditions, with another value in one of them."""
    corrected = f"{condition.key}{'!=' if condition.negative else '='}{value}"
    return [corrected if text == condition.whole else text for text in texts]


def split_assignment(condition: ConditionText, entries: Collection[DirectoryEntry]) -> tuple[str, str]:
    """Return the title and the value.

    A title may contain "=" itself, so the longest title that exists wins.
    """
    text = f"{condition.key}={condition.value}"
    positions = [position for position, letter in enumerate(text) if letter == "="]
    titles = (text[:position].strip() for position in reversed(positions) if find_matches(entries, text[:position]))
    title = next(titles, condition.key)
    return title, text[len(title) :].lstrip()[1:].strip() if title != condition.key else condition.value


async def resolve_list(names: NameLookup, sender: Sender, parameter: str, kind: str, texts: Sequence[str]) -> list[str]:
    """Return the distinct ids of a list of names and ids.

    E-mail addresses of contacts stay as they are: they are looked up when their turn comes.

    Raises:
        BadArguments: if more than `MAX_NAMES` of them are names.
        NoSuchName, SeveralNames: if a name does not stand for exactly one thing.
    """
    resource = names.resource(kind)
    texts = [clean_email(text) for text in texts] if kind == "contacts" else texts
    unlisted = not resource.lookup.directory  # ids of large kinds are taken without a lookup
    are_ids = resource.lookup.never_numbers or len(texts) > MAX_LOOKED_UP
    ready = [
        text
        for text in texts
        if unlisted and ((are_ids and is_id(text, resource)) or (kind == "contacts" and "@" in text))
    ]
    if len(texts) - len(ready) > MAX_NAMES:
        accepted = "ids or e-mail addresses" if kind == "contacts" else "ids"
        raise BadArguments(f"{parameter}: more than {MAX_NAMES} are names: give {accepted}.")
    ids = [text if text in ready else await names.id(sender, parameter, kind, text) for text in texts]
    return list(dict.fromkeys(id.casefold() if "@" in id else id for id in ids))
