"""The account as a whole: what somebody new in it would want to know first."""

import re
from collections.abc import Awaitable, Mapping

from ac_mcp.concurrency import gather
from ac_mcp.errors import Forbidden, NotConnected, NotFound
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.automations import automations, list_automations
from ac_mcp.operations.campaigns import list_campaigns
from ac_mcp.operations.companies import list_accounts
from ac_mcp.operations.connections import connections, list_connections
from ac_mcp.operations.contacts import list_contacts
from ac_mcp.operations.deals import list_deals
from ac_mcp.operations.fields import fields, list_fields
from ac_mcp.operations.lists import list_lists, lists
from ac_mcp.operations.pipelines import list_pipelines, pipelines
from ac_mcp.operations.segments import list_segments, segments
from ac_mcp.operations.tags import list_tags, tags
from ac_mcp.operations.users import list_users, users
from ac_mcp.spec.columns import AMOUNTS, COUNT, TEXT, TEXTS, Joined, Text
from ac_mcp.spec.operation import Call, all_pages, own_words, with_own_words
from ac_mcp.spec.resource import Resource

SHOWN = (connections, pipelines, lists, tags, fields, automations, segments, users)
BRIEF: Mapping[str, tuple[str, ...]] = {
    "connections": ("status", "default"),
    "dealGroups": ("name", "currency", "stages"),
    "lists": ("name", "active_contacts"),
    "tags": ("name", "contacts"),
    "fields": ("title", "type", "options"),
    "automations": ("name", "status"),
    "segments": ("name",),
    "users": ("name", "email"),
}
KEYS = {one.words: one.plural for one in SHOWN} | {"open_deals": "deals", "companies": "accounts"}
MOST = 30
"""Rows of each kind; of tags those in use most."""
MOST_TAGS = 500
MORE = "Where counts says more than is shown, the list_ tool of that kind has the rest."

overview = Resource(
    "user",
    "overview",
    (Joined("name", wires=("firstName", "lastName")), Text("email"), Text("time_zone", "localZoneid")),
)


@overview.get(
    "/users/me",
    single=True,
    shows=SHOWN,
    brief=BRIEF,
    kept=True,
    says={
        "account": TEXT,
        "counts": {"type": "object", "additionalProperties": COUNT},
        "open_deal_value": AMOUNTS,
        "not_available": TEXTS,
    },
)
async def describe_account(call: Call) -> Json:
    """Get an overview of the account, to start with: whose it is, pipelines and stages, lists, top tags, custom fields,
    automations, users. Returns names, ids, counts; at most 30 of each."""
    me = await allowed(call()) or {}
    reads: dict[str, Awaitable[Json]] = {
        "connections": connected(call),
        "contacts": list_contacts(call, limit=1),
        "open_deals": list_deals(call, status="open", limit=1),
        "pipelines": list_pipelines(call),
        "lists": list_lists(call),
        "tags": all_tags(call),
        "fields": list_fields(call),
        "automations": list_automations(call),
        "segments": list_segments(call),
        "campaigns": list_campaigns(call, limit=1),
        "companies": list_accounts(call, limit=1),
        "users": list_users(call),
    }
    answers = await gather([*map(allowed, reads.values())])
    parts = {word: payload for word, payload in zip(reads, answers, strict=True) if payload}
    counts = {word: total(payload, KEYS.get(word, word)) for word, payload in parts.items()}
    value = own_words(parts.get("open_deals", {})).get("value_by_currency")
    missing = [word for word in reads if word not in parts and word != "connections"]
    full = any(count > MOST for word, count in counts.items() if word in {one.words for one in SHOWN})
    ours = {
        "account": address(me),
        "counts": counts,
        "open_deal_value": value,
        "not_available": missing,
        "note": MORE if full else "",
    }
    return with_own_words({**me, **rows_of(parts)}, **{word: one for word, one in ours.items() if one})


def rows_of(parts: Mapping[str, Json]) -> Json:
    """Of each kind as many as are shown, and the names of the stages."""
    shown: Json = {one.plural: as_objects(parts[one.words].get(one.plural)) for one in SHOWN if one.words in parts}
    if "tags" in shown:
        shown["tags"] = sorted(shown["tags"], key=lambda tag: -as_int(tag.get("subscriber_count")))
    stages = {"dealStages": as_objects(parts.get("pipelines", {}).get("dealStages"))}
    return {plural: rows[:MOST] for plural, rows in shown.items()} | stages


async def allowed(read: Awaitable[Json]) -> Json | None:
    """A part of the account, unless the plan or the user's rights leave it out."""
    try:
        return await read
    except (Forbidden, NotFound):
        return None


async def connected(call: Call) -> Json:
    """The connections; without Maton there are none. That the account's own is not usable is no missing part."""
    try:
        return await list_connections(call)
    except NotConnected:
        return {}


async def all_tags(call: Call) -> Json:
    """Tags as far as they are worth sorting by use: the API sorts them by name only (reference 4.2)."""
    return await all_pages(call, lambda offset: list_tags(call, offset=offset), MOST_TAGS)


def total(payload: Json, plural: str) -> int:
    """How many there are; where no total is given, there is one page only."""
    return as_int(as_object(payload.get("meta")).get("total")) or len(as_objects(payload.get(plural)))


def address(me: Json) -> str:
    """The account's own host, from the links in an answer: nothing else tells which account it is (reference 2.1)."""
    links = as_object(as_object(me.get("user")).get("links")).values()
    found = (re.match(r"https?://([^/\s]+)/", link) for link in links if isinstance(link, str))
    return next((host[1] for host in found if host), "")
