"""Changes made through this server: preview, confirmation, history and undo."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from ac_mcp.messages import Json
from ac_mcp.spec.annotations import About, Unlisted
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Column, Text, Time
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Offered
from ac_mcp.spec.parameters import Further, Limit
from ac_mcp.spec.resource import ApiShape, Resource

ChangeId = Annotated[
    str,
    Field(pattern=r"^[0-9A-Za-z]{1,18}$"),
    About("`change` of a write, or id from list_changes", "7", show_example=False),
]


def parse_object(text: object) -> object:
    """Parse JSON text; return anything else unchanged.

    Hosts with a strict mode cannot send free-form objects, so they send the text of one.

    Raises:
        ValueError: if the text is not JSON.
    """
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text or "{}", parse_constant=reject_constant)
    except (ValueError, RecursionError):
        raise ValueError("is not the JSON of an object") from None


def reject_constant(text: str) -> object:
    """Raise ValueError: JSON has no NaN and no Infinity."""
    raise ValueError(text)


Arguments = Annotated[
    dict[str, Any],
    BeforeValidator(parse_object),
    WithJsonSchema({"type": "string"}),
    About("Its arguments, as JSON text", '{"deal": "Acme renewal", "status": "won"}', show_example=False),
]


@dataclass(frozen=True, slots=True)
class TextList(Column):
    """A list of texts, shown as it is."""

    kind_of_value = TEXTS

    def display(self, raw: Any) -> Any:
        return [str(text) for text in raw]


RECORDS_SCHEMA: Json = {
    "type": "array",
    "items": {"type": "object", "description": "As the API takes it; before and after"},
}
PREVIEW_SCHEMA: Json = {
    "call": TEXT,
    "requests": RECORDS_SCHEMA,
    "changes": RECORDS_SCHEMA,
    "takes_back": TEXT,
    "further_requests": TEXTS,
    "not_restored": TEXTS,
    "also": TEXTS,
    "asks": TEXTS,
    "matched": {"type": "integer", "description": "Of work on many: how many records it reaches"},
    "samples": RECORDS_SCHEMA,
    "does": TEXTS,
    "takes": TEXT,
    "columns": {"type": "object", "description": "Of an import: what each header is imported as"},
    "not_imported": TEXTS,
    "merged": COUNT,
    "creates_tags": TEXTS,
    "rejected": COUNT,
    "rejects": RECORDS_SCHEMA,
    "named": {"type": "object", "description": "What the call names, with ids"},
}
"""Output schema of a preview, by key."""
FAILURES_SCHEMA: Json = {"type": "array", "items": {"type": "object", "description": "Which one, and why"}}
JOB_SCHEMA: Json = {
    "job": TEXT, "total": COUNT, "counts": {"type": "object", "additionalProperties": COUNT}, "left": COUNT,
    "seconds": COUNT, "rate": TEXT, "failed": COUNT, "failures": FAILURES_SCHEMA,
    "matched": COUNT, "next": TEXT, "undo": TEXT, "failures_file": TEXT,
}  # fmt: skip
"""Output schema of a job's state, by key; `seconds` is how long it has run."""


changes = Resource(
    "change",
    "changes",
    (
        Time("at"),
        Text("call"),
        Text("result"),
        Text("undone_by"),
        Text("undoes"),
        TextList("wrote"),
        Text("check"),
        Text("made_by"),
        Text("in_account"),
        Text("job"),
        Text("undo"),
    ),
    plane="local",
    api=ApiShape(wrapped=False),
)


@changes.get("/changes", title="List changes made from here (history)")
async def list_changes(call: Call, limit: Annotated[Limit, Unlisted()] = 20, offset: Further = 0) -> Json:
    """List changes made through this server: history, log, audit of what I did. Returns ids for undo_change, a page."""
    return await call()


@changes.post(
    "/changes/{change}/undo",
    title="Undo a change",
    destructive=True,
    idempotent=True,
    answer=Answer(
        verbatim=True, says={"change": TEXT, "call": TEXT, "restored": TEXTS, "not_restored": TEXTS, **JOB_SCHEMA}
    ),
)
async def undo_change(
    call: Call,
    change: ChangeId,
    even_if: Annotated[
        list[str], Unlisted(), About("Dependents that cannot be looked at", ["notes"], show_example=False)
    ]
    | None = None,
) -> Json:
    """Restore what a change made here replaced or deleted: undo, revert, take back, bring back. Returns what could not
    be restored; only what nobody has changed since."""
    return await call()


@changes.post(
    "/previews",
    title="Preview a change (dry run)",
    read_only=True,
    idempotent=True,
    answer=Answer(verbatim=True, says=PREVIEW_SCHEMA),
    offered=Offered(for_writing=True),
)
async def preview_change(
    call: Call,
    tool: Annotated[str, About("Name of the tool, such as update_deal", "update_deal", show_example=False)],
    arguments: Arguments,
) -> Json:
    """Preview a write without doing it: a dry run, what would happen if. Returns requests, before and after, side
    effects only."""
    return await call()


@changes.post("/confirmations", title="Confirm a change that waits", destructive=True, answer=Answer(verbatim=True))
async def confirm_change(
    call: Call, token: Annotated[str, About("From the answer that asked", "wPq2…", show_example=False)]
) -> Json:
    """Run a change that waits for a yes: confirm, once the user agreed to its preview. Returns that call's answer; only
    once."""
    return await call()
