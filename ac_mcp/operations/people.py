"""Answers about people: inactive contacts, duplicate contacts, and the history of one contact."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from ac_mcp.concurrency import gather
from ac_mcp.filters.conditions import INACTIVE, Condition
from ac_mcp.filters.contact_query import CLICKED, OPENED, ContactQuery, describe_conditions
from ac_mcp.messages import Json, Request, as_int, as_object, as_objects
from ac_mcp.operations.automations import list_contact_automations
from ac_mcp.operations.counting import ROWS_SCHEMA, describe_basis
from ac_mcp.operations.jobs import Where
from ac_mcp.operations.lists import STATUS, list_contact_lists
from ac_mcp.operations.notes import list_contact_notes
from ac_mcp.operations.overview import fetch_if_allowed
from ac_mcp.operations.tags import list_contact_tags
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Offered
from ac_mcp.spec.parameters import ContactRef, Limit, Number
from ac_mcp.spec.resource import Resource
from ac_mcp.text import fold_accents

DEFAULT_DAYS = 90
"""Days without an open or click after which a contact counts as inactive."""
MAX_TEXT_LENGTH = 200
"""Characters of a text in a timeline."""
MAX_GROUP_SIZE = 10
"""Contacts of one group of duplicates that are shown."""
people = Resource("finding", "findings", (Text("result"),), group="bulk")
timelines = Resource("timeline", "timelines", (Text("result"),), group="bulk")
ToEvents = Callable[[Json], Iterable[Json]]
"""Makes the events of a timeline from one row of the API."""


@people.get(
    "/contacts",
    title="List inactive contacts (gone quiet)",
    answer=Answer(
        is_single=True,
        verbatim=True,
        says={
            "count": COUNT,
            "contacts": ROWS_SCHEMA,
            "where": TEXTS,
            "next_after_id": TEXT,
            "based_on": TEXT,
            "as_of": TEXT,
        },
    ),
    offered=Offered(on_request=True),
)
async def list_inactive_contacts(
    call: Call,
    days: Annotated[
        int, Field(ge=1, le=3650), About("Days without an open or click", 90, show_example=False)
    ] = DEFAULT_DAYS,
    where: Where | None = None,
    limit: Limit = 20,
    after_id: Annotated[Number, About("`next_after_id` of the answer before", "0", show_example=False)] | None = None,
) -> Json:
    """List contacts who have not opened or clicked a mail for some days: dormant, cold, unengaged subscribers. Returns
    how many and the first of them."""
    inactive = Condition.of(INACTIVE, str(days), str(days))
    others = [condition for condition in where or () if isinstance(condition, Condition) and condition.key != INACTIVE]
    conditions = [*others, inactive]
    query = ContactQuery(call.sender, conditions, call.watch)
    found: list[Json] = []
    count = 0
    async for rows in query.pages(as_int(after_id)):
        count += len(rows)
        found += rows[: limit - len(found)]
        await call.progress(query.read, None, f"{query.read} contacts read")
    contacts = [summarize_contact(row, ("opened", OPENED), ("clicked", CLICKED)) for row in found]
    answer: Json = {"count": count, "contacts": contacts, "where": describe_conditions(conditions)}
    notes = ["Contacts younger than that do not count. bulk_update_contacts takes the same conditions in where."]
    if count > len(found):
        answer["next_after_id"] = str(found[-1]["id"])
    elif not query.complete:
        answer["next_after_id"] = str(max(query.last, as_int(after_id)))
    if not query.complete:
        notes.append(f"Time was up after id {query.last}: count is of those up to there.")
    return answer | {"note": " ".join(notes)} | describe_basis(call, query.read)


def summarize_contact(row: Json, *dates: tuple[str, str], created: bool = False) -> Json:
    """Return a contact's id, e-mail address and name, without empty values.

    `dates` are pairs of a word and an attribute: `("opened", "last_open_date")` adds `last_opened`. With `created` the
    day of creation is added.
    """
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
    summary = {"id": str(row.get("id")), "email": str(row.get("email") or ""), "name": name[:100]}
    for word, attribute in dates:
        day = str(row.get(attribute) or "")[:10]
        if day.strip("0-"):
            summary[f"last_{word}"] = day
    if created:
        summary["created"] = str(row.get("cdate") or "")[:10]
    return {key: value for key, value in summary.items() if value}


@people.get(
    "/contacts",
    title="Find duplicate contacts",
    answer=Answer(
        is_single=True,
        verbatim=True,
        says={
            "groups": ROWS_SCHEMA,
            "total": COUNT,
            "same_email": COUNT,
            "same_phone": COUNT,
            "same_name": COUNT,
            "next_after_id": TEXT,
            "where": TEXTS,
            "based_on": TEXT,
            "as_of": TEXT,
        },
    ),
    offered=Offered(on_request=True),
)
async def find_duplicates(
    call: Call,
    by: Annotated[Literal["any", "email", "phone", "name"], About("What they share")] = "any",
    where: Where | None = None,
    limit: Limit = 10,
) -> Json:
    """Find duplicates: contacts who may be the same person, by spelling of e-mail, phone or full name. Returns groups;
    merging is done in ActiveCampaign."""
    conditions = [condition for condition in where or () if isinstance(condition, Condition)]
    query = ContactQuery(call.sender, conditions, call.watch)
    alike: dict[tuple[str, str], list[Json]] = {}
    async for rows in query.pages():
        for row in rows:
            for kind, key in get_likenesses(row):
                if by in ("any", kind):
                    alike.setdefault((kind, key), []).append(summarize_contact(row, created=True))
        await call.progress(query.read, None, f"{query.read} contacts read")
    groups = group_duplicates(alike)
    totals = {f"same_{kind}": sum(group["same"] == kind for group in groups) for kind in LIKENESS_KINDS}
    answer: Json = {"groups": groups[:limit], "total": len(groups), **totals, "where": describe_conditions(conditions)}
    answer |= describe_basis(call, query.read)
    if not query.complete:
        answer["note"] = f"Time was up after {query.read} contacts; narrow it with where."
    return answer


LIKENESS_KINDS = ("email", "phone", "name")
"""What duplicates can share, from the strongest reason to the weakest."""
DOTLESS_DOMAINS = ("gmail.com", "googlemail.com")
"""Domains that ignore dots in the local part of an address."""


def group_duplicates(alike: Mapping[tuple[str, str], list[Json]]) -> list[Json]:
    """Return the groups of contacts that share a likeness: `{"same": "email", "contacts": [...], "more": 2}`.

    `alike` holds the contacts by likeness. The strongest likeness and the largest groups come first.
    """
    several = [(kind, contacts) for (kind, _), contacts in alike.items() if len(contacts) > 1]
    several.sort(key=lambda item: (LIKENESS_KINDS.index(item[0]), -len(item[1]), as_int(item[1][0]["id"])))
    seen = set[tuple[str, ...]]()
    groups: list[Json] = []
    for kind, contacts in several:
        ids = tuple(str(contact["id"]) for contact in contacts)
        if ids in seen:  # the strongest reason is enough
            continue
        seen.add(ids)
        group: Json = {"same": kind, "contacts": contacts[:MAX_GROUP_SIZE]}
        if len(contacts) > MAX_GROUP_SIZE:
            group["more"] = len(contacts) - MAX_GROUP_SIZE
        groups.append(group)
    return groups


def get_likenesses(row: Json) -> Iterable[tuple[str, str]]:
    """Yield what a duplicate of this contact would share with it, as pairs of kind and normalized value."""
    if key := normalize_email(str(row.get("email") or "")):
        yield "email", key
    digits = re.sub(r"\D", "", str(row.get("phone") or ""))
    if len(digits) >= 7:
        yield "phone", digits[-10:]
    name = fold_accents(" ".join(str(row.get(key) or "") for key in ("firstName", "lastName")))
    if len(name.split()) > 1:
        yield "name", name


def normalize_email(email: str) -> str:
    """Return the address of the mailbox that mail reaches: without a plus suffix, and without dots at Google.

    Return "" where the text is no address.
    """
    local, _, domain = email.casefold().partition("@")
    local = local.partition("+")[0]
    domain = "gmail.com" if domain in DOTLESS_DOMAINS else domain
    return f"{local.replace('.', '') if domain in DOTLESS_DOMAINS else local}@{domain}" if local and domain else ""


@timelines.get(
    "/contacts/{contact}",
    title="Show a contact's timeline (history)",
    answer=Answer(
        verbatim=True,
        names={
            "contact_id": "contacts",
            "tag_id": "tags",
            "list_id": "lists",
            "automation_id": "automations",
            "campaign_id": "campaigns",
            "stage_id": "dealStages",
        },
        quotes=("text",),
        says={
            "contact": TEXT,
            "contact_id": TEXT,
            "events": ROWS_SCHEMA,
            "total": COUNT,
            "not_available": TEXTS,
            "based_on": TEXT,
            "as_of": TEXT,
            "from_account": TEXTS,
            "hidden_here": TEXTS,
        },
    ),
    offered=Offered(on_request=True),
)
async def contact_timeline(call: Call, contact: ContactRef, limit: Limit = 30) -> Json:
    """Show what happened with a person, newest first: history of tags, lists, automations, deals, notes, e-mails,
    visits. Returns the latest events only."""
    path = f"/contacts/{contact}"
    profile = as_object((await fetch_body(call, path)).get("contact"))  # first: it fails for an unknown contact
    of_contact = {"filters[subscriberid]": contact, "orders[tstamp]": "DESC", "limit": "100"}
    reads: dict[str, tuple[Awaitable[Json], str, ToEvents]] = {
        "tags": (list_contact_tags(call, contact), "contactTags", get_tag_events),
        "lists": (list_contact_lists(call, contact), "contactLists", get_list_events),
        "automations": (list_contact_automations(call, contact), "contactAutomations", get_automation_events),
        "notes": (list_contact_notes(call, contact), "notes", get_note_events),
        "deals": (fetch_body(call, f"{path}/deals"), "deals", get_deal_events),
        "e-mails": (fetch_body(call, "/emailActivities", **of_contact), "emailActivities", get_email_events),
        "visits": (fetch_body(call, f"{path}/trackingLogs"), "trackingLogs", get_visit_events),
        "bounces": (fetch_body(call, f"{path}/bounceLogs"), "bounceLogs", get_bounce_events),
        "mailings": (fetch_body(call, f"{path}/contactLogs"), "contactLogs", get_mailing_events),
    }
    payloads = await gather([fetch_if_allowed(read) for read, _, _ in reads.values()])
    missing = [word for word, payload in zip(reads, payloads, strict=True) if payload is None]
    events = list(get_contact_events(profile))
    for (_, key, to_events), payload in zip(reads.values(), payloads, strict=True):
        events += [event for row in as_objects((payload or {}).get(key)) for event in to_events(row)]
    dated = [event for event in events if event["at"].strip("0-: ")]
    dated.sort(key=lambda event: event["at"], reverse=True)
    answer: Json = {"contact_id": contact, "events": dated[:limit], "total": len(dated)}
    if missing:
        answer["not_available"] = missing
    return answer | {"based_on": f"{len(reads) + 1} reads of ActiveCampaign", "as_of": describe_basis(call, 0)["as_of"]}


async def fetch_body(call: Call, path: str, **query: str) -> Json:
    """Fetch the body of a GET request that no operation declares."""
    return (await call.sender.send(Request("GET", path, query, repeatable=True))).body


def make_event(moment: Any, description: str, **details: Any) -> Json:
    """Return an event of a timeline: `{"at": "2026-02-01 09:00", "what": "tagged", "tag_id": "3"}`."""
    event = {"at": str(moment or "")[:16].replace("T", " "), "what": description}
    return event | {key: value for key, value in details.items() if value}


# One function for each kind of row: it yields the events of that row, dated or not.


def get_contact_events(row: Json) -> Iterable[Json]:
    yield make_event(row.get("cdate"), "created")
    yield make_event(row.get(OPENED), "last opened a mail")
    yield make_event(row.get(CLICKED), "last clicked in a mail")


def get_tag_events(row: Json) -> Iterable[Json]:
    yield make_event(row.get("cdate"), "tagged", tag_id=str(row.get("tag")))


def get_list_events(row: Json) -> Iterable[Json]:
    yield make_event(row.get("sdate"), "joined list", list_id=str(row.get("list")))
    if str(row.get("status")) in ("2", "3"):
        yield make_event(row.get("udate"), STATUS[str(row["status"])], list_id=str(row.get("list")))


def get_automation_events(row: Json) -> Iterable[Json]:
    id = str(row.get("seriesid") or row.get("automation") or "")
    yield make_event(row.get("adddate"), "entered automation", automation_id=id)
    if str(row.get("status")) == "2":
        yield make_event(row.get("remdate"), "ended automation", automation_id=id)


def get_note_events(row: Json) -> Iterable[Json]:
    yield make_event(row.get("cdate"), "note", text=shorten(row.get("note")))


def get_deal_events(row: Json) -> Iterable[Json]:
    state = {"1": "won", "2": "lost"}.get(str(row.get("status")), "open")
    deal = {"deal_id": str(row.get("id")), "text": shorten(row.get("title"))}
    yield make_event(row.get("cdate"), f"deal added (now {state})", stage_id=str(row.get("stage") or ""), **deal)


def get_email_events(row: Json) -> Iterable[Json]:
    yield make_event(row.get("tstamp"), "e-mail", text=shorten(row.get("subject")))


def get_visit_events(row: Json) -> Iterable[Json]:
    yield make_event(
        row.get("tstamp"), "visit", text=shorten(f"{row.get('type') or ''} {row.get('value') or ''}".strip())
    )


def get_bounce_events(row: Json) -> Iterable[Json]:
    yield make_event(row.get("tstamp"), "mail bounced", campaign_id=str(row.get("campaignid") or ""))


def get_mailing_events(row: Json) -> Iterable[Json]:
    yield make_event(
        row.get("tstamp"), f"campaign {row.get('type') or 'log'}", campaign_id=str(row.get("campaignid") or "")
    )


def shorten(text: Any) -> str:
    """Return a text with single spaces, cut at MAX_TEXT_LENGTH characters."""
    line = " ".join(str(text or "").split())
    return line if len(line) <= MAX_TEXT_LENGTH else f"{line[:MAX_TEXT_LENGTH]}…"
