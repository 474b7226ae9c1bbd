"""The sales pipeline in figures: values, rates and overdue deals, added up from all deals."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from ac_mcp.concurrency import gather
from ac_mcp.messages import Json, Request, as_int, as_object, as_objects
from ac_mcp.operations.counting import ROWS_SCHEMA, describe_basis
from ac_mcp.operations.pipelines import list_deal_stages
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import TEXT, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer
from ac_mcp.spec.paging import PAGE, Page, batches
from ac_mcp.spec.parameters import Day, OwnerRef, PipelineRef
from ac_mcp.spec.resource import Resource

UNTOUCHED_DAYS = 30
"""Days without a change after which an open deal has slipped."""
MAX_SLIPPED = 5
"""Slipped deals that an answer names: overdue ones first, then by value."""
PAGES_AT_ONCE = 4
"""Pages of deals that are read at the same time."""
TASK_OVERDUE = "task overdue"
"""The reason that is stronger than a deal being untouched."""
SPARE = 3.0
"""Seconds of a call's time that are left for the work after reading."""
FIGURES_SCHEMA: Json = {"type": "object", "description": "Figures; money in currency units, by currency"}
ID_KINDS = {"stage_id": "dealStages", "owner_id": "users", "pipeline_id": "dealGroups"}
"""What the ids in an answer belong to, by key."""

pipeline_summaries = Resource("summary", "summaries", (Text("result"),), group="bulk")


@dataclass(slots=True)
class DealGroup:
    """Figures of some open deals: of one stage, of one owner, or of all of them."""

    deals: int = 0
    value: Counter[str] = field(default_factory=Counter[str])
    """Cents by currency."""
    weighted: Counter[str] = field(default_factory=Counter[str])
    """Cents times the probability in percent, by currency."""
    with_probability: int = 0
    """Number of deals with a known probability."""
    ages: list[int] = field(default_factory=list[int])
    """Days since the creation of each deal."""

    def add(self, deal: Json, now: datetime) -> None:
        """Count one more deal."""
        currency, cents = str(deal.get("currency") or "").lower(), as_int(deal.get("value"))
        self.deals += 1
        self.value[currency] += cents
        probability = get_probability(deal)
        if probability is not None:
            self.with_probability += 1
            self.weighted[currency] += cents * probability
        age = get_days_since(deal.get("cdate"), now)
        if age is not None:
            self.ages.append(age)

    def to_json(self) -> Json:
        """Return the figures as the answer has them: money in currency units, and no key without a figure."""
        figures: Json = {"deals": self.deals, "value": to_currency_units(self.value)}
        if self.with_probability:
            figures["weighted_value"] = to_currency_units(self.weighted, 100)
            figures["with_probability"] = self.with_probability
        if self.ages:
            figures["average_age_days"] = round(sum(self.ages) / len(self.ages))
        return figures


def get_probability(deal: Json) -> int | None:
    """Return a deal's probability in percent: as ActiveCampaign computes it, else as a user has set it.

    A probability of 0 that a user has set means that none is set (reference 5.1).
    """
    if deal.get("winProbability") not in (None, ""):
        return min(100, max(0, as_int(deal["winProbability"])))
    return min(100, as_int(deal.get("percent"))) or None


def get_days_since(moment: Any, now: datetime) -> int | None:
    """Return the whole days since a moment, at least 0; None if the value is no date."""
    past = parse_moment(moment, now)
    return None if past is None else max(0, (now - past).days)


