"""Counts of contacts: by combined conditions, and broken down by tag, list, status, month or custom field."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.filters.conditions import CONTACT_STATUS, FIELD, Condition
from ac_mcp.filters.contact_query import SPARE, ContactCount, ContactQuery, describe_conditions
from ac_mcp.messages import Json, as_int, as_objects
from ac_mcp.operations.fields import list_fields
from ac_mcp.operations.jobs import Where
from ac_mcp.operations.lists import list_lists
from ac_mcp.operations.tags import list_tags
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Text
from ac_mcp.spec.operation import Call, all_pages
from ac_mcp.spec.options import Answer, Understood
from ac_mcp.spec.resource import Resource
from ac_mcp.spec.values import MULTIPLE_CHOICE

MAX_GROUPS = 60
"""Tags, lists or months that one answer counts; of tags and lists those with most contacts."""
MAX_VALUES = 50
"""Values of a custom field that one answer counts: the most frequent."""
MAX_VALUE_LENGTH = 100
"""Characters of such a value that are shown."""
MAX_ROWS = 500
"""Tags or lists that are read to find the ones with most contacts."""
MAX_FIELDS = 1000
"""Custom fields among which the one to break down by is looked for."""
MAX_MONTHS = 1200
"""Months in one period: a bound on the loop that makes them."""
DEFAULT_MONTHS = 12
"""Months that are counted where the conditions give no first day."""
ROWS_SCHEMA: Json = {
    "type": "array",
    "items": {"type": "object", "description": "With ids, and names where they are known"},
}


def to_by_argument(arguments: Json) -> Json | None:
    """Return `by` in place of another word for the breakdown, or None where no such word has a value."""
    return next(({"by": arguments[name]} for name in ("field", "group_by", "breakdown") if arguments.get(name)), None)


FILTERS = ("tag", "list", "segment", "automation", "status")
"""Arguments of list_contacts that are conditions of `where` in this module."""


def to_where_argument(arguments: Json) -> Json | None:
    """Return the filters of list_contacts as conditions of `where`, or None where `where` is present already."""
    conditions = [f"{name}={arguments[name]}" for name in FILTERS if arguments.get(name)]
    return {"where": conditions} if conditions and "where" not in arguments else None


def describe_revealed_text(arguments: Json) -> str:
    """Return which free text an answer would reveal: a breakdown by a custom field shows its values. "" for none."""
    by = str(arguments.get("by") or "").casefold()
    return "" if by in ("", "tag", "list", "status", "month", "created") else "Values of custom fields"


counts = Resource("count", "counts", (Text("count"),), group="bulk")


@dataclass(slots=True)
class Tally:
    """The groups of one breakdown, each with its number of contacts."""

    rows: list[Json] = field(default_factory=list[Json])
    note: str = ""
    """What the rows leave out, if anything."""


@counts.get(
    "/contacts",
    title="Count contacts by conditions, broken down",
    answer=Answer(
        is_single=True,
        verbatim=True,
        says={"count": COUNT, "where": TEXTS, "by": ROWS_SCHEMA, "based_on": TEXT, "as_of": TEXT},
    ),
    understood=Understood(
        reveals=describe_revealed_text,
        instead={"field": to_by_argument, "group_by": to_by_argument, "breakdown": to_by_argument}
        | dict.fromkeys(FILTERS, to_where_argument),
    ),
)
async def count_contacts(
    call: Call,
    where: Where | None = None,
    by: Annotated[str, About("Break down by tag, list, status, month or a custom field", "tag", show_example=False)]
    | None = None,
) -> Json:
    """Count contacts by combined conditions: on list A but without tag B, how many per tag, list, month or field value.
    Returns numbers only."""
    conditions: list[Condition] = [condition for condition in where or () if isinstance(condition, Condition)]
    count = await ContactQuery(call.sender, conditions, call.watch).count()
    tally = await count_by(call, conditions, by, count) if by else Tally()
    notes = [tally.note] if tally.note else []
    answer: Json = {"count": count.number, "where": describe_conditions(conditions)}
    if by:
        answer["by"] = tally.rows
    if not count.exact and not count.read:
        answer.pop("count")
        notes.insert(0, "How many is not known: it takes longer to find than a call may last.")
    elif not count.exact:
        notes.insert(0, f"At least {count.number}: time was up after {count.read} contacts.")
    answer |= describe_basis(call, count.read)
    if notes:
        answer["note"] = " ".join(notes)
    return answer


async def count_by(call: Call, conditions: list[Condition], by: str, count: ContactCount) -> Tally:
    """Break a count down by what `by` names: tag, list, status, month, or the title or id of a custom field.

    Raises:
        BadArguments: if `by` names none of these.
    """
    kind = by.casefold().rstrip("s").removeprefix("created_") if by.casefold() != "status" else "status"
    if kind in ("tag", "list", "status"):
        return await count_by_kind(call, conditions, kind)
    if kind in ("month", "created"):
        return await count_by_month(call, conditions)
    payload = await all_pages(call, lambda offset: list_fields(call, offset=offset), MAX_FIELDS)
    titles = {str(row.get("title")): str(row.get("id")) for row in as_objects(payload.get("fields"))}
    ids = {title.casefold(): id for title, id in titles.items()} | {id: id for id in titles.values()}
    if by.casefold() not in ids:
        raise BadArguments(f"by: {by[:80]!r} is none of tag, list, status, month, {', '.join(titles)[:500]}.")
    field = ids[by.casefold()]
    row = next(row for row in as_objects(payload.get("fields")) if str(row.get("id")) == field)
    return await count_by_value(call, conditions, field, count, several=row.get("type") in MULTIPLE_CHOICE)


def describe_basis(call: Call, read: int, of: str = "contacts") -> Json:
    """Return what an answer is based on: `{"based_on": "120 contacts read one by one", "as_of": "2026-02-01 09:00"}`.

    Without any rows read one by one, the answer is based on ActiveCampaign's own counts.
    """
    basis = f"{read} {of} read one by one" if read else "counts of ActiveCampaign"
    return {"based_on": basis, "as_of": call.watch.now().isoformat(" ", "minutes")}


async def count_by_kind(call: Call, conditions: list[Condition], by: str) -> Tally:
    """Count the contacts with each tag, on each list or of each status, as long as the call has time."""
    groups, left_out = await fetch_groups(call, by)
    tally = Tally(note=f"{left_out} more that hardly anybody has are not counted." if left_out else "")
    if by == "status" and any(condition.key == "list" and not condition.negative for condition in conditions):
        tally.note = "The count is of those who are active on the list."
    elif by == "status":
        tally.note = "Of a status on any list: somebody may have several, and who is on no list has none."
    remaining = [condition for condition in conditions if not (by == "status" and condition.key == "status")]
    for position, (label, condition) in enumerate(groups):
        if call.watch.seconds_left() < SPARE:
            tally.note = f"{len(groups) - position} of {len(groups)} are not counted: time was up."
            break
        count = await ContactQuery(call.sender, [*remaining, condition], call.watch).count()
        if not count.exact:
            tally.note = f"{len(groups) - position} of {len(groups)} are not counted: time was up."
            break
        if count.number:
            tally.rows.append({**label, "contacts": count.number})
        await call.progress(position + 1, len(groups))
    tally.rows.sort(key=lambda row: -row["contacts"])
    return tally


async def fetch_groups(call: Call, by: str) -> tuple[list[tuple[Json, Condition]], int]:
    """Fetch the tags, lists or statuses to count, each with its label and condition; and how many are left out.

    A label is a part of the answer: `{"tag": "VIP", "tag_id": "3"}`.
    """
    if by == "status":
        codes = [(word, code) for word, code in CONTACT_STATUS.items() if word != "any"]
        return [({"status": word}, Condition("status", code)) for word, code in codes], 0
    if by == "tag":
        rows = (await all_pages(call, lambda offset: list_tags(call, offset=offset), MAX_ROWS))["tags"]
        size, name = "subscriber_count", "tag"
    else:
        rows = (await all_pages(call, lambda offset: list_lists(call, offset=offset), MAX_ROWS))["lists"]
        size, name = "active_subscribers", "name"
    largest = sorted(as_objects(rows), key=lambda row: -as_int(row.get(size)))
    groups = [
        ({by: str(row.get(name)), f"{by}_id": str(row["id"])}, Condition(by, str(row["id"])))
        for row in largest[:MAX_GROUPS]
    ]
    return groups, len(rows) - len(groups)


async def count_by_month(call: Call, conditions: list[Condition]) -> Tally:
    """Count contacts by the month of their creation; without `created_after` the last twelve months."""
    bounds = {
        condition.key: condition.value[:10]
        for condition in conditions
        if condition.key in ("created_after", "created_before")
    }
    last = bounds.get("created_before", f"{call.watch.now() + timedelta(days=1):%Y-%m-%d}")
    until = datetime.fromisoformat(last)
    first = bounds.get("created_after", get_month_start(until - timedelta(days=1), DEFAULT_MONTHS - 1))
    others = [condition for condition in conditions if condition.key not in bounds]
    months = split_months(first, last)
    tally = Tally(note="" if bounds else f"The last {DEFAULT_MONTHS} months; created_after in where asks for more.")
    if len(months) > MAX_GROUPS:
        tally.note = f"The last {MAX_GROUPS} of {len(months)} months."
    for begin, end in months[-MAX_GROUPS:]:
        if call.watch.seconds_left() < SPARE:
            tally.note = f"From {begin[:7]} on nothing is counted: time was up."
            break
        month = [Condition("created_after", begin), Condition("created_before", end)]
        count = await ContactQuery(call.sender, [*others, *month], call.watch).count()
        if not count.exact:
            tally.note = f"From {begin[:7]} on nothing is counted: time was up."
            break
        tally.rows.append({"month": begin[:7], "contacts": count.number})
    return tally


def get_month_start(day: datetime, count: int) -> str:
    """Return the first day (YYYY-MM-DD) of the month that lies `count` months before a day's own."""
    months = day.year * 12 + day.month - 1 - count
    return f"{months // 12}-{months % 12 + 1:02}-01"


