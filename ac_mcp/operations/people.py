"""Answers about people: who has gone quiet, who is there twice, and what happened with one of them."""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from ac_mcp.concurrency import gather
from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.filters.conditions import INACTIVE, Condition
from ac_mcp.filters.contact_query import CLICKED, OPENED, ContactQuery, describe_conditions
from ac_mcp.messages import Json, Request, as_int, as_object, as_objects
from ac_mcp.operations.automations import list_contact_automations
from ac_mcp.operations.counting import ROWS, based
from ac_mcp.operations.jobs import Where
from ac_mcp.operations.lists import STATUS, list_contact_lists
from ac_mcp.operations.notes import list_contact_notes
from ac_mcp.operations.tags import list_contact_tags
from ac_mcp.spec.annotations import About
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.parameters import ContactRef, Limit, Number
from ac_mcp.spec.resource import Resource

DAYS, LONGEST_TEXT = 90, 200
people = Resource("finding", "findings", (Text("result"),), group="bulk")
timelines = Resource("timeline", "timelines", (Text("result"),), group="bulk")
Read = Callable[[Json], Iterable[Json]]


@people.get(
    "/contacts",
    title="List inactive contacts (gone quiet)",
    single=True,
    verbatim=True,
    extra=True,
    says={"count": COUNT, "contacts": ROWS, "where": TEXTS, "next_after_id": TEXT, "based_on": TEXT, "as_of": TEXT},
)
async def list_inactive_contacts(
    call: Call,
    days: Annotated[int, Field(ge=1, le=3650), About("Days without an open or click", 90, show_example=False)] = DAYS,
    where: Where | None = None,
    limit: Limit = 20,
    after_id: Annotated[Number, About("`next_after_id` of the answer before", "0", show_example=False)] | None = None,
) -> Json:
    """List contacts who have not opened or clicked a mail for some days: dormant, cold, unengaged subscribers. Returns
    how many and the first of them."""
    quiet = Condition.of(INACTIVE, str(days), str(days))
    conditions = [one for one in where or () if isinstance(one, Condition) and one.key != INACTIVE]
    selection = ContactQuery(call.sender, [*conditions, quiet], call.watch)
    found: list[Json] = []
    count = 0
    async for rows in selection.pages(as_int(after_id)):
        count += len(rows)
        found += rows[: limit - len(found)]
        await call.progress(selection.read, None, f"{selection.read} contacts read")
    told: Json = {"count": count, "contacts": [person(row, ("opened", OPENED), ("clicked", CLICKED)) for row in found]}
    told |= {"where": describe_conditions([*conditions, quiet])}
    notes = ["Contacts younger than that do not count. bulk_update_contacts takes the same conditions in where."]
    if count > len(found):
        told["next_after_id"] = str(found[-1]["id"])
    elif not selection.complete:
        told["next_after_id"] = str(max(selection.last, as_int(after_id)))
    if not selection.complete:
        notes.append(f"Time was up after id {selection.last}: count is of those up to there.")
    return told | {"note": " ".join(notes)} | based(call, selection.read)


def person(row: Json, *dates: tuple[str, str], created: bool = False) -> Json:
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
    told = {"id": str(row.get("id")), "email": str(row.get("email") or ""), "name": name[:100]}
    told |= {f"last_{word}": day for word, key in dates if (day := str(row.get(key) or "")[:10]).strip("0-")}
    told |= {"created": str(row.get("cdate") or "")[:10]} if created else {}
    return {key: value for key, value in told.items() if value}


