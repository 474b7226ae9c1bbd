"""How many contacts: by conditions the lists cannot combine, and broken down by tag, list, status, month or field."""

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
from ac_mcp.spec.resource import Resource

MOST_GROUPS = 60
"""Tags or lists that are counted one by one: those in use most."""
MOST_VALUES, LONGEST = 50, 100
MONTHS = 12
"""Months that are counted where no beginning is given."""
ROWS: Json = {"type": "array", "items": {"type": "object", "description": "With ids, and names where they are known"}}


def as_by(given: Json) -> Json | None:
    """What else people call the breakdown."""
    return next(({"by": given[name]} for name in ("field", "group_by", "breakdown") if given.get(name)), None)


FILTERS = ("tag", "list", "segment", "automation", "status")
"""Arguments of list_contacts that are conditions here."""


def as_where(given: Json) -> Json | None:
    """Those arguments as the conditions they are."""
    found = [f"{name}={given[name]}" for name in FILTERS if given.get(name)]
    return {"where": found} if found and "where" not in given else None


def of_field(given: Json) -> str:
    """A breakdown by a custom field tells its values."""
    by = str(given.get("by") or "").casefold()
    return "" if by in ("", "tag", "list", "status", "month", "created") else "Values of custom fields"


counts = Resource("count", "counts", (Text("count"),), group="bulk")


@dataclass(slots=True)
class Tally:
    """The groups of one breakdown, and whether all of them could be counted."""

    rows: list[Json] = field(default_factory=list[Json])
    note: str = ""


@counts.get(
    "/contacts",
    title="Count contacts by conditions, broken down",
    single=True,
    verbatim=True,
    says={"count": COUNT, "where": TEXTS, "by": ROWS, "based_on": TEXT, "as_of": TEXT},
    reveals=of_field,
    understands={"field": as_by, "group_by": as_by, "breakdown": as_by} | dict.fromkeys(FILTERS, as_where),
)
async def count_contacts(
    call: Call,
    where: Where | None = None,
    by: Annotated[str, About("Break down by tag, list, status, month or a custom field", "tag", show_example=False)]
    | None = None,
) -> Json:
    """Count contacts by combined conditions: on list A but without tag B, how many per tag, list, month or field value.
    Returns numbers only."""
    conditions: list[Condition] = [one for one in where or () if isinstance(one, Condition)]
    selection = ContactQuery(call.sender, conditions, call.watch)
    counted = await selection.count()
    told: Json = {"count": counted.number, "where": describe_conditions(conditions)}
    tally = await broken_down(call, conditions, by, counted) if by else Tally()
    told |= {"by": tally.rows} if by else {}
    notes = [tally.note] if tally.note else []
    if not counted.exact and not counted.read:
        told.pop("count")
        notes.insert(0, "How many is not known: it takes longer to find than a call may last.")
    elif not counted.exact:
        notes.insert(0, f"At least {counted.number}: time was up after {counted.read} contacts.")
    return told | based(call, counted.read) | ({"note": " ".join(notes)} if notes else {})


async def broken_down(call: Call, conditions: list[Condition], by: str, counted: ContactCount) -> Tally:
    kind = by.casefold().rstrip("s").removeprefix("created_") if by.casefold() != "status" else "status"
    if kind in ("tag", "list", "status"):
        return await by_kind(call, conditions, kind)
    if kind in ("month", "created"):
        return await by_month(call, conditions)
    rows = as_objects((await all_pages(call, lambda offset: list_fields(call, offset=offset), 1000)).get("fields"))
    named = {str(row.get("title")): str(row.get("id")) for row in rows}
    spelt = {name.casefold(): id for name, id in named.items()} | {id: id for id in named.values()}
    if by.casefold() not in spelt:
        raise BadArguments(f"by: {by[:80]!r} is none of tag, list, status, month, {', '.join(named)[:500]}.")
    return await by_value(call, conditions, spelt[by.casefold()], counted)


def based(call: Call, read: int, of: str = "contacts") -> Json:
    """What an answer is based on."""
    how = f"{read} {of} read one by one" if read else "counts of ActiveCampaign"
    return {"based_on": how, "as_of": call.watch.now().isoformat(" ", "minutes")}


async def by_kind(call: Call, conditions: list[Condition], by: str) -> Tally:
    """A count for each tag, list or status."""
    groups, left = await groups_of(call, conditions, by)
    tally = Tally(note=f"{left} more that hardly anybody has are not counted." if left else "")
    if by == "status" and any(one.key == "list" and not one.negative for one in conditions):
        tally.note = "The count is of those who are active on the list."
    elif by == "status":
        tally.note = "Of a status on any list: somebody may have several, and who is on no list has none."
    kept = [one for one in conditions if not (by == "status" and one.key == "status")]
    for place, (label, condition) in enumerate(groups):
        if call.watch.seconds_left() < SPARE:
            tally.note = f"{len(groups) - place} of {len(groups)} are not counted: time was up."
            break
        selection = ContactQuery(call.sender, [*kept, condition], call.watch)
        counted = await selection.count()
        if not counted.exact:
            tally.note = f"{len(groups) - place} of {len(groups)} are not counted: time was up."
            break
        tally.rows += [{**label, "contacts": counted.number}] if counted.number else []
        await call.progress(place + 1, len(groups))
    tally.rows.sort(key=lambda row: -row["contacts"])
    return tally


