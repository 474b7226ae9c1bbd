"""The sales pipeline in figures that would otherwise be added up from rows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from ac_mcp.concurrency import gather
from ac_mcp.messages import Json, Request, as_int, as_object, as_objects
from ac_mcp.operations.counting import ROWS, based
from ac_mcp.operations.pipelines import list_deal_stages
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import TEXT, Text
from ac_mcp.spec.operation import PAGE, Call
from ac_mcp.spec.parameters import Day, OwnerRef, PipelineRef
from ac_mcp.spec.resource import Resource

UNTOUCHED = 30
"""Days without a change after which an open deal has slipped."""
SHOWN = 5
"""Slipped deals that are named: those worth most."""
LATE = "task overdue"
SPARE = 3.0
"""Seconds of its own a call keeps for what comes after reading."""
OBJECT: Json = {"type": "object", "description": "Figures; money in currency units, by currency"}
WHOSE = {"stage_id": "dealStages", "owner_id": "users", "pipeline_id": "dealGroups"}

pipeline_summaries = Resource("summary", "summaries", (Text("result"),), group="bulk")


@dataclass(slots=True)
class Group:
    """Open deals of one stage, of one owner, or all of them; money in cents by currency."""

    deals: int = 0
    value: Counter[str] = field(default_factory=Counter[str])
    weighted: Counter[str] = field(default_factory=Counter[str])
    judged: int = 0
    """Deals of which it is known how probable they are."""
    days: list[int] = field(default_factory=list[int])

    def add(self, deal: Json, now: datetime) -> None:
        currency, cents = str(deal.get("currency") or "").lower(), as_int(deal.get("value"))
        self.deals += 1
        self.value[currency] += cents
        if (chance := probability(deal)) is not None:
            self.judged += 1
            self.weighted[currency] += cents * chance
        if (age := days_since(deal.get("cdate"), now)) is not None:
            self.days.append(age)

    @property
    def told(self) -> Json:
        said: Json = {"deals": self.deals, "value": money(self.value)}
        said |= {"weighted_value": money(self.weighted, 100), "with_probability": self.judged} if self.judged else {}
        return said | ({"average_age_days": round(sum(self.days) / len(self.days))} if self.days else {})


def probability(deal: Json) -> int | None:
    """Percent: as ActiveCampaign computes it, else as somebody has set it; 0 by hand is nothing set (reference 5.1)."""
    if deal.get("winProbability") not in (None, ""):
        return min(100, max(0, as_int(deal["winProbability"])))
    return min(100, as_int(deal.get("percent"))) or None


def days_since(moment: Any, now: datetime) -> int | None:
    """Whole days; None for no date."""
    try:
        then = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return max(0, (now - (then if then.tzinfo else then.replace(tzinfo=now.tzinfo))).days)


def money(cents: Mapping[str, int], times: int = 1) -> Json:
    """In currency units, the largest sum first."""
    units = sorted(cents.items(), key=lambda one: -one[1])
    return {currency: (Decimal(sum) / (100 * times)).quantize(Decimal("0.01")) for currency, sum in units}


@pipeline_summaries.get(
    "/deals",
    title="Summarize the sales pipeline (totals)",
    single=True,
    verbatim=True,
    names=WHOSE,
    says={
        "open": OBJECT, "by_stage": ROWS, "by_owner": ROWS, "won": OBJECT, "lost": OBJECT, "slipped": OBJECT,
        "win_rate": TEXT, "period": TEXT, "based_on": TEXT, "as_of": TEXT, "pipeline": TEXT,
        "pipeline_id": TEXT, "owner": TEXT, "owner_id": TEXT,
    },
)  # fmt: skip
async def summarize_pipeline(
    call: Call,
    pipeline: PipelineRef | None = None,
    owner: OwnerRef | None = None,
    since: Annotated[Day, About("Won and lost from YYYY-MM-DD", "2026-02-01", show_example=False)] | None = None,
) -> Json:
    """Summarize deals: what the pipeline is worth, value per stage and owner, win rate, won since a day, what slipped.
    Returns totals only."""
    narrowed = {"filters[group]": pipeline, "filters[owner]": owner}
    whose = {key: value for key, value in narrowed.items() if value}
    ended = {**whose, **({"filters[updated_after]": since} if since else {})}
    stages, won, lost = await gather(
        [
            list_deal_stages(call, pipeline),
            outcome(call, {**ended, "filters[status]": "1"}),
            outcome(call, {**ended, "filters[status]": "2"}),
        ]
    )
    deals, total = await open_deals(call, whose)
    told: Json = {"pipeline_id": pipeline} if pipeline else {}
    told |= {"owner_id": owner} if owner else {}
    order = [str(row.get("id")) for row in as_objects(stages.get("dealStages"))]
    told |= of_open(deals, call.watch.now(), order, places=not pipeline) | {"won": won, "lost": lost}
    if closed := won["deals"] + lost["deals"]:
        told["win_rate"] = rounded(Decimal(won["deals"]) / closed)
    told["period"] = f"won and lost: last changed since {since}" if since else "won and lost: of all time"
    notes = [f"Only {len(deals)} of {total} open deals were read: time was up."] if len(deals) < total else []
    if gone := sum("value" not in deal for deal in deals):
        notes.append(f"{gone} deals are unreadable: their contact or pipeline is gone.")
    return told | based(call, len(deals), "open deals") | ({"note": " ".join(notes)} if notes else {})


def of_open(deals: list[Json], now: datetime, order: list[str], *, places: bool) -> Json:
    """What the open deals come to; with `places` each stage tells its pipeline."""
    readable = [deal for deal in deals if "value" in deal]
    by_stage = grouped(readable, "stage", now)
    if places:
        pipelines = {str(deal.get("stage") or ""): str(deal.get("group") or "") for deal in readable}
        by_stage = [{**row, "pipeline_id": pipelines[row["stage_id"]]} for row in by_stage]
    rank = {id: place for place, id in enumerate(order)}
    return {
        "open": overall(readable, now),
        "by_stage": sorted(by_stage, key=lambda row: rank.get(row["stage_id"], len(rank))),
        "by_owner": sorted(grouped(readable, "owner", now), key=lambda row: -row["deals"]),
        "slipped": slipped(readable, now),
    }


def overall(deals: Iterable[Json], now: datetime) -> Json:
    group = Group()
    for deal in deals:
        group.add(deal, now)
    return group.told


def grouped(deals: Iterable[Json], key: str, now: datetime) -> list[Json]:
    groups: dict[str, Group] = {}
    for deal in deals:
        groups.setdefault(str(deal.get(key) or ""), Group()).add(deal, now)
    return [{f"{key}_id": id, **group.told} for id, group in groups.items()]


async def open_deals(call: Call, query: Mapping[str, str]) -> tuple[list[Json], int]:
    """All of them as far as the time of the call allows; and how many there are."""
    asked = {**query, "filters[status]": "0", "orders[id]": "ASC", "limit": str(PAGE)}
    first = await deals_page(call, {**asked, "offset": "0"})
    rows, total = as_objects(first.get("deals")), as_int(as_object(first.get("meta")).get("total"))
    for start in range(PAGE, total, PAGE * 4):
        if call.watch.seconds_left() < SPARE:
            break
        places = range(start, min(start + PAGE * 4, total), PAGE)
        pages = await gather([deals_page(call, {**asked, "offset": str(place)}) for place in places])
        rows += [row for page in pages for row in as_objects(page.get("deals"))]
        await call.progress(len(rows), total)
    return rows, total


async def deals_page(call: Call, query: Mapping[str, str]) -> Json:
    return (await call.sender.send(Request("GET", "/deals", query, repeatable=True))).body


async def outcome(call: Call, query: Mapping[str, str]) -> Json:
    """Number and value of deals that were won, or lost, as ActiveCampaign adds them up."""
    meta = as_object((await deals_page(call, {**query, "limit": "1"})).get("meta"))
    currencies = {
        name.lower(): as_int(as_object(row).get("value")) for name, row in as_object(meta.get("currencies")).items()
    }
    return {"deals": as_int(meta.get("total")), "value": money(currencies)}


def slipped(deals: Iterable[Json], now: datetime) -> Json:
    """Open deals whose next task is overdue, or which nobody has changed for a month."""
    found: list[tuple[Json, str]] = []
    counts: Counter[str] = Counter(overdue_task=0, untouched_30_days=0)
    for deal in deals:
        late = overdue(deal.get("nextdate"), now)
        old = (days_since(deal.get("mdate"), now) or 0) >= UNTOUCHED
        counts["overdue_task"] += late
        counts["untouched_30_days"] += old
        if late or old:
            found.append((deal, LATE if late else f"untouched for {days_since(deal.get('mdate'), now)} days"))
    found.sort(key=lambda one: (one[1] != LATE, -as_int(one[0].get("value")), as_int(one[0].get("id"))))
    named = [
        {
            "id": str(deal.get("id")),
            "title": str(deal.get("title") or "")[:100],
            "value": (Decimal(as_int(deal.get("value"))) / 100).quantize(Decimal("0.01")),
            "currency": str(deal.get("currency") or ""),
            "stage_id": str(deal.get("stage") or ""),
            "owner_id": str(deal.get("owner") or ""),
            "why": why,
        }
        for deal, why in found[:SHOWN]
    ]
    more = {"shown": f"{len(named)} of {len(found)}"} if len(found) > len(named) else {}
    return {**counts, **more, "deals": named}


def overdue(moment: Any, now: datetime) -> bool:
    try:
        due = datetime.fromisoformat(str(moment))
    except ValueError:
        return False
    return (due if due.tzinfo else due.replace(tzinfo=now.tzinfo)) < now


def rounded(rate: Decimal) -> str:
    """As list_campaigns shows rates."""
    return f"{rate:.1%}"
