"""The `fields` of a deal's or an account's body: saved with it, and answered (reference 5.1 and 8)."""

from .custom_fields import Side, put
from .custom_values import definition, problem
from .resource import Call
from .shapes import as_array, as_object
from .store import Row

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
