"""What an import or export is to do, from what somebody asks for: rows read, mapped and checked; the file to write."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ac_mcp.errors import BadArguments, Unconfirmed
from ac_mcp.filters.conditions import Condition
from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.jobs.exports import CONTACT
from ac_mcp.jobs.import_table import NAMES, CustomField, ImportTable, normalize_header, parse_table, prepare_table
from ac_mcp.jobs.imports import count_requests
from ac_mcp.jobs.model import Item, is_running
from ac_mcp.jobs.plan import JobPreview, without_personal_data
from ac_mcp.jobs.service import JobService, require_complete_record
from ac_mcp.jobs.sources import MatchingDeals
from ac_mcp.messages import Json
from ac_mcp.operations.fields import parse_value
from ac_mcp.spec.job_plan import JobPlan, kind_of_job
from ac_mcp.storage.redaction import REDACTED
from ac_mcp.writes.confirmation import ConfirmationPolicy

SHOWN = 10
"""Rejected rows that a preview shows."""
STANDARD = {name for ours, names in NAMES.items() for name in (*names, normalize_header(ours))}


async def import_contacts(service: JobService, body: Mapping[str, Any], policy: ConfirmationPolicy) -> Json:
    """Start the import of a table and return its report.

    Raises:
        BadArguments: for a table that cannot be read or mapped.
        Unconfirmed: if the policy wants a confirmation. Nothing was sent.
    """
    plan, table = await understand_table(service, body)
    new_tags = await fetch_new_tags(service, table)
    if not table.rows:
        return {"result": "nothing to do", "rejected": len(table.rejected), "rejects": summarize_rejects(table)}
    if reasons := policy.reasons_for_bulk(len(table.rows), "contacts"):
        raise Unconfirmed(reasons)
    return (await begin_import(service, plan, table)) | describe_table(table, new_tags)


async def preview_import(service: JobService, body: Mapping[str, Any]) -> JobPreview:
    """Return what the import of a table would do.

    Raises:
        BadArguments: for a table that cannot be read or mapped.
    """
    plan, table = await understand_table(service, body)
    batches = count_requests(len(table.rows))
    names = ("email", "first_name", "last_name")
    shown: Json = {
        "matched": len(table.rows),
        "samples": [{key: row[key] for key in names if key in row} for row in table.rows[:SHOWN]],
        "does": describe_effects(service, body),
        "takes": f"{batches} batch{'es' if batches > 1 else ''}, then looks at the result, about {max(3, batches)} s",
    }
    shown |= describe_table(table, await fetch_new_tags(service, table))
    if table.rejected:
        shown |= {"rejected": len(table.rejected), "rejects": summarize_rejects(table)}
    also = ["An import cannot be taken back.", "Who has unsubscribed from a list is not put back on it."]
    if not plan.get("options"):
        also.append("Automations that start when a contact joins a list or gets a tag run, and may send mail.")
    if "account" in table.columns.values():
        also.append("Companies that are not there yet are created.")
    shown["also"] = also
    return JobPreview(shown, service.fingerprint({**plan, "rows": table.rows}, len(table.rows)))


async def understand_table(service: JobService, body: Mapping[str, Any]) -> tuple[JobPlan, ImportTable]:
    """What is to be done, and with which rows of the table."""
    text = service.files.read(str(body["file"])) if body.get("file") else str(body["data"])
    headers, rows = parse_table(text)
    asked = dict(parse_columns(one, headers) for one in body.get("columns") or ())
    beside: Json = {}
    if body.get("tags"):
        beside["tags"] = [service.names.name("tags", id) for id in body["tags"]]
    if body.get("lists"):
        beside["subscribe"] = [{"listid": int(id)} for id in body["lists"]]
    tags = (
        {plain_name(name) for one in await service.names.all_of(service.reader, "tags") for name in one.names}
        if tags_for_columns(headers, asked)
        else set[str]()
    )
    fields = await custom_fields(service, headers, asked)
    done = prepare_table(headers, rows, asked, fields, beside, tags)
    plan: JobPlan = {
        "kind": "import",
        "steps": [],
        "options": {"exclude_automations": True} if body.get("automations") is False else {},
    }
    plan["titles"] = {one.id: one.title for one in fields}
    return plan, done


async def begin_import(service: JobService, plan: JobPlan, done: ImportTable) -> Json:
    """The job, with each contact, and each row that cannot be one."""
    items = [Item(n, 0, str(row["email"]), prior=row) for n, row in enumerate(done.rows)]
    lost = [
        Item(len(items) + n, 0, f"row {number}", "failed", reason=reason, prior={"row": row})
        for n, (row, reason, number) in enumerate(done.rejected)
    ]
    kept = {item.n: item.prior or {} for item in items} if service.lean else {}
    if service.lean:  # nothing about a person goes into the file
        items = [Item(item.n, 0, "…") for item in items]
        lost = [Item(item.n, 0, item.subject, "failed", reason=without_quotes(item.reason)) for item in lost]
    stored: JobPlan = {**plan, "masked": True} if service.lean else plan
    job, new = await service.jobs.begin(service.change, stored, 0, [*items, *lost], all=True)
    return await service.run_job(job, plan, kept) if new else await service.follow(job.id)


def parse_columns(text: str, headers: list[str]) -> tuple[str, str]:
    """`Header=what it is`, where the header may hold a "=" itself."""
    places = [place for place, letter in enumerate(text) if letter == "="]
    place = next((place for place in reversed(places) if text[:place].strip() in headers), places[0])
    return text[:place].strip(), text[place + 1 :].strip()


def tags_for_columns(headers: list[str], asked: Mapping[str, str]) -> bool:
    return bool({normalize_header(one) for one in (*headers, *asked.values())} & set(NAMES["tags"]))


async def custom_fields(service: JobService, headers: list[str], asked: Mapping[str, str]) -> list[CustomField]:
    """The account's fields, where a column may be one."""
    targets = [*(header for header in headers if header not in asked), *asked.values()]
    if all(normalize_header(one) in STANDARD for one in targets):
        return []
    known = await service.names.all_of(service.reader, "fields")
    return [
        CustomField(one.id, one.name, one.names, lambda text, facts=one.facts: parse_value(facts, text))
        for one in known
    ]