@people.get(
    "/contacts",
    title="Find duplicate contacts",
    single=True,
    verbatim=True,
    extra=True,
    says={
        "groups": ROWS,
        "total": COUNT,
        "same_email": COUNT,
        "same_phone": COUNT,
        "same_name": COUNT,
        "next_after_id": TEXT,
        "where": TEXTS,
        "based_on": TEXT,
        "as_of": TEXT,
    },
)
async def find_duplicates(
    call: Call,
    by: Annotated[Literal["any", "email", "phone", "name"], About("What they share")] = "any",
    where: Where | None = None,
    limit: Limit = 10,
) -> Json:
    """Find duplicates: contacts who may be the same person, by spelling of e-mail, phone or full name. Returns groups;
    merging is done in ActiveCampaign."""
    conditions = [one for one in where or () if isinstance(one, Condition)]
    selection = ContactQuery(call.sender, conditions, call.watch)
    groups: dict[tuple[str, str], list[Json]] = {}
    async for rows in selection.pages():
        for row in rows:
            for kind, key in likenesses(row):
                if by in ("any", kind):
                    groups.setdefault((kind, key), []).append(person(row, created=True))
        await call.progress(selection.read, None, f"{selection.read} contacts read")
    several = [(kind, rows) for (kind, _), rows in groups.items() if len(rows) > 1]
    seen = set[tuple[str, ...]]()
    told: list[Json] = []
    totals: dict[str, int] = dict.fromkeys(ORDER, 0)
    for kind, rows in sorted(several, key=lambda one: (ORDER.index(one[0]), -len(one[1]), as_int(one[1][0]["id"]))):
        ids = tuple(str(row["id"]) for row in rows)
        if ids not in seen:  # the strongest reason is enough
            seen.add(ids)
            totals[kind] += 1
            told.append({"same": kind, "contacts": rows[:10], **({"more": len(rows) - 10} if len(rows) > 10 else {})})
    by_kind = {f"same_{kind}": count for kind, count in totals.items()}
    answer: Json = {"groups": told[:limit], "total": len(told), **by_kind, "where": describe_conditions(conditions)}
    notes = [] if selection.complete else [f"Time was up after {selection.read} contacts; narrow it with where."]
    return answer | based(call, selection.read) | ({"note": " ".join(notes)} if notes else {})


ORDER = ("email", "phone", "name")
"""From the strongest reason to the weakest."""
DOTLESS = ("gmail.com", "googlemail.com")


def likenesses(row: Json) -> Iterable[tuple[str, str]]:
    """What two contacts of one person would share."""
    if key := mailbox(str(row.get("email") or "")):
        yield "email", key
    digits = re.sub(r"\D", "", str(row.get("phone") or ""))
    if len(digits) >= 7:
        yield "phone", digits[-10:]
    name = plainly(" ".join(str(row.get(key) or "") for key in ("firstName", "lastName")))
    if len(name.split()) > 1:
        yield "name", name


def mailbox(email: str) -> str:
    """The box that mail reaches: without what stands after a plus, and at Google without dots."""
    local, _, domain = email.casefold().partition("@")
    local = local.partition("+")[0]
    domain = "gmail.com" if domain in DOTLESS else domain
    return f"{local.replace('.', '') if domain in DOTLESS else local}@{domain}" if local and domain else ""


