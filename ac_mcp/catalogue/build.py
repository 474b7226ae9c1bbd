"""The operations of the catalogue: an entry becomes an operation like any other, with references, audit and undo."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import Parameter as SignatureParameter
from inspect import Signature
from typing import Annotated, Any, cast

from pydantic import AfterValidator, Field

from ac_mcp.catalogue.entry import Entry, Parameter, catalogue, route
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.spec.annotations import About, InQuery, PathText, Ref, Wire
from ac_mcp.spec.operation import Call, Operation
from ac_mcp.spec.options import Answer, Effects, Encoding, Options
from ac_mcp.spec.parameters import Further, Id, Limit
from ac_mcp.spec.resource import ApiShape, Lookup, Resource, named_by
from ac_mcp.spec.values import clean_email, clean_name, require_cents

NAME_ATTRIBUTES = ("name", "title", "fieldLabel", "companyName", "label", "email", "subject")
"""The attributes that may hold the name of a record that only the catalogue knows."""
EXAMPLES: Mapping[str, Any] = {
    "contacts": "jane@acme.com", "tags": "VIP", "lists": "Newsletter", "deals": "Acme renewal", "users": "Priya Nair",
    "dealStages": "Negotiation", "dealGroups": "Sales", "automations": "Welcome series", "accounts": "Acme",
    "campaigns": "February Newsletter", "fields": "Plan", "segments": "Engaged customers",
}  # fmt: skip
"""An example of a reference, by kind."""


def clean_row(value: Any) -> Any:
    """Return rows of an import with plain e-mail addresses, and names without invisible characters."""
    if isinstance(value, list):
        return [clean_row(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    row = cast("Json", value)
    return {key: CLEANED[key](item) if key in CLEANED else item for key, item in row.items()}


CLEANED: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("email", "fromemail", "reply2"), clean_email),
    **dict.fromkeys(("name", "title", "tag", "firstName", "lastName", "first_name", "last_name", "phone"), clean_name),
    "contacts": clean_row,
}
"""What takes invisible characters out of a value of the body, by its attribute."""
TEXT_SEGMENTS = ("email", "username", "name", "event_name")
"""The path parameters that are not ids."""
NO_UNDO = "No undo can be derived for it."


def build_operation(entry: Entry, own: Operation[..., Any] | None) -> Operation[..., Any]:
    """Return the operation of an entry; `own` is the operation this product declares for the same route, if any.

    With `own`, its writes are audited, previewed and undone as writes of that operation. Without it, or if a deletion
    cannot be undone, preview and undo follow from the other entries of the collection.
    """
    if own is None or (entry.kind == "destructive" and not entry.undo):
        return collection_operations(entry.collection)[entry.id]
    return make_operation(entry, own.resource, Effects(warns=entry.asks), counts_as=own.name)


@cache
def collection_operations(collection: str) -> Mapping[str, Operation[..., Any]]:
    """Return the operations on a collection that only the catalogue knows, by the id of their entry."""
    entries = [entry for entry in catalogue().values() if entry.collection == collection]
    wrapper = next((entry.wrapper for entry in entries if entry.wrapper and entry.path.count("/") <= 2), "")
    resource = Resource(
        wrapper or collection,
        collection,
        noun=collection if not wrapper else "",
        group="catalogue",
        lookup=Lookup(called=named_by(*NAME_ATTRIBUTES)),
        api=ApiShape(wrapped=True),
    )
    operations = {entry.id: make_operation(entry, resource, effects_of(entry, entries)) for entry in entries}
    resource.operations.extend(operations[entry.id] for entry in entries if is_basic(entry))
    return operations


def is_basic(entry: Entry) -> bool:
    """Return whether an entry lists, creates, reads, updates or deletes the records themselves: an undo may use it."""
    return bool(re.fullmatch(rf"/{entry.collection}(/{{\w+}})?", entry.path)) and entry.method != "PATCH"


def make_operation(entry: Entry, resource: Resource, effects: Effects, *, counts_as: str = "") -> Operation[..., Any]:
    """Return an operation with the parameters of an entry. `counts_as` is the operation of ours for the same route."""

    async def handler(call: Call, **arguments: Any) -> Json:
        return await call()

    handler.__name__, handler.__doc__ = entry.id, entry.does
    handler.__signature__ = build_signature(entry)  # type: ignore[attr-defined]
    options = Options(
        read_only=entry.kind == "read",
        destructive=entry.kind == "destructive",
        idempotent=entry.method in ("GET", "PUT", "DELETE"),
        answer=Answer(verbatim=True),
        effects=effects,
        encoding=Encoding(raw=True, bare=entry.bare, wrapper=entry.wrapper, counts_as=counts_as),
    )
    return Operation(resource, entry.method, entry.path, handler, options)  # type: ignore[arg-type]


def effects_of(entry: Entry, entries: Sequence[Entry]) -> Effects:
    """Return what before image, undo and confirmation have to know, from the other entries of the collection."""
    is_readable = any(other.route == route("GET", entry.path) for other in entries)
    is_removable = any(is_basic(other) and other.method == "DELETE" and "name" not in other.path for other in entries)
    undo_deletes = is_basic(entry) and entry.method == "POST" and entry.undo and is_removable
    undo_restores = is_basic(entry) and entry.method == "PUT" and is_readable
    undoable = undo_deletes or undo_restores
    reason = confirmation_reason(entry, undoable)

    def explain(attributes: Json, before: Json) -> str:
        cleared = describe_cleared(entry, attributes, before) if entry.clears else ""
        return f"{cleared} {NO_UNDO}" if cleared else reason

    return Effects(
        asks=explain if reason else None,
        warns=entry.asks,
        blind=not is_readable,
        irreversible=not undoable and entry.kind != "read",
    )


def describe_cleared(entry: Entry, attributes: Json, before: Json) -> str:
    """Return which values of the record that is replaced go, since the call leaves them out; "" if none do."""
    sent, old = as_object(attributes.get(entry.wrapper)) or attributes, as_object(before.get(entry.wrapper))
    sent_ids = {str(value.get("id")) for value in as_objects(sent.get(entry.clears))}
    gone = [value for value in as_objects(old.get(entry.clears)) if str(value.get("id")) not in sent_ids]
    values = [f"{value.get('id')} ({json.dumps(str(value.get('value'))[:60], ensure_ascii=False)})" for value in gone]
    if not values:
        return ""
    return f"It replaces the record that exists, and clears the values that are left out: {', '.join(values[:20])}."


def confirmation_reason(entry: Entry, undoable: bool) -> str:
    """Return why an operation needs confirmation: people would get mail, or a change cannot be undone; "" if not."""
    if entry.mails:
        return f"People may get mail from it: {entry.mails}."
    lasting = (entry.kind == "destructive" or entry.method in ("PUT", "PATCH")) and not undoable
    return f"{entry.does.split('. ')[0].rstrip('.')}. {NO_UNDO}" if lasting else ""


def build_signature(entry: Entry) -> Signature:
    """Return the signature of an entry's handler: `call`, the required parameters, the optional ones."""
    parameters = [build_parameter(parameter) for parameter in entry.takes]
    if entry.pages:
        names = {parameter.name for parameter in parameters}
        for name, annotation, default in (("limit", Limit, 20), ("offset", Further, 0)):
            if name not in names:
                parameters.append(
                    SignatureParameter(name, SignatureParameter.KEYWORD_ONLY, default=default, annotation=annotation)
                )
    call = SignatureParameter("call", SignatureParameter.POSITIONAL_OR_KEYWORD)
    return Signature([call, *sorted(parameters, key=is_optional)])


