"""Automations: the workflows that run on contacts. The API reads automations and cannot write them."""

from ac_mcp.errors import BadArguments, Forbidden
from ac_mcp.messages import Json
from ac_mcp.spec.columns import Code, Date, Number, Prose, Reference, Text
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Effects, Offered
from ac_mcp.spec.parameters import AllOfThem, AutomationRef, ContactRef, Further
from ac_mcp.spec.resource import Lookup, Resource

STATUS = {"0": "draft", "1": "active", "2": "inactive"}
"""The API's codes for the status of an automation."""
RUN_STATUS = {"1": "running", "2": "done"}
"""The API's codes for the status of one contact's run through an automation."""

automations = Resource(
    "automation",
    "automations",
    (Text("name"), Code("status", codes=STATUS), Number("entered"), Number("exited"), Date("created", "cdate")),
    details=(Date("updated", "mdate"), Prose("description"), Reference("owner", "userid", kind="users")),
    lookup=Lookup(directory=True),
)
contact_automations = Resource(
    "contactAutomation",
    "contactAutomations",
    (
        Reference("contact", kind="contacts"),
        Reference("automation", kind="automations"),
        Code("status", codes=RUN_STATUS),
        Date("entered", "adddate"),
    ),
    noun="automation",
    nouns="automations",
    link=True,
    lost_for_good="what the automation has done meanwhile, and how far they were in it",
)


@automations.get("/automations", title="List automations (workflows)")
async def list_automations(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List automations: which workflows or sequences are running. Returns status and counts, a page."""
    return await call()


@automations.get("/automations/{automation}", title="Show an automation (workflow)")
async def get_automation(call: Call, automation: AutomationRef) -> Json:
    """Show one automation: is the workflow turned on, how many people entered. Returns status and counts only."""
    return await call()


@contact_automations.get("/contactAutomations", offered=Offered(as_tool=False))
async def list_entries(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """Who entered which automation."""
    return await call()


@contact_automations.get(
    "/contacts/{contact}/contactAutomations", title="List a contact's automations", offered=Offered(on_request=True)
)
async def list_contact_automations(call: Call, contact: ContactRef) -> Json:
    """List the automations (workflows) one contact is in or has run through. Returns names, since when, if running."""
    return await call()


@contact_automations.post(
    "/contactAutomations",
    title="Add a contact to an automation (workflow)",
    effects=Effects(starts="by hand, this one first of all,"),
    offered=Offered(on_request=True),
)
async def add_to_automation(call: Call, contact: ContactRef, automation: AutomationRef) -> Json:
    """Enroll a contact in an automation: start a workflow, sequence or journey for a person; its mails go out. Returns
    if already in it."""
    runs = await fetch_runs(call, contact, automation)
    running = [row for row in runs if str(row.get("status")) == "1"]
    if running:
        return with_own_words({"contactAutomation": running[0]}, result="already in it")
    try:
        return with_own_words(await call(), result="added")
    except Forbidden:
        if not runs:
            raise
        raise BadArguments("The contact has been through this automation, which may not be entered twice.") from None


@contact_automations.delete(
    "/contactAutomations/{id}", title="Take a contact out of an automation (workflow)", offered=Offered(on_request=True)
)
async def remove_from_automation(call: Call, contact: ContactRef, automation: AutomationRef) -> Json:
    """Remove a contact from an automation: end, stop or exit a workflow for a person. Returns if it was in it; cannot
    be undone."""
    running = [row for row in await fetch_runs(call, contact, automation) if str(row.get("status")) == "1"]
    for row in running:
        await call(id=row["id"])
    return with_own_words({}, result="removed" if running else "was not in it")


async def fetch_runs(call: Call, contact: str, automation: str) -> list[Json]:
    """Fetch the contact's runs through the automation: one `contactAutomations` row for each time it was entered."""
    rows = (await list_contact_automations(call, contact))["contactAutomations"]
    return [row for row in rows if str(row.get("seriesid") or row.get("automation")) == automation and row.get("id")]
