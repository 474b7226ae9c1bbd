"""Campaigns: newsletters and other mailings, with their results."""

from dataclasses import dataclass
from typing import Any

from ac_mcp.messages import Json
from ac_mcp.spec.columns import Code, Column, Number, Rate, Reference, Text, Time
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Encoding, Offered
from ac_mcp.spec.parameters import CampaignRef, Further, Limit
from ac_mcp.spec.resource import Lookup, Resource, named_by

STATUS = {"0": "draft", "1": "scheduled", "2": "sending", "3": "paused", "4": "stopped", "5": "sent"}
"""The API's status codes."""
STATUS_WORDS = {"completed": "sent", "sent": "sent"}
"""The API's own status words that are shown as another word."""


@dataclass(frozen=True, slots=True)
class Status(Column):
    """The status as a word. Codes are disputed, so the API's own word wins over the code (reference 7).

    A mail of an automation has code 1 and is shown as "automation".
    """

    def read(self, row: Json) -> Any:
        if automation_of(row):
            return "automation"
        word = str(row.get("statusString") or "").lower()
        return STATUS_WORDS.get(word, word) or STATUS.get(str(row.get("status")), str(row.get("status")))


def automation_of(row: Json) -> str:
    """Return the id of the automation that sends a campaign; "" if none does. Either key may hold it."""
    return next((str(row[key]) for key in ("seriesid", "automation") if str(row.get(key) or "0") != "0"), "")


@dataclass(frozen=True, slots=True)
class SendingAutomation(Reference):
    """The automation that sends a campaign."""

    def read(self, row: Json) -> Any:
        return automation_of(row) or None


@dataclass(frozen=True, slots=True)
class Figure(Number):
    """A figure of a campaign's result; None before anything was sent."""

    def read(self, row: Json) -> Any:
        return Number.read(self, row) if str(row.get("send_amt") or "0") != "0" else None


campaigns = Resource(
    "campaign",
    "campaigns",
    (
        Text("name"),
        Status("status"),
        Text("type"),
        Time("send_date", "sdate"),
        Figure("sent", "send_amt"),
        Figure("opens", "uniqueopens"),
        Rate("open_rate", "uniqueopens", whole="send_amt"),
        Figure("clicks", "subscriberclicks"),
        Rate("click_rate", "subscriberclicks", whole="send_amt"),
        Figure("unsubscribes"),
    ),
    details=(
        Figure("total_opens", "opens"),
        Figure("human_opens", "verified_unique_opens"),
        Figure("total_clicks", "linkclicks"),
        Figure("hard_bounces", "hardbounces"),
        Figure("soft_bounces", "softbounces"),
        Figure("replies"),
        Figure("forwards"),
        Rate("unsubscribe_rate", "unsubscribes", whole="send_amt"),
        SendingAutomation("automation", "seriesid", kind="automations"),
    ),
    lookup=Lookup(directory=True),
)


campaign_links = Resource(
    "link",
    "links",
    (
        Text("url", "link", most=2000),
        Text("name"),
        Code("clicks", "tracked", codes={"0": "not tracked", "1": "tracked"}),
    ),
    group="campaigns",
    lookup=Lookup(called=named_by("name")),
)


@campaigns.get("/campaigns", title="List campaigns (newsletters)", encoding=Encoding(query={"orders[sdate]": "DESC"}))
async def list_campaigns(
    call: Call,
    limit: Limit = 20,
    offset: Further = 0,
) -> Json:
    """List campaigns: which newsletters or mailings were sent, scheduled or are drafts. Returns their rates, a page."""
    return await call()


@campaigns.get("/campaigns/{campaign}", title="Show a campaign's results")
async def get_campaign(call: Call, campaign: CampaignRef) -> Json:
    """Get a campaign's results: open rate, clicks, bounces of a mailing. Returns totals only, no names."""
    return await call()


@campaign_links.get(
    "/campaigns/{campaign}/links", title="List the links in a campaign", offered=Offered(on_request=True)
)
async def list_campaign_links(call: Call, campaign: CampaignRef) -> Json:
    """List the links in a campaign's mail. Returns addresses, and if clicks are tracked; clicks of each the API does
    not tell."""
    payload = await call()
    return payload | {"links": [row for row in payload["links"] if row.get("link") != "open"]}
