"""The filters, orders and currency totals of the deal list (reference 5.1)."""

from collections.abc import Sequence
from datetime import timedelta

from ac_mcp.sandbox.rest.dates import iso
from ac_mcp.sandbox.rest.queries import contains, dated, equals
from ac_mcp.sandbox.rest.resource import Call, Filter
from ac_mcp.sandbox.rest.store import Among, Clause, Either, Row, Where, eq, holds


def _search(call: Call, value: str) -> Where | None:
    """Title, contact and organisation, or the one `search_field` names."""
    if not value:
        return None
    field = call.params.get("filters[search_field]", "all")
    options: dict[str, Where] = {"title": holds("title", value), "contact": _contact(value), "org": _company(value)}
    return options[field] if field in options else Either(tuple((option,) for option in options.values()))


def _contact(value: str) -> Where:
    """The first word matches first names, the rest last names; an address matches e-mails."""
    first, _, rest = value.strip().partition(" ")
    names: tuple[Where, ...] = (holds("firstName", first), holds("lastName", rest))
    if not rest:
        names = (Either(tuple((holds(key, first),) for key in ("firstName", "lastName", "email"))),)
    return Among("contact", "contacts", "id", names)


def _company(value: str) -> Where:
    return Among("account", "accounts", "id", (holds("name", value),))


def _money(comparison: str) -> Filter:
    """Dollars in the filter, cents in the row."""

    def build(call: Call, value: str) -> Where | None:
        try:
            return Clause(f"CAST({{value}} AS INTEGER) {comparison} ?", (float(value) * 100,))
        except ValueError:
            return None

    return build


def _tagged(call: Call, value: str) -> Where | None:
    """A tag of the contact; -1 is any, -2 none."""
    if value in ("-1", "-2"):
        return Among("contact", "contactTags", "contact", absent=value == "-2")
    return Among("contact", "contactTags", "contact", (eq("tag", value),)) if value else None


def _due(call: Call, value: str) -> Where | None:
    soon = iso(call.now + timedelta(hours=24))
    ranges = {
        "upcoming": Clause("{nextdate} BETWEEN ? AND ?", (call.stamp, soon)),
        "scheduled": Clause("{nextdate} > ?", (soon,)),
        "overdue": Clause("{nextdate} < ?", (call.stamp,)),
        "no-task": Clause("{nextdate} IS NULL"),
    }
    return ranges.get(value)


def _to_do(call: Call, value: str) -> Where | None:
    """Deals with an open task of that type."""
    tasks = (eq("reltype", "Deal"), eq("dealTasktype", value), eq("status", "0"))
    return Among("id", "dealTasks", "relid", tasks) if value else None


FILTERS: dict[str, Filter] = {
    "filters[search]": _search,
    "filters[title]": contains("title"),
    "filters[stage]": equals("stage"),
    "filters[group]": equals("group"),
    "filters[status]": equals("status"),
    "filters[owner]": equals("owner"),
    "filters[organization]": equals("organization"),
    "filters[nextdate_range]": _due,
    "filters[tasktype]": _to_do,
    "filters[tag]": _tagged,
    "filters[created_before]": dated("cdate", "<"),
    "filters[created_after]": dated("cdate", ">"),
    "filters[updated_before]": dated("mdate", "<"),
    "filters[updated_after]": dated("mdate", ">"),
    "filters[minimum_value]": _money(">="),
    "filters[maximum_value]": _money("<="),
}

_CONTACT_NAME = (
    "(SELECT {contacts.firstName} || ' ' || {contacts.lastName} FROM contacts"
    " WHERE contacts.account = deals.account AND contacts.id = CAST({contact} AS INTEGER))"
)
_COMPANY_NAME = (
    "(SELECT {accounts.name} FROM accounts"
    " WHERE accounts.account = deals.account AND accounts.id = CAST({deals.account} AS INTEGER))"
)

ORDERS = {
    "title": "{title}",
    "value": "CAST({value} AS INTEGER)",
    "cdate": "{cdate}",
    "mdate": "{mdate}",
    "contact_name": _CONTACT_NAME,
    "contact_orgname": _COMPANY_NAME,
    "next-action": "{nextdate}",
}


def meta(call: Call, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    """Number and value per currency over everything the filter finds; an empty array when that is nothing."""
    sums = call.store.grouped("deals", "currency", *where, of="value")
    currencies = {str(code).upper(): total for code, total in sums.items()}
    shown = {
        code: {"total": str(number), "value": str(value), "currency": code, "isDisabled": False}
        for code, (number, value) in currencies.items()
    }
    return {"currencies": shown or [], "total": call.store.count("deals", *where)}
