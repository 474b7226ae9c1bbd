"""What an import or export is to do, from what somebody asks for: rows read, mapped and checked; the file to write."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ac_mcp.errors import BadArguments, NeedsYes
from ac_mcp.filters.conditions import Condition
from ac_mcp.filters.contact_query import Selection
from ac_mcp.jobs.approval import SEEN, masked, reasons
from ac_mcp.jobs.exports import CONTACT
from ac_mcp.jobs.import_table import NAMES, CustomField, Prepared, plain, prepared, read
from ac_mcp.jobs.imports import requests
from ac_mcp.jobs.model import Item, held
from ac_mcp.jobs.report import IMPORT
from ac_mcp.jobs.service import Bulk, needs_all
from ac_mcp.jobs.sources import OfDeals
from ac_mcp.messages import Json
from ac_mcp.operations.fields import value
from ac_mcp.storage.redaction import HIDDEN
from ac_mcp.writes.confirmation import Consent

SHOWN = 10
"""Rejected rows that a preview shows."""
STANDARD = {name for ours, names in NAMES.items() for name in (*names, plain(ours))}


async def bring(bulk: Bulk, body: Mapping[str, Any], consent: Consent | None) -> Json:
    """Contacts from a table, if somebody agrees; without `consent` only what would be done.

    Raises:
        BadArguments: for a table that cannot be read or mapped.
        NeedsYes: before anything is sent.
    """
    plan, done = await understood(bulk, body)
    new = await new_tags(bulk, done)
    if consent is None:
        return previewed(bulk, plan, done, new, body)
    if not done.rows:
        return {"result": "nothing to do", "rejected": len(done.rejected), "rejects": rejects(done)}
    if why := reasons(consent, len(done.rows), "contacts"):
        raise NeedsYes(why)
    return (await begun(bulk, plan, done)) | about(done, new)


async def understood(bulk: Bulk, body: Mapping[str, Any]) -> tuple[Json, Prepared]:
    """What is to be done, and with which rows of the table."""
    text = bulk.files.read(str(body["file"])) if body.get("file") else str(body["data"])
    headers, rows = read(text)
    asked = dict(assigned(one, headers) for one in body.get("columns") or ())
    beside: Json = {}
    if body.get("tags"):
        beside["tags"] = [bulk.names.name("tags", id) for id in body["tags"]]
    if body.get("lists"):
        beside["subscribe"] = [{"listid": int(id)} for id in body["lists"]]
    tags = (
        {plain_name(name) for one in await bulk.names.all_of(bulk.reading, "tags") for name in one.names}
        if tagged(headers, asked)
        else set[str]()
    )
    fields = await custom_fields(bulk, headers, asked)
    done = prepared(headers, rows, asked, fields, beside, tags)
    plan: Json = {
        "kind": IMPORT,
        "steps": [],
        "options": {"exclude_automations": True} if body.get("automations") is False else {},
    }
    plan["titles"] = {one.id: one.title for one in fields}
    return plan, done


async def begun(bulk: Bulk, plan: Json, done: Prepared) -> Json:
    """The job, with each contact, and each row that cannot be one."""
    items = [Item(n, 0, str(row["email"]), kept=row) for n, row in enumerate(done.rows)]
    lost = [
        Item(len(items) + n, 0, f"row {number}", "failed", reason=reason, kept={"row": row})
        for n, (row, reason, number) in enumerate(done.rejected)
    ]
    kept = {item.n: item.kept or {} for item in items} if bulk.lean else {}
    if bulk.lean:  # nothing about a person goes into the file
        items = [Item(item.n, 0, "…") for item in items]
        lost = [Item(item.n, 0, item.subject, "failed", reason=unquoted(item.reason)) for item in lost]
    stored = {**plan, **({"masked": True} if bulk.lean else {})}
    job, new = await bulk.jobs.begin(bulk.change, stored, 0, [*items, *lost], all=True)
    return await bulk.run(job, plan, kept) if new else await bulk.follow(job.id)


def assigned(text: str, headers: list[str]) -> tuple[str, str]:
    """`Header=what it is`, where the header may hold a "=" itself."""
    places = [place for place, letter in enumerate(text) if letter == "="]
    place = next((place for place in reversed(places) if text[:place].strip() in headers), places[0])
    return text[:place].strip(), text[place + 1 :].strip()


def tagged(headers: list[str], asked: Mapping[str, str]) -> bool:
    return bool({plain(one) for one in (*headers, *asked.values())} & set(NAMES["tags"]))


async def custom_fields(bulk: Bulk, headers: list[str], asked: Mapping[str, str]) -> list[CustomField]:
    """The account's fields, where a column may be one."""
    targets = [*(header for header in headers if header not in asked), *asked.values()]
    if all(plain(one) in STANDARD for one in targets):
        return []
    known = await bulk.names.all_of(bulk.reading, "fields")
    return [CustomField(one.id, one.name, one.names, lambda text, facts=one.facts: value(facts, text)) for one in known]


