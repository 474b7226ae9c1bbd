"""Arguments as other interfaces have them: the API's names, synonyms, pages, amounts, a record in one piece."""

import re
from difflib import get_close_matches
from typing import Any

from ac_mcp.messages import Json, as_int, as_object
from ac_mcp.spec.annotations import camel
from ac_mcp.spec.json_schema import input_schema
from ac_mcp.spec.operation import Operation

ALIASES = {
    **dict.fromkeys(("page_size", "per_page", "pagesize", "max_results", "count", "size", "top"), "limit"),
    **dict.fromkeys(("skip", "start"), "offset"),
    **dict.fromkeys(("created_since", "added_after", "since"), "created_after"),
    **dict.fromkeys(("created_until", "added_before"), "created_before"),
    **dict.fromkeys(("updated_since", "modified_after"), "updated_after"),
    **dict.fromkeys(("sort", "sort_by", "order_by", "orderby"), "order"),
    **dict.fromkeys(("contact_email", "person", "lead", "subscriber"), "contact"),
    **dict.fromkeys(("company", "organization"), "account"),
    **dict.fromkeys(("funnel", "group"), "pipeline"),
    **dict.fromkeys(("assignee", "user", "owner_email"), "owner"),
    **dict.fromkeys(("amount", "deal_value", "price", "field_value"), "value"),
    **dict.fromkeys(("body", "content", "comment"), "text"),
    **dict.fromkeys(("custom_fields", "field_values"), "fields"),
}
"""What other interfaces call it."""
REVERSED = {
    "exclude", "excluding", "not", "without", "no", "old", "previous", "former", "from", "to", "until", "except",
}  # fmt: skip
"""With one of these a name means something else than the argument it resembles."""
SEARCH_WORDS = ("q", "query", "text", "keyword", "term", "name", "contact", "company", "email", "title")


WORD = r"[^\W\d_]+(?:[-'][^\W\d_]+)*"


def find_alias(operation: Operation[..., Any], name: str, given: Json, accounts: bool) -> Json | None:
    """An argument there is not, as those that say the same; None where nothing surely does."""
    known, value = list(input_schema(operation, accounts)["properties"]), given[name]
    if understood := operation.options.get("understands", {}).get(name):
        return understood(given)
    plain = name.casefold().replace("_", "")
    match plain:
        case "name" | "fullname" if {"first_name", "last_name"} <= set(known) and isinstance(value, str):
            two = re.fullmatch(rf"({WORD}) ({WORD})", value.strip())  # with more words it is anybody's guess
            return {"first_name": two[1], "last_name": two[2]} if two else None
        case "page" | "pagenumber" if "offset" in known and str(value).isdecimal():
            default = operation.signature.parameters["limit"].default if "limit" in known else 0
            size = next(
                (given[key] for key in given if resolve_argument(operation, key, ["limit"]) == "limit"), default
            )
            return {"offset": max(0, int(value) - 1) * min(as_int(size), 100)}
        case "emailaddress" | "contactemail" if "email" in known and "contact" not in known:
            return {"email": value}
        case "emailaddress" if "email" in known:
            return {"email": value}
        case "email" | "emailaddress" if "email" not in known and "contact" in known and "contact" not in given:
            return {"contact": value}
        case _ if name == operation.resource.singular and isinstance(value, dict):
            return unwrap_record(operation, as_object(value), known)
        case _:
            close = resolve_argument(operation, name, known, value)
            return {close: fit_list(input_schema(operation, accounts)["properties"][close], value)} if close else None


def fit_list(wanted: Json, value: Any) -> Any:
    """One thing for a list of one, a list of one for one thing."""
    match value, wanted.get("type"):
        case [only], "string":
            return only
        case str(), "array":
            return [value]
        case _:
            return value


def unwrap_record(operation: Operation[..., Any], row: Json, known: list[str]) -> Json | None:
    """The record in one piece that the API takes, as our arguments: all of it or nothing."""
    names = {key: resolve_argument(operation, key, known, value) for key, value in row.items()}
    if not all(names.values()) or len(set(names.values())) < len(names):
        return None
    return {str(names[key]): value for key, value in row.items()}


def resolve_argument(operation: Operation[..., Any], name: str, known: list[str], value: Any = "") -> str | None:
    """The argument a misspelt one stands for: the API's own name, a typo, a part of it, the one reference there is."""
    if (own := operation.parameter(name)) in known:
        return own
    name = name if isinstance(value, bool) else ALIASES.get(name.casefold(), name)
    if name in known:
        return name
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold()) or [""]
    parts = [k for k in known if name.casefold() in k.split("_")]
    inside = [k for k in known if k in words]
    if REVERSED & set(words) or len(parts) > 1 or len(inside) > 1:
        return None
    spelt = {camel(k).casefold(): k for k in known} | {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), spelt, 1, cutoff=0.75)
    if close:
        return spelt[close[0]]
    if part := list(dict.fromkeys([*inside, *parts])):
        return part[0] if len(part) == 1 else None
    if words in (["name"], ["title"]) and (other := {"name", "title"} & set(known)):
        return other.pop()
    needed = [k for k in input_schema(operation).get("required", ()) if k in operation.references]
    by_email = len(needed) == 1 and operation.references[needed[0]].kind in ("contacts", "users")
    own_names = ("id", "name", "title", "email") if by_email else ("id", "name", "title")
    if len(needed) == 1 and words[-1] in own_names and words[:-1] in ([], needed):
        return needed[0]
    text = isinstance(value, str) and not value.strip().isdecimal()
    return "search" if text and "search" in known and words[-1] in SEARCH_WORDS else None


SIGNS = {"€": ("eur",), "£": ("gbp",), "$": ("", "usd", "aud", "cad", "hkd", "nzd", "sgd"), "": None}
"""The currencies a sign in an amount may stand for; "" where the call names none."""
AMOUNT = re.compile(
    r"(?P<before>[^\d\s.,%-]{0,3}) ?(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]{1,2})?) ?(?P<many>[kKmM]?)"
    r"(?: ?(?P<after>[A-Za-z]{3}|[€£$]))?"
)


def parse_amount(text: Any, currency: str) -> float | None:
    """`$15,000` and `15k` as a number, where there is only one way to read it and no other currency is meant."""
    found = AMOUNT.fullmatch(str(text).strip())
    if not found:
        return None
    for sign in (found["before"].casefold(), (found["after"] or "").casefold()):
        possible = SIGNS.get(sign, (sign,))
        if possible is not None and currency.casefold() not in possible:
            return None
    number = float(found["number"].replace(",", "")) * {"": 1, "k": 1000, "m": 1_000_000}[found["many"].lower()]
    return int(number) if number == int(number) else number
