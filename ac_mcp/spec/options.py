"""The options of an operation beyond its route."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from ac_mcp.messages import Json

if TYPE_CHECKING:
    from ac_mcp.spec.operation import Operation
    from ac_mcp.spec.resource import Resource


class Options(TypedDict, total=False):
    """What a declaration may state beyond the route. The three annotations follow from the method unless stated."""

    title: str
    """The title people read in their host, where the name says too little."""
    read_only: bool
    destructive: bool
    idempotent: bool
    tool: bool
    """False for an internal operation, which only other operations use."""
    large: bool
    """Its arguments may hold a whole table."""
    extra: bool
    """It is a tool outside the default toolset."""
    query: Mapping[str, str]
    """Query parameters of every request."""
    shows: "tuple[Resource, ...]"
    """The resources of the payload that the answer shows beside the operation's own."""
    brief: "Mapping[str, tuple[str, ...]]"
    """The columns of those resources that are enough here, by plural."""
    single: bool
    """It returns one row although its path names none."""
    asks: Callable[[Json, Json], str]
    """The reason why it needs confirmation, from the attributes it sends and the before image; "" if it needs none."""
    starts: str
    """The trigger of automations that it sets off: "when this tag is added"."""
    reports: tuple[str, ...]
    """The webhook events it causes (reference 11)."""
    verbatim: bool
    """Its payload is the answer, without shaping."""
    names: Mapping[str, str]
    """The keys of a verbatim answer, at any depth, that hold an id, each with its kind: the answer adds the names."""
    for_writing: bool
    """It only reads, but is of no use to a caller who cannot write."""
    kept: bool
    """Its answer is cached for a minute, or until the next write of this server."""
    unique: bool
    """A second record of the same name is refused here, where the API would accept it."""
    implied: Mapping[str, tuple[str, ...]]
    """Arguments it does not have, each with the values (lower case) that only state what it does anyway: no error."""
    understands: Mapping[str, Callable[[Json], Json | None]]
    """Arguments it does not have, each with a function from all arguments to those that replace it; None if none do."""
    reveals: Callable[[Json], str]
    """Names the account's free text that an answer to these arguments would contain; "" if there is none."""
    raw: bool
    """It comes from the catalogue: its answer is trimmed by general rules."""
    warns: Mapping[str, str]
    """The attributes that make it need confirmation, each with the reason."""
    step: str
    """The operation of this product that sends the same request: writes are recorded under that name."""
    bare: bool
    """The body of its request is a list."""
    wrapper: str
    """The key the body of its request is wrapped in, where the resource does not give it."""
    blind: bool
    """The state before its write cannot be read."""
    irreversible: bool
    """No undo can be derived for it."""
    moves: str
    """The query that finds all records it moves from the record its path names to another one."""
    resumable: bool
    """Repeating the call finishes what an interrupted one left undone."""
    listed: tuple[str, ...]
    """Which of `detail` and `fields` its schema lists: for summaries that are often too short, or long rows."""
    says: Mapping[str, Json]
    """Our own words in its answer, beside `result` and `note`, each with its JSON Schema."""
    quotes: tuple[str, ...]
    """Those of our own words that quote free text of the account."""
    duplicate: "Operation[..., Any]"
    """The operation to suggest if the record exists already; by default the one that reads it."""
