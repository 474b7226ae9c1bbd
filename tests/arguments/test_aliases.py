"""The rules that find the parameter behind an argument under another name: their order decides."""

from typing import Annotated, Any

import pytest

from ac_mcp.arguments.aliases import REFUSED, RULES, Misnamed, Rule, resolve_argument
from ac_mcp.messages import Json
from ac_mcp.spec import synonyms
from ac_mcp.spec.annotations import Ref, Wire
from ac_mcp.spec.json_schema import input_schema
from ac_mcp.spec.operation import Call
from ac_mcp.spec.resource import Resource

visits = Resource("visit", "visits")


@visits.get("/visitors/{visitor}/visits")
async def list_visits(
    call: Call,
    visitor: Annotated[str, Ref("contacts")],
    search: str | None = None,
    created_after: str | None = None,
    text: str | None = None,
    reply_text: str | None = None,
    pipeline: str | None = None,
    bucket: Annotated[str, Wire("group")] | None = None,
    first_name: str | None = None,
    title: str | None = None,
) -> Json:
    """Have parameters that contend for a name."""
    return await call()


@visits.put("/visits/{visit}")
async def update_visit(call: Call, visit: Annotated[str, Ref("visits")], name: str | None = None) -> Json:
    """Have one reference that is required."""
    return await call()


ORDER: tuple[tuple[Any, str, str, str | None, str, str | None], ...] = (
    (list_visits, "group", "api_name", "bucket", "synonym", "pipeline"),
    (list_visits, "body", "synonym", "text", "opposite_or_ambiguous", REFUSED),
    (list_visits, "old_search", "opposite_or_ambiguous", None, "misspelling", "search"),
    (list_visits, "created_after_title", "misspelling", "created_after", "shared_word", "title"),
    (list_visits, "name", "shared_word", "first_name", "name_or_title", "title"),
    (update_visit, "title", "name_or_title", "name", "only_reference", "visit"),
    (list_visits, "email", "only_reference", "visitor", "search_text", "search"),
    (list_visits, "keyword", "search_text", "search", "", None),
)
"""Operation, name, the rule that decides and its parameter, the rule it overrules and what that one would say."""


def misnamed(operation: Any, name: str) -> Misnamed:
    parameters = list(input_schema(operation)["properties"])
    return Misnamed(operation, parameters, name, synonyms.ARGUMENTS.get(name, name), "some words")


@pytest.mark.parametrize(
    ("operation", "name", "rule", "parameter", "overruled", "otherwise"), ORDER, ids=[row[2] for row in ORDER]
)
def test_the_first_rule_that_applies_decides(
    operation: Any, name: str, rule: str, parameter: str | None, overruled: str, otherwise: str | None
) -> None:
    argument = misnamed(operation, name)
    hits = {each.__name__: hit for each in RULES if (hit := each(argument)) is not None}
    assert next(iter(hits)) == rule
    assert hits.get(overruled) == otherwise
    assert resolve_argument(operation, name, argument.parameters, argument.value) == parameter


def test_every_rule_decides_once_and_overrules_the_next() -> None:
    def name(rule: Rule) -> str:
        return rule.__name__

    names = [name(rule) for rule in RULES]
    assert [row[2] for row in ORDER] == names
    assert [row[4] for row in ORDER] == [*names[1:], ""]


@pytest.mark.parametrize(
    ("name", "value", "parameter"),
    [
        ("colour", "red", None),
        ("keyword", "12", None),  # a number is no search text
        ("body", True, None),  # nor does a flag have synonyms
        ("group", True, "bucket"),
        ("Text", "x", None),  # text or reply_text
        ("createdAfter", "2026-01-01", "created_after"),
        ("visitor_id", "7", "visitor"),
    ],
)
def test_what_an_argument_under_another_name_stands_for(name: str, value: Any, parameter: str | None) -> None:
    parameters = list(input_schema(list_visits)["properties"])
    assert resolve_argument(list_visits, name, parameters, value) == parameter
