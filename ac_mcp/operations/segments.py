"""Segments: saved conditions on contacts. The API can read them and who matches them (reference 12)."""

from ac_mcp.messages import Json
from ac_mcp.spec.columns import Code, Date, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Offered
from ac_mcp.spec.parameters import AllOfThem, Further, SegmentRef
from ac_mcp.spec.resource import Lookup, Resource

segments = Resource(
    "segment",
    "segments",
    (
        Text("name"),
        Code("matches", "logic", codes={"and": "all conditions", "or": "any condition"}),
        Date("created", "created_timestamp"),
    ),
    lookup=Lookup(directory=True),
)


@segments.get("/segments", title="List segments (saved audiences)", offered=Offered(on_request=True))
async def list_segments(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List segments: saved conditions on contacts. Returns names; who matches one: list_contacts with segment."""
    return await call()


@segments.get("/segments/{segment}", title="Show a segment (saved audience)", offered=Offered(on_request=True))
async def get_segment(call: Call, segment: SegmentRef) -> Json:
    """Show one segment. Returns its name and date only, since the API does not tell its conditions."""
    return await call()
