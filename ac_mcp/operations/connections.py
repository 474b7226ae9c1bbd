"""Connections: the ActiveCampaign accounts that Maton holds a sign-in for."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from ac_mcp.columns import Column, Flag, Text, Time
from ac_mcp.errors import BadArguments
from ac_mcp.marks import About, Unlisted
from ac_mcp.operation import Call, say
from ac_mcp.parameters import ConnectionRef, Id
from ac_mcp.request import Json, record, records
from ac_mcp.resource import Resource

App = Annotated[Id, Unlisted(), About("Maton app", "active-campaign", shown=False)]


@dataclass(frozen=True, slots=True)
class SignIn(Column):
    """The sign-in link holds a session token: shown only while it is there to be opened."""

    def read(self, row: Json) -> Any:
        url = row.get("url")
        return url if row.get("status") == "PENDING" and isinstance(url, str) and url else None


def called(row: Json) -> tuple[str, ...]:
    """Whatever Maton noted of the account behind it: its metadata is free."""
    return tuple(value for value in record(row.get("metadata")).values() if isinstance(value, str))


connections = Resource(
    "connection",
    "connections",
    (Text("status"), Flag("default"), Text("app"), Time("created", "creation_time"), SignIn("sign_in_url", "url")),
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
    rows = records(payload.get("connections"))
    active = [row for row in rows if row.get("status") == "ACTIVE"]
    oldest = min(active, key=lambda row: str(row.get("creation_time")), default=None)
    return payload | {"connections": [row | {"default": row is oldest} for row in rows]}


@connections.get("/connections/{connection}", title="Show a connection")
async def get_connection(call: Call, connection: ConnectionRef) -> Json:
    """Check one connection: did its authorization go through. Returns its status; only ACTIVE works."""
    return await call()


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
    connection: Annotated[ConnectionRef, About("To delete: its id", "9a0f6c52-…", shown=False)] | None = None,
) -> Json:
    """Connect an ActiveCampaign account: start an OAuth connection, or delete, revoke one. Returns a sign-in link the
    user needs to open."""
    if action == "delete":
        if not connection:
            raise BadArguments("Deleting needs connection: the id of the one to delete; list_connections() shows them.")
        return say(await delete_connection(call, connection), result="deleted")
    payload = await create_connection(call, "active-campaign")
    id = payload["connection"]["connection_id"]
    todo = f'Ask the user to open sign_in_url and sign in, then check: get_connection(connection="{id}") shows ACTIVE.'
    return say(payload, result="created", note=todo)