def split_months(first: str, last: str) -> list[tuple[str, str]]:
    """Split the period from `first` up to `last` at the first of each month; return (begin, end) days, end excluded."""
    months: list[tuple[str, str]] = []
    begin = first
    while begin < last and len(months) < MAX_MONTHS:
        year, month = int(begin[:4]), int(begin[5:7])
        following = f"{year + month // 12}-{month % 12 + 1:02}-01"
        months.append((begin, min(following, last)))
        begin = following
    return months


async def count_by_value(
    call: Call, conditions: list[Condition], field: str, count: ContactCount, *, several: bool
) -> Tally:
    """Count contacts by the values of a custom field; where it holds `several`, a contact counts for each of them.

    The row with the value None holds the contacts without one; it needs an exact `count` of all contacts.
    """
    field_query = ContactQuery(call.sender, (), call.watch)
    rows = await field_query.values({"filters[fieldid]": field})
    complete = field_query.complete
    if conditions:
        filled_field = Condition(FIELD, "", True, field=field)
        contact_query = ContactQuery(call.sender, [*conditions, filled_field], call.watch)
        ids = {as_int(row.get("id")) async for page in contact_query.pages() for row in page}
        complete = complete and contact_query.complete
        rows = [row for row in rows if as_int(row.get("contact")) in ids]
    values: Counter[str] = Counter()
    filled = 0
    for row in rows:
        value = str(row.get("value") or "")
        parts = {part for part in (value.strip("|").split("||") if several else [value]) if part.strip()}
        values.update(parts)
        filled += bool(parts)
    frequent = values.most_common(MAX_VALUES)
    tally = Tally([{"value": value[:MAX_VALUE_LENGTH], "contacts": number} for value, number in frequent])
    if not (count.exact and complete):
        tally.note = "Not all values were read: time was up."
    elif count.number > filled:
        tally.rows.append({"value": None, "contacts": count.number - filled})
    if len(values) > MAX_VALUES:
        tally.note = f"{len(values) - MAX_VALUES} rarer values are left out. {tally.note}".strip()
    return tally
