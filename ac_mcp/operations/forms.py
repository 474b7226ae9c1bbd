"""Forms: where people sign up. The API can read them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.spec.annotations import About, Ref
from ac_mcp.spec.columns import TEXTS, Column, Date, Number, ReferenceList, Text
from ac_mcp.spec.operation import Call, all_pages
from ac_mcp.spec.options import Offered
from ac_mcp.spec.paging import PAGE
from ac_mcp.spec.parameters import AllOfThem, Further, ListRef
from ac_mcp.spec.resource import Lookup, Resource

MAX_FORMS = 1000
"""Forms that are read to find the ones that feed one list."""


def get_list_ids(row: Json) -> Iterable[str]:
    """Yield the ids of the lists to which a form subscribes people.

    `actiondata` is an object, or [] where nothing is set up (reference 12).
    """
    for action in as_objects(as_object(row.get("actiondata")).get("actions")):
        if str(action.get("type")) == "subscribe-to-list" and action.get("list"):
            yield str(action["list"])


@dataclass(frozen=True, slots=True)
class FedLists(ReferenceList):
    """The lists to which a form subscribes people."""

    def read(self, row: Json) -> Any:
        return list(dict.fromkeys(get_list_ids(row))) or None


@dataclass(frozen=True, slots=True)
class FieldHeaders(Column):
    """The headers of a form's fields, at most 80 characters of each; without parts that take no input."""

    kind_of_value = TEXTS

    def display(self, raw: Any) -> Any:
        fields = [field for field in as_objects(raw) if field.get("type") not in ("header", "html", "image")]
        return [str(field.get("header") or field.get("type"))[:80] for field in fields] or None


forms = Resource(
    "form",
    "forms",
    (
        Text("name"),
        FedLists("lists", "actiondata", kind="lists", singular="list"),
        Number("entries"),
        Date("created", "cdate"),
    ),
    details=(FieldHeaders("asks_for", "cfields"), Text("thanks"), Text("layout"), Date("updated", "udate")),
    lookup=Lookup(directory=True),
)
FormRef = Annotated[str, Ref("forms"), About("Name or id", "Footer sign-up", show_example=False)]


@forms.get("/forms", offered=Offered(as_tool=False))
async def list_all_forms(call: Call, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """One page of forms; the API cannot filter them (reference 12)."""
    return await call()


@forms.get("/forms", title="List forms (sign-ups)", offered=Offered(on_request=True))
async def list_forms(call: Call, list: ListRef | None = None, limit: AllOfThem = 100, offset: Further = 0) -> Json:
    """List sign-up forms, or those that feed a list. Returns the lists each feeds, how many entries; who came in: by
    the tag or list."""
    if list is None:
        return await call()
    payload = await all_pages(call, lambda start: list_all_forms(call, PAGE, start), MAX_FORMS)
    found = [form for form in payload["forms"] if list in get_list_ids(form)]
    return payload | {"forms": found[offset : offset + limit], "meta": {"total": len(found)}}


@forms.get("/forms/{form}", title="Show a form (sign-up)", offered=Offered(on_request=True))
async def get_form(call: Call, form: FormRef) -> Json:
    """Show one sign-up form: what it asks for, the lists it feeds, its thank-you text."""
    return await call()
