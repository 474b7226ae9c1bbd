"""The table of an import: rows of a spreadsheet parsed, mapped, checked and merged into contacts."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from anyio.lowlevel import checkpoint

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec import synonyms
from ac_mcp.spec.values import number_text, parse_email, parse_name, require_undamaged
from ac_mcp.text import fold, fold_accents, repair_text

MAX_ROWS, MAX_COLUMNS = 100_000, 500
ROWS_A_TURN = 500
"""Rows after which other calls get their turn."""
MAX_CELL_LENGTH, MAX_NAME_LENGTH = 10_000, 255
"""Most characters of a cell, and of a name, phone number or company."""
IGNORED = "ignore"
"""The target of a column that is not imported."""
FIELD_PREFIX = "field:"
"""The beginning of a target that is a custom field; its id follows."""
ERRORS = re.compile(r"#{3,}|#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)", re.I)
"""What a spreadsheet shows where it has no value, or no room for one."""
EXTRA_CELLS = "(more cells than the header has)"
"""The key in a row for the cells beyond the last header."""
API_NAMES = {"first_name": "first_name", "last_name": "last_name", "phone": "phone", "account": "customer_acct_name"}
"""The API's name of each standard target that is one attribute."""
CLEANED = ("email", *API_NAMES)
"""The targets of which invisible characters are left off."""
NO_TAGS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field of the account."""

    id: str
    title: str
    names: tuple[str, ...]
    """The names by which a header may call the field."""
    parse: Callable[[str], str]
    """Returns a text as a value of the field, or raises a ValueError that says what the field takes."""


@dataclass(slots=True)
class ImportTable:
    """The contacts of an import, and what was left out."""

    rows: list[Json] = field(default_factory=list[Json])
    """The contacts as the API takes them, one for each e-mail address."""
    rejected: list[tuple[Json, str, int]] = field(default_factory=list[tuple[Json, str, int]])
    """The rows that are no contact, each with the reason and its number in the spreadsheet."""
    merged: int = 0
    """The rows that were merged into an earlier one of the same address."""
    columns: dict[str, str] = field(default_factory=dict[str, str])
    """The standard target or custom field that each column is imported as, by header."""
    left_out: list[str] = field(default_factory=list[str])
    """The headers without a target."""
    tags: set[str] = field(default_factory=set[str])
    """The names of all tags that the contacts get."""
    cleaned: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """The cells that were cleaned, by the row's number in the spreadsheet, each with its header and what was read."""


def normalize_header(header: str) -> str:
    """Return a header in lower case, without accents and without anything but letters and digits."""
    return re.sub(r"[\W_]", "", fold_accents(header)) or header.strip().casefold()


def parse_table(text: str) -> tuple[list[str], list[Json]]:
    """Parse CSV text, or a JSON list of objects, into headers and rows `{header: cell}`.

    Raises:
        BadArguments: if it is neither, or has no rows or too many.
    """
    body = text.lstrip("\ufeff").strip()
    if not body:
        raise BadArguments("data: there are no rows in it.")
    rows = parse_json(body) if body[0] in "[{" else parse_csv(body)
    if len(rows) > MAX_ROWS:
        raise BadArguments(f"data: {len(rows)} rows are more than one import takes; at most {MAX_ROWS}.")
    if not rows:
        raise BadArguments("data: there are no rows in it, only a header.")
    return list(dict.fromkeys(key for row in rows for key in row)), rows


def parse_json(body: str) -> list[Json]:
    """Parse a JSON list of objects, a single object, or one object a line.

    Raises:
        BadArguments: if it is none of these.
    """
    try:
        parsed: Any = json.loads(body)
    except (ValueError, RecursionError):
        parsed = [parse_json_line(line) for line in body.splitlines() if line.strip()]
    values = cast("list[Any]", parsed) if isinstance(parsed, list) else [parsed]
    if not values or not all(isinstance(value, dict) for value in values):
        raise BadArguments('data: JSON has to be a list of objects, such as [{"email": "ann@example.com"}].')
    require_few_columns(max(len(row) for row in values))
    return [{cell_text(key): cell_text(value) for key, value in cast("Json", row).items()} for row in values]


def require_few_columns(count: int) -> None:
    """Raise BadArguments for a table with more columns than one import takes."""
    if count > MAX_COLUMNS:
        raise BadArguments(f"data: {count} columns are more than one import takes; at most {MAX_COLUMNS}.")


