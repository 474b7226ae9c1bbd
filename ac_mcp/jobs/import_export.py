"""Starts and previews imports, and starts and resumes exports, from the arguments of a call."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from ac_mcp.errors import BadArguments, Unconfirmed
from ac_mcp.filters.conditions import Condition
from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.jobs.exports import CONTACT_COLUMNS
from ac_mcp.jobs.import_table import (
    CustomField,
    ImportTable,
    normalize_header,
    parse_table,
    prepare_table,
)
from ac_mcp.jobs.imports import count_requests
from ac_mcp.jobs.model import Item, is_running
from ac_mcp.jobs.preview import JobPreview, without_personal_data
from ac_mcp.jobs.service import JobService, require_complete_record
from ac_mcp.jobs.sources import MatchingDeals
from ac_mcp.messages import Json
from ac_mcp.operations.fields import parse_value
from ac_mcp.spec import synonyms
from ac_mcp.spec.job_plan import JobPlan, kind_of_job
from ac_mcp.storage.redaction import REDACTED
from ac_mcp.text import fold
from ac_mcp.writes.confirmation import ConfirmationPolicy

SAMPLES = 10
"""Contacts, and rejected rows, that an answer lists."""
STANDARD = {name for names in synonyms.HEADERS.values() for name in names}
"""Normalized headers that stand for no custom field."""


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
    content: Json = {
        "matched": len(table.rows),
        "samples": [{key: row[key] for key in names if key in row} for row in table.rows[:SAMPLES]],
        "does": describe_effects(service, body),
        "takes": f"{batches} batch{'es' if batches > 1 else ''}, then looks at the result, about {max(3, batches)} s",
    }
    content |= describe_table(table, await fetch_new_tags(service, table))
    if table.rejected:
        content |= {"rejected": len(table.rejected), "rejects": summarize_rejects(table)}
    also = ["An import cannot be taken back.", "Who has unsubscribed from a list is not put back on it."]
    if not plan.get("options"):
        also.append("Automations that start when a contact joins a list or gets a tag run, and may send mail.")
    if "account" in table.columns.values():
        also.append("Companies that are not there yet are created.")
    content["also"] = also
    return JobPreview(content, service.fingerprint({**plan, "rows": table.rows}, len(table.rows)))


async def understand_table(service: JobService, body: Mapping[str, Any]) -> tuple[JobPlan, ImportTable]:
    """Return the plan of an import, and its table.

    Raises:
        BadArguments: for a table that cannot be read or mapped.
    """
    text = service.files.read(str(body["file"])) if body.get("file") else str(body["data"])
    headers, rows = parse_table(text)
    assignments = dict(parse_assignment(text, headers) for text in body.get("columns") or ())
    common: Json = {}
    if body.get("tags"):
        common["tags"] = [service.names.name("tags", id) for id in body["tags"]]
    if body.get("lists"):
        common["subscribe"] = [{"listid": int(id)} for id in body["lists"]]
    tags = await fetch_tag_names(service) if has_tags_column(headers, assignments) else {}
    fields = await fetch_custom_fields(service, headers, assignments)
    table = await prepare_table(headers, rows, assignments, fields, common, tags)
    plan: JobPlan = {
        "kind": "import",
        "steps": [],
        "options": {"exclude_automations": True} if body.get("automations") is False else {},
    }
    plan["titles"] = {custom_field.id: custom_field.title for custom_field in fields}
    return plan, table


async def begin_import(service: JobService, plan: JobPlan, table: ImportTable) -> Json:
    """Start the job of an import and return its report. Rejected rows are items that have failed."""
    items = [Item(n, 0, str(row["email"]), prior=row) for n, row in enumerate(table.rows)]
    rejected = [
        Item(len(items) + n, 0, f"row {number}", "failed", reason=reason, prior={"row": row})
        for n, (row, reason, number) in enumerate(table.rejected)
    ]
    stored: JobPlan = {**plan, "masked": True} if service.lean else plan
    contacts: dict[int, Json] = {}
    if service.lean:  # no personal data is stored
        contacts = {item.n: item.prior or {} for item in items}
        items = [Item(item.n, 0, "…") for item in items]
        rejected = [Item(item.n, 0, item.subject, "failed", reason=without_quotes(item.reason)) for item in rejected]
    job, is_new = await service.jobs.begin(service.change, stored, 0, [*items, *rejected], all=True)
    return await service.run_job(job, plan, contacts) if is_new else await service.follow(job.id)


def parse_assignment(text: str, headers: list[str]) -> tuple[str, str]:
    """Parse `Header=target`, where the header may contain a "=" itself."""
    positions = [position for position, letter in enumerate(text) if letter == "="]
    position = next((position for position in reversed(positions) if text[:position].strip() in headers), positions[0])
    return text[:position].strip(), text[position + 1 :].strip()


def has_tags_column(headers: list[str], assignments: Mapping[str, str]) -> bool:
    """Return whether a column may hold tags."""
    return bool({normalize_header(name) for name in (*headers, *assignments.values())} & set(synonyms.HEADERS["tags"]))


async def fetch_custom_fields(
    service: JobService, headers: list[str], assignments: Mapping[str, str]
) -> list[CustomField]:
    """Return the account's custom fields if a column may be one, else an empty list."""
    names = [*(header for header in headers if header not in assignments), *assignments.values()]
    if all(normalize_header(name) in STANDARD for name in names):
        return []
    entries = await service.names.all_of(service.reader, "fields")
    return [
        CustomField(entry.id, entry.name, entry.names, lambda text, facts=entry.facts: parse_value(facts, text))
        for entry in entries
    ]


