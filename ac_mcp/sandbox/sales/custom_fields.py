"""Custom fields of deals and accounts: ints where contact fields have text, `Metum` and `Datum` (reference 5.5)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ac_mcp.sandbox.rest.columns import as_array, as_object, columns
from ac_mcp.sandbox.rest.crud import Handler, add, change, create, update
from ac_mcp.sandbox.rest.queries import equals
from ac_mcp.sandbox.rest.resource import Answer, Call, Child, Prepare, Resource, View
from ac_mcp.sandbox.rest.store import Row, eq

from .custom_values import TYPES, definition, problem, settled, wrong


@dataclass(frozen=True)
class Side:
    """What tells the fields of deals from those of accounts."""

    name: str
    plural: str
    mark: str
    filtered: str
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


DEAL = Side("deal", "deals", "DEAL", "dealId", int)
ACCOUNT = Side("account", "accounts", "ACCT", "customerAccountId", None, ("customerAccountId",))


def _defining(side: Side) -> Prepare:
    def prepare(call: Call, sent: Row, row: Row | None) -> Row:
        if row:  # The type of a field stays what it was (reference 5.5).
            return {key: value for key, value in sent.items() if key != "fieldType"}
        if sent["fieldType"] not in TYPES:
            raise wrong(f"The field type `{sent['fieldType']}` is not valid.")
        label = re.sub(r"\W+", "_", str(sent["fieldLabel"])).strip("_").upper()
        return {"displayOrder": call.store.count(side.meta) + 1, "personalization": f"{side.mark}_{label}", **sent}

    return prepare


def _meta(side: Side) -> Resource:
    return Resource(
        side.meta,
        f"{side.name}CustomFieldMetum",
        "",
        columns("""id=@id fieldLabel= fieldType=text fieldOptions=~ fieldDefault=~ fieldDefaultCurrency=~
        isFormVisible=#0 isRequired=#0 displayOrder=#1 personalization= knownFieldId=~ hideFieldFlag=#0
        createdTimestamp=@utc updatedTimestamp=@utc createdBy=#1 updatedBy=#1 links=@links"""),
        links=side.data,
        total=None,
        writes="""fieldLabel fieldType fieldOptions fieldDefault fieldDefaultCurrency isFormVisible isRequired
        displayOrder personalization hideFieldFlag""",
        moves="updatedTimestamp",
        numbers="isFormVisible isRequired displayOrder hideFieldFlag knownFieldId createdBy updatedBy",
        raw="fieldOptions fieldDefault",
        echo=False,
        farewell={"message": f"{side.name.capitalize()}CustomFieldMeta deleted."},
        required={
            "fieldLabel": "The field label field is required.",
            "fieldType": "The field type field is required.",
        },
        children=(Child(side.data, "customFieldId"),),
        prepare=_defining(side),
    )


def _filling(side: Side) -> Prepare:
    def prepare(call: Call, sent: Row, row: Row | None) -> Row:
        merged = {**(row or {}), **sent}
        meta = definition(call, side.meta, merged)
        owner = call.store.get(side.plural, merged.get(side.column))
        trouble = problem(meta, merged) if owner else f"The {side.name} `{merged.get(side.column)}` does not exist."
        if trouble or meta is None or owner is None:
            raise wrong(str(trouble))
        value = settled(meta, merged.get("fieldValue"))
        ids = {side.column: owner["id"], "customFieldId": meta["id"]}
        return {**sent, **ids, "fieldValue": value, "originalValue": row["fieldValue"] if row else ""}

    return prepare


def _finish(call: Call, rows: Sequence[Row], shown: Sequence[Row], view: View) -> None:
    """Only money has a currency."""
    for row in shown:
        if row["fieldCurrency"] is None:
            del row["fieldCurrency"]


