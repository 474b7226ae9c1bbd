"""What is wrong with a call, in a sentence; and the same call made right, where that is more than a guess."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ac_mcp.marks import Wire, camel, mark
from ac_mcp.operation import Operation
from ac_mcp.request import Json
from ac_mcp.schema import about, model, options, schema

FORMS: Mapping[str, str] = {
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a plain number",
    "float_parsing": "must be a plain number",
    "finite_number": "must be a plain number",
    "list_type": "must be a list",
    "string_pattern_mismatch": "is not of that form",
}


def complaint(operation: Operation[..., Any], problem: ErrorDetails, accounts: bool) -> str:
    where, known = str(problem["loc"][0])[:64], list(schema(operation, accounts)["properties"])
    given, limits = shortened(problem["input"]), problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            close = said_otherwise(operation, where, {where: problem["input"]}, accounts)
            there = f"did you mean {' and '.join(close)}?" if close else f"there is {', '.join(known)}."
            return f"Unknown argument {where}: {there}"
        case "missing":
            return f"{where} is required."
        case "literal_error":
            return f"{where}: {given} is not one of {', '.join(options(operation, where, accounts))}."
        case "value_error":
            return f"{where}: {given} {problem['msg'].removeprefix('Value error, ')}."
        case "greater_than_equal":
            return f"{where}: {given} is too small; it must be at least {limits['ge']:g}."
        case "less_than_equal":
            return f"{where}: {given} is too large; it can be at most {limits['le']:g}."
        case "string_too_long":
            return f"{where}: the text is too long; it can have at most {limits['max_length']} characters."
        case kind:
            example = example_of(operation, where)
            such = f", such as {json.dumps(example, ensure_ascii=False)}" if example is not None else ""
            return f"{where}: {given} {FORMS.get(kind, 'cannot be used')}{such}."


def shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:80] + "…"


def meant(operation: Operation[..., Any], name: str, known: list[str]) -> str | None:
    """The argument a misspelt one stands for: the API's own name, a typo, a part of it, the one reference there is."""
    if (own := operation.parameter(name)) in known:
        return own
    name = OTHERWISE.get(name.casefold(), name)
    if name in known:
        return name
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold().split("_")
    parts = [k for k in known if name.casefold() in k.split("_")]
    if REVERSED & set(words) or (len(parts) > 1 and name not in known):
        return None
    spelt = {camel(k).casefold(): k for k in known} | {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), spelt, 1, cutoff=0.75)
    if close:
        return spelt[close[0]]
    if len(part := [k for k in known if k in words or name.casefold() in k.split("_")]) == 1:
        return part[0]
    needed = [k for k in schema(operation).get("required", ()) if k in operation.references]
    if len(needed) == 1 and words[-1] in ("id", "name", "title", "email") and words[:-1] in ([], needed):
        return needed[0]
    return "search" if "search" in known and words[-1] in SOUGHT else None


OTHERWISE = {
    **dict.fromkeys(("page_size", "per_page", "pagesize", "max_results", "count", "size", "top"), "limit"),
    **dict.fromkeys(("skip", "start"), "offset"),
    **dict.fromkeys(("created_since", "added_after", "since"), "created_after"),
    **dict.fromkeys(("created_until", "added_before"), "created_before"),
    "updated_since": "updated_after",
    "modified_after": "updated_after",
    **dict.fromkeys(("sort", "sort_by", "order_by", "orderby"), "order"),
    **dict.fromkeys(("email_address", "contact_email", "person", "lead", "subscriber"), "contact"),
    **dict.fromkeys(("company", "organization"), "account"),
    **dict.fromkeys(("funnel", "group"), "pipeline"),
    **dict.fromkeys(("assignee", "user", "owner_email"), "owner"),
    **dict.fromkeys(("amount", "deal_value", "price"), "value"),
    **dict.fromkeys(("body", "content", "comment"), "text"),
}
"""What other interfaces call it."""
REVERSED = {
    "exclude",
    "excluding",
    "not",
    "without",
    "no",
    "old",
    "previous",
    "former",
    "from",
    "to",
    "until",
    "except",
}
"""With one of these a name means something else than the argument it resembles."""
SOUGHT = ("q", "query", "text", "keyword", "term", "name", "contact", "company", "email", "title")


