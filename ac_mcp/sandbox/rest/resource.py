"""What a resource is: its declared rows, and the places where its own behaviour hooks in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from .columns import Column, as_object, columns, literal, number, render, text
from .dates import FORMS, iso
from .errors import Refusal, not_found, problem
from .store import Row, Store, Table, Where, eq, one_of

View = Literal["list", "one", "create", "update", "side"]


@dataclass
class Quirks:
    """Behaviour that differs between years, accounts and moments; a test may turn it."""

    empty_list_update: bool = False  # PUT /lists in 2021 (reference 2.7)
    counter_lag: float = 5.0  # seconds by which subscriber counters trail the writes; 0 for none (reference 2.8)


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

    def wrapped(self, singular: str) -> Row:
        """The object under its wrapper; a body without it counts as nothing sent (reference 2.1)."""
        return as_object(as_object(self.body).get(singular))

    def show(self, plural: str, rows: Sequence[Row], view: View = "list") -> list[Row]:
        return self.catalog[plural].show(self, rows, view)

    def fetch(self, plural: str, number: Any) -> Row:
        row = self.store.get(plural, number)
        if row is None:
            raise not_found(self.catalog[plural].model, str(number))
        return row

    def side(self, plural: str, number: Any) -> list[Row]:
        """The row a foreign key names, as sideloaded beside the one that names it."""
        row = self.store.get(plural, number)
        return self.show(plural, [row], "side") if row else []


Filter = Callable[[Call, str], Where | None]
Prepare = Callable[[Call, Row, Row | None], Row]
Stored = Callable[[Call, Row, Row | None], None]
Sides = Callable[[Call, Sequence[Row], View], Row]
Finish = Callable[[Call, Sequence[Row], Sequence[Row], View], None]
Meta = Callable[[Call, Sequence[Where], Sequence[Row]], Row]
Removed = Callable[[Call, Row], None]


@dataclass(frozen=True)
class Child:
    """Rows that go when the row they belong to goes: `fixed` narrows them to a kind."""

    plural: str
    column: str
    fixed: tuple[Where, ...] = ()


@dataclass(frozen=True)
class Resource:
    """A collection of the API, declared; everything not declared here is generic."""

    plural: str
    singular: str
    model: str
    columns: tuple[Column, ...]
    links: str = ""
    total: type[str] | type[int] | None = str  # of the collection's meta; None where it has no meta
    verbs: str = "list get create update delete"
    writes: str = ""
    slim: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict[str, str])
    moves: str = ""  # keys set to the time of every update
    touched: str = ""  # what nulls become with the first update (reference 2.3)
    indexes: str = ""
    numbers: str = ""  # keys that are JSON numbers also where they are read (reference 2.3)
    raw: str = ""  # keys stored as the JSON they were sent as
    echo: bool = True  # whether a write answers with what was sent, in the type it was sent
    created: int = 201
    farewell: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what a deletion answers
    required: Mapping[str, str] = field(default_factory=dict[str, str])
    filters: Mapping[str, Filter] = field(default_factory=dict[str, Filter])
    orders: Mapping[str, str] = field(default_factory=dict[str, str])
    children: tuple[Child, ...] = ()
    prepare: Prepare = lambda call, sent, row: sent
    stored: Stored = lambda call, row, before: None
    sides: Sides = lambda call, rows, view: {}
    finish: Finish = lambda call, rows, shown, view: None
    meta: Meta = lambda call, where, rows: {}
    removed: Removed = lambda call, row: None

    @cached_property
    def table(self) -> Table:
        defaults = {column.name: column.value for column in self.columns if column.kind == "value"}
        return Table(self.plural, defaults, tuple(self.indexes.split()))

    @cached_property
    def _forms(self) -> Mapping[str, str]:
        return {column.name: column.value for column in self.columns if column.kind == "now"}

    @cached_property
    def _names(self) -> set[str]:
        return {column.name for column in self.columns}

    def sent(self, call: Call) -> Row:
        """What of the body this resource writes; the rest is ignored silently."""
        known = self.writes.split()
        return {key: value for key, value in call.wrapped(self.singular).items() if key in known}

    def fresh(self, call: Call, values: Row) -> Row:
        stamps: Row = {name: FORMS[form](call.now) for name, form in self._forms.items()}
        return {**stamps, **self.kept(values)}

    def moved(self, call: Call) -> Row:
        """The keys every update dates anew."""
        return {name: FORMS[self._forms.get(name, "iso")](call.now) for name in self.moves.split()}

    def echoed(self, sent: Row) -> Row:
        """What of the body an answer repeats: keys of the row, not mere instructions."""
        return {key: value for key, value in sent.items() if self.echo and key in self._names}

    def kept(self, values: Row) -> Row:
        """Values as text; only where a list or any JSON belongs does it stay what it is."""
        lists = {column.name for column in self.columns if isinstance(column.value, list)}
        raw = self.raw.split()
        return {
            key: value if key in raw or (key in lists and isinstance(value, list)) else text(value)
            for key, value in values.items()
        }

    def show(self, call: Call, rows: Sequence[Row], view: View) -> list[Row]:
        shown = [self._shaped(call, row, view) for row in rows]
        self.finish(call, rows, shown, view)
        return shown

    def demand(self, sent: Row) -> None:
        """Refuse a creation that lacks required keys, naming every one."""
        missing = [name for name in self.required if sent.get(name) in (None, "", [])]
        if missing:
            raise Refusal(422, {"errors": [problem(self.required[name], "field_missing", name) for name in missing]})

    def settled(self, row: Row) -> Row:
        """What the first update makes of a row's nulls."""
        return {column.name: column.value for column in columns(self.touched) if row.get(column.name) is None}

    def _shaped(self, call: Call, row: Row, view: View) -> Row:
        absent = self.hidden.get(view, "").split()
        shape = [column for column in self.columns if column.name not in absent]
        whole = render(shape, row, self._links(call, row["id"]))
        whole |= {name: number(whole[name]) for name in self.numbers.split() if name in whole}
        if view != "create" or not self.slim:
            return whole
        tokens = [token.partition("=") for token in self.slim.split()]
        return {name: literal(given) if sign else whole.get(name) for name, sign, given in tokens}

    def _links(self, call: Call, number: str) -> Any:
        start = f"{call.root}/{self.plural}/{number}"
        return {name.partition("?")[0]: f"{start}/{name}" for name in self.links.split()} or []


def related(call: Call, plural: str, column: str, ids: Sequence[str]) -> list[Row]:
    """The rows of another collection that belong to any of these."""
    return call.store.select(plural, one_of(column, ids)) if ids else []


def belonging(call: Call, plural: str, column: str, number: str) -> list[Row]:
    return call.store.select(plural, eq(column, number))


def gather(shown: Sequence[Row], key: str, rows: Sequence[Row], column: str) -> None:
    """Put under `key` of every shown row the ids of the rows that belong to it."""
    for row in shown:
        row[key] = [other["id"] for other in rows if other[column] == row["id"]]
