"""Connections: the ActiveCampaign accounts that Maton holds a sign-in for."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from anyio import sleep

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.spec.annotations import About, Unlisted
from ac_mcp.spec.columns import Column, Flag, Text, Time
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.parameters import ConnectionRef, Id
from ac_mcp.spec.resource import Resource

EVERY, LONGEST, SPARE = 2.0, 20.0, 3.0
"""Seconds between two looks at a sign-in, for which a call looks, and that it keeps for the last look."""
NOT_YET = "Nobody has signed in yet: ask the user whether the link works, then call this again."
CHOSEN_GONE = (
    "The connection that was chosen for this server is none of these any more: no call works until another is chosen, "
    "with `ac-mcp connect` in a terminal or with MATON_CONNECTION."
)
SIGNED_IN = "Signed in: describe_account shows which account it is."
App = Annotated[Id, Unlisted(), About("Maton app", "active-campaign", show_example=False)]


@dataclass(frozen=True, slots=True)
class SignIn(Column):
    """The sign-in link holds a session token: shown only while it is there to be opened."""

    def read(self, row: Json) -> Any:
        url = row.get("url")
        return url if row.get("status") == "PENDING" and isinstance(url, str) and url else None


@dataclass(frozen=True, slots=True)
class Named(Column):
    """What it is called; its id tells nobody which account it is."""

    def read(self, row: Json) -> Any:
        return next(iter(called(row)), None)


def called(row: Json) -> tuple[str, ...]:
    """Whatever Maton noted of the account behind it: its metadata is free."""
    return tuple(value for value in as_object(row.get("metadata")).values() if isinstance(value, str))


connections = Resource(
    "connection",
    "connections",
    (
        Named("name", "metadata"),
        Text("status"),
        Flag("default"),
        Text("app"),
        Time("created", "creation_time"),
        SignIn("sign_in_url", "url"),
    ),
    called=called,
    directory=True,
    id_key="connection_id",
    plane="control",
    wrapped=False,
)


@connections.get("/connections", query={"app": "active-campaign"})
async def list_connections(
    call: Call,
    app: App = "active-campaign",
    status: Annotated[Literal["ACTIVE", "PENDING", "FAILED"], Unlisted(), About("State")] | None = None,
) -> Json:
    """List connections: is ActiveCampaign connected (Maton). Returns status and the default."""
    payload = await call()
    rows = as_objects(payload.get("connections"))
    active = [row for row in rows if row.get("status") == "ACTIVE"]
    oldest = min(active, key=lambda row: str(row.get("creation_time")), default=None)
    used = next((row for row in rows if row.get("usual")), oldest)
    if payload.pop("usual_is_gone", False) and status in (None, "ACTIVE"):
        return with_own_words(payload | {"connections": rows}, note=CHOSEN_GONE)
    return payload | {"connections": [row | {"default": row is used} for row in rows]}


def pending(payload: Json) -> bool:
    return as_object(payload.get("connection")).get("status") == "PENDING"


@connections.get("/connections/{connection}", title="Show a connection")
async def get_connection(
    call: Call,
    connection: ConnectionRef,
    wait: Annotated[
        bool, Unlisted(), About("Wait up to 20 seconds until somebody has signed in", True, show_example=False)
    ] = False,
) -> Json:
    """Check one connection: did its authorization go through. Returns its status; only ACTIVE works."""
    payload = await call()
    if not (wait and pending(payload)):
        return payload
    waited = 0.0
    while pending(payload) and waited < LONGEST and call.watch.seconds_left() > EVERY + SPARE:
        await call.progress(waited, LONGEST, "waiting until somebody has signed in")
        await sleep(EVERY)
        waited += EVERY
        payload = await call()
    return with_own_words(payload, note=NOT_YET if pending(payload) else SIGNED_IN)


@connections.post("/connections", tool=False)
async def create_connection(call: Call, app: App) -> Json:
    """Start a connection; its url leads to the sign-in."""
    return await call()


def lost_sign_in(sent: Json, before: Json) -> str:
    return "A deleted connection cannot be restored: somebody has to sign in to ActiveCampaign again."


@connections.delete("/connections/{connection}", tool=False, asks=lost_sign_in)
async def delete_connection(call: Call, connection: ConnectionRef) -> Json:
    """Forget a connection and its sign-in."""
    return await call()


@connections.post("/connections", title="Connect or disconnect an account", destructive=True)
async def manage_connection(
    call: Call,
    action: Annotated[Literal["create", "delete"], About("What to do")],
    connection: Annotated[ConnectionRef, About("To delete: its id", "9a0f6c52-…", show_example=False)] | None = None,
) -> Json:
    """Connect an ActiveCampaign account: start an OAuth connection, or delete, revoke one. Returns a sign-in link the
    user needs to open."""
    if action == "delete":
        if not connection:
            raise BadArguments("Deleting needs connection: the id of the one to delete; list_connections() shows them.")
        return with_own_words(await delete_connection(call, connection), result="deleted")
    payload = await create_connection(call, "active-campaign")
    id = payload["connection"]["connection_id"]
    todo = f'Ask the user to open sign_in_url and sign in; get_connection(connection="{id}", wait=true) waits for it.'
    return with_own_words(payload, result="created", note=todo)
