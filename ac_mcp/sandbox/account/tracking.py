"""Tracking on and off, the events that are tracked, and the account's own kinds of records (reference 13, 14)."""

from ac_mcp.sandbox.rest.columns import columns, text
from ac_mcp.sandbox.rest.crud import Handler
from ac_mcp.sandbox.rest.errors import Refusal, invalid
from ac_mcp.sandbox.rest.queries import page
from ac_mcp.sandbox.rest.resource import Answer, Call, Resource
from ac_mcp.sandbox.rest.store import Row, eq

SWITCHES = Resource(
    "trackingSwitches", "trackingSwitch", "", columns("name= enabled=0 id=@id"), verbs="", indexes="name"
)

EVENTS = Resource(
    "eventTrackingEvents",
    "eventTrackingEvent",
    "EventTrackingEvent",
    columns("name="),
    total=int,
    verbs="list create",
    writes="name",
    required={"name": "The event name was not provided."},
    prepare=lambda call, sent, row: _unknown(call, sent),
)

SCHEMAS = Resource("customObjectSchemas", "schema", "", columns("uuid= schema=[]"), verbs="", raw="schema")


def _unknown(call: Call, sent: Row) -> Row:
    if call.store.find("eventTrackingEvents", eq("name", str(sent["name"]))):
        raise invalid("The event name is already in use.", "duplicate", "name")
    return sent


def forget(call: Call) -> Answer:
    """By its name (reference 13)."""
    row = call.store.find("eventTrackingEvents", eq("name", call.path["name"]))
    if row is None:
        raise Refusal(404, {"message": f"No Result found for EventTrackingEvent with name {call.path['name']}"})
    call.store.delete("eventTrackingEvents", eq("name", str(row["name"])))
    return Answer(200, {})


def switch(name: str) -> Handler:
    """Whether it is on; with a body, from now on."""

    def handle(call: Call) -> Answer:
        row = call.store.find("trackingSwitches", eq("name", name)) or {"enabled": "0"}
        wanted = call.wrapped(name).get("enabled")
        if wanted is not None:
            row = call.store.update("trackingSwitches", row["id"], {"enabled": text(wanted)})
        return Answer(200, {name: {"enabled": row["enabled"] in ("1", "true")}})

    return handle


def schemas(call: Call) -> Answer:
    limit, offset = page(call)
    rows = call.store.select("customObjectSchemas", limit=limit, offset=offset)
    total = call.store.count("customObjectSchemas")
    meta = {"total": total, "count": len(rows), "limit": limit, "offset": offset}
    return Answer(200, {"schemas": [row["schema"] for row in rows], "meta": meta})


def schema(call: Call) -> Answer:
    """A kind of records; a 404 of these names nothing (reference 14)."""
    row = call.store.find("customObjectSchemas", eq("uuid", call.path["id"]))
    if row is None:
        raise Refusal(404, {"message": "Not Found"})
    return Answer(200, {"schema": row["schema"]})
