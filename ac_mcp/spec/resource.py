"""A noun of the API: its envelope, what a summary shows of a row, how it is called, and its operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeAlias, TypeVar, Unpack, cast

from ac_mcp.errors import OutcomeUnknown, Unavailable
from ac_mcp.messages import Json, Method, Plane, Response, as_object, as_objects
from ac_mcp.spec.columns import Column
from ac_mcp.spec.operation import OWN_WORDS, Handler, Operation
from ac_mcp.spec.options import Options

P = ParamSpec("P")
R = TypeVar("R")


def by_name(row: Json) -> tuple[str, ...]:
    return (str(row["name"]),) if row.get("name") else ()


def named_by(*names: str) -> Callable[[Json], tuple[str, ...]]:
    """What a row is called, read from these attributes: the first is the name we show."""
    return lambda row: tuple(str(row[name]) for name in names if row.get(name))


Declare: TypeAlias = Callable[[Handler[P, R]], Operation[P, R]]


@dataclass(frozen=True, eq=False)
class Resource:
    """A noun of the API: its envelope, what a summary shows of a row, how it is called, its operations."""

    singular: str
    plural: str
    columns: tuple[Column, ...] = ()
    one: str = ""
    """The word people use for one of it; `many` likewise. Without them the API's own."""
    many: str = ""
    more: tuple[Column, ...] = ()
    """What only the answer about a single one shows beside `columns`."""
    called: Callable[[Json], tuple[str, ...]] = by_name
    directory: bool = False
    """Few enough to be kept as a whole: names are looked up there."""
    find: Callable[[str], Mapping[str, str]] | None = None
    """The query that finds one by name where there are too many to keep."""
    by_ids: str = ""
    """The query parameter that takes several ids at once, where there is one."""
    drops: tuple[str, ...] = ()
    """Other directories that go stale when one of it is written."""
    facts: Callable[[Json, Json], Json] | None = None
    """What is remembered of a row beside its names, read from the payload and the row."""
    value: Callable[[Json, str], str] | None = None
    """A text as the value one of it takes, by its facts; a ValueError says what it would take."""
    within: str = ""
    """The attribute that narrows a name: a stage's pipeline; `inside` is the kind of that."""
    inside: str = ""
    link: bool = False
    """It only ties two things together: an answer about one is flat."""
    id_key: str = "id"
    plane: Plane = "api"
    group: str = ""
    """The toolset its tools belong to, where that is not called as it is."""
    quiet: bool = False
    """An update may be answered with nothing."""
    refuses_second: bool = False
    """The API refuses a second one of the same name, so that sending a create again can never make two."""
    by_attributes: bool = False
    """Two of it with the same attributes are one: it has no identity of its own."""
    beside: str = ""
    """The kind in whose list it is shown, where it has none of its own."""
    wrapped: bool = True
    """Bodies are wrapped in the singular (reference 2.1)."""
    sparse: bool = False
    """A row of a list does not hold all of it."""
    lost: str = ""
    """What of a deleted one no undo can bring back."""
    example: str = ""
    """A name, for suggested calls."""
    operations: "list[Operation[..., Any]]" = field(default_factory=list["Operation[..., Any]"])

    def require_rows(self, method: Method, reply: Response, lists: bool = False) -> Json:
        """The body, with rows where rows belong; one row is not a list.

        Raises:
            Unavailable: if a read does not hold what was asked for.
            OutcomeUnknown: if a write does not show what it made.
        """
        body = {key: value for key, value in reply.body.items() if key != OWN_WORDS}
        several, one = body.get(self.plural), as_object(body.get(self.singular))
        if isinstance(several, list):
            body[self.plural] = as_objects(cast("list[Any]", several))
        shown = isinstance(several, list) or (not lists and bool(one.get(self.id_key)))
        if method == "DELETE" or shown or (method == "PUT" and self.quiet and not body):
            return body
        if method == "GET":
            raise Unavailable(f"its answer holds no {self.words}", status=reply.status)
        unknown = OutcomeUnknown(f"its answer shows no {self.word}", status=reply.status)
        unknown.answered = True
        raise unknown

    @property
    def word(self) -> str:
        return self.one or self.singular

    @property
    def words(self) -> str:
        return self.many or self.plural

    @property
    def toolset(self) -> str:
        return self.group or self.words

    @property
    def lister(self) -> "Operation[..., Any]":
        """The operation that lists it: a tool, where there is one."""
        found = [o for o in self.operations if o.method == "GET" and "{" not in o.path]
        return next((o for o in found if o.options.get("tool", True)), found[0])

    @property
    def remover(self) -> "Operation[..., Any] | None":
        """The operation that deletes one by its own id, if there is one."""
        return next((o for o in self.operations if o.method == "DELETE"), None)

    @property
    def reader(self) -> "Operation[..., Any] | None":
        """The tool that reads one, if there is one."""
        one = (o for o in self.operations if o.method == "GET" and o.path.endswith("}"))
        return next((o for o in one if o.options.get("tool", True)), None)

    def get(self, path: str, **options: Unpack[Options]) -> "Declare[P, R]":
        return self._add("GET", path, {"read_only": True, "idempotent": True, **options})

    def post(self, path: str, **options: Unpack[Options]) -> "Declare[P, R]":
        return self._add("POST", path, options)

    def put(self, path: str, **options: Unpack[Options]) -> "Declare[P, R]":
        return self._add("PUT", path, {"destructive": True, "idempotent": True, **options})

    def delete(self, path: str, **options: Unpack[Options]) -> "Declare[P, R]":
        return self._add("DELETE", path, {"destructive": True, "idempotent": True, **options})

    def _add(self, method: Method, path: str, options: Options) -> "Declare[P, R]":
        def declare(handler: Handler[P, R]) -> Operation[P, R]:
            operation = Operation(self, method, path, handler, options)
            self.operations.append(operation)
            return operation

        return declare
