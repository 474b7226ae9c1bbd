"""Accounts in ActiveCampaign's sense: the companies that contacts and deals belong to."""

from typing import Annotated

from ac_mcp.columns import Date, Number, Reference, Text
from ac_mcp.marks import About, Wire
from ac_mcp.operation import Call
from ac_mcp.parameters import AccountRef, Further, Id, Limit, Name, OwnerRef, Search, Website
from ac_mcp.request import Json
from ac_mcp.resource import Resource

accounts = Resource(
    "account",
    "accounts",
    (
        Text("name"),
        Text("website", "accountUrl"),
        Reference("owner", kind="users"),
        Number("contacts", "contactCount"),
        Number("deals", "dealCount"),
        Date("created", "createdTimestamp"),
    ),
    directory=True,
    refuses_second=True,
    find=lambda given: {"search": given},
    example="Acme",
)
account_contacts = Resource(
    "accountContact",
    "accountContacts",
    (Reference("account", kind="accounts"), Reference("contact", kind="contacts"), Text("job_title", "jobTitle")),
    one="account",
    many="accounts",
    link=True,
)


@accounts.get("/accounts", title="List companies (accounts)", query={"count_deals": "true"})
async def list_accounts(call: Call, search: Search | None = None, limit: Limit = 20, offset: Further = 0) -> Json:
    """List or search accounts: which companies (organizations) are in the CRM. Returns a page and total."""
    return await call()


@accounts.post("/accounts", title="Create a company (account)")
async def create_account(
    call: Call,
    name: Annotated[Name, About("Company name", "Acme", shown=False)],
    website: Annotated[Website, Wire("accountUrl")] | None = None,
    owner: OwnerRef | None = None,
) -> Json:
    """Create an account: a new company, organisation or business. Returns its id; an existing name is refused."""
    return await call()


@accounts.delete("/accounts/{account}", tool=False)
async def delete_account(call: Call, account: AccountRef) -> Json:
    """Delete a company."""
    return await call()


@account_contacts.post("/accountContacts", tool=False, idempotent=True)  # a second one is refused
async def join_account(call: Call, contact: Id, account: Id, job_title: str | None = None) -> Json:
    """Tie a contact to a company."""
    return await call()
