"""The filters, orders and echoed input of the contact list (reference 2.2 and 3.2)."""

import json
from collections.abc import Sequence
from hashlib import md5

from ac_mcp.sandbox.rest.queries import contains, dated, equals, page, starting, whole
from ac_mcp.sandbox.rest.resource import Call, Filter
from ac_mcp.sandbox.rest.store import Among, Clause, Either, Row, Where, as_id, eq, holds, one_of

from .segments import members

NAMES = "{firstName} || ' ' || {lastName}"


def matching(text: str) -> Either:
    """Names, organisation, phone or e-mail contain the text."""
    whole_name = Clause(f"INSTR(LOWER({NAMES}), LOWER(?)) > 0", (text,))
    keys = ("email", "firstName", "lastName", "phone", "orgname")
    return Either(((whole_name,), *((holds(key, text),) for key in keys)))


def _search(call: Call, value: str) -> Where | None:
    return matching(value) if value else None


def _beyond(comparison: str) -> Filter:
    def build(call: Call, value: str) -> Where | None:
        return Clause(f"{{id}} {comparison} ?", (whole(value),)) if whole(value) else None

    return build


def _holding(plural: str, column: str) -> Filter:
    """Contacts that a row of another collection ties to the given id; 0 and junk filter nothing."""

    def build(call: Call, value: str) -> Where | None:
        return Among("id", plural, "contact", (eq(column, str(whole(value))),)) if whole(value) else None

    return build


def _on_list(call: Call, value: str) -> Where | None:
    """`listid`, narrowed by `status` when that is given too."""
    if not whole(value):
        return None
    status = call.params.get("status", "-1")
    narrowed = (eq("status", status),) if status in STATUSES else ()
    return Among("id", "contactLists", "contact", (eq("list", str(whole(value))), *narrowed))


def _with_status(call: Call, value: str) -> Where | None:
    """`status` alone: that status on any list; beside `listid` it is already part of that condition."""
    if value not in STATUSES or whole(call.params.get("listid", "")):
        return None
    return Among("id", "contactLists", "contact", (eq("status", value),))


def _chosen(call: Call, value: str) -> Where | None:
    """`ids[]`, repeated, with or without positions."""
    given = [as_id(each) for key, each in call.query if key.startswith("ids[")]
    return one_of("id", [number or 0 for number in given])


def _segment(call: Call, value: str) -> Where | None:
    return members(call, call.store.get("segments", value)) if whole(value) else None


STATUSES = ("0", "1", "2", "3")

FILTERS: dict[str, Filter] = {
    "ids[]": _chosen,
    "email": equals("email"),
    "filters[email]": equals("email"),
    "email_like": contains("email"),
    "exclude": _beyond("<>"),
    "formid": _holding("contactLists", "form"),
    "id_greater": _beyond(">"),
    "id_less": _beyond("<"),
    "listid": _on_list,
    "phone": starting("phone"),
    "search": _search,
    "segmentid": _segment,
    "seriesid": _holding("contactAutomations", "seriesid"),
    "status": _with_status,
    "tagid": _holding("contactTags", "tag"),
    "filters[created_after]": dated("cdate", ">"),
    "filters[created_before]": dated("cdate", "<"),
    "filters[updated_after]": dated("udate", ">"),
    "filters[updated_before]": dated("udate", "<"),
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
    """The echo of the query in the list's meta."""
    given = call.params
    limit, offset = page(call)
    numbers = {key: whole(given.get(key, "")) for key in ("formid", "listid", "tagid", "seriesid", "waitid")}
    status = int(given["status"]) if given.get("status") in STATUSES else -1
    text = json.dumps(call.query)
    return {
        "segmentid": whole(given["segmentid"]) if "segmentid" in given else None,
        "formid": numbers["formid"],
        "listid": numbers["listid"],
        "tagid": numbers["tagid"],
        "limit": limit,
        "offset": offset,
        "search": given.get("search") or None,
        "sort": None,
        "seriesid": numbers["seriesid"],
        "waitid": numbers["waitid"],
        "status": status,
        "forceQuery": 0,
        "cacheid": md5(text.encode(), usedforsecurity=False).hexdigest(),
    }


def meta(call: Call, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    return {"page_input": page_input(call), "total": str(call.store.count("contacts", *where)), "sortable": True}
