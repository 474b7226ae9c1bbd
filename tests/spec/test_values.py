"""Values: taken as they are, cleaned where that is unambiguous, or refused with what is taken."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ac_mcp.operations.custom_fields import parse_value as parse_deal_value
from ac_mcp.operations.fields import get_facts, parse_value
from ac_mcp.spec.annotations import Cents
from ac_mcp.spec.values import (
    DAMAGED,
    clean_email,
    clean_name,
    is_same_moment,
    is_same_value,
    number_text,
    parse_amount,
    parse_choice,
    parse_datetime,
    parse_email,
    parse_name,
    parse_number,
    require_cents,
    require_clear_amount,
    split_choices,
)


@pytest.mark.parametrize(
    "text",
    [
        "ann@x.example", " ann@x.example ", "\ufeffann@x.example", "ann\u200b@x.example", "a\u00adnn@x.exam\u200dple",
        "\u202aann@x.example\u202c", "\u00a0ann@x.example\u00a0", "mailto:ann@x.example",
        "MAILTO:ann@x.example?subject=Hi",
        "<ann@x.example>", "Ann <ann@x.example>", '"Reed, Ann" <ann@x.example>', "ann@x.example <ann@x.example>",
        "<mailto:ann@x.example>", '"ann@x.example"', "'ann@x.example'", "(ann@x.example)", "“ann@x.example”",
        "ann@x.example.", "ann@x.example,", "ann@x.example;", "<ann@x.example>,", "ann@x.example?!",
    ],
)  # fmt: skip
def test_what_stands_around_an_address_is_left_off(text: str) -> None:
    assert parse_email(text) == "ann@x.example"


@pytest.mark.parametrize(
    "text",
    [
        "", "ann", "ann@x", "@x.example", "ann@@x.example", "ann @x.example", "ann\u00a0reed@x.example",
        "ann@x.example bob@x.example", "ann@x.example, bob@x.example", "ann@x.example;bob@x.example",
        "bob@x.example <ann@x.example>", "<ann@x.example> <bob@x.example>", "ann@x.example (Ann)", "ann@x..example",
        "mailto:ann@x.example,bob@x.example", "\ufffdnn@x.example", "ann@x.example>", "a" * 250 + "@x.example",
        "<" * 100_000, "http://ann@x.example/",
    ],
)  # fmt: skip
def test_what_is_no_single_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address"):
        parse_email(text)
    assert clean_email(text) == text


@pytest.mark.parametrize("text", ["o'neil+list@sub.x.example", "jürgen@bücher.example", "ANN@X.example"])
def test_an_address_stays_as_it_is(text: str) -> None:
    assert parse_email(text) == text


WRAPPINGS = st.lists(
    st.sampled_from(["<{}>", '"{}"', "'{}'", "mailto:{}", "Ann <{}>", "{}.", " {}\u200b", "({})", "{}?x"])
)


@given(st.text(max_size=12) | st.just("ann@x.example"), WRAPPINGS)
def test_an_address_that_was_cleaned_is_clean(text: str, wrappings: list[str]) -> None:
    for wrapping in wrappings:
        text = wrapping.format(text)
    assert clean_email(clean_email(text)) == clean_email(text)


@given(st.text())
def test_a_name_that_was_cleaned_is_clean(text: str) -> None:
    assert clean_name(clean_name(text)) == clean_name(text)


def test_a_name_keeps_the_joiners_it_needs() -> None:
    assert parse_name("\u200eV\u200bI\u200dP\ufeff ") == "VIP"
    assert parse_name("می\u200cخواهم 👩\u200d👧") == "می\u200cخواهم 👩\u200d👧"
    with pytest.raises(ValueError, match="nothing that can be seen"):
        parse_name("\u200b\ufeff")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-12-31T10:00:00+01:00", "2026-12-31T10:00:00+01:00"),
        ("2026-12-31T10:00:00Z", "2026-12-31T10:00:00Z"),
        ("2026-12-31t10:00z", "2026-12-31T10:00:00Z"),
        ("2026-12-31 10:00", "2026-12-31T10:00:00"),
        ("2026-12-31 10:00:30 +0530", "2026-12-31T10:00:30+05:30"),
        ("2026-12-31T10:00:00.123Z", "2026-12-31T10:00:00Z"),
        (" 2028-02-29\u200b ", "2028-02-29T00:00:00"),
    ],
)
def test_a_moment_is_sent_in_iso_8601_with_the_offset_it_came_with(text: str, value: str) -> None:
    assert parse_datetime(text) == value
    assert parse_datetime(value) == value


@pytest.mark.parametrize(
    "text",
    [
        "next Tuesday", "31/12/2026 10:00", "12/31/2026", "2026-13-45", "2026-02-30T10:00:00Z", "2026-02-29",
        "1764547200",
        "1764547200000", "2026-12-31T25:00", "2026-12-31T10", "20261231T100000", "2026-W01-1",
        "0000-00-00 00:00:00",
        "2026-12-31T10:00:00+99:00", "2026-12-31T10:00 CET", "10:00",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ValueError, match=r"takes a date and time such as 2026-12-31T10:00:00\+01:00"):
        parse_datetime(text)


def test_moments_are_the_same_whatever_their_offset() -> None:
    assert is_same_moment("2026-12-31T10:00:00+01:00", "2026-12-31T03:00:00-06:00")
    assert is_same_moment("2026-12-31T10:00:00", "2026-12-31 10:00:00-06:00"), "the account's own time"
    assert not is_same_moment("2026-12-31T10:00:00Z", "2026-12-31T10:00:00-06:00")
    assert not is_same_moment("2026-12-31T10:00:00Z", "soon")
    assert is_same_value("2026-12-31T10:00:00Z", "2026-12-31T11:00:00+01:00")
    assert not is_same_value("vip", "VIP")


CASES = {"pro": "pro", "PRO": "PRO", "Team": "3"}


def test_a_choice_is_the_one_of_its_spelling_and_else_the_only_one_of_another_case() -> None:
    assert [parse_choice(CASES, text, CASES) for text in ("pro", "PRO", "TEAM", "te\u200bam")] == [
        "pro",
        "PRO",
        "3",
        "3",
    ]
    with pytest.raises(ValueError, match='has the choices "pro" and "PRO": "Pro" could be either'):
        parse_choice(CASES, "Pro", CASES)
    with pytest.raises(ValueError, match='takes pro, PRO, Team; "Free" is none of them'):
        parse_choice(CASES, "Free", CASES)


def test_a_label_counts_before_the_value_of_another_choice() -> None:
    options = [{"field": "1", "label": "A", "value": "B"}, {"field": "1", "label": "B", "value": "A"}]
    facts = get_facts({"fieldOptions": options}, {"id": "1", "type": "radio"})
    assert [parse_value(facts, text) for text in ("A", "B")] == ["B", "A"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Tea||Milk", ["Tea", "Milk"]),
        ("||Tea||Milk||", ["Tea", "Milk"]),
        ("tea, milk", ["tea", "milk"]),
        ("Tea; Milk", ["Tea", "Milk"]),
        ("Tea, hot", ["Tea, hot"]),
        ("Tea, Cocoa", ["Tea, Cocoa"]),
        ("||", []),
    ],
)
def test_choices_are_split_at_bars_or_where_each_part_is_one(text: str, parts: list[str]) -> None:
    assert split_choices({"Tea": "Tea", "Milk": "Milk", "Tea, hot": "Tea, hot"}, text) == parts


ONE_VALUE = ("text", "textarea", "hidden", "NULL", "")


@given(st.sampled_from(ONE_VALUE), st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.just("a||b"))
def test_a_text_is_stored_as_it_came(kind: str, text: str) -> None:
    for parse in (parse_value, parse_deal_value):
        assert DAMAGED.fullmatch(text) or parse({"type": kind}, text) == text


@given(st.sampled_from(["checkbox", "listbox"]), st.lists(st.sampled_from(["Tea", "Milk", "Tea, hot"]), min_size=1))
def test_several_choices_are_stored_between_bars_each_once(kind: str, chosen: list[str]) -> None:
    stored = {"Tea": "Tea", "Milk": "Milk", "Tea, hot": "Tea, hot"}
    value = parse_value({"type": kind, "options": list(stored), "stored": stored}, "||".join(chosen))  # type: ignore
    assert value == f"||{'||'.join(dict.fromkeys(chosen))}||"


@pytest.mark.parametrize("text", ["4.9E+12", "1.23457E+11", "1,23457E+11", "-4e+09", "4.9e+16"])
@pytest.mark.parametrize("kind", ["text", "textarea", "hidden"])
def test_a_number_that_a_spreadsheet_has_cut_is_no_text(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"takes a text; .* is a number that a spreadsheet has cut"):
        parse_value({"type": kind}, text)  # type: ignore[typeddict-item]


@pytest.mark.parametrize("text", ["1E", "E+12", "Model 4E+12", "5e", "12", "4.9E+12 kg"])
def test_what_only_looks_a_little_like_one_is_text(text: str) -> None:
    assert parse_value({"type": "text"}, text) == text


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\x7f", "\ud83d"])
def test_a_text_holds_no_control_characters(letter: str) -> None:
    with pytest.raises(ValueError, match=f"holds a control character .U.{ord(letter):04X}"):
        parse_value({"type": "textarea"}, f"a{letter}b")
    assert parse_value({"type": "textarea"}, "a\n\tb") == "a\n\tb"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", "5"),
        ("-0.5", "-0.5"),
        ("1.234", "1.234"),
        ("4.9E+12", "4900000000000"),
        ("5e-3", "0.005"),
        ("5\u200b", "5"),
    ],
)
def test_a_number_is_a_number_in_a_number_field(text: str, number: str) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["1,234", "1.234.567", "NaN", "inf", "0x5", "5 kg", "1e400", "٣", "1_000", "--1"])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="takes a plain number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.234", r"could mean 1234 or 1\.234"),
        ("1,234", r"could mean 1234 or 1\.234"),
        ("12.3456", r"has more than two decimals, and no amount is rounded here: 12\.35 has two"),
        ("1e3", "takes a plain number"),
        ("NaN", "takes a plain number"),
        ("inf", "takes a plain number"),
        ("$5", "takes a plain number"),
        ("99999999999999", "is too large for an amount"),
    ],
)
def test_an_amount_is_neither_guessed_nor_rounded(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_amount(text)


@given(st.integers(-(10**15), 10**15))
def test_every_amount_of_whole_cents_is_sent_to_the_cent(cents: int) -> None:
    amount = Decimal(cents) / 100
    assert Cents("value").encode(amount) == {"value": cents}
    if abs(cents) < 10**14:
        assert Cents("value").encode(float(amount)) == {"value": cents}


@pytest.mark.parametrize("value", ["1e3", "1_000", "1E+3", "1.234"])
def test_a_text_is_no_amount_if_it_hides_its_digits(value: str) -> None:
    with pytest.raises(ValueError, match="plain number"):
        require_clear_amount(value)


@pytest.mark.parametrize(("value", "cents"), [(5, 5), ("5", "5"), (5.0, 5), (None, None)])
def test_cents_are_whole(value: Any, cents: Any) -> None:
    assert require_cents(value) == cents


@pytest.mark.parametrize("value", [19.99, "19.99", True, "x", [5]])
def test_parts_of_a_cent_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is in cents: a whole number"):
        require_cents(value)


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (5.0, "5"), (5.5, "5.5"), (4.9e12, "4900000000000"), (4.9e16, "4.9e+16")]
)
def test_a_number_for_a_text_keeps_its_digits_or_is_recognised_as_damaged(value: float, text: str) -> None:
    assert number_text(value) == text


PARSERS: dict[str, Callable[[str], str]] = {
    kind: lambda text, kind=kind: parse_value({"type": kind}, text) for kind in ("date", "datetime", "number", "text")
}


@given(st.sampled_from(list(PARSERS)), st.text() | st.from_regex(re.compile(r"\A[0-9:TZ.E+ -]{1,25}\Z")))
def test_a_value_that_is_taken_is_taken_again_as_it_is(kind: str, text: str) -> None:
    try:
        value = PARSERS[kind](text)
    except ValueError:
        return
    assert PARSERS[kind](value) == value
