"""The gateway for the requests of one call, or of one job."""

from dataclasses import dataclass, field, replace

from ac_mcp.gateway.client import Gateway
from ac_mcp.gateway.whole_lists import send_whole
from ac_mcp.messages import Caller, Json, Request, Response, as_object, as_objects

JOB_REQUEST_SECONDS = 90.0
"""Seconds one request of a job may take, the wait for its turn included."""


@dataclass(slots=True)
class Trail:
    """What one call has written so far; it outlives the call's end, whatever that is."""

    written: list[str] = field(default_factory=list[str])
    """The writes that were answered, such as "POST /tags (id 3)"."""
    attempted: list[str] = field(default_factory=list[str])
    """The path of every write that was begun, whatever became of it."""
    sent_at: list[float] = field(default_factory=list[float])
    """When each try of a write left, in seconds of the gateway's clock."""


@dataclass(frozen=True, slots=True)
class CallClient:
    """The gateway for one call: its caller, and the trail of its writes."""

    gateway: Gateway
    caller: Caller
    trail: Trail

    @property
    def seconds_left(self) -> float:
        """Seconds that the call may still take."""
        return self.caller.deadline - self.gateway.clock()

    async def send(self, request: Request) -> Response:
        """Send a request through the gateway and note what it writes.

        Raises:
            GatewayError: see Gateway.send.
        """
        if request.method != "GET":
            self.trail.attempted.append(request.path)
        response = await send_whole(
            lambda each: self.gateway.send(each, self.caller, self.trail.sent_at.append), request
        )
        if request.method != "GET":
            id = next((row["id"] for value in response.body.values() if "id" in (row := as_object(value))), "")
            self.trail.written.append(f"{request.method} {request.path}" + (f" (id {id})" if id else ""))
        if request.plane == "control":
            response = replace(response, body=with_usual_shape(request, response.body))
        if request.plane == "control" and (self.caller.connection_names or self.caller.default_connection):
            return with_own_names(response, self.caller)
        return response


@dataclass(frozen=True, slots=True)
class BackgroundClient:
    """The gateway for a job: its requests come after interactive ones, and each has a deadline of its own."""

    gateway: Gateway
    caller: Caller

    async def send(self, request: Request) -> Response:
        """Send a request of the job within JOB_REQUEST_SECONDS.

        Raises:
            GatewayError: see Gateway.send.
        """
        caller = replace(self.caller, bulk=True, deadline=self.gateway.clock() + JOB_REQUEST_SECONDS)
        return await send_whole(lambda each: self.gateway.send(each, caller), request)


def with_usual_shape(request: Request, body: Json) -> Json:
    """Return an answer of Maton's with its connection under `connection` and the id under `connection_id`.

    A new connection comes flat, nested, or with the id spelt `connection_Id` (corrections, "Maton").
    """
    row = with_usual_id(as_object(body.get("connection")) or body)
    if request.method == "POST" and row.get("connection_id"):
        return {**{key: value for key, value in body.items() if key not in row}, "connection": row}
    if isinstance(body.get("connection"), dict):
        return body | {"connection": row}
    if isinstance(body.get("connections"), list):
        return body | {"connections": [with_usual_id(row) for row in as_objects(body["connections"])]}
    return body


def with_usual_id(row: Json) -> Json:
    """Return a connection's row with its id under `connection_id`, however the key is spelt."""
    return {"connection_id" if key.lower() in ("connection_id", "connectionid") else key: row[key] for key in row}


def with_own_names(response: Response, caller: Caller) -> Response:
    """Return an answer about connections with the user's own names, where Maton notes none.

    The connection that the user chose has `"usual": True`.
    """
    body = response.body
    if isinstance(body.get("connections"), list):
        rows = [with_own_name(row, caller) for row in as_objects(body["connections"])]
        gone = bool(caller.default_connection) and not any(row.get("usual") for row in rows)
        response = replace(response, body=(body := body | {"connections": rows}), chosen_is_gone=gone)
    if isinstance(body.get("connection"), dict):
        body = body | {"connection": with_own_name(as_object(body["connection"]), caller)}
    return replace(response, body=body)


def with_own_name(row: Json, caller: Caller) -> Json:
    """Return a connection's row with the user's own name for it."""
    id, metadata = str(row.get("connection_id")), as_object(row.get("metadata"))
    if name := caller.connection_names.get(id):
        metadata = {"name": name, **metadata}
    names = [name.casefold() for name in (id, *metadata.values()) if isinstance(name, str)]
    is_chosen = caller.default_connection.casefold() in names
    return row | {"metadata": metadata} | ({"usual": True} if is_chosen else {})
