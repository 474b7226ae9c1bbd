"""Arguments in the style of other interfaces: the API's names, synonyms, page numbers, amounts, a whole record."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from ac_mcp.messages import Json, as_int, as_object
from ac_mcp.spec import synonyms
from ac_mcp.spec.annotations import camel
from ac_mcp.spec.json_schema import input_schema
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.values import AMBIGUOUS

WORD = r"[^\W\d_]+(?:[-'][^\W\d_]+)*"
"""One word of a person's name."""


def find_alias(operation: Operation[..., Any], name: str, arguments: Json, accounts: bool) -> Json | None:
    """Return the arguments that replace `name`, which the operation does not have; None if no others surely do."""
    properties: Json = input_schema(operation, accounts)["properties"]
    value = arguments[name]
    if replace := operation.options.understood.instead.get(name):
        return replace(arguments)
    plain = name.casefold().replace("_", "")
    match plain:
        case "name" | "fullname" if {"first_name", "last_name"} <= properties.keys() and isinstance(value, str):
            names = re.fullmatch(rf"({WORD}) ({WORD})", value.strip())  # more than two words could split anywhere
            return {"first_name": names[1], "last_name": names[2]} if names else None
        case "page" | "pagenumber" if "offset" in properties and str(value).isdecimal():
            return {"offset": max(0, int(value) - 1) * page_size(operation, arguments, properties)}
        case "emailaddress" if "email" in properties:
            return {"email": value}
        case "contactemail" if "email" in properties and "contact" not in properties:
            return {"email": value}
        case "email" | "emailaddress" if (
            "email" not in properties and "contact" in properties and "contact" not in arguments
        ):
            return {"contact": value}
        case _ if name == operation.resource.singular and isinstance(value, dict):
            return unwrap_record(operation, as_object(value), list(properties))
        case _:
            parameter = resolve_argument(operation, name, list(properties), value)
            return {parameter: fit_list(properties[parameter], value)} if parameter else None


def page_size(operation: Operation[..., Any], arguments: Json, properties: Json) -> int:
    """Return the rows of a page that a call means: its limit, under whatever name, else the default; 100 at most."""
    default = operation.signature.parameters["limit"].default if "limit" in properties else 0
    limits = (arguments[key] for key in arguments if resolve_argument(operation, key, ["limit"]) == "limit")
    return min(as_int(next(limits, default)), 100)


def fit_list(schema: Json, value: Any) -> Any:
    """Return a text as a list where the schema takes a list, and the only item of a list where it takes a text."""
    match value, schema.get("type"):
        case [item], "string":
            return item
        case str(), "array":
            return [value]
        case _:
            return value


def unwrap_record(operation: Operation[..., Any], record: Json, parameters: Sequence[str]) -> Json | None:
    """Return the attributes of a record, as the API takes it, as our arguments; None unless each becomes one."""
    names = {key: resolve_argument(operation, key, parameters, value) for key, value in record.items()}
    if not all(names.values()) or len(set(names.values())) < len(names):
        return None
    return {str(names[key]): value for key, value in record.items()}


@dataclass(frozen=True, slots=True)
class Misnamed:
    """An argument under a name the operation does not have, as the rules look at it."""

    operation: Operation[..., Any]
    parameters: Sequence[str]
    """The names it may stand for."""
    original: str
    """Its name as the call has it."""
    name: str
    """Its name, a synonym replaced by ours."""
    value: Any

    @property
    def words(self) -> list[str]:
        """The words of the name, never none: `contactTag` is contact, tag."""
        return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name).casefold()) or [""]

    @property
    def containing(self) -> list[str]:
        """The parameters of which the name is one word."""
        return [parameter for parameter in self.parameters if self.name.casefold() in parameter.split("_")]

    @property
    def contained(self) -> list[str]:
        """The parameters that are one word of the name."""
        words = self.words
        return [parameter for parameter in self.parameters if parameter in words]


REFUSED = ""
"""The answer of a rule that ends the search: the name may mean the opposite, or more than one parameter."""
Rule: TypeAlias = Callable[[Misnamed], str | None]
"""A rule returns a parameter, `REFUSED`, or None where it does not apply."""


def api_name(argument: Misnamed) -> str | None:
    """Return the parameter that carries the API's attribute of this name."""
    parameter = argument.operation.parameter(argument.original)
    return parameter if parameter in argument.parameters else None


