"""Scores: points that contacts and deals collect."""

from ac_mcp.messages import Json
from ac_mcp.spec.columns import Code, Date, Number, Prose, Reference, Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Offered
from ac_mcp.spec.parameters import AllOfThem, ContactRef, Further
from ac_mcp.spec.resource import Lookup, Resource

scores = Resource(
    "score",
    "scores",
    (
        Text("name"),
        Text("of", "reltype"),
        Prose("description", "descript"),
        Code("status", codes={"0": "off", "1": "on"}),
    ),
    lookup=Lookup(directory=True),
)
score_values = Resource(
    "scoreValue",
    "scoreValues",
    (
        Reference("contact", kind="contacts"),
        Reference("score", kind="scores"),
        Number("points", "scoreValue"),
        Date("updated", "mdate"),
    ),
    noun="score",
    nouns="scores",
    link=True,
)


@scores.get("/scores", title="List scores (lead scoring)", offered=Offered(on_request=True))
async def list_scores(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List the scores (lead scoring) set up for contacts and deals. Returns names only; points: list_contact_scores."""
    return await call()


@score_values.get("/contacts/{contact}/scoreValues", title="List a contact's scores", offered=Offered(on_request=True))
async def list_contact_scores(call: Call, contact: ContactRef) -> Json:
    """List the scores one contact has: how many points, how hot a lead is. Returns each score with its points."""
    return await call()
