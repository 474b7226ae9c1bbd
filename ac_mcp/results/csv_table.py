"""The rows of an answer as CSV, for spreadsheets: no cell is ever a formula there."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, cast

from ac_mcp.messages import Json, as_objects
from ac_mcp.text import visible

# Also in full width, which some spreadsheets take for the same.
FORMULA = re.compile(r"^\s*[=+\-@\t\r|%\uff1d\uff0b\uff0d\uff20]")
"""How a cell begins that a spreadsheet would calculate (OWASP: CSV injection)."""
NUMBER = re.compile(r"[-+]?[0-9][0-9 .()/-]*", re.ASCII)
"""What may begin with a sign: a number, also that of a telephone."""


def to_csv(answer: Json) -> str:
    """The longest list of the answer, a line for each row; of an answer without rows the answer itself as one."""
    lists = [rows for value in answer.values() if (rows := as_objects(value))]
    rows = max(lists, key=len, default=[answer])
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return "\n".join(csv_line(line) for line in (columns, *([row.get(column) for column in columns] for row in rows)))


def csv_line(values: Iterable[Any]) -> str:
    """One line of CSV, without its end."""
    text = io.StringIO()
    # What is quoted follows from the terminator: a lone \r has to be.
    csv.writer(text, lineterminator="\r\n").writerow([without_formula(cell(value)) for value in values])
    return text.getvalue().removesuffix("\r\n")


def cell(value: Any) -> str:
    """A value as text; several of them with a semicolon between."""
    match value:
        case None:
            return ""
        case list():
            return "; ".join(cell(one) for one in cast("list[Any]", value))
        case dict():
            return ", ".join(f"{key}: {cell(one)}" for key, one in cast("Json", value).items())
        case _:
            return visible(str(value))


def without_formula(text: str) -> str:
    """With a quote before what would be calculated; spreadsheets show it as text."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
