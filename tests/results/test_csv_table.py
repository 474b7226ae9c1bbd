"""CSV for spreadsheets: rows, and no cell that would be calculated."""

import csv
import io
from typing import Any

import pytest

from ac_mcp.cli.main import run as command
from ac_mcp.results.csv_table import to_csv, without_formula


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("https://evil.example","x")', "=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "|calc",
        "%0A=1", "-", "+",
        "=cmd|' /C calc'!A0", "\n=1",
    ],
)  # fmt: skip
def test_a_formula_becomes_text(text: str) -> None:
    assert without_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-12.50", "+1 312 555 0101", "jane@acme.example", "", "a=b", "12", "+49 (0)40 12-3"])
def test_what_is_no_formula_stays(text: str) -> None:
    assert without_formula(text) == text


def test_rows_become_lines_whatever_they_hold() -> None:
    answer = {
        "deals": [
            {"id": "1", "title": "=1+1", "value": 5, "tags": ["a", {"b": "c"}]},
            {"id": "2", "=x": 'quo"te, and\nline\u202e'},
        ],
        "total": 2,
    }
    read = list(csv.reader(io.StringIO(to_csv(answer))))
    assert read == [
        ["id", "title", "value", "tags", "'=x"],
        ["1", "'=1+1", "5", "a; b: c", ""],
        ["2", "", "", "", 'quo"te, and\nline'],
    ]
    assert to_csv({"total": 0}) == "total\n0"


def test_the_command_line_prints_them(capsys: Any) -> None:
    assert command(["call", "--sandbox", "--csv", "list_users"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        "id,name,email,username",
        "1,Dana Reyes,dana@northwind.example,dana",
    ]
