"""The declaration of a resource: columns, keys, filters and hooks; and the call that it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from ac_mcp.sandbox.quirks import Quirks

from .columns import Column, as_object, columns, parse_literal, render, to_number, to_text
from .dates import STAMP_FORMATS, iso
from .errors import Refusal, error_entry, not_found
from .store import Row, Store, Table, Where, eq, one_of

View = Literal["list", "one", "create", "update", "side"]


@dataclass(frozen=True)
class Answer:
    """A success: status, JSON body (None for an empty one), headers."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Call:
    """One authorised request: the account's rows, what was sent, and when."""

    store: Store
    catalog: Mapping[str, "Resource"]
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: Any
    now: datetime
    quirks: Quirks

    @cached_property
    def params(self) -> Mapping[str, str]:
        return dict(self.query)

    @property
    def stamp(self) -> str:
        return iso(self.now)

    @property
    def root(self) -> str:
        name = "northwind" if self.store.account == 1 else f"account{self.store.account}"
        return f"https://{name}.api-us1.com/api/3"

    def unwrapped(self, singular: str) -> Row:
        """Return the object under its wrapper; {} for a body without the wrapper (reference 2.1)."""
        return as_object(as_object(self.body).get(singular))

    def render(self, plural: str, rows: Sequence[Row], view: View = "list") -> list[Row]:
        return self.catalog[plural].render(self, rows, view)

    def require_row(self, plural: str, number: Any) -> Row:
        row = self.store.get(plural, number)
        if row is None:
            raise not_found(self.catalog[plural].model, str(number))
        return row

    def sideload(self, plural: str, number: Any) -> list[Row]:
        """Return the row that a foreign key names as a list of one; an empty list if there is none."""
        row = self.store.get(plural, number)
        return self.render(plural, [row], "side") if row else []


Filter = Callable[[Call, str], Where | None]
Prepare = Callable[[Call, Row, Row | None], Row]
AfterWrite = Callable[[Call, Row, Row | None], None]
Sideload = Callable[[Call, Sequence[Row], View], Row]
Finish = Callable[[Call, Sequence[Row], Sequence[Row], View], None]
Meta = Callable[[Call, Sequence[Where], Sequence[Row]], Row]
BeforeDelete = Callable[[Call, Row], None]


@dataclass(frozen=True)
class Child:
    """Rows that are deleted with the row they belong to; `fixed` narrows them down."""

    plural: str
    column: str
    fixed: tuple[Where, ...] = ()


