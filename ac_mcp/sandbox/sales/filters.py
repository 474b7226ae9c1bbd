"""The filters, orders and currency totals of the deal list (reference 5.1)."""

from collections.abc import Sequence
from datetime import timedelta

from ac_mcp.sandbox.rest.dates import iso
from ac_mcp.sandbox.rest.queries import compares_date, contains, equals
from ac_mcp.sandbox.rest.resource import Call, Filter
from ac_mcp.sandbox.rest.store import Among, Clause, Either, Row, Where, contains_text, eq


def _search(call: Call, value: str) -> Where | None:
    """Search title, contact and organisation, or only what `search_field` names."""
    if not value:
        return None
    field = call.params.get("filters[search_field]", "all")
    options: dict[str, Where] = {
        "title": contains_text("title", value),
        "contact": _by_contact(value),
        "org": _by_company(value),
    }
    return options[field] if field in options else Either(tuple((option,) for option in options.values()))


def _by_contact(value: str) -> Where:
    """Match first names with the first word and last names with the rest; a single word also matches e-mails."""
    first, _, rest = value.strip().partition(" ")
    names: tuple[Where, ...] = (contains_text("firstName", first), contains_text("lastName", rest))
    if not rest:
        names = (Either(tuple((contains_text(key, first),) for key in ("firstName", "lastName", "email"))),)
    return Among("contact", "contacts", "id", names)


def _by_company(value: str) -> Where:
    return Among("account", "accounts", "id", (contains_text("name", value),))


def _compares_value(comparison: str) -> Filter:
    """Return a filter in dollars over a column in cents."""

    def build(call: Call, value: str) -> Where | None:
        try:
            return Clause(f"CAST({{value}} AS INTEGER) {comparison} ?", (float(value) * 100,))
        except ValueError:
            return None

    return build


def _by_tag(call: Call, value: str) -> Where | None:
    """Filter by a tag of the contact; -1 is any tag, -2 is no tag."""
    if value in ("-1", "-2"):
        return Among("contact", "contactTags", "contact", absent=value == "-2")
    return Among("contact", "contactTags", "contact", (eq("tag", value),)) if value else None


def _by_next_date(call: Call, value: str) -> Where | None:
    soon = iso(call.now + timedelta(hours=24))
    ranges = {
        "upcoming": Clause("{nextdate} BETWEEN ? AND ?", (call.stamp, soon)),
        "scheduled": Clause("{nextdate} > ?", (soon,)),
        "overdue": Clause("{nextdate} < ?", (call.stamp,)),
        "no-task": Clause("{nextdate} IS NULL"),
    }
    return ranges.get(value)


def _by_open_task(call: Call, value: str) -> Where | None:
    """Filter by the type of an open task."""
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
    "filters[nextdate_range]": _by_next_date,
    "filters[tasktype]": _by_open_task,
    "filters[tag]": _by_tag,
    "filters[created_before]": compares_date("cdate", "<"),
    "filters[created_after]": compares_date("cdate", ">="),
    "filters[updated_before]": compares_date("mdate", "<"),
    "filters[updated_after]": compares_date("mdate", ">="),
    "filters[minimum_value]": _compares_value(">="),
    "filters[maximum_value]": _compares_value("<="),
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
    """Return number and value of all deals the filter finds, per currency; an empty array if there are none."""
    sums = call.store.group_totals("deals", "currency", *where, summed="value")
    currencies = {str(code).upper(): total for code, total in sums.items()}
    totals = {
        code: {"total": str(number), "value": str(value), "currency": code, "isDisabled": False}
        for code, (number, value) in currencies.items()
    }
    return {"currencies": totals or [], "total": call.store.count("deals", *where)}
