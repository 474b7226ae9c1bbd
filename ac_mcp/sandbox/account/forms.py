"""Sign-up forms and postal addresses (reference 12)."""

from collections.abc import Sequence

from ac_mcp.sandbox.rest.columns import columns, to_number
from ac_mcp.sandbox.rest.resource import Call, Resource, View
from ac_mcp.sandbox.rest.store import Clause, Row, eq

_ONLY_LISTED = "defaultscreenshot recent contacts deals"


def _finish_form(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    """Show `entries` as a number in the list and as text in a single form (reference 12)."""
    for row in rendered:
        row["entries"] = to_number(row["entries"]) if view == "list" else row["entries"]


FORMS = Resource(
    "forms",
    "form",
    "Form",
    columns("""name= action= actiondata=[] submit=show-thank-you submitdata=[] url=~ layout=inline-form title=~ body=~
    button=Submit thanks= style=[] options=[] cfields=[] parentformid=0 userid=1 addressid=0 cdate=@now udate=@now
    source=builder aid=~ defaultscreenshot=//img-us1.com/default-form.gif recent=[] contacts=#0 deals=#0 entries=0
    links=@links id=@id address=>addressid"""),
    links="address",
    verbs="list get",
    hidden={"one": _ONLY_LISTED},
    finish=_finish_form,
)


def _after_write_address(call: Call, row: Row, before: Row | None) -> None:
    """Clear the flag of the other addresses: there is one default at a time."""
    if row["isDefault"] == "1":
        for other in call.store.select("addresses", eq("isDefault", "1"), Clause("{id} <> ?", (int(row["id"]),))):
            call.store.update("addresses", other["id"], {"isDefault": "0"})


def _finish_address(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    if view in ("create", "update"):
        for row in rendered:
            row["isDefault"] = to_number(row["isDefault"])


# The documentation writes these keys in snake_case; the real API uses these (reference 12).
ADDRESSES = Resource(
    "addresses",
    "address",
    "Address",
    columns("""companyName= address1= address2= city= state= district= zip= country= allgroup=0 isDefault=0 smsName=
    created_timestamp=@clock updated_timestamp=@clock created_by=~ updated_by=~ links=@links id=@id"""),
    links="addressGroup addressList forms",
    writes="companyName address1 address2 city state district zip country allgroup isDefault smsName",
    slim="city country companyName address1 isDefault links id",
    stamped_on_update="updated_timestamp",
    filled_on_update="created_by=0 updated_by=1",
    required={name: f"The address {name} was not provided." for name in ("companyName", "address1", "country")},
    after_write=_after_write_address,
    finish=_finish_address,
)