async def new_tags(bulk: Bulk, done: Prepared) -> list[str]:
    """Tags that the import would make."""
    if not done.tags:
        return []
    known = {plain_name(name) for one in await bulk.names.all_of(bulk.reading, "tags") for name in one.names}
    return sorted(tag for tag in done.tags if plain_name(tag) not in known)


def plain_name(name: str) -> str:
    return " ".join(name.casefold().split())


def previewed(bulk: Bulk, plan: Json, done: Prepared, new: list[str], body: Mapping[str, Any]) -> Json:
    count = requests(len(done.rows))
    names = ("email", "first_name", "last_name")
    told: Json = {
        "matched": len(done.rows),
        "samples": [{key: row[key] for key in names if key in row} for row in done.rows[:SHOWN]],
        "does": does(bulk, body),
        "takes": f"{count} batch{'es' if count > 1 else ''}, then looks at the result, about {max(3, count)} s",
        SEEN: bulk.fingerprint({**plan, "rows": done.rows}, len(done.rows)),
    }
    also = ["An import cannot be taken back.", "Who has unsubscribed from a list is not put back on it."]
    if not plan["options"]:
        also.append("Automations that start when a contact joins a list or gets a tag run, and may send mail.")
    if "account" in done.columns.values():
        also.append("Companies that are not there yet are created.")
    rejected = {"rejected": len(done.rejected), "rejects": rejects(done)} if done.rejected else {}
    return told | about(done, new) | rejected | {"also": also}


def does(bulk: Bulk, body: Mapping[str, Any]) -> list[str]:
    tags = [f"tag {bulk.names.name('tags', id)}" for id in body.get("tags") or ()]
    lists = [f"subscribe {bulk.names.name('lists', id)}" for id in body.get("lists") or ()]
    return ["add these contacts, or update who is there", *tags, *lists]


def about(done: Prepared, new: list[str]) -> Json:
    """How the table was understood."""
    told: Json = {"columns": done.columns}
    told |= {"not_imported": done.left_out} if done.left_out else {}
    told |= {"merged": done.merged} if done.merged else {}
    return told | ({"creates_tags": new} if new else {})


def rejects(done: Prepared) -> list[Json]:
    return [{"row": f"row {number}", "reason": reason} for _, reason, number in done.rejected[:SHOWN]]


def unquoted(reason: str) -> str:
    """Why, without what."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", HIDDEN, reason)


async def take_out(bulk: Bulk, body: Mapping[str, Any]) -> Json:
    """Contacts or deals into a file; one that broke off goes on."""
    if body.get("job"):
        return await again(bulk, int(str(body["job"])))
    conditions = [Condition(**one) for one in body["conditions"]]
    plan: Json = {"kind": body["kind"], "steps": [], "conditions": body["conditions"], "format": body["format"]}
    plan["name"] = uuid4().hex[:8]
    if body.get("file"):
        plan["file"] = str(bulk.files.write(str(body["file"])))
    wanted = [one for one in body.get("fields") or () if plain(one) not in {plain(name) for name in CONTACT}]
    ids = [await bulk.names.id(bulk.reading, "fields", "fields", one) for one in wanted]
    titles = [{"id": id, "title": bulk.names.name("fields", id) or id} for id in dict.fromkeys(ids)]
    plan |= {"fields": titles} if titles else {}
    if body["kind"] == "deals":
        _, total = await OfDeals(bulk.reading, conditions).page(0, 1)
    else:
        total = (await Selection(bulk.reading, conditions, bulk.watch).glance(1))[0].number
    await bulk.progress(0, total, f"{total} {body['kind']} to export")
    job, new = await bulk.jobs.begin(bulk.change, masked(plan) if bulk.lean else plan)
    return await bulk.run(job, plan) if new else await bulk.follow(job.id)


async def again(bulk: Bulk, id: int) -> Json:
    job = await bulk.jobs.find(bulk.whose, id)
    if job is None or "format" not in job.plan:
        raise BadArguments(f"job: no export of this account has the id {id}.")
    if bulk.running.runs.get(id) or held(job, bulk.jobs.journal.now) or job.state == "done":
        return await bulk.follow(id)
    needs_all(job)
    taken = await bulk.jobs.take(id)
    return await bulk.run(taken, taken.plan) if taken else await bulk.told(job)
