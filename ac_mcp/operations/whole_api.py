"""The whole API behind three tools: find an operation for a task, run one that reads, run one that writes.

An operation that these tools run is either declared in this package, without a tool on this server, or in the
catalogue. It runs in place of the generic tool (`tools.access`), with its own arguments, preview, audit entries,
confirmation and undo.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from ac_mcp.messages import Json
from ac_mcp.operations.changes import parse_object
from ac_mcp.spec.annotations import About, Unlisted
from ac_mcp.spec.columns import TEXT, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer
from ac_mcp.spec.parameters import Name
from ac_mcp.spec.resource import ApiShape, Resource

OperationId = Annotated[Name, About("Id, from find_operations", "scores.list", show_example=False)]
OperationArguments = Annotated[
    dict[str, Any],
    BeforeValidator(parse_object),
    WithJsonSchema({"type": "string"}),
    About("Its arguments, as JSON text", '{"contact": "jane@acme.com"}', show_example=False),
]
OPERATIONS_SCHEMA: Json = {
    "type": "array",
    "items": {"type": "object", "description": "id, what it does, kind, how it is run, what it takes"},
}

api = Resource(
    "operation",
    "operations",
    (Text("does"),),
    plane="local",
    group="api",
    api=ApiShape(wrapped=False),
)


@api.get(
    "/operations",
    title="Find an operation",
    answer=Answer(is_single=True, verbatim=True, says={"operations": OPERATIONS_SCHEMA, "next": TEXT}),
)
async def find_operations(
    call: Call,
    query: Annotated[Name, About("What is wanted, in plain words", "add a call task", show_example=False)],
    limit: Annotated[int, Unlisted(), Field(ge=1, le=20), About("At most so many", 5, show_example=False)] = 5,
) -> Json:
    """Find how to do what no tool here is for: tasks, forms, scores, messages, deal fields, orders, addresses, groups.
    Returns operations and what each takes."""
    return await call()


@api.post(
    "/operations/read", title="Read by any operation", read_only=True, idempotent=True, answer=Answer(verbatim=True)
)
async def read_operation(call: Call, id: OperationId, arguments: OperationArguments | None = None) -> Json:
    """Run a reading operation of find_operations. Returns rows or one record, a page."""
    return await call()


@api.post("/operations/write", title="Write by any operation", destructive=True, answer=Answer(verbatim=True))
async def write_operation(call: Call, id: OperationId, arguments: OperationArguments | None = None) -> Json:
    """Run a writing operation of find_operations: it may delete or send mail. Returns the result; asks first where
    what it deletes, overwrites or mails cannot be undone."""
    return await call()
