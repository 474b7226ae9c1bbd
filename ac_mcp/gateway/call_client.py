"""What carries the requests of one call: the gateway for its caller, with a trail of what it wrote."""

from dataclasses import dataclass, field, replace

from ac_mcp.gateway.client import Gateway
from ac_mcp.messages import Caller, Json, Request, Response, as_object, as_objects


@dataclass(slots=True)
class Trail:
    """What a call has written, and every write that it began, whatever became of it."""

    written: list[str] = field(default_factory=list[str])
    attempted: list[str] = field(default_factory=list[str])
    change_id: int = 0
    """The number it has in the record of changes."""


@dataclass(frozen=True, slots=True)
class CallClient:
    """The gateway for one caller, with the trail of its call."""

    gateway: Gateway
    caller: Caller
    trail: Trail

    @property
    def seconds_left(self) -> float:
        """Seconds the call may still take."""
        return self.caller.deadline - self.gateway.clock()

    async def send(self, request: Request) -> Response:
        if request.method != "GET":
            self.trail.attempted.append(request.path)
        reply = await self.gateway.send(request, self.caller)
        if request.method != "GET":
            id = next((one["id"] for value in reply.body.values() if "id" in (one := as_object(value))), "")
            self.trail.written.append(f"{request.method} {request.path}" + (f" (id {id})" if id else ""))
        ours = self.caller.connection_names or self.caller.default_connection
        return self.named(reply) if request.plane == "control" and ours else reply

    def named(self, reply: Response) -> Response:
        """With the user's own names of connections, where Maton notes none."""
        body = reply.body
        if isinstance(body.get("connections"), list):
            rows = [self.own(row) for row in as_objects(body["connections"])]
            gone = bool(self.caller.default_connection) and not any(row.get("usual") for row in rows)
            body = body | {"connections": rows, "usual_is_gone": gone}
        if isinstance(body.get("connection"), dict):
            body = body | {"connection": self.own(as_object(body["connection"]))}
        return replace(reply, body=body)

    def own(self, row: Json) -> Json:
        id, noted = str(row.get("connection_id")), as_object(row.get("metadata"))
        noted = {"name": name, **noted} if (name := self.caller.connection_names.get(id)) else noted
        called = [one.casefold() for one in (id, *noted.values()) if isinstance(one, str)]
        return (
            row | {"metadata": noted} | ({"usual": True} if self.caller.default_connection.casefold() in called else {})
        )