def parse_json_line(line: str) -> Any:
    """Parse a line of JSON, or raise BadArguments."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise BadArguments("data: it begins like JSON and is none.") from None


def cell_text(value: Any) -> str:
    """Return a JSON value as the text of a cell: "" for null, `a||b` for a list, U+FFFD for half a character."""
    match value:
        case None:
            return ""
        case list() if not any(isinstance(item, list | dict) for item in cast("list[Any]", value)):
            return "||".join(cell_text(item) for item in cast("list[Any]", value))
        case bool() | dict() | list():
            return json.dumps(value)[:MAX_CELL_LENGTH]
        case int() | float():
            return number_text(value)
        case _:
            return repair_text(str(cast("object", value)).strip())


def parse_csv(body: str) -> list[Json]:
    """Parse CSV text with a header line into rows. A single column of e-mail addresses needs no header.

    Raises:
        BadArguments: if it is not CSV, or two columns have the same header.
    """
    if separator_line := re.match(r"sep=(.)\r?\n", body):  # a line that only Excel needs
        body = body[separator_line.end() :]
    first_line = re.sub(r'"[^"]*"', "", body.partition("\n")[0])
    require_few_columns(max(map(first_line.count, ",;\t|")))
    delimiter = max(",;\t|", key=first_line.count)
    if first_line.count(delimiter) == 0:
        delimiter = ","
    csv.field_size_limit(max(csv.field_size_limit(), 1_000_000))
    try:
        lines = list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadArguments(f"data: it cannot be read as CSV: {error}.") from None
    header = [name.strip() or f"(column {number})" for number, name in enumerate(lines[0], 1)]
    if "@" in lines[0][0] and len(header) == 1:
        header, lines = ["email"], [["email"], *lines]
    require_few_columns(len(header))
    if repeated := [name for name, count in Counter(header).items() if name and count > 1]:
        raise BadArguments(f"data: two columns are called {repeated[0][:80]!r}.")
    return [row for line in lines[1:] if (row := row_of_line(header, line))]


def row_of_line(header: list[str], line: list[str]) -> Json:
    """Return a line as a row, with cells beyond the header under EXTRA_CELLS; empty for an empty line."""
    if not any(text.strip() for text in line):
        return {}
    row = {name: text.strip() for name, text in zip(header, line, strict=False)}
    extra = [text for text in line[len(header) :] if text.strip()]
    if extra:
        row[EXTRA_CELLS] = "; ".join(extra)
    return row


@dataclass(frozen=True, slots=True)
class TargetNames:
    """The targets of an import by the names that headers and assignments call them.

    A target is a standard one such as "email", a custom field as `field:ID`, or IGNORED.
    """

    fields: Sequence[CustomField]
    standard: Mapping[str, str]
    """The standard targets by normalized name."""
    custom: Mapping[str, str]
    """The custom fields by normalized name."""

    @classmethod
    def of(cls, fields: Sequence[CustomField]) -> "TargetNames":
        """Return the names of the standard targets and of these custom fields."""
        standard = {name: target for target, names in synonyms.HEADERS.items() for name in names}
        custom = {
            normalize_header(name): f"{FIELD_PREFIX}{custom_field.id}"
            for custom_field in fields
            for name in custom_field.names
        }
        return cls(fields, standard, custom)

    def find_for_header(self, header: str) -> str | None:
        """Return the target that a header stands for; None if there is none."""
        name = normalize_header(header)
        return self.standard.get(name) or self.custom.get(name)

    def require_assigned(self, text: str) -> str:
        """Return the target that an assignment names: by its name, or by the id of a custom field; "" is IGNORED.

        Raises:
            BadArguments: if there is none.
        """
        if text.strip().casefold() in ("", IGNORED):
            return IGNORED
        if target := self.find_for_header(text):
            return target
        if any(custom_field.id == text.strip() for custom_field in self.fields):
            return f"{FIELD_PREFIX}{text.strip()}"
        names = ", ".join([*synonyms.HEADERS, IGNORED, *(custom_field.title for custom_field in self.fields)])
        raise BadArguments(f"columns: {text[:80]!r} is nothing that can be imported; there is {names[:700]}.")


def map_columns(
    headers: Sequence[str], assignments: Mapping[str, str], fields: Sequence[CustomField]
) -> tuple[dict[str, str], list[str]]:
    """Return the target of each column by header, and the headers without one.

    `assignments` are targets by header that the user chose; every other header is mapped by its name.

    Raises:
        BadArguments: if an assignment names no column or no target, or two columns have the same target.
    """
    names = TargetNames.of(fields)
    targets = map_assignments(headers, assignments, names)
    for header in headers:
        target = names.find_for_header(header)
        if target and header not in targets and target not in targets.values():
            targets[header] = target
    counts = Counter(target for target in targets.values() if target != IGNORED)
    if any(count > 1 for count in counts.values()):
        raise BadArguments("columns: two columns are imported as the same.")
    return targets, [header for header in headers if header not in targets and header != EXTRA_CELLS]


def map_assignments(headers: Sequence[str], assignments: Mapping[str, str], names: TargetNames) -> dict[str, str]:
    """Return the targets that the user chose, by header.

    Raises:
        BadArguments: if an assignment names no column or no target.
    """
    by_name = {normalize_header(header): header for header in headers} | {header: header for header in headers}
    targets: dict[str, str] = {}
    for name, text in assignments.items():
        header = by_name.get(name) or by_name.get(normalize_header(name))
        if header is None:
            raise BadArguments(f"columns: there is no column {name[:80]!r}; there are {', '.join(headers)[:500]}.")
        targets[header] = names.require_assigned(text)
    return targets


async def prepare_table(
    headers: Sequence[str],
    rows: Sequence[Json],
    assignments: Mapping[str, str],
    fields: Sequence[CustomField],
    common: Json,
    tags: Mapping[str, str] = NO_TAGS,
) -> ImportTable:
    """Return the contacts of a table as the API takes them.

    `common` are the attributes that each contact gets, `tags` the tags that exist, by normalized name.

    Raises:
        BadArguments: if the columns cannot be mapped, or none holds the e-mail address.
    """
    columns, left_out = map_columns(headers, assignments, fields)
    if "email" not in columns.values():
        raise BadArguments(f"data: no column holds the e-mail address; there are {', '.join(headers)[:500]}.")
    by_id = {custom_field.id: custom_field for custom_field in fields}
    table = ImportTable(left_out=left_out)
    table.columns = {
        header: by_id[field_id(target)].title if target.startswith(FIELD_PREFIX) else target
        for header, target in columns.items()
        if target != IGNORED
    }
    contacts = await merge_rows(table, rows, lambda row: parse_contact(row, columns, by_id, tags), columns)
    spellings: dict[str, str] = {}
    table.rows = [complete_contact(contact, common, spellings) for contact in contacts]
    table.tags = {tag for contact in table.rows for tag in contact.get("tags", [])}
    return table


async def merge_rows(
    table: ImportTable, rows: Sequence[Json], parse: Callable[[Json], Json], columns: Mapping[str, str]
) -> Sequence[Json]:
    """Return the contacts that `parse` makes of the rows, one for each address; note in the table what became of rows.

    `columns` are the targets by header. Other calls get their turn between the rows.
    """
    contacts: dict[str, Json] = {}
    for number, row in enumerate(rows, 2):  # as spreadsheets count them: the first is the header
        if number % ROWS_A_TURN == 0:
            await checkpoint()
        try:
            contact = parse(row)
        except ValueError as error:
            table.rejected.append((row, str(error), number))
            continue
        table.cleaned += [(number, text) for text in describe_cleaned(row, columns, contact)]
        key = str(contact["email"]).casefold()
        if key in contacts:
            table.merged += 1
            merge(contacts[key], contact)
        else:
            contacts[key] = contact
    return list(contacts.values())


def complete_contact(contact: Json, common: Json, spellings: dict[str, str]) -> Json:
    """Return a parsed contact as the API takes it, with the attributes that each contact gets.

    `spellings` are the tags of earlier contacts by normalized name: a tag has one spelling in all of an import.
    """
    complete = {key: value for key, value in contact.items() if key != "fields"} | common
    tags = [spellings.setdefault(fold(tag), tag) for tag in (*contact.get("tags", []), *common.get("tags", []))]
    if tags:
        complete["tags"] = list(dict.fromkeys(tags))
    if values := contact.get("fields"):
        complete["fields"] = [{"id": int(id), "value": value} for id, value in values.items()]
    return complete


def parse_contact(
    row: Json, columns: Mapping[str, str], fields: Mapping[str, CustomField], tags: Mapping[str, str] = NO_TAGS
) -> Json:
    """Parse a row into a contact; empty cells are left out, `fields` of the contact is `{id: value}`.

    `columns` are the targets by header, `fields` the custom fields by id, `tags` as in `prepare_table`.

    Raises:
        ValueError: with the fault of the row.
    """
    contact: Json = {}
    if row.get(EXTRA_CELLS):
        raise ValueError("it has more cells than the header")
    for header, target in columns.items():
        text = str(row.get(header) or "").strip()
        if not text or target == IGNORED:
            continue
        if len(text) > MAX_CELL_LENGTH:
            raise ValueError(f"{header}: longer than {MAX_CELL_LENGTH} characters")
        if ERRORS.fullmatch(text):
            raise ValueError(f"{header}: {text[:20]} is an error of the spreadsheet, no value")
        if target.startswith(FIELD_PREFIX):
            contact.setdefault("fields", {})[field_id(target)] = field_value(fields[field_id(target)], text)
        elif target == "tags":
            contact["tags"] = [require_name(header, tag) for tag in split_tags(text, tags)]
        elif target == "name":
            contact = split_name(header, text) | contact  # columns for first and last name win
        elif target == "email":
            contact["email"] = parse_address(text)
        else:
            contact[API_NAMES[target]] = require_name(header, text)
    if "email" not in contact:
        raise ValueError("no e-mail address")
    return contact


def field_id(target: str) -> str:
    """Return the id of the custom field that is a target."""
    return target.removeprefix(FIELD_PREFIX)


def split_name(header: str, text: str) -> Json:
    """Return a full name as first name and, if there is more than one word, last name."""
    first, _, last = require_name(header, text).partition(" ")
    return {"first_name": first, "last_name": last.strip()} if last else {"first_name": first}


def split_tags(text: str, tags: Mapping[str, str]) -> list[str]:
    """Return the tags in a cell, each in the spelling of the tag that exists. One that exists is not split."""
    separator = r"\|\|" if "||" in text else r"[,;|]"
    names = [text] if fold(text) in tags else [tag for tag in map(str.strip, re.split(separator, text)) if tag]
    return [tags.get(fold(name), name) for name in names]


def require_name(header: str, text: str) -> str:
    """Return a name or a phone number without invisible characters that join nothing.

    Raises:
        ValueError: if nothing is left of it, it is longer than the API takes, or a spreadsheet has damaged it.
    """
    try:
        name = require_undamaged(parse_name(text))
    except ValueError as error:
        raise ValueError(f"{header}: {json.dumps(text[:80], ensure_ascii=False)} {error}") from None
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"{header}: longer than {MAX_NAME_LENGTH} characters")
    return name


def describe_cleaned(row: Json, columns: Mapping[str, str], contact: Json) -> list[str]:
    """Return the header of each cell that was cleaned, with what was read: `email "ann@x.example"`."""
    targets = {API_NAMES.get(target, target): header for header, target in columns.items() if target in CLEANED}
    cells = {key: str(row.get(header) or "").strip() for key, header in targets.items()}
    return [
        f"{targets[key]} {json.dumps(contact[key], ensure_ascii=False)}"
        for key, cell in cells.items()
        if cell and contact.get(key) not in (None, cell)
    ]


def field_value(custom_field: CustomField, text: str) -> str:
    """Parse a text into a value of a custom field.

    Raises:
        ValueError: if the field does not take it.
    """
    try:
        return custom_field.parse(text)
    except ValueError as error:
        raise ValueError(f"{custom_field.title} {error}") from None


def parse_address(text: str) -> str:
    """Return an e-mail address without what is put around it, or raise ValueError if it is none."""
    try:
        return parse_email(text)
    except ValueError as error:
        raise ValueError(f"{text[:80]!r} {error}") from None


def merge(contact: Json, later: Json) -> None:
    """Merge a later row of the same address into a contact: its values win, tags and custom fields add up."""
    tags = list(dict.fromkeys([*contact.get("tags", []), *later.get("tags", [])]))
    fields = {**contact.get("fields", {}), **later.get("fields", {})}
    contact |= later | {"email": contact["email"]}
    if tags:
        contact["tags"] = tags
    if fields:
        contact["fields"] = fields
