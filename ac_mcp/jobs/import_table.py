"""Rows of people as spreadsheets hold them, and as the import takes them: read, mapped, checked, merged. Pure."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.spec.parameters import require_email

MOST_ROWS = 100_000
LONGEST_CELL, LONGEST_NAME = 10_000, 255
IGNORED = "ignore"
NAMES: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "emailaddress", "mail", "emailadresse", "correo", "courriel"),
    "first_name": ("firstname", "givenname", "forename", "vorname", "prenom"),
    "last_name": ("lastname", "surname", "familyname", "nachname"),
    "name": ("name", "fullname", "contactname"),
    "phone": ("phone", "phonenumber", "mobile", "telephone", "tel", "telefon"),
    "account": ("account", "company", "companyname", "organization", "organisation", "firma", "customeracctname"),
    "tags": ("tags", "tag", "labels", "schlagworte", "schlagworter", "etiketten"),
}
"""What columns are called that mean one of ours."""
WIRE = {"first_name": "first_name", "last_name": "last_name", "phone": "phone", "account": "customer_acct_name"}


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field of the account, and what makes a text a value of it (a ValueError says what it takes)."""

    id: str
    title: str
    names: tuple[str, ...]
    value: Callable[[str], str]


@dataclass(slots=True)
class ImportTable:
    """`rows` as the API takes them, one for each address; `rejected` with the row as it was, why, and its number."""

    rows: list[Json] = field(default_factory=list[Json])
    rejected: list[tuple[Json, str, int]] = field(default_factory=list[tuple[Json, str, int]])
    merged: int = 0
    columns: dict[str, str] = field(default_factory=dict[str, str])
    """By header, what it is imported as."""
    left_out: list[str] = field(default_factory=list[str])
    """Headers that stand for nothing here."""
    tags: set[str] = field(default_factory=set[str])