async def groups_of(call: Call, conditions: list[Condition], by: str) -> tuple[list[tuple[Json, Condition]], int]:
    """What to count by, each with its condition; and how many are left out."""
    if by == "status":
        words = [(word, code) for word, code in CONTACT_STATUS.items() if word != "any"]
        return [({"status": word}, Condition("status", code)) for word, code in words], 0
    if by == "tag":
        rows = (await all_pages(call, lambda offset: list_tags(call, offset=offset), 500))["tags"]
        key, name = "subscriber_count", "tag"
    else:
        rows = (await all_pages(call, lambda offset: list_lists(call, offset=offset), 500))["lists"]
        key, name = "active_subscribers", "name"
    most = sorted(as_objects(rows), key=lambda row: -as_int(row.get(key)))
    groups = [
        ({by: str(row.get(name)), f"{by}_id": str(row["id"])}, Condition(by, str(row["id"])))
        for row in most[:MOST_GROUPS]
    ]
    return groups, len(rows) - len(groups)


async def by_month(call: Call, conditions: list[Condition]) -> Tally:
    """By the month in which they were created; the last twelve where no beginning is asked for."""
    given = {one.key: one.value[:10] for one in conditions if one.key in ("created_after", "created_before")}
    now = call.watch.now()
    last = given.get("created_before", f"{now + timedelta(days=1):%Y-%m-%d}")
    until = datetime.fromisoformat(last)
    first = given.get("created_after", months_before(until - timedelta(days=1), MONTHS - 1))
    rest = [one for one in conditions if one.key not in given]
    spans = months(first, last)
    tally = Tally(note="" if given else f"The last {MONTHS} months; created_after in where asks for more.")
    if len(spans) > MOST_GROUPS:
        tally.note = f"The last {MOST_GROUPS} of {len(spans)} months."
    for begin, end in spans[-MOST_GROUPS:]:
        if call.watch.seconds_left() < SPARE:
            tally.note = f"From {begin[:7]} on nothing is counted: time was up."
            break
        span = [Condition("created_after", begin), Condition("created_before", end)]
        counted = await ContactQuery(call.sender, [*rest, *span], call.watch).count()
        if not counted.exact:
            tally.note = f"From {begin[:7]} on nothing is counted: time was up."
            break
        tally.rows.append({"month": begin[:7], "contacts": counted.number})
    return tally


def months_before(now: datetime, count: int) -> str:
    """The first day of the month so many before this one."""
    months = now.year * 12 + now.month - 1 - count
    return f"{months // 12}-{months % 12 + 1:02}-01"


def months(first: str, last: str) -> list[tuple[str, str]]:
    """The months between two days, each from its first day to that of the next, cut to what was asked for."""
    found: list[tuple[str, str]] = []
    begin = first
    while begin < last and len(found) < 1200:
        year, month = int(begin[:4]), int(begin[5:7])
        following = f"{year + month // 12}-{month % 12 + 1:02}-01"
        found.append((begin, min(following, last)))
        begin = following
    return found


async def by_value(call: Call, conditions: list[Condition], field: str, counted: ContactCount) -> Tally:
    """By the values of a custom field; several in one count for each of them."""
    selection = ContactQuery(call.sender, (), call.watch)
    rows = await selection.values({"filters[fieldid]": field})
    if conditions:
        asked = ContactQuery(call.sender, [*conditions, Condition(FIELD, "", True, field=field)], call.watch)
        ids = {as_int(row.get("id")) async for page in asked.pages() for row in page}
        selection.complete = selection.complete and asked.complete
        rows = [row for row in rows if as_int(row.get("contact")) in ids]
    values: Counter[str] = Counter()
    filled = 0
    for row in rows:
        parts = {part for part in str(row.get("value") or "").strip("|").split("||") if part.strip()}
        values.update(parts)
        filled += bool(parts)
    tally = Tally([{"value": value[:LONGEST], "contacts": count} for value, count in values.most_common(MOST_VALUES)])
    if counted.exact and selection.complete:
        tally.rows += [{"value": None, "contacts": counted.number - filled}] if counted.number > filled else []
    else:
        tally.note = "Not all values were read: time was up."
    if len(values) > MOST_VALUES:
        tally.note = f"{len(values) - MOST_VALUES} rarer values are left out. {tally.note}".strip()
    return tally