@dataclass(frozen=True)
class Resource:
    """A collection of the API; text fields hold names with spaces between them, and `crud` serves it."""

    plural: str
    singular: str
    model: str
    """The model's name in a 404; "" where the 404 does not name it."""
    columns: tuple[Column, ...]
    links: str = ""
    total: type[str] | type[int] | None = str
    """The type of the total in the list's meta; None where there is no meta."""
    verbs: str = "list get create update delete"
    writes: str = ""
    """Keys of the body that are written; the others are ignored."""
    slim: str = ""
    """Keys in the answer to a creation, `key=value` for a constant; "" for all keys."""
    hidden: Mapping[str, str] = field(default_factory=dict[str, str])
    """View -> keys that it leaves out."""
    stamped_on_update: str = ""
    """Keys set to the time of every update."""
    filled_on_update: str = ""
    """`key=value` pairs: values that replace nulls with the first update (reference 2.3)."""
    indexes: str = ""
    number_keys: str = ""
    """Keys that are JSON numbers also in answers to GET (reference 2.3)."""
    json_keys: str = ""
    """Keys stored as the JSON they were sent as."""
    echo: bool = True
    """Whether the answer to a write repeats what was sent, in the type it was sent."""
    create_status: int = 201
    delete_answer: Mapping[str, Any] = field(default_factory=dict[str, Any])
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    """Key -> error title, for keys that a creation needs."""
    filters: Mapping[str, Filter] = field(default_factory=dict[str, Filter])
    """Query parameter -> filter."""
    orders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name in `orders[...]` -> SQL expression; "id": "" where even that order is ignored."""
    children: tuple[Child, ...] = ()
    prepare: Prepare = lambda call, sent, row: sent
    """Check what was sent; return the values to write. `row` is None for a creation."""
    after_write: AfterWrite = lambda call, row, before: None
    sideload: Sideload = lambda call, rows, view: {}
    """Return the arrays beside the rows, by their plural."""
    finish: Finish = lambda call, rows, rendered, view: None
    """Change the rendered rows in place."""
    meta: Meta = lambda call, where, rows: {}
    """Return further keys of the list's meta."""
    before_delete: BeforeDelete = lambda call, row: None

    @cached_property
    def table(self) -> Table:
        defaults = {column.name: column.value for column in self.columns if column.kind == "value"}
        return Table(self.plural, defaults, tuple(self.indexes.split()))

    @cached_property
    def _stamp_formats(self) -> Mapping[str, str]:
        return {column.name: column.value for column in self.columns if column.kind == "now"}

    @cached_property
    def _column_names(self) -> set[str]:
        return {column.name for column in self.columns}

    def writable_values(self, call: Call) -> Row:
        """Return the part of the body that this resource writes; the rest is ignored silently."""
        writable = self.writes.split()
        return {key: value for key, value in call.unwrapped(self.singular).items() if key in writable}

    def creation_values(self, call: Call, values: Row) -> Row:
        stamps: Row = {name: STAMP_FORMATS[form](call.now) for name, form in self._stamp_formats.items()}
        return {**stamps, **self.stored_values(values)}

    def update_stamps(self, call: Call) -> Row:
        """Return the keys that every update sets to its time."""
        return {
            name: STAMP_FORMATS[self._stamp_formats.get(name, "iso")](call.now)
            for name in self.stamped_on_update.split()
        }

    def echoed_values(self, sent: Row) -> Row:
        """Return the part of the body that the answer repeats: the keys that are columns."""
        return {key: value for key, value in sent.items() if self.echo and key in self._column_names}

    def stored_values(self, values: Row) -> Row:
        """Return the values as text; lists and JSON stay as they are in the columns for them."""
        lists = {column.name for column in self.columns if isinstance(column.value, list)}
        raw = self.json_keys.split()
        return {
            key: value if key in raw or (key in lists and isinstance(value, list)) else to_text(value)
            for key, value in values.items()
        }

    def render(self, call: Call, rows: Sequence[Row], view: View) -> list[Row]:
        rendered = [self._render_row(call, row, view) for row in rows]
        self.finish(call, rows, rendered, view)
        return rendered

    def require_values(self, sent: Row) -> None:
        """Raise a refusal that names every required key the creation lacks."""
        missing = [name for name in self.required if sent.get(name) in (None, "", [])]
        if missing:
            raise Refusal(
                422, {"errors": [error_entry(self.required[name], "field_missing", name) for name in missing]}
            )

    def filled_nulls(self, row: Row) -> Row:
        """Return the values with which an update replaces the row's nulls."""
        return {column.name: column.value for column in columns(self.filled_on_update) if row.get(column.name) is None}

    def _render_row(self, call: Call, row: Row, view: View) -> Row:
        absent = self.hidden.get(view, "").split()
        shape = [column for column in self.columns if column.name not in absent]
        rendered = render(shape, row, self._links(call, row["id"]))
        rendered |= {name: to_number(rendered[name]) for name in self.number_keys.split() if name in rendered}
        if view != "create" or not self.slim:
            return rendered
        tokens = [token.partition("=") for token in self.slim.split()]
        return {name: parse_literal(value) if sign else rendered.get(name) for name, sign, value in tokens}

    def _links(self, call: Call, number: str) -> Any:
        start = f"{call.root}/{self.plural}/{number}"
        return {name.partition("?")[0]: f"{start}/{name}" for name in self.links.split()} or []


def select_related(call: Call, plural: str, column: str, ids: Sequence[str]) -> list[Row]:
    """Return the rows of a collection whose `column` is one of the ids."""
    return call.store.select(plural, one_of(column, ids)) if ids else []


def select_belonging(call: Call, plural: str, column: str, number: str) -> list[Row]:
    return call.store.select(plural, eq(column, number))


def attach_ids(rendered: Sequence[Row], key: str, rows: Sequence[Row], column: str) -> None:
    """Set `key` of each rendered row to the ids of the rows that belong to it."""
    for row in rendered:
        row[key] = [other["id"] for other in rows if other[column] == row["id"]]
