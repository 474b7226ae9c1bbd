"""An overview of the account: what a newcomer needs to know first."""

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
from ac_mcp.spec.options import Answer
from ac_mcp.spec.paging import credible_total, total_of
from ac_mcp.spec.resource import Resource

OVERVIEW_RESOURCES = (connections, pipelines, lists, tags, fields, automations, segments, users)
"""The resources of which the overview has rows."""
BRIEF_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "connections": ("status", "default"),
    "dealGroups": ("name", "currency", "stages"),
    "lists": ("name", "active_contacts"),
    "tags": ("name", "contacts"),
    "fields": ("title", "type", "options"),
    "automations": ("name", "status"),
    "segments": ("name",),
    "users": ("name", "email"),
}
"""The columns of those resources that the overview has, by the resource's plural."""
PAYLOAD_KEYS = {
    **{resource.words: resource.plural for resource in OVERVIEW_RESOURCES},
    "open_deals": "deals",
    "companies": "accounts",
}
"""The key of the rows in the payload of each part of the overview."""
MAX_ROWS = 30
"""Rows of each resource; of tags the ones with most contacts."""
MAX_TAGS_READ = 500
"""Tags that are read to find these."""
MORE_NOTE = "Where counts says more than is shown, the list_ tool of that kind has the rest."

overview = Resource(
    "user",
    "overview",
    (Joined("name", wires=("firstName", "lastName")), Text("email"), Text("time_zone", "localZoneid")),
)


@overview.get(
    "/users/me",
    answer=Answer(
        is_single=True,
        beside=OVERVIEW_RESOURCES,
        brief=BRIEF_COLUMNS,
        cached=True,
        says={
            "account": TEXT,
            "counts": {"type": "object", "additionalProperties": COUNT},
            "open_deal_value": AMOUNTS,
            "not_available": TEXTS,
        },
    ),
)
async def describe_account(call: Call) -> Json:
    """Get an overview of the account, to start with: whose it is, pipelines and stages, lists, top tags, custom fields,
    automations, users. Returns names, ids, counts; at most 30 of each."""
    user = await fetch_if_allowed(call()) or {}
    reads: dict[str, Awaitable[Json]] = {
        "connections": fetch_connections(call),
        "contacts": list_contacts(call, limit=1),
        "open_deals": list_deals(call, status="open", limit=1),
        "pipelines": list_pipelines(call),
        "lists": list_lists(call),
        "tags": fetch_tags(call),
        "fields": list_fields(call),
        "automations": list_automations(call),
        "segments": list_segments(call),
        "campaigns": list_campaigns(call, limit=1),
        "companies": list_accounts(call, limit=1),
        "users": list_users(call),
    }
    answers = await gather([*map(fetch_if_allowed, reads.values())])
    parts = {word: payload for word, payload in zip(reads, answers, strict=True) if payload}
    found = {word: count_rows(payload, PAYLOAD_KEYS.get(word, word), word) for word, payload in parts.items()}
    counts = {word: count for word, count in found.items() if count is not None}
    value = own_words(parts.get("open_deals", {})).get("value_by_currency")
    missing = [word for word in reads if word not in parts and word != "connections"]
    cut = any(counts.get(resource.words, 0) > MAX_ROWS for resource in OVERVIEW_RESOURCES)
    facts = {
        "account": address(user),
        "counts": counts,
        "open_deal_value": value,
        "not_available": missing,
        "note": MORE_NOTE if cut else "",
    }
    return with_own_words({**user, **select_rows(parts)}, **{key: fact for key, fact in facts.items() if fact})


def select_rows(parts: Mapping[str, Json]) -> Json:
    """Return the first rows of each resource by its plural, and all stages, which give pipelines the names of theirs.

    `parts` holds the payloads that were read, by the word for the resource.
    """
    rows: Json = {
        resource.plural: as_objects(parts[resource.words].get(resource.plural))
        for resource in OVERVIEW_RESOURCES
        if resource.words in parts
    }
    if "tags" in rows:
        rows["tags"] = sorted(rows["tags"], key=lambda tag: -as_int(tag.get("subscriber_count")))
    stages = {"dealStages": as_objects(parts.get("pipelines", {}).get("dealStages"))}
    return {plural: several[:MAX_ROWS] for plural, several in rows.items()} | stages


READ_BY_TOTAL = ("contacts", "open_deals", "campaigns", "companies")
"""The parts of which one row is asked for: their total is all that is wanted."""


async def fetch_if_allowed(read: Awaitable[Json]) -> Json | None:
    """Fetch a part of the account; return None if the account's plan or the user's permissions exclude it."""
    try:
        return await read
    except (Forbidden, NotFound):
        return None


async def fetch_connections(call: Call) -> Json:
    """Fetch the connections; return {} where none is usable or Maton is not used, which is no missing part."""
    try:
        return await list_connections(call)
    except NotConnected:
        return {}


async def fetch_tags(call: Call) -> Json:
    """Fetch tags, at most MAX_TAGS_READ, to sort them by use: the API sorts them by name only (reference 4.2)."""
    return await all_pages(call, lambda offset: list_tags(call, offset=offset), MAX_TAGS_READ)


def count_rows(payload: Json, plural: str, word: str) -> int | None:
    """Return how many rows there are by a payload; None if its total does not fit the one row that was asked for.

    A payload without a total is the only page, so its rows are counted.
    """
    limit = 1 if word in READ_BY_TOTAL else None
    return credible_total(total_of(payload), len(as_objects(payload.get(plural))), 0, limit)


def address(payload: Json) -> str:
    """Return the account's host, taken from the links of the user in an answer; "" without any.

    Nothing else in an answer tells which account it is (reference 2.1).
    """
    links = as_object(as_object(payload.get("user")).get("links")).values()
    matches = (re.match(r"https?://([^/\s]+)/", link) for link in links if isinstance(link, str))
    return next((match[1] for match in matches if match), "")
