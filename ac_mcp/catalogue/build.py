"""From an entry of the catalogue to an operation like any other: arguments, references, request, record and undo."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from inspect import Parameter as Argument
from inspect import Signature
from typing import Annotated, Any

from pydantic import Field

from ac_mcp.catalogue.entry import Entry, Parameter, catalogue, route
from ac_mcp.messages import Json
from ac_mcp.spec.annotations import About, InQuery, PathText, Ref, Wire
from ac_mcp.spec.operation import Call, Operation
from ac_mcp.spec.options import Options
from ac_mcp.spec.parameters import Further, Id, Limit
from ac_mcp.spec.resource import Resource, named_by

NAMED = ("name", "title", "fieldLabel", "companyName", "label", "email", "subject")
"""What a thing the product knows nothing of may be called by."""
EXAMPLES: Mapping[str, Any] = {
    "contacts": "jane@acme.com", "tags": "VIP", "lists": "Newsletter", "deals": "Acme renewal", "users": "Priya Nair",
    "dealStages": "Negotiation", "dealGroups": "Sales", "automations": "Welcome series", "accounts": "Acme",
    "campaigns": "February Newsletter", "fields": "Plan", "segments": "Engaged customers",
}  # fmt: skip
NO_UNDO = "No undo can be derived for it."


def built(one: Entry, own: Operation[..., Any] | None) -> Operation[..., Any]:
    """The operation an entry stands for; `own` is what this product declares for the same route, if it does.

    Its writes are recorded, previewed and undone as those of its own step; of what the product does not know
    itself, or cannot make again, that follows from the entries beside it.
    """
    if own is None or (one.kind == "destructive" and not one.undo):
        return generic(one.collection)[one.id]
    return operation(one, own.resource, own)


@cache
def generic(collection: str) -> Mapping[str, Operation[..., Any]]:
    """The operations on one kind of thing that only the catalogue knows."""
    beside = [one for one in catalogue().values() if one.collection == collection]
    wrapper = next((one.wrapper for one in beside if one.wrapper and one.path.count("/") <= 2), "")
    resource = Resource(
        wrapper or collection,
        collection,
        called=named_by(*NAMED),
        one=collection if not wrapper else "",
        group="catalogue",
        wrapped=True,
    )
    found = {one.id: operation(one, resource, None, beside) for one in beside}
    resource.operations.extend(found[one.id] for one in beside if plain(one))
    return found


def plain(one: Entry) -> bool:
    """Whether it lists, makes, reads, changes or deletes the things themselves: an undo may use it."""
    return bool(re.fullmatch(rf"/{one.collection}(/{{\w+}})?", one.path)) and one.method != "PATCH"


def operation(
    one: Entry, resource: Resource, own: Operation[..., Any] | None, beside: Sequence[Entry] = ()
) -> Operation[..., Any]:
    async def handler(call: Call, **arguments: Any) -> Json:
        return await call()

    handler.__name__, handler.__doc__ = one.id, one.does
    handler.__signature__ = signature(one)  # type: ignore[attr-defined]
    options: Options = {
        "raw": True,
        "verbatim": True,
        "read_only": one.kind == "read",
        "destructive": one.kind == "destructive",
        "idempotent": one.method in ("GET", "PUT", "DELETE"),
        "bare": one.bare,
        "wrapper": one.wrapper,
        "warns": one.asks,
    }
    if own is not None:
        return Operation(resource, one.method, one.path, handler, {**options, "step": own.name})  # type: ignore[arg-type]
    readable = any(other.route == route("GET", one.path) for other in beside)
    removable = any(plain(other) and other.method == "DELETE" and "name" not in other.path for other in beside)
    made = one.method == "POST" and one.undo and plain(one) and removable
    undoable = (plain(one) and one.method == "PUT" and readable) or made
    options |= {"blind": not readable, "irreversible": not undoable and one.kind != "read"}
    if reason := asks(one, undoable):
        options["asks"] = lambda sent, before: reason
    return Operation(resource, one.method, one.path, handler, options)  # type: ignore[arg-type]


def asks(one: Entry, undoable: bool) -> str:
    """Why it waits for a yes: people would get mail, or something is gone for good."""
    if one.mails:
        return f"People may get mail from it: {one.mails}."
    lasting = (one.kind == "destructive" or one.method in ("PUT", "PATCH")) and not undoable
    return f"{one.does.split('. ')[0].rstrip('.')}. {NO_UNDO}" if lasting else ""


def signature(one: Entry) -> Signature:
    arguments = [argument(each) for each in one.takes]
    if one.pages:
        known = {each.name for each in arguments}
        for name, kind, default in (("limit", Limit, 20), ("offset", Further, 0)):
            if name not in known:
                arguments.append(Argument(name, Argument.KEYWORD_ONLY, default=default, annotation=kind))
    return Signature([Argument("call", Argument.POSITIONAL_OR_KEYWORD), *sorted(arguments, key=optional)])


def optional(one: Argument) -> bool:
    return one.default is not Argument.empty


def argument(one: Parameter) -> Argument:
    """With what the model reads of it, and the API's own name."""
    wire: Wire = InQuery(one.wire) if one.place == "query" else Wire(one.wire)
    about = About(one.text or one.wire, EXAMPLES.get(one.kind, "1" if one.place == "path" else "…"), show_example=False)
    plain: Any = str if one.name == "search" else Any
    kind: Any = Annotated[plain, wire, about]
    if one.kind:
        several = one.wire.endswith("[]")
        kind = Annotated[list[str] if several else str, Ref(one.kind, several=several), wire, about]
    elif one.place == "path":
        spelt = one.name in ("email", "username", "name", "event_name")
        kind = Annotated[str, Field(min_length=1, max_length=254), PathText(), about] if spelt else Annotated[Id, about]
    default = Argument.empty if one.required else None
    return Argument(one.name, Argument.KEYWORD_ONLY, default=default, annotation=kind if one.required else kind | None)