async def fetch_tag_names(service: JobService) -> dict[str, str]:
    """Return the account's tags by normalized name."""
    entries = await service.names.all_of(service.reader, "tags")
    return {fold(name): name for entry in entries for name in entry.names}


async def fetch_new_tags(service: JobService, table: ImportTable) -> list[str]:
    """Return the tags that the import would create."""
    if not table.tags:
        return []
    existing = await fetch_tag_names(service)
    return sorted(tag for tag in table.tags if fold(tag) not in existing)


def describe_effects(service: JobService, body: Mapping[str, Any]) -> list[str]:
    """Return what an import does to each contact, in words."""
    tags = [f"tag {service.names.name('tags', id)}" for id in body.get("tags") or ()]
    lists = [f"subscribe {service.names.name('lists', id)}" for id in body.get("lists") or ()]
    return ["add these contacts, or update who is there", *tags, *lists]


def describe_table(table: ImportTable, new_tags: list[str]) -> Json:
    """Return how the table was understood, as part of an answer."""
    fields: Json = {"columns": table.columns}
    if table.left_out:
        fields["not_imported"] = table.left_out
    if table.merged:
        fields["merged"] = table.merged
    if new_tags:
        fields["creates_tags"] = new_tags
    if table.cleaned:
        fields["note"] = describe_cleaning(table.cleaned)
    return fields


def describe_cleaning(cleaned: Sequence[tuple[int, str]]) -> str:
    """Return how many cells were read without what nobody sees, or without what is put around an address."""
    number, text = cleaned[0]
    cells = "1 cell was" if len(cleaned) == 1 else f"{len(cleaned)} cells were"
    return f"{cells} cleaned of invisible characters or what stood around an address; row {number} is read as {text}."


def summarize_rejects(table: ImportTable) -> list[Json]:
    """Return the first rejected rows as `{"row": "row 7", "reason": "..."}`."""
    return [{"row": f"row {number}", "reason": reason} for _, reason, number in table.rejected[:SAMPLES]]


def without_quotes(reason: str) -> str:
    """Return a reason without the values that it quotes."""
    return re.sub(r"'[^']*'|\"[^\"]*\"|(?<=could mean )\S+ or \S+", REDACTED, reason)


async def export_records(service: JobService, body: Mapping[str, Any]) -> Json:
    """Start an export, or resume one, and return its report.

    Raises:
        BadArguments: for a file that may not be written, or an export that cannot be resumed.
    """
    if body.get("job"):
        return await resume_export(service, int(str(body["job"])))
    conditions = [Condition.from_json(stored) for stored in body["conditions"]]
    plan: JobPlan = {"kind": body["kind"], "steps": [], "conditions": body["conditions"], "format": body["format"]}
    plan["name"] = uuid4().hex[:8]
    if body.get("file"):
        plan["file"] = str(service.files.write(str(body["file"])))
    if fields := await resolve_fields(service, body.get("fields") or ()):
        plan["fields"] = fields
    if body["kind"] == "deals":
        total = (await MatchingDeals(service.reader, conditions).page(0, 1)).total
    else:
        total = (await ContactQuery(service.reader, conditions, service.clock).preview(1))[0].number
    await service.progress(0, total, f"{total} {body['kind']} to export")
    job, is_new = await service.jobs.begin(service.change, without_personal_data(plan) if service.lean else plan)
    return await service.run_job(job, plan) if is_new else await service.follow(job.id)


async def resolve_fields(service: JobService, names: Sequence[str]) -> list[Json]:
    """Return the custom fields of these names as `{"id": ..., "title": ...}`; standard columns are left out."""
    standard = {normalize_header(name) for name in CONTACT_COLUMNS}
    custom = [name for name in names if normalize_header(name) not in standard]
    ids = [await service.names.id(service.reader, "fields", "fields", name) for name in custom]
    return [{"id": id, "title": service.names.name("fields", id) or id} for id in dict.fromkeys(ids)]


async def resume_export(service: JobService, id: int) -> Json:
    """Resume an export that broke off and return its report; of one that runs or is done, only return the report.

    Raises:
        BadArguments: if there is no such export, or its plan was stored without personal data.
    """
    job = await service.jobs.find(service.scope, id)
    if job is None or kind_of_job(job.plan) != "export":
        raise BadArguments(f"job: no export of this account has the id {id}.")
    if service.pool.runs.get(id) or is_running(job, service.jobs.journal.now) or job.state == "done":
        return await service.follow(id)
    require_complete_record(job)
    own_job = await service.jobs.take_over(id)
    return await service.run_job(own_job, own_job.plan) if own_job else await service.report(job)
