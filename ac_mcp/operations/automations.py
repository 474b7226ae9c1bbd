"""Automations: the workflows that run on contacts. The API can read them, not write them."""

from ac_mcp.columns import Code, Date, Number, Reference, Text
from ac_mcp.operation import Call
from ac_mcp.parameters import AutomationRef, Limit, Offset
from ac_mcp.request import Json
from ac_mcp.resource import Resource

STATUS = {"0": "draft", "1": "active", "2": "inactive"}
RUN = {"1": "running", "2": "done"}

automations = Resource(
    "automation",
    "automations",
    (Text("name"), Code("status", codes=STATUS), Number("entered"), Number("exited"), Date("created", "cdate")),
    more=(Date("updated", "mdate"), Text("description"), Reference("owner", "userid", kind="users")),
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


@automations.get("/automations")
async def list_automations(call: Call, limit: Limit = 100, offset: Offset = 0) -> Json:
    """List the automations (workflows, sequences) with status and how many contacts entered."""
    return await call()


@automations.get("/automations/{automation}")
async def get_automation(call: Call, automation: AutomationRef) -> Json:
    """Show one automation: is it active, and how many contacts entered and finished it."""
    return await call()
