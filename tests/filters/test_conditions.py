"""Conditions on contacts, as they are written in words."""

import pytest

from ac_mcp.filters.conditions import parse_condition


@pytest.mark.parametrize(
    ("text", "negative"),
    [
        ("tag=VIP", False),
        ("tag!=VIP", True),
        ("tag<>VIP", True),
        ("not tag=VIP", True),
        ("-tag=VIP", True),
        ("not tag!=VIP", False),
        ("-tag!=VIP", False),
        ("-tag<>VIP", False),
    ],
)
def test_a_condition_negated_twice_is_not_negated(text: str, negative: bool) -> None:
    assert parse_condition("where", text).negative is negative