def parse_moment(value: Any, now: datetime) -> datetime | None:
    """Parse an ISO date and time, in the time zone of `now` if it has none; return None for any other value."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)


def to_currency_units(cents: Mapping[str, int], divisor: int = 1) -> Json:
    """Return sums of cents, divided by `divisor`, in currency units by currency; the largest sum comes first."""
    sums = sorted(cents.items(), key=lambda item: -item[1])
    return {currency: (Decimal(sum) / (100 * divisor)).quantize(Decimal("0.01")) for currency, sum in sums}


@pipeline_summaries.get(
    "/deals",
    title="Summarize the sales pipeline (totals)",
    answer=Answer(
        is_single=True,
        verbatim=True,
        names=ID_KINDS,
        says={
            "open": FIGURES_SCHEMA,
            "by_stage": ROWS_SCHEMA,
            "by_owner": ROWS_SCHEMA,
            "won": FIGURES_SCHEMA,
            "lost": FIGURES_SCHEMA,
            "slipped": FIGURES_SCHEMA,
            "win_rate": TEXT,
            "period": TEXT,
            "based_on": TEXT,
            "as_of": TEXT,
            "pipeline": TEXT,
            "pipeline_id": TEXT,
            "owner": TEXT,
            "owner_id": TEXT,
        },
    ),
)
async def summarize_pipeline(
    call: Call,
    pipeline: PipelineRef | None = None,
    owner: OwnerRef | None = None,
    since: Annotated[Day, About("Won and lost from YYYY-MM-DD", "2026-02-01", show_example=False)] | None = None,
) -> Json:
    """Summarize deals: what the pipeline is worth, value per stage and owner, win rate, won since a day, what slipped.
    Returns totals only."""
    filters = {"filters[group]": pipeline, "filters[owner]": owner}
    query = {key: value for key, value in filters.items() if value}
    closed_query = {**query, "filters[updated_after]": since} if since else query
    stages, won, lost = await gather(
        [
            list_deal_stages(call, pipeline),
            fetch_outcome(call, {**closed_query, "filters[status]": "1"}),
            fetch_outcome(call, {**closed_query, "filters[status]": "2"}),
        ]
    )
    deals, total = await fetch_open_deals(call, query)
    answer: Json = {key: id for key, id in (("pipeline_id", pipeline), ("owner_id", owner)) if id}
    stage_ids = [str(row.get("id")) for row in as_objects(stages.get("dealStages"))]
    answer |= summarize_open(deals, call.watch.now(), stage_ids, with_pipeline=not pipeline)
    answer |= {"won": won, "lost": lost}
    if closed := won["deals"] + lost["deals"]:
        answer["win_rate"] = format_rate(Decimal(won["deals"]) / closed)
    answer["period"] = f"won and lost: last changed since {since}" if since else "won and lost: of all time"
    answer |= describe_basis(call, len(deals), "open deals")
    notes = [f"Only {len(deals)} of {total} open deals were read: time was up."] if len(deals) < total else []
    if unreadable := sum("value" not in deal for deal in deals):
        notes.append(f"{unreadable} deals are unreadable: their contact or pipeline is gone.")
    if notes:
        answer["note"] = " ".join(notes)
    return answer


def summarize_open(deals: list[Json], now: datetime, stage_ids: list[str], *, with_pipeline: bool) -> Json:
    """Return the figures of open deals: of all, by stage in the order of `stage_ids`, by owner, and the slipped ones.

    With `with_pipeline` each stage has the id of its pipeline.
    """
    readable = [deal for deal in deals if "value" in deal]
    by_stage = summarize_by(readable, "stage", now)
    if with_pipeline:
        pipelines = {str(deal.get("stage") or ""): str(deal.get("group") or "") for deal in readable}
        by_stage = [{**row, "pipeline_id": pipelines[row["stage_id"]]} for row in by_stage]
    rank = {id: position for position, id in enumerate(stage_ids)}
    return {
        "open": summarize_all(readable, now),
        "by_stage": sorted(by_stage, key=lambda row: rank.get(row["stage_id"], len(rank))),
        "by_owner": sorted(summarize_by(readable, "owner", now), key=lambda row: -row["deals"]),
        "slipped": summarize_slipped(readable, now),
    }


def summarize_all(deals: Iterable[Json], now: datetime) -> Json:
    """Return the figures of all these deals together."""
    group = DealGroup()
    for deal in deals:
        group.add(deal, now)
    return group.to_json()


def summarize_by(deals: Iterable[Json], key: str, now: datetime) -> list[Json]:
    """Return the figures of these deals by `key`, which is "stage" or "owner": `{"stage_id": "3", "deals": 2, …}`."""
    groups: dict[str, DealGroup] = {}
    for deal in deals:
        groups.setdefault(str(deal.get(key) or ""), DealGroup()).add(deal, now)
    return [{f"{key}_id": id, **group.to_json()} for id, group in groups.items()]


async def fetch_open_deals(call: Call, query: Mapping[str, str]) -> tuple[list[Json], int]:
    """Fetch the open deals, as many as the call's time allows; return them and the number of all open deals."""
    open_query = {**query, "filters[status]": "0", "orders[id]": "ASC", "limit": str(PAGE)}

    async def fetch(offset: int) -> Page:
        return Page.of(await fetch_deals_page(call, {**open_query, "offset": str(offset)}), "deals")

    rows: list[Json] = []
    total = 0
    async for batch in batches(fetch, at_once=PAGES_AT_ONCE, has_time=lambda: call.watch.seconds_left() >= SPARE):
        total = total or batch[0].total
        rows += [row for page in batch for row in page.rows]
        if len(rows) > PAGE:
            await call.progress(len(rows), total)
    return rows, total