def mended(
    operation: Operation[..., Any], given: Json, problems: list[ErrorDetails], accounts: bool
) -> tuple[Json | None, bool]:
    """The same call made right, and whether an example had to stand in for something unknown.

    An argument that would have to be left out is not left out: a call that asks for less is another call.
    """
    fixed, example = dict(given), False
    for problem in sorted(problems, key=lambda one: one["type"] != "extra_forbidden"):
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden":
            said = said_otherwise(operation, name, fixed, accounts)
            if not said or said.keys() & fixed.keys():
                return None, False
            del fixed[name]
            fixed |= said
        elif name not in fixed or problem["type"] != "missing":
            fixed[name], invented = repaired(operation, problem, name, accounts)
            example = example or invented
    try:
        model(operation, accounts).model_validate(fixed)
    except ValidationError:
        return None, False
    return fixed, example


def said_otherwise(operation: Operation[..., Any], name: str, given: Json, accounts: bool) -> Json:
    """An argument there is not, as those that say the same: a whole name in two parts, a page as rows to skip."""
    known, value = list(schema(operation, accounts)["properties"]), given[name]
    plain = name.casefold().replace("_", "")
    if plain in ("name", "fullname") and {"first_name", "last_name"} <= set(known) and isinstance(value, str):
        first, _, last = value.strip().partition(" ")
        return {"first_name": first, **({"last_name": last.strip()} if last else {})}
    if plain in ("page", "pagenumber") and "offset" in known and str(value).isdecimal():
        default = operation.signature.parameters["limit"].default if "limit" in known else 0
        return {"offset": max(0, int(value) - 1) * int(given.get("limit") or default)}
    if plain == "email" and "email" not in known and "contact" in known and "contact" not in given:
        return {"contact": value}
    close = meant(operation, name, known)
    if close and isinstance(value, list) and schema(operation, accounts)["properties"][close].get("type") == "string":
        several = cast("list[Any]", value)
        return {close: several[0]} if len(several) == 1 else {}
    return {close: value} if close else {}


def amount(text: Any) -> float | None:
    """`$15,000` and `15k` as a number, where there is only one way to read it."""
    found = re.fullmatch(r"\D{0,4}?((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d{1,2})?)\s*([kKmM]?)\b\D{0,4}", str(text).strip())
    if not found:
        return None
    number = float(found[1].replace(",", "")) * {"": 1, "k": 1000, "m": 1_000_000}[found[2].lower()]
    return int(number) if number == int(number) else number


def repaired(operation: Operation[..., Any], problem: ErrorDetails, name: str, accounts: bool) -> tuple[Any, bool]:
    """A value that would do, and whether it is only an example."""
    limits = problem.get("ctx", {})
    match problem["type"]:
        case "float_parsing" if (number := amount(problem["input"])) is not None:
            return number, False
        case "literal_error":
            choices = options(operation, name, accounts)
            close = typo(str(problem["input"]), choices) or word_of(operation, name, problem["input"])
            right = close or choices[0]
            return (right if len(problem["loc"]) == 1 else [right]), close is None
        case "greater_than_equal":
            return limits["ge"], name not in ("limit", "offset")
        case "less_than_equal":
            return limits["le"], False
        case _:
            return example_of(operation, name), True


def word_of(operation: Operation[..., Any], name: str, code: Any) -> str | None:
    """Our word for the API's code."""
    parameter = operation.signature.parameters.get(name)
    wire = mark(parameter.annotation, Wire) if parameter else None
    return next((word for word, own in wire.codes.items() if own == str(code)), None) if wire else None


def example_of(operation: Operation[..., Any], name: str) -> Any:
    parameter = operation.signature.parameters.get(name)
    return about(parameter.annotation).example if parameter else None


def typo(word: str, choices: list[str]) -> str | None:
    """The choice that was surely meant: `subscribed` is near `unsubscribed`, and its opposite."""
    near = get_close_matches(word.casefold(), choices, 1, cutoff=0.8)
    surely = near and near[0][0] == word.casefold()[:1] and abs(len(near[0]) - len(word)) <= 2
    return near[0] if surely else None
