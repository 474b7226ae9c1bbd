"""What is taken out of arguments before they are used: invisible characters, and what stands around an address."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

from ac_mcp.messages import Json
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.values import clean_email, clean_name
from ac_mcp.text import bare

PEOPLE = ("contacts", "users")
"""The kinds of records that an e-mail address stands for."""
MOST_NOTED = 3
"""Cleaned values that an answer names."""


def clean_references(operation: Operation[..., Any], arguments: Json) -> Json:
    """Return the arguments with the plain name, or the plain e-mail address, of each record that they name."""
    cleaned = dict(arguments)
    for name, ref in operation.references.items():
        value = arguments.get(name)
        if ref.conditions or ref.assigned:
            continue
        if isinstance(value, list):
            cleaned[name] = [clean_reference(ref.kind, item) for item in cast("list[Any]", value)]
        else:
            cleaned[name] = clean_reference(ref.kind, value)
    return cleaned


def clean_reference(kind: str, value: Any) -> Any:
    """Return the plain name of a record of this kind, of a person the plain e-mail address; no text is unchanged."""
    name = clean_name(clean_email(value) if kind in PEOPLE else value)
    return name or value  # what nobody sees names nothing, and is refused by that


def describe_cleaning(sent: Mapping[str, Any], taken: Json) -> str:
    """Return a sentence about the arguments that were cleaned, with what was read; "" if none was."""
    pairs = ((name, *pair) for name, value in sent.items() for pair in pair_texts(value, taken.get(name)))
    found = [(name, text) for name, given_text, text in pairs if is_cleaned(given_text, text)]
    if not found:
        return ""
    named = ", ".join(f'{name} "{text[:200]}"' for name, text in islice(found, MOST_NOTED))
    more = f" and {len(found) - MOST_NOTED} more" if len(found) > MOST_NOTED else ""
    return f"Read without invisible characters, or what stood around an address: {named}{more}."


def pair_texts(sent: Any, taken: Any) -> Sequence[tuple[str, str]]:
    """Return the texts of an argument as they were sent, each beside what was taken for it."""
    if isinstance(sent, str) and isinstance(taken, str):
        return [(sent, taken)]
    if isinstance(sent, list) and isinstance(taken, list):
        items = zip(cast("list[Any]", sent), cast("list[Any]", taken), strict=False)
        return [pair for item in items for pair in pair_texts(*item)]
    if isinstance(sent, dict) and isinstance(taken, dict):
        rows = cast("Json", sent), cast("Json", taken)
        return [pair for key in rows[0] for pair in pair_texts(rows[0][key], rows[1].get(key))]
    return []


def is_cleaned(sent: str, taken: str) -> bool:
    """Return whether a text differs from what was sent, and not only in case or the spaces around it."""
    return sent.strip() != taken.strip() and (bare(sent) != sent or "@" in taken)
