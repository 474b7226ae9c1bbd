"""From a payload to an answer: the columns a resource declares, names beside ids, and what the list is part of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.spec.columns import LONGEST, NOTHING, Column, Reference, ReferenceList
from ac_mcp.spec.operation import Operation, own_words
from ac_mcp.spec.resource import Resource
from ac_mcp.text import truncate

Names = Mapping[str, Mapping[str, str]]
INTERNAL = ("links", "hash", "gravatar", "email_local", "email_domain")
"""What tells nobody anything (reference 2.3)."""
FROM_ACCOUNT, HIDDEN_HERE = "from_account", "hidden_here"
"""What an answer calls its free text, and what of it is left out: an absent value is not an empty one."""
LONGEST_NAME = 200
"""Characters of the name of what an answer refers to."""
DONE = {"POST": "created", "PUT": "updated", "DELETE": "deleted"}


@dataclass(frozen=True, slots=True)
class View:
    """How much is shown of what was read."""

    full: bool = False
    """Everything the API says of the thing asked for, and no text cut."""
    fields: frozenset[str] = frozenset()
    """Only these columns of the rows; empty for those of the summary."""
    hidden: bool = False
    """Nothing that people have written freely."""

    @classmethod
    def of(cls, given: Mapping[str, Any], hidden: bool = False) -> "View":
        return cls(given.get("detail") == "full", frozenset(given.get("fields") or ()), hidden)

    def shows(self, column: Column) -> bool:
        return not (self.hidden and column.free)


SUMMARY = View()


@dataclass(frozen=True, slots=True)
class AnswerData:
    """A payload, and what it answers: the operation and its resolved arguments."""

    operation: Operation[..., Any]
    arguments: Mapping[str, Any]
    payload: Json
    view: View = SUMMARY

    @property
    def resource(self) -> Resource:
        return self.operation.resource

    @property
    def single(self) -> Json | None:
        """The one row the operation is about, where the payload holds it."""
        return as_object(self.payload.get(self.resource.singular)) or None

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is shown of the single row; after a write nothing that would take another request to name."""
        more = self.resource.more
        kept = more if self.operation.read_only else tuple(one for one in more if not isinstance(one, Reference))
        return self.resource.columns + kept

    def columns_of(self, resource: Resource) -> tuple[Column, ...]:
        """What is shown of each row."""
        if resource is not self.resource:
            return columns_beside(self.operation, resource)
        if self.view.fields:
            return tuple(one for one in resource.columns + resource.more if one.name in self.view.fields)
        return resource.columns + (resource.more if self.view.full else ())

    @property
    def shown_resources(self) -> list[Resource]:
        return [self.resource, *self.operation.options.get("shows", ())]

    def rows(self, resource: Resource) -> list[Json]:
        return as_objects(self.payload.get(resource.plural))

    @property
    def referenced(self) -> dict[str, tuple[str, str]]:
        """Parameter, kind and id of everything the call named that its own row does not repeat."""
        if self.single is not None and not self.resource.link:
            return {}
        references = self.operation.references.items()
        return {p: (ref.kind, str(self.arguments[p])) for p, ref in references if self._is_reference(p)}

    @property
    def referenced_by_kind(self) -> dict[str, str]:
        """The same by kind; of two of a kind the first."""
        return dict(reversed(self.referenced.values()))

    def _is_reference(self, parameter: str) -> bool:
        return self.arguments.get(parameter) is not None and self.operation.references[parameter].is_single

    @property
    def ids_in_answer(self) -> dict[str, str]:
        """Ids that stand once in the answer, so that no row repeats them."""
        own = {self.resource.plural: str(self.single.get("id"))} if self.single and not self.resource.link else {}
        return self.referenced_by_kind | own


def columns_beside(operation: Operation[..., Any], resource: Resource) -> tuple[Column, ...]:
    """The columns of what an answer shows beside its own thing."""
    enough = operation.options.get("brief", {}).get(resource.plural)
    return tuple(one for one in resource.columns if enough is None or one.name in enough)


def ids_to_name(answered: AnswerData) -> dict[str, set[str]]:
    """The ids the answer wants names for, by kind."""
    found: dict[str, set[str]] = {}
    for kind, id in answered.referenced.values():
        found.setdefault(kind, set()).add(id)
    shown = [(answered.columns, answered.single or {})]
    shown += [(answered.columns_of(one), row) for one in answered.shown_resources for row in answered.rows(one)]
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
            case (ReferenceList(kind=kind), several):
                yield from ((kind, id) for id in several)
            case _:
                continue


