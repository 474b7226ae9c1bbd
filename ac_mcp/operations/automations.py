"""Automations: the workflows that run on contacts. The API can read them, not write them."""

from ac_mcp.columns import Code, Date, Number, Prose, Reference, Text
from ac_mcp.operation import Call
from ac_mcp.parameters import AllOfThem, AutomationRef, Further
from ac_mcp.request import Json
from ac_mcp.resource import Resource

STATUS = {"0": "draft", "1": "active", "2": "inactive"}
RUN = {"1": "running", "2": "done"}

automations = Resource(
    "automation",
    "automations",
    (Text("name"), Code("status", codes=STATUS), Number("entered"), Number("exited"), Date("created", "cdate")),
    more=(Date("updated", "mdate"), Prose("description"), Reference("owner", "userid", kind="users")),
    directory=True,
    example="Welcome series",
)
contact_automations = Resource(
    "contactAutomation",
    "contactAutomations",
    (
        Reference("contact", kind="contacts"),
        Reference("automation", kind="automations"),
        Code("status", codes=RUN),
        Date("entered", "adddate"),
    ),
    one="automation",
    many="automations",
    link=True,
)


@automations.get("/automations", title="List automations (workflows)")
async def list_automations(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List automations: which workflows or sequences are running. Returns status and counts, a page."""
    return await call()


@automations.get("/automations/{automation}", title="Show an automation (workflow)")
async def get_automation(call: Call, automation: AutomationRef) -> Json:
    """Show one automation: is the workflow turned on, how many people entered. Returns status and counts only."""
    return await call()
