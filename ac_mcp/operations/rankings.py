"""Campaigns ranked by their result, with the rates of each one and of all together."""

from decimal import Decimal
from typing import Annotated, Literal

from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.campaigns import list_campaigns
from ac_mcp.operations.counting import ROWS_SCHEMA, describe_basis
from ac_mcp.operations.summaries import FIGURES_SCHEMA, SPARE, format_rate
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import COUNT, TEXT, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Offered
from ac_mcp.spec.paging import PAGE
from ac_mcp.spec.parameters import Day, Limit
from ac_mcp.spec.resource import Resource

RATES = {"open_rate": "uniqueopens", "click_rate": "subscriberclicks", "unsubscribe_rate": "unsubscribes"}
"""The API's count behind each rate: a rate is that count divided by the mails sent."""

campaign_summaries = Resource("ranking", "rankings", (Text("result"),), group="bulk")


@campaign_summaries.get(
    "/campaigns",
    title="Rank campaigns (newsletters) by result",
    answer=Answer(
        is_single=True,
        verbatim=True,
        says={
            "campaigns": ROWS_SCHEMA,
            "ranked_by": TEXT,
            "period": TEXT,
            "overall": FIGURES_SCHEMA,
            "total": COUNT,
            "based_on": TEXT,
            "as_of": TEXT,
        },
    ),
    offered=Offered(on_request=True),
)
async def rank_campaigns(
    call: Call,
    by: Annotated[Literal["open_rate", "click_rate", "unsubscribe_rate"], About("Best first")] = "open_rate",
    since: Annotated[Day, About("Sent from YYYY-MM-DD", "2026-02-01", show_example=False)] | None = None,
    until: Annotated[Day, About("Sent before YYYY-MM-DD", "2026-03-01", show_example=False)] | None = None,
    limit: Limit = 10,
) -> Json:
    """Rank campaigns: which newsletter worked best or worst over a period, by opens, clicks or unsubscribes. Returns
    rates and the overall rate."""
    rows, complete = await fetch_sent_campaigns(call, since)
    in_period = [row for row in rows if is_within(row, since, until)]
    ranked = sorted(
        in_period, key=lambda row: (-get_rate(row, by), -as_int(row.get("send_amt")), as_int(row.get("id")))
    )
    if by == "unsubscribe_rate":
        ranked.sort(key=lambda row: get_rate(row, by))
    notes = ["Mails of automations have no date of sending and are left out."]
    if not complete:
        notes.append("Older ones were not read: time was up.")
    answer: Json = {
        "ranked_by": f"{by}, best first",
        "campaigns": [summarize_campaign(row) for row in ranked[:limit]],
        "total": len(in_period),
        "overall": summarize_total(in_period),
        "period": describe_period(since, until),
        "note": " ".join(notes),
    }
    return answer | describe_basis(call, len(rows), "sent campaigns")


def describe_period(since: str | None, until: str | None) -> str:
    """Return the period in words: "sent from 2026-02-01 before 2026-03-01", or "all time"."""
    words = [f"from {since}" if since else "", f"before {until}" if until else ""]
    return " ".join(["sent", *filter(None, words)]) if since or until else "all time"


async def fetch_sent_campaigns(call: Call, since: str | None) -> tuple[list[Json], bool]:
    """Fetch the campaigns that were sent, the latest first; and whether these are all since that day."""
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


def is_within(row: Json, since: str | None, until: str | None) -> bool:
    """Return whether a campaign was sent in the period, which ends before `until`."""
    day = str(row.get("sdate") or row.get("ldate") or "")[:10]
    return (not since or day >= since[:10]) and (not until or day < until[:10])


def get_rate(row: Json, rate: str) -> Decimal:
    """Return a rate of a campaign as a fraction of the mails sent."""
    return Decimal(as_int(row.get(RATES[rate]))) / max(1, as_int(row.get("send_amt")))


def summarize_campaign(row: Json) -> Json:
    """Return a campaign's id, name, date of sending, number of mails and rates."""
    return {
        "id": str(row.get("id")),
        "name": str(row.get("name") or "")[:200],
        "sent_on": str(row.get("sdate") or row.get("ldate") or "")[:10],
        "sent": as_int(row.get("send_amt")),
        **{rate: format_rate(get_rate(row, rate)) for rate in RATES},
    }


def summarize_total(rows: list[Json]) -> Json:
    """Return the number of mails and the rates of all campaigns together, where large campaigns count more."""
    sent = sum(as_int(row.get("send_amt")) for row in rows)
    summary: Json = {"sent": sent}
    if sent:
        for rate, attribute in RATES.items():
            count = sum(as_int(row.get(attribute)) for row in rows)
            summary[rate] = format_rate(Decimal(count) / sent)
    return summary