async def fetch_new_tags(service: JobService, done: ImportTable) -> list[str]:
    """Tags that the import would make."""
    if not done.tags:
        return []
    known = {plain_name(name) for one in await service.names.all_of(service.reader, "tags") for name in one.names}
    return sorted(tag for tag in done.tags if plain_name(tag) not in known)


def plain_name(name: str) -> str:
    return " ".join(name.casefold().split())


def describe_effects(service: JobService, body: Mapping[str, Any]) -> list[str]:
    tags = [f"tag {service.names.name('tags', id)}" for id in body.get("tags") or ()]
    lists = [f"subscribe {service.names.name('lists', id)}" for id in body.get("lists") or ()]
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
    return re.sub(r"'[^']*'|\"[^\"]*\"", REDACTED, reason)


async def export_records(service: JobService, body: Mapping[str, Any]) -> Json:
    """Contacts or deals into a file; one that broke off goes on."""
    if body.get("job"):
        return await resume_export(service, int(str(body["job"])))
    conditions = [Condition.from_json(one) for one in body["conditions"]]
    plan: JobPlan = {"kind": body["kind"], "steps": [], "conditions": body["conditions"], "format": body["format"]}
    plan["name"] = uuid4().hex[:8]
    if body.get("file"):
        plan["file"] = str(service.files.write(str(body["file"])))
    wanted = [
        one
        for one in body.get("fields") or ()
        if normalize_header(one) not in {normalize_header(name) for name in CONTACT}
    ]
    ids = [await service.names.id(service.reader, "fields", "fields", one) for one in wanted]
    titles: list[Json] = [{"id": id, "title": service.names.name("fields", id) or id} for id in dict.fromkeys(ids)]
    if titles:
        plan["fields"] = titles
    if body["kind"] == "deals":
        total = (await MatchingDeals(service.reader, conditions).page(0, 1)).total
    else:
        total = (await ContactQuery(service.reader, conditions, service.clock).preview(1))[0].number
    await service.progress(0, total, f"{total} {body['kind']} to export")
    job, new = await service.jobs.begin(service.change, without_personal_data(plan) if service.lean else plan)
    return await service.run_job(job, plan) if new else await service.follow(job.id)


async def resume_export(service: JobService, id: int) -> Json:
    job = await service.jobs.find(service.scope, id)
    if job is None or kind_of_job(job.plan) != "export":
        raise BadArguments(f"job: no export of this account has the id {id}.")
    if service.pool.runs.get(id) or is_running(job, service.jobs.journal.now) or job.state == "done":
        return await service.follow(id)
    require_complete_record(job)
    taken = await service.jobs.take_over(id)
    return await service.run_job(taken, taken.plan) if taken else await service.report(job)
