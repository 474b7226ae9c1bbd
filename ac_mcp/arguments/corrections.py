"""What is wrong with the arguments of a call, in a sentence, and the corrected call where that is no guess."""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ac_mcp.arguments.aliases import find_alias, parse_amount
from ac_mcp.messages import Json
from ac_mcp.spec import synonyms
from ac_mcp.spec.annotations import Wire, find_mark
from ac_mcp.spec.json_schema import allowed_values, argument_model, description_of, input_schema
from ac_mcp.spec.operation import Operation

MESSAGES: Mapping[str, str] = {
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
"""How a sentence about a value ends, by pydantic's type of error."""


def describe_problem(operation: Operation[..., Any], problem: ErrorDetails, accounts: bool) -> str:
    """Return a sentence that says what is wrong with one argument, and what would be right."""
    name, value, limits = str(problem["loc"][0])[:64], short_json(problem["input"]), problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            replacement = find_alias(operation, name, {name: problem["input"]}, accounts)
            parameters = input_schema(operation, accounts)["properties"]
            hint = f"did you mean {' and '.join(replacement)}?" if replacement else f"there is {', '.join(parameters)}."
            return f"Unknown argument {name}: {hint}"
        case "missing":
            return f"{name} is required."
        case "literal_error":
            return f"{name}: {value} is not one of {', '.join(allowed_values(operation, name, accounts))}."
        case "value_error":
            return f"{name}: {value} {problem['msg'].removeprefix('Value error, ')}."
        case "greater_than_equal":
            return f"{name}: {value} is too small; it must be at least {limits['ge']:g}."
        case "less_than_equal":
            return f"{name}: {value} is too large; it can be at most {limits['le']:g}."
        case "string_type" if isinstance(problem["input"], list):
            return f"{name}: {value} are several; it takes one, so make one call for each."
        case "string_too_long":
            return f"{name}: the text is too long; it can have at most {limits['max_length']} characters."
        case kind:
            example = example_of(operation, name)
            such = f", such as {json.dumps(example, ensure_ascii=False)}" if example is not None else ""
            return f"{name}: {value} {MESSAGES.get(kind, 'cannot be used')}{such}."


def short_json(value: Any) -> str:
    """Return a value as JSON, cut to 80 characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else text[:80] + "…"


def correct_call(
    operation: Operation[..., Any], arguments: Json, problems: list[ErrorDetails], accounts: bool
) -> tuple[Json | None, bool]:
    """Return the corrected arguments, if any, and whether an example in them replaces an unknown value.

    No argument is dropped: a call with fewer arguments asks for something else.
    """
    fixed, example = dict(arguments), False
    for problem in sorted(problems, key=lambda error: error["type"] != "extra_forbidden"):
        name = str(problem["loc"][0])
        if problem["type"] == "extra_forbidden" and name in fixed:
            replacement = find_alias(operation, name, fixed, accounts)
            if replacement is None or replacement.keys() & fixed.keys():
                return None, False
            del fixed[name]
            fixed |= replacement
        elif problem["type"] == "missing" and name == "contact" and "email" in fixed:
            fixed["contact"] = fixed.pop("email")  # the e-mail address identifies the contact
        elif problem["type"] != "extra_forbidden" and (name not in fixed or problem["type"] != "missing"):
            fixed[name], invented = correct_value(operation, problem, name, accounts, fixed)
            if invented and problem["type"] == "literal_error" and len(problem["loc"]) == 1:
                return None, False  # the first of the choices could be the opposite
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
"""The codes of currencies by the names people use, without a plural s."""


def correct_value(
    operation: Operation[..., Any], problem: ErrorDetails, name: str, accounts: bool, arguments: Json
) -> tuple[Any, bool]:
    """Return a value that the argument accepts, and whether it is only an example."""
    limits, value, currency = problem.get("ctx", {}), arguments.get(name), str(arguments.get("currency") or "")
    match problem["type"]:
        case _ if name == "currency" and (code := CURRENCIES.get(str(value).strip().casefold().removesuffix("s"))):
            return code, False
        case _ if name == "url" and re.match(r"http://[^/]+[.]", str(value)):
            return f"https://{str(value).removeprefix('http://')}", False
        case "float_parsing" if (number := parse_amount(problem["input"], currency)) is not None:
            return number, False
        case "literal_error":
            choices, word = allowed_values(operation, name, accounts), str(problem["input"])
            choice = (
                find_misspelt(word, choices)
                or word_of_code(operation, name, problem["input"])
                or find_choice(word, choices)
            )
            return replace_word(problem, choice or choices[0], value), choice is None
        case "string_type" if isinstance(problem["input"], list) and problem["input"]:
            return cast("list[Any]", problem["input"])[0], False
        case "greater_than_equal":
            return limits["ge"], name not in ("limit", "offset")
        case "less_than_equal":
            return limits["le"], False
        case _:
            return placeholder(operation, name), True


def replace_word(problem: ErrorDetails, word: str, value: Any) -> Any:
    """Return the value with `word` in place of the wrong one: the word itself, or the list with that item replaced."""
    _, *position = problem["loc"]
    return [word if n == position[0] else item for n, item in enumerate(value)] if position else word


def find_choice(text: str, choices: list[str]) -> str | None:
    """Return the only choice that a text names: `Closed Won`, `name asc`, `value` for `highest_value`."""
    words = {synonyms.CHOICES.get(word, word) for word in re.findall(r"[a-z]+", text.casefold())}
    named = [choice for choice in choices if choice in words]
    named = named or [choice for choice in choices if words & set(re.split("[_ ]", choice))]
    return named[0] if len(named) == 1 else None


def word_of_code(operation: Operation[..., Any], name: str, code: Any) -> str | None:
    """Return our word for a code of the API, as this argument takes it."""
    parameter = operation.signature.parameters.get(name)
    wire = find_mark(parameter.annotation, Wire) if parameter else None
    if wire is None:
        return None
    return next((word for word, value in wire.codes.items() if value == str(code)), None)


def example_of(operation: Operation[..., Any], name: str) -> Any:
    """Return the example of a parameter; None if it has none."""
    parameter = operation.signature.parameters.get(name)
    return description_of(parameter.annotation).example if parameter else None


def placeholder(operation: Operation[..., Any], name: str) -> Any:
    """Return a value for an unknown one: `<name>` where the argument takes any text, its example elsewhere."""
    text = f"<{name.replace('_', ' ')}>"
    if name in operation.references:
        return example_of(operation, name)
    model = argument_model(operation)
    try:
        model.__pydantic_validator__.validate_assignment(model.model_construct(), name, text)
    except ValidationError:
        return example_of(operation, name)
    return text


def find_misspelt(word: str, choices: list[str]) -> str | None:
    """Return the choice that a word surely misspells: `subscribed` is close to `unsubscribed`, but its opposite."""
    close = get_close_matches(word.casefold(), choices, 1, cutoff=0.8)
    is_sure = close and close[0][0] == word.casefold()[:1] and abs(len(close[0]) - len(word)) <= 2
    return close[0] if is_sure else None
