"""From a payload to an answer: the columns a resource declares, names beside ids, and the paging of a list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.spec.columns import LONGEST, NOTHING, Column, Reference, ReferenceList
from ac_mcp.spec.operation import Operation, own_words
from ac_mcp.spec.paging import credible_total
from ac_mcp.spec.resource import Resource
from ac_mcp.text import truncate

Names = Mapping[str, Mapping[str, str]]
"""Names by kind and id: `{"tags": {"3": "VIP"}}`."""
INTERNAL = ("links", "hash", "gravatar", "email_local", "email_domain")
"""Attributes without meaning for a reader (reference 2.3)."""
FROM_ACCOUNT, HIDDEN_HERE = "from_account", "hidden_here"
"""Keys of an answer that name its free text, and the free text left out: an absent value is not an empty one."""
LONGEST_NAME = 200
"""Characters shown of the name of a referenced thing."""
TOTAL_UNKNOWN = "How many there are is not known: ActiveCampaign's total does not fit the rows. Read on by next_offset."
DONE = {"POST": "created", "PUT": "updated", "DELETE": "deleted"}
"""The `result` of a write, by method."""


@dataclass(frozen=True, slots=True)
class View:
    """How much of a payload an answer shows."""

    full: bool = False
    """Every attribute the API sends, and no text cut."""
    fields: frozenset[str] = frozenset()
    """The only columns to show of each row; empty for those of the summary."""
    hidden: bool = False
    """Whether free text is left out."""

    @classmethod
    def of(cls, arguments: Mapping[str, Any], hidden: bool = False) -> "View":
        """Return the view that the arguments `detail` and `fields` of a call choose."""
        return cls(arguments.get("detail") == "full", frozenset(arguments.get("fields") or ()), hidden)

    def shows(self, column: Column) -> bool:
        """Return whether the column may be shown."""
        return not (self.hidden and column.free)


SUMMARY = View()
"""The default view: summaries with free text."""


@dataclass(frozen=True, slots=True)
class AnswerData:
    """A payload with the operation it answers and the resolved arguments (ids in place of names)."""

    operation: Operation[..., Any]
    arguments: Mapping[str, Any]
    payload: Json
    view: View = SUMMARY

    @property
    def resource(self) -> Resource:
        return self.operation.resource

    @property
    def single(self) -> Json | None:
        """The one row the operation is about; None where the payload does not hold it."""
        return as_object(self.payload.get(self.resource.singular)) or None

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the single row; after a write, without those whose names take another request."""
        more = self.resource.details
        if not self.operation.read_only:
            more = tuple(column for column in more if not isinstance(column, Reference))
        return self.resource.columns + more

    def columns_of(self, resource: Resource) -> tuple[Column, ...]:
        """Return the columns shown of each row of a list."""
        if resource is not self.resource:
            return columns_beside(self.operation, resource)
        if self.view.fields:
            return tuple(column for column in resource.columns + resource.details if column.name in self.view.fields)
        return resource.columns + (resource.details if self.view.full else ())

    @property
    def shown_resources(self) -> list[Resource]:
        """The resources whose rows the answer shows: the operation's own first."""
        return [self.resource, *self.operation.options.answer.beside]

    def rows(self, resource: Resource) -> list[Json]:
        """Return the rows of a resource in the payload."""
        return as_objects(self.payload.get(resource.plural))

    @property
    def referenced(self) -> dict[str, tuple[str, str]]:
        """The things the call named that its own row does not repeat: `{parameter: (kind, id)}`."""
        if self.single is not None and not self.resource.link:
            return {}
        references = self.operation.references.items()
        return {p: (ref.kind, str(self.arguments[p])) for p, ref in references if self._is_reference(p)}

    @property
    def referenced_by_kind(self) -> dict[str, str]:
        """The ids of the things the call named, by kind; of two of one kind the first."""
        return dict(reversed(self.referenced.values()))

    def _is_reference(self, parameter: str) -> bool:
        return self.arguments.get(parameter) is not None and self.operation.references[parameter].is_single

    @property
    def ids_in_answer(self) -> dict[str, str]:
        """Ids by kind that the answer holds once, so that no row repeats them."""
        own = {self.resource.plural: str(self.single.get("id"))} if self.single and not self.resource.link else {}
        return self.referenced_by_kind | own


def columns_beside(operation: Operation[..., Any], resource: Resource) -> tuple[Column, ...]:
    """Return the columns of another resource that the answer shows beside its own."""
    names = operation.options.answer.brief.get(resource.plural)
    return tuple(column for column in resource.columns if names is None or column.name in names)


def ids_to_name(answered: AnswerData) -> dict[str, set[str]]:
    """Return the ids whose names the answer shows, by kind."""
    found: dict[str, set[str]] = {}
    for kind, id in answered.referenced.values():
        found.setdefault(kind, set()).add(id)
    rows = [(answered.columns, answered.single or {})]
    for resource in answered.shown_resources:
        rows += [(answered.columns_of(resource), row) for row in answered.rows(resource)]
    for columns, row in rows:
        for kind, id in reference_ids(columns, row):
            found.setdefault(kind, set()).add(id)
    return found


def reference_ids(columns: tuple[Column, ...], row: Json) -> Iterable[tuple[str, str]]:
    """Yield kind and id of everything the columns of a row refer to."""
    for column in columns:
        match column, column.read(row):
            case (_, None):
                continue
            case (Reference(kind=kind), id):
                yield kind, id
            case (ReferenceList(kind=kind), ids):
                yield from ((kind, id) for id in ids)
            case _:
                continue


