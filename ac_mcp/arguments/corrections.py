"""What is wrong with a call, in a sentence; and the same call made right, where that is more than a guess."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ac_mcp.arguments.aliases import find_alias, parse_amount
from ac_mcp.messages import Json
from ac_mcp.spec.annotations import Wire, find_mark
from ac_mcp.spec.json_schema import allowed_values, argument_model, description_of, input_schema
from ac_mcp.spec.operation import Operation

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
    "too_short": "must hold at least one",
    "string_pattern_mismatch": "is not of that form",
}


def describe_problem(operation: Operation[..., Any], problem: ErrorDetails, accounts: bool) -> str:
    where, known = str(problem["loc"][0])[:64], list(input_schema(operation, accounts)["properties"])
    given, limits = shortened(problem["input"]), problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            close = find_alias(operation, where, {where: problem["input"]}, accounts)
            there = f"did you mean {' and '.join(close)}?" if close else f"there is {', '.join(known)}."
            return f"Unknown argument {where}: {there}"
        case "missing":
            return f"{where} is required."
        case "literal_error":
            return f"{where}: {given} is not one of {', '.join(allowed_values(operation, where, accounts))}."
        case "value_error":
            return f"{where}: {given} {problem['msg'].removeprefix('Value error, ')}."
        case "greater_than_equal":
            return f"{where}: {given} is too small; it must be at least {limits['ge']:g}."
        case "less_than_equal":
            return f"{where}: {given} is too large; it can be at most {limits['le']:g}."
        case "string_type" if isinstance(problem["input"], list):
            return f"{where}: {given} are several; it takes one, so make one call for each."
        case "string_too_long":
            return f"{where}: the text is too long; it can have at most {limits['max_length']} characters."
        case kind:
            example = example_of(operation, where)
            such = f", such as {json.dumps(example, ensure_ascii=False)}" if example is not None else ""
            return f"{where}: {given} {FORMS.get(kind, 'cannot be used')}{such}."


def shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:80] + "…"


def correct_call(
    operation: Operation[..., Any], given: Json, problems: list[ErrorDetails], accounts: bool
) -> tuple[Json | None, bool]:
    """The same call made right, and whether an example had to stand in for something unknown.

    An argument that would have to be left out is not left out: a call that asks for less is another call.
    """
    fixed, example = dict(given), False
    for problem in sorted(problems, key=lambda one: one["type"] != "extra_forbidden"):
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden" and name in fixed:
            said = find_alias(operation, name, fixed, accounts)
            if said is None or said.keys() & fixed.keys():
                return None, False
            del fixed[name]
            fixed |= said
        elif problem["type"] == "missing" and name == "contact" and "email" in fixed:
            fixed["contact"] = fixed.pop("email")  # whose e-mail it is says who is meant
        elif problem["type"] != "extra_forbidden" and (name not in fixed or problem["type"] != "missing"):
            fixed[name], invented = correct_value(operation, problem, name, accounts, fixed)
            if invented and problem["type"] == "literal_error" and len(problem["loc"]) == 1:
                return None, False  # the first of them could be the opposite
            example = example or invented
    try:
        argument_model(operation, accounts).model_validate(fixed)
    except ValidationError:
        return None, False
    return fixed, example


CURRENCIES = {
    "euro": "eur", "€": "eur", "dollar": "usd", "us dollar": "usd", "$": "usd", "pound": "gbp", "£": "gbp",
    "franc": "chf", "swiss franc": "chf", "¥": "jpy", "yen": "jpy",
}  # fmt: skip
"""What people call them, without the ending of several."""


def correct_value(
    operation: Operation[..., Any], problem: ErrorDetails, name: str, accounts: bool, given: Json
) -> tuple[Any, bool]:
    """A value that would do, and whether it is only an example."""
    limits, now, currency = problem.get("ctx", {}), given.get(name), str(given.get("currency") or "")
    match problem["type"]:
        case _ if name == "currency" and (code := CURRENCIES.get(str(now).strip().casefold().removesuffix("s"))):
            return code, False
        case _ if name == "url" and re.match(r"http://[^/]+[.]", str(now)):
            return f"https://{str(now).removeprefix('http://')}", False
        case "float_parsing" if (number := parse_amount(problem["input"], currency)) is not None:
            return number, False
        case "literal_error":
            choices = allowed_values(operation, name, accounts)
            close = find_misspelt(str(problem["input"]), choices) or word_of(operation, name, problem["input"])
            right = close or find_choice(str(problem["input"]), choices)
            close = close or right
            right = right or choices[0]
            return swap_word(problem, right, now), close is None
        case "string_type" if isinstance(problem["input"], list) and problem["input"]:
            return cast("list[Any]", problem["input"])[0], False
        case "greater_than_equal":
            return limits["ge"], name not in ("limit", "offset")
        case "less_than_equal":
            return limits["le"], False
        case _:
            return placeholder(operation, name), True


def swap_word(problem: ErrorDetails, right: str, now: Any) -> Any:
    """The right word in the place of the wrong one, among those that stand beside it."""
    _, *place = problem["loc"]
    return [right if n == place[0] else one for n, one in enumerate(now)] if place else right


SYNONYMS = {
    "remove": "delete", "disconnect": "delete", "revoke": "delete", "connect": "create", "completed": "done",
    "complete": "done", "finished": "done", "inactive": "off", "disabled": "off", "active": "use", "enabled": "use",
}  # fmt: skip
"""What people call one of our choices."""


def find_choice(text: str, choices: list[str]) -> str | None:
    """The one choice that a longer text names: `Closed Won`, `name asc`, `value` for `highest_value`."""
    words = {SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+", text.casefold())}
    named = [choice for choice in choices if choice in words] or [
        c for c in choices if words & set(re.split("[_ ]", c))
    ]
    return named[0] if len(named) == 1 else None


def word_of(operation: Operation[..., Any], name: str, code: Any) -> str | None:
    """Our word for the API's code."""
    parameter = operation.signature.parameters.get(name)
    wire = find_mark(parameter.annotation, Wire) if parameter else None
    return next((word for word, own in wire.codes.items() if own == str(code)), None) if wire else None


def example_of(operation: Operation[..., Any], name: str) -> Any:
    parameter = operation.signature.parameters.get(name)
    return description_of(parameter.annotation).example if parameter else None


def placeholder(operation: Operation[..., Any], name: str) -> Any:
    """What may stand for a value nobody gave: in free text something that nobody takes for one."""
    text = f"<{name.replace('_', ' ')}>"
    try:
        fine = name not in operation.references and argument_model(
            operation
        ).__pydantic_validator__.validate_assignment(argument_model(operation).model_construct(), name, text)
    except ValidationError:
        fine = False
    return text if fine else example_of(operation, name)


def find_misspelt(word: str, choices: list[str]) -> str | None:
    """The choice that was surely meant: `subscribed` is near `unsubscribed`, and its opposite."""
    near = get_close_matches(word.casefold(), choices, 1, cutoff=0.8)
    surely = near and near[0][0] == word.casefold()[:1] and abs(len(near[0]) - len(word)) <= 2
    return near[0] if surely else None
