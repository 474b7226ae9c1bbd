"""Custom fields of deals and accounts: their definitions (`Meta`, `Metum`) and values (`Data`, `Datum`), with ids as
numbers (reference 5.5)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns
from ac_mcp.sandbox.rest.crud import Handler, add_row, change_row, create, update
from ac_mcp.sandbox.rest.queries import equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Prepare, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .custom_values import TYPES, find_definition, find_problem, invalid_value, normalize_value


@dataclass(frozen=True)
class OwnerKind:
    """The names by which custom fields of deals differ from those of accounts."""

    name: str
    plural: str
    tag_prefix: str
    filter_key: str
    total: type[int] | None
    aliases: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        return f"{self.name}Id"

    @property
    def meta(self) -> str:
        return f"{self.name}CustomFieldMeta"

    @property
    def data(self) -> str:
        return f"{self.name}CustomFieldData"


DEAL = OwnerKind("deal", "deals", "DEAL", "dealId", int)
ACCOUNT = OwnerKind(
    "account", "accounts", "ACCT", filter_key="customerAccountId", total=None, aliases=("customerAccountId",)
)


def _prepare_definition(kind: OwnerKind) -> Prepare:
    def prepare(call: Call, sent: Row, row: Row | None) -> Row:
        if row:  # The type of a field never changes (reference 5.5).
            return {key: value for key, value in sent.items() if key != "fieldType"}
        if sent["fieldType"] not in TYPES:
            raise invalid_value(f"The field type `{sent['fieldType']}` is not valid.")
        label = re.sub(r"\W+", "_", str(sent["fieldLabel"])).strip("_").upper()
        return {
            "displayOrder": call.store.count(kind.meta) + 1,
            "personalization": f"{kind.tag_prefix}_{label}",
            **sent,
        }

    return prepare


def _definition_resource(kind: OwnerKind) -> Resource:
    return Resource(
        kind.meta,
        f"{kind.name}CustomFieldMetum",
        "",
        columns("""id=@id fieldLabel= fieldType=text fieldOptions=~ fieldDefault=~ fieldDefaultCurrency=~
        isFormVisible=#0 isRequired=#0 displayOrder=#1 personalization= knownFieldId=~ hideFieldFlag=#0
        createdTimestamp=@utc updatedTimestamp=@utc createdBy=#1 updatedBy=#1 links=@links"""),
        links=kind.data,
        total=None,
        writes="""fieldLabel fieldType fieldOptions fieldDefault fieldDefaultCurrency isFormVisible isRequired
        displayOrder personalization hideFieldFlag""",
        stamped_on_update="updatedTimestamp",
        number_keys="isFormVisible isRequired displayOrder hideFieldFlag knownFieldId createdBy updatedBy",
        json_keys="fieldOptions fieldDefault",
        echo=False,
        delete_answer={"message": f"{kind.name.capitalize()}CustomFieldMeta deleted."},
        required={
            "fieldLabel": "The field label field is required.",
            "fieldType": "The field type field is required.",
        },
        children=(Child(kind.data, "customFieldId"),),
        prepare=_prepare_definition(kind),
    )


def _prepare_value(kind: OwnerKind) -> Prepare:
    def prepare(call: Call, sent: Row, row: Row | None) -> Row:
        merged = {**(row or {}), **sent}
        meta = find_definition(call, kind.meta, merged)
        owner = call.store.get(kind.plural, merged.get(kind.column))
        missing = f"The {kind.name} `{merged.get(kind.column)}` does not exist."
        problem = find_problem(meta, merged) if owner else missing
        if problem or meta is None or owner is None:
            raise invalid_value(str(problem))
        value = normalize_value(meta, merged.get("fieldValue"))
        ids = {kind.column: owner["id"], "customFieldId": meta["id"]}
        return {**sent, **ids, "fieldValue": value, "originalValue": row["fieldValue"] if row else ""}

    return prepare


def _finish(call: Call, rows: Sequence[Row], rendered: Sequence[Row], view: View) -> None:
    """Remove the currency from values that are not money."""
    for row in rendered:
        if row["fieldCurrency"] is None:
            del row["fieldCurrency"]