def normalize_header(header: str) -> str:
    """Without case, accents and whatever is no letter or figure."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return re.sub(r"[\W_]", "", letters) or header.strip().casefold()


def parse_table(text: str) -> tuple[list[str], list[Json]]:
    """Headers and rows of CSV text, or of a JSON list of objects.

    Raises:
        BadArguments: where it is neither, or too much.
    """
    body = text.lstrip("\ufeff").strip()
    if not body:
        raise BadArguments("data: there are no rows in it.")
    rows = from_json(body) if body[0] in "[{" else from_csv(body)
    if len(rows) > MOST_ROWS:
        raise BadArguments(f"data: {len(rows)} rows are more than one import takes; at most {MOST_ROWS}.")
    if not rows:
        raise BadArguments("data: there are no rows in it, only a header.")
    return list(dict.fromkeys(key for row in rows for key in row)), rows


def from_json(body: str) -> list[Json]:
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        said = [json_line(line) for line in body.splitlines() if line.strip()]
    several = cast("list[Any]", said) if isinstance(said, list) else [said]
    if not several or not all(isinstance(one, dict) for one in several):
        raise BadArguments('data: JSON has to be a list of objects, such as [{"email": "ann@example.com"}].')
    return [{str(key): cell(value) for key, value in cast("Json", one).items()} for one in several]


def json_line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise BadArguments("data: it begins like JSON and is none.") from None


def cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case list() if not any(isinstance(one, list | dict) for one in cast("list[Any]", value)):
            return "||".join(cell(one) for one in cast("list[Any]", value))
        case bool() | dict() | list():
            return json.dumps(value)[:LONGEST_CELL]
        case _:
            return str(cast("object", value)).strip().encode("utf-8", "replace").decode()


def from_csv(body: str) -> list[Json]:
    """With a header line; one column of addresses needs none."""
    if told := re.match(r"sep=(.)\r?\n", body):  # a line that is for Excel alone
        body = body[told.end() :]
    first = re.sub(r'"[^"]*"', "", body.partition("\n")[0])
    delimiter = max(",;\t|", key=first.count)
    if first.count(delimiter) == 0:
        delimiter = ","
    csv.field_size_limit(max(csv.field_size_limit(), 1_000_000))
    try:
        lines = list(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadArguments(f"data: it cannot be read as CSV: {error}.") from None
    header = [name.strip() or f"(column {place})" for place, name in enumerate(lines[0], 1)]
    if "@" in lines[0][0] and len(header) == 1:
        header, lines = ["email"], [["email"], *lines]
    if twice := [name for name in header if name and header.count(name) > 1]:
        raise BadArguments(f"data: two columns are called {twice[0][:80]!r}.")
    return [row for line in lines[1:] if (row := row_of_line(header, line))]


def row_of_line(header: list[str], line: list[str]) -> Json:
    """Empty for an empty line; what stands past the last header is kept so that it can be told."""
    if not any(part.strip() for part in line):
        return {}
    row = {name: part.strip() for name, part in zip(header, line, strict=False)}
    extra = [part for part in line[len(header) :] if part.strip()]
    return row | ({MORE: "; ".join(extra)} if extra else {})


MORE = "(more cells than the header has)"


def map_columns(
    headers: Sequence[str], asked: Mapping[str, str], fields: Sequence[CustomField]
) -> tuple[dict[str, str], list[str]]:
    """What each column is imported as: one of ours, or `field:ID`; and which are not.

    Raises:
        BadArguments: for an assignment that names no column, or nothing that can be imported.
    """
    ids = {one.id: f"field:{one.id}" for one in fields}
    known = {name: ours for ours, names in NAMES.items() for name in names}
    known |= {ours: ours for ours in NAMES} | {normalize_header(ours): ours for ours in NAMES}
    custom = {normalize_header(name): f"field:{one.id}" for one in fields for name in one.names}
    spelt = {normalize_header(header): header for header in headers} | {header: header for header in headers}
    told: dict[str, str] = {}
    for given, target in asked.items():
        header = spelt.get(given) or spelt.get(normalize_header(given))
        if header is None:
            raise BadArguments(f"columns: there is no column {given[:80]!r}; there are {', '.join(headers)[:500]}.")
        aim = IGNORED if target.strip().casefold() in ("", IGNORED) else known.get(normalize_header(target))
        aim = aim or custom.get(normalize_header(target)) or ids.get(target.strip())
        if aim is None:
            those = ", ".join([*NAMES, IGNORED, *(one.title for one in fields)])
            raise BadArguments(f"columns: {target[:80]!r} is nothing that can be imported; there is {those[:700]}.")
        told[header] = aim
    for header in headers:
        aim = known.get(normalize_header(header)) or custom.get(normalize_header(header))
        if aim and header not in told and aim not in told.values():
            told[header] = aim
    if len({aim for aim in told.values() if aim != IGNORED}) < len([aim for aim in told.values() if aim != IGNORED]):
        raise BadArguments("columns: two columns are imported as the same.")
    return told, [header for header in headers if header not in told and header != MORE]


def prepare_table(
    headers: Sequence[str],
    rows: Sequence[Json],
    asked: Mapping[str, str],
    fields: Sequence[CustomField],
    beside: Json,
    tags: Collection[str] = (),
) -> ImportTable:
    """The rows as the API takes them; `beside` goes with each of them, `tags` are those there are."""
    columns, left_out = map_columns(headers, asked, fields)
    if "email" not in columns.values():
        raise BadArguments(f"data: no column holds the e-mail address; there are {', '.join(headers)[:500]}.")
    by_id = {one.id: one for one in fields}
    done = ImportTable(left_out=left_out)
    done.columns = {
        header: by_id[aim[6:]].title if aim.startswith("field:") else aim
        for header, aim in columns.items()
        if aim != IGNORED
    }
    people: dict[str, Json] = {}
    for number, row in enumerate(rows, 2):  # as spreadsheets count them: the first is the header
        try:
            one = person(row, columns, by_id, tags)
        except ValueError as error:
            done.rejected.append((row, str(error), number))
            continue
        key = str(one["email"]).casefold()
        if key in people:
            done.merged += 1
            merge(people[key], one)
        else:
            people[key] = one
    for one in people.values():
        worn = list(dict.fromkeys([*one.get("tags", []), *beside.get("tags", [])]))
        done.tags |= set(worn)
        values = [{"id": int(id), "value": value} for id, value in one.pop("fields", {}).items()]
        more = ({"tags": worn} if worn else {}) | ({"fields": values} if values else {})
        done.rows.append({**one, **beside, **more})
    return done


def person(
    row: Json, columns: Mapping[str, str], fields: Mapping[str, CustomField], known: Collection[str] = ()
) -> Json:
    """One row as the API takes it; empty cells say nothing.

    Raises:
        ValueError: that says what is wrong with it.
    """
    said: Json = {}
    if row.get(MORE):
        raise ValueError("it has more cells than the header")
    for header, aim in columns.items():
        text = str(row.get(header) or "").strip()
        if not text or aim == IGNORED:
            continue
        if len(text) > LONGEST_CELL:
            raise ValueError(f"{header}: longer than {LONGEST_CELL} characters")
        if aim.startswith("field:"):
            said.setdefault("fields", {})[aim[6:]] = field_value(fields[aim[6:]], text)
        elif aim == "tags":
            said["tags"] = split_tags(text, known)
        elif aim == "name":
            first, _, last = text.partition(" ")
            said = {"first_name": require_short(header, first), **({"last_name": last.strip()} if last else {}), **said}
        elif aim == "email":
            said["email"] = parse_address(text)
        else:
            said[WIRE[aim]] = require_short(header, text)
    if "email" not in said:
        raise ValueError("no e-mail address")
    return said


def split_tags(text: str, known: Collection[str]) -> list[str]:
    """Tags in one cell; a name with a comma in it that there is already stays whole."""
    if " ".join(text.casefold().split()) in known:
        return [text]
    between = r"\|\|" if "||" in text else r"[,;|]"
    return [part for part in map(str.strip, re.split(between, text)) if part]


def require_short(header: str, text: str) -> str:
    if len(text) > LONGEST_NAME:
        raise ValueError(f"{header}: longer than {LONGEST_NAME} characters")
    return text


def field_value(one: CustomField, text: str) -> str:
    try:
        value = one.value(text)
    except ValueError as error:
        raise ValueError(f"{one.title} {error}") from None
    return f"||{value.strip('|')}||" if "||" in value.strip("|") else value


def parse_address(text: str) -> str:
    try:
        return require_email(text.removeprefix("mailto:"))
    except ValueError as error:
        raise ValueError(f"{text[:80]!r} {error}") from None


def merge(first: Json, later: Json) -> None:
    """What stands later in the file wins, where it says something; tags add up."""
    tags = list(dict.fromkeys([*first.get("tags", []), *later.get("tags", [])]))
    fields = {**first.get("fields", {}), **later.get("fields", {})}
    email = first["email"]
    first |= later | {"email": email} | ({"tags": tags} if tags else {}) | ({"fields": fields} if fields else {})
