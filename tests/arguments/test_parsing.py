"""What hosts really send, and how it is read."""

import json
from typing import Any, cast

import pytest
from pydantic import ValidationError

from ac_mcp.arguments.aliases import parse_amount
from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import Settings
from ac_mcp.spec.json_schema import argument_model, input_schema
from tests.examples import CALLS


def accepted(tool: str, **arguments: Any) -> Json:
    return {name: value for name, value in parse_arguments(OPERATIONS[tool], arguments).items() if value is not None}


def test_null_and_nothing_stand_for_an_omitted_argument() -> None:
    """CrewAI sends null for every one of them, OpenAI's strict mode an empty string."""
    nothing = dict.fromkeys(input_schema(OPERATIONS["list_contacts"])["properties"])
    assert accepted("list_contacts", **{**nothing, "limit": 20, "search": "", "offset": None}) == {
        "limit": 20,
        "offset": 0,
    }


def test_a_required_argument_may_not_be_nothing() -> None:
    with pytest.raises(BadArguments, match="name is required"):
        accepted("create_tag", name=None)
    with pytest.raises(BadArguments, match="must not be empty"):
        accepted("create_tag", name="")


@pytest.mark.parametrize("number", [7, "7", " 7 "])
def test_a_number_does_for_an_id(number: Any) -> None:
    assert accepted("get_tag", tag=number) == {"tag": "7"}


@pytest.mark.parametrize("given", [["subscribe", "open"], '["subscribe","open"]'])
def test_json_text_does_for_a_list(given: Any) -> None:
    hook = {"name": "h", "url": "https://h.example/x", "sources": ["api"], "events": given}
    assert accepted("create_webhook", **hook)["events"] == ["subscribe", "open"]


def test_one_does_for_a_list_of_one() -> None:
    hook = {"name": "h", "url": "https://h.example/x", "sources": "api", "events": "open"}
    assert accepted("create_webhook", **hook)["sources"] == ["api"]


@pytest.mark.parametrize(
    "given",
    [
        ["Plan=Pro", "Seats=3"],
        '["Plan=Pro", "Seats=3"]',
        {"Plan": "Pro", "Seats": 3},
        '{"Plan": "Pro", "Seats": 3}',
        [{"field": "Plan", "value": "Pro"}, {"field": "Seats", "value": 3}],
    ],
)
def test_custom_fields_may_come_in_every_shape_a_model_thinks_of(given: Any) -> None:
    assert accepted("create_contact", email="a@b.example", fields=given)["fields"] == ["Plan=Pro", "Seats=3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(["Tea", "Filter"], "Interests=Tea||Filter"), (None, "Interests="), (3, "Interests=3"), ("Tea", "Interests=Tea")],
)
def test_a_custom_field_takes_several_values_a_number_or_nothing(value: Any, text: str) -> None:
    assert accepted("create_contact", email="a@b.example", fields={"Interests": value})["fields"] == [text]


@pytest.mark.parametrize("value", [True, {"a": 1}, ["a", True]])
def test_a_custom_field_does_not_take_what_it_would_garble(value: Any) -> None:
    with pytest.raises(BadArguments, match="fields: "):
        accepted("create_contact", email="a@b.example", fields={"Interests": value})


def test_several_values_may_come_as_a_list() -> None:
    given = accepted("set_field_value", contact="1", field="Interests", value=["Tea", "Filter"])
    assert given["value"] == "Tea||Filter"


@pytest.mark.parametrize("word", ["inactive", "closed", "everything"])
def test_a_choice_is_not_corrected_to_something_else(word: str) -> None:
    with pytest.raises(BadArguments) as caught:
        accepted("list_contacts", status=word)
    assert caught.value.fixed is None


def test_subscribed_is_active_and_not_its_opposite() -> None:
    assert accepted("list_contacts", status="subscribed")["status"] == "active"


def test_an_argument_that_would_have_to_be_dropped_leaves_no_suggestion() -> None:
    with pytest.raises(BadArguments) as caught:
        accepted("update_deal", deal="1", colour="red")
    assert caught.value.fixed is None


