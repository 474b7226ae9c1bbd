"""What an import or export is to do, from what somebody asks for: rows read, mapped and checked; the file to write."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.filters.conditions import Condition
from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.jobs.approval import FINGERPRINT, reasons_for_bulk, without_personal_data
from ac_mcp.jobs.exports import CONTACT
from ac_mcp.jobs.import_table import NAMES, CustomField, ImportTable, normalize_header, parse_table, prepare_table
from ac_mcp.jobs.imports import count_requests
from ac_mcp.jobs.model import Item, is_running
from ac_mcp.jobs.report import IMPORT
from ac_mcp.jobs.service import JobService, require_complete_record
from ac_mcp.jobs.sources import MatchingDeals
from ac_mcp.messages import Json
from ac_mcp.operations.fields import parse_value
from ac_mcp.storage.redaction import HIDDEN
from ac_mcp.writes.confirmation import ConfirmationPolicy

SHOWN = 10
"""Rejected rows that a preview shows."""
STANDARD = {name for ours, names in NAMES.items() for name in (*names, normalize_header(ours))}


async def import_contacts(bulk: JobService, body: Mapping[str, Any], consent: ConfirmationPolicy | None) -> Json:
    """Contacts from a table, if somebody agrees; without `consent` only what would be done.

    Raises:
        BadArguments: for a table that cannot be read or mapped.
        NeedsYes: before anything is sent.
    """
    plan, done = await understand_table(bulk, body)
    new = await fetch_new_tags(bulk, done)
    if consent is None:
        return preview_import(bulk, plan, done, new, body)
    if not done.rows:
        return {"result": "nothing to do", "rejected": len(done.rejected), "rejects": summarize_rejects(done)}
    if why := reasons_for_bulk(consent, len(done.rows), "contacts"):
        raise ConfirmationRequired(why)
    return (await begin_import(bulk, plan, done)) | describe_table(done, new)


async def understand_table(bulk: JobService, body: Mapping[str, Any]) -> tuple[Json, ImportTable]:
    """What is to be done, and with which rows of the table."""
    text = bulk.files.read(str(body["file"])) if body.get("file") else str(body["data"])
    headers, rows = parse_table(text)
    asked = dict(parse_columns(one, headers) for one in body.get("columns") or ())
    beside: Json = {}
    if body.get("tags"):
        beside["tags"] = [bulk.names.name("tags", id) for id in body["tags"]]
    if body.get("lists"):
        beside["subscribe"] = [{"listid": int(id)} for id in body["lists"]]
    tags = (
        {plain_name(name) for one in await bulk.names.all_of(bulk.reading, "tags") for name in one.names}
        if tags_for_columns(headers, asked)
        else set[str]()
    )
    fields = await custom_fields(bulk, headers, asked)
    done = prepare_table(headers, rows, asked, fields, beside, tags)
    plan: Json = {
        "kind": IMPORT,
        "steps": [],
        "options": {"exclude_automations": True} if body.get("automations") is False else {},
    }
    plan["titles"] = {one.id: one.title for one in fields}
    return plan, done


async def begin_import(bulk: JobService, plan: Json, done: ImportTable) -> Json:
    """The job, with each contact, and each row that cannot be one."""
    items = [Item(n, 0, str(row["email"]), prior=row) for n, row in enumerate(done.rows)]
    lost = [
        Item(len(items) + n, 0, f"row {number}", "failed", reason=reason, prior={"row": row})
        for n, (row, reason, number) in enumerate(done.rejected)
    ]
    kept = {item.n: item.prior or {} for item in items} if bulk.lean else {}
    if bulk.lean:  # nothing about a person goes into the file
        items = [Item(item.n, 0, "…") for item in items]
        lost = [Item(item.n, 0, item.subject, "failed", reason=without_quotes(item.reason)) for item in lost]
    stored = {**plan, **({"masked": True} if bulk.lean else {})}
    job, new = await bulk.jobs.begin(bulk.change, stored, 0, [*items, *lost], all=True)
    return await bulk.run_job(job, plan, kept) if new else await bulk.follow(job.id)


def parse_columns(text: str, headers: list[str]) -> tuple[str, str]:
    """`Header=what it is`, where the header may hold a "=" itself."""
    places = [place for place, letter in enumerate(text) if letter == "="]
    place = next((place for place in reversed(places) if text[:place].strip() in headers), places[0])
    return text[:place].strip(), text[place + 1 :].strip()


def tags_for_columns(headers: list[str], asked: Mapping[str, str]) -> bool:
    return bool({normalize_header(one) for one in (*headers, *asked.values())} & set(NAMES["tags"]))


async def custom_fields(bulk: JobService, headers: list[str], asked: Mapping[str, str]) -> list[CustomField]:
    """The account's fields, where a column may be one."""
    targets = [*(header for header in headers if header not in asked), *asked.values()]
    if all(normalize_header(one) in STANDARD for one in targets):
        return []
    known = await bulk.names.all_of(bulk.reading, "fields")
    return [
        CustomField(one.id, one.name, one.names, lambda text, facts=one.facts: parse_value(facts, text))
        for one in known
    ]


