"""Schemas of arguments: what is listed, and that it is what is checked."""

import json

import pytest

from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.catalogue.entry import catalogue
from ac_mcp.errors import BadArguments
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.spec.annotations import Unlisted, find_mark
from ac_mcp.spec.json_schema import input_schema, listed_schema, type_schema


def test_the_connection_is_an_argument_only_where_there_are_several_accounts() -> None:
    assert "connection" not in input_schema(OPERATIONS["list_tags"])["properties"]
    assert "connection" in input_schema(OPERATIONS["list_tags"], True)["properties"]
    with pytest.raises(BadArguments, match="Unknown argument connection"):
        parse_arguments(OPERATIONS["list_tags"], {"connection": "c"})


def test_a_schema_costs_no_more_than_it_says() -> None:
    assert json.dumps(input_schema(OPERATIONS["tag_contact"]), separators=(",", ":")) == (
        '{"properties":{"contact":{"description":"E-mail, name or id","type":"string"},'
        '"tag":{"description":"Name or id","type":"string"}},"required":["contact","tag"],"type":"object"}'
    )


@pytest.mark.parametrize("accounts", [False, True])
@pytest.mark.parametrize("name", [*OPERATIONS, *catalogue()])
def test_what_is_listed_is_what_pydantic_checks(name: str, accounts: bool) -> None:
    operation = STEPS[name]
    whole = input_schema(operation, accounts)
    told = listed_schema(operation, accounts)
    assert told == whole | {"properties": {key: whole["properties"][key] for key in told["properties"]}}
    assert list(told["properties"]) == [key for key in whole["properties"] if key in told["properties"]]
    assert [list(one) for one in told["properties"].values()] == [
        list(whole["properties"][key]) for key in told["properties"]
    ]
    rare = {key for key in whole["properties"] if key not in told["properties"]}
    unlisted = {key for key, one in operation.signature.parameters.items() if find_mark(one.annotation, Unlisted)}
    assert rare == unlisted | (set(operation.views) - set(operation.options.offered.lists_views))


def test_an_annotation_nobody_thought_of_is_an_error_when_it_is_written() -> None:
    with pytest.raises(TypeError, match="no schema is known"):
        type_schema(bytes)


def test_a_schema_lists_only_what_can_matter() -> None:
    assert listed_schema(OPERATIONS["list_users"])["properties"] == {}
    assert set(input_schema(OPERATIONS["list_users"])["properties"]) == {"limit", "offset", "detail", "fields"}
    assert "fields" in listed_schema(OPERATIONS["list_contacts"])["properties"]
    assert "detail" in listed_schema(OPERATIONS["get_contact"])["properties"]


def test_no_required_argument_is_left_out_of_a_listed_schema() -> None:
    for operation in OPERATIONS.values():
        assert set(operation.required) <= listed_schema(operation)["properties"].keys()
