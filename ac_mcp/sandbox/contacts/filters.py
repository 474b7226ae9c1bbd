"""The filters, orders and echoed input of the contact list (reference 2.2 and 3.2)."""

import json
from collections.abc import Sequence
from hashlib import md5

from ac_mcp.sandbox.rest.queries import compares_date, contains, equals, parse_number, parse_page, starts_with
from ac_mcp.sandbox.rest.resource import Call, Filter
from ac_mcp.sandbox.rest.store import Among, Clause, Either, Row, Where, as_id, contains_text, eq, one_of

from .segments import member_condition

NAMES = "{firstName} || ' ' || {lastName}"


def matches_text(text: str) -> Either:
    """Return the condition that names, organisation, phone or e-mail contain the text."""
    whole_name = Clause(f"INSTR(LOWER({NAMES}), LOWER(?)) > 0", (text,))
    keys = ("email", "firstName", "lastName", "phone", "orgname")
    return Either(((whole_name,), *((contains_text(key, text),) for key in keys)))


def _search(call: Call, value: str) -> Where | None:
    return matches_text(value) if value else None


def _compares_id(comparison: str) -> Filter:
    def build(call: Call, value: str) -> Where | None:
        return Clause(f"{{id}} {comparison} ?", (parse_number(value),)) if parse_number(value) else None

    return build


def _tied_to(plural: str, column: str) -> Filter:
    """Return a filter for contacts that a row of another collection ties to the given id; 0 and junk filter nothing."""

    def build(call: Call, value: str) -> Where | None:
        return Among("id", plural, "contact", (eq(column, str(parse_number(value))),)) if parse_number(value) else None

    return build


def _on_list(call: Call, value: str) -> Where | None:
    """Filter by `listid`, and by `status` on that list; beside `segmentid` the list is ignored."""
    if not parse_number(value) or parse_number(call.params.get("segmentid", "")):
        return None
    status = call.params.get("status", "-1")
    narrowed = (eq("status", status),) if status in STATUSES else ()
    return Among("id", "contactLists", "contact", (eq("list", str(parse_number(value))), *narrowed))


def _with_status(call: Call, value: str) -> Where | None:
    """Filter by `status` on any list; beside `listid`, `_on_list` has already applied it."""
    if value not in STATUSES or parse_number(call.params.get("listid", "")):
        return None
    return Among("id", "contactLists", "contact", (eq("status", value),))


def _with_ids(call: Call, value: str) -> Where | None:
    """Filter by `ids[]`, repeated, with or without positions."""
    numbers = [as_id(text) for key, text in call.query if key.startswith("ids[")]
    return one_of("id", [number or 0 for number in numbers])


def _segment(call: Call, value: str) -> Where | None:
    return member_condition(call, call.store.get("segments", value)) if parse_number(value) else None


STATUSES = ("0", "1", "2", "3")

FILTERS: dict[str, Filter] = {
    "ids[]": _with_ids,
    "email": equals("email"),
    "filters[email]": equals("email"),
    "email_like": contains("email"),
    "exclude": _compares_id("<>"),
    "formid": _tied_to("contactLists", "form"),
    "id_greater": _compares_id(">"),
    "id_less": _compares_id("<"),
    "listid": _on_list,
    "phone": starts_with("phone"),
    "search": _search,
    "segmentid": _segment,
    "seriesid": _tied_to("contactAutomations", "seriesid"),
    "status": _with_status,
    "tagid": _tied_to("contactTags", "tag"),
    "filters[created_after]": compares_date("cdate", ">="),
    "filters[created_before]": compares_date("cdate", "<"),
    "filters[updated_after]": compares_date("udate", ">="),
    "filters[updated_before]": compares_date("udate", "<"),
}

ORDERS = {
    "cdate": "{cdate}",
    "email": "{email}",
    "first_name": "{firstName}",
    "last_name": "{lastName}",
    "name": f"({NAMES})",
    "score": "(SELECT MAX(CAST({scoreValues.scoreValue} AS INTEGER)) FROM scoreValues"
    " WHERE scoreValues.account = contacts.account AND {scoreValues.contact} = CAST(contacts.id AS TEXT))",
}


def page_input(call: Call) -> Row:
    """Return the echo of the query in the list's meta."""
    parameters = call.params
    limit, offset = parse_page(call)
    numbers = {
        key: parse_number(parameters.get(key, "")) for key in ("formid", "listid", "tagid", "seriesid", "waitid")
    }
    status = int(parameters["status"]) if parameters.get("status") in STATUSES else -1
    text = json.dumps(call.query)
    return {
        "segmentid": parse_number(parameters["segmentid"]) if "segmentid" in parameters else None,
        "formid": numbers["formid"],
        "listid": numbers["listid"],
        "tagid": numbers["tagid"],
        "limit": limit,
        "offset": offset,
        "search": parameters.get("search") or None,
        "sort": None,
        "seriesid": numbers["seriesid"],
        "waitid": numbers["waitid"],
        "status": status,
        "forceQuery": 0,
        "cacheid": md5(text.encode(), usedforsecurity=False).hexdigest(),
    }


def meta(call: Call, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    return {"page_input": page_input(call), "total": str(call.store.count("contacts", *where)), "sortable": True}