@pytest.mark.parametrize("wrong", [True, "many", 2.5, [1], {"a": 1}, "1e400", "NaN"])
def test_what_is_no_number_is_not_taken_for_one(wrong: Any) -> None:
    with pytest.raises(BadArguments, match="limit: "):
        accepted("list_contacts", limit=wrong)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1, True, "12 dollars"])
def test_money_is_a_number_that_is_not_below_zero(wrong: Any) -> None:
    with pytest.raises(BadArguments, match="value: "):
        accepted("update_deal", deal="1", value=wrong)


@pytest.mark.parametrize("text", ["héllo 👋", "../../users", "1?limit=1", "' OR 1=1 --", "x" * 1000])
def test_odd_names_are_read_as_they_are(text: str) -> None:
    assert accepted("create_tag", name=text)["name"] == text


@pytest.mark.parametrize(
    ("given", "meant"),
    [("firstName", "first_name"), ("frist_name", "first_name"), ("Email", "email"), ("contact_id", "contact")],
)
def test_an_argument_is_recognised_by_its_near_spelling(given: str, meant: str) -> None:
    with pytest.raises(BadArguments, match=f"Unknown argument {given}: did you mean {meant}?") as caught:
        parse_arguments(
            OPERATIONS["update_contact"], {"contact": "1", given: "x"} if meant != "contact" else {given: "1"}
        )
    assert meant in (caught.value.fixed or {meant: ""})


def test_a_choice_is_named_and_the_nearest_offered() -> None:
    with pytest.raises(BadArguments) as caught:
        accepted("list_deals", status="opened")
    assert str(caught.value) == 'status: "opened" is not one of open, won, lost.'
    assert caught.value.fixed == {"status": "open"}


@pytest.mark.parametrize(
    ("text", "currency", "number"),
    [
        ("$15,000", "usd", 15000),
        ("$15,000", "", 15000),
        ("15k", "eur", 15000),
        ("15K USD", "usd", 15000),
        ("1,234,567.89", "usd", 1234567.89),
        ("€20", "eur", 20),
        ("$1.5m", "cad", 1_500_000),
        ("€20", "usd", None),
        ("€1,234", "eur", None),
        ("1,234 EUR", "eur", None),
        ("€20", "", None),
        ("$20", "eur", None),
        ("20 EUR", "usd", None),
        ("1.500", "eur", None),
        ("1,5", "usd", None),
        ("15 000", "usd", None),
        ("-5", "usd", None),
        ("15%", "usd", None),
        ("about 15", "usd", None),
        ("", "usd", None),
    ],
)
def test_an_amount_is_read_only_where_it_means_one_thing(text: str, currency: str, number: float | None) -> None:
    assert parse_amount(text, currency) == number


def test_a_name_that_holds_two_arguments_is_taken_for_neither() -> None:
    with pytest.raises(BadArguments, match="Unknown argument contactTag: there is contact, tag") as caught:
        parse_arguments(OPERATIONS["untag_contact"], {"contactTag": "5"})
    assert caught.value.fixed is None


@pytest.mark.parametrize(
    ("given", "offset"),
    [
        ({"page": 2, "limit": 10}, 10),
        ({"page": 2, "per_page": 10}, 10),
        ({"page_size": 5, "page": "3"}, 10),
        ({"page": 1}, 0),
        ({"page": 3}, 40),
    ],
)
def test_a_page_is_counted_in_its_own_size(given: dict[str, object], offset: int) -> None:
    with pytest.raises(BadArguments) as caught:
        parse_arguments(OPERATIONS["list_contacts"], given)
    assert (caught.value.fixed or {})["offset"] == offset


@pytest.mark.parametrize(
    ("tool", "argument", "given", "meant"),
    [
        ("update_deal", "status", "Closed Won", "won"),
        ("list_deals", "order", "value", "highest_value"),
        ("list_contacts", "order", "name asc", "name"),
    ],
)
def test_a_choice_is_recognised_among_other_words(tool: str, argument: str, given: str, meant: str) -> None:
    first = {"deal": "1"} if tool == "update_deal" else {}
    with pytest.raises(BadArguments) as caught:
        parse_arguments(OPERATIONS[tool], {**first, argument: given})
    assert ((caught.value.fixed or {})[argument], caught.value.example) == (meant, False)


