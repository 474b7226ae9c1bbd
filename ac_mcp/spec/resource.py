"""A resource of the API: the envelope of its rows, the columns of a summary, the names of a row, its operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeAlias, TypedDict, TypeVar, Unpack, cast

from ac_mcp.errors import OutcomeUnknown, Unavailable
from ac_mcp.messages import Json, Method, Plane, Response, as_object, as_objects
from ac_mcp.spec.columns import Column
from ac_mcp.spec.operation import OWN_WORDS, Handler, Operation
from ac_mcp.spec.options import BlockOptions, Options

P = ParamSpec("P")
R = TypeVar("R")


def by_name(row: Json) -> tuple[str, ...]:
    """Return the `name` of a row as its only name; () if it has none."""
    return (str(row["name"]),) if row.get("name") else ()


def named_by(*names: str) -> Callable[[Json], tuple[str, ...]]:
    """Return a function that reads the names of a row from these attributes; the first is the name we show."""
    return lambda row: tuple(str(row[name]) for name in names if row.get(name))


Declare: TypeAlias = Callable[[Handler[P, R]], Operation[P, R]]


class FieldFacts(TypedDict, total=False):
    """What a directory remembers of a custom field beside its names."""

    type: str
    options: list[str]
    """The labels of its choices, in their order."""
    stored: dict[str, str]
    """What the API stores for a choice, by its label and by its value."""
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """How a record is found by its name."""

    called: Callable[[Json], tuple[str, ...]] = by_name
    """Returns the names of a row, the one we show first."""
    directory: bool = False
    """Whether there are few enough records to hold all their names in memory, where names are looked up."""
    find: Callable[[str], Mapping[str, str]] | None = None
    """Returns the query that finds records by name."""
    never_numbers: bool = False
    """Whether its names are never numbers, so that a number is always an id."""
    by_ids: str = ""
    """The query parameter that takes several ids at once; "" if there is none."""
    drops: tuple[str, ...] = ()
    """The kinds whose directories also go stale when a record of this one is written."""
    facts: Callable[[Json, Json], FieldFacts] | None = None
    """Returns what a directory remembers of a row beside its names, from the payload and the row."""
    value: Callable[[FieldFacts, str], str] | None = None
    """Returns a text as the value that a record accepts, by its facts; raises ValueError with the values it accepts."""
    within: str = ""
    """The attribute within which a name is unique, such as the pipeline of a stage."""
    inside: str = ""
    """The kind of record that `within` holds the id of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiShape:
    """How the API encodes a resource, and how it treats equal records."""

    id_key: str = "id"
    wrapped: bool = True
    """Whether the body of a write is wrapped in the singular (reference 2.1)."""
    quiet: bool = False
    """Whether the response to an update may be empty."""
    sparse: bool = False
    """Whether the row in a list lacks attributes of the record."""
    beside: str = ""
    """The kind whose list contains its rows; "" if it has a list of its own."""
    refuses_second: bool = False
    """Whether the API refuses a second record of the same name: a create that is sent twice can never make two."""
    is_new: Callable[[Json], bool | None] | None = None
    """Returns whether the answer to a POST shows that the record is new, which beats its status; None if it does not
    say."""
    by_attributes: bool = False
    """Whether two rows with the same attributes are the same row: it has no identity of its own."""


