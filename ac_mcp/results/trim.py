"""From a payload to an answer: the columns a resource declares, names beside ids, and what the list is part of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ac_mcp.columns import Column, Reference, References
from ac_mcp.operation import SAID, Operation
from ac_mcp.request import Json, record, records, whole
from ac_mcp.resource import Resource

Names = Mapping[str, Mapping[str, str]]
DONE = {"POST": "created", "PUT": "updated", "DELETE": "deleted"}


@dataclass(frozen=True, slots=True)
class Answered:
    """A payload, and what it answers: the operation and its resolved arguments."""

    operation: Operation[..., Any]
    arguments: Mapping[str, Any]
    payload: Json

    @property
    def resource(self) -> Resource:
        return self.operation.resource

    @property
    def single(self) -> Json | None:
        """The one row the operation is about, where the payload holds it."""
        return record(self.payload.get(self.resource.singular)) or None

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is shown of the single row; after a write nothing that would take another request to name."""
        more = self.resource.more
        kept = more if self.operation.read_only else tuple(one for one in more if not isinstance(one, Reference))
        return self.resource.columns + kept

    @property
    def shown(self) -> list[Resource]:
        return [self.resource, *self.operation.options.get("shows", ())]

    def rows(self, resource: Resource) -> list[Json]:
        return records(self.payload.get(resource.plural))

    @property
    def named(self) -> dict[str, tuple[str, str]]:
        """Parameter, kind and id of everything the call named that its own row does not repeat."""
        if self.single is not None and not self.resource.link:
            return {}
        references = self.operation.references.items()
        return {p: (ref.kind, str(self.arguments[p])) for p, ref in references if self._named(p)}

    @property
    def touched(self) -> dict[str, str]:
        """The same by kind."""
        return dict(self.named.values())

    def _named(self, parameter: str) -> bool:
        return self.arguments.get(parameter) is not None and not self.operation.references[parameter].assigned

    @property
    def said(self) -> dict[str, str]:
        """Ids that stand once in the answer, so that no row repeats them."""
        own = {self.resource.plural: str(self.single.get("id"))} if self.single and not self.resource.link else {}
        return self.touched | own


def wanted(answered: Answered) -> dict[str, set[str]]:
    """The ids the answer wants names for, by kind."""
    found: dict[str, set[str]] = {kind: {id} for kind, id in answered.touched.items()}
    shown = [(answered.columns, answered.single or {})]
    shown += [(resource.columns, row) for resource in answered.shown for row in answered.rows(resource)]
    for columns, row in shown:
        for kind, id in ids(columns, row):
            found.setdefault(kind, set()).add(id)
    return found


def ids(columns: tuple[Column, ...], row: Json) -> Iterable[tuple[str, str]]:
    for column in columns:
        match column, column.read(row):
            case (_, None):
                continue
            case (Reference(kind=kind), id):
                yield kind, id
            case (References(kind=kind), several):
                yield from ((kind, id) for id in several)
            case _:
                continue


def shape(answered: Answered, names: Names) -> Json:
    """What the model reads of a payload."""
    ours: Json = answered.payload.get(SAID, {})
    result = ours.get("result") or (None if answered.operation.read_only else DONE[answered.operation.method])
    answer: Json = {"result": result} if result else {}
    for parameter, (kind, id) in answered.named.items():
        answer |= named(parameter, id, names.get(kind, {}))
    answer |= own(answered, names)
    for resource in answered.shown:
        if resource.plural in answered.payload and (resource is not answered.resource or answered.single is None):
            rows = answered.rows(resource)
            answer[resource.words] = [summary(resource, row, names, answered.said) for row in rows]
    return answer | paging(answered) | {key: value for key, value in ours.items() if key != "result"}


def own(answered: Answered, names: Names) -> Json:
    """The row the operation is about: flat where it only ties things together."""
    if answered.single is None:
        return {}
    row = summary(answered.resource, answered.single, names, answered.touched, answered.columns)
    if not answered.resource.link:
        return {answered.resource.word: row}
    return {key: value for key, value in row.items() if key != "id"}


def summary(
    resource: Resource, row: Json, names: Names, said: Mapping[str, str], columns: tuple[Column, ...] | None = None
) -> Json:
    """What a person would ask for of a row; an id that has a name comes with it."""
    shown: Json = {} if resource.link else {"id": str(row.get(resource.id_key))}
    for column in columns or resource.columns:
        match column, column.read(row):
            case (_, None):
                continue
            case (Reference(kind=kind), id):
                shown |= {} if said.get(kind) == id else named(column.name, id, names.get(kind, {}))
            case (References(kind=kind, one=one), several):
                shown[column.name] = [named(one, id, names.get(kind, {})) for id in several]
            case (_, value):
                shown[column.name] = value
    return shown


def named(word: str, id: str, names: Mapping[str, str]) -> Json:
    """The id is always there, the name where it is known."""
    return ({word: names[id]} if id in names else {}) | {f"{word}_id": id}


def paging(answered: Answered) -> Json:
    """How many there are, and where the next page starts."""
    if answered.single is not None or answered.resource.plural not in answered.payload:
        return {}
    meta, rows = record(answered.payload.get("meta")), answered.rows(answered.resource)
    offset = whole(answered.arguments.get("offset"))
    total = whole(meta.get("total")) or (offset if rows else 0) + len(rows)
    if answered.arguments.get("after_id") is not None:
        more = len(rows) < total and bool(rows)
        return {"remaining": total - len(rows)} | ({"next_after_id": str(rows[-1].get("id"))} if more else {})
    if not rows and total:
        return {"total": total, "note": f"Offset {offset} is past the end: there are {total} in all."}
    past = offset + len(rows)
    return {"total": total} | ({"next_offset": past} if past < total else {})
