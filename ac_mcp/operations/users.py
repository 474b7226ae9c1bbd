"""Users: the people who have a login to the account and own deals."""

from ac_mcp.messages import Json
from ac_mcp.spec.columns import Joined, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Offered
from ac_mcp.spec.parameters import AllOfThem, Further, UserRef
from ac_mcp.spec.resource import Lookup, Resource


def get_names(row: Json) -> tuple[str, ...]:
    """Return the names of a user: the full name, e-mail address, user name and first name."""
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
    return tuple(
        filter(None, (name or row.get("username"), row.get("email"), row.get("username"), row.get("firstName")))
    )


users = Resource(
    "user",
    "users",
    (Joined("name", wires=("firstName", "lastName")), Text("email"), Text("username")),
    details=(Text("phone"), Text("time_zone", "localZoneid"), Text("language", "lang")),
    lookup=Lookup(called=get_names, directory=True),
)


@users.get("/users", title="List users (team)")
async def list_users(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List all users: who has a login to the account, which teammates or colleagues can own deals. Returns names and
    e-mails only."""
    return await call()


@users.get("/users/me", title="Show who is signed in", answer=Answer(is_single=True), offered=Offered(on_request=True))
async def get_current_user(call: Call) -> Json:
    """Show the user whose permissions this connection has: who am I, which login. Returns name, e-mail, time zone."""
    return await call()


@users.get("/users/{user}", title="Show a user (team member)")
async def get_user(call: Call, user: UserRef) -> Json:
    """Show one user: which colleague or deal owner. Returns name, e-mail and time zone only."""
    return await call()