def shape(answered: AnswerData, names: Names) -> Json:
    """What the model reads of a payload."""
    view = answered.view
    ours = own_words(answered.payload)
    result = ours.get("result") or (None if answered.operation.read_only else DONE[answered.operation.method])
    answer: Json = {"result": result} if result else {}
    for parameter, (kind, id) in answered.referenced.items():
        answer |= id_with_name(parameter, id, names.get(kind, {}))
    answer |= own_row(answered, names)
    for resource in answered.shown_resources:
        if resource.plural in answered.payload and (resource is not answered.resource or answered.single is None):
            rows = answered.rows(resource)
            columns = answered.columns_of(resource)
            shown = [summary(resource, row, names, answered.ids_in_answer, columns, view) for row in rows]
            answer[resource.words] = shown
    quoted = answered.operation.options.get("quotes", ())
    words = {key: value for key, value in ours.items() if key != "result" and not (view.hidden and key in quoted)}
    free = find_free_text(answered, answer, [key for key in quoted if view.hidden or key in words])
    told = HIDDEN_HERE if view.hidden else FROM_ACCOUNT
    return answer | paging(answered) | words | ({told: free} if free else {})


def find_free_text(answered: AnswerData, answer: Json, quoted: list[str]) -> list[str]:
    """Which parts of an answer people have written in their own words: a model is not to take those for ours."""
    found: list[str] = []
    if answered.operation.method == "POST":
        return found  # it is what the call itself has written
    for resource in answered.shown_resources:
        names = [one.name for one in resource.columns + resource.more if one.free]
        rows = as_objects(answer.get(resource.words))
        hidden = answered.view.hidden
        found += [f"{resource.words}.{name}" for name in names if rows and (hidden or any(name in row for row in rows))]
        one = answer if resource.link else as_object(answer.get(resource.word))
        found += [name for name in names if resource is answered.resource and one and (hidden or name in one)]
    return list(dict.fromkeys(found + quoted))


def own_row(answered: AnswerData, names: Names) -> Json:
    """The row the operation is about: flat where it only ties things together."""
    if answered.single is None:
        return {}
    row = summary(
        answered.resource, answered.single, names, answered.referenced_by_kind, answered.columns, answered.view
    )
    if not answered.resource.link:
        return {answered.resource.word: row}
    return {key: value for key, value in row.items() if key != "id"}


def summary(
    resource: Resource, row: Json, names: Names, said: Mapping[str, str], columns: tuple[Column, ...], view: View
) -> Json:
    """What a person would ask for of a row; an id that has a name comes with it."""
    shown: Json = {} if resource.link else {"id": str(row.get(resource.id_key))}
    for column in filter(view.shows, columns):
        match column, column.read_full(row) if view.full else column.read(row):
            case (_, None):
                continue
            case (Reference(kind=kind), id):
                shown |= {} if said.get(kind) == id else id_with_name(column.name, id, names.get(kind, {}))
            case (ReferenceList(kind=kind, singular=one), several):
                shown[column.name] = [id_with_name(one, id, names.get(kind, {})) for id in several]
            case (_, value):
                shown[column.name] = value
    return shown | (unsummarized(resource, row) if view.full and not (view.hidden or resource.link) else {})


def unsummarized(resource: Resource, row: Json) -> Json:
    """What no column speaks for, under the API's own names: without nothing, links, and ids of what stands beside."""
    spoken = {key for column in resource.columns + resource.more for key in column.keys} | {resource.id_key, *INTERNAL}
    others = ((key, value) for key, value in row.items() if key not in spoken and not is_noise(key, value))
    other = {key: truncate(value, LONGEST) if isinstance(value, str) else value for key, value in others}
    return {"other": other} if other else {}


def is_noise(key: str, value: Any) -> bool:
    """Nothing, a second copy of a date, or a bare list of ids."""
    ids = isinstance(value, list) and all(isinstance(one, str) for one in cast("list[Any]", value))
    return value in NOTHING or key.endswith("_timestamp") or ids


def id_with_name(word: str, id: str, names: Mapping[str, str]) -> Json:
    """The id is always there, the name where it is known."""
    return ({word: truncate(names[id], LONGEST_NAME)} if id in names else {}) | {f"{word}_id": id}


def paging(answered: AnswerData) -> Json:
    """How many there are, and where the next page starts."""
    if answered.single is not None or answered.resource.plural not in answered.payload:
        return {}
    meta, rows = as_object(answered.payload.get("meta")), answered.rows(answered.resource)
    offset = as_int(answered.arguments.get("offset"))
    total = as_int(meta.get("total")) or (offset if rows else 0) + len(rows)
    if answered.arguments.get("after_id") is not None:
        more = len(rows) < total and bool(rows)
        return {"remaining": total - len(rows)} | ({"next_after_id": str(rows[-1].get("id"))} if more else {})
    if not rows and total:
        return {"total": total, "note": f"Offset {offset} is past the end: there are {total} in all."}
    past = offset + len(rows)
    return {"total": total} | ({"next_offset": past} if past < total else {})
