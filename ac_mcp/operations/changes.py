"""What was written from here: previews before, confirmations, the journal and undo afterwards."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from ac_mcp.messages import Json
from ac_mcp.spec.annotations import About, Unlisted
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Column, Text, Time
from ac_mcp.spec.operation import Call
from ac_mcp.spec.parameters import Further, Limit
from ac_mcp.spec.resource import Resource

ChangeId = Annotated[
    str,
    Field(pattern=r"^[0-9A-Za-z]{1,18}$"),
    About("`change` of a write, or id from list_changes", "7", show_example=False),
]


def unpacked(text: object) -> object:
    """JSON for an object: hosts with a strict mode know no free-form ones. An object itself is taken as well."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text or "{}", parse_constant=no_number)
    except (ValueError, RecursionError):
        raise ValueError("is not the JSON of an object") from None


def no_number(text: str) -> object:
    """Raises ValueError: JSON has no NaN and no Infinity."""
    raise ValueError(text)


Arguments = Annotated[
    dict[str, Any],
    BeforeValidator(unpacked),
    WithJsonSchema({"type": "string"}),
    About("Its arguments, as JSON text", '{"deal": "Acme renewal", "status": "won"}', show_example=False),
]


@dataclass(frozen=True, slots=True)
class Lines(Column):
    """A list of texts."""

    kind_of_value = TEXTS

    def display(self, raw: Any) -> Any:
        return [str(one) for one in raw]


ROWS: Json = {"type": "array", "items": {"type": "object", "description": "As the API takes it; before and after"}}
PREVIEW: Json = {
    "call": TEXT,
    "requests": ROWS,
    "changes": ROWS,
    "takes_back": TEXT,
    "further_requests": TEXTS,
    "not_restored": TEXTS,
    "also": TEXTS,
    "asks": TEXTS,
    "matched": {"type": "integer", "description": "Of work on many: how many records it reaches"},
    "samples": ROWS,
    "does": TEXTS,
    "takes": TEXT,
    "columns": {"type": "object", "description": "Of an import: what each header is imported as"},
    "not_imported": TEXTS,
    "merged": COUNT,
    "creates_tags": TEXTS,
    "rejected": COUNT,
    "rejects": ROWS,
    "named": {"type": "object", "description": "What the call names, with ids"},
}


FAILURES: Json = {"type": "array", "items": {"type": "object", "description": "Which one, and why"}}
JOB: Json = {
    "job": TEXT, "total": COUNT, "counts": {"type": "object", "additionalProperties": COUNT}, "left": COUNT,
    "seconds": COUNT, "rate": TEXT, "failed": COUNT, "failures": FAILURES,
    "matched": COUNT, "next": TEXT, "undo": TEXT, "failures_file": TEXT,
}  # fmt: skip
"""How work on many goes."""


changes = Resource(
    "change",
    "changes",
    (
        Time("at"),
        Text("call"),
        Text("result"),
        Text("undone_by"),
        Text("undoes"),
        Lines("wrote"),
        Text("check"),
        Text("made_by"),
        Text("in_account"),
        Text("job"),
        Text("undo"),
    ),
    plane="local",
    wrapped=False,
    example="7",
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
    verbatim=True,
    says={"change": TEXT, "call": TEXT, "restored": TEXTS, "not_restored": TEXTS, **JOB},
)
async def undo_change(call: Call, change: ChangeId) -> Json:
    """Restore what a change made here replaced or deleted: undo, revert, take back, bring back. Returns what could not
    be restored; only what nobody has changed since."""
    return await call()


@changes.post(
    "/previews",
    title="Preview a change (dry run)",
    read_only=True,
    idempotent=True,
    verbatim=True,
    for_writing=True,
    says=PREVIEW,
)
async def preview_change(
    call: Call,
    tool: Annotated[str, About("Name of the tool, such as update_deal", "update_deal", show_example=False)],
    arguments: Arguments,
) -> Json:
    """Preview a write without doing it: a dry run, what would happen if. Returns requests, before and after, side
    effects only."""
    return await call()


@changes.post("/confirmations", title="Confirm a change that waits", destructive=True, verbatim=True)
async def confirm_change(
    call: Call, token: Annotated[str, About("From the answer that asked", "wPq2…", show_example=False)]
) -> Json:
    """Run a change that waits for a yes: confirm, once the user agreed to its preview. Returns that call's answer; only
    once."""
    return await call()
