"""Import of contacts from a table, and export of contacts and deals to a file."""

import json
from typing import Annotated, Literal

from pydantic import BeforeValidator

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, Request
from ac_mcp.operations.changes import JOB_SCHEMA
from ac_mcp.operations.counting import ROWS_SCHEMA
from ac_mcp.operations.jobs import Where, WhereDeals
from ac_mcp.spec.annotations import About, Ref, Unlisted
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Effects, Offered, Understood
from ac_mcp.spec.parameters import Name, Number
from ac_mcp.spec.resource import ApiShape, Resource

File = Annotated[str, About("Path of a file instead", "leads.csv", show_example=False)]
COLUMNS_SCHEMA: Json = {"type": "object", "description": "What each header is imported as"}
IMPORT_SCHEMA: Json = {
    **JOB_SCHEMA, "merged": COUNT, "rejected": COUNT, "columns": COLUMNS_SCHEMA, "not_imported": TEXTS,
    "creates_tags": TEXTS, "rejects": ROWS_SCHEMA,
}  # fmt: skip
"""Output schema of an import, by key."""
EXPORT_SCHEMA: Json = {**JOB_SCHEMA, "file": TEXT, "resource": TEXT, "rows": COUNT, "columns": TEXTS, "as_of": TEXT}
"""Output schema of an export, by key."""

imports = Resource("import", "imports", (Text("result"),), plane="local", group="bulk", api=ApiShape(wrapped=False))
exports = Resource("export", "exports", (Text("result"),), plane="local", group="bulk", api=ApiShape(wrapped=False))


def to_json_text(value: object) -> object:
    """Return rows that a host sends as JSON values as JSON text; return any other value unchanged."""
    return json.dumps(value) if isinstance(value, list | dict) else value


@imports.post(
    "/imports",
    title="Import contacts (leads) from a table",
    destructive=True,
    idempotent=True,
    answer=Answer(verbatim=True, says=IMPORT_SCHEMA),
    offered=Offered(takes_tables=True),
    effects=Effects(starts="when a contact joins a list, gets a tag or changes"),
)
async def import_contacts(
    call: Call,
    data: Annotated[
        str,
        BeforeValidator(to_json_text),
        About("CSV with a header, or JSON rows", "email,first_name\nann@acme.com,Ann", show_example=False),
    ]
    | None = None,
    file: File | None = None,
    columns: Annotated[list[Name], Unlisted(), About("Header=what it is", ["Mail=email"], show_example=False)]
    | None = None,
    tags: Annotated[list[Name], Ref("tags", several=True), About("For all of them", ["VIP"], show_example=False)]
    | None = None,
    lists: Annotated[
        list[Name], Ref("lists", several=True), About("For all of them", ["Newsletter"], show_example=False)
    ]
    | None = None,
    automations: Annotated[bool, Unlisted(), About("Whether automations start", True, show_example=False)]
    | None = None,
) -> Json:
    """Import leads, rows of a CSV or spreadsheet: add or update many contacts, with tags and lists. Returns counts,
    rejected rows; above 25 asks first."""
    if bool(data) == bool(file):
        raise BadArguments("Give the rows as data or as file, one of them.")
    if invalid := next((column for column in columns or () if "=" not in column), None):
        raise BadArguments(f'columns: "{invalid[:80]}" is not of the form Header=email.')
    return await call()


Format = Annotated[Literal["csv", "jsonl"], About("Form of the file")]
JobId = Annotated[Number, Unlisted(), About("An export that broke off", "7", show_example=False)]


@exports.get(
    "/exports/contacts",
    title="Export contacts to a file",
    answer=Answer(is_single=True, verbatim=True, says=EXPORT_SCHEMA),
    offered=Offered(on_request=True),
    understood=Understood(reveals=lambda arguments: "Custom fields" if arguments.get("fields") else ""),
)
async def export_contacts(
    call: Call,
    where: Where | None = None,
    fields: Annotated[list[Name], About("Custom fields too", ["Plan"], show_example=False)] | None = None,
    format: Format = "csv",
    file: File | None = None,
    job: JobId | None = None,
) -> Json:
    """Export contacts to CSV or JSON Lines: download all people, or those who meet conditions. Returns a link to the
    file."""
    return await export(call, "contacts")


@exports.get(
    "/exports/deals",
    title="Export deals to a file",
    answer=Answer(is_single=True, verbatim=True, says=EXPORT_SCHEMA),
    offered=Offered(on_request=True),
)
async def export_deals(
    call: Call,
    where: WhereDeals | None = None,
    format: Format = "csv",
    file: File | None = None,
    job: JobId | None = None,
) -> Json:
    """Export deals to CSV or JSON Lines: download all opportunities, or those that meet conditions. Returns a link to
    the file."""
    return await export(call, "deals")


async def export(call: Call, kind: str) -> Json:
    """Send an export of contacts or deals (`kind`) to this server; return the payload of its answer."""
    arguments = call.present_arguments
    conditions = [condition.to_json() for condition in arguments.pop("where", ())]
    body = {"kind": kind, "conditions": conditions, **arguments}
    request = Request(
        "GET", call.operation.path, body=body, plane="local", repeatable=True, operation=call.operation.name
    )
    return (await call.sender.send(request)).body
