"""Segments with their members, and scores (reference 12)."""

from datetime import timedelta

from ac_mcp.sandbox.rest.columns import columns
from ac_mcp.sandbox.rest.dates import iso
from ac_mcp.sandbox.rest.queries import contains
from ac_mcp.sandbox.rest.resource import Call, Resource
from ac_mcp.sandbox.rest.store import Among, Clause, Row, Where, eq

CACHED = timedelta(hours=1)

SEGMENTS = Resource(
    "segments",
    "segment",
    "Segment",
    columns("""name= logic=and hidden=0 seriesid=0 segmentid_v2=~ created_timestamp=@clock updated_timestamp=@clock
    created_by=1 updated_by=1 links=@links id=@id"""),
    verbs="list get",
    filters={"filters[name]": contains("name")},
    orders={"id": ""},  # real accounts ignore it
)


def member_condition(call: Call, segment: Row | None) -> Where:
    """Return the condition for a segment's members; the first request finds none and starts a query, whose result
    serves the requests of the next hour (reference 2.8)."""
    if segment is None:
        return Clause("0")
    running = segment.get("asked", "") > iso(call.now - CACHED)
    if not running:
        call.store.update("segments", segment["id"], {"asked": call.stamp})
        return Clause("0")
    return Among("id", "contactTags", "contact", (eq("tag", str(segment.get("tag", "0"))),))


SCORES = Resource(
    "scores",
    "score",
    "Score",
    columns("reltype=contact name= descript= status=1 cdate=@now mdate=@now links=@links id=@id"),
    verbs="list get",
)
