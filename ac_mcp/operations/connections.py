"""Connections: Maton's links to ActiveCampaign accounts, each with a sign-in."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from anyio import sleep

from ac_mcp.errors import BadArguments, GatewayError
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.spec.annotations import About, Unlisted
from ac_mcp.spec.columns import Column, Flag, Text, Time
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Effects, Encoding, Offered
from ac_mcp.spec.parameters import ConnectionRef, Id
from ac_mcp.spec.resource import ApiShape, Lookup, Resource

POLL_INTERVAL = 2.0
"""Seconds between two checks of a pending sign-in."""
MAX_WAIT = 20.0
"""Seconds for which one call waits for a sign-in."""
RESERVE = 3.0
"""Seconds of a call's time that are left for the last check."""
NOT_YET = "Nobody has signed in yet: ask the user whether the link works, then call this again."
CHOSEN_GONE = (
    "The connection that was chosen for this server is none of these any more: no call works until another is chosen, "
    "with `ac-mcp connect` in a terminal or with MATON_CONNECTION."
)
SIGNED_IN = "Signed in: describe_account shows which account it is."
App = Annotated[Id, Unlisted(), About("Maton app", "active-campaign", show_example=False)]


@dataclass(frozen=True, slots=True)
class SignInUrl(Column):
    """The sign-in link. It holds a session token, so it is shown only while the sign-in is pending."""

    def read(self, row: Json) -> Any:
        url = row.get("url")
        return url if row.get("status") == "PENDING" and isinstance(url, str) and url else None


@dataclass(frozen=True, slots=True)
class ConnectionName(Column):
    """The first name of a connection; its id tells nobody which account it is."""

    def read(self, row: Json) -> Any:
        return next(iter(get_names(row)), None)


def get_names(row: Json) -> tuple[str, ...]:
    """Return every text in a connection's metadata: Maton's notes on the account have no fixed keys."""
    return tuple(value for value in as_object(row.get("metadata")).values() if isinstance(value, str))


connections = Resource(
    "connection",
    "connections",
    (
        ConnectionName("name", "metadata"),
        Text("status"),
        Flag("default"),
        Text("app"),
        Time("created", "creation_time"),
        SignInUrl("sign_in_url", "url"),
    ),
    plane="control",
    lookup=Lookup(called=get_names, directory=True),
    api=ApiShape(id_key="connection_id", wrapped=False),
)


@connections.get("/connections", encoding=Encoding(query={"app": "active-campaign"}))
async def list_connections(
    call: Call,
    app: App = "active-campaign",
    status: Annotated[Literal["ACTIVE", "PENDING", "FAILED"], Unlisted(), About("State")] | None = None,
) -> Json:
    """List connections: is ActiveCampaign connected (Maton). Returns status and the default."""
    response = await call.respond()
    payload = response.body
    rows = as_objects(payload.get("connections"))
    active = [row for row in rows if row.get("status") == "ACTIVE"]
    oldest = min(active, key=lambda row: str(row.get("creation_time")), default=None)
    default = next((row for row in rows if row.get("usual")), oldest)
    if response.chosen_is_gone and status in (None, "ACTIVE"):
        return with_own_words(payload | {"connections": rows}, note=CHOSEN_GONE)
    return payload | {"connections": [row | {"default": row is default} for row in rows]}


def is_pending(payload: Json) -> bool:
    """Return whether the connection in a payload still waits for its sign-in."""
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
    payload = await call(wait=None)
    if not (wait and is_pending(payload)):
        return payload
    waited = 0.0
    while is_pending(payload) and waited < MAX_WAIT and call.watch.seconds_left() > POLL_INTERVAL + RESERVE:
        await call.progress(waited, MAX_WAIT, "waiting until somebody has signed in")
        await sleep(POLL_INTERVAL)
        waited += POLL_INTERVAL
        payload = await call(wait=None)
    return with_own_words(payload, note=NOT_YET if is_pending(payload) else SIGNED_IN)


@connections.post("/connections", offered=Offered(as_tool=False))
async def create_connection(call: Call, app: App) -> Json:
    """Start a connection; its url leads to the sign-in."""
    payload = await call()
    row = as_object(payload.get("connection"))
    if row.get("url"):
        return payload
    with suppress(GatewayError):  # it was created all the same
        return payload | await get_connection(call, str(row["connection_id"]))
    return payload


def explain_lost_sign_in(sent: Json, before: Json) -> str:
    """Return why deleting a connection needs confirmation."""
    return "A deleted connection cannot be restored: somebody has to sign in to ActiveCampaign again."


@connections.delete(
    "/connections/{connection}", offered=Offered(as_tool=False), effects=Effects(asks=explain_lost_sign_in)
)
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
    note = f'Ask the user to open sign_in_url and sign in; get_connection(connection="{id}", wait=true) waits for it.'
    return with_own_words(payload, result="created", note=note)