def plainly(name: str) -> str:
    """Without case and accents."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())


@timelines.get(
    "/contacts/{contact}",
    title="Show a contact's timeline (history)",
    verbatim=True,
    extra=True,
    names={
        "contact_id": "contacts", "tag_id": "tags", "list_id": "lists", "automation_id": "automations",
        "campaign_id": "campaigns", "stage_id": "dealStages",
    },
    quotes=("text",),
    says={"contact": TEXT, "contact_id": TEXT, "events": ROWS, "total": COUNT, "not_available": TEXTS, "based_on": TEXT,
          "as_of": TEXT, "from_account": TEXTS, "hidden_here": TEXTS},
)  # fmt: skip
async def contact_timeline(call: Call, contact: ContactRef, limit: Limit = 30) -> Json:
    """Show what happened with a person, newest first: history of tags, lists, automations, deals, notes, e-mails,
    visits. Returns the latest events only."""
    path = f"/contacts/{contact}"
    profile = as_object((await read(call, path)).get("contact"))  # whoever is not there has no history
    mails = {"filters[subscriberid]": contact, "orders[tstamp]": "DESC", "limit": "100"}
    reads: dict[str, tuple[Awaitable[Json], str, Read]] = {
        "tags": (list_contact_tags(call, contact), "contactTags", tagged),
        "lists": (list_contact_lists(call, contact), "contactLists", listed),
        "automations": (list_contact_automations(call, contact), "contactAutomations", automated),
        "notes": (list_contact_notes(call, contact), "notes", noted),
        "deals": (read(call, f"{path}/deals"), "deals", dealt),
        "e-mails": (read(call, "/emailActivities", **mails), "emailActivities", mailed),
        "visits": (read(call, f"{path}/trackingLogs"), "trackingLogs", visited),
        "bounces": (read(call, f"{path}/bounceLogs"), "bounceLogs", bounced),
        "mailings": (read(call, f"{path}/contactLogs"), "contactLogs", sent),
    }
    answers = await gather([allowed(awaited) for awaited, _, _ in reads.values()])
    missing = [word for word, answer in zip(reads, answers, strict=True) if answer is None]
    events = list(born(profile))
    for (_, key, of), answer in zip(reads.values(), answers, strict=True):
        events += [event for row in as_objects((answer or {}).get(key)) for event in of(row)]
    dated = sorted(
        (event for event in events if event["at"].strip("0-: ")), key=lambda event: event["at"], reverse=True
    )
    told: Json = {"contact_id": contact, "events": dated[:limit], "total": len(dated)}
    told |= {"not_available": missing} if missing else {}
    return told | {"based_on": f"{len(reads) + 1} reads of ActiveCampaign", "as_of": based(call, 0)["as_of"]}


async def read(call: Call, path: str, **query: str) -> Json:
    return (await call.sender.send(Request("GET", path, query, repeatable=True))).body


async def allowed(awaited: Awaitable[Json]) -> Json | None:
    """Unless the plan or the user's rights leave it out."""
    try:
        return await awaited
    except (Forbidden, NotFound):
        return None


def event(moment: Any, what: str, **more: Any) -> Json:
    return {"at": str(moment or "")[:16].replace("T", " "), "what": what} | {k: v for k, v in more.items() if v}


def born(row: Json) -> Iterable[Json]:
    yield event(row.get("cdate"), "created")
    yield event(row.get(OPENED), "last opened a mail")
    yield event(row.get(CLICKED), "last clicked in a mail")


def tagged(row: Json) -> Iterable[Json]:
    yield event(row.get("cdate"), "tagged", tag_id=str(row.get("tag")))


def listed(row: Json) -> Iterable[Json]:
    yield event(row.get("sdate"), "joined list", list_id=str(row.get("list")))
    if str(row.get("status")) in ("2", "3"):
        yield event(row.get("udate"), STATUS[str(row["status"])], list_id=str(row.get("list")))


def automated(row: Json) -> Iterable[Json]:
    id = str(row.get("seriesid") or row.get("automation") or "")
    yield event(row.get("adddate"), "entered automation", automation_id=id)
    if str(row.get("status")) == "2":
        yield event(row.get("remdate"), "ended automation", automation_id=id)


def noted(row: Json) -> Iterable[Json]:
    yield event(row.get("cdate"), "note", text=shortened(row.get("note")))


def dealt(row: Json) -> Iterable[Json]:
    state = {"1": "won", "2": "lost"}.get(str(row.get("status")), "open")
    about = {"deal_id": str(row.get("id")), "text": shortened(row.get("title"))}
    yield event(row.get("cdate"), f"deal added (now {state})", stage_id=str(row.get("stage") or ""), **about)


def mailed(row: Json) -> Iterable[Json]:
    yield event(row.get("tstamp"), "e-mail", text=shortened(row.get("subject")))


def visited(row: Json) -> Iterable[Json]:
    yield event(row.get("tstamp"), "visit", text=shortened(f"{row.get('type') or ''} {row.get('value') or ''}".strip()))


def bounced(row: Json) -> Iterable[Json]:
    yield event(row.get("tstamp"), "mail bounced", campaign_id=str(row.get("campaignid") or ""))


def sent(row: Json) -> Iterable[Json]:
    yield event(row.get("tstamp"), f"campaign {row.get('type') or 'log'}", campaign_id=str(row.get("campaignid") or ""))


def shortened(text: Any) -> str:
    said = " ".join(str(text or "").split())
    return said if len(said) <= LONGEST_TEXT else f"{said[:LONGEST_TEXT]}…"