def _value_resource(kind: OwnerKind) -> Resource:
    metum = f"{kind.name}CustomFieldMetum"
    return Resource(
        kind.data,
        f"{kind.name}CustomFieldDatum",
        "",
        columns(f"""id=@id {metum}Id=>customFieldId {kind.column}=~ customFieldId=~ createdTimestamp=@utc
        updatedTimestamp=@utc fieldValue=~ fieldCurrency=~ originalValue= links=@links"""),
        links=f"{kind.name} {metum}",
        total=kind.total,
        writes=f"{kind.column} customFieldId fieldValue fieldCurrency",
        hidden=dict.fromkeys(("list", "one"), "originalValue"),
        stamped_on_update="updatedTimestamp",
        indexes=f"{kind.column} customFieldId",
        number_keys=f"{metum}Id {kind.column} customFieldId",
        json_keys="fieldValue originalValue",
        echo=False,
        create_status=200,
        delete_answer={"message": f"{kind.name.capitalize()}CustomFieldData deleted."},
        filters={f"filters[{kind.filter_key}]": equals(kind.column)},
        prepare=_prepare_value(kind),
        finish=_finish,
    )


METAS = {kind: _definition_resource(kind) for kind in (DEAL, ACCOUNT)}
DATA = {kind: _value_resource(kind) for kind in (DEAL, ACCOUNT)}


def _by_column(kind: OwnerKind, body: Row) -> Row:
    """Return the body under the names of the columns: the id of an account has two names."""
    writable = DATA[kind].writes.split()
    renamed = {kind.column if key in kind.aliases else key: value for key, value in body.items()}
    return {key: value for key, value in renamed.items() if key in writable}


def _find_value(call: Call, kind: OwnerKind, sent: Row) -> Row | None:
    conditions = (eq(kind.column, str(sent.get(kind.column))), eq("customFieldId", str(sent.get("customFieldId"))))
    return call.store.find(kind.data, *conditions)


def put_value(call: Call, kind: OwnerKind, sent: Row) -> Row:
    """Set a value; it replaces the existing value of the same field."""
    existing = _find_value(call, kind, sent)
    values = DATA[kind].prepare(call, sent, existing)
    return change_row(call, DATA[kind], existing, values) if existing else add_row(call, DATA[kind], values)


def post_handler(kind: OwnerKind) -> Handler:
    def handle(call: Call) -> Answer:
        sent = _by_column(kind, call.unwrapped(DATA[kind].singular))
        existing = _find_value(call, kind, sent)
        return update(call, DATA[kind], existing, sent) if existing else create(call, DATA[kind], sent)

    return handle


def bulk_create_handler(kind: OwnerKind) -> Handler:
    def handle(call: Call) -> Answer:
        for entry in _require_array(call.body):
            put_value(call, kind, _by_column(kind, entry))
        return Answer(200, {"message": "The bulk insert was successful."})

    return handle


def bulk_update_handler(kind: OwnerKind) -> Handler:
    def handle(call: Call) -> Answer:
        for entry in _require_array(call.body):
            row = call.require_row(kind.data, entry.get("id"))
            keys = {key: entry[key] for key in ("fieldValue", "fieldCurrency") if key in entry}
            change_row(call, DATA[kind], row, DATA[kind].prepare(call, keys, row))
        numbers = ", ".join(str(entry.get("id")) for entry in _require_array(call.body))
        name = f"{kind.name.capitalize()}CustomFieldDatas"
        return Answer(200, {"message": f"{name} with ID(s): {numbers} successfully bulk updated."})

    return handle


def _require_array(body: Any) -> list[Row]:
    """Return the body, which is a bare array, unlike every other body (reference 2.1)."""
    if not isinstance(body, list):
        raise invalid_value("The request must contain an array of custom field values.")
    return [as_object(entry) for entry in as_array(body)]


_KEYS = ("customFieldId", "fieldValue", "fieldCurrency")


def save_values(call: Call, kind: OwnerKind, number: str) -> None:
    """Save the `fields` in the body of a deal or account (reference 5.1 and 8); skip those that cannot be saved."""
    for entry in _sent_values(call, kind):
        if find_problem(find_definition(call, kind.meta, entry), entry) is None:
            put_value(call, kind, {**entry, kind.column: number})


def values_answer(call: Call, kind: OwnerKind, number: str) -> Row:
    """Return the keys about `fields` in the answer to a write."""
    sent = _sent_values(call, kind)
    saved = all(find_problem(find_definition(call, kind.meta, entry), entry) is None for entry in sent)
    status = {"status": "success" if saved else "failed"}
    return {"fields": [{**entry, kind.column: number} for entry in sent], "customFieldSaveStatus": status}


def _sent_values(call: Call, kind: OwnerKind) -> list[Row]:
    entries = [as_object(entry) for entry in as_array(call.unwrapped(kind.name).get("fields"))]
    return [{key: entry[key] for key in _KEYS if key in entry} for entry in entries if "customFieldId" in entry]