async def fetch_new_tags(bulk: JobService, done: ImportTable) -> list[str]:
    """Tags that the import would make."""
    if not done.tags:
        return []
    known = {plain_name(name) for one in await bulk.names.all_of(bulk.reading, "tags") for name in one.names}
    return sorted(tag for tag in done.tags if plain_name(tag) not in known)


def plain_name(name: str) -> str:
    return " ".join(name.casefold().split())


def preview_import(bulk: JobService, plan: Json, done: ImportTable, new: list[str], body: Mapping[str, Any]) -> Json:
    count = count_requests(len(done.rows))
    names = ("email", "first_name", "last_name")
    told: Json = {
        "matched": len(done.rows),
        "samples": [{key: row[key] for key in names if key in row} for row in done.rows[:SHOWN]],
        "does": describe_effects(bulk, body),
        "takes": f"{count} batch{'es' if count > 1 else ''}, then looks at the result, about {max(3, count)} s",
        FINGERPRINT: bulk.fingerprint({**plan, "rows": done.rows}, len(done.rows)),
    }
    also = ["An import cannot be taken back.", "Who has unsubscribed from a list is not put back on it."]
    if not plan["options"]:
        also.append("Automations that start when a contact joins a list or gets a tag run, and may send mail.")
    if "account" in done.columns.values():
        also.append("Companies that are not there yet are created.")
    rejected = {"rejected": len(done.rejected), "rejects": summarize_rejects(done)} if done.rejected else {}
    return told | describe_table(done, new) | rejected | {"also": also}


def describe_effects(bulk: JobService, body: Mapping[str, Any]) -> list[str]:
    tags = [f"tag {bulk.names.name('tags', id)}" for id in body.get("tags") or ()]
    lists = [f"subscribe {bulk.names.name('lists', id)}" for id in body.get("lists") or ()]
    return ["add these contacts, or update who is there", *tags, *lists]


def describe_table(done: ImportTable, new: list[str]) -> Json:
    """How the table was understood."""
    told: Json = {"columns": done.columns}
    told |= {"not_imported": done.left_out} if done.left_out else {}
    told |= {"merged": done.merged} if done.merged else {}
    return told | ({"creates_tags": new} if new else {})


def summarize_rejects(done: ImportTable) -> list[Json]:
    return [{"row": f"row {number}", "reason": reason} for _, reason, number in done.rejected[:SHOWN]]


def without_quotes(reason: str) -> str:
    """Why, without what."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", HIDDEN, reason)


async def export_records(bulk: JobService, body: Mapping[str, Any]) -> Json:
    """Contacts or deals into a file; one that broke off goes on."""
    if body.get("job"):
        return await resume_export(bulk, int(str(body["job"])))
    conditions = [Condition.from_json(one) for one in body["conditions"]]
    plan: Json = {"kind": body["kind"], "steps": [], "conditions": body["conditions"], "format": body["format"]}
    plan["name"] = uuid4().hex[:8]
    if body.get("file"):
        plan["file"] = str(bulk.files.write(str(body["file"])))
    wanted = [
        one
        for one in body.get("fields") or ()
        if normalize_header(one) not in {normalize_header(name) for name in CONTACT}
    ]
    ids = [await bulk.names.id(bulk.reading, "fields", "fields", one) for one in wanted]
    titles = [{"id": id, "title": bulk.names.name("fields", id) or id} for id in dict.fromkeys(ids)]
    plan |= {"fields": titles} if titles else {}
    if body["kind"] == "deals":
        _, total = await MatchingDeals(bulk.reading, conditions).page(0, 1)
    else:
        total = (await ContactQuery(bulk.reading, conditions, bulk.watch).preview(1))[0].number
    await bulk.progress(0, total, f"{total} {body['kind']} to export")
    job, new = await bulk.jobs.begin(bulk.change, without_personal_data(plan) if bulk.lean else plan)
    return await bulk.run_job(job, plan) if new else await bulk.follow(job.id)


async def resume_export(bulk: JobService, id: int) -> Json:
    job = await bulk.jobs.find(bulk.whose, id)
    if job is None or "format" not in job.plan:
        raise BadArguments(f"job: no export of this account has the id {id}.")
    if bulk.running.runs.get(id) or is_running(job, bulk.jobs.journal.now) or job.state == "done":
        return await bulk.follow(id)
    require_complete_record(job)
    taken = await bulk.jobs.take_over(id)
    return await bulk.run_job(taken, taken.plan) if taken else await bulk.report(job)
