"""Segments: saved conditions on contacts. The API can read them and who matches them (reference 12)."""

from ac_mcp.columns import Date, Text
from ac_mcp.operation import Call
from ac_mcp.parameters import AllOfThem, Further
from ac_mcp.request import Json
from ac_mcp.resource import Resource

segments = Resource(
    "segment",
    "segments",
    (Text("name"), Date("created", "created_timestamp")),
    directory=True,
    example="Engaged customers",
)


@segments.get("/segments", tool=False)
async def list_segments(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """The segments of the account."""
    return await call()