@dataclass(frozen=True, eq=False)
class Resource:
    """A resource of the API, such as contacts.

    Its decorators `get`, `post`, `put` and `delete` turn a handler into an operation on it.
    """

    singular: str
    plural: str
    columns: tuple[Column, ...] = ()
    noun: str = ""
    """The word people use for one record, `nouns` for several; "" for the API's own."""
    nouns: str = ""
    details: tuple[Column, ...] = ()
    """Further columns, which only an answer about a single record shows."""
    plane: Plane = "api"
    group: str = ""
    """The toolset of its tools; "" if it has the name of the resource."""
    link: bool = False
    """Whether a row only associates two records, such as a contact and a tag: an answer about one is flat."""
    lost_for_good: str = ""
    """What no undo can bring back of a deleted record."""
    lookup: Lookup = Lookup()
    api: ApiShape = ApiShape()
    operations: "list[Operation[..., Any]]" = field(default_factory=list["Operation[..., Any]"])

    def require_rows(self, method: Method, response: Response, lists: bool = False) -> Json:
        """Return the body of a response, whose list of rows holds nothing but objects.

        `lists` means that the operation returns a list: a single row will not do.

        Raises:
            Unavailable: if the response to a read lacks the rows.
            OutcomeUnknown: if the response to a write lacks the row it wrote.
        """
        body = {key: value for key, value in response.body.items() if key != OWN_WORDS}
        rows, row = body.get(self.plural), as_object(body.get(self.singular))
        if isinstance(rows, list):
            body[self.plural] = as_objects(cast("list[Any]", rows))
        if not lists and not row and len(as_objects(rows)) == 1 and self.singular != self.plural:
            row = body[self.singular] = as_objects(rows)[0]
        is_list = isinstance(rows, list) and (method == "GET" or bool(body[self.plural]))
        has_rows = is_list or (not lists and bool(row.get(self.api.id_key)))
        if method == "DELETE" or has_rows or (method == "PUT" and self.api.quiet and not body):
            return body
        if method == "GET":
            raise Unavailable(f"its answer holds no {self.words}", status=response.status)
        unknown = OutcomeUnknown(f"its answer shows no {self.word}", status=response.status)
        unknown.answered = True
        raise unknown

    @property
    def word(self) -> str:
        """The word for one record."""
        return self.noun or self.singular

    @property
    def words(self) -> str:
        """The word for several records."""
        return self.nouns or self.plural

    @property
    def toolset(self) -> str:
        """The name of the toolset its tools belong to."""
        return self.group or self.words

    @property
    def lister(self) -> "Operation[..., Any]":
        """The operation that lists the records: a tool, if one does."""
        listers = [o for o in self.operations if o.method == "GET" and "{" not in o.path]
        return next((o for o in listers if o.options.offered.as_tool), listers[0])

    @property
    def remover(self) -> "Operation[..., Any] | None":
        """The operation that deletes a record by its own id, if any."""
        return next((o for o in self.operations if o.method == "DELETE"), None)

    @property
    def reader(self) -> "Operation[..., Any] | None":
        """The tool that reads a single record, if any."""
        readers = (o for o in self.operations if o.method == "GET" and o.path.endswith("}"))
        return next((o for o in readers if o.options.offered.as_tool), None)

    def get(self, path: str, **options: Unpack[BlockOptions]) -> "Declare[P, R]":
        """Declare a GET, read-only and idempotent unless stated otherwise."""
        return self._add("GET", path, {"read_only": True, "idempotent": True, **options})

    def post(self, path: str, **options: Unpack[BlockOptions]) -> "Declare[P, R]":
        """Declare a POST."""
        return self._add("POST", path, options)

    def put(self, path: str, **options: Unpack[BlockOptions]) -> "Declare[P, R]":
        """Declare a PUT, destructive and idempotent unless stated otherwise."""
        return self._add("PUT", path, {"destructive": True, "idempotent": True, **options})

    def delete(self, path: str, **options: Unpack[BlockOptions]) -> "Declare[P, R]":
        """Declare a DELETE, destructive and idempotent unless stated otherwise."""
        return self._add("DELETE", path, {"destructive": True, "idempotent": True, **options})

    def _add(self, method: Method, path: str, options: BlockOptions) -> "Declare[P, R]":
        def declare(handler: Handler[P, R]) -> Operation[P, R]:
            operation = Operation(self, method, path, handler, Options(**options))
            self.operations.append(operation)
            return operation

        return declare
