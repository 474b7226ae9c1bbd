"""What carries the requests of one call: the gateway for its caller, with a trail of what it wrote."""

from dataclasses import dataclass, field, replace

from ac_mcp.gateway.client import Gateway
from ac_mcp.messages import Caller, Json, Reply, Request, record, records


@dataclass(slots=True)
class Trail:
    """What a call has written, and every write that it began, whatever became of it."""

    written: list[str] = field(default_factory=list[str])
    tried: list[str] = field(default_factory=list[str])
    change: int = 0
    """The number it has in the record of changes."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The gateway for one caller, with the trail of its call."""

    gateway: Gateway
    caller: Caller
    trail: Trail

    @property
    def left(self) -> float:
        """Seconds the call may still take."""
        return self.caller.deadline - self.gateway.clock()

    async def send(self, request: Request) -> Reply:
        if request.method != "GET":
            self.trail.tried.append(request.path)
        reply = await self.gateway.send(request, self.caller)
        if request.method != "GET":
            id = next((one["id"] for value in reply.body.values() if "id" in (one := record(value))), "")
            self.trail.written.append(f"{request.method} {request.path}" + (f" (id {id})" if id else ""))
        ours = self.caller.names or self.caller.usual
        return self.named(reply) if request.plane == "control" and ours else reply

    def named(self, reply: Reply) -> Reply:
        """With the user's own names of connections, where Maton notes none."""
        body = reply.body
        if isinstance(body.get("connections"), list):
            rows = [self.own(row) for row in records(body["connections"])]
            gone = bool(self.caller.usual) and not any(row.get("usual") for row in rows)
            body = body | {"connections": rows, "usual_is_gone": gone}
        if isinstance(body.get("connection"), dict):
            body = body | {"connection": self.own(record(body["connection"]))}
        return replace(reply, body=body)

    def own(self, row: Json) -> Json:
        id, noted = str(row.get("connection_id")), record(row.get("metadata"))
        noted = {"name": name, **noted} if (name := self.caller.names.get(id)) else noted
        called = [one.casefold() for one in (id, *noted.values()) if isinstance(one, str)]
        return row | {"metadata": noted} | ({"usual": True} if self.caller.usual.casefold() in called else {})
