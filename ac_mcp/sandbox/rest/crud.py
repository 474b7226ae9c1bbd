"""List, get, create, update and delete: the handlers that all resources share."""

from collections.abc import Callable, Sequence

from .errors import not_found
from .queries import conditions, parse_order, parse_page
from .resource import Answer, Call, Resource
from .store import Row, Where, as_id, eq

Handler = Callable[[Call], Answer]


def list_handler(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        where = conditions(call, resource)
        limit, offset = parse_page(call)
        order = parse_order(call, resource)
        rows = call.store.select(resource.plural, *where, order=order, limit=limit, offset=offset)
        rendered = call.render(resource.plural, rows)
        return Answer(
            200,
            {**resource.sideload(call, rows, "list"), resource.plural: rendered, **_meta(call, resource, where, rows)},
        )

    return handle


def _meta(call: Call, resource: Resource, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    if resource.total is None:
        return {}
    total = resource.total(call.store.count(resource.plural, *where))
    return {"meta": {"total": total, **resource.meta(call, where, rows)}}


def get_handler(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.require_row(resource.plural, call.path["id"])
        rendered = call.render(resource.plural, [row], "one")[0]
        return Answer(200, {**resource.sideload(call, [row], "one"), resource.singular: rendered})

    return handle


def create_handler(resource: Resource) -> Handler:
    return lambda call: create(call, resource, resource.writable_values(call))


def create(call: Call, resource: Resource, sent: Row) -> Answer:
    """Add a row; the answer has few keys, and repeats what was sent in the type it was sent (reference 2.3)."""
    resource.require_values(sent)
    row = add_row(call, resource, resource.prepare(call, sent, None))
    rendered = call.render(resource.plural, [row], "create")[0]
    body = {**resource.sideload(call, [row], "create"), resource.singular: {**rendered, **resource.echoed_values(sent)}}
    return Answer(resource.create_status, body)


def add_row(call: Call, resource: Resource, values: Row) -> Row:
    values_to_store = resource.creation_values(call, values)
    row = {**resource.table.defaults, **values_to_store, "id": str(call.store.insert(resource.plural, values_to_store))}
    resource.after_write(call, row, None)
    return call.require_row(resource.plural, row["id"])


def update_handler(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.require_row(resource.plural, call.path["id"])
        return update(call, resource, row, resource.writable_values(call))

    return handle


def update(call: Call, resource: Resource, row: Row, sent: Row) -> Answer:
    """Change what was sent; a body without the wrapper changes nothing, and is still a 200 (reference 2.1)."""
    if sent or call.unwrapped(resource.singular):
        row = change_row(call, resource, row, resource.prepare(call, sent, row))
    rendered = call.render(resource.plural, [row], "update")[0]
    body = {**resource.sideload(call, [row], "update"), resource.singular: {**rendered, **resource.echoed_values(sent)}}
    return Answer(200, body)


def change_row(call: Call, resource: Resource, row: Row, values: Row) -> Row:
    changes = {**resource.filled_nulls(row), **resource.update_stamps(call), **resource.stored_values(values)}
    after = call.store.update(resource.plural, row["id"], changes)
    resource.after_write(call, after, row)
    return call.require_row(resource.plural, row["id"])


def delete_handler(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.require_row(resource.plural, call.path["id"])
        remove_row(call, resource, row)
        return Answer(200, dict(resource.delete_answer))

    return handle


def remove_row(call: Call, resource: Resource, row: Row) -> None:
    resource.before_delete(call, row)
    for child in resource.children:
        call.store.delete(child.plural, eq(child.column, row["id"]), *child.fixed)
    call.store.delete(resource.plural, eq("id", as_id(row["id"])))


def nested_list_handler(resource: Resource, plural: str, column: str) -> Handler:
    """Return a handler for a collection below a row of another: no meta, and all rows unless a limit is sent.

    Whether such collections page without a limit is not known: a switch says how many rows come at once.
    """

    def handle(call: Call) -> Answer:
        row = call.require_row(resource.plural, call.path["id"])
        limit, offset = parse_page(call)
        if "limit" not in call.params:
            limit, offset = (call.quirks.sublist_page, offset) if call.quirks.sublist_page else (-1, 0)
        order = parse_order(call, call.catalog[plural])
        found = call.store.select(plural, eq(column, row["id"]), order=order, limit=limit, offset=offset)
        return Answer(200, {plural: call.render(plural, found)})

    return handle


def missing_id_handler(resource: Resource) -> Handler:
    """Return a handler for `/dealGroups/` with nothing after the slash: row 0, which does not exist (reference 2.5)."""

    def handle(call: Call) -> Answer:
        raise not_found(resource.model, "0")

    return handle
