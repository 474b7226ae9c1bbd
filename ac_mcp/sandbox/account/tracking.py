"""The tracking switches, the tracked events, and the schemas of custom objects (reference 13, 14)."""

from ac_mcp.sandbox.rest.columns import columns, to_text
from ac_mcp.sandbox.rest.crud import Handler
from ac_mcp.sandbox.rest.errors import Refusal, invalid
from ac_mcp.sandbox.rest.queries import parse_page
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
    prepare=lambda call, sent, row: _require_new(call, sent),
)

SCHEMAS = Resource("customObjectSchemas", "schema", "", columns("uuid= schema=[]"), verbs="", json_keys="schema")


def _require_new(call: Call, sent: Row) -> Row:
    if call.store.find("eventTrackingEvents", eq("name", str(sent["name"]))):
        raise invalid("The event name is already in use.", "duplicate", "name")
    return sent


def delete_event(call: Call) -> Answer:
    """Delete an event by its name (reference 13)."""
    row = call.store.find("eventTrackingEvents", eq("name", call.path["name"]))
    if row is None:
        raise Refusal(404, {"message": f"No Result found for EventTrackingEvent with name {call.path['name']}"})
    call.store.delete("eventTrackingEvents", eq("name", str(row["name"])))
    return Answer(200, {})


def switch_handler(name: str) -> Handler:
    """Return a handler that answers whether tracking is on, and switches it first if a body was sent."""

    def handle(call: Call) -> Answer:
        row = call.store.find("trackingSwitches", eq("name", name)) or {"enabled": "0"}
        enabled = call.unwrapped(name).get("enabled")
        if enabled is not None:
            row = call.store.update("trackingSwitches", row["id"], {"enabled": to_text(enabled)})
        return Answer(200, {name: {"enabled": row["enabled"] in ("1", "true")}})

    return handle


def list_schemas(call: Call) -> Answer:
    limit, offset = parse_page(call)
    rows = call.store.select("customObjectSchemas", limit=limit, offset=offset)
    total = call.store.count("customObjectSchemas")
    meta = {"total": total, "count": len(rows), "limit": limit, "offset": offset}
    return Answer(200, {"schemas": [row["schema"] for row in rows], "meta": meta})


def get_schema(call: Call) -> Answer:
    """Return one schema; the 404 does not name what is missing (reference 14)."""
    row = call.store.find("customObjectSchemas", eq("uuid", call.path["id"]))
    if row is None:
        raise Refusal(404, {"message": "Not Found"})
    return Answer(200, {"schema": row["schema"]})
