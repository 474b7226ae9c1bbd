"""Changes to the custom fields of contacts: title, options, the lists they show on, and deletion."""

from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.fields import (
    CHOICES,
    create_field_options,
    field_options,
    field_relations,
    fields,
    get_option_labels,
    get_own_options,
    show_field,
)
from ac_mcp.spec.annotations import About, Ref, Wire
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.options import Answer, Effects, Offered
from ac_mcp.spec.parameters import FieldRef, Id, Name
from ac_mcp.spec.values import parse_choice
from ac_mcp.text import fold

ALL_LISTS = "0"
"""The list id that stands for all lists (reference 9)."""


@fields.get(
    "/fields/{field}",
    title="Show a custom field",
    answer=Answer(says={"lists": {"type": "array"}}),
    offered=Offered(on_request=True),
)
async def get_field(call: Call, field: FieldRef) -> Json:
    """Show one custom field of contacts: type, options, whether it is required, on how many lists it shows."""
    payload = await call()
    row = as_object(payload.get("field"))
    lists = [str(relation.get("relid")) for relation in as_objects(payload.get("fieldRels"))]
    where = "on all lists" if ALL_LISTS in lists else f"on {len(lists)} lists" if lists else "on no list: it is hidden"
    options = get_option_labels(row, as_objects(payload.get("fieldOptions")))
    return with_own_words(payload | {"field": row | {"options": options}}, note=f"It shows {where}.")


@fields.put("/fields/{field}", title="Change a custom field", offered=Offered(on_request=True))
async def update_field(
    call: Call,
    field: FieldRef,
    title: Annotated[Name, About("Title", "Plan", show_example=False)] | None = None,
    description: Annotated[str, Wire("descript"), About("What it is for", "Subscription", show_example=False)]
    | None = None,
    add_options: Annotated[list[Name], About("Choices to add", ["Enterprise"], show_example=False)] | None = None,
    remove_options: Annotated[list[Name], About("Choices to remove", ["Free"], show_example=False)] | None = None,
    lists: Annotated[
        list[str],
        Ref("lists", several=True),
        About("Lists it is to show on, and no others", ["Newsletter"], show_example=False),
    ]
    | None = None,
) -> Json:
    """Rename or edit a custom field of contacts, add or remove choices, choose the lists it shows on. Returns it."""
    payload = await get_field(call, field)
    row, options = as_object(payload.get("field")), as_objects(payload.get("fieldOptions"))
    added, removed = resolve_options(row, options, add_options or [], remove_options or [])
    for option in removed:  # first: only the first write of a call can wait for confirmation
        await delete_field_option(call, str(option["id"]))
    if title is not None or description is not None:
        row |= as_object((await call(add_options=None, remove_options=None, lists=None)).get("field"))
    if added:
        last = max((as_int(option.get("orderid")) for option in options), default=0)
        await create_field_options(call, [
            {"field": field, "label": label, "value": label, "orderid": last + n, "isdefault": 0}
            for n, label in enumerate(added, 1)
        ])  # fmt: skip
    if lists is not None:
        await show_only_on(call, field, as_objects(payload.get("fieldRels")), lists)
    removed_ids = {str(option["id"]) for option in removed}
    remaining = get_option_labels(row, [option for option in options if str(option.get("id")) not in removed_ids])
    return with_own_words({"field": row | {"options": [*remaining, *added]}}, result="updated")


def resolve_options(
    field: Json, options: list[Json], add: list[str], remove: list[str]
) -> tuple[list[str], list[Json]]:
    """Return the labels of `add` that are new to the field, and the rows of the options in `remove`.

    Raises:
        BadArguments: if the field's type has no options, or `remove` names one that the field does not have.
    """
    if (add or remove) and field.get("type") not in CHOICES:
        raise BadArguments(f"{field.get('title')} is a {field.get('type')} field: it has no choices.")
    own = {str(o.get("label") or o.get("value")): o for o in get_own_options(field, options)}
    present, choices = {fold(label) for label in own}, list(own)
    try:
        removed = [own[parse_choice({label: label for label in own}, label, choices)] for label in remove]
    except ValueError as error:
        raise BadArguments(f"remove_options: {field.get('title')} {error}.") from None
    return [label for label in dict.fromkeys(add) if fold(label) not in present], removed


async def show_only_on(call: Call, field: str, relations: list[Json], lists: list[str]) -> None:
    """Show a field on these lists and no others. Missing lists come first, so that it shows somewhere at any time."""
    relation_ids = {str(relation.get("relid")): str(relation["id"]) for relation in relations if relation.get("id")}
    for list_id in lists:
        if list_id not in relation_ids:
            await show_field(call, field, list_id)
    for list_id, relation_id in relation_ids.items():
        if list_id not in lists:
            await hide_field(call, relation_id)


@field_options.get("/fieldOptions/{id}", offered=Offered(as_tool=False))
async def get_field_option(call: Call, id: Id) -> Json:
    """One choice of a field."""
    return await call()


def explain_lost_choice(sent: Json, before: Json) -> str:
    """Return why removing a choice needs confirmation."""
    return "Contacts that have a choice that is removed lose it, and no undo brings that back."


@field_options.delete("/fieldOptions/{id}", offered=Offered(as_tool=False), effects=Effects(asks=explain_lost_choice))
async def delete_field_option(call: Call, id: Id) -> Json:
    """Take a choice out of a field."""
    return await call()


@field_relations.delete("/fieldRels/{id}", offered=Offered(as_tool=False))
async def hide_field(call: Call, id: Id) -> Json:
    """A field no longer shows on a list."""
    return await call()


def explain_lost_values(sent: Json, before: Json) -> str:
    """Return why deleting a field needs confirmation: its values are deleted with it (reference 9). "" without any."""
    count = as_int(as_object(before.get("hung")).get("values"))
    return f"{count} contacts have a value in this field, and no undo brings these back." if count else ""


@fields.delete(
    "/fields/{field}",
    title="Delete a custom field",
    effects=Effects(asks=explain_lost_values),
    offered=Offered(on_request=True),
)
async def delete_field(call: Call, field: FieldRef) -> Json:
    """Delete a custom field of contacts with its choices and all values in it. Returns its title; undone only in
    part."""
    return await call()