def synonym(argument: Misnamed) -> str | None:
    """Return the parameter that other interfaces call so."""
    return argument.name if argument.name in argument.parameters else None


def opposite_or_ambiguous(argument: Misnamed) -> str | None:
    """Refuse a name that may mean the opposite, and one that resembles two parameters equally."""
    reversed_ = synonyms.OPPOSITES & set(argument.words)
    return REFUSED if reversed_ or len(argument.containing) > 1 or len(argument.contained) > 1 else None


def misspelling(argument: Misnamed) -> str | None:
    """Return the parameter whose spelling is close, in snake_case or in camelCase."""
    spellings = {camel(parameter).casefold(): parameter for parameter in argument.parameters}
    spellings |= {parameter.casefold(): parameter for parameter in argument.parameters}
    close = get_close_matches(argument.name.casefold(), spellings, 1, cutoff=0.75)
    return spellings[close[0]] if close else None


def shared_word(argument: Misnamed) -> str | None:
    """Return the only parameter that is a word of the name or contains it as a word; refuse two of them."""
    sharing = {*argument.contained, *argument.containing}
    if not sharing:
        return None
    return sharing.pop() if len(sharing) == 1 else REFUSED


def name_or_title(argument: Misnamed) -> str | None:
    """Return `title` for `name`, and the other way round."""
    if argument.words not in (["name"], ["title"]):
        return None
    return next((parameter for parameter in ("name", "title") if parameter in argument.parameters), None)


def only_reference(argument: Misnamed) -> str | None:
    """Return the only reference the operation requires, for a name such as `id` or `contact_id`."""
    operation = argument.operation
    required = [name for name in input_schema(operation).get("required", ()) if name in operation.references]
    if len(required) != 1:
        return None
    *rest, last = argument.words
    endings = {"id", "name", "title"}
    if operation.references[required[0]].kind in ("contacts", "users"):
        endings.add("email")
    return required[0] if last in endings and rest in ([], required) else None


def search_text(argument: Misnamed) -> str | None:
    """Return `search` for a text under one of the names that searches have elsewhere."""
    is_text = isinstance(argument.value, str) and not argument.value.strip().isdecimal()
    return (
        "search"
        if is_text and "search" in argument.parameters and argument.words[-1] in synonyms.SEARCH_ARGUMENTS
        else None
    )


RULES: tuple[Rule, ...] = (
    api_name,
    synonym,
    opposite_or_ambiguous,
    misspelling,
    shared_word,
    name_or_title,
    only_reference,
    search_text,
)
"""The first rule that applies decides."""


def resolve_argument(
    operation: Operation[..., Any], name: str, parameters: Sequence[str], value: Any = ""
) -> str | None:
    """Return the one of `parameters` that an argument under another name stands for; None if none surely does."""
    ours = name if isinstance(value, bool) else synonyms.ARGUMENTS.get(name.casefold(), name)
    argument = Misnamed(operation, parameters, name, ours, value)
    hits = (hit for rule in RULES if (hit := rule(argument)) is not None)
    return next(hits, REFUSED) or None


SIGNS = {"€": ("eur",), "£": ("gbp",), "$": ("", "usd", "aud", "cad", "hkd", "nzd", "sgd"), "": None}
"""The currencies that a sign in an amount may stand for; "" if the call names none."""
AMOUNT = re.compile(
    r"(?P<before>[^\d\s.,%-]{0,3}) ?(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]{1,2})?) ?(?P<many>[kKmM]?)"
    r"(?: ?(?P<after>[A-Za-z]{3}|[€£$]))?"
)


def parse_amount(text: Any, currency: str) -> float | None:
    """Return `$15,000` or `15k` as a number; None if it can be read in two ways, or is in another currency."""
    found = AMOUNT.fullmatch(str(text).strip())
    if not found:
        return None
    signs = found["before"].casefold(), (found["after"] or "").casefold()
    if AMBIGUOUS.fullmatch(found["number"]) and {"€", "eur"}.intersection(signs):
        return None  # most who pay in euros write 1,234 for a little more than one
    for sign in signs:
        possible = SIGNS.get(sign, (sign,))
        if possible is not None and currency.casefold() not in possible:
            return None
    number = float(found["number"].replace(",", "")) * {"": 1, "k": 1000, "m": 1_000_000}[found["many"].lower()]
    return int(number) if number == int(number) else number
