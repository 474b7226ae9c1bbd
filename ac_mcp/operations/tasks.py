"""Tasks: calls, meetings and other to-dos on a deal or a contact; and the types of tasks."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.spec.annotations import About, Ref, Wire
from ac_mcp.spec.columns import Code, Prose, Reference, Text, Time
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Effects, Offered
from ac_mcp.spec.parameters import AllOfThem, ContactRef, Day, DealRef, Further, Limit, Name, OwnerRef
from ac_mcp.spec.resource import Lookup, Resource, named_by

STATUS = {"open": "0", "done": "1"}
OWNER_TYPES = {"deal": "Deal", "contact": "Subscriber"}
"""What a task can be on, and the API's `reltype` for it (reference 5.4)."""


def parse_moment(text: str) -> str:
    """Parse a day, or a day and time; return it in the form that the API takes, YYYY-MM-DDTHH:MM:SS.

    Raises:
        ValueError: if the text is neither, or has a time zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a moment of the form YYYY-MM-DD HH:MM") from None
    if moment.tzinfo is not None:
        raise ValueError("has a time zone: give the time in the account's own, without Z or an offset")
    return moment.isoformat(timespec="seconds")


Due = Annotated[
    str,
    AfterValidator(parse_moment),
    Wire("duedate"),
    About("YYYY-MM-DD HH:MM, in the account's time zone", "2026-02-03 10:00", show_example=False),
]
TaskRef = Annotated[str, Ref("dealTasks"), About("Title or id", "Call Jane", show_example=False)]
TaskTypeRef = Annotated[
    str, Ref("dealTasktypes"), Wire("dealTasktype"), About("Such as Call, Email", "Call", show_example=False)
]
Title = Annotated[Name, About("What is to be done", "Call Jane", show_example=False)]
Note = Annotated[str, About("Details", "Ask about the renewal", show_example=False)]
Assignee = Annotated[OwnerRef, Wire("assignee")]

tasks = Resource(
    "dealTask",
    "dealTasks",
    (
        Text("title"),
        Reference("type", "dealTasktype", kind="dealTasktypes"),
        Time("due", "duedate"),
        Code("status", codes={code: word for word, code in STATUS.items()}),
        Reference("deal", kind="deals"),
        Reference("contact", kind="contacts"),
        Reference("assignee", kind="users"),
        Prose("note"),
    ),
    details=(Time("done", "donedate"), Prose("outcome", "outcomeInfo"), Time("created", "cdate")),
    noun="task",
    nouns="tasks",
    lost_for_good="its id, and when it was made",
    lookup=Lookup(called=named_by("title"), find=lambda name: {"filters[title]": name}),
)
task_types = Resource(
    "dealTasktype",
    "dealTasktypes",
    (Text("name", "title"), Code("status", codes={"0": "in use", "1": "switched off"})),
    noun="task_type",
    nouns="task_types",
    group="tasks",
    lost_for_good="its id",
    lookup=Lookup(called=named_by("title"), directory=True),
)


def format_task_count(count: int) -> str:
    """Return "1 task" or "5 tasks"."""
    return "1 task" if count == 1 else f"{count} tasks"


def with_owner(task: Json) -> Json:
    """Return a task with the id of its owner under `deal` or `contact`, beside reltype and relid."""
    return task | {word: task.get("relid") for word, reltype in OWNER_TYPES.items() if reltype == task.get("reltype")}


def with_owners(payload: Json) -> Json:
    """Return a payload with the owner in each of its tasks."""
    if tasks.plural in payload:
        payload = payload | {tasks.plural: [with_owner(task) for task in as_objects(payload[tasks.plural])]}
    if tasks.singular in payload:
        payload = payload | {tasks.singular: with_owner(as_object(payload[tasks.singular]))}
    return payload


def find_owner(call: Call) -> tuple[str, str] | None:
    """Return the parameter and id of the owner that the call's arguments name: `("deal", "7")`, or None.

    Raises:
        BadArguments: if the arguments name both a deal and a contact.
    """
    owners = [(word, str(call.arguments[word])) for word in OWNER_TYPES if call.arguments.get(word)]
    if len(owners) > 1:
        raise BadArguments(
            "A task is on a deal or on a contact, not on both.", {**call.present_arguments, "contact": None}
        )
    return owners[0] if owners else None


@tasks.get("/dealTasks", title="List tasks (to-dos, follow-ups)", offered=Offered(on_request=True))
async def list_tasks(
    call: Call,
    deal: DealRef | None = None,
    contact: ContactRef | None = None,
    assignee: Annotated[OwnerRef, Wire("filters[assignee_userid]")] | None = None,
    type: Annotated[TaskTypeRef, Wire("filters[d_tasktypeid]")] | None = None,
    status: Annotated[Literal["open", "done"], Wire("filters[status]", STATUS), About("State")] | None = None,
    due: Annotated[
        Literal["overdue", "upcoming", "scheduled"],
        Wire("filters[duedate_range]"),
        About("Overdue, within 24 hours, or later"),
    ]
    | None = None,
    due_after: Annotated[Day, Wire("filters[due_after]")] | None = None,
    due_before: Annotated[Day, Wire("filters[due_before]")] | None = None,
    limit: Limit = 20,
    offset: Further = 0,
) -> Json:
    """List tasks: calls, meetings, reminders and follow-ups of a person, deal or colleague, open or overdue. Returns a
    page."""
    owner = find_owner(call)
    filters = {"filters[reltype]": OWNER_TYPES[owner[0]], "filters[relid]": owner[1]} if owner else {}
    return with_owners(await call(deal=None, contact=None, **filters))


@tasks.get("/dealTasks/{task}", title="Show a task (to-do)", offered=Offered(on_request=True))
async def get_task(call: Call, task: TaskRef) -> Json:
    """Show one task: what is to be done, when, by whom, on which deal or contact. Returns its note and outcome too."""
    return with_owners(await call())


@tasks.post(
    "/dealTasks",
    title="Create a task (to-do, reminder)",
    effects=Effects(reports=("deal_task_add", "contact_task_add"), starts="when a task is added"),
    offered=Offered(on_request=True),
)
async def create_task(
    call: Call,
    type: TaskTypeRef,
    due: Due,
    deal: DealRef | None = None,
    contact: ContactRef | None = None,
    title: Title | None = None,
    note: Note | None = None,
    assignee: Assignee | None = None,
) -> Json:
    """Create a task on a deal or contact: schedule a call, e-mail, meeting, reminder or follow-up. Returns its id."""
    owner = find_owner(call)
    if not owner:
        arguments = {**call.present_arguments, "contact": "jane@acme.com"}
        raise BadArguments("One of deal or contact is required.", arguments, example=True)
    return with_owners(await call(deal=None, contact=None, relid=owner[1], ownerType=owner[0]))


@tasks.put(
    "/dealTasks/{task}",
    title="Change or complete a task",
    effects=Effects(reports=("deal_task_complete",), starts="when a task is completed"),
    offered=Offered(on_request=True),
)
async def update_task(
    call: Call,
    task: TaskRef,
    status: Annotated[Literal["open", "done"], Wire("status", STATUS), About("State")] | None = None,
    due: Due | None = None,
    title: Title | None = None,
    type: TaskTypeRef | None = None,
    note: Note | None = None,
    assignee: Assignee | None = None,
    outcome: Annotated[str, Wire("outcomeInfo"), About("How it went", "Wants a quote", show_example=False)]
    | None = None,
) -> Json:
    """Complete, reschedule, reassign or edit a task: mark a to-do done, move its date. Returns it, the rest
    unchanged."""
    return with_owners(await call())


@tasks.delete("/dealTasks/{task}", title="Delete a task (to-do)", offered=Offered(on_request=True))
async def delete_task(call: Call, task: TaskRef) -> Json:
    """Delete a task or reminder for good. Returns its title; to tick it off: update_task."""
    return await call()


@task_types.get("/dealTasktypes", title="List types of tasks", offered=Offered(on_request=True))
async def list_task_types(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List the types tasks can have, such as Call, Email, Meeting. Returns names and ids."""
    return await call()


