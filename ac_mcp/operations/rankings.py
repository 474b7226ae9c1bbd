"""Campaigns side by side: which worked best, by rates over all that were sent."""

from decimal import Decimal
from typing import Annotated, Literal

from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.campaigns import list_campaigns
from ac_mcp.operations.counting import ROWS, based
from ac_mcp.operations.summaries import OBJECT, SPARE, rounded
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import COUNT, TEXT, Text
from ac_mcp.spec.operation import PAGE, Call
from ac_mcp.spec.parameters import Day, Limit
from ac_mcp.spec.resource import Resource

FIGURES = {"opens": "uniqueopens", "clicks": "subscriberclicks", "unsubscribes": "unsubscribes"}
RATES = {"open_rate": "opens", "click_rate": "clicks", "unsubscribe_rate": "unsubscribes"}

campaign_summaries = Resource("ranking", "rankings", (Text("result"),), group="bulk")


@campaign_summaries.get(
    "/campaigns",
    title="Rank campaigns (newsletters) by result",
    single=True,
    verbatim=True,
    extra=True,
    says={"campaigns": ROWS, "ranked_by": TEXT, "period": TEXT, "overall": OBJECT, "total": COUNT,
          "based_on": TEXT, "as_of": TEXT},
)  # fmt: skip
async def rank_campaigns(
    call: Call,
    by: Annotated[Literal["open_rate", "click_rate", "unsubscribe_rate"], About("Best first")] = "open_rate",
    since: Annotated[Day, About("Sent from YYYY-MM-DD", "2026-02-01", show_example=False)] | None = None,
    until: Annotated[Day, About("Sent before YYYY-MM-DD", "2026-03-01", show_example=False)] | None = None,
    limit: Limit = 10,
) -> Json:
    """Rank campaigns: which newsletter worked best or worst over a period, by opens, clicks or unsubscribes. Returns
    rates and the overall rate."""
    rows, complete = await sent_campaigns(call, since)
    those = [row for row in rows if within(row, since, until)]
    ranked = sorted(
        those, key=lambda row: (-share(row, RATES[by]), -as_int(row.get("send_amt")), as_int(row.get("id")))
    )
    if by == "unsubscribe_rate":
        ranked.sort(key=lambda row: share(row, RATES[by]))
    told: Json = {"ranked_by": f"{by}, best first", "campaigns": [campaign(row) for row in ranked[:limit]]}
    told |= {"total": len(those), "overall": totals(those)}
    told["period"] = " ".join(["sent", *([f"from {since}"] if since else []), *([f"before {until}"] if until else [])])
    told["period"] = told["period"] if since or until else "all time"
    notes = ["Mails of automations have no date of sending and are left out."]
    notes += [] if complete else ["Older ones were not read: time was up."]
    return told | {"note": " ".join(notes)} | based(call, len(rows), "sent campaigns")


async def sent_campaigns(call: Call, since: str | None) -> tuple[list[Json], bool]:
    """Those that were sent, the latest first; and whether that is all of the period."""
    rows: list[Json] = []
    offset = total = 0
    while offset <= total:
        payload = await list_campaigns(call, limit=PAGE, offset=offset)
        page, total = as_objects(payload.get("campaigns")), as_int(as_object(payload.get("meta")).get("total"))
        rows += [row for row in page if as_int(row.get("send_amt")) and str(row.get("seriesid") or "0") == "0"]
        offset += PAGE
        dates = [str(row.get("sdate") or "")[:10] for row in page]
        if not page or offset >= total or (since and dates[-1] < since[:10] and dates == sorted(dates, reverse=True)):
            break
        if call.watch.seconds_left() < SPARE:
            return rows, False
    return rows, True


def within(row: Json, since: str | None, until: str | None) -> bool:
    day = str(row.get("sdate") or row.get("ldate") or "")[:10]
    return (not since or day >= since[:10]) and (not until or day < until[:10])


def share(row: Json, word: str) -> Decimal:
    """Of those it was sent to."""
    return Decimal(as_int(row.get(FIGURES[word]))) / max(1, as_int(row.get("send_amt")))


def campaign(row: Json) -> Json:
    told: Json = {"id": str(row.get("id")), "name": str(row.get("name") or "")[:200]}
    told |= {"sent_on": str(row.get("sdate") or row.get("ldate") or "")[:10], "sent": as_int(row.get("send_amt"))}
    return told | {rate: rounded(share(row, word)) for rate, word in RATES.items()}


def totals(rows: list[Json]) -> Json:
    """Over all of them together: large mailings count more."""
    sent = sum(as_int(row.get("send_amt")) for row in rows)
    sums = {rate: sum(as_int(row.get(FIGURES[word])) for row in rows) for rate, word in RATES.items()}
    return {"sent": sent, **({rate: rounded(Decimal(sum) / sent) for rate, sum in sums.items()} if sent else {})}