def test_a_number_that_could_be_a_thousand_times_larger_is_refused() -> None:
    with pytest.raises(BadArguments, match=r"value: .* could mean 1500 or 1\.5: give a plain number"):
        parse_arguments(OPERATIONS["update_deal"], {"deal": "1", "value": "1.500"})


def test_what_nobody_said_is_not_filled_in_with_a_likely_name() -> None:
    for tool, given in (("update_tag", {"tag": "VIP"}), ("update_contact", {"contact": "2"}), ("create_tag", {})):
        with pytest.raises(BadArguments) as caught:
            parse_arguments(OPERATIONS[tool], given)
        added = [value for name, value in (caught.value.fixed or {}).items() if value is not None and name not in given]
        assert [str(value)[0] for value in added] == ["<"]


def test_several_things_for_one_are_refused_with_the_first_of_them() -> None:
    with pytest.raises(BadArguments, match="it takes one, so make one call for each") as caught:
        parse_arguments(OPERATIONS["tag_contact"], {"contact": ["1", "2"], "tag": "VIP"})
    assert caught.value.fixed == {"contact": "1", "tag": "VIP"}


def test_one_wrong_choice_among_right_ones_leaves_the_others_where_they_are() -> None:
    given = {"contact": "1", "clear": ["phone", "firstname", "lastname"]}
    with pytest.raises(BadArguments) as caught:
        parse_arguments(OPERATIONS["update_contact"], given)
    assert caught.value.fixed == {"contact": "1", "clear": ["phone", "first_name", "last_name"]}


@pytest.mark.parametrize(
    ("tool", "given", "fixed"),
    [
        ("create_contact", {"email_address": "a@b.example"}, {"email": "a@b.example"}),
        ("update_contact", {"contact": "1", "email_address": "a@b.example"}, {"contact": "1", "email": "a@b.example"}),
        ("get_contact", {"email_address": "a@b.example"}, {"contact": "a@b.example"}),
        ("delete_deal", {"email": "a@b.example"}, None),
        ("delete_tag", {"email": "a@b.example"}, None),
        ("list_contacts", {"count": True}, None),
        ("create_contact", {"email": "a@b.example", "name": "Reed, Jane"}, None),
        ("create_contact", {"email": "a@b.example", "name": "Dr. Jane Reed"}, None),
        ("update_contact", {"contact": "1", "name": "Acme Coffee GmbH"}, None),
        ("manage_connection", {"action": "remove", "connection": "c"}, {"action": "delete", "connection": "c"}),
    ],
)
def test_another_name_is_understood_only_where_it_means_one_thing(
    tool: str, given: dict[str, object], fixed: dict[str, object] | None
) -> None:
    with pytest.raises(BadArguments) as caught:
        parse_arguments(OPERATIONS[tool], given)
    assert caught.value.fixed == fixed


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"contact": "1", "text": "x" * 1_000_001}, "too large"),
        ({"contact": nested(50)}, "nested too deeply"),
        ({"contact": nested(100_000)}, "nested too deeply"),
        ({"contact": "1", "fields": ["Plan=" + "x" * 1000] * 2000}, "too large"),
        ({"contact": "1", "fields": [1] * 200_000}, "too large"),
        ({f"a{n}": 1 for n in range(100_000)}, "too large"),
    ],
)
def test_arguments_are_bounded_in_size_and_depth(given: Any, said: str) -> None:
    with pytest.raises(BadArguments, match=said):
        parse_arguments(OPERATIONS["update_contact"], given)


@pytest.mark.parametrize("tool", OPERATIONS)
def test_every_tool_refuses_what_it_does_not_know(tool: str) -> None:
    with pytest.raises((BadArguments, ValidationError)):
        parse_arguments(OPERATIONS[tool], {**CALLS[tool], "no_such_argument": 1})
    assert cast("Any", argument_model(OPERATIONS[tool]).model_config)["extra"] == "forbid"
    assert json.dumps(Settings().__repr__())
