"""Accounts in ActiveCampaign's sense: the companies to which contacts and deals belong."""

from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_objects
from ac_mcp.operations.account_fields import account_values, list_account_field_values
from ac_mcp.spec.annotations import About, Wire
from ac_mcp.spec.columns import Date, Number, Reference, Text
from ac_mcp.spec.operation import Call, gather_payloads, with_own_words
from ac_mcp.spec.options import Answer, Effects, Encoding, Offered
from ac_mcp.spec.parameters import AccountRef, ContactRef, Further, Id, Limit, Name, Offset, OwnerRef, Search, Website
from ac_mcp.spec.resource import ApiShape, Lookup, Resource

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
    lost_for_good="its id, its notes; deals of it lose their company",
    lookup=Lookup(directory=True, find=lambda name: {"search": name}),
    api=ApiShape(refuses_second=True, sparse=True),
)
account_contacts = Resource(
    "accountContact",
    "accountContacts",
    (Reference("account", kind="accounts"), Reference("contact", kind="contacts"), Text("job_title", "jobTitle")),
    noun="account",
    nouns="accounts",
    link=True,
)
company_contacts = Resource(
    "accountContact", "accountContacts", account_contacts.columns, noun="account_contact", nouns="account_contacts",
    group="accounts", link=True,
)  # fmt: skip
"""The same associations as rows of their own list, where one row is an `account_contact` and not an account."""


@accounts.get("/accounts", title="List companies (accounts)", encoding=Encoding(query={"count_deals": "true"}))
async def list_accounts(call: Call, search: Search | None = None, limit: Limit = 20, offset: Further = 0) -> Json:
    """List or search accounts: which companies (organizations) are in the CRM. Returns a page and total."""
    return await call()


@accounts.post("/accounts", title="Create a company (account)")
async def create_account(
    call: Call,
    name: Annotated[Name, About("Company name", "Acme", show_example=False)],
    website: Annotated[Website, Wire("accountUrl")] | None = None,
    owner: OwnerRef | None = None,
) -> Json:
    """Create an account: a new company, organisation or business. Returns its id; an existing name is refused."""
    return await call()


@accounts.get(
    "/accounts/{account}",
    title="Show a company (account)",
    answer=Answer(beside=(account_values,)),
    offered=Offered(on_request=True),
)
async def get_account(call: Call, account: AccountRef) -> Json:
    """Show one account (company, organization): website, owner, custom fields. Who works there:
    list_account_contacts."""
    return await gather_payloads(call(), list_account_field_values(call, account))


@accounts.put("/accounts/{account}", title="Change a company (account)", offered=Offered(on_request=True))
async def update_account(
    call: Call,
    account: AccountRef,
    name: Annotated[Name, About("Company name", "Acme", show_example=False)] | None = None,
    website: Annotated[Website, Wire("accountUrl")] | None = None,
    owner: OwnerRef | None = None,
) -> Json:
    """Update an account (company): rename it, change website or owner. Returns it; custom fields:
    set_account_field_value."""
    return await call()


@accounts.delete("/accounts/{account}", title="Delete a company (account)", offered=Offered(on_request=True))
async def delete_account(call: Call, account: AccountRef) -> Json:
    """Delete an account (company); its contacts stay. Returns its name; undone only in part."""
    return await call()


@company_contacts.get("/accountContacts", title="List a company's contacts", offered=Offered(on_request=True))
async def list_account_contacts(
    call: Call,
    account: Annotated[AccountRef, Wire("filters[account]")] | None = None,
    contact: Annotated[ContactRef, Wire("filters[contact]")] | None = None,
    limit: Limit = 20,
    offset: Offset = 0,
) -> Json:
    """List who works at an account (company), or where a contact works, with job titles. Returns a page."""
    return await call()


@account_contacts.post(
    "/accountContacts",
    title="Put a contact into a company",
    idempotent=True,
    offered=Offered(on_request=True),
    effects=Effects(reports=("account_contact_add",)),
)
async def add_contact_to_account(
    call: Call,
    contact: ContactRef,
    account: AccountRef,
    job_title: Annotated[str, About("Job title", "Head of Sales", show_example=False)] | None = None,
) -> Json:
    """Put a contact into an account: who works at a company, and as what; also changes the job title. Returns if it
    was there."""
    associations = as_objects((await list_account_contacts(call, contact=contact))["accountContacts"])
    current = next((row for row in associations if str(row.get("account")) == account), None)
    if associations and current is None:
        other = associations[0].get("account")
        error = BadArguments(
            f"The contact is in another account (id {other}): a contact can be in one only. "
            "remove_contact_from_account takes it out of that one."
        )
        error.replacement = (list_account_contacts.name, {"contact": contact})
        raise error
    if current is None:
        return with_own_words(await call(), result="added")
    if job_title in (None, current.get("jobTitle")):
        return with_own_words({"accountContact": current}, result="already in it")
    payload = await change_job(call, str(current["id"]), contact, account, str(job_title))
    return with_own_words(payload, result="job title changed")


@account_contacts.put("/accountContacts/{id}", offered=Offered(as_tool=False))
async def change_job(call: Call, id: Id, contact: Id, account: Id, job_title: str) -> Json:
    """What a contact is at its company."""
    return await call()


@account_contacts.delete(
    "/accountContacts/{id}",
    title="Take a contact out of a company",
    destructive=False,
    offered=Offered(on_request=True),
)
async def remove_contact_from_account(call: Call, contact: ContactRef, account: AccountRef) -> Json:
    """Take a contact out of an account (company): somebody no longer works there. Returns if it was in it."""
    rows = as_objects((await list_account_contacts(call, contact=contact))["accountContacts"])
    associations = [row for row in rows if str(row.get("account")) == account and row.get("id")]
    for association in associations:
        await call(id=association["id"])
    return with_own_words({}, result="taken out" if associations else "was not in it")
