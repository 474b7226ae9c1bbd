"""List, get, create, update and delete, the same for every resource that declares them."""

from collections.abc import Callable, Sequence

from .errors import not_found
from .queries import conditions, ordering, page
from .resource import Answer, Call, Resource
from .store import Row, Where, as_id, eq

Handler = Callable[[Call], Answer]


def listing(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        where = conditions(call, resource)
        limit, offset = page(call)
        order = ordering(call, resource)
        rows = call.store.select(resource.plural, *where, order=order, limit=limit, offset=offset)
        shown = call.show(resource.plural, rows)
        return Answer(
            200, {**resource.sides(call, rows, "list"), resource.plural: shown, **_meta(call, resource, where, rows)}
        )

    return handle


def _meta(call: Call, resource: Resource, where: Sequence[Where], rows: Sequence[Row]) -> Row:
    if resource.total is None:
        return {}
    total = resource.total(call.store.count(resource.plural, *where))
    return {"meta": {"total": total, **resource.meta(call, where, rows)}}


def getting(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.fetch(resource.plural, call.path["id"])
        shown = call.show(resource.plural, [row], "one")[0]
        return Answer(200, {**resource.sides(call, [row], "one"), resource.singular: shown})

    return handle


def creating(resource: Resource) -> Handler:
    return lambda call: create(call, resource, resource.sent(call))


def create(call: Call, resource: Resource, sent: Row) -> Answer:
    """Add a row; the answer is slim and echoes what was sent in the type it was sent (reference 2.3)."""
    resource.demand(sent)
    row = add(call, resource, resource.prepare(call, sent, None))
    shown = call.show(resource.plural, [row], "create")[0]
    body = {**resource.sides(call, [row], "create"), resource.singular: {**shown, **resource.echoed(sent)}}
    return Answer(resource.created, body)


def add(call: Call, resource: Resource, values: Row) -> Row:
    fresh = resource.fresh(call, values)
    row = {**resource.table.defaults, **fresh, "id": str(call.store.insert(resource.plural, fresh))}
    resource.stored(call, row, None)
    return call.fetch(resource.plural, row["id"])


def updating(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.fetch(resource.plural, call.path["id"])
        return update(call, resource, row, resource.sent(call))

    return handle


def update(call: Call, resource: Resource, row: Row, sent: Row) -> Answer:
    """Change what was sent; a body without the wrapper changes nothing and is still a 200 (reference 2.1)."""
    if sent or call.wrapped(resource.singular):
        row = change(call, resource, row, resource.prepare(call, sent, row))
    shown = call.show(resource.plural, [row], "update")[0]
    body = {**resource.sides(call, [row], "update"), resource.singular: {**shown, **resource.echoed(sent)}}
    return Answer(200, body)


def change(call: Call, resource: Resource, row: Row, values: Row) -> Row:
    changes = {**resource.settled(row), **resource.moved(call), **resource.kept(values)}
    after = call.store.update(resource.plural, row["id"], changes)
    resource.stored(call, after, row)
    return call.fetch(resource.plural, row["id"])


def deleting(resource: Resource) -> Handler:
    def handle(call: Call) -> Answer:
        row = call.fetch(resource.plural, call.path["id"])
        remove(call, resource, row)
        return Answer(200, dict(resource.farewell))

    return handle


def remove(call: Call, resource: Resource, row: Row) -> None:
    resource.removed(call, row)
    for child in resource.children:
        call.store.delete(child.plural, eq(child.column, row["id"]), *child.fixed)
    call.store.delete(resource.plural, eq("id", as_id(row["id"])))


def within(resource: Resource, plural: str, column: str) -> Handler:
    """A collection under one row of another: no meta, and everything unless a limit is given."""

    def handle(call: Call) -> Answer:
        row = call.fetch(resource.plural, call.path["id"])
        limit, offset = page(call) if "limit" in call.params else (-1, 0)
        order = ordering(call, call.catalog[plural])
        found = call.store.select(plural, eq(column, row["id"]), order=order, limit=limit, offset=offset)
        return Answer(200, {plural: call.show(plural, found)})

    return handle


def nameless(resource: Resource) -> Handler:
    """`/dealGroups/` with nothing after the slash is the row 0, which does not exist (reference 2.5)."""

    def handle(call: Call) -> Answer:
        raise not_found(resource.model, "0")

    return handle
