"""Changes to many contacts or deals in one call: previewed, confirmed, and resumed where they break off."""

from typing import Annotated, Any, Literal

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, Request
from ac_mcp.operations.changes import JOB_SCHEMA
from ac_mcp.operations.deals import STATUS
from ac_mcp.spec.annotations import About, Ref, Unlisted, Wire
from ac_mcp.spec.columns import COUNT, TEXT, TEXTS, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer
from ac_mcp.spec.parameters import AutomationRef, Fields, ListRef, Number, OwnerRef, PipelineRef, StageRef, TagRef
from ac_mcp.spec.resource import ApiShape, Resource

Contacts = Annotated[
    list[str], Ref("contacts", several=True), About("Ids or e-mails", ["jane@acme.com"], show_example=False)
]
Deals = Annotated[list[str], Ref("deals", several=True), About("Ids or titles", ["Acme renewal"], show_example=False)]
Where = Annotated[
    list[str],
    Ref("contacts", conditions=True),
    About(
        "All hold: tag, list, automation, status, search, created_after, inactive_days, custom field",
        ["tag=VIP", "list!=News", "Plan=Pro"],
    ),
]
WhereDeals = Annotated[
    list[str],
    Ref("deals", conditions=True),
    About(
        "All hold: stage, pipeline, owner, status, search, min_value, created_after",
        ["owner=Ann", "status=open"],
    ),
]
jobs = Resource(
    "job",
    "jobs",
    (Text("result"),),
    plane="local",
    group="bulk",
    noun="job",
    nouns="jobs",
    api=ApiShape(wrapped=False),
)


@jobs.post(
    "/jobs/contacts",
    title="Change many contacts at once (bulk)",
    destructive=True,
    idempotent=True,
    answer=Answer(verbatim=True, says=JOB_SCHEMA),
)
async def bulk_update_contacts(
    call: Call,
    contacts: Contacts | None = None,
    where: Where | None = None,
    add_tag: TagRef | None = None,
    remove_tag: TagRef | None = None,
    subscribe: ListRef | None = None,
    unsubscribe: ListRef | None = None,
    fields: Fields | None = None,
    add_to_automation: AutomationRef | None = None,
    remove_from_automation: AutomationRef | None = None,
) -> Json:
    """Tag, untag, subscribe, set fields or enroll in an automation: one contact, many, everyone who meets conditions.
    Returns counts, failures; above 25 asks first."""
    steps: list[Json] = [
        {"do": word, "id": id}
        for word, id in (
            ("tag", add_tag),
            ("untag", remove_tag),
            ("subscribe", subscribe),
            ("unsubscribe", unsubscribe),
            ("enter", add_to_automation),
            ("leave", remove_from_automation),
        )
        if id
    ]
    steps += [{"do": "fields", "values": fields}] if fields else []
    if is_same(add_tag, remove_tag) or is_same(subscribe, unsubscribe):
        raise BadArguments("The same tag or list is to be added and removed: only one of them can be.")
    return await start_job(call, "contacts", contacts, where, steps, ("add_tag", "VIP"))


def is_same(added: str | None, removed: str | None) -> bool:
    """Return whether the same tag or list is to be added and removed."""
    return added is not None and added == removed


@jobs.post(
    "/jobs/deals",
    title="Change many deals at once (bulk)",
    destructive=True,
    idempotent=True,
    answer=Answer(verbatim=True, says=JOB_SCHEMA),
)
async def bulk_update_deals(
    call: Call,
    deals: Deals | None = None,
    where: WhereDeals | None = None,
    stage: StageRef | None = None,
    pipeline: Annotated[PipelineRef, Unlisted()] | None = None,
    owner: OwnerRef | None = None,
    status: Annotated[Literal["open", "won", "lost"], Wire("status", STATUS), About("State")] | None = None,
) -> Json:
    """Move, reassign, hand over or close many deals: all that meet conditions. Returns counts, failures; above 25 asks
    first."""
    changes = {"stage": stage, "pipeline": pipeline, "owner": owner, "status": status}
    present = {name: value for name, value in changes.items() if value is not None}
    steps: list[Json] = [{"do": "deal", "changes": present}] if present else []
    return await start_job(call, "deals", deals, where, steps, ("owner", "Priya Nair"))


async def start_job(call: Call, kind: str, ids: Any, where: Any, steps: list[Json], example: tuple[str, str]) -> Json:
    """Start a job that runs these steps on the records with these ids, or on all that meet the conditions in `where`.

    `example` is an argument that names a step, for the suggested call where there is none.

    Raises:
        BadArguments: if both or neither of ids and conditions are present, or there are no steps.
    """
    if not ids and not where:
        condition = "tag=VIP" if kind == "contacts" else "status=open"
        raise BadArguments(
            f"Which {kind}: by {kind} or by where.", {**call.present_arguments, "where": [condition]}, example=True
        )
    if ids and where:
        raise BadArguments(f"{kind} and where are two ways to say which: only one of them can be given.")
    if not steps:
        argument, value = example
        raise BadArguments("Nothing to do was given.", {**call.present_arguments, argument: value}, example=True)
    plan: Json = {"kind": kind, "steps": steps}
    if ids:
        plan["given"] = ids
    else:
        plan["conditions"] = [condition.to_json() for condition in where]
    request = Request(
        "POST",
        call.operation.path,
        body={"plan": plan},
        plane="local",
        repeatable=True,
        operation=call.operation.name,
    )
    return (await call.sender.send(request)).body


@jobs.post(
    "/jobs/{job}",
    title="Follow, resume or stop a bulk job",
    idempotent=True,
    answer=Answer(
        verbatim=True,
        says={**JOB_SCHEMA, "file": TEXT, "rows": COUNT, "columns": TEXTS, "resource": TEXT, "as_of": TEXT},
    ),
)
async def follow_job(
    call: Call,
    job: Annotated[Number, About("`job` of an answer", "7", show_example=False)],
    action: Annotated[Literal["watch", "resume", "stop"], About("What to do")] = "watch",
) -> Json:
    """Watch a bulk job or import, resume one that broke off, or stop it: progress, what failed. Returns counts only."""
    return await call()