def is_optional(parameter: SignatureParameter) -> bool:
    """Return whether a parameter has a default."""
    return parameter.default is not SignatureParameter.empty


def build_parameter(parameter: Parameter) -> SignatureParameter:
    """Return a parameter of the catalogue as one of a signature, with the API's name and a description."""
    annotation = build_annotation(parameter)
    return SignatureParameter(
        parameter.name,
        SignatureParameter.KEYWORD_ONLY,
        default=SignatureParameter.empty if parameter.required else None,
        annotation=annotation if parameter.required else annotation | None,
    )


def build_annotation(parameter: Parameter) -> Any:
    """Return the annotation of a required parameter: a reference, a path segment, or any value."""
    in_path = parameter.place == "path"
    wire: Wire = InQuery(parameter.wire) if parameter.place == "query" else Wire(parameter.wire)
    example = EXAMPLES.get(parameter.kind, "1" if in_path else "…")
    about = About(parameter.text or parameter.wire, example, show_example=False)
    if parameter.kind:
        several = parameter.wire.endswith("[]")
        return Annotated[list[str] if several else str, Ref(parameter.kind, several=several), wire, about]
    if in_path and parameter.name in TEXT_SEGMENTS:
        return Annotated[str, Field(min_length=1, max_length=254), PathText(), about]
    if in_path:
        return Annotated[Id, about]
    value_type: Any = str if parameter.name == "search" else Any
    check = CLEANED.get(parameter.wire) if parameter.place == "body" else None
    if parameter.text.startswith(("number in cents", "in cents")):
        check = require_cents
    return Annotated[value_type, AfterValidator(check), wire, about] if check else Annotated[value_type, wire, about]