def shape(answered: AnswerData, names: Names) -> Json:
    """Return the answer: result, named things, rows with names beside ids, paging, own words, free-text marks."""
    view = answered.view
    all_words = own_words(answered.payload)
    result = all_words.get("result") or (None if answered.operation.read_only else DONE[answered.operation.method])
    answer: Json = {"result": result} if result else {}
    for parameter, (kind, id) in answered.referenced.items():
        answer |= id_with_name(parameter, id, names.get(kind, {}))
    answer |= own_row(answered, names)
    for resource in answered.shown_resources:
        if resource.plural in answered.payload and (resource is not answered.resource or answered.single is None):
            rows = answered.rows(resource)
            columns = answered.columns_of(resource)
            answer[resource.words] = [
                summary(resource, row, names, answered.ids_in_answer, columns, view) for row in rows
            ]
    quoted = answered.operation.options.answer.quotes
    words = {key: value for key, value in all_words.items() if key != "result" and not (view.hidden and key in quoted)}
    free = find_free_text(answered, answer, [key for key in quoted if view.hidden or key in words])
    answer |= paging(answered) | words
    if free:
        answer[HIDDEN_HERE if view.hidden else FROM_ACCOUNT] = free
    return answer


def find_free_text(answered: AnswerData, answer: Json, quoted: list[str]) -> list[str]:
    """Return the keys of an answer that hold free text, which a model must not read as the server's own words."""
    found: list[str] = []
    if answered.operation.method == "POST":
        return found  # the call itself wrote the text
    for resource in answered.shown_resources:
        names = [column.name for column in resource.columns + resource.details if column.free]
        rows = as_objects(answer.get(resource.words))
        hidden = answered.view.hidden
        found += [f"{resource.words}.{name}" for name in names if rows and (hidden or any(name in row for row in rows))]
        own = answer if resource.link else as_object(answer.get(resource.word))
        found += [name for name in names if resource is answered.resource and own and (hidden or name in own)]
    return list(dict.fromkeys(found + quoted))


def own_row(answered: AnswerData, names: Names) -> Json:
    """Return the row the operation is about, under the resource's word; an association's columns come flat."""
    if answered.single is None:
        return {}
    row = summary(
        answered.resource, answered.single, names, answered.referenced_by_kind, answered.columns, answered.view
    )
    if not answered.resource.link:
        return {answered.resource.word: row}
    return {key: value for key, value in row.items() if key != "id"}


def summary(
    resource: Resource,
    row: Json,
    names: Names,
    ids_in_answer: Mapping[str, str],
    columns: tuple[Column, ...],
    view: View,
) -> Json:
    """Return the columns of a row, names beside ids; references in `ids_in_answer` (id by kind) are left out."""
    shaped: Json = {} if resource.link else {"id": str(row.get(resource.api.id_key))}
    for column in filter(view.shows, columns):
        match column, column.read_full(row) if view.full else column.read(row):
            case (_, None):
                continue
            case (Reference(kind=kind), id):
                if ids_in_answer.get(kind) != id:
                    shaped |= id_with_name(column.name, id, names.get(kind, {}))
            case (ReferenceList(kind=kind, singular=word), ids):
                shaped[column.name] = [id_with_name(word, id, names.get(kind, {})) for id in ids]
            case (_, value):
                shaped[column.name] = value
    if view.full and not (view.hidden or resource.link):
        shaped |= unsummarized(resource, row)
    return shaped


def unsummarized(resource: Resource, row: Json) -> Json:
    """Return `{"other": {...}}`: attributes that no column reads, under the API's names, without noise."""
    covered = {key for column in resource.columns + resource.details for key in column.keys} | {
        resource.api.id_key,
        *INTERNAL,
    }
    others = ((key, value) for key, value in row.items() if key not in covered and not is_noise(key, value))
    other = {key: truncate(value, LONGEST) if isinstance(value, str) else value for key, value in others}
    return {"other": other} if other else {}


def is_noise(key: str, value: Any) -> bool:
    """Return whether a value is empty, a second copy of a date, or a bare list of ids."""
    is_id_list = isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value))
    return value in NOTHING or key.endswith("_timestamp") or is_id_list


def id_with_name(word: str, id: str, names: Mapping[str, str]) -> Json:
    """Return `{"tag": "VIP", "tag_id": "3"}`; without the name where `names` (by id) does not hold it."""
    return ({word: truncate(names[id], LONGEST_NAME)} if id in names else {}) | {f"{word}_id": id}


def paging(answered: AnswerData) -> Json:
    """Return `total` and `next_offset` of a list, or with after_id `remaining` and `next_after_id`; else nothing."""
    if answered.single is not None or answered.resource.plural not in answered.payload:
        return {}
    meta, rows = as_object(answered.payload.get("meta")), answered.rows(answered.resource)
    offset, stated = as_int(answered.arguments.get("offset")), as_int(meta.get("total"))
    total = stated or (offset if rows else 0) + len(rows)
    if answered.arguments.get("after_id") is not None:
        more = len(rows) < total and bool(rows)
        return {"remaining": total - len(rows)} | ({"next_after_id": str(rows[-1].get("id"))} if more else {})
    if not rows and offset and stated <= offset:
        return ({"total": stated} if stated else {}) | {
            "note": f"Offset {offset} is past the end{f': there are {stated} in all' if stated else ''}."
        }
    return page_of(stated, len(rows), offset, answered.arguments.get("limit"))


def page_of(stated: int, count: int, offset: int, limit: Any) -> Json:
    """Return `total` and `next_offset` of a page. A total that its rows contradict is said to be unknown."""
    total, end = credible_total(stated, count, offset, as_int(limit) or None), offset + count
    if total is None:
        return {"note": TOTAL_UNKNOWN} | ({"next_offset": end} if count else {})
    return {"total": total} | ({"next_offset": end} if end < total else {})
