"""Changes to the custom fields of contacts: title, options, on which lists they show; and their end."""

from typing import Annotated

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations.fields import (
    CHOICES,
    create_field_options,
    field_options,
    field_relations,
    fields,
    labels,
    show_field,
)
from ac_mcp.spec.annotations import About, Ref, Wire
from ac_mcp.spec.operation import Call, with_own_words
from ac_mcp.spec.parameters import FieldRef, Id, Name

EVERYWHERE = "0"
"""The list that stands for all of them (reference 9)."""


@fields.get("/fields/{field}", title="Show a custom field", says={"lists": {"type": "array"}}, extra=True)
async def get_field(call: Call, field: FieldRef) -> Json:
    """Show one custom field of contacts: type, options, whether it is required, on how many lists it shows."""
    payload = await call()
    row = as_object(payload.get("field"))
    shown = [str(one.get("relid")) for one in as_objects(payload.get("fieldRels"))]
    where = "on all lists" if EVERYWHERE in shown else f"on {len(shown)} lists" if shown else "on no list: it is hidden"
    options = labels(row, as_objects(payload.get("fieldOptions")))
    return with_own_words(payload | {"field": row | {"options": options}}, note=f"It shows {where}.")


@fields.put("/fields/{field}", title="Change a custom field", extra=True)
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
    row, there = as_object(payload.get("field")), as_objects(payload.get("fieldOptions"))
    added, removed = chosen(call, row, there, add_options or [], remove_options or [])
    for one in removed:  # first, since what asks is asked before anything is written
        await delete_field_option(call, str(one["id"]))
    changed = {"title": title, "description": description}
    if any(one is not None for one in changed.values()):
        row |= as_object((await call(add_options=None, remove_options=None, lists=None)).get("field"))
    if added:
        last = max((as_int(one.get("orderid")) for one in there), default=0)
        await create_field_options(call, [
            {"field": field, "label": one, "value": one, "orderid": last + n, "isdefault": 0}
            for n, one in enumerate(added, 1)
        ])  # fmt: skip
    if lists is not None:
        await shown_on(call, field, as_objects(payload.get("fieldRels")), lists)
    gone = {str(one["id"]) for one in removed}
    left = labels(row, [one for one in there if str(one.get("id")) not in gone])
    return with_own_words({"field": row | {"options": [*left, *added]}}, result="updated")


def chosen(call: Call, row: Json, there: list[Json], add: list[str], remove: list[str]) -> tuple[list[str], list[Json]]:
    """The choices that are new, and the rows of those that are to go."""
    if (add or remove) and row.get("type") not in CHOICES:
        raise BadArguments(f"{row.get('title')} is a {row.get('type')} field: it has no choices.")
    own = {
        str(one.get("label") or one.get("value")).casefold(): one
        for one in there
        if str(one.get("field")) == str(row.get("id"))
    }
    if unknown := [one for one in remove if one.casefold() not in own]:
        raise BadArguments(f'remove_options: "{unknown[0]}" is none of its choices: {", ".join(labels(row, there))}.')
    return [one for one in dict.fromkeys(add) if one.casefold() not in own], [own[one.casefold()] for one in remove]


async def shown_on(call: Call, field: str, relations: list[Json], lists: list[str]) -> None:
    """On these lists and no others: what is missing first, so that it never shows nowhere."""
    there = {str(one.get("relid")): str(one["id"]) for one in relations if one.get("id")}
    for id in lists:
        if id not in there:
            await show_field(call, field, id)
    for id, relation in there.items():
        if id not in lists:
            await hide_field(call, relation)


@field_options.get("/fieldOptions/{id}", tool=False)
async def get_field_option(call: Call, id: Id) -> Json:
    """One choice of a field."""
    return await call()


def lost_choice(sent: Json, before: Json) -> str:
    return "Contacts that have a choice that is removed lose it, and no undo brings that back."


@field_options.delete("/fieldOptions/{id}", tool=False, asks=lost_choice)
async def delete_field_option(call: Call, id: Id) -> Json:
    """Take a choice out of a field."""
    return await call()


@field_relations.delete("/fieldRels/{id}", tool=False)
async def hide_field(call: Call, id: Id) -> Json:
    """A field no longer shows on a list."""
    return await call()


def takes_values(sent: Json, before: Json) -> str:
    """Values are gone with their field (reference 9)."""
    held = as_int(as_object(before.get("hung")).get("values"))
    return f"{held} contacts have a value in this field, and no undo brings these back." if held else ""


@fields.delete("/fields/{field}", title="Delete a custom field", asks=takes_values, extra=True)
async def delete_field(call: Call, field: FieldRef) -> Json:
    """Delete a custom field of contacts with its choices and all values in it. Returns its title; undone only in
    part."""
    return await call()