def _data(side: Side) -> Resource:
    metum = f"{side.name}CustomFieldMetum"
    return Resource(
        side.data,
        f"{side.name}CustomFieldDatum",
        "",
        columns(f"""id=@id {metum}Id=>customFieldId {side.column}=~ customFieldId=~ createdTimestamp=@utc
        updatedTimestamp=@utc fieldValue=~ fieldCurrency=~ originalValue= links=@links"""),
        links=f"{side.name} {metum}",
        total=side.total,
        writes=f"{side.column} customFieldId fieldValue fieldCurrency",
        hidden=dict.fromkeys(("list", "one"), "originalValue"),
        moves="updatedTimestamp",
        indexes=f"{side.column} customFieldId",
        numbers=f"{metum}Id {side.column} customFieldId",
        raw="fieldValue originalValue",
        echo=False,
        created=200,
        farewell={"message": f"{side.name.capitalize()}CustomFieldData deleted."},
        filters={f"filters[{side.filtered}]": equals(side.column)},
        prepare=_filling(side),
        finish=_finish,
    )


METAS = {side: _meta(side) for side in (DEAL, ACCOUNT)}
DATA = {side: _data(side) for side in (DEAL, ACCOUNT)}


def _named(side: Side, given: Row) -> Row:
    """The body's keys under the names of the row: an account goes by two."""
    known = DATA[side].writes.split()
    renamed = {side.column if key in side.aliases else key: value for key, value in given.items()}
    return {key: value for key, value in renamed.items() if key in known}


def _known(call: Call, side: Side, sent: Row) -> Row | None:
    of = (eq(side.column, str(sent.get(side.column))), eq("customFieldId", str(sent.get("customFieldId"))))
    return call.store.find(side.data, *of)


def put(call: Call, side: Side, sent: Row) -> Row:
    """A second value of the same field replaces the first."""
    known = _known(call, side, sent)
    values = DATA[side].prepare(call, sent, known)
    return change(call, DATA[side], known, values) if known else add(call, DATA[side], values)


def posting(side: Side) -> Handler:
    def handle(call: Call) -> Answer:
        sent = _named(side, call.wrapped(DATA[side].singular))
        known = _known(call, side, sent)
        return update(call, DATA[side], known, sent) if known else create(call, DATA[side], sent)

    return handle


def bulk_creating(side: Side) -> Handler:
    def handle(call: Call) -> Answer:
        for given in _array(call.body):
            put(call, side, _named(side, given))
        return Answer(200, {"message": "The bulk insert was successful."})

    return handle


def bulk_updating(side: Side) -> Handler:
    def handle(call: Call) -> Answer:
        for given in _array(call.body):
            row = call.fetch(side.data, given.get("id"))
            keys = {key: given[key] for key in ("fieldValue", "fieldCurrency") if key in given}
            change(call, DATA[side], row, DATA[side].prepare(call, keys, row))
        numbers = ", ".join(str(given.get("id")) for given in _array(call.body))
        name = f"{side.name.capitalize()}CustomFieldDatas"
        return Answer(200, {"message": f"{name} with ID(s): {numbers} successfully bulk updated."})

    return handle


def _array(body: Any) -> list[Row]:
    """A bare array, unlike every other body (reference 2.1)."""
    if not isinstance(body, list):
        raise wrong("The request must contain an array of custom field values.")
    return [as_object(each) for each in as_array(body)]


_KEYS = ("customFieldId", "fieldValue", "fieldCurrency")


def save(call: Call, side: Side, number: str) -> None:
    """Every value that can be saved; the others do not stand in its way."""
    for given in _sent(call, side):
        if problem(definition(call, side.meta, given), given) is None:
            put(call, side, {**given, side.column: number})


def answered(call: Call, side: Side, number: str) -> Row:
    """What of it is in the answer to a write."""
    sent = _sent(call, side)
    saved = all(problem(definition(call, side.meta, given), given) is None for given in sent)
    status = {"status": "success" if saved else "failed"}
    return {"fields": [{**given, side.column: number} for given in sent], "customFieldSaveStatus": status}


def _sent(call: Call, side: Side) -> list[Row]:
    given = [as_object(each) for each in as_array(call.wrapped(side.name).get("fields"))]
    return [{key: each[key] for key in _KEYS if key in each} for each in given if "customFieldId" in each]
