"""The rows of an answer as CSV for spreadsheets; no cell can run as a formula."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, cast

from ac_mcp.messages import Json, as_objects
from ac_mcp.text import visible

# Some spreadsheets treat the full-width characters like the ASCII ones.
FORMULA = re.compile(r"^\s*[=+\-@\t\r|%\uff1d\uff0b\uff0d\uff20]")
"""The start of a cell that a spreadsheet would calculate (OWASP: CSV injection)."""
NUMBER = re.compile(r"[-+]?[0-9][0-9 .()/-]*", re.ASCII)
"""Text that may begin with a sign: a number or a telephone number."""


def to_csv(answer: Json) -> str:
    """Return the longest list of the answer as CSV, with a header line; an answer without rows is itself one row."""
    lists = [rows for value in answer.values() if (rows := as_objects(value))]
    rows = max(lists, key=len, default=[answer])
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return "\n".join(csv_line(line) for line in (columns, *([row.get(column) for column in columns] for row in rows)))


def csv_line(values: Iterable[Any]) -> str:
    """Return one line of CSV without its line ending."""
    text = io.StringIO()
    # The writer quotes the characters of its line terminator, and a lone \r must be quoted.
    csv.writer(text, lineterminator="\r\n").writerow([without_formula(cell(value)) for value in values])
    return text.getvalue().removesuffix("\r\n")


def cell(value: Any) -> str:
    """Return a value as text; the items of a list are joined with semicolons."""
    match value:
        case None:
            return ""
        case list():
            return "; ".join(cell(item) for item in cast("list[Any]", value))
        case dict():
            return ", ".join(f"{key}: {cell(item)}" for key, item in cast("Json", value).items())
        case _:
            return visible(str(value))


def without_formula(text: str) -> str:
    """Return the text with a leading quote if a spreadsheet would calculate it; spreadsheets then show it as text."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