@task_types.post(
    "/dealTasktypes",
    title="Create a type of tasks",
    effects=Effects(reports=("deal_tasktype_add",), unique=True),
    offered=Offered(on_request=True),
)
async def create_task_type(
    call: Call, name: Annotated[Name, Wire("title"), About("Name", "Site visit", show_example=False)]
) -> Json:
    """Create a type of tasks, for a new kind of to-do. Returns its id."""
    return await call()


@task_types.put(
    "/dealTasktypes/{type}",
    title="Rename a type of tasks",
    effects=Effects(unique=True),
    offered=Offered(on_request=True),
)
async def update_task_type(
    call: Call,
    type: TaskTypeRef,
    name: Annotated[Name, Wire("title"), About("New name", "On-site visit", show_example=False)] | None = None,
    status: Annotated[Literal["in use", "switched off"], Wire("status", {"in use": "0", "switched off": "1"}),
                      About("State")] | None = None,
) -> Json:  # fmt: skip
    """Rename a type of tasks, or switch it off. Returns it; its tasks keep it."""
    return await call()


@tasks.put(
    "/dealTasktypes/{type}/dealTasks", offered=Offered(as_tool=False), effects=Effects(moves="filters[d_tasktypeid]")
)
async def move_tasks(call: Call, type: TaskTypeRef, to: Annotated[TaskTypeRef, Wire("dealTasktype")]) -> Json:
    """Make all tasks of one type tasks of another (reference 5.4)."""
    return await call()


@task_types.delete("/dealTasktypes/{type}", title="Delete a type of tasks", offered=Offered(on_request=True))
async def delete_task_type(
    call: Call,
    type: TaskTypeRef,
    move_tasks_to: Annotated[TaskTypeRef, About("Type its tasks get first", "Email", show_example=False)] | None = None,
) -> Json:
    """Delete a type of tasks; tasks that have it get another one first. Returns its name."""
    if move_tasks_to == type:
        raise BadArguments("move_tasks_to is the type that is to be deleted: name another one.")
    count = as_int(as_object((await list_tasks(call, type=type, limit=1)).get("meta")).get("total"))
    if count and not move_tasks_to:
        raise BadArguments(
            f"{format_task_count(count)} of this type: move_tasks_to has to name the type they get.",
            {**call.present_arguments, "move_tasks_to": "Call"},
            example=True,
        )
    if count and move_tasks_to:
        await move_tasks(call, type, move_tasks_to)
    payload = await call()
    return with_own_words(payload, note=f"{format_task_count(count)} moved.") if count else payload