async def fetch_deals_page(call: Call, query: Mapping[str, str]) -> Json:
    """Fetch one page of deals, with the totals in its `meta`."""
    return (await call.sender.send(Request("GET", "/deals", query, repeatable=True))).body


async def fetch_outcome(call: Call, query: Mapping[str, str]) -> Json:
    """Fetch the number and value of matching deals, as ActiveCampaign adds them up: `{"deals": 2, "value": {…}}`."""
    meta = as_object((await fetch_deals_page(call, {**query, "limit": "1"})).get("meta"))
    currencies = as_object(meta.get("currencies"))
    cents = {currency.lower(): as_int(as_object(row).get("value")) for currency, row in currencies.items()}
    return {"deals": as_int(meta.get("total")), "value": to_currency_units(cents)}


def summarize_slipped(deals: Iterable[Json], now: datetime) -> Json:
    """Return the open deals whose next task is overdue or which nobody has changed for a month: counts and examples."""
    found: list[tuple[Json, str]] = []
    counts: Counter[str] = Counter(overdue_task=0, untouched_30_days=0)
    for deal in deals:
        overdue = is_overdue(deal.get("nextdate"), now)
        unchanged_days = get_days_since(deal.get("mdate"), now) or 0
        untouched = unchanged_days >= UNTOUCHED_DAYS
        counts["overdue_task"] += overdue
        counts["untouched_30_days"] += untouched
        if overdue or untouched:
            found.append((deal, TASK_OVERDUE if overdue else f"untouched for {unchanged_days} days"))
    found.sort(key=lambda item: (item[1] != TASK_OVERDUE, -as_int(item[0].get("value")), as_int(item[0].get("id"))))
    rows = [summarize_deal(deal, reason) for deal, reason in found[:MAX_SLIPPED]]
    summary: Json = dict(counts)
    if len(found) > len(rows):
        summary["shown"] = f"{len(rows)} of {len(found)}"
    return summary | {"deals": rows}


def summarize_deal(deal: Json, reason: str) -> Json:
    """Return a slipped deal as the answer names it, with the reason."""
    return {
        "id": str(deal.get("id")),
        "title": str(deal.get("title") or "")[:100],
        "value": (Decimal(as_int(deal.get("value"))) / 100).quantize(Decimal("0.01")),
        "currency": str(deal.get("currency") or ""),
        "stage_id": str(deal.get("stage") or ""),
        "owner_id": str(deal.get("owner") or ""),
        "why": reason,
    }


def is_overdue(value: Any, now: datetime) -> bool:
    """Return whether a value is a moment in the past."""
    due = parse_moment(value, now)
    return due is not None and due < now


def format_rate(rate: Decimal) -> str:
    """Return a fraction in per cent, as list_campaigns shows rates: "12.5%"."""
    return f"{rate:.1%}"
